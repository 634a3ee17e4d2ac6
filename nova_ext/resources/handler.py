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
"""The resource plug-ins of one compute node, called one after the other."""

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from oslo_log import log as logging

from nova_ext import conf
from nova_ext import exception
from nova_ext.model.usage import Usage
from nova_ext.plugins import catalog
from nova_ext.plugins import loading
from nova_ext.plugins.loading import Loaded
from nova_ext.resources.base import Resource
from nova_ext.resources.host import Host
from nova_ext.resources.ledger import Ledger

LOG = logging.getLogger(__name__)
CONF = conf.CONF


def load(names: Sequence[str]) -> list[Loaded[Resource]]:
    """Load resource plug-ins; see :func:`nova_ext.plugins.loading.load`."""
    # The abstract class is only compared with.
    base: Any = Resource
    return loading.load(catalog.RESOURCES, names, base)


class ResourceHandler:
    """Calls the plug-ins in the order of the option.

    The caller holds Nova's lock. An error of a plug-in never gets out and
    never reaches the others. A plug-in whose reset failed has no state that
    means anything, and is out of service until the next audit.
    """

    def __init__(self, plugins: Sequence[Loaded[Resource]]) -> None:
        """Make one object of each plug-in.

        :raises Exception: of a constructor; :func:`load` has tried it once.
        """
        self._plugins = [_Guarded(each) for each in plugins]
        self._ledger = Ledger()

    def reset(self, host: Host) -> None:
        """Start an audit."""
        self._ledger.clear()
        for plugin in self._plugins:
            plugin.in_service = True
            plugin.in_service = plugin.call(plugin.resource.reset, host)

    def add(self, usage: Usage) -> None:
        """Count a server, or one flavor of a resize."""
        self._ledger.add(usage)
        for plugin in self._plugins:
            plugin.call(plugin.resource.add_instance, usage)

    def remove(self, usage: Usage) -> None:
        """Take away what was counted for a server, if anything was."""
        counted = self._ledger.take(usage)
        if counted is None:
            return
        for plugin in self._plugins:
            plugin.call(plugin.resource.remove_instance, counted)

    def replace(self, usage: Usage) -> None:
        """Count a server, that is counted already, as it is now."""
        counted = self._ledger.take(usage)
        if counted is None:
            return
        self._ledger.add(usage)
        for plugin in self._plugins:
            plugin.call(plugin.resource.remove_instance, counted)
            plugin.call(plugin.resource.add_instance, usage)

    def test(
        self, usage: Usage, limits: Mapping[str, Any]
    ) -> list[str | None]:
        """Return each plug-in's reason for refusal, None where it fits."""
        return [plugin.test(usage, limits) for plugin in self._plugins]

    def write(self) -> dict[str, str]:
        """Return the stats of all plug-ins, as Nova keeps them."""
        stats: dict[str, str] = {}
        for plugin in self._plugins:
            plugin.call(plugin.write_to, stats)
        return stats

    def report_free(self) -> None:
        """Log what each plug-in has left."""
        for plugin in self._plugins:
            plugin.call(plugin.report_free)


class _Guarded:
    """One plug-in, whose errors are logged here."""

    def __init__(self, loaded: Loaded[Resource]) -> None:
        self.name = loaded.name
        self.resource = loaded.kind()
        # Before the first reset there is nothing to say.
        self.in_service = False
        self._keys = {key.name: key for key in loaded.description.keys}
        self._complaints: set[str] = set()

    def call(self, method: Callable[..., None], *args: Any) -> bool:
        """Call a method of a plug-in in service; return whether it worked."""
        if not self.in_service:
            return False
        try:
            method(*args)
        except Exception:
            LOG.exception(
                'Resource plug-in %(name)s failed in %(method)s; its usage '
                'may be wrong until the next audit.',
                {'name': self.name, 'method': method.__name__},
            )
            return False
        return True

    def test(self, usage: Usage, limits: Mapping[str, Any]) -> str | None:
        try:
            if not self.in_service:
                raise RuntimeError('its last reset failed, see the log')
            return self.resource.test(usage, limits)
        except exception.DemandInvalid as error:
            return '%s: %s' % (self.name, error)
        except Exception as error:
            LOG.exception('Resource plug-in %s failed in test.', self.name)
            if CONF.nova_ext_plugins.on_failing_test == 'pass':
                return None
            return 'resource plug-in %s could not test it: %s: %s' % (
                self.name,
                type(error).__name__,
                error,
            )

    def write_to(self, stats: dict[str, str]) -> None:
        for name, value in self.resource.write().items():
            key = self._keys.get(name)
            if key is None:
                self._complain('the key %s, which it does not own' % name)
                continue
            try:
                stats[name] = key.render(value)
            except ValueError as error:
                self._complain(str(error))

    def report_free(self) -> None:
        LOG.info(
            'Resource %(name)s: %(free)s',
            {'name': self.name, 'free': self.resource.report_free()},
        )

    def _complain(self, what: str) -> None:
        if what not in self._complaints:
            self._complaints.add(what)
            LOG.error(
                'Resource plug-in %(name)s wrote something that is left out: '
                '%(what)s.',
                {'name': self.name, 'what': what},
            )
