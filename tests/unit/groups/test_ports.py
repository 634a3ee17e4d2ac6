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
from nova_ext.groups import bus
from nova_ext.groups import ports
from tests.unit.groups import fakes


def test_the_fakes_are_what_the_service_expects() -> None:
    membership: ports.Membership = fakes.Membership()
    courier: ports.Courier = fakes.Courier()
    assert membership.group_of('nobody') is None
    assert courier.deliver(fakes.CELL, 'host1', []) is None


def test_the_bus_has_all_methods_of_a_courier() -> None:
    wanted = {name for name in dir(ports.Courier) if name[0] != '_'}
    assert wanted <= set(dir(bus.Courier))
