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
"""Test your own resource and consumer plug-ins, without Nova.

:func:`check_resource` leads a plug-in through the life of a host,
:func:`check_consumer` a consumer through requests, and :func:`check_halves`
proves that both halves of a pair count alike. Each raises
:class:`PluginMistake` with all that it found::

    def test_my_plugin():
        testing.check_resource(
            MyResource,
            host=testing.a_host(cells=2, pcpus=8),
            servers=[
                testing.a_server(vcpus=2, extra_specs={'my:key': '3'}),
                testing.a_server(vcpus=4, first_pcpu=2),
            ],
        )

Options are set before, by ``oslo_config``'s own fixture; those of the plug-in
are registered here as they are in Nova's services.
"""

from nova_ext.harness.consumer import check_consumer
from nova_ext.harness.halves import check_halves
from nova_ext.harness.mistakes import PluginMistake
from nova_ext.harness.resource import check_resource
from nova_ext.harness.world import a_host
from nova_ext.harness.world import a_request
from nova_ext.harness.world import a_server

__all__ = [
    'PluginMistake',
    'a_host',
    'a_request',
    'a_server',
    'check_consumer',
    'check_halves',
    'check_resource',
]
