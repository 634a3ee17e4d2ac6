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
"""Nova's hosts and requests, as few fields as will do."""

from nova import objects
from nova.scheduler import host_manager

objects.register_all()

STATS = {'compute_unit_total': '8', 'compute_unit_used': '2.5'}


class HostState(host_manager.HostState):
    """Consumes nothing but says so."""

    def _locked_consume_from_request(self, spec_obj):
        self.num_instances += 1


def host(name='host1', **stats):
    found = HostState(name, name, 'cell')
    found.stats = {**STATS, **stats}
    return found


def spec(units='2', hints=None, **specs):
    return objects.RequestSpec(
        instance_uuid='5b8f6a3e-54ab-4a5c-9a5e-0d6d9f3f7a11',
        flavor=objects.Flavor(
            name='f',
            vcpus=2,
            memory_mb=1,
            root_gb=0,
            ephemeral_gb=0,
            swap=0,
            extra_specs={'cu:units': units, **specs},
        ),
        image=objects.ImageMeta.from_dict({}),
        numa_topology=None,
        scheduler_hints=hints or {},
    )
