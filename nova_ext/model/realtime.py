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
"""Which vCPUs run real-time, and which have pCPUs of their own.

Six keys of flavor and image decide, by the rules of ``nova.virt.hardware``
(``get_realtime_cpu_constraint``, ``get_dedicated_cpu_constraint``,
``get_emulator_thread_policy_constraint``, ``get_cpu_policy_constraint`` and
``numa_get_constraints``, Nova 31 to 34). Each refusal names its key. Refused
too is what Nova lets through and fails at later: a list that is none, or is
beyond any host, and ``mixed`` without a shared vCPU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import re

from oslo_utils import strutils

from nova_ext import cpuset
from nova_ext import exception

REALTIME = 'hw:cpu_realtime'
MASK = 'hw:cpu_realtime_mask'
IMAGE_MASK = 'hw_cpu_realtime_mask'
EMULATOR = 'hw:emulator_threads_policy'
POLICY = 'hw:cpu_policy'
IMAGE_POLICY = 'hw_cpu_policy'
DEDICATED_MASK = 'hw:cpu_dedicated_mask'

DEDICATED = 'dedicated'
MIXED = 'mixed'
SHARED = 'shared'
ISOLATE = 'isolate'
SHARE = 'share'

#: Where Nova cuts the image properties that it keeps with a server
#: (``nova.utils.get_system_metadata_from_image``).
_LONGEST = 255

#: Those of them that a flavor has.
KEYS = frozenset({REALTIME, MASK, EMULATOR, POLICY, DEDICATED_MASK})

#: A key that Nova's documentation misspells, and Nova then ignores.
_MISSPELT = 'hw:emulator_thread_policy'

_EXPLICIT = re.compile(r'resources(?:[1-9][0-9]*)?:(VCPU|PCPU)')

Specs = Mapping[str, str]


@dataclass(frozen=True)
class Decision:
    """What the six keys come to.

    :ivar policy: ``dedicated``, ``mixed`` or ``shared``.
    :ivar dedicated: the vCPUs that get pCPUs of their own.
    :ivar realtime: the vCPUs that run real-time; all of them are dedicated.
    :ivar emulator: where QEMU's own threads run: ``isolate`` is on a pCPU of
        their own, ``share`` on the host's shared ones, None on those of the
        ordinary vCPUs.
    """

    policy: str
    dedicated: frozenset[int]
    realtime: frozenset[int]
    emulator: str | None

    @property
    def pcpus(self) -> int:
        """How many pCPUs the server owns, as placement counts them."""
        own = self.policy != SHARED and self.emulator == ISOLATE
        return len(self.dedicated) + own


def is_enabled(extra_specs: Specs) -> bool:
    """Return whether a flavor asks for real-time, read as Nova does."""
    return bool(strutils.bool_from_string(extra_specs.get(REALTIME)))


def is_concerned(extra_specs: Specs) -> bool:
    """Return whether a flavor has anything to :func:`decide`."""
    return (
        is_enabled(extra_specs)
        or extra_specs.get(POLICY) == MIXED
        or bool(extra_specs.get(EMULATOR))
        or bool(extra_specs.get(DEDICATED_MASK))
    )


def lacks_mask(extra_specs: Specs) -> bool:
    """Return whether Nova would refuse a flavor for want of a mask."""
    return is_enabled(extra_specs) and not (
        extra_specs.get(MASK) or extra_specs.get(EMULATOR)
    )


def realtime_vcpus(
    vcpus: int, extra_specs: Specs, properties: Specs
) -> frozenset[int]:
    """Return the vCPUs that run real-time, by the masks alone.

    :param vcpus: how many the flavor has.
    :param properties: those of the image, whose mask wins.
    :raises exception.FlavorInvalid: the mask does not work.
    """
    if not is_enabled(extra_specs):
        return frozenset()
    key = IMAGE_MASK if properties.get(IMAGE_MASK) else MASK
    text = properties.get(IMAGE_MASK) or extra_specs.get(MASK)
    everyone = frozenset(range(vcpus))
    chosen = _read_mask(key, text, vcpus) if text else everyone
    if chosen == everyone and not emulator_policy(extra_specs):
        found = 'is %s' % text if text else 'is missing'
        raise _invalid(
            '%s %s, which makes all vCPUs real-time: leave at least one to '
            "QEMU's own threads, as ^0 does, or set %s"
            % (key, found, EMULATOR)
        )
    return chosen


def emulator_policy(extra_specs: Specs) -> str | None:
    """Return where QEMU's own threads run (see :class:`Decision`).

    :raises exception.FlavorInvalid: it is another word.
    """
    return _word(EMULATOR, extra_specs.get(EMULATOR), (ISOLATE, SHARE))


def decide(vcpus: int, extra_specs: Specs, properties: Specs) -> Decision:
    """Return what a flavor and an image come to.

    :param vcpus: how many the flavor has.
    :param properties: those of the image.
    :raises exception.FlavorInvalid: they do not work, and why (400).
    """
    policy = _policy(extra_specs, properties)
    emulator = emulator_policy(extra_specs)
    realtime = realtime_vcpus(vcpus, extra_specs, properties)
    dedicated = _dedicated_vcpus(vcpus, extra_specs)
    _check_policy(policy, extra_specs)
    if policy == DEDICATED:
        dedicated = frozenset(range(vcpus))
    elif policy == MIXED:
        dedicated = dedicated or realtime
        _check_mixed(vcpus, dedicated)
    return Decision(policy or SHARED, dedicated, realtime, emulator)


def check_flavor(vcpus: int, extra_specs: Specs) -> None:
    """Check a flavor for what no image, and no further key, can mend.

    :param vcpus: how many it has.
    :raises exception.FlavorInvalid: it cannot start any server (400).
    """
    policy = _policy(extra_specs, {})
    emulator_policy(extra_specs)
    if is_enabled(extra_specs) and extra_specs.get(MASK):
        _read_mask(MASK, extra_specs[MASK], vcpus)
    _dedicated_vcpus(vcpus, extra_specs)
    if policy:
        _check_policy(policy, extra_specs)


def check_parked(decision: Decision, offline: frozenset[int]) -> None:
    """Check a decision that a server would get while vCPUs are parked.

    :raises exception.FlavorConflict: QEMU's own threads would have no pCPU
        but those of real-time vCPUs (409).
    """
    everyone = decision.dedicated
    if decision.emulator or not offline or not decision.realtime:
        return
    if everyone - offline <= decision.realtime:
        raise exception.FlavorConflict(
            reason='%s of the image leaves none of the online vCPUs (%s) '
            'ordinary: scale the server up first'
            % (IMAGE_MASK, cpuset.render(everyone - offline))
        )


def check_given(extra_specs: Specs) -> None:
    """Check extra specs that somebody sets now, for what Nova ignores.

    :raises exception.FlavorInvalid: one would have no effect (400).
    """
    if _MISSPELT in extra_specs:
        raise _invalid(
            '%s is no key of Nova: it is spelt %s' % (_MISSPELT, EMULATOR)
        )
    try:
        strutils.bool_from_string(extra_specs.get(REALTIME, 'no'), strict=True)
    except ValueError:
        raise _invalid(
            '%s must be true or false, not %r'
            % (REALTIME, extra_specs[REALTIME])
        ) from None


def _policy(extra_specs: Specs, properties: Specs) -> str | None:
    words = (DEDICATED, MIXED, SHARED)
    flavor = _word(POLICY, extra_specs.get(POLICY), words)
    image = _word(IMAGE_POLICY, properties.get(IMAGE_POLICY), words)
    if (flavor, image) in (
        (SHARED, MIXED),
        (SHARED, DEDICATED),
        (MIXED, DEDICATED),
    ):
        raise _invalid(
            '%s=%s of the flavor does not permit %s=%s of the image'
            % (POLICY, flavor, IMAGE_POLICY, image)
        )
    return flavor or image or _explicit_policy(extra_specs)


def _explicit_policy(extra_specs: Specs) -> str | None:
    """Return the policy of a flavor that names its resources itself."""
    kinds = {
        found.group(1)
        for key, amount in extra_specs.items()
        if (found := _EXPLICIT.fullmatch(key)) and str(amount) != '0'
    }
    if 'VCPU' in kinds:
        return SHARED
    return DEDICATED if kinds else None


def _dedicated_vcpus(vcpus: int, extra_specs: Specs) -> frozenset[int]:
    text = extra_specs.get(DEDICATED_MASK)
    if not text:
        return frozenset()
    chosen = _read_mask(DEDICATED_MASK, text, vcpus)
    if len(chosen) == vcpus:
        raise _invalid(
            '%s is %s, which leaves no vCPU to share: use %s=%s for a server '
            'of dedicated vCPUs' % (DEDICATED_MASK, text, POLICY, DEDICATED)
        )
    return chosen


def _check_policy(policy: str | None, extra_specs: Specs) -> None:
    has_mask = bool(extra_specs.get(DEDICATED_MASK))
    if policy == MIXED:
        if has_mask and is_enabled(extra_specs):
            raise _invalid(
                '%s and %s exclude each other: with %s=%s the vCPUs of %s are '
                'the dedicated ones'
                % (DEDICATED_MASK, REALTIME, POLICY, MIXED, MASK)
            )
        return
    if has_mask:
        raise _needs(DEDICATED_MASK, (MIXED,), policy)
    if policy == DEDICATED:
        return
    if is_enabled(extra_specs):
        raise _needs(REALTIME, (DEDICATED, MIXED), policy)
    if extra_specs.get(EMULATOR) == ISOLATE:
        raise _needs('%s=%s' % (EMULATOR, ISOLATE), (DEDICATED, MIXED), policy)


def _check_mixed(vcpus: int, dedicated: frozenset[int]) -> None:
    if not dedicated:
        raise _invalid(
            '%s=%s needs %s, or %s with %s'
            % (POLICY, MIXED, DEDICATED_MASK, REALTIME, MASK)
        )
    if len(dedicated) == vcpus:
        raise _invalid(
            '%s makes all vCPUs real-time and so dedicated: with %s=%s leave '
            'at least one to share, or use %s=%s'
            % (MASK, POLICY, MIXED, POLICY, DEDICATED)
        )


def _read_mask(key: str, text: str, vcpus: int) -> frozenset[int]:
    """Return the vCPUs of a mask; one that begins with ``^`` excludes."""
    if len(text) > _LONGEST:
        raise _invalid(
            '%s has %d characters, the limit is %d'
            % (key, len(text), _LONGEST)
        )
    try:
        chosen = cpuset.parse(text)
        if text.strip().startswith('^'):
            chosen = cpuset.parse('0-%d,%s' % (vcpus - 1, text))
    except ValueError as error:
        raise _invalid('%s: %s' % (key, error)) from None
    if not chosen:
        raise _invalid(
            '%s is %s, which names none of the vCPUs 0-%d'
            % (key, text, vcpus - 1)
        )
    unknown = chosen - frozenset(range(vcpus))
    if unknown:
        raise _invalid(
            '%s is %s, which names %s: the flavor has the vCPUs 0-%d'
            % (key, text, cpuset.render(unknown), vcpus - 1)
        )
    return chosen


def _word(key: str, found: str | None, words: tuple[str, ...]) -> str | None:
    if not found:
        return None
    if found not in words:
        raise _invalid(
            '%s must be one of %s, not %r' % (key, ', '.join(words), found)
        )
    return found


def _needs(
    what: str, wanted: tuple[str, ...], policy: str | None
) -> exception.FlavorInvalid:
    return _invalid(
        '%s needs %s=%s, which is %s'
        % (what, POLICY, ' or '.join(wanted), policy or 'not set')
    )


def _invalid(reason: str) -> exception.FlavorInvalid:
    return exception.FlavorInvalid(reason=reason)
