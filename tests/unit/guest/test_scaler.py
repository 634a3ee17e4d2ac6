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
import pathlib
import threading
import time
from typing import Any

import pytest

from nova_ext.guest import application
from nova_ext.guest import cpus
from nova_ext.guest import helper
from nova_ext.guest import hooks
from nova_ext.guest import mailbox
from nova_ext.guest import scaler
from nova_ext.wire import messages
from tests.unit.guest import fakes

UP = messages.up_request(9000, 3, [0, 1, 2])
DOWN = messages.down_request(9000)


def request(data: dict[str, Any], seconds: float = 60) -> mailbox.Request:
    return mailbox.Request('scale-1', data, time.monotonic() + seconds)


def serve(
    processors: fakes.FakeCpus,
    data: dict[str, Any],
    application: helper.Helper | None = None,
) -> dict[str, Any]:
    worker = scaler.Scaler(processors, fakes.says(application))
    return worker.serve(request(data)).answer


@pytest.mark.parametrize(
    ('before', 'status', 'cpu', 'after'),
    [
        ('0-3', None, 3, '0-2'),
        ('0-3', 0, 3, '0-2'),
        ('0-3', 127, 3, '0-2'),
        ('0-3', -9, 3, '0-2'),
        ('0-3', 1, 1, '0,2-3'),
        ('0,2', None, 2, '0'),
    ],
)
def test_who_chooses_the_cpu(
    processors, before: str, status, cpu: int, after: str
) -> None:
    processors.reset(before)
    answer = serve(processors, DOWN, fakes.FakeHelper(status))
    assert answer['result'] == 'success'
    assert answer['offline_cpu'] == cpu
    assert processors.shown() == after
    assert answer['online_cpus'] == sorted(processors.online())


def test_the_hosts_hint_wins_over_the_helper(processors) -> None:
    application = fakes.FakeHelper(1)
    data = messages.down_request(9000, offline_cpu=2)
    assert serve(processors, data, application)['offline_cpu'] == 2
    assert application.calls == []
    assert processors.shown() == '0-1,3'


def test_a_hinted_cpu_that_is_already_offline_is_a_success(processors) -> None:
    processors.reset('0-1')
    data = messages.down_request(9000, offline_cpu=3)
    assert serve(processors, data)['result'] == 'success'
    assert processors.writes == []


@pytest.mark.parametrize('hint', [0, -1])
def test_cpu_0_never_goes_offline(processors, hint: int) -> None:
    answer = serve(processors, {**DOWN, 'offline_cpu': hint})
    assert answer['err_msg'] == 'cpu %d cannot go offline' % hint
    assert processors.writes == []


def test_the_last_cpu_stays(processors) -> None:
    processors.reset('0')
    answer = serve(processors, DOWN)
    assert answer['result'] == 'fail'
    assert 'only cpu 0 is online' in answer['err_msg']


def test_up_switches_first_and_tells_the_helper_then(processors) -> None:
    processors.reset('0-1')
    application = fakes.FakeHelper(5)
    answer = serve(processors, UP, application)
    assert answer == {
        'result': 'success',
        'online_cpu': 3,
        'online_cpus': [0, 1, 3],
        'version': 2,
        'resource': 'cpu',
        'direction': 'up',
    }
    assert application.calls == [['--cpu_add', '3', '[0,1,2,3]']]


@pytest.mark.parametrize('key', ['online_cpu', 'online_cpus'])
@pytest.mark.parametrize('value', [None, 'x', ['x'], True])
def test_up_needs_the_cpu_and_the_list(processors, key, value) -> None:
    answer = serve(processors, {**UP, key: value})
    assert answer['err_msg'] == 'online_cpu or online_cpus is missing'
    assert processors.writes == []


@pytest.mark.parametrize(
    'change',
    [{'direction': 'sideways'}, {'resource': 'disk'}, {'direction': ['up']}],
)
def test_an_unknown_request_is_echoed(processors, change) -> None:
    data = {**DOWN, **change}
    assert serve(processors, data) == {
        'version': 2,
        'resource': data['resource'],
        'direction': data['direction'],
    }


