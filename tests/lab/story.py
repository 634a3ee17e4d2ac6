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
"""The story that ./lab demo plays: one core wanders from server to server."""

import collections.abc
import dataclasses
import time

from tests.lab import agreement
from tests.lab import errors
from tests.lab import openstack
from tests.lab import picture
from tests.lab import probes
from tests.lab import progress
from tests.lab import servers

NO_HOST = 'No valid host was found'
NO_CORE = 'Insufficient compute resources: no free pcpu available on '

#: What a step gives back: what of the story did not come true.
Problems = list[str]


@dataclasses.dataclass(frozen=True)
class Step:
    """One step.

    :param title: what happens, for people.
    :param act: does it, and says what did not come true.
    :param online: how many vCPUs each server uses afterwards.
    """

    title: str
    act: collections.abc.Callable[[], Problems]
    online: dict[str, int]


class Story:
    """The steps, on a host with two dedicated cores."""

    def __init__(self, users: servers.Servers) -> None:
        self._servers = users
        self._flavors = {
            'A': users.flavor('scalable-2', 2, servers.SCALABLE),
            'B': users.flavor('dedicated-1', 1, servers.DEDICATED),
        }

    def steps(self) -> tuple[Step, ...]:
        """The whole story in order."""
        return (
            Step(
                'Server A boots: 2 dedicated vCPUs, at least 1 of them',
                lambda: self._boots('A'),
                {'A': 2},
            ),
            Step(
                'Server B asks for 1 dedicated vCPU: no core is free',
                self._b_is_refused,
                {'A': 2},
            ),
            Step(
                'openstack server scale down A: the guest gives a core back',
                lambda: self._scales('down'),
                {'A': 1},
            ),
            Step(
                'Server B asks again, and boots on the freed core',
                lambda: self._boots('B'),
                {'A': 1, 'B': 1},
            ),
            Step(
                'openstack server scale up A: refused, B has the core',
                self._scale_up_is_refused,
                {'A': 1, 'B': 1},
            ),
            Step('Server B is deleted', self._b_goes, {'A': 1}),
            Step(
                'openstack server scale up A: A has both cores again',
                lambda: self._scales('up'),
                {'A': 2},
            ),
        )

    def _boots(self, name: str) -> Problems:
        self._servers.boot(name, self._flavors[name])
        return []

    def _b_is_refused(self) -> Problems:
        self._servers.create('B', self._flavors['B'])
        server = self._servers.settled('B')
        reason = servers.fault(server)
        progress.say(f'  B is {server["status"]}: {reason}')
        self._servers.delete('B')
        if server['status'] == 'ERROR' and NO_HOST in reason:
            return []
        return [f'B should have been refused with "{NO_HOST}"']

    def _scales(self, direction: str) -> Problems:
        result = self._scale(direction)
        if result.status:
            return [f'the command ended with status {result.status}']
        return []

    def _scale_up_is_refused(self) -> Problems:
        result = self._scale('up')
        if result.status and NO_CORE in result.errors:
            return []
        return [f'the command should have failed with "{NO_CORE}..."']

    def _scale(self, direction: str) -> servers.Result:
        result = self._servers.cli('server', 'scale', direction, 'A')
        for line in (result.output + result.errors).strip().splitlines():
            progress.say(f'  {line}')
        return result

    def _b_goes(self) -> Problems:
        self._servers.delete('B')
        return []


def play(lab: openstack.Lab) -> bool:
    """Play the story and show every step; true when all came true."""
    users = servers.Servers(lab)
    began = time.monotonic()
    try:
        for number, step in enumerate(Story(users).steps(), 1):
            progress.say(f'\n{number}. {step.title}')
            if not _play_step(users, step):
                return False
    finally:
        users.remove_all()
    seconds = time.monotonic() - began
    progress.say(f'\nEvery step came true, in {seconds:.0f} s.')
    return True


def _play_step(users: servers.Servers, step: Step) -> bool:
    try:
        problems = step.act()
        view = users.view()
    except errors.LabError as error:
        progress.say(f'  FAILED: {error}')
        return False
    progress.say()
    for line in (picture.table(view) + '\n\n' + picture.picture(view)).split(
        '\n'
    ):
        progress.say(f'  {line}'.rstrip())
    problems += unexpected(view, step.online)
    for problem in problems:
        progress.say(f'  FAILED: {problem}')
    return not problems


def unexpected(view: probes.HostView, online: dict[str, int]) -> Problems:
    """Where the host is not as it should be after a step.

    :param online: how many vCPUs each server should use.
    """
    found = {one.name: len(one.online) for one in view.servers}
    problems = agreement.problems(view)
    if found != online:
        problems.append(f'online should be {online}, it is {found}')
    return problems
