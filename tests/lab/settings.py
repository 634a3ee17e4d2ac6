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
"""What one run of the lab has chosen: ports, passwords, cores, accelerator."""

import dataclasses
import json
import os
import pathlib
import random
import socket

from tests.lab import errors

#: Ports below the range from which the kernel serves outgoing connections.
PORTS = range(20000, 32000)

PORT_NAMES = (
    'compute',
    'dist',
    'epmd',
    'identity',
    'image',
    'network',
    'placement',
    'rabbitmq',
)

HOST = '127.0.0.1'
REGION = 'RegionOne'


@dataclasses.dataclass(frozen=True)
class Settings:
    """Read by whoever talks to a running lab.

    :param ports: a free loopback port for each of ``PORT_NAMES``.
    :param password: of every account and of RabbitMQ.
    :param cores: the host CPUs that dedicated servers may use, two or more.
    :param virt_type: ``kvm`` or ``qemu``.
    :param stand_ins: those of the cores that this machine does not have.
    """

    ports: dict[str, int]
    password: str
    cores: tuple[int, ...]
    virt_type: str
    stand_ins: tuple[int, ...] = ()

    def url(self, name: str, path: str = '') -> str:
        """The address of one of the HTTP services."""
        return f'http://{HOST}:{self.ports[name]}{path}'

    def save(self, path: pathlib.Path) -> None:
        """Write the settings, readable by this user alone."""
        with open(path, 'w', opener=_private) as file:
            json.dump(dataclasses.asdict(self), file, indent=2)


def load(path: pathlib.Path) -> Settings:
    """The settings of the running lab.

    :raises errors.LabError: when no lab was started.
    """
    try:
        found = json.loads(path.read_text())
    except OSError as error:
        raise errors.LabError(
            f'The lab does not run ({error}): ./lab up starts it.'
        ) from error
    lists = {name: tuple(found[name]) for name in ('cores', 'stand_ins')}
    return Settings(**{**found, **lists})


def choose(virt_type: str, password: str, count: int = 2) -> Settings:
    """Fresh settings.

    :param count: how many cores; where the machine has fewer, see
        :mod:`tests.lab.stand_ins`.
    :raises errors.LabError: on a machine with fewer than two CPUs.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise errors.LabError(
            f'This machine offers {len(cores)} CPU, the lab needs 2.'
        )
    real = cores[:count]
    stand_ins = range(cores[-1] + 1, cores[-1] + 1 + count - len(real))
    ports = _free_ports(len(PORT_NAMES))
    return Settings(
        ports=dict(zip(PORT_NAMES, ports, strict=True)),
        password=password,
        cores=(*real, *stand_ins),
        virt_type=virt_type,
        stand_ins=tuple(stand_ins),
    )


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise errors.LabError(f'No {count} free ports on {HOST} in {PORTS}.')


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
