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
"""The instance's scale record, kept in its system metadata.

Values there are limited to 255 characters (``nova.db.main.models``), so the
offline vCPUs are a bit mask and the rest is compact JSON. The keys avoid the
prefix ``image_``, which a rebuild drops and a snapshot copies.
"""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import replace
import json
from typing import Any

OFFLINE_KEY = 'nova_ext_offline'
JOURNAL_KEY = 'nova_ext_journal'
LAST_KEY = 'nova_ext_last'
REASON_KEY = 'nova_ext_last_reason'
STRAY_KEY = 'nova_ext_stray'
KEYS = (OFFLINE_KEY, JOURNAL_KEY, LAST_KEY, REASON_KEY, STRAY_KEY)

VALUE_LIMIT = 255

IN_PROGRESS = 'in progress'
DONE = 'done'
FAILED = 'failed'
REFUSED = 'refused'

DOWN = 'down'
UP = 'up'


@dataclass(frozen=True)
class Journal:
    """What a scale request has promised and not finished.

    It stays after a request that could not be undone, or whose guest may
    disagree with the record, until recovery has made all agree.

    :ivar direction: of the step in progress, ``up`` or ``down``.
    :ivar vcpu: the vCPU of the step, once pins and record have been switched
        to its outcome; None before.
    :ivar guest_only: whether all but the guest agrees with the record.
    :ivar undo: whether the step failed, and its undo too: the caller was told
        so, and recovery must not finish it.
    """

    direction: str
    vcpu: int | None = None
    guest_only: bool = False
    undo: bool = False


@dataclass(frozen=True)
class LastRequest:
    """The last scale request, for people; see the module's states.

    :ivar target: how many vCPUs were to be online.
    :ivar reached: how many were online when it ended, or are by now.
    :ivar reason: why it failed or was refused, else empty.
    :ivar updated_at: ISO 8601, UTC.
    :ivar code: HTTP status of its error, 0 for none; for nova-api, where the
        answer is lost.
    """

    request_id: str
    direction: str
    target: int
    reached: int
    state: str
    reason: str
    updated_at: str
    code: int = 0

    def shown(self) -> dict[str, Any]:
        """Return what people are shown of it."""
        fields = asdict(self)
        del fields['code']
        return fields


@dataclass(frozen=True)
class Stray:
    """What a guest does with parked vCPUs by itself, for people.

    :ivar vcpus: the parked vCPUs that it was last found to run.
    :ivar count: how often it was found to run parked vCPUs.
    :ivar updated_at: ISO 8601, UTC.
    """

    vcpus: frozenset[int]
    count: int
    updated_at: str


@dataclass(frozen=True)
class ScaleRecord:
    """All that this package keeps with an instance."""

    offline: frozenset[int] = frozenset()
    journal: Journal | None = None
    last: LastRequest | None = None
    stray: Stray | None = None

    @property
    def strays(self) -> frozenset[int]:
        """The parked vCPUs that the guest runs all the same."""
        return self.stray.vcpus & self.offline if self.stray else frozenset()

    def is_before(self, end: 'ScaleRecord') -> bool:
        """Return whether a request is in progress here that has ended."""
        return bool(
            self.last
            and end.last
            and self.last.state == IN_PROGRESS
            and self.last.request_id == end.last.request_id
        )

    def to_recover(self) -> 'ScaleRecord':
        """Return an end that is saved late, and so has a claim to end."""
        journal = self.journal or Journal(DOWN)
        return replace(self, journal=replace(journal, guest_only=False))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> 'ScaleRecord':
        """Read the record from an instance's system metadata.

        A value that cannot be read counts as absent: the record must never
        keep a server from being listed or deleted.
        """
        return cls(
            offline=offline_of(metadata),
            journal=_read_journal(metadata.get(JOURNAL_KEY)),
            last=_read_last(
                metadata.get(LAST_KEY), metadata.get(REASON_KEY, '')
            ),
            stray=_read_stray(metadata.get(STRAY_KEY)),
        )

    def to_metadata(self) -> dict[str, str]:
        """Return the keys to keep; the absent ones of ``KEYS`` must go."""
        metadata = {}
        if self.offline:
            metadata[OFFLINE_KEY] = _mask(self.offline)
        if self.journal:
            metadata[JOURNAL_KEY] = _dump(asdict(self.journal))
        if self.last:
            fields = asdict(self.last)
            metadata[REASON_KEY] = _cut(fields.pop('reason'))
            metadata[LAST_KEY] = _dump(fields)
        if self.stray:
            metadata[STRAY_KEY] = _dump(
                {**asdict(self.stray), 'vcpus': _mask(self.stray.vcpus)}
            )
        return {key: value for key, value in metadata.items() if value}


def offline_of(metadata: Mapping[str, str]) -> frozenset[int]:
    """Return only the record's offline vCPUs."""
    return _read_mask(metadata.get(OFFLINE_KEY))


def merge(metadata: Mapping[str, str], record: ScaleRecord) -> dict[str, str]:
    """Return an instance's system metadata with the record put into it."""
    others = {key: value for key, value in metadata.items() if key not in KEYS}
    return {**others, **record.to_metadata()}


def _mask(vcpus: Iterable[int]) -> str:
    return hex(sum(1 << vcpu for vcpu in vcpus))


def _read_mask(text: str | None) -> frozenset[int]:
    try:
        mask = int(text or '0', 16)
    except ValueError:
        return frozenset()
    return frozenset(_bits(max(mask, 0)))


def _bits(mask: int) -> Iterable[int]:
    return (bit for bit in range(mask.bit_length()) if mask >> bit & 1)


def _read_journal(text: str | None) -> Journal | None:
    # One that cannot be read still says that something was going on.
    if not text:
        return None
    try:
        return Journal(**(_load(text) or {}))
    except TypeError:
        return Journal(DOWN)


def _read_last(text: str | None, reason: str) -> LastRequest | None:
    fields = _load(text)
    try:
        return LastRequest(reason=reason, **fields) if fields else None
    except TypeError:
        return None


def _read_stray(text: str | None) -> Stray | None:
    fields = _load(text)
    try:
        vcpus = _read_mask(fields.pop('vcpus')) if fields else frozenset()
        return Stray(vcpus, **fields) if fields else None
    except (KeyError, TypeError):
        return None


def _load(text: str | None) -> dict[str, Any] | None:
    try:
        fields = json.loads(text or 'null')
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _dump(fields: Mapping[str, object]) -> str:
    return json.dumps(fields, separators=(',', ':'))


def _cut(text: str) -> str:
    return text if len(text) <= VALUE_LIMIT else text[: VALUE_LIMIT - 1] + '…'
