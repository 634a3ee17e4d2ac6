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
"""The part of the guest that no change of ours touches: Debian and a kernel.

Debian's cloud kernel has its virtio drivers as modules, so a small initrd of
our own loads them. No loop device and no root-owned mount is needed.
"""

import gzip
import json
import pathlib
import re
import shutil
import subprocess

from tests.lab import commands
from tests.lab import errors
from tests.lab import layout
from tests.lab import progress
from tests.lab import stamps

SUITE = 'bookworm'
KERNEL_PACKAGE = 'linux-image-cloud-amd64'
PACKAGES = (
    'python3',
    'qemu-guest-agent',
    # cyclictest, for tests/perf.
    'rt-tests',
    'systemd-sysv',
    'udev',
)
MODULES = ('virtio_pci', 'virtio_blk', 'virtio_console', 'ext4')

#: What a guest that is never upgraded can do without.
NOT_NEEDED = (
    'usr/share/doc',
    'usr/share/info',
    'usr/share/locale',
    'usr/share/man',
    'var/cache/apt',
    'var/lib/apt/lists',
)

#: Units that a guest without network and clock source waits for in vain.
MASKED_UNITS = (
    'apt-daily-upgrade.timer',
    'apt-daily.timer',
    'dpkg-db-backup.timer',
    'e2scrub_all.timer',
    'e2scrub_reap.service',
    'fstrim.timer',
    'systemd-timesyncd.service',
)

INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in $(cat /modules); do insmod $module; done
case $(cat /proc/cmdline) in *lab.probe*)
    echo LAB-PROBE-PASSED
    poweroff -f;;
esac
until mount -t ext4 /dev/vda /root; do sleep 0.1; done
mount --move /dev /root/dev
umount /sys /proc
exec switch_root /root /sbin/init
"""


class GuestBase:
    """The cached kernel, initrd and root file system tree."""

    def __init__(self, paths: layout.Layout) -> None:
        self.folder = paths.guest / 'base'
        self.log = paths.build_logs / 'guest.log'
        self.tree = self.folder / 'tree'
        self.kernel = self.folder / 'vmlinuz'
        self.initrd = self.folder / 'initrd'

    def digest(self) -> str:
        """Changes when this file asks for something else."""
        return stamps.digest([pathlib.Path(__file__).read_bytes()])

    def build(self) -> None:
        """Make what is missing.

        :raises errors.LabError: when downloads fail, with their output.
        """
        stamp = self.folder / 'complete'
        if stamps.holds(stamp, self.digest()):
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with progress.step('Build the Debian guest', self.log):
            self._build_kernel()
            self._build_tree()
        stamps.write(stamp, self.digest())

    def _build_kernel(self) -> None:
        work = self.folder / 'kernel'
        work.mkdir()
        package = _dependency(KERNEL_PACKAGE)
        # apt drops its rights to download, unless the folder is root's alone.
        commands.run(
            ['apt-get', '-o', 'APT::Sandbox::User=root', 'download', package],
            self.log,
            300,
            attempts=3,
            cwd=work,
        )
        (archive,) = work.glob('*.deb')
        commands.run(['dpkg', '-x', archive, work], self.log, 120)
        (image,) = (work / 'boot').glob('vmlinuz-*')
        release = image.name.removeprefix('vmlinuz-')
        commands.run(['depmod', '-b', work, release], self.log, 60)
        shutil.copyfile(image, self.kernel)
        self._build_initrd(work, release)
        shutil.rmtree(work)

    def _build_initrd(self, kernel: pathlib.Path, release: str) -> None:
        root = kernel / 'initrd'
        for name in ('bin', 'dev', 'lib', 'proc', 'root', 'sys'):
            (root / name).mkdir(parents=True)
        shutil.copy('/bin/busybox', root / 'bin' / 'busybox')
        for applet in (
            *('cat', 'insmod', 'mount', 'poweroff', 'sh', 'sleep'),
            *('switch_root', 'umount'),
        ):
            (root / 'bin' / applet).symlink_to('busybox')
        order = []
        for module in MODULES:
            shown = commands.output(
                ['modprobe', '-d', kernel, '-S', release, '-D', module]
            )
            files = re.findall(r'^insmod (\S+)', shown, re.MULTILINE)
            order += [name for name in files if name not in order]
        for name in order:
            shutil.copy(name, root / 'lib')
        listed = [f'/lib/{pathlib.Path(name).name}\n' for name in order]
        (root / 'modules').write_text(''.join(listed))
        (root / 'init').write_text(INIT)
        (root / 'init').chmod(0o755)
        names = [
            str(path.relative_to(root)) for path in sorted(root.rglob('*'))
        ]
        packed = subprocess.run(
            ['cpio', '--quiet', '-o', '-H', 'newc', '-R', '0:0'],
            input='\n'.join(names).encode(),
            capture_output=True,
            cwd=root,
            timeout=60,
            check=True,
        )
        self.initrd.write_bytes(gzip.compress(packed.stdout, 6))

    def _build_tree(self) -> None:
        for attempt in (1, 2, 3):
            shutil.rmtree(self.tree, ignore_errors=True)
            try:
                self._debootstrap()
                break
            except errors.LabError:
                if attempt == 3:
                    raise
                progress.say('  debootstrap failed; trying again')
        for name in NOT_NEEDED:
            shutil.rmtree(self.tree / name, ignore_errors=True)
        units = self.tree / 'etc' / 'systemd' / 'system'
        for unit in MASKED_UNITS:
            (units / unit).unlink(missing_ok=True)
            (units / unit).symlink_to('/dev/null')
        (self.tree / 'etc' / 'hostname').write_text('guest\n')
        (self.tree / 'etc' / 'fstab').write_text('/dev/vda / ext4 noatime\n')
        (self.tree / 'etc' / 'machine-id').write_text('')

    def _debootstrap(self) -> None:
        """In namespaces of its own, so that no mount outlives it."""
        commands.run(
            [
                *('unshare', '--mount', '--pid', '--fork', '--kill-child'),
                *('debootstrap', '--variant=minbase'),
                f'--include={",".join(PACKAGES)}',
                *(SUITE, self.tree, _mirror()),
            ],
            self.log,
            900,
        )


def _dependency(package: str) -> str:
    """The package that a metapackage stands for."""
    text = commands.output(['apt-cache', 'depends', package], 60)
    found = re.search(r'Depends: (\S+)', text)
    if found is None:
        raise errors.LabError(
            f'apt knows no {package}: check that its sources name '
            f'Debian {SUITE}, then run apt-get update.'
        )
    return found.group(1)


def _mirror() -> str:
    """The Debian mirror that this machine's apt uses."""
    text = commands.output(
        [
            *('apt-get', 'indextargets', '--format'),
            '{"uri": "$(REPO_URI)", "suite": "$(CODENAME)", '
            '"part": "$(COMPONENT)"}',
            'Created-By: Packages',
        ],
        60,
    )
    for line in text.splitlines():
        target = json.loads(line)
        if (target['suite'], target['part']) == (SUITE, 'main'):
            return str(target['uri'])
    raise errors.LabError(
        f'No apt source of this machine has Debian {SUITE}, which the guest '
        f'is built from: add one and run apt-get update.'
    )
