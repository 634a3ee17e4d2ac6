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
"""Find out whether KVM boots a guest here; a /dev/kvm alone proves nothing."""

import json
import os
import pathlib
import platform
import subprocess

from tests.lab import guest_base
from tests.lab import layout
from tests.lab import progress

#: A KVM that works needs about one second; one that does not, for ever.
LIMIT = 15.0

DEVICE = pathlib.Path('/dev/kvm')


def virt_type(paths: layout.Layout, base: guest_base.GuestBase) -> str:
    """``kvm`` when it boots our kernel, else ``qemu``; tried once a kernel."""
    if not os.access(DEVICE, os.R_OK | os.W_OK):
        return 'qemu'
    memory = paths.cache / 'kvm.json'
    release = platform.release()
    try:
        known = json.loads(memory.read_text())
    except (OSError, ValueError):
        known = {}
    if release not in known:
        with progress.step('Try whether KVM boots a guest'):
            known[release] = boots(base)
        memory.write_text(json.dumps(known))
    return 'kvm' if known[release] else 'qemu'


def boots(base: guest_base.GuestBase) -> bool:
    """Boot the guest's kernel up to its initrd under KVM."""
    command = [
        *('qemu-system-x86_64', '-accel', 'kvm', '-m', '256', '-nographic'),
        *('-nodefaults', '-no-reboot', '-serial', 'stdio'),
        *('-kernel', str(base.kernel), '-initrd', str(base.initrd)),
        *('-append', 'console=ttyS0 quiet panic=-1 lab.probe'),
    ]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        return False
    return b'LAB-PROBE-PASSED' in done.stdout
