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
"""Load the plug-ins that an option names, in its order.

The rules that the operator sets are in ``[nova_ext_plugins]``.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from typing import Generic
from typing import NoReturn
from typing import TypeVar

from oslo_log import log as logging
import stevedore

from nova_ext import conf
from nova_ext import exception
from nova_ext.plugins import catalog
from nova_ext.plugins import stats
from nova_ext.plugins.base import Plugin
from nova_ext.plugins.base import register_options
from nova_ext.plugins.catalog import Installed

LOG = logging.getLogger(__name__)
CONF = conf.CONF

P = TypeVar('P', bound=Plugin)


@dataclass(frozen=True)
class Loaded(Generic[P]):
    """A plug-in that can be used.

    :ivar kind: its class; it has been made once without an error.
    """

    name: str
    kind: type[P]
    description: stats.Description


def load(
    namespace: str, names: Sequence[str], base: type[P]
) -> list[Loaded[P]]:
    """Load plug-ins by name; without names nothing is looked for at all.

    :param base: the contract that each must be a subclass of.
    :raises exception.PluginUnknown: a name is not installed, with
        ``on_unusable = refuse``.
    :raises exception.PluginBroken: a plug-in cannot be used, with the same;
        or two resources own one key of the stats, always.
    :raises exception.PluginConflict: several packages register one name, with
        ``on_conflict = refuse``.
    """
    wanted = list(dict.fromkeys(name for name in names if name))
    if not wanted:
        return []
    return _Loader(namespace, base).load(wanted)


class _Loader(Generic[P]):
    def __init__(self, namespace: str, base: type[P]) -> None:
        self._namespace = namespace
        self._option = catalog.OPTIONS[namespace]
        self._base = base
        self._found = catalog.installed(namespace)

    def load(self, names: list[str]) -> list[Loaded[P]]:
        chosen = list(self._choose(names))
        kinds, errors = self._import([each.name for each in chosen])
        loaded = list(self._take(chosen, kinds, errors))
        self._check_keys(loaded)
        LOG.info(
            '[DEFAULT]%(option)s: using %(names)s.',
            {
                'option': self._option,
                'names': ', '.join(each.name for each in loaded) or 'nothing',
            },
        )
        return loaded

    def _choose(self, names: Iterable[str]) -> Iterator[Installed]:
        for name in names:
            providers = [each for each in self._found if each.name == name]
            if not providers:
                self._reject(
                    exception.PluginUnknown(
                        option=self._option,
                        name=name,
                        known=self._known(),
                    )
                )
                continue
            if catalog.conflicts(providers):
                self._conflict(name, providers)
            yield providers[0]

    def _known(self) -> str:
        names = dict.fromkeys(each.name for each in self._found)
        return ', '.join(names) or 'none'

    def _conflict(self, name: str, providers: list[Installed]) -> None:
        error = exception.PluginConflict(
            option=self._option,
            name=name,
            providers=', '.join(str(each) for each in providers),
        )
        if CONF.nova_ext_plugins.on_conflict == 'refuse':
            raise error
        LOG.error('%s The first is used.', error)

    def _import(
        self, names: list[str]
    ) -> tuple[dict[tuple[str, str], Any], dict[str, BaseException]]:
        """Import by stevedore: targets by name and value, and failures."""
        if not names:
            return {}, {}
        errors: dict[str, BaseException] = {}

        def failed(manager: object, point: Any, error: BaseException) -> None:
            errors[point.name] = error

        manager: Any = stevedore.NamedExtensionManager(
            self._namespace,
            names,
            on_load_failure_callback=failed,
            on_missing_entrypoints_callback=None,
        )
        kinds: dict[tuple[str, str], Any] = {}
        for found in manager.extensions:
            target = found.entry_point.value.replace(' ', '')
            kinds.setdefault((found.name, target), found.plugin)
        return kinds, errors

    def _take(
        self,
        chosen: Iterable[Installed],
        kinds: dict[tuple[str, str], Any],
        errors: dict[str, BaseException],
    ) -> Iterator[Loaded[P]]:
        for each in chosen:
            kind = kinds.get((each.name, each.target))
            try:
                if kind is None:
                    raise _cause(errors.get(each.name))
                yield Loaded(each.name, kind, self._check(each.name, kind))
            except Exception as error:
                LOG.debug('Plug-in %s', each, exc_info=True)
                self._reject(self._broken(each, error))

    def _check(self, name: str, kind: Any) -> stats.Description:
        """Check a class against the contract, and make one."""
        if not (isinstance(kind, type) and issubclass(kind, self._base)):
            raise TypeError(
                'it is not a subclass of %s.%s'
                % (self._base.__module__, self._base.__name__)
            )
        described = kind.describe()
        if described.name != name:
            raise ValueError('it describes itself as %s' % described.name)
        for key in described.keys:
            problem = stats.key_problem(key)
            if problem:
                raise ValueError(problem)
        register_options(kind, CONF)
        kind()
        return described

    def _check_keys(self, loaded: Iterable[Loaded[P]]) -> None:
        """No two resources may own one key; consumers may share what is read.

        This is not a matter of taste, so no option softens it.
        """
        owners: dict[str, str] = {}
        for each in loaded:
            for key in each.description.keys:
                other = owners.setdefault(key.name, each.name)
                if other != each.name and self._namespace == catalog.RESOURCES:
                    raise exception.PluginBroken(
                        option=self._option,
                        name=each.name,
                        provider=each.kind.__module__,
                        reason='it owns the stats key %s, and so does %s'
                        % (key.name, other),
                    )

    def _broken(
        self, each: Installed, error: Exception
    ) -> exception.PluginBroken:
        return exception.PluginBroken(
            option=self._option,
            name=each.name,
            provider=str(each),
            reason='%s: %s' % (type(error).__name__, error),
        )

    def _reject(self, error: exception.PluginError) -> None | NoReturn:
        if CONF.nova_ext_plugins.on_unusable == 'refuse':
            raise error
        LOG.error('%s It is left out.', error)
        return None


def _cause(error: BaseException | None) -> BaseException:
    return error or ImportError('stevedore did not find it')
