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
"""A service that a scale request needs is away for a while.

The caller gets an error or the result, never both; afterwards everything
agrees without a person's help. ``NOVA_EXT_LAB_OUTAGE`` makes the outages of
another number of seconds.
"""

import collections.abc
import concurrent.futures
import contextlib
import datetime
import os
import signal
import time

import pytest

from tests.lab import agreement
from tests.lab import errors
from tests.lab import mariadb
from tests.lab import namespace
from tests.lab import openstack
from tests.lab import placement
from tests.lab import rabbitmq
from tests.lab import rest
from tests.lab import servers
from tests.lab import supervisor

OUTAGE = float(os.environ.get('NOVA_EXT_LAB_OUTAGE', '30'))

#: Seconds after an outage until everything agrees: connections come back, and
#: the next audit repairs what is left.
SETTLED = 180

#: Seconds that the guest thinks, so that the outage begins in the middle.
THINKING = 2

HOOK = '/etc/nova-ext/scale.d/10-think'


def service_of(lab: openstack.Lab, name: str) -> supervisor.Service:
    """How a service is started again."""
    chosen = lab.running_settings()
    if name == 'rabbitmq':
        return rabbitmq.service(lab.paths, chosen)
    if name == 'mariadb':
        return mariadb.service(lab.paths)
    return placement.service(lab.paths, chosen)


@contextlib.contextmanager
def away(lab: openstack.Lab, name: str) -> collections.abc.Iterator[None]:
    """Stop a service, and start it again afterwards.

    The lab's MariaDB would forget the last second if it were killed.
    """
    number = signal.SIGTERM if name == 'mariadb' else signal.SIGKILL
    lab.control.stop(name, number)
    try:
        yield
    finally:
        lab.control.start(service_of(lab, name))


def ask(users: servers.Servers, direction: str) -> str:
    """Scale and wait for the answer: ``''`` or the error."""
    try:
        users.scale('A', direction)
    except errors.LabError as error:
        return str(error)
    return ''


def reported(users: servers.Servers) -> datetime.datetime:
    """When the host's nova-compute said last that it is up, to the second.

    Its report may hang in an outage for longer than the outage lasts, and
    Nova takes the host for down in the meantime, a minute after the last one.
    """
    path = f'/os-services?binary=nova-compute&host={namespace.HOST_NAME}'
    (service,) = users.admin.get('compute', path)['services']
    return datetime.datetime.fromisoformat(service['updated_at'])


def await_agreement(users: servers.Servers) -> None:
    """Wait until nothing runs, all agrees, and the host is known to be up."""
    seen: list[object] = []
    ended = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)

    def settled() -> bool:
        try:
            busy = users.show('A')['OS-EXT-STS:task_state']
            silent = reported(users) < ended
            seen[:] = [busy, agreement.problems(users.view()), silent]
        except errors.LabError as error:
            # A service has not found its way back yet.
            seen[:] = [error]
        return seen == [None, [], False]

    try:
        rest.wait_for('agreement', settled, SETTLED, 1)
    finally:
        print(seen)


@pytest.fixture(scope='module')
def users(lab: openstack.Lab) -> collections.abc.Iterator[servers.Servers]:
    """Whoever owns server A, whose guest thinks before each step.

    One server for all tests, because a boot takes long.
    """
    found = servers.Servers(lab)
    try:
        found.boot('A', found.flavor('scalable-2', 2, servers.SCALABLE))
        domain = found.probes.guest(found.uuids['A'])
        domain.install_script(HOOK, f'sleep {THINKING}')
        yield found
    finally:
        found.remove_all()


@pytest.mark.parametrize('direction', ('down', 'up'))
@pytest.mark.parametrize('name', ('rabbitmq', 'mariadb', 'placement'))
def test_an_outage(
    lab: openstack.Lab, users: servers.Servers, name: str, direction: str
) -> None:
    """It begins while the host works on the request."""
    before, wanted = (2, 1) if direction == 'down' else (1, 2)
    if users.scaling('A')['current'] != before:
        users.scale('A', 'up' if direction == 'down' else 'down')
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, users, direction)
        await_begun(users, answer)
        with away(lab, name):
            time.sleep(OUTAGE)
        error = answer.result(300)
    await_agreement(users)
    last = users.last_request('A')
    print(f'{name} away for {OUTAGE:.0f} s: {error or "done"}; {last}')
    reached = before if error else wanted
    assert users.scaling('A')['current'] == reached
    assert last['state'] == ('failed' if error else 'done')
    assert last['reached'] == reached


def await_begun(
    users: servers.Servers, answer: concurrent.futures.Future[str]
) -> None:
    """Wait until the host works on the request.

    :raises errors.LabError: the answer is there already.
    """

    def begun() -> bool:
        if answer.done():
            raise errors.LabError(f'Before the outage: {answer.result()!r}')
        return users.show('A')['OS-EXT-STS:task_state'] is not None

    rest.wait_for('the request', begun, 30, 0.1)
