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
"""Show the host to a person: a table of what is, a picture of who has what."""

import collections.abc

from nova_ext import cpuset
from tests.lab import probes

WIDTH = 22

HEADINGS = (
    'server',
    'online in guest',
    'vCPU threads in the kernel',
    "Nova's pins",
    'placement',
)


def table(host: probes.HostView) -> str:
    """One row a server, each cell read from another real source."""
    rows = [HEADINGS, *(_row(server) for server in host.servers)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = tuple('-' * width for width in widths)
    lines = [
        '  '.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in (rows[0], rule, *rows[1:])
    ]
    taken = cpuset.render(host.pinned) or 'none'
    return '\n'.join([*lines, f'host CPUs that Nova counts as taken: {taken}'])


def _row(server: probes.ServerView) -> tuple[str, ...]:
    threads = ', '.join(
        f'{thread.vcpu} on {cpuset.render(thread.affinity)} {thread.policy}'
        for thread in server.threads
    )
    pins = ', '.join(
        f'{vcpu}:{cpu}' for vcpu, cpu in sorted(server.pins.items())
    )
    return (
        server.name,
        cpuset.render(server.online),
        threads,
        pins,
        f'PCPU {server.allocation}',
    )


def picture(host: probes.HostView) -> str:
    """One box a core, side by side, with the vCPU threads that run there."""
    boxes = [_box(core, host.servers) for core in host.cores]
    height = max(map(len, boxes))
    edge = '+' + '-' * WIDTH + '+'
    lines = ['  '.join([edge] * len(boxes))]
    for number in range(height):
        cells = (box[number] if number < len(box) else '' for box in boxes)
        lines.append('  '.join(f'| {cell:<{WIDTH - 2}} |' for cell in cells))
    return '\n'.join([*lines, lines[0]])


def _box(
    core: int, servers: collections.abc.Iterable[probes.ServerView]
) -> list[str]:
    lines = [
        f'{server.name} vCPU {thread.vcpu}{_note(server, thread)}'
        for server in servers
        for thread in server.threads
        if core in thread.affinity
    ]
    return [f'core {core}', *(lines or ['free'])]


def _note(server: probes.ServerView, thread: probes.Thread) -> str:
    return '' if thread.vcpu in server.online else ' (parked)'
