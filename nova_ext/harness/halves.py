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
"""Check that the two halves of a pair count alike."""

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

from nova_ext.consumers.base import Consumer
from nova_ext.harness.mistakes import check_class
from nova_ext.harness.mistakes import raise_all
from nova_ext.harness.world import a_request
from nova_ext.model.usage import Usage
from nova_ext.resources.base import Resource
from nova_ext.resources.host import Host


def check_halves(
    resource: type[Resource],
    consumer: type[Consumer[Any, Any]],
    host: Host,
    servers: Sequence[Usage],
) -> None:
    """Check that a consumer mirrors what its compute host will write.

    :param servers: that fit on the host together, none of them scaled down.
    :raises PluginMistake: the keys differ, or the states do.
    """
    mistakes = [*check_class(resource, Resource)]
    mistakes += check_class(consumer, Consumer)
    if not mistakes:
        mistakes += _check_keys(resource, consumer)
    if not mistakes:
        mistakes += _mirror(resource(), consumer(), host, servers)
    raise_all(consumer, mistakes)


def _check_keys(
    resource: type[Resource], consumer: type[Consumer[Any, Any]]
) -> Iterator[str]:
    owned = {key.name: key.kind for key in resource.describe().keys}
    for key in consumer.describe().keys:
        if key.name not in owned:
            yield 'it reads the key %s, which %s does not write' % (
                key.name,
                resource.__name__,
            )
        elif owned[key.name] != key.kind:
            yield 'it reads the key %s as %s, and %s writes %s' % (
                key.name,
                key.kind,
                resource.__name__,
                owned[key.name],
            )


def _mirror(
    resource: Resource,
    consumer: Consumer[Any, Any],
    host: Host,
    servers: Sequence[Usage],
) -> Iterator[str]:
    keys = {key.name: key for key in resource.describe().keys}

    def written() -> dict[str, str]:
        return {
            name: keys[name].render(value)
            for name, value in resource.write().items()
        }

    resource.reset(host)
    state = consumer.read(written())
    for server in servers:
        wanted = consumer.wanted(a_request(server))
        if wanted is not None:
            state = consumer.consume(state, wanted)
        resource.add_instance(server)
        truth = consumer.read(written())
        if state != truth:
            yield (
                'after a server (%s) consume() gives %r, and its host %r'
                % (dict(server.extra_specs), state, truth)
            )
            state = truth
