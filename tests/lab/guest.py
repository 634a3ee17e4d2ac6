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
"""Reach into a guest and its QEMU, through libvirt."""

import base64
import json
import re
import time
import typing

from nova_ext.wire import addresses
from tests.lab import commands
from tests.lab import errors
from tests.lab import layout
from tests.lab import libvirt

ONLINE = '/sys/devices/system/cpu/online'

#: libvirt's word for a port that a program of the guest has opened.
CONNECTED = rf"name='{addresses.PORT_NAME}' state='connected'"

SCALE_AGENT = addresses.SCALE_AGENT

#: Where applications choose the vCPU to give back, as in the old SDK.
APP_SCALE_HELPER = '/usr/sbin/app_scale_helper'

#: Seconds for one virsh: a starved QEMU must not stop us.
LIMIT = 15


class Guest:
    """One domain.

    :param domain: libvirt's name of it, such as ``instance-00000001``.
    """

    def __init__(self, paths: layout.Layout, domain: str) -> None:
        self._paths = paths
        self.domain = domain

    def virsh(self, *words: str) -> str:
        """The output of one virsh command on this domain."""
        uri = libvirt.uri(self._paths)
        command, *rest = words
        return commands.output(
            ['virsh', '--quiet', '-c', uri, command, self.domain, *rest],
            LIMIT,
        )

    def threads(self) -> dict[int, int]:
        """The host's thread ids of the vCPUs."""
        text = self.virsh(
            'qemu-monitor-command', json.dumps({'execute': 'query-cpus-fast'})
        )
        return {
            cpu['cpu-index']: cpu['thread-id']
            for cpu in json.loads(text)['return']
        }

    def agent(self, execute: str, **arguments: object) -> typing.Any:
        """One call of the QEMU guest agent."""
        call = {'execute': execute, 'arguments': arguments}
        text = self.virsh('qemu-agent-command', json.dumps(call))
        return json.loads(text)['return']

    def alive(self) -> bool:
        """Whether the guest has booted so far that its agent answers."""
        try:
            self.agent('guest-ping')
        except errors.LabError:
            return False
        return True

    def run(self, command: str, timeout: float = 20) -> str:
        """The output of a shell command that the guest runs as root.

        :raises errors.LabError: when it fails or does not end in time.
        """
        pid = self.agent(
            'guest-exec',
            path='/bin/sh',
            arg=['-c', command],
            **{'capture-output': True},
        )['pid']
        deadline = time.monotonic() + timeout
        while not (state := self.agent('guest-exec-status', pid=pid))[
            'exited'
        ]:
            if time.monotonic() > deadline:
                raise errors.LabError(f'The guest still runs: {command}')
            time.sleep(0.1)
        shown = {
            name: base64.b64decode(state.get(name, '')).decode()
            for name in ('out-data', 'err-data')
        }
        if state.get('exitcode') != 0:
            raise errors.LabError(
                f'In the guest, {command}: {state} {shown["err-data"]}'
            )
        return shown['out-data']

    def install_script(self, path: str, *lines: str) -> None:
        """Put a shell script into the guest, for its programs to run."""
        script = '\n'.join(('#!/bin/sh', *lines, ''))
        self.run(f"cat > {path} <<'END'\n{script}END\nchmod 755 {path}")

    def boot_id(self) -> str:
        """Another one for each boot; empty while the guest cannot tell."""
        try:
            return self.run('cat /proc/sys/kernel/random/boot_id')
        except errors.LabError:
            return ''

    def has_channel(self) -> bool:
        """Whether the server has the port of the guest channel."""
        return addresses.PORT_NAME in self.virsh('dumpxml')

    def answers_requests(self) -> bool:
        """Whether both agents of the guest package do their work."""
        connected = re.search(CONNECTED, self.virsh('dumpxml'))
        if connected is None:
            return False
        sockets = self.run('cat /proc/net/unix').splitlines()
        return any(line.endswith(f'@{SCALE_AGENT}') for line in sockets)

    def online(self) -> str:
        """What the guest's kernel says it uses, such as ``0-1``."""
        return self.run(f'cat {ONLINE}').strip()
