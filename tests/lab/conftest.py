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
"""The lab, once for all tests of this ring."""

import collections.abc

import pytest

from tests.lab import layout
from tests.lab import openstack
from tests.lab import servers


@pytest.fixture(scope='session')
def lab() -> collections.abc.Iterator[openstack.Lab]:
    """A running lab; one that ran before keeps running afterwards."""
    found = openstack.Lab(layout.from_environment())
    with found.running():
        yield found


@pytest.fixture
def users(lab: openstack.Lab) -> collections.abc.Iterator[servers.Servers]:
    """Whoever makes servers; all of them are gone afterwards."""
    found = servers.Servers(lab)
    try:
        yield found
    finally:
        found.remove_all()


@pytest.fixture
def scalable(users: servers.Servers) -> str:
    """The name of a booted server with 1 to 2 dedicated vCPUs."""
    users.boot('A', users.flavor('scalable-2', 2, servers.SCALABLE))
    return 'A'
