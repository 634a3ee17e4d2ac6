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
import errno
import os
import pathlib

import pytest

from nova_ext.channel import folder as folder_module
from nova_ext.channel import loop

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


def test_a_folder_that_is_back_unchanged_ends_the_complaint(tmp_path) -> None:
    path = tmp_path / 'sockets'
    path.mkdir()
    age(path)
    folder = folder_module.Folder(str(path))
    assert folder.look() == {}
    path.rename(tmp_path / 'away')
    assert folder.look() is None
    (tmp_path / 'away').rename(path)
    assert folder.look() == {}
    assert folder.complaint is None


def test_a_removed_folder_that_is_still_seen_is_told(
    removed_folder, caplog
) -> None:
    folder = folder_module.Folder(removed_folder)
    assert folder.look() is None
    assert folder.look() is None
    assert folder.complaint == (
        'it was removed, and a new one is not seen; restart nova-ext-channel'
    )
    assert caplog.text.count('restart nova-ext-channel') == 1


class Heard:
    """What a watch tells, gathered by the loop that it runs in."""

    def __init__(self, path: pathlib.Path) -> None:
        self.changed: list[set[str]] = []
        self.lost = 0
        self.loop = loop.Loop()
        self.watch = folder_module.Watch(
            str(path), self.loop, self.changed.append, self.lose
        )

    def lose(self) -> None:
        self.lost += 1

    def listen(self) -> list[set[str]]:
        """Serve what has happened; return what was told of it."""
        self.loop.call_later(0.01, self.loop.stop)
        self.loop.run()
        os.eventfd_read(self.loop._wake)
        found, self.changed[:] = list(self.changed), []
        return found


@pytest.fixture
def heard(tmp_path):
    made = Heard(tmp_path / 'sockets')
    yield made
    made.watch.close()
    made.loop.close()


def test_the_watch_tells_of_guests_sockets_only(heard, tmp_path) -> None:
    path = tmp_path / 'sockets'
    path.mkdir()
    heard.watch.start()
    (path / 'domain-1').mkdir()
    (path / 'cgcs.messaging.x').touch()
    assert heard.listen() == []
    (path / (NAME % 'a')).touch()
    (path / (NAME % 'b')).touch()
    assert heard.listen() == [{'instance-0000000a', 'instance-0000000b'}]
    (path / (NAME % 'a')).rename(tmp_path / 'away')
    (path / (NAME % 'b')).unlink()
    assert heard.listen() == [{'instance-0000000a', 'instance-0000000b'}]
    (tmp_path / 'away').rename(path / (NAME % 'c'))
    assert heard.listen() == [{'instance-0000000c'}]


def test_a_folder_that_goes_away_is_a_loss(heard, tmp_path) -> None:
    path = tmp_path / 'sockets'
    for remove in (path.rmdir, lambda: path.rename(tmp_path / 'old')):
        path.mkdir()
        heard.watch.start()
        assert heard.watch.active
        remove()
        heard.listen()
        assert not heard.watch.active
    assert heard.lost == 2


def test_a_full_queue_is_a_loss(heard, tmp_path, monkeypatch) -> None:
    (tmp_path / 'sockets').mkdir()
    heard.watch.start()
    overflow = folder_module.inotify_simple.Event(
        -1, folder_module.inotify_simple.flags.Q_OVERFLOW, 0, ''
    )
    monkeypatch.setattr(
        heard.watch._inotify, 'read', lambda timeout: [overflow], raising=False
    )
    (tmp_path / 'sockets' / (NAME % 'a')).touch()
    heard.listen()
    assert (heard.lost, heard.watch.active) == (1, False)


def test_a_folder_that_cannot_be_watched_is_told_once(heard, caplog) -> None:
    heard.watch.start()
    heard.watch.start()
    assert not heard.watch.active
    assert caplog.text.count('Cannot watch the folder') == 1


def test_a_watch_that_the_loop_does_not_take_is_none(
    heard, tmp_path, monkeypatch, caplog
) -> None:
    (tmp_path / 'sockets').mkdir()

    def refuse(*_) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as patched:
        patched.setattr(heard.loop, 'watch', refuse)
        heard.watch.start()
    assert not heard.watch.active
    assert 'No space left on device; looking at it' in caplog.text
    heard.watch.start()
    assert heard.watch.active
