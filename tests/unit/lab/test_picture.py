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
"""The table and the picture say what the probes found."""

from tests.lab import picture
from tests.lab import probes


def view(
    name: str, online: set[int], pins: dict[int, int]
) -> probes.ServerView:
    threads = tuple(
        probes.Thread(vcpu, frozenset({cpu}), 'OTHER')
        for vcpu, cpu in pins.items()
    )
    return probes.ServerView(
        name, frozenset(online), threads, pins, len(online)
    )


HOST = probes.HostView(
    cores=(0, 1, 2),
    pinned=frozenset({0, 1}),
    servers=(view('A', {0}, {0: 0, 1: 0}), view('B', {0}, {0: 1})),
)


def test_table_has_one_row_a_server() -> None:
    lines = picture.table(HOST).splitlines()
    assert [line.split()[0] for line in lines[2:4]] == ['A', 'B']
    assert '0 on 0 OTHER, 1 on 0 OTHER' in lines[2]
    assert '0:0, 1:0' in lines[2]
    assert lines[3].endswith('PCPU 1')
    assert lines[-1].endswith('taken: 0-1')


def test_table_says_when_nothing_is_taken() -> None:
    host = probes.HostView((0, 1), frozenset(), ())
    assert picture.table(host).endswith('taken: none')


def test_picture_shows_owners_parked_vcpus_and_free_cores() -> None:
    columns = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in picture.picture(HOST).splitlines()[1:-1]
    ]
    assert columns[0][::2] == ['core 0', 'core 1', 'core 2']
    assert columns[1][::2] == ['A vCPU 0', 'B vCPU 0', 'free']
    assert columns[2][::2] == ['A vCPU 1 (parked)', '', '']


def test_picture_is_a_rectangle() -> None:
    widths = {len(line) for line in picture.picture(HOST).splitlines()}
    assert len(widths) == 1
