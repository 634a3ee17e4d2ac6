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
"""The command: exit status, output, and the trait in placement."""

from collections.abc import Callable
from collections.abc import Iterator
import json
import pathlib
import sys
from typing import Any

import pytest

from nova_ext.cmd import status
from nova_ext.hostcheck import probes
from tests.unit.hostcheck import fakes
from tests.unit.hostcheck import placement_service

Run = Callable[..., int]
TRAIT = 'CUSTOM_REALTIME_HOST'


@pytest.fixture
def service() -> Iterator[placement_service.Service]:
    """A placement service."""
    with placement_service.serve() as found:
        yield found


@pytest.fixture
def run(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command on a host of the table, with its own nova.conf."""

    def do(changes: fakes.Case, *words: str, more: str = '') -> int:
        case = {**fakes.TABLE['good'], **changes}
        root = tmp_path / 'host'
        fakes.make(root, changes)
        kvm = fakes.FakeKvm(case['kvm'])
        versions = fakes.FakeVersions(case['libvirt'], case['qemu'])
        monkeypatch.setattr(probes, 'DeviceKvm', lambda found: kvm)
        monkeypatch.setattr(probes, 'LibvirtVersions', lambda uri: versions)
        file = tmp_path / 'nova.conf'
        file.write_text(
            '[DEFAULT]\nstate_path = %s\n[compute]\ncpu_dedicated_set = %s\n'
            '[libvirt]\nvirt_type = %s\n%s'
            % (tmp_path, case['dedicated_set'], case['virt_type'], more)
        )
        arguments = ['--config-file', str(file), 'host-check', *words]
        arguments += ['--root', str(root), '--smi-seconds', '0']
        monkeypatch.setattr(sys, 'argv', ['nova-ext-status', *arguments])
        return status.main()

    return do


def placement(port: int) -> str:
    return (
        '[placement]\nauth_type = none\n'
        'endpoint_override = http://127.0.0.1:%d\n' % port
    )


@pytest.mark.parametrize(
    'case', fakes.TABLE['hosts'], ids=lambda case: case['name']
)
def test_a_whole_host(
    run: Run, capsys: pytest.CaptureFixture[str], case: dict[str, Any]
) -> None:
    assert run(case, '--json') == case['status']
    shown = json.loads(capsys.readouterr().out)
    assert {
        each['name']: each['result']
        for each in shown['checks']
        if each['result'] != 'passed'
    } == case['results']


def test_text(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run({}) == 0
    assert capsys.readouterr().out.endswith('\nThis host passes.\n')


def test_accepted(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    changes = {'virt_type': 'qemu', 'qemu': None}
    words = ('--accept', 'kvm', '--accept', 'qemu-version')
    assert run(changes) == 2
    assert run(changes, *words) == 0
    assert 'KVM (kvm): FAILED, accepted' in capsys.readouterr().out


def test_a_check_that_does_not_exist(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run({}, '--accept', 'kmv')
    assert caught.value.code == 2
    assert "invalid choice: 'kmv'" in capsys.readouterr().err


def test_the_trait_follows(
    run: Run,
    service: placement_service.Service,
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    more = placement(service.port)
    (tmp_path / 'compute_id').write_text(placement_service.UUID)
    assert run({}, '--update-trait', more=more) == 0
    assert TRAIT in service.traits
    assert 'was given to the resource provider' in capsys.readouterr().out

    assert run({'virt_type': 'lxc'}, '--update-trait', more=more) == 2
    assert TRAIT not in service.traits
    assert 'was taken from the resource provider' in capsys.readouterr().out


def test_a_named_provider(
    run: Run, service: placement_service.Service
) -> None:
    words = ('--update-trait', '--resource-provider', placement_service.UUID)
    assert run({}, *words, more=placement(service.port)) == 0
    assert TRAIT in service.traits


@pytest.mark.parametrize(
    'words, said',
    [
        ((), 'there is no file'),
        (('--resource-provider', 'x'), '[placement]auth_type is not set'),
    ],
)
def test_the_trait_cannot_be_updated(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    assert run({}, '--update-trait', *words, '--json') == 3
    shown = json.loads(capsys.readouterr().out)
    assert shown['passes'] is True
    assert said in shown['trait']['problem']


def test_nothing_is_told_to_placement_unasked(
    run: Run, service: placement_service.Service
) -> None:
    assert run({}, more=placement(service.port)) == 0
    assert service.asked == []


@pytest.mark.parametrize(
    'more', ['[libvirt]\nrealtime_scheduler_priority = high\n']
)
def test_an_option_that_is_none(
    run: Run, capsys: pytest.CaptureFixture[str], more: str
) -> None:
    assert run({}, more=more) == 255
    assert 'realtime_scheduler_priority' in capsys.readouterr().out
