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
"""A host with more CPUs than the machine, as libvirt sees it."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from tests.lab import layout
from tests.lab import settings
from tests.lab import stand_ins

ASK = (
    'import os; os.sched_setaffinity(0, {%s}); '
    'print(sorted(os.sched_getaffinity(0)))'
)


def choose(count: int) -> settings.Settings:
    return settings.choose('qemu', 'secret', count)


def make(cores: tuple[int, ...], absent: tuple[int, ...]) -> settings.Settings:
    return dataclasses.replace(choose(2), cores=cores, stand_ins=absent)


def test_a_machine_with_enough_cpus(tmp_path: pathlib.Path) -> None:
    chosen = choose(2)
    assert chosen.stand_ins == ()
    paths = layout.Layout(tmp_path)
    assert stand_ins.binds(paths, chosen) == {}
    assert stand_ins.preload(paths, chosen) == {}


def test_too_few_cpus_are_filled_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setattr('os.sched_getaffinity', lambda _pid: {1, 4})
    chosen = choose(4)
    assert chosen.cores == (1, 4, 5, 6)
    assert chosen.stand_ins == (5, 6)
    chosen.save(tmp_path / 'settings.json')
    assert settings.load(tmp_path / 'settings.json') == chosen


def test_the_description_of_the_cpus(tmp_path: pathlib.Path) -> None:
    binds = stand_ins.binds(
        layout.Layout(tmp_path), make((0, 1, 2, 3), (2, 3))
    )
    cpus, node = binds[stand_ins.CPUS], binds[stand_ins.NODES] / 'node0'
    assert (cpus / 'online').read_text() == '0,1,2,3\n'
    assert (cpus / 'cpu3/topology/thread_siblings').read_text() == '00000008\n'
    assert (node / 'cpumap').read_text() == '0000000f\n'
    assert sorted(path.name for path in node.glob('cpu?')) == [
        *('cpu0', 'cpu1', 'cpu2', 'cpu3')
    ]
    assert 'MemTotal' in (node / 'meminfo').read_text()


@pytest.mark.skipif(shutil.which('gcc') is None, reason='needs gcc')
def test_the_kernel_is_asked_for_the_first_cpu(tmp_path: pathlib.Path) -> None:
    first, *others = sorted(os.sched_getaffinity(0))
    absent = 900
    paths = layout.Layout(tmp_path)
    paths.state.mkdir()
    chosen = make((first, *others, absent, 901), (absent, 901))
    env = {**os.environ, **stand_ins.preload(paths, chosen)}
    for asked, got in (
        ({absent}, {first}),
        ({901, absent, *others[:1]}, {first, *others[:1]}),
        ({first}, {first}),
    ):
        command = ASK % ','.join(map(str, asked))
        done = subprocess.run(
            [sys.executable, '-c', command],
            env=env,
            capture_output=True,
            text=True,
            timeout=20,
            check=True,
        )
        assert done.stdout == f'{sorted(got)}\n'
