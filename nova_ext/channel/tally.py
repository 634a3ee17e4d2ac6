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
"""What has passed through the daemon, and what has not, by direction."""

MALFORMED = 'malformed'
TOO_LONG = 'too_long'
NO_PROGRAM = 'no_program'
NOT_ASKED = 'not_asked'
PROGRAM_FULL = 'program_full'
PROGRAM_GONE = 'program_gone'
NO_GUEST = 'no_guest'
GUEST_FULL = 'guest_full'
GUEST_GONE = 'guest_gone'
EXPIRED = 'expired'


class Flow:
    """One direction.

    :ivar messages: how many were sent or queued.
    :ivar bytes: their size, with their envelopes.
    :ivar dropped: how many were not, or were lost from a queue, by reason.
    """

    __slots__ = ('bytes', 'dropped', 'messages')

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0
        self.dropped: dict[str, int] = {}

    def drop(self, reason: str, count: int = 1) -> None:
        """Count messages that were dropped."""
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def add(self, other: 'Flow') -> None:
        """Add what another has counted."""
        self.messages += other.messages
        self.bytes += other.bytes
        for reason, count in other.dropped.items():
            self.drop(reason, count)


class Tally:
    """Both directions of one guest, or of all.

    :ivar rests: how often a guest was not read because it had used up what
        it may.
    """

    __slots__ = ('rests', 'to_guest', 'to_program')

    def __init__(self) -> None:
        self.to_program = Flow()
        self.to_guest = Flow()
        self.rests = 0

    def add(self, other: 'Tally') -> None:
        """Add what another has counted."""
        self.to_program.add(other.to_program)
        self.to_guest.add(other.to_guest)
        self.rests += other.rests
