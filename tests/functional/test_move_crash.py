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
"""nova-compute dies in the middle of a move; some of the places where.

``python -m tests.functional.crash`` tries all of them.
"""

import unittest

from tests.functional.crash import matrix

#: Before which of its effects a host's nova-compute dies.
PLACES = {
    ('live migration', 'host1'): (4,),
    ('live migration', 'host2'): (13,),
    ('cold migration', 'host1'): (3,),
    ('cold migration', 'host2'): (9,),
    ('evacuation', 'host2'): (12, 20),
    (matrix.RETURNING, 'host2'): (12,),
}

#: Where Nova has deleted an allocation, until an operator looks after the
#: server.
LEFT_BY_NOVA = {(matrix.RETURNING, 'host2')}


class MoveCrashTest(unittest.TestCase):
    """All agree after a restart and an audit, and nothing is lost."""

    def test_some_places(self) -> None:
        """Print what becomes of the server, and find nothing wrong."""
        found = []
        for (move, victim), numbers in PLACES.items():
            for outcome in matrix.outcomes(move, victim, numbers):
                print(outcome)
                left = (move, victim) in LEFT_BY_NOVA
                if outcome.found or (outcome.before and not left):
                    found.append(str(outcome))
        self.assertEqual([], found)
