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
"""A minute of the random walk; the same one each time.

``python -m tests.functional.walk`` goes further, and elsewhere.
"""

import unittest

from tests.functional.walk import run

SEED = 20261121
SECONDS = 60


class WalkTest(unittest.TestCase):
    """Three servers on two hosts, to which anything may happen."""

    def test_a_minute(self) -> None:
        """Nothing disagrees, and it came somewhere."""
        print('seed %d' % SEED)
        made = run.walk(SEED, seconds=SECONDS, shorten=False)
        print('%d steps' % made)
        self.assertGreater(made, 20)
