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
"""Make, scale and remove servers as a user of the lab."""

import dataclasses
import subprocess
import typing

from tests.lab import errors
from tests.lab import namespace
from tests.lab import openstack
from tests.lab import probes
from tests.lab import provision
from tests.lab import rest
from tests.lab import shell

#: Seconds: an emulated guest boots in fifteen, or far more on a busy machine.
BOOT = 300

MICROVERSION = {'OpenStack_API_Version': 'compute 2.90'}

SCALABLE = {'hw:cpu_policy': 'dedicated', 'wrs:min_vcpus': '1'}
DEDICATED = {'hw:cpu_policy': 'dedicated'}


@dataclasses.dataclass(frozen=True)
class Result:
    """How a command of the openstack client ended."""

    status: int
    output: str
    errors: str


class Servers:
    """The servers of one user, by name."""

    def __init__(self, lab: openstack.Lab) -> None:
        self._lab = lab
        chosen = lab.running_settings()
        self.admin = provision.admin(chosen)
        self.member = provision.member(chosen)
        self.probes = probes.Probes(lab.paths, chosen.cores, self.admin)
        self.uuids: dict[str, str] = {}
        self._flavors: list[str] = []
        self._groups: list[str] = []

    def flavor(self, name: str, vcpus: int, specs: dict[str, str]) -> str:
        """Make a flavor that :meth:`remove_all` removes; its id."""
        body = {'name': name, 'vcpus': vcpus, 'ram': 384, 'disk': 1}
        made = self.admin.post('compute', '/flavors', {'flavor': body})
        flavor = str(made['flavor']['id'])
        self._flavors.append(flavor)
        path = f'/flavors/{flavor}/os-extra_specs'
        body_of_specs = {'extra_specs': specs}
        self.admin.post('compute', path, body_of_specs, **MICROVERSION)
        return flavor

    def group(self, name: str, policy: str) -> str:
        """Make a server group that :meth:`remove_all` removes; its id."""
        body = {'server_group': {'name': name, 'policy': policy}}
        made = self.member.post(
            'compute', '/os-server-groups', body, **MICROVERSION
        )
        group = str(made['server_group']['id'])
        self._groups.append(group)
        return group

    def create(self, name: str, flavor: str, group: str | None = None) -> None:
        """Ask for a server; :meth:`settled` tells what became of it.

        :param group: the server group that it becomes a member of.
        """
        path = f'/v2/images?name={provision.IMAGE}'
        (image,) = self.member.get('image', path)['images']
        server = {
            'name': name,
            'flavorRef': flavor,
            'imageRef': image['id'],
            'networks': 'none',
        }
        hints = {} if group is None else {'group': group}
        body = {'server': server, 'os:scheduler_hints': hints}
        made = self.member.post('compute', '/servers', body, **MICROVERSION)
        self.uuids[name] = made['server']['id']

    def show(self, name: str) -> dict[str, object]:
        """The server as the API shows it to its user."""
        path = f'/servers/{self.uuids[name]}'
        answer = self.member.get('compute', path, **MICROVERSION)
        return dict(answer['server'])

    def settled(self, name: str) -> dict[str, object]:
        """The server once it is ``ACTIVE`` or ``ERROR``."""

        def look() -> dict[str, object] | None:
            server = self.show(name)
            settled = server['status'] in ('ACTIVE', 'ERROR')
            return server if settled else None

        found = rest.wait_for(f'{name} ACTIVE or ERROR', look, BOOT)
        return dict(found)

    def boot(self, name: str, flavor: str, group: str | None = None) -> None:
        """Make a server and wait until its guest runs.

        :param group: the server group that it becomes a member of.
        :raises errors.LabError: when it does not become ACTIVE, with why.
        """
        self.create(name, flavor, group)
        server = self.settled(name)
        if server['status'] != 'ACTIVE':
            raise errors.LabError(f'{name} did not start: {fault(server)}')
        self.await_guest(name)

    def await_guest(self, name: str) -> None:
        """Wait until the guest has booted, and answers scale requests."""
        domain = self.probes.guest(self.uuids[name])
        rest.wait_for(f'the guest of {name} booted', domain.alive, BOOT, 0.5)
        if domain.has_channel():
            rest.wait_for(f'the agents in {name}', domain.answers_requests, 60)

    def delete(self, name: str) -> None:
        """Delete a server and wait until it is gone."""
        path = f'/servers/{self.uuids[name]}'
        # As administrator, because a test may have locked it.
        self.admin.delete('compute', path)

        def gone() -> bool:
            try:
                self.member.get('compute', path)
            except rest.HttpError as error:
                if error.status == 404:
                    return True
                raise
            return False

        rest.wait_for(f'{name} deleted', gone, 60)
        del self.uuids[name]

    def remove_all(self) -> None:
        """Remove every server, group and flavor that was made here."""
        for name in list(self.uuids):
            self.delete(name)
        while self._groups:
            path = f'/os-server-groups/{self._groups.pop()}'
            self.member.delete('compute', path)
        while self._flavors:
            self.admin.delete('compute', f'/flavors/{self._flavors.pop()}')

    def cli(self, *words: str) -> Result:
        """Run the openstack client as the user."""
        done = subprocess.run(
            ['openstack', *words],
            env=shell.environment(self._lab),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def view(self, host: str = namespace.HOST_NAME) -> probes.HostView:
        """A host and the running servers on it."""
        return self.probes.host(self.uuids, host)

    def act(self, name: str, action: str, argument: object = None) -> None:
        """Ask for one of Nova's own actions."""
        path = f'/servers/{self.uuids[name]}/action'
        self.member.post('compute', path, {action: argument}, **MICROVERSION)

    def await_status(
        self, name: str, status: str, timeout: float = 90
    ) -> None:
        """Wait until a server has a status and nothing runs on it."""

        def reached() -> bool:
            server = self.show(name)
            busy = server['OS-EXT-STS:task_state'] is not None
            return server['status'] == status and not busy

        rest.wait_for(f'{name} {status}', reached, timeout)

    def scale(self, name: str, direction: str) -> None:
        """Scale by one vCPU, by the action that existing callers use.

        :raises rest.HttpError: it was refused or failed.
        """
        body = {'wrs-res:scale': {'resource': 'cpu', 'direction': direction}}
        path = f'/servers/{self.uuids[name]}/action'
        self.member.post('compute', path, body)

    def request(self, name: str, online: int) -> None:
        """Ask for a number of vCPUs; it is journalled when this returns."""
        path = f'/servers/{self.uuids[name]}/vcpu-scale'
        self.member.put('compute', path, {'vcpu_scale': {'online': online}})

    def scaling(self, name: str) -> dict[str, typing.Any]:
        """What users see of a server's scaling."""
        path = f'/servers/{self.uuids[name]}/vcpu-scale'
        return dict(self.member.get('compute', path)['vcpu_scale'])

    def last_request(self, name: str) -> dict[str, typing.Any]:
        """What users see of a server's last scale request."""
        return dict(self.scaling(name)['last_request'])


def fault(server: dict[str, object]) -> str:
    """Why a server is in error."""
    found = server.get('fault') or {}
    assert isinstance(found, dict)
    return str(found.get('message', ''))
