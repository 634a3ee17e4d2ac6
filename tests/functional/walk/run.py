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
"""Walk for so many steps, or for so many seconds."""

import math
import time

import hypothesis
from hypothesis import stateful

from tests.functional.walk.hosts import Hosts
from tests.functional.walk.life import Life
from tests.functional.walk.machine import Enough
from tests.functional.walk.moves import Moves
from tests.functional.walk.scaling import Scaling

#: Steps of one walk, from three new servers until all are deleted.
LENGTH = 40

_SETTINGS = hypothesis.settings(
    max_examples=10**6,
    stateful_step_count=LENGTH,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    print_blob=False,
)


class Walk(Scaling, Life, Moves, Hosts):
    """All the steps."""


def walk(
    seed: int,
    steps: float = math.inf,
    seconds: float = math.inf,
    shorten: bool = True,
) -> int:
    """Walk until either has been reached.

    :param shorten: whether to look for a shorter walk after a violation.
    :returns: how many steps were made.
    :raises machine.Violation: something disagreed; hypothesis prints the
        shortest walk that leads to it.
    """
    end = time.monotonic() + seconds
    Walk.tally.clear()
    Walk.found.clear()
    Walk.enough = staticmethod(
        lambda: (
            not Walk.found
            and (Walk.tally.total() >= steps or time.monotonic() > end)
        )
    )
    phases = [hypothesis.Phase.generate]
    if shorten:
        phases.append(hypothesis.Phase.shrink)
    settings = hypothesis.settings(_SETTINGS, phases=phases)
    test = stateful.get_state_machine_test(Walk, settings=settings)
    try:
        hypothesis.seed(seed)(test)()
    except (Enough, hypothesis.errors.Flaky):
        # Hypothesis may take the end for a walk that is not the same again.
        if Walk.found or not Walk.enough():
            raise
    finally:
        Walk.kept.drop()
    return Walk.tally.total()
