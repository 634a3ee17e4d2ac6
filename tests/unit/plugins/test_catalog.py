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
"""What is installed, with its distribution."""

from nova_ext.plugins import catalog
from tests import distributions

A = ('a-one', '1.0', {catalog.RESOURCES: {'x': 'm:X', 'y': 'm:Y'}})
B = ('B.two', '2.0', {catalog.RESOURCES: {'x': 'n:X'}})


def test_installed() -> None:
    with distributions.installed(A, B):
        found = [
            each
            for each in catalog.installed(catalog.RESOURCES)
            if each.distribution in ('a-one', 'B.two')
        ]
    assert [str(each) for each in found] == [
        'a-one 1.0 (m:X)',
        'a-one 1.0 (m:Y)',
        'B.two 2.0 (n:X)',
    ]
    assert catalog.conflicts(found) == ['x']


def test_only_the_first_of_a_distribution_counts() -> None:
    newer = ('A_one', '3.0', {catalog.RESOURCES: {'z': 'm:Z'}})
    with distributions.installed(newer, A):
        found = catalog.installed(catalog.RESOURCES)
    assert 'z' in [each.name for each in found]
    assert 'x' not in [each.name for each in found]


def test_our_own() -> None:
    with distributions.installed(distributions.nova_ext()):
        for namespace in (catalog.RESOURCES, catalog.CONSUMERS):
            names = {each.name for each in catalog.installed(namespace)}
            assert {'vcpu_scale', 'realtime_pcpu', 'compute_unit'} <= names
