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
"""The moves that are cut off, and the walk through all their effects."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
import functools

from tests.functional.crash.attempt import Attempt
from tests.functional.crash.attempt import CrashCloud
from tests.functional.crash.attempt import Outcome

#: More effects than any process has in a move.
ENOUGH = 120


def live_migration(attempt: Attempt) -> None:
    """Begin a live migration."""
    where = {'host': None, 'block_migration': 'auto'}
    attempt.act('os-migrateLive', where)


def cold_migration(attempt: Attempt) -> None:
    """Begin a cold migration."""
    attempt.act('migrate')


def evacuation(attempt: Attempt) -> None:
    """Begin an evacuation; host1 has failed."""
    attempt.act('evacuate', {})


#: An evacuation whose old host is back before anybody looks after it.
RETURNING = 'evac. and back'

#: Each move, and whose nova-compute dies.
MOVES: dict[str, tuple[Callable[[Attempt], None], tuple[str, ...]]] = {
    'live migration': (live_migration, ('host1', 'host2')),
    'cold migration': (cold_migration, ('host1', 'host2')),
    'evacuation': (evacuation, ('host2',)),
    RETURNING: (evacuation, ('host2',)),
}


def outcomes(
    move: str, victim: str, numbers: Iterable[int] = range(1, ENOUGH)
) -> Iterator[Outcome]:
    """Cut a move off before some of a victim's effects, one by one.

    :param numbers: which of them, from 1; it ends with the first that comes
        after the end of the move.
    """
    begin, _ = MOVES[move]
    for number in numbers:
        # What is dead stays in this process, so each gets a cloud of its own.
        cloud = CrashCloud.start()
        try:
            attempt = Attempt(cloud, returns=move == RETURNING)
            if begin is evacuation:
                cloud.fail_host('host1')
            outcome = attempt.cut_off(
                move, victim, number, functools.partial(begin, attempt)
            )
        finally:
            cloud.stop()
        yield outcome
        if not outcome.effect:
            break
