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
import pytest

from nova_ext.model import messaging


@pytest.mark.parametrize('key', messaging.KEYS)
@pytest.mark.parametrize(
    ('value', 'wanted'),
    [
        ('true', True),
        ('TRUE', True),
        (' True ', True),
        ('false', False),
        ('', False),
        ('yes', False),
        ('1', False),
    ],
)
def test_a_flavor_asks_for_messaging(
    key: str, value: str, wanted: bool
) -> None:
    assert messaging.wants_messaging({key: value}) is wanted


def test_other_keys_ask_for_nothing() -> None:
    assert not messaging.wants_messaging({})
    assert not messaging.wants_messaging({'hw:wrs:min_vcpus': 'true'})


def test_one_spelling_is_enough() -> None:
    specs = dict.fromkeys(messaging.KEYS, 'false')
    specs['wrs:srv_grp_messaging'] = 'true'
    assert messaging.wants_messaging(specs)
