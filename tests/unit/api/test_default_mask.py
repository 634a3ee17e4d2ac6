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
"""Which flavors get the default mask."""

import pytest

from nova_ext.api import default_mask
from tests.unit.api import fakes

REALTIME = {'hw:cpu_policy': 'dedicated', 'hw:cpu_realtime': 'yes'}
MASK = {'hw:cpu_realtime_mask': '^0'}


def save(specs):
    flavor = fakes.flavor(specs=specs)
    default_mask.save(flavor, default_mask.applied_to(flavor.extra_specs))


@pytest.mark.parametrize('specs', [REALTIME, {**REALTIME, **MASK}])
def test_none_unless_told(added, specs):
    save(specs)
    assert added == []


@pytest.mark.parametrize(
    'more, wanted',
    [
        ({}, [MASK]),
        ({'hw:cpu_realtime_mask': ''}, [MASK]),
        ({'hw:cpu_realtime_mask': '^0-1'}, []),
        # All may be real-time: QEMU's own threads run elsewhere.
        ({'hw:emulator_threads_policy': 'isolate'}, []),
        ({'hw:cpu_realtime': 'no'}, []),
    ],
)
def test_what_nova_would_refuse(added, config, more, wanted):
    config(group='nova_ext_realtime', default_mask='^0')
    save({**REALTIME, **more})
    assert added == wanted
