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
"""What a check is, and what it says of a host."""

from collections.abc import Callable
from dataclasses import dataclass
import enum

from nova_ext.hostcheck import files
from nova_ext.hostcheck import host


class Result(enum.Enum):
    """How one check ended."""

    PASSED = 'passed'
    #: Not as wanted, and still no promise is broken.
    WARNING = 'warning'
    FAILED = 'failed'
    #: The fact cannot be read.
    UNKNOWN = 'unknown'


@dataclass(frozen=True)
class Observation:
    """What a look at a host showed.

    :ivar found: for people, without a full stop.
    """

    result: Result
    found: str


def passed(found: str) -> Observation:
    """The host is as wanted."""
    return Observation(Result.PASSED, found)


def warning(found: str) -> Observation:
    """The host could be better."""
    return Observation(Result.WARNING, found)


def failed(found: str) -> Observation:
    """The host breaks the promise."""
    return Observation(Result.FAILED, found)


@dataclass(frozen=True)
class Check:
    """One question about a host.

    :ivar name: of the command line and of JSON; never changes.
    :ivar required: whether the host passes only with a readable fact.
    :ivar look: answers it; may raise ``Unreadable`` or ``ValueError``.
    """

    name: str
    title: str
    wanted: str
    why: str
    fix: str
    look: Callable[[host.Host], Observation]
    required: bool = True


@dataclass(frozen=True)
class Finding:
    """One check and its answer.

    :ivar accepted: the operator has said that it shall not count.
    """

    check: Check
    result: Result
    found: str
    accepted: bool = False

    @property
    def blocks(self) -> bool:
        """Whether the host does not pass because of it."""
        if self.accepted:
            return False
        unread = self.result is Result.UNKNOWN and self.check.required
        return unread or self.result is Result.FAILED

    @property
    def remarkable(self) -> bool:
        """Whether there is anything to say about it."""
        return self.result is not Result.PASSED and not self.accepted


def find(check: Check, seen: host.Host, accepted: bool = False) -> Finding:
    """Do one check; what it cannot read is its answer, never an error."""
    try:
        observation = check.look(seen)
    except files.Unreadable as error:
        observation = Observation(Result.UNKNOWN, 'unknown, %s' % error)
    except ValueError as error:
        observation = Observation(
            Result.UNKNOWN, 'unknown, unexpected content: %s' % error
        )
    return Finding(check, observation.result, observation.found, accepted)
