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
"""Run one set of Nova's tests by hand; see the package."""

import argparse
import pathlib
import sys
import tempfile

from tests.functional.nova_suite import runner


def main() -> int:
    """Return 0 when every test passed."""
    parser = argparse.ArgumentParser(prog='tests.functional.nova_suite')
    parser.add_argument('set', choices=['unit', 'functional'])
    parser.add_argument('-j', type=int, default=2, help='processes')
    parser.add_argument('-k', default='', help='part of the tests to run')
    parser.add_argument(
        '--mocks', choices=['redirect', 'through'], default='redirect'
    )
    parser.add_argument(
        '--plain', action='store_true', help="with Nova's own classes"
    )
    chosen = parser.parse_args()
    mocks = 'plain' if chosen.plain else chosen.mocks
    with tempfile.TemporaryDirectory() as folder:
        outcome = runner.run(
            chosen.set, pathlib.Path(folder), chosen.j, mocks, chosen.k
        )
    print(outcome)
    return int(bool(outcome.failed or outcome.broken))


sys.exit(main())