def test_a_slow_helper_fails_the_request_and_nothing_goes_offline(
    processors, tmp_path: pathlib.Path
) -> None:
    script = tmp_path / 'helper'
    script.write_text('#!/bin/sh\nexec sleep 600\n')
    script.chmod(0o755)
    worker = scaler.Scaler(processors, fakes.says(helper.Helper(str(script))))
    slow = request(DOWN, 3.0)
    answer = worker.serve(slow).answer
    assert slow.void is None, 'the answer must be in time'
    assert answer['result'] == 'fail'
    assert 'was stopped after' in answer['err_msg']
    assert processors.writes == []


def test_a_request_whose_time_is_over_changes_nothing(processors) -> None:
    worker = scaler.Scaler(processors, fakes.says(fakes.FakeHelper()))
    with pytest.raises(scaler.Void, match='its time is over'):
        worker.serve(request(DOWN, 0))
    assert processors.writes == []


def test_a_request_withdrawn_while_the_helper_runs_changes_nothing(
    processors,
) -> None:
    late = request(DOWN)

    class Application(fakes.FakeHelper):
        def _run(self, *args) -> int:
            late.withdraw()
            return 2

    with pytest.raises(scaler.Void, match='the host has given it up'):
        scaler.Scaler(processors, fakes.says(Application())).serve(late)
    assert processors.writes == []


@pytest.mark.parametrize('data', [DOWN, UP], ids=['down', 'up'])
@pytest.mark.parametrize('status', [None, 2])
def test_a_request_is_given_the_time_to_be_withdrawn(
    processors, monkeypatch, data, status
) -> None:
    """Also when a helper has ended meanwhile."""
    monkeypatch.setattr(scaler, 'SETTLE', 30.0)
    processors.reset('0-2')
    queued = request(data)

    class Application(fakes.FakeHelper):
        def _run(self, args, limit):
            limit.wake.set()
            return self.status

    timer = threading.Timer(0.05, queued.withdraw)
    timer.start()
    with pytest.raises(scaler.Void, match='the host has given it up'):
        scaler.Scaler(processors, fakes.says(Application(status))).serve(
            queued
        )
    timer.join()
    assert processors.writes == []


def test_a_request_is_not_held_up_for_longer(processors, monkeypatch) -> None:
    waited: list[float] = []
    made = request(DOWN)
    monkeypatch.setattr(made.wake, 'wait', waited.append)
    made.arrived -= 1
    scaler.Scaler(processors, fakes.says(fakes.FakeHelper())).serve(made)
    assert waited == []
    assert scaler.SETTLE <= 0.01


@pytest.mark.parametrize(
    ('before', 'data'), [('0-3', DOWN), ('0-1', UP)], ids=['down', 'up']
)
def test_a_change_can_be_taken_back(processors, before: str, data) -> None:
    processors.reset(before)
    outcome = scaler.Scaler(processors, fakes.says(fakes.FakeHelper())).serve(
        request(data)
    )
    assert processors.shown() != before
    outcome.undo()
    assert processors.shown() == before


def test_what_was_no_change_is_not_taken_back(processors) -> None:
    processors.reset('0,2-3')
    worker = scaler.Scaler(processors, fakes.says(fakes.FakeHelper(1)))
    worker.serve(request(DOWN)).undo()
    assert processors.writes == []


def test_a_change_that_cannot_be_taken_back_is_told(
    processors, monkeypatch, caplog
) -> None:
    outcome = scaler.Scaler(processors, fakes.says(fakes.FakeHelper())).serve(
        request(DOWN)
    )

    def refuse(cpu: int) -> bool:
        raise cpus.CpuError('busy')

    monkeypatch.setattr(processors, 'bring_online', refuse)
    outcome.undo()
    assert 'Cannot take the change back: busy' in caplog.text


def test_an_unreadable_list_does_not_spoil_a_success(
    processors, monkeypatch
) -> None:
    def refuse() -> frozenset[int]:
        raise cpus.CpuError('no list')

    monkeypatch.setattr(processors, 'online', refuse)
    answer = serve(processors, DOWN, fakes.FakeHelper(2))
    assert answer['result'] == 'success'
    assert answer['online_cpus'] == []


