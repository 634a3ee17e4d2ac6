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
"""The harness finds the classic mistakes, each by its name."""

from collections.abc import Mapping
import datetime
import subprocess
import time
from typing import Any

import pytest

from nova_ext import testing
from nova_ext.plugins.stats import TEXT
from nova_ext.plugins.stats import Description
from nova_ext.plugins.stats import StatsKey
from nova_ext.plugins.stats import Value
from nova_ext.resources.base import Resource
from nova_ext.resources.host import Host

SERVERS = [testing.a_server(2), testing.a_server(1, first_pcpu=2)]


class Good(Resource):
    """Counts vCPUs."""

    def __init__(self) -> None:
        self.used = 0

    @classmethod
    def describe(cls) -> Description:
        return Description(
            'good', '1', (StatsKey('good_used'), StatsKey('good_about', TEXT))
        )

    def reset(self, host: Host) -> None:
        self.used = 0

    def add_instance(self, usage: Any) -> None:
        self.used += usage.flavor.vcpus

    def remove_instance(self, usage: Any) -> None:
        self.used -= usage.flavor.vcpus

    def test(self, usage: Any, limits: Mapping[str, Any]) -> str | None:
        return None

    def write(self) -> Mapping[str, Value]:
        return {'good_used': self.used, 'good_about': self.about()}

    def about(self) -> str:
        return 'seats'

    def report_free(self) -> str:
        return 'enough'


class NoReset(Good):
    def reset(self, host: Host) -> None:
        pass


class RemoveForgets(Good):
    def remove_instance(self, usage: Any) -> None:
        pass


class RemoveTwice(Good):
    def remove_instance(self, usage: Any) -> None:
        self.used -= 2 * usage.flavor.vcpus


class TestCounts(Good):
    __test__ = False

    def test(self, usage: Any, limits: Mapping[str, Any]) -> str | None:
        self.used += 1
        return None


class TestSaysFalse(Good):
    __test__ = False

    def test(self, usage: Any, limits: Mapping[str, Any]) -> Any:
        return False


class Clock(Good):
    def about(self) -> str:
        return str(int(time.time()))


class Calendar(Good):
    def about(self) -> str:
        return datetime.datetime.now().strftime('%B')


class Order(Good):
    last = ''

    def add_instance(self, usage: Any) -> None:
        super().add_instance(usage)
        self.last = usage.uuid

    def about(self) -> str:
        return self.last


class UnknownKey(Good):
    def write(self) -> Mapping[str, Value]:
        return {**super().write(), 'bad_used': 1}


class MissingKey(Good):
    def write(self) -> Mapping[str, Value]:
        return {'good_used': self.used}


class WriteCounts(Good):
    def write(self) -> Mapping[str, Value]:
        self.used += 1
        return super().write()


class CallsOut(Good):
    def add_instance(self, usage: Any) -> None:
        subprocess.run(['true'], check=False)


class Reads(Good):
    def add_instance(self, usage: Any) -> None:
        with open('/proc/cpuinfo'):
            pass


class Sleeps(Good):
    def reset(self, host: Host) -> None:
        time.sleep(0)


class Mutates(Good):
    def add_instance(self, usage: Any) -> None:
        usage.extra_specs['mine'] = '1'


class BadConstructor(Good):
    def __init__(self) -> None:
        raise KeyError('size')


class NovasKey(Good):
    @classmethod
    def describe(cls) -> Description:
        return Description('good', '1', (StatsKey('uptime'),))


def test_a_good_one_passes() -> None:
    testing.check_resource(Good, testing.a_host(), SERVERS)


@pytest.mark.parametrize(
    'kind, says',
    [
        (NoReset, 'it is not idempotent: reset() and the same servers again'),
        (RemoveForgets, 'does not undo add_instance()'),
        (RemoveTwice, 'it writes negative usage'),
        (TestCounts, 'test() changes the usage'),
        (TestSaysFalse, 'must return None or a reason, not False'),
        (Clock, 'write() depends on the time: good_about ='),
        (Calendar, 'write() depends on the time: good_about ='),
        (Order, 'in another order'),
        (UnknownKey, 'it writes the unknown key bad_used'),
        (MissingKey, 'it does not write the key good_about'),
        (WriteCounts, 'write() changes what it writes'),
        (CallsOut, 'it starts a process, and may not'),
        (Reads, 'it opens a file, and may not'),
        (Sleeps, 'it waits, and may not'),
        (Mutates, 'it raised TypeError'),
        (BadConstructor, "its constructor, without arguments, raised KeyErr"),
        (NovasKey, "the key uptime is one of Nova's own"),
        (object, 'it is not a subclass of Resource'),
    ],
)
def test_a_mistake_is_found(kind: Any, says: str) -> None:
    with pytest.raises(testing.PluginMistake) as raised:
        testing.check_resource(kind, testing.a_host(), SERVERS)
    assert says in str(raised.value)
    assert kind.__name__ in str(raised.value)


def test_one_server_is_not_enough() -> None:
    with pytest.raises(ValueError, match='at least two servers, got 1'):
        testing.check_resource(Good, testing.a_host(), SERVERS[:1])
