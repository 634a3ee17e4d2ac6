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
"""Files below a root folder, and what is said where there are none."""

import gzip
import pathlib

import pytest

from nova_ext.hostcheck import files


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """A host with a kernel release and nothing else."""
    folder = tmp_path / 'proc/sys/kernel'
    folder.mkdir(parents=True)
    (folder / 'osrelease').write_text('6.1.0\n')
    return tmp_path


def test_a_host_below_a_folder(root: pathlib.Path) -> None:
    found = files.HostFiles(str(root))
    (root / 'list').write_text('0-2\n')
    (root / 'number').write_text('-1\n')
    assert found.text('/list') == '0-2'
    assert found.cpus('list') == {0, 1, 2}
    assert found.number('number') == -1
    assert found.names('') == ['list', 'number', 'proc']
    assert found.bytes_at('list', 1, 2) == b'-2'
    assert found.optional('absent') == ''
    assert not found.exists('list/of/nothing')


def test_a_file_that_is_not_there(root: pathlib.Path) -> None:
    found = files.HostFiles(str(root))
    for read in (found.content, found.text, found.cpus, found.names):
        with pytest.raises(files.Unreadable, match='^/absent: No such file'):
            read('absent')
    with pytest.raises(files.Unreadable, match='^/absent: No such file'):
        found.bytes_at('absent', 0, 1)


def test_a_part_that_is_not_there(root: pathlib.Path) -> None:
    (root / 'short').write_bytes(b'12')
    with pytest.raises(files.Unreadable, match='/short ends before byte 4'):
        files.HostFiles(str(root)).bytes_at('short', 2, 2)


def test_text_that_is_none(root: pathlib.Path) -> None:
    (root / 'number').write_bytes(b'\xff\n')
    with pytest.raises(ValueError):
        files.HostFiles(str(root)).number('number')


@pytest.mark.parametrize(
    'place',
    ['proc/config.gz', 'boot/config-6.1.0', 'lib/modules/6.1.0/config'],
)
def test_kernel_option(root: pathlib.Path, place: str) -> None:
    text = b'# CONFIG_B is not set\nCONFIG_A=y\nCONFIG_AB="x"\n'
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text) if place.endswith('gz') else text)
    found = files.HostFiles(str(root))
    assert found.kernel_option('CONFIG_A') == 'y'
    assert found.kernel_option('CONFIG_AB') == 'x'
    assert found.kernel_option('CONFIG_B') == ''


def test_a_damaged_kernel_configuration(root: pathlib.Path) -> None:
    (root / 'proc/config.gz').write_bytes(b'text')
    with pytest.raises(files.Unreadable, match='/proc/config.gz: '):
        files.HostFiles(str(root)).kernel_option('CONFIG_A')


def test_no_kernel_configuration(root: pathlib.Path) -> None:
    with pytest.raises(files.Unreadable, match='nor /boot/config-6.1.0 '):
        files.HostFiles(str(root)).kernel_option('CONFIG_A')
