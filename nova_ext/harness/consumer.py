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
"""Lead a consumer plug-in through requests."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from nova_ext import exception
from nova_ext.consumers.base import Consumer
from nova_ext.consumers.base import Refusal
from nova_ext.harness.confinement import no_way_out
from nova_ext.harness.mistakes import check_class
from nova_ext.harness.mistakes import raise_all
from nova_ext.harness.world import a_request
from nova_ext.model.usage import Usage
from nova_ext.plugins import stats


def check_consumer(
    kind: type[Consumer[Any, Any]],
    host_stats: Mapping[str, str],
    servers: Sequence[Usage],
) -> None:
    """Lead a consumer through requests on one host.

    :param host_stats: what a host with its other half writes.
    :raises PluginMistake: anything is wrong.
    """
    mistakes = list(check_class(kind, Consumer))
    if not mistakes:
        with no_way_out():
            try:
                mistakes += _requests(kind, host_stats, servers)
                mistakes += _bad_stats(kind, host_stats)
            except Exception as error:
                mistakes.append(
                    'it raised %s: %s' % (type(error).__name__, error)
                )
    raise_all(kind, mistakes)


def _requests(
    kind: type[Consumer[Any, Any]],
    host_stats: Mapping[str, str],
    servers: Sequence[Usage],
) -> Iterator[str]:
    consumer = kind()
    described = {key.name for key in kind.describe().keys}
    seen = _Recorder(host_stats)
    state = consumer.read(seen)
    for name in sorted(seen.read - described):
        yield 'it reads the key %s, which it does not describe' % name
    if consumer.read(host_stats) != state:
        yield 'read() gives different states for the same stats'
    for server in servers:
        wanted = consumer.wanted(a_request(server))
        if wanted is None:
            continue
        refused = consumer.fits(state, wanted)
        if refused is not None and not isinstance(refused, Refusal):
            yield 'fits() must return None or a Refusal, not %r' % (refused,)
        if consumer.consume(state, wanted) is None:
            yield 'consume() must return the new state'
        if consumer.read(host_stats) != state:
            yield 'consume() changes the state it is given: return a new one'
    for what, number in (
        ('weigh', consumer.weigh(state)),
        ('weight_multiplier', consumer.weight_multiplier()),
    ):
        if isinstance(number, bool) or not isinstance(number, int | float):
            yield '%s() must return a number, not %r' % (what, number)


def _bad_stats(
    kind: type[Consumer[Any, Any]], host_stats: Mapping[str, str]
) -> Iterator[str]:
    consumer = kind()
    seen = _Recorder(host_stats)
    consumer.read(seen)
    for name in sorted(seen.read):
        without = {k: v for k, v in host_stats.items() if k != name}
        for what, bad, wanted in (
            ('without', without, exception.InformationMissing),
            (
                'with text in',
                {**host_stats, name: 'not a number'},
                exception.InformationDamaged,
            ),
        ):
            try:
                consumer.read(bad)
            except wanted:
                continue
            except Exception as error:
                yield (
                    'read() %s the key %s must raise %s, not %s (use '
                    'nova_ext.plugins.stats to read)'
                    % (what, name, wanted.__name__, type(error).__name__)
                )
            else:
                kinds = {key.name: key.kind for key in kind.describe().keys}
                if what == 'without' or kinds.get(name) != stats.TEXT:
                    yield 'read() accepts stats %s the key %s' % (what, name)


class _Recorder(dict[str, str]):
    """Stats that remember which keys were looked up."""

    def __init__(self, found: Mapping[str, str]) -> None:
        super().__init__(found)
        self.read: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.read.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.read.add(str(key))
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self.read.add(key)
        return super().get(key, default)
