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
"""Read the kernel's files, below a root folder that need not be ``/``."""

from collections.abc import Iterator
import gzip
import os
import pathlib

from nova_ext import cpuset


class Unreadable(Exception):
    """A fact cannot be read here; the text says which and why."""


class HostFiles:
    """The files of one host.

    :param root: where its ``/`` is; a container may see it elsewhere.
    """

    def __init__(self, root: str = '/') -> None:
        self._root = pathlib.Path(root)

    def path(self, name: str) -> pathlib.Path:
        """Where ``/<name>`` of the host is."""
        return self._root / name.lstrip('/')

    def content(self, name: str) -> bytes:
        """The content of a file.

        :raises Unreadable: there is none, or it may not be read.
        """
        try:
            return self.path(name).read_bytes()
        except OSError as error:
            raise Unreadable(_reason(name, error)) from error

    def text(self, name: str) -> str:
        """The content of a file, without white space at its ends.

        :raises Unreadable: there is none, or it may not be read.
        """
        return self.content(name).decode('utf-8', 'replace').strip()

    def optional(self, name: str) -> str:
        """The same, and the empty text where there is no such file.

        :raises Unreadable: it is there and may not be read.
        """
        return self.text(name) if self.exists(name) else ''

    def exists(self, name: str) -> bool:
        """Whether there is such a file or folder.

        :raises Unreadable: a folder on the way may not be searched.
        """
        try:
            self.path(name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise Unreadable(_reason(name, error)) from error
        return True

    def number(self, name: str) -> int:
        """The number that a file holds.

        :raises Unreadable: the file cannot be read.
        :raises ValueError: it holds something else.
        """
        return int(self.text(name))

    def cpus(self, name: str) -> frozenset[int]:
        """The CPU list that a file holds, none for an empty one.

        Kernels before 6.10 show an unused mask as ``(null)``.

        :raises Unreadable: the file cannot be read.
        :raises ValueError: it holds something else.
        """
        text = self.text(name)
        return cpuset.parse('' if text == '(null)' else text)

    def names(self, folder: str) -> list[str]:
        """What is in a folder, sorted.

        :raises Unreadable: there is none, or it may not be read.
        """
        try:
            return sorted(os.listdir(self.path(folder)))
        except OSError as error:
            raise Unreadable(_reason(folder, error)) from error

    def bytes_at(self, name: str, offset: int, size: int) -> bytes:
        """A part of a file, which may be a device.

        :raises Unreadable: there is none, or it may not be read there.
        """
        try:
            descriptor = os.open(self.path(name), os.O_RDONLY)
            try:
                found = os.pread(descriptor, size, offset)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise Unreadable(_reason(name, error)) from error
        if len(found) != size:
            raise Unreadable('/%s ends before byte %d' % (name, offset + size))
        return found

    def kernel_option(self, name: str) -> str:
        """What the kernel was built with: ``y``, a value, or the empty text.

        :raises Unreadable: no file of this host tells.
        """
        release = self.text('proc/sys/kernel/osrelease')
        for place in (
            'proc/config.gz',
            'boot/config-' + release,
            'lib/modules/%s/config' % release,
        ):
            if self.exists(place):
                for line in _lines(place, self.content(place)):
                    key, _, value = line.partition('=')
                    if key == name:
                        return value.strip('"')
                return ''
        raise Unreadable(
            'neither /proc/config.gz nor /boot/config-%s exists' % release
        )


def _lines(name: str, content: bytes) -> Iterator[str]:
    if name.endswith('.gz'):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise Unreadable('/%s: %s' % (name, error)) from error
    yield from content.decode('utf-8', 'replace').splitlines()


def _reason(name: str, error: OSError) -> str:
    return '/%s: %s' % (name.lstrip('/'), error.strerror or error)
