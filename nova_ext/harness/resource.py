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
"""Lead a resource plug-in through the life of a host."""

from collections.abc import Mapping
from collections.abc import Sequence
import datetime
from typing import Any

from nova_ext import exception
from nova_ext.harness.confinement import clock
from nova_ext.harness.confinement import no_way_out
from nova_ext.harness.mistakes import check_class
from nova_ext.harness.mistakes import difference
from nova_ext.harness.mistakes import raise_all
from nova_ext.harness.world import a_request
from nova_ext.model.usage import Usage
from nova_ext.resources.base import Resource
from nova_ext.resources.host import Host

#: How far apart the two clocks are by which each life is lived.
_SHIFT = datetime.timedelta(days=40, hours=3, minutes=7, seconds=11)


def check_resource(
    kind: type[Resource],
    host: Host,
    servers: Sequence[Usage],
    limits: Mapping[str, Any] | None = None,
) -> None:
    """Lead a resource plug-in through the life of a host.

    :param servers: at least two that fit on the host together.
    :param limits: for the plug-in's test.
    :raises PluginMistake: anything is wrong.
    """
    if len(servers) < 2:
        raise ValueError('give at least two servers, got %d' % len(servers))
    mistakes = list(check_class(kind, Resource))
    if not mistakes:
        lives = [
            _ResourceLife(kind, host, servers, limits or {}, shift)
            for shift in (datetime.timedelta(), _SHIFT)
        ]
        for life in lives:
            life.live()
        mistakes += lives[0].mistakes
        if lives[0].written != lives[1].written:
            mistakes.append(
                'write() depends on the time: %s'
                % difference(lives[0].written, lives[1].written)
            )
    raise_all(kind, mistakes)


class _ResourceLife:
    """One life of a host, by one clock."""

    def __init__(
        self,
        kind: type[Resource],
        host: Host,
        servers: Sequence[Usage],
        limits: Mapping[str, Any],
        shift: datetime.timedelta,
    ) -> None:
        self._kind = kind
        self._host = host
        self._servers = servers
        self._limits = limits
        self._shift = shift
        self._keys = {key.name: key for key in kind.describe().keys}
        self.mistakes: list[str] = []
        self.written: dict[str, str] = {}

    def live(self) -> None:
        with no_way_out(), clock(self._kind, self._shift):
            try:
                self._live(self._kind())
            except exception.DemandInvalid as error:
                self._say('a server of the test is refused: %s' % error)
            except Exception as error:
                self._say('it raised %s: %s' % (type(error).__name__, error))

    def _live(self, plugin: Resource) -> None:
        plugin.reset(self._host)
        empty = self._write(plugin)
        if self._write(plugin) != empty:
            self._say('write() changes what it writes: it must not count')
        for server in self._servers:
            self._test(plugin, server)
            plugin.add_instance(server)
        self.written = full = self._write(plugin)
        self._again(plugin, full)
        self._leave(plugin, empty)
        self._scale(plugin, empty)
        if not isinstance(plugin.report_free(), str):
            self._say('report_free() must return text')

    def _test(self, plugin: Resource, server: Usage) -> None:
        before = self._write(plugin)
        answer = plugin.test(a_request(server), self._limits)
        if answer is not None and not (isinstance(answer, str) and answer):
            self._say('test() must return None or a reason, not %r' % answer)
        if self._write(plugin) != before:
            self._say('test() changes the usage: it must only look')

    def _again(self, plugin: Resource, full: dict[str, str]) -> None:
        """Audits count the same servers again, in any order."""
        for order in (self._servers, self._servers[::-1]):
            plugin.reset(self._host)
            for server in order:
                plugin.add_instance(server)
            now = self._write(plugin)
            if now != full:
                self._say(
                    'it is not idempotent: reset() and the same servers '
                    'again, in %s order, give %s'
                    % (
                        'the same' if order is self._servers else 'another',
                        difference(full, now),
                    )
                )

    def _leave(self, plugin: Resource, empty: dict[str, str]) -> None:
        for server in self._servers:
            plugin.remove_instance(server)
            self._write(plugin)
        now = self._write(plugin)
        if now != empty:
            self._say(
                'remove_instance() does not undo add_instance(): of an empty '
                'host remains %s' % difference(empty, now)
            )

    def _scale(self, plugin: Resource, empty: dict[str, str]) -> None:
        """A server is counted as it was, and then as it is."""
        first, second = self._servers[0], self._servers[1]
        changed = Usage(first.uuid, second.flavor, cells=second.cells)
        plugin.reset(self._host)
        for old, new in ((None, first), (first, changed), (changed, None)):
            if old:
                plugin.remove_instance(old)
            if new:
                plugin.add_instance(new)
            self._write(plugin)
        if self._write(plugin) != empty:
            self._say('it keeps something of a server that was resized')

    def _write(self, plugin: Resource) -> dict[str, str]:
        written = {}
        for name, value in plugin.write().items():
            if name not in self._keys:
                self._say('it writes the unknown key %s: describe it' % name)
                continue
            try:
                written[name] = self._keys[name].render(value)
            except ValueError as error:
                self._say(
                    'it writes negative usage or a wrong type: %s' % error
                )
        for name in self._keys.keys() - written.keys():
            self._say('it does not write the key %s' % name)
        return written

    def _say(self, mistake: str) -> None:
        if mistake not in self.mistakes:
            self.mistakes.append(mistake)
