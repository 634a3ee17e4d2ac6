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
"""Walk by hand: ``python -m tests.functional.walk --steps 10000``."""

# Before all of Nova, which chooses its threads while it is imported.
import tests.functional.conftest  # noqa: F401, I001 (see above)

import argparse
import os
import random
import sys
import traceback

from tests.functional.walk import promise
from tests.functional.walk import run
from tests.functional.walk.run import Walk


def main() -> int:
    """Return 0 when all steps were without a violation."""
    parser = argparse.ArgumentParser(prog='tests.functional.walk')
    parser.add_argument('--steps', type=int, default=1000)
    parser.add_argument('--seed', type=int, default=None)
    parser.add_argument('--verbose', action='store_true', help='each step')
    parser.add_argument(
        '--raw', action='store_true', help='do not shorten a violation'
    )
    chosen = parser.parse_args()
    if chosen.verbose:
        Walk.say = staticmethod(_say)
    # Nova's tests give up a class of tests after a while.
    os.environ['OS_TEST_TIMEOUT'] = '0'
    seed = chosen.seed
    if seed is None:
        seed = random.randrange(10**6)
    _say('seed %d' % seed)
    try:
        made = run.walk(seed, chosen.steps, shorten=not chosen.raw)
    except BaseException:
        traceback.print_exc()
        _say('seed %d: VIOLATION' % seed)
        return 1
    for (how, scaled), times in sorted(Walk.tally.items()):
        _say('%6d  %s%s' % (times, how, ', scaled down' if scaled else ''))
    for line in promise.seen(Walk.tally):
        _say(line)
    _say('seed %d: %d steps without a violation' % (seed, made))
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


code = main()
# Nova's fixtures leave threads that nothing waits for.
os._exit(code) if code else sys.exit(code)
