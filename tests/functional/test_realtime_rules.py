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
"""The table of real-time rules, through Nova's own functions.

A release of Nova that changes a rule is noticed here.
"""

from collections.abc import Iterator
import itertools
from typing import Any

from nova import exception as nova_exception
from nova import objects
from nova.api.openstack.compute import servers
from nova.compute import api as compute
from nova.scheduler import utils as scheduler_utils
from nova.virt import hardware
import pytest

from nova_ext.model import realtime
from nova_ext.model import usage
from tests import realtime_rules

WORKS = realtime_rules.TABLES['works']
REFUSED = realtime_rules.TABLES['refused']


def by_name(case: dict[str, Any]) -> str:
    return str(case['name'])


def flavor(vcpus: int, specs: dict[str, str]) -> Any:
    return objects.Flavor(
        id=1,
        flavorid='f',
        name='f',
        vcpus=vcpus,
        memory_mb=512 * vcpus,
        root_gb=1,
        ephemeral_gb=0,
        swap=0,
        extra_specs=specs,
    )


def flavor_of(case: dict[str, Any]) -> Any:
    return flavor(realtime_rules.vcpus(case), realtime_rules.extra_specs(case))


def validate(case: dict[str, Any]) -> None:
    """Do what nova-api does at create, resize and rebuild."""
    image = {'properties': realtime_rules.properties(case)}
    compute.API._validate_flavor_image_numa_pci(image, flavor_of(case))


@pytest.mark.parametrize('case', WORKS, ids=by_name)
def test_nova_agrees_with_what_works(case: dict[str, Any]) -> None:
    validate(case)
    nova_flavor = flavor_of(case)
    vcpus = nova_flavor.vcpus
    image = objects.ImageMeta.from_dict(
        {'properties': realtime_rules.properties(case)}
    )
    chosen = hardware.get_realtime_cpu_constraint(nova_flavor, image)
    assert (chosen or set()) == set(case['realtime'])
    topology = hardware.numa_get_constraints(nova_flavor, image)
    dedicated = set(case.get('dedicated', range(vcpus)))
    assert usage.dedicated_of(topology) == dedicated


@pytest.mark.parametrize('case', WORKS, ids=by_name)
def test_placement_agrees_with_what_works(case: dict[str, Any]) -> None:
    spec = objects.RequestSpec(
        flavor=flavor_of(case),
        image=objects.ImageMeta.from_dict(
            {'properties': realtime_rules.properties(case)}
        ),
        is_bfv=False,
    )
    found = scheduler_utils.ResourceRequest.from_request_spec(spec)
    amounts = found.get_request_group(None).resources
    vcpus = realtime_rules.vcpus(case)
    assert amounts.get('PCPU', 0) == case.get('pcpus', vcpus)
    assert amounts.get('VCPU', 0) == case.get('vcpus_shared', 0)


@pytest.mark.parametrize('case', REFUSED, ids=by_name)
def test_what_nova_says_to_what_is_refused(case: dict[str, Any]) -> None:
    if case['nova'] == 'accepts':
        validate(case)
        return
    with pytest.raises(nova_exception.NovaException) as caught:
        validate(case)
    answered = isinstance(
        caught.value, servers.INVALID_FLAVOR_IMAGE_EXCEPTIONS
    )
    if case['nova'] == 500:
        assert not answered, 'Nova has learnt to answer 400 to this'
        assert type(caught.value) is nova_exception.Invalid
    else:
        assert answered
        assert type(caught.value).__name__ == case['nova']


def masks(vcpus: int) -> Iterator[str]:
    """Every one or two items, also with the CPU beyond the last."""
    cpus = range(vcpus + 1)
    items = [str(cpu) for cpu in cpus]
    items += ['%d-%d' % pair for pair in itertools.combinations(cpus, 2)]
    items += ['^' + item for item in items]
    for count in (1, 2):
        for chosen in itertools.product(items, repeat=count):
            yield ','.join(chosen)


@pytest.mark.parametrize('vcpus', [1, 2, 3, 4])
@pytest.mark.parametrize('emulator', [None, 'isolate'])
def test_every_mask_means_the_same_to_nova(
    vcpus: int, emulator: str | None
) -> None:
    specs = {'hw:cpu_policy': 'dedicated', 'hw:cpu_realtime': 'yes'}
    if emulator:
        specs['hw:emulator_threads_policy'] = emulator
    image = objects.ImageMeta.from_dict({})
    for mask in masks(vcpus):
        given = {**specs, 'hw:cpu_realtime_mask': mask}
        wanted, found = (
            _outcome(
                lambda: hardware.get_realtime_cpu_constraint(
                    flavor(vcpus, given), image
                )
            ),
            _outcome(lambda: realtime.decide(vcpus, given, {}).realtime),
        )
        assert found == wanted, mask


def _outcome(call: Any) -> Any:
    try:
        return set(call())
    except (nova_exception.NovaException, realtime.exception.FlavorInvalid):
        return None
