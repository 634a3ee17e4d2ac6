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
"""Let the lab's host have more CPUs than this machine.

Two servers that both scale need four dedicated cores; small machines have
two. Here the kernel's description of the CPUs is replaced by one with more,
and each CPU that does not exist stands for the lab's first one: libvirt asks
the kernel for that instead. The second CPU keeps one owner, so what is
measured on it is not disturbed by the pretence.
"""

import collections.abc
import pathlib
import shutil

from tests.lab import commands
from tests.lab import layout
from tests.lab import settings

SOURCE = pathlib.Path(__file__).with_name('programs') / 'stand_ins.c'

CPUS = pathlib.Path('/sys/devices/system/cpu')
NODES = pathlib.Path('/sys/devices/system/node')

#: What libvirt and libnuma read of a NUMA node besides its CPUs.
NODE_FILES = ('meminfo', 'distance')


def binds(
    paths: layout.Layout, chosen: settings.Settings
) -> collections.abc.Mapping[pathlib.Path, pathlib.Path]:
    """What to show instead of the kernel's description, and where."""
    if not chosen.stand_ins:
        return {}
    folder = paths.state / 'sysfs'
    shown = {CPUS: folder / 'cpu', NODES: folder / 'node'}
    _write_cpus(shown[CPUS], chosen.cores)
    _write_node(shown[NODES], chosen.cores)
    return shown


def preload(paths: layout.Layout, chosen: settings.Settings) -> dict[str, str]:
    """What libvirtd must have in its environment.

    :raises errors.LabError: when the library cannot be compiled.
    """
    if not chosen.stand_ins:
        return {}
    library = paths.state / 'stand_ins.so'
    commands.run(
        ['gcc', '-O2', '-Wall', '-shared', '-fPIC', '-o', library, SOURCE],
        paths.build_logs / 'stand_ins.log',
        60,
    )
    return {
        'LD_PRELOAD': str(library),
        'LAB_STAND_INS': ','.join(map(str, chosen.stand_ins)),
        'LAB_STOOD_FOR': str(chosen.cores[0]),
    }


def _write_cpus(folder: pathlib.Path, cores: tuple[int, ...]) -> None:
    """CPUs that each have a core of their own, on one socket."""
    listed = _listed(cores)
    _write(folder, online=listed, present=listed, possible=listed, offline='')
    for cpu in cores:
        _write(
            folder / f'cpu{cpu}' / 'topology',
            core_id=cpu,
            die_id=0,
            physical_package_id=0,
            thread_siblings=_mask([cpu]),
            thread_siblings_list=cpu,
            core_cpus=_mask([cpu]),
            core_cpus_list=cpu,
            core_siblings=_mask(cores),
            core_siblings_list=listed,
        )


def _write_node(folder: pathlib.Path, cores: tuple[int, ...]) -> None:
    """The machine's first NUMA node with all of the CPUs."""
    _write(folder, online=0, possible=0, has_cpu=0, has_memory=0)
    node = folder / 'node0'
    _write(node, cpulist=_listed(cores), cpumap=_mask(cores))
    for cpu in cores:
        (node / f'cpu{cpu}').symlink_to(f'../../cpu/cpu{cpu}')
    for name in NODE_FILES:
        shutil.copyfile(NODES / 'node0' / name, node / name)
    for file in (NODES / 'node0' / 'hugepages').glob('*/*_hugepages'):
        target = node / 'hugepages' / file.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / file.name)


def _write(folder: pathlib.Path, **content: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in content.items():
        (folder / name).write_text(f'{value}\n')


def _listed(cores: collections.abc.Iterable[int]) -> str:
    return ','.join(map(str, cores))


def _mask(cores: collections.abc.Iterable[int]) -> str:
    return f'{sum(1 << cpu for cpu in cores):08x}'
