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

import pytest

from nova_ext.api import views
from nova_ext.conf import CONF
from nova_ext.model import record
from tests.unit.api import fakes


@pytest.mark.parametrize(
    'specs, mask, expected',
    [
        (fakes.SCALABLE, None, [2, 4, 4]),
        (fakes.SCALABLE, '0x8', [2, 3, 4]),
        (fakes.SCALABLE, '0xa', [2, 2, 4]),
        ({}, None, [4, 4, 4]),
        ({'hw:cpu_policy': 'dedicated'}, '0x8', [4, 3, 4]),
        # A flavor that should not exist does not break the view.
        ({'wrs:min_vcpus': 'x'}, None, [4, 4, 4]),
        # Left over from a larger flavor.
        (fakes.SCALABLE, '0xff0', [2, 4, 4]),
        (fakes.SCALABLE, 'garbage', [2, 4, 4]),
    ],
)
def test_legacy_vcpus(specs, mask, expected):
    metadata = {'nova_ext_offline': mask} if mask else {}
    instance = fakes.server(
        flavor=fakes.flavor(specs=specs), system_metadata=metadata
    )
    assert views.legacy_vcpus(instance) == expected


def test_server_from_a_build_request():
    instance = fakes.server()
    del instance.system_metadata
    assert views.legacy_vcpus(instance) == [2, 4, 4]


def test_the_hosts_answer_is_newer_than_the_instance():
    shown = views.vcpu_scale(fakes.server(), fakes.LAST)['vcpu_scale']
    assert shown['last_request'] == fakes.LAST


def test_accounting_is_the_operators():
    CONF.set_override('accounting', 'full', group='nova_ext_scaling')
    try:
        shown = views.vcpu_scale(fakes.server())['vcpu_scale']
    finally:
        CONF.clear_override('accounting', group='nova_ext_scaling')
    assert shown['accounting'] == 'full'


REALTIME = {
    **fakes.SCALABLE,
    'hw:cpu_realtime': 'yes',
    'hw:cpu_realtime_mask': '^0-1',
}


@pytest.mark.parametrize(
    'specs, mask, wanted',
    [
        (REALTIME, '0xc', True),
        (REALTIME, '0x8', False),
        (REALTIME, None, False),
        (fakes.SCALABLE, '0xc', False),
        ({**REALTIME, 'hw:cpu_realtime_mask': 'x'}, '0xc', False),
    ],
)
def test_locked_memory_without_a_real_time_vcpu(specs, mask, wanted):
    metadata = {'nova_ext_offline': mask} if mask else {}
    instance = fakes.server(
        flavor=fakes.flavor(specs=specs), system_metadata=metadata
    )
    shown = views.vcpu_scale(instance)['vcpu_scale']['remarks']
    text = (
        'All real-time vCPUs (2-3) are parked, and none runs real-time; the '
        'memory stays locked on the host until the server is stopped or '
        'resized to a flavor without hw:cpu_realtime.'
    )
    assert shown == ([text] if wanted else [])


def test_the_images_mask_counts_for_remarks():
    instance = fakes.server(
        flavor=fakes.flavor(specs=REALTIME),
        system_metadata={
            'nova_ext_offline': '0x8',
            'image_hw_cpu_realtime_mask': '3',
        },
    )
    (shown,) = views.remarks(instance)
    assert 'vCPUs (3)' in shown


def test_vcpus_that_run_against_the_record():
    stray = record.Stray(frozenset({1, 2}), 5, '2026-01-01T00:00:00Z')
    metadata = record.ScaleRecord(frozenset({1}), stray=stray).to_metadata()
    shown = views.vcpu_scale(fakes.server(system_metadata=metadata))
    # vCPU 2 is online by now, and may run.
    assert shown['vcpu_scale']['stray'] == {
        'vcpus': [1],
        'count': 5,
        'updated_at': '2026-01-01T00:00:00Z',
    }
