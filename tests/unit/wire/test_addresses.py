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
import re

import pytest

from nova_ext.wire import addresses

NAMES = ['instance-0000000a', 'x', 'dotted.name', 'i' * 200]
BAD_NAMES = ['', 'a/b', '../x', 'a\nb', 'a b', 'é', 'i' * 201]


@pytest.mark.parametrize('name', NAMES)
def test_a_socket_name_leads_back_to_its_instance(name: str) -> None:
    socket_name = addresses.socket_name(name)
    assert socket_name == 'cgcs.messaging.%s.sock' % name
    assert addresses.instance_of(socket_name) == name


@pytest.mark.parametrize('name', BAD_NAMES)
def test_a_name_that_cannot_name_a_file_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match='instance_name_template'):
        addresses.socket_name(name)
    assert addresses.instance_of('cgcs.messaging.%s.sock' % name) is None


@pytest.mark.parametrize(
    'file_name',
    [
        'cgcs.messaging.a',
        'cgcs.heartbeat.a.sock',
        'domain-1-a',
        'cgcs.messaging.sock',
        'xcgcs.messaging.a.sock',
    ],
)
def test_another_file_is_no_guest(file_name: str) -> None:
    assert addresses.instance_of(file_name) is None


def test_scale_addresses_are_fresh_and_fit_the_old_agents() -> None:
    made = {addresses.scale_address() for _ in range(100)}
    assert len(made) == 100
    for address in made:
        assert re.fullmatch('scale-[0-9a-f]{8}', address)
        assert len(address) <= 15


@pytest.mark.parametrize(
    ('value', 'good'),
    [
        ('cgcs.scale', True),
        ('a' * 107, True),
        ('a' * 108, False),
        ('', False),
        ('a b', False),
        ('a\n', False),
        ('a\0', False),
        ('é', False),
        (None, False),
        (7, False),
        (b'a', False),
    ],
)
def test_what_may_be_an_address(value: object, good: bool) -> None:
    assert addresses.is_address(value) is good