@pytest.mark.parametrize(
    ('timeout', 'seconds'),
    [
        (9000, 9.0),
        (1500, 1.5),
        (0, 0.25),
        (-100, 0.25),
        (-(10**400), 0.25),
        (None, 9.0),
        (10**303, 3600.0),
        (10**400, 3600.0),
    ],
)
def test_the_deadline(timeout: object, seconds: float) -> None:
    data = {**DOWN, 'timeout_ms': timeout}
    assert scaler.deadline(data, 100.0) == pytest.approx(100 + seconds)


class Says(application.Application):
    """Refuses what it is told to, and remembers what it heard."""

    def __init__(self, *refuses: str) -> None:
        super().__init__()
        self.refuses = refuses
        self.heard: list[str] = []

    def _hear(self, event: str) -> None:
        self.heard.append(event)
        if event in self.refuses:
            raise hooks.Refused('The hook x refuses %s: busy' % event)

    def choose(self, online, limit) -> int:
        self._hear('choose')
        return 2

    def leave(self, cpu, online, required, limit) -> None:
        self._hear('must leave' if required else 'leave')

    def join(self, cpu, online, announced, limit) -> None:
        assert cpu in online
        self._hear('join')

    def returned(self, cpu, online) -> None:
        assert cpu in online
        self._hear('returned')

    def withdrawn(self, cpu, online) -> None:
        self._hear('withdrawn')


@pytest.mark.parametrize(
    ('data', 'refuses', 'heard'),
    [
        (DOWN, 'choose', ['choose']),
        (DOWN, 'leave', ['choose', 'leave']),
        (UP, 'join', ['join']),
    ],
)
def test_a_refusal_fails_the_request_and_nothing_changes(
    processors, data, refuses: str, heard: list[str]
) -> None:
    processors.reset('0-2')
    says = Says(refuses)
    answer = scaler.Scaler(processors, says).serve(request(data)).answer
    assert answer['result'] == 'fail'
    assert answer['err_msg'] == 'The hook x refuses %s: busy' % refuses
    assert says.heard == heard
    assert processors.shown() == '0-2'


def test_a_refused_cpu_that_was_online_before_stays_so(processors) -> None:
    scaler.Scaler(processors, Says('join')).serve(request(UP))
    assert processors.writes == []


def test_the_hosts_own_choice_cannot_be_refused(processors) -> None:
    says = Says()
    data = messages.down_request(9000, offline_cpu=3)
    scaler.Scaler(processors, says).serve(request(data))
    assert says.heard == ['must leave']


def test_of_a_cpu_that_is_offline_the_application_hears_nothing(
    processors,
) -> None:
    """The host repeats itself after a boot."""
    processors.reset('0-2')
    says = Says()
    data = messages.down_request(9000, offline_cpu=3)
    answer = scaler.Scaler(processors, says).serve(request(data)).answer
    assert answer['result'] == 'success'
    assert says.heard == []


def test_the_application_hears_that_the_kernel_refused(
    processors, monkeypatch
) -> None:
    def refuse(cpu: int) -> bool:
        raise cpus.CpuError('busy')

    monkeypatch.setattr(processors, 'take_offline', refuse)
    says = Says()
    answer = scaler.Scaler(processors, says).serve(request(DOWN)).answer
    assert answer['err_msg'] == 'busy'
    assert says.heard == ['choose', 'leave', 'returned']


def test_the_application_hears_that_the_request_became_void(
    processors,
) -> None:
    late = request(DOWN)

    class Slow(Says):
        def leave(self, *args) -> None:
            super().leave(*args)
            late.withdraw()

    says = Slow()
    with pytest.raises(scaler.Void):
        scaler.Scaler(processors, says).serve(late)
    assert says.heard == ['choose', 'leave', 'returned']
    assert processors.writes == []


@pytest.mark.parametrize(
    ('data', 'heard'),
    [(DOWN, ['choose', 'leave', 'returned']), (UP, ['join', 'withdrawn'])],
)
def test_the_application_hears_of_what_is_taken_back(
    processors, data, heard: list[str]
) -> None:
    processors.reset('0-2')
    says = Says()
    scaler.Scaler(processors, says).serve(request(data)).undo()
    assert says.heard == heard
    assert processors.shown() == '0-2'
