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
"""Print what becomes of every move that is cut off anywhere."""

# Before all of Nova, which chooses its threads while it is imported.
import tests.functional.conftest  # noqa: F401, I001 (see above)

import argparse
import os
import sys

from tests.functional.crash import matrix


def main() -> int:
    """Return 0 when all agreed in the end."""
    parser = argparse.ArgumentParser(prog='tests.functional.crash')
    parser.add_argument('--move', choices=sorted(matrix.MOVES))
    parser.add_argument('--victim', choices=['host1', 'host2'])
    parser.add_argument('--every', type=int, default=1)
    parser.add_argument('--start', type=int, default=1)
    chosen = parser.parse_args()
    bad = 0
    for move, (_, victims) in matrix.MOVES.items():
        for victim in victims:
            if chosen.move in (None, move) and chosen.victim in (None, victim):
                numbers = range(chosen.start, matrix.ENOUGH, chosen.every)
                for outcome in matrix.outcomes(move, victim, numbers):
                    print(outcome, flush=True)
                    bad += bool(outcome.found or outcome.before)
    print('%d disagree' % bad, flush=True)
    return int(bool(bad))


code = main()
sys.stdout.flush()
# Nova's fixtures leave threads that nothing waits for.
os._exit(code)
