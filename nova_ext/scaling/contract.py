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
"""What nova-api and nova-compute say to each other about scaling.

Only plain dicts cross the message bus, refusals and failures included, so
that neither side needs the other's exception classes.
"""

from dataclasses import asdict
from dataclasses import dataclass
from typing import Any

from nova_ext import exception
from nova_ext.model.record import DOWN
from nova_ext.model.record import UP
from nova_ext.model.record import LastRequest

RPC_VERSION = '1.0'

Answer = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What a caller wants: a direction for one vCPU, or a target count."""

    direction: str | None = None
    target: int | None = None

    def target_from(self, online: int) -> int:
        """Return how many vCPUs are to be online, from how many are."""
        if self.target is not None:
            return self.target
        return online + (1 if self.direction == UP else -1)


@dataclass(frozen=True)
class Blocker:
    """Why a request cannot start, and what would remove the obstacle."""

    error: exception.NovaExtError
    remedy: str


@dataclass(frozen=True)
class PlannedStep:
    """One vCPU's step; the guest chooses the vCPU that goes offline.

    :ivar vcpu: the vCPU that comes online, None on the way down.
    :ivar pcpu: the pCPU it would get now, None on the way down or if none.
    """

    direction: str
    vcpu: int | None = None
    pcpu: int | None = None


@dataclass(frozen=True)
class Plan:
    """What a request would do, and everything that is in its way."""

    current: int
    target: int
    steps: tuple[PlannedStep, ...]
    blockers: tuple[Blocker, ...]

    @property
    def direction(self) -> str:
        """Which way the request goes."""
        return UP if self.target > self.current else DOWN


def answer_request(last: LastRequest) -> Answer:
    """Return the answer of ``scale``: how the request stands."""
    return {'last_request': last.shown()}


def answer_plan(plan: Plan) -> Answer:
    """Return the answer of ``plan``."""
    return {
        'plan': {
            'current': plan.current,
            'target': plan.target,
            'steps': [asdict(step) for step in plan.steps],
            'blockers': [
                {'reason': str(blocker.error), 'remedy': blocker.remedy}
                for blocker in plan.blockers
            ],
        }
    }


def answer_error(error: exception.NovaExtError) -> Answer:
    """Return the answer of either when it was refused or failed."""
    return {'error': {'code': error.code, 'message': str(error)}}
