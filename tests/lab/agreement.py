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
"""What must be true of the host at any time when nothing is going on."""

from tests.lab import probes


def problems(host: probes.HostView) -> list[str]:
    """Where the kinds of state disagree, or a core has two owners.

    With ``[nova_ext_scaling]accounting`` at its default, ``current``.
    """
    found = [text for one in host.servers for text in _of_server(one)]
    owners: dict[int, str] = {}
    for server in host.servers:
        for core in server.cores():
            if core in owners:
                found.append(
                    f'core {core} belongs to {owners[core]} and {server.name}'
                )
            owners[core] = server.name
    if set(owners) != set(host.pinned):
        found.append(
            f'Nova counts {sorted(host.pinned)} as taken, '
            f'the guests run on {sorted(owners)}'
        )
    return found


def _of_server(server: probes.ServerView) -> list[str]:
    found = []
    if len(server.cores()) != len(server.online):
        found.append(
            f'{len(server.online)} online vCPUs run on cores '
            f'{sorted(server.cores())}'
        )
    if server.allocation != len(server.online):
        found.append(
            f'placement has PCPU {server.allocation}, '
            f'the guest uses {sorted(server.online)}'
        )
    found += _of_record(server)
    for thread in server.threads:
        pin = server.pins.get(thread.vcpu)
        if thread.affinity != {pin}:
            found.append(
                f'vCPU {thread.vcpu} runs on {sorted(thread.affinity)}, '
                f'Nova says {pin}'
            )
        if thread.vcpu not in server.online:
            found += _of_parked(server, thread)
    return [f'{server.name}: {text}' for text in found]


def _of_record(server: probes.ServerView) -> list[str]:
    found = []
    record = server.record
    if record.journal:
        found.append(f'the journal is open: {record.journal}')
    if server.online != server.pins.keys() - record.offline:
        found.append(
            f'the record has {sorted(record.offline)} offline, '
            f'the guest uses {sorted(server.online)}'
        )
    wanted = {vcpu: frozenset({cpu}) for vcpu, cpu in server.pins.items()}
    for what, pins in (('now', server.live), ('next', server.stored)):
        for vcpu in wanted:
            if pins.get(vcpu) != wanted[vcpu]:
                pinned = sorted(pins.get(vcpu, ()))
                found.append(
                    f'libvirt pins vCPU {vcpu} {what} to {pinned}, '
                    f'Nova to {server.pins[vcpu]}'
                )
    return found


def _of_parked(server: probes.ServerView, thread: probes.Thread) -> list[str]:
    found = []
    if not thread.affinity <= server.cores():
        found.append(
            f'the parked vCPU {thread.vcpu} keeps {sorted(thread.affinity)}'
        )
    if thread.policy != 'OTHER':
        found.append(f'the parked vCPU {thread.vcpu} is {thread.policy}')
    return found
