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
"""The host check on this very machine, and its trait in real placement."""

import json
import pathlib
import subprocess
import typing

import pytest

from tests.lab import namespace
from tests.lab import nova
from tests.lab import openstack
from tests.lab import servers

TRAIT = 'CUSTOM_REALTIME_HOST'
REQUIRED = {**servers.DEDICATED, f'trait:{TRAIT}': 'required'}
VERSION = {'OpenStack_API_Version': 'placement 1.6'}


class HostCheck:
    """Runs the program beside nova-compute, in the same namespaces."""

    def __init__(self, lab: openstack.Lab) -> None:
        self._lab = lab

    def run(
        self, *words: str, also: pathlib.Path | None = None
    ) -> tuple[int, dict[str, typing.Any]]:
        """The exit status, and what it found.

        :param also: a second configuration file, which has the last word.
        """
        pid = self._lab.control.services()['nova-compute']['pid']
        files = [nova.configuration_file(self._lab.paths)]
        files += [also] if also else []
        done = subprocess.run(
            [
                *('nsenter', '--mount', '--uts', '--target', str(pid)),
                self._lab.paths.program('nova', 'nova-ext-status'),
                *(word for file in files for word in ('--config-file', file)),
                *('host-check', '--json', *words),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.stdout.startswith('{'), done
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def check(lab: openstack.Lab) -> HostCheck:
    """The program on the lab's compute host."""
    return HostCheck(lab)


def blocking(shown: dict[str, typing.Any]) -> list[str]:
    """The checks because of which a host does not pass."""
    return [
        found['name']
        for found in shown['checks']
        if found['result'] == 'failed'
        or (found['result'] == 'unknown' and found['required'])
    ]


def has_trait(users: servers.Servers) -> bool:
    """Whether placement knows the host for a real-time host."""
    path = f'/resource_providers?name={namespace.HOST_NAME}'
    found = users.admin.get('placement', path, **VERSION)
    (provider,) = found['resource_providers']
    path = f'/resource_providers/{provider["uuid"]}/traits'
    return TRAIT in users.admin.get('placement', path, **VERSION)['traits']


def status_of_a_server(users: servers.Servers, flavor: str) -> object:
    """What becomes of a server that requires the trait."""
    users.create('A', flavor)
    status = users.settled('A')['status']
    users.delete('A')
    return status


def test_this_machine(check: HostCheck, lab: openstack.Lab) -> None:
    status, shown = check.run()
    found = {each['name']: each for each in shown['checks']}
    for name in ('libvirt-version', 'qemu-version', 'rtprio-limit'):
        assert found[name]['result'] == 'passed', found[name]
    emulated = lab.running_settings().virt_type == 'qemu'
    assert (found['kvm']['result'] == 'failed') == emulated, found['kvm']
    assert found['kernel-preemption']['found'].startswith('the kernel is ')
    assert shown['passes'] == (not blocking(shown))
    assert status == 2 or shown['passes']


def test_the_scheduler_follows_the_trait(
    users: servers.Servers, check: HostCheck, tmp_path: pathlib.Path
) -> None:
    flavor = users.flavor('on-realtime-host', 1, REQUIRED)
    _, shown = check.run()
    accepted = [f'--accept={name}' for name in blocking(shown)]
    worse = tmp_path / 'worse.conf'
    worse.write_text('[compute]\ncpu_dedicated_set =\n')
    try:
        assert status_of_a_server(users, flavor) == 'ERROR'

        status, shown = check.run('--update-trait', *accepted)
        assert status in (0, 1), shown
        assert shown['trait']['after'] is True, shown['trait']
        assert has_trait(users)
        assert status_of_a_server(users, flavor) == 'ACTIVE'
    finally:
        status, shown = check.run('--update-trait', also=worse)
    assert status == 2
    assert shown['trait']['before'] is True, shown['trait']
    assert not has_trait(users)
    assert status_of_a_server(users, flavor) == 'ERROR'
