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
"""Servers of a group talk, from one guest to another.

The steps are those of the SDK's sample scenario (acceptance G7 to G10), each
with the package's ``server_group_app`` in real guests.
"""

import json
import re
import shlex
import typing

from tests.lab import guest
from tests.lab import rest
from tests.lab import servers

#: Without a dedicated core, of which the lab has two: they share what there
#: is, and no placement inventory is asked for it.
TALKER = {'sw:wrs:srv_grp_messaging': 'true', 'resources:VCPU': '0'}

OUTPUT = '/root/server_group_app.out'

BROADCAST = re.compile(
    r'got server group broadcast msg: len: (\d+), sinstance: (\S+), msg: (.*)'
)
STATUS = re.compile(r'got server group status response msg: (.*)')
NOTIFICATION = re.compile(r'got server group notification msg: (.*)')

#: Seconds for a message between guests on a busy machine.
SOON = 60


class App:
    """``server_group_app`` in one guest; starting it again ends the first."""

    def __init__(self, domain: guest.Guest) -> None:
        self._guest = domain

    def start(self, text: str | None = None) -> None:
        """Run the program, with an argument if there is one."""
        words = [] if text is None else [text]
        command = shlex.join(['server_group_app', *words])
        self._guest.run(
            'systemctl stop app 2>/dev/null; '
            'systemd-run --quiet --unit=app --collect '
            f'sh -c {shlex.quote(f"exec {command} > {OUTPUT} 2>&1")}'
        )

    def output(self) -> str:
        """All that it has printed."""
        return self._guest.run(f'cat {OUTPUT}')

    def lines(self, kind: re.Pattern[str]) -> list[typing.Any]:
        """What it printed of one kind of event; each is followed by an empty
        line."""
        found = [kind.fullmatch(part) for part in self.output().split('\n\n')]
        return [match for match in found if match]

    def wait(
        self, kind: re.Pattern[str], count: int = 1
    ) -> list[re.Match[str]]:
        """Wait for so many events of a kind; return them."""

        def look() -> list[re.Match[str]] | None:
            found = self.lines(kind)
            return found if len(found) >= count else None

        return list(rest.wait_for(f'{count} x {kind.pattern}', look, SOON))

    def status(self) -> list[dict[str, typing.Any]]:
        """The servers that the program was told of."""
        (found,) = self.wait(STATUS)
        return list(json.loads(found[1]))

    def told_of(self, uuid: str) -> list[str]:
        """The event types of the notifications about a server."""
        events = [json.loads(found[1]) for found in self.lines(NOTIFICATION)]
        return [
            event['event_type']
            for event in events
            if event['payload']['instance_id'] == uuid
        ]

    def broadcasts(self) -> list[tuple[str, str, str]]:
        """Length, sender and text of each broadcast."""
        return [found.groups() for found in self.lines(BROADCAST)]


class Group:
    """The servers of one group and the program in each."""

    def __init__(self, users: servers.Servers) -> None:
        self._users = users
        self._flavor = users.flavor('talker', 1, TALKER)
        self._group = users.group('talkers', 'affinity')
        self.apps: dict[str, App] = {}

    def boot(self, name: str) -> App:
        """Start a member; the program in it does not run yet."""
        self._users.boot(name, self._flavor, self._group)
        app = self.apps[name] = App(self.guest(name))
        return app

    def guest(self, name: str) -> guest.Guest:
        """The guest of a member."""
        return self._users.probes.guest(self._users.uuids[name])

    def instance(self, name: str) -> str:
        """What other guests know a member by."""
        return self.guest(name).domain

    def uuid(self, name: str) -> str:
        """What the API knows a member by."""
        return self._users.uuids[name]

    def await_news(self, of: str, *names: str) -> None:
        """Wait until these members have heard that another one started."""

        def heard() -> bool:
            return all(
                'compute.instance.create.end'
                in self.apps[name].told_of(self.uuid(of))
                for name in names
            )

        rest.wait_for(f'news of {of} in {", ".join(names)}', heard, SOON)


def names(status: list[dict[str, typing.Any]]) -> list[str]:
    """The servers' names in a status."""
    return sorted(server['display_name'] for server in status)


def test_the_sample_scenario(users: servers.Servers) -> None:
    group = Group(users)
    first = group.boot('first')
    first.start()
    (server,) = first.status()
    assert server['instance_id'] == group.uuid('first')
    assert server['state'] == 'active'
    assert first.told_of(group.uuid('first')) == []

    second = group.boot('second')
    group.await_news('second', 'first')
    second.start('this is a test')
    first.wait(BROADCAST)
    sender = group.instance('second')
    assert first.broadcasts() == [('14', sender, 'this is a test')]
    assert names(second.status()) == ['first', 'second']
    assert second.broadcasts() == []

    third = group.boot('third')
    third.start()
    group.await_news('third', 'first', 'second')
    assert names(third.status()) == ['first', 'second', 'third']
    second.start('final test')
    for app in (first, third):
        app.wait(BROADCAST, 2 if app is first else 1)
        assert app.broadcasts()[-1] == ('10', sender, 'final test')
    assert names(second.status()) == ['first', 'second', 'third']
    assert second.broadcasts() == []
    for app in group.apps.values():
        assert 'server_group_app:' not in app.output()

    assert use_library(group.guest('third')) == 3
    first.wait(BROADCAST, 3)
    wanted = ('11', group.instance('third'), 'from Python')
    assert first.broadcasts()[-1] == wanted
    remove_package(group.guest('third'))


#: A program of a guest's author.
PROGRAM = """
from nova_ext.guest import server_group

with server_group.connect(wait=10) as group:
    group.broadcast('from Python')
    group.request_status()
    for event in group.events(timeout=30):
        if isinstance(event, server_group.Status):
            print(len(event.servers))
            break
"""


def use_library(domain: guest.Guest) -> int:
    """Run a program with the package's modules; the servers it is told of."""
    domain.run('systemctl stop app')
    return int(domain.run(f'python3 -c {shlex.quote(PROGRAM)}', 60))


def remove_package(domain: guest.Guest) -> None:
    """The package leaves a running guest without a trace."""
    domain.run('dpkg --purge nova-ext-guest', 60)
    units = 'guest-agent.service guest-scale-agent.service'
    said = domain.run(f'systemctl is-active {units} || true').split()
    assert said == ['inactive', 'inactive']
    left = domain.run('ls /usr/lib/nova-ext /usr/sbin/guest_agent || true')
    assert left == ''
