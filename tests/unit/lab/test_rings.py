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
"""The summary says plainly what passed and what did not."""

from tests.lab import rings

LINT = rings.CHECKS[0]
TESTS = rings.CHECKS[-1]


def test_all_passed() -> None:
    text = rings.summary([rings.Outcome(LINT, '', 1.25)])
    assert text.splitlines()[-1] == 'All passed in 1 s.'


def test_a_failure_is_named() -> None:
    outcomes = [
        rings.Outcome(LINT, '', 1.0),
        rings.Outcome(TESTS, 'status 1', 2.0),
    ]
    lines = rings.summary(outcomes).splitlines()
    assert lines[1].endswith('ok')
    assert lines[2].startswith('lab: tests')
    assert lines[2].endswith('FAILED (status 1)')
    assert lines[-1] == '1 of 2 FAILED in 3 s.'


def test_every_ring_has_checks_and_limits() -> None:
    assert {check.ring for check in rings.CHECKS} == set(rings.NAMES)
    assert sum(check.timeout for check in rings.CHECKS) < 75 * 60
