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
"""The uuid that nova-compute keeps beside its state or configuration."""

import pathlib

import pytest

from nova_ext import exception
from nova_ext.hostcheck import identity

UUID = '4e8e5957-649f-477b-9e5b-f1f75b21c03c'


def test_the_first_folder_that_has_it(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'compute_id').write_text('  %s\n' % UUID.upper())
    folders = [str(tmp_path / 'absent'), str(tmp_path), '/absent']
    assert identity.provider_uuid(folders) == UUID


def test_no_file(tmp_path: pathlib.Path) -> None:
    folder = str(tmp_path)
    with pytest.raises(exception.HostTraitFailed) as caught:
        identity.provider_uuid([folder, folder])
    text = str(caught.value)
    assert (
        'there is no file %s/compute_id: start nova-compute' % folder in text
    )
    assert '--resource-provider' in text


@pytest.mark.parametrize('content', [b'', b'none', b'\xff'])
def test_a_damaged_file(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / 'compute_id').write_bytes(content)
    with pytest.raises(
        exception.HostTraitFailed, match='compute_id cannot be used'
    ):
        identity.provider_uuid([str(tmp_path)])
