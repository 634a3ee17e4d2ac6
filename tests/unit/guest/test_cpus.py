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
import os
import pathlib

import pytest

from nova_ext.guest import cpus
from tests.unit.guest import fakes


def test_what_is_online_is_what_the_kernel_lists(processors) -> None:
    processors.reset('0,2-3')
    assert processors.online() == {0, 2, 3}
    assert processors.highest() == 3


@pytest.mark.parametrize(
    ('online', 'choice'),
    [('0-3', 3), ('0-2', 1), ('0,2-3', 3), ('0,2', 2), ('0,3', 3)],
)
def test_the_last_of_a_numa_node_stays(processors, online, choice) -> None:
    processors.reset(online)
    for cpu in range(4):
        node = processors.root / ('cpu%d/node%d' % (cpu, cpu // 2))
        node.mkdir(parents=True)
    assert processors.highest() == choice


def test_cpu_0_is_no_choice(processors) -> None:
    processors.reset('0')
    with pytest.raises(cpus.CpuError, match='only cpu 0 is online'):
        processors.highest()


def test_a_switch_tells_whether_it_changed_anything(processors) -> None:
    assert processors.take_offline(2)
    assert not processors.take_offline(2)
    assert processors.shown() == '0-1,3'
    assert processors.bring_online(2)
    assert not processors.bring_online(2)
    assert processors.writes == [('cpu2', '0'), ('cpu2', '1')]


def test_a_missing_switch_has_the_texts_of_the_original(processors) -> None:
    with pytest.raises(cpus.CpuError) as caught:
        processors.take_offline(9)
    assert str(caught.value) == 'failed to set cpu 9 offline\n'
    with pytest.raises(cpus.CpuError) as caught:
        processors.bring_online(7)
    assert str(caught.value) == (
        "can't open cpu online path: No such file or directory"
    )


def test_the_kernels_refusal_is_told(
    processors: fakes.FakeCpus, monkeypatch
) -> None:
    def refuse(name: str, value: str) -> None:
        raise OSError(16, os.strerror(16))

    monkeypatch.setattr(processors, '_write', refuse)
    with pytest.raises(cpus.CpuError, match='cpu 1 offline: Device or res'):
        processors.take_offline(1)
    processors.reset('0')
    with pytest.raises(cpus.CpuError, match='cpu 1 online: Device or reso'):
        processors.bring_online(1)


@pytest.mark.parametrize('text', [None, 'all of them'])
def test_an_unreadable_list_is_an_error(tmp_path: pathlib.Path, text) -> None:
    if text is not None:
        (tmp_path / 'online').write_text(text)
    with pytest.raises(cpus.CpuError, match='cannot read the online cpus'):
        cpus.Cpus(str(tmp_path)).online()
