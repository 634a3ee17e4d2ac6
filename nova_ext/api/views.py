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
"""What callers see of a server's scaling."""

from dataclasses import asdict
from dataclasses import dataclass

from nova_ext import cpuset
from nova_ext.conf import CONF
from nova_ext.model import bounds
from nova_ext.model import pinning
from nova_ext.model import realtime as rules
from nova_ext.model import usage
from nova_ext.model.record import ScaleRecord


@dataclass(frozen=True)
class Scale:
    """A server's scaling, read from its flavor and its record.

    :ivar online: sorted, as is ``offline``.
    """

    bounds: bounds.Bounds
    online: tuple[int, ...]
    offline: tuple[int, ...]
    record: ScaleRecord

    @classmethod
    def of(cls, instance):
        """Read it from an instance.

        :param instance: with flavor, numa_topology and system_metadata.
        """
        flavor = instance.flavor
        offline = offline_vcpus(instance)
        return cls(
            bounds.bounds_of(
                flavor.extra_specs,
                flavor.vcpus,
                bounds.image_properties(_metadata(instance)),
            ),
            tuple(sorted(set(range(flavor.vcpus)) - offline)),
            tuple(sorted(offline)),
            _record(instance),
        )

    @property
    def current(self):
        """How many vCPUs are online."""
        return len(self.online)


def vcpu_scale(instance, last_request=None):
    """Return the body of ``/servers/{id}/vcpu-scale``.

    :param last_request: the compute host's own answer, where it is newer than
        the instance.
    """
    scale = Scale.of(instance)
    if last_request is None and scale.record.last is not None:
        last_request = scale.record.last.shown()
    return {
        'vcpu_scale': {
            'min': scale.bounds.minimum,
            'max': scale.bounds.maximum,
            'current': scale.current,
            'online': list(scale.online),
            'offline': list(scale.offline),
            'accounting': CONF.nova_ext_scaling.accounting,
            'remarks': remarks(instance),
            'stray': _stray(scale.record),
            'last_request': last_request,
        }
    }


def _stray(record):
    """Return what the guest does with parked vCPUs by itself, None for none.

    ``vcpus`` are those that it runs now, as far as the host knows.
    """
    if record.stray is None:
        return None
    return {**asdict(record.stray), 'vcpus': sorted(record.strays)}


def dry_run(plan):
    """Return the body that answers ``?dry_run=true``.

    :param plan: as :func:`nova_ext.scaling.contract.answer_plan` shapes it.
    """
    return {'vcpu_scale': {'dry_run': plan}}


def legacy_vcpus(instance):
    """Return ``wrs-res:vcpus``: minimum, current and maximum."""
    scale = Scale.of(instance)
    return [scale.bounds.minimum, scale.current, scale.bounds.maximum]


def offline_vcpus(instance):
    """Return the vCPUs that the guest must not use.

    :param instance: with numa_topology and system_metadata.
    """
    cells = instance.numa_topology.cells if _numa(instance) else ()
    return pinning.parked(
        _record(instance).offline, [cell.cpu_pinning or {} for cell in cells]
    )


def remarks(instance):
    """Return what users should know of a server's state, as texts.

    :param instance: with flavor, numa_topology and system_metadata.
    """
    flavor = instance.flavor
    realtime = usage.realtime_of(
        flavor.vcpus,
        flavor.extra_specs,
        bounds.image_properties(_metadata(instance)),
    )
    if not realtime or realtime - offline_vcpus(instance):
        return []
    return [
        'All real-time vCPUs (%s) are parked, and none runs real-time; the '
        'memory stays locked on the host until the server is stopped or '
        'resized to a flavor without %s.'
        % (cpuset.render(realtime), rules.REALTIME)
    ]


def _record(instance):
    return ScaleRecord.from_metadata(_metadata(instance))


def _metadata(instance):
    # A server that no cell has yet comes from its build request, without.
    if 'system_metadata' in instance:
        return instance.system_metadata or {}
    return {}


def _numa(instance):
    return 'numa_topology' in instance and instance.numa_topology
