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
"""Power of cores, through Nova's own calls."""

import logging

from nova_ext.compute import power


class CpuApi:
    def __init__(self, error=None):
        self.calls = []
        self.error = error

    def power_up(self, cpus):
        self.calls.append(('up', cpus))
        if self.error:
            raise self.error

    def _power_down(self, cpus):
        self.calls.append(('down', cpus))
        if self.error:
            raise self.error


def test_cores_are_switched_by_nova():
    api = CpuApi()
    power.CorePower(api).up(frozenset({3, 4}))
    power.CorePower(api).down(frozenset({4}))
    assert api.calls == [('up', {3, 4}), ('down', {4})]
    # Nova wants sets of its own.
    assert all(type(cpus) is set for _, cpus in api.calls)


def test_a_core_that_stays_powered_is_only_told_of(caplog):
    api = CpuApi(OSError('busy'))
    with caplog.at_level(logging.ERROR):
        power.CorePower(api).down(frozenset({4, 5}))
    assert 'The pCPUs 4-5 that nobody owns could not be powered' in caplog.text
