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
import os
import pathlib

from nova_ext.channel import folder as folder_module

NAME = 'cgcs.messaging.instance-0000000%s.sock'


def age(path: pathlib.Path, seconds: float = 100) -> None:
    """Make the folder's last change so many seconds older."""
    changed = path.stat().st_mtime - seconds
    os.utime(path, (changed, changed))


def test_only_the_guests_sockets_count(tmp_path: pathlib.Path) -> None:
    for name in (NAME % 'a', NAME % 'b', 'domain-1', 'cgcs.messaging.x'):
        (tmp_path / name).touch()
    assert folder_module.Folder(str(tmp_path)).look() == {
        'instance-0000000a': str(tmp_path / (NAME % 'a')),
        'instance-0000000b': str(tmp_path / (NAME % 'b')),
    }


def test_an_unchanged_folder_is_not_read(tmp_path, monkeypatch) -> None:
    age(tmp_path)
    folder = folder_module.Folder(str(tmp_path))
    assert folder.look() == {}
    reads: list[str] = []
    monkeypatch.setattr(
        folder_module.os, 'listdir', lambda path: reads.append(path) or []
    )
    assert folder.look() is None
    assert reads == []


def test_a_change_is_seen(tmp_path: pathlib.Path) -> None:
    age(tmp_path)
    folder = folder_module.Folder(str(tmp_path))
    folder.look()
    (tmp_path / (NAME % 'a')).touch()
    assert folder.look() == {'instance-0000000a': str(tmp_path / (NAME % 'a'))}


def test_a_change_with_the_same_time_stamp_is_seen(tmp_path) -> None:
    """Time stamps have a grain: a fresh one is not relied upon."""
    folder = folder_module.Folder(str(tmp_path))
    folder.look()
    stamp = tmp_path.stat().st_mtime_ns
    (tmp_path / (NAME % 'a')).touch()
    os.utime(tmp_path, ns=(stamp, stamp))
    assert len(folder.look()) == 1


def test_an_unreadable_folder_is_told_once_and_says_nothing(
    tmp_path: pathlib.Path, caplog
) -> None:
    missing = tmp_path / 'missing'
    folder = folder_module.Folder(str(missing))
    assert folder.look() is None
    assert folder.look() is None
    assert caplog.text.count('check [nova_ext_channel]guest_socket_dir') == 1
    missing.mkdir()
    assert folder.look() == {}
    missing.rmdir()
    folder.look()
    assert caplog.text.count('check [nova_ext_channel]guest_socket_dir') == 2
