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
"""Make an object of our class whenever Nova's tests make one of Nova's.

No name is rebound: Nova says ``super(LibvirtDriver, self)``, which would then
recurse. Instead ``__new__`` of Nova's class returns one of ours, whose
``__init__`` Python then calls. Nothing is imported early; our class is loaded
when the first object is made.
"""

from collections.abc import Callable
import importlib
import importlib.abc
import importlib.machinery
import sys
from typing import Any

#: Module and name of Nova's class, and the path of ours.
CLASSES = {
    ('nova.virt.libvirt.driver', 'LibvirtDriver'): (
        'nova_ext.compute.driver.LibvirtDriver'
    ),
    ('nova.compute.resource_tracker', 'ResourceTracker'): (
        'nova_ext.compute.tracker.ResourceTracker'
    ),
}

Hook = Callable[[Any], None]


class Substitution:
    """What stands for what.

    :ivar made: how many objects of our classes were made.
    """

    def __init__(self) -> None:
        self._ours: dict[type, str | type] = {}
        self.made = 0

    def install(self, mocks: str) -> None:
        """Arm the hooks; before Nova or ``unittest.mock`` is imported.

        :param mocks: ``redirect``: a mock of a method of Nova's class goes to
            ours where ours overrides it; ``through``: it stays on Nova's, so
            that our override runs around it. The latter is stricter, and may
            give false alarms.
        """
        hooks: dict[str, Hook] = {
            module: _bind(self._substitute, name, ours)
            for (module, name), ours in CLASSES.items()
        }
        if mocks == 'redirect':
            hooks['unittest.mock'] = self._redirect_mocks
            hooks['fixtures._fixtures.monkeypatch'] = self._redirect_patches
        sys.meta_path.insert(0, Finder(hooks))

    def _substitute(self, module: Any, name: str, ours: str) -> None:
        base = getattr(module, name)
        self._ours[base] = ours

        def __new__(cls: Any, *args: Any, **kwargs: Any) -> Any:
            if cls is base:
                cls = self._class_for(base)
            if cls is self._ours[base]:
                self.made += 1
            return object.__new__(cls)

        base.__new__ = __new__

    def _class_for(self, base: type) -> type:
        ours = self._ours[base]
        if isinstance(ours, str):
            module, _, name = ours.rpartition('.')
            ours = getattr(importlib.import_module(module), name)
            assert isinstance(ours, type)
            assert issubclass(ours, base)
            self._ours[base] = ours
        return ours

    def _target(self, target: Any, attribute: str) -> Any:
        """Return where a mock goes: to our class if it has its own method."""
        if isinstance(target, type) and target in self._ours:
            ours = self._class_for(target)
            if attribute in vars(ours):
                return ours
        return target

    def _redirect_mocks(self, mock: Any) -> None:
        init = mock._patch.__init__

        def __init__(
            patch: Any, getter: Any, attribute: str, *args: Any, **kwargs: Any
        ) -> None:
            def target() -> Any:
                return self._target(getter(), attribute)

            init(patch, target, attribute, *args, **kwargs)

        mock._patch.__init__ = __init__

    def _redirect_patches(self, module: Any) -> None:
        setup = module.MonkeyPatch._setUp

        def _setUp(fixture: Any) -> None:
            where, _, attribute = fixture.name.rpartition('.')
            owner, _, name = where.rpartition('.')
            try:
                found = getattr(importlib.import_module(owner), name)
            except (ImportError, AttributeError, ValueError):
                return setup(fixture)
            ours = self._target(found, attribute)
            if ours is not found:
                fixture.name = '%s.%s.%s' % (
                    ours.__module__,
                    ours.__name__,
                    attribute,
                )
            return setup(fixture)

        module.MonkeyPatch._setUp = _setUp


class Finder(importlib.abc.MetaPathFinder):
    """Calls a hook on each of some modules, right after its import."""

    def __init__(self, hooks: dict[str, Hook]) -> None:
        self._hooks = hooks

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name not in self._hooks:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec and spec.loader:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                self._hooks[name](module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _bind(method: Callable[..., None], *args: str) -> Hook:
    return lambda module: method(module, *args)
