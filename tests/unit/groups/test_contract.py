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
import json
import time

from nova_ext.groups import contract


def test_deliveries_survive_the_way() -> None:
    deliveries = [
        contract.Delivery(('instance-1', 'instance-2'), {'seq': 1}),
        contract.Delivery(('instance-3',), {'data': 'é'}),
    ]
    packed = json.loads(json.dumps(contract.pack(deliveries)))
    assert contract.unpack(packed) == deliveries


def test_what_is_old_is_stale() -> None:
    assert contract.is_stale(time.time() - 31, 30)
    assert not contract.is_stale(time.time() - 1, 30)


def test_a_clock_that_is_ahead_makes_nothing_stale() -> None:
    assert not contract.is_stale(time.time() + 100, 30)
