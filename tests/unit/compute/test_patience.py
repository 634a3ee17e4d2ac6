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
"""A guest that hears and does not answer is asked less and less often."""

from nova_ext.compute import patience


def asked_in(audits, found):
    """Return in which of so many audits a silent guest is asked."""
    asked = []
    for audit in range(audits):
        if found.is_due('a'):
            asked.append(audit)
            found.failed('a')
    return asked


def test_often_at_first_and_then_less_and_less():
    asked = asked_in(200, patience.Patience())
    assert asked[:6] == [0, 1, 2, 3, 4, 5]
    pauses = [b - a for a, b in zip(asked[5:], asked[6:], strict=False)]
    assert pauses == [2, 4, 8, 16, 32, 64, 64]


def test_an_answer_ends_it():
    found = patience.Patience()
    asked_in(20, found)
    found.ended('a')
    assert asked_in(3, found) == [0, 1, 2]


def test_a_server_that_left_is_forgotten():
    found = patience.Patience()
    asked_in(20, found)
    found.keep({'a'})
    assert not found.is_due('a')
    found.keep({'b'})
    assert found.is_due('a')


def test_others_are_not_concerned():
    found = patience.Patience()
    asked_in(20, found)
    assert found.is_due('b')
