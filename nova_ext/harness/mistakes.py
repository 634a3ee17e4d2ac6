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
"""What is wrong with a plug-in, in words."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from oslo_config import cfg

from nova_ext.plugins import stats
from nova_ext.plugins.base import Plugin
from nova_ext.plugins.base import register_options


class PluginMistake(AssertionError):
    """What is wrong with a plug-in, one mistake a line."""


def check_class(kind: type[Plugin], contract: Any) -> Iterator[str]:
    """Check what can be seen without a host; registers the options."""
    if not (isinstance(kind, type) and issubclass(kind, contract)):
        yield 'it is not a subclass of %s' % contract.__name__
        return
    register_options(kind, cfg.CONF)
    try:
        kind()
    except Exception as error:
        yield 'its constructor, without arguments, raised %s: %s' % (
            type(error).__name__,
            error,
        )
        return
    described = kind.describe()
    if kind.describe() != described:
        yield 'describe() changes'
    for key in described.keys:
        problem = stats.key_problem(key)
        if problem:
            yield problem


def difference(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """Name what differs between two stats."""
    return ', '.join(
        '%s = %s instead of %s' % (key, new.get(key), old.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    )


def raise_all(kind: type[Any], mistakes: Sequence[str]) -> None:
    """Raise if there is any mistake.

    :raises PluginMistake: there is.
    """
    if mistakes:
        raise PluginMistake(
            '%s.%s:\n%s'
            % (
                kind.__module__,
                kind.__qualname__,
                '\n'.join('- ' + each for each in mistakes),
            )
        )
