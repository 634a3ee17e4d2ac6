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
"""What was added is what goes."""

from dataclasses import replace

from nova_ext import testing
from nova_ext.model.usage import Flavor
from nova_ext.resources.ledger import Ledger

SERVER = testing.a_server(2)
OTHER_FLAVOR = replace(SERVER, flavor=Flavor('other', 4))
SCALED = replace(SERVER, offline=frozenset({1}))


def ledger_of(*usages: object) -> Ledger:
    found = Ledger()
    for each in usages:
        found.add(each)  # type: ignore[arg-type]
    return found


def test_the_only_entry_goes_whatever_is_believed() -> None:
    ledger = ledger_of(SERVER)
    assert ledger.take(OTHER_FLAVOR) is SERVER
    assert ledger.take(SERVER) is None


def test_the_equal_entry_goes() -> None:
    ledger = ledger_of(SERVER, OTHER_FLAVOR)
    assert ledger.take(SERVER) == SERVER
    assert ledger.take(SERVER) == OTHER_FLAVOR


def test_else_the_entry_of_the_flavor() -> None:
    assert ledger_of(SERVER, OTHER_FLAVOR).take(SCALED) is SERVER


def test_else_the_last() -> None:
    stranger = replace(SERVER, flavor=Flavor('third', 1))
    assert ledger_of(SERVER, OTHER_FLAVOR).take(stranger) is OTHER_FLAVOR


def test_servers_are_kept_apart() -> None:
    other = testing.a_server(2)
    ledger = ledger_of(SERVER, other)
    assert ledger.take(other) is other
    assert ledger.take(SERVER) is SERVER


def test_clear() -> None:
    ledger = ledger_of(SERVER)
    ledger.clear()
    assert ledger.take(SERVER) is None
