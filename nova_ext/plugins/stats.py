#    Licensed under the Apache License, Version 2.0 (the "License"); you may
#    not use this file except in compliance with the License. You may obtain
#    a copy of the License at
#
#         http://www.apache.org/licenses/LICENSE-2.0
#
#    Unless required by applicable law or agreed to in writing, software
#    distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
#    WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
#    License for the specific language governing permissions and limitations
#    under the License.
"""The keys that plug-ins own in ``ComputeNode.stats``, and their types.

Nova keeps stats as text; each key has a kind that renders and reads it, the
same on both sides.
"""

from collections.abc import Callable
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from decimal import InvalidOperation
from typing import Any

from nova_ext import exception

Value = int | Decimal | str

COUNT = 'count'
AMOUNT = 'amount'
TEXT = 'text'
#: What a value of each kind is, in messages.
KINDS = {
    COUNT: 'a whole number of at least 0',
    AMOUNT: 'a decimal number of at least 0',
    TEXT: 'text',
}

#: Longest value of a key; all stats together are one column of 64 KiB.
TEXT_LIMIT = 4096

#: Nova's own keys (``nova.compute.stats.Stats``), which no plug-in may own.
_RESERVED = frozenset(['io_workload', 'failed_builds', 'uptime'])
_RESERVED_PREFIX = 'num_'


@dataclass(frozen=True)
class StatsKey:
    """One key of the stats.

    :ivar kind: ``COUNT``, ``AMOUNT`` or ``TEXT``.
    :ivar about: what it counts, for people.
    """

    name: str
    kind: str = COUNT
    about: str = ''

    def render(self, value: object) -> str:
        """Return a value as Nova keeps it, always the same for equal ones.

        :raises ValueError: it is not of this kind.
        """
        text = _RENDER[self.kind](value)
        if text is None:
            raise ValueError(
                '%s is %r, not %s' % (self.name, value, KINDS[self.kind])
            )
        return text

    def read(self, stats: Mapping[str, str]) -> Any:
        """Return the value that a host's stats have.

        :returns: an ``int`` of a ``COUNT``, an ``int`` or ``Decimal`` of an
            ``AMOUNT``, a ``str`` of a ``TEXT``.
        :raises exception.InformationMissing: the key is not there.
        :raises exception.InformationDamaged: it is not of this kind.
        """
        return _READ[self.kind](stats, self.name)


@dataclass(frozen=True)
class Description:
    """What a plug-in says about itself.

    :ivar keys: a resource owns these and writes no others; a consumer reads
        these and no others.
    """

    name: str
    version: str
    keys: tuple[StatsKey, ...] = ()


def key_problem(key: StatsKey) -> str | None:
    """Return why no plug-in may describe a key, None if one may."""
    if key.name in _RESERVED or key.name.startswith(_RESERVED_PREFIX):
        return "the key %s is one of Nova's own" % key.name
    if key.kind not in KINDS:
        return 'the key %s has the unknown kind %r' % (key.name, key.kind)
    return None


def read_count(stats: Mapping[str, str], key: str) -> int:
    """Return a ``COUNT``.

    :raises exception.InformationMissing: the key is not there.
    :raises exception.InformationDamaged: it is not such a number.
    """
    try:
        text = stats[key]
        if text.isdecimal():
            return int(text)
    except KeyError:
        raise exception.InformationMissing(key=key) from None
    except (AttributeError, ValueError):
        pass
    raise _damaged(stats, key, COUNT)


def read_amount(stats: Mapping[str, str], key: str) -> int | Decimal:
    """Return an ``AMOUNT``; a whole number as ``int``, which is faster.

    :raises exception.InformationMissing: the key is not there.
    :raises exception.InformationDamaged: it is not such a number.
    """
    try:
        text = stats[key]
        if text.isdecimal():
            return int(text)
        value = Decimal(text)
        if value.is_finite() and value >= 0:
            return value
    except KeyError:
        raise exception.InformationMissing(key=key) from None
    except (AttributeError, ValueError, InvalidOperation):
        pass
    raise _damaged(stats, key, AMOUNT)


def read_text(stats: Mapping[str, str], key: str) -> str:
    """Return a ``TEXT``.

    :raises exception.InformationMissing: the key is not there.
    :raises exception.InformationDamaged: it is null.
    """
    if key not in stats:
        raise exception.InformationMissing(key=key)
    if not isinstance(stats[key], str):
        raise _damaged(stats, key, TEXT)
    return stats[key]


def _damaged(
    stats: Mapping[str, str], key: str, kind: str
) -> exception.InformationDamaged:
    return exception.InformationDamaged(
        key=key, got=repr(stats[key]), wanted=KINDS[kind]
    )


def _render_count(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    return None


def _render_amount(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    amount = Decimal(value)
    if not amount.is_finite() or amount < 0:
        return None
    text = format(amount, 'f')
    return text.rstrip('0').rstrip('.') if '.' in text else text


def _render_text(value: object) -> str | None:
    if isinstance(value, str) and len(value) <= TEXT_LIMIT:
        return value
    return None


_RENDER: dict[str, Callable[[object], str | None]] = {
    COUNT: _render_count,
    AMOUNT: _render_amount,
    TEXT: _render_text,
}
_READ: dict[str, Callable[[Mapping[str, str], str], Value]] = {
    COUNT: read_count,
    AMOUNT: read_amount,
    TEXT: read_text,
}
