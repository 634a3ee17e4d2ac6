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
import itertools
import sys
import threading

import pytest

from nova_ext.groups import process
from tests.unit import polling


class Server:
    def __init__(self) -> None:
        self.events: list[str] = []

    def stop(self) -> None:
        self.events.append('stop')

    def wait(self) -> None:
        self.events.append('wait')


def run(made: process.Process, start: object) -> threading.Thread:
    thread = threading.Thread(target=made.run, args=(start,))
    thread.start()
    return thread


def test_it_starts_checks_and_ends() -> None:
    problems: list[str | None] = ['no answer', None]
    made = process.Process(
        {'bus': lambda: problems.pop(0) if problems else None}, 0.01
    )
    server = Server()
    thread = run(made, lambda: made.add(server))
    polling.until(lambda: not problems)
    polling.until(lambda: not made.health.problems())
    assert server.events == []
    made.stop()
    thread.join(10)
    assert server.events == ['stop', 'wait']
    assert made.status == 0


@pytest.mark.parametrize('moment', range(0, 200, 20))
def test_a_signal_ends_it_at_any_moment(
    monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """The handler runs within whatever the thread is doing, with its locks."""
    monkeypatch.setattr(process, '_LOOK', 0.001)
    for number in range(moment, moment + 20):
        made = process.Process({}, 0.001)
        steps = itertools.count()

        def interrupt(*_: object) -> None:
            if next(steps) == number:
                made.stop()

        def work() -> None:
            sys.setprofile(interrupt)
            made.run(lambda: None)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(10)
        assert not thread.is_alive()


def test_it_can_end_while_it_waits_for_the_bus() -> None:
    never = threading.Event()
    made = process.Process({}, 0.01)
    thread = run(made, lambda: never.wait(30))
    made.stop()
    thread.join(5)
    assert not thread.is_alive()
    never.set()


def test_it_ends_although_a_part_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, '_END_TIMEOUT', 0.05)
    never = threading.Event()
    server = Server()
    server.stop = lambda: never.wait(30)  # type: ignore
    made = process.Process({}, 0.01)
    thread = run(made, lambda: made.add(server))
    assert made.serving.wait(10)
    made.stop()
    thread.join(5)
    assert not thread.is_alive()
    never.set()


def test_a_failed_start_ends_it_with_a_status() -> None:
    made = process.Process({}, 0.01)
    thread = run(made, lambda: 1 / 0)
    thread.join(10)
    assert made.status == 1


def test_what_is_reported_by_others_counts() -> None:
    made = process.Process({}, 0.01, 'channel')
    assert made.health.problems() == ['channel: not checked yet']


def test_a_start_that_waits_for_the_bus_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, '_SOON', 0.05)
    reached = threading.Event()
    made = process.Process({'bus': lambda: None}, 0.01)
    thread = run(made, lambda: reached.wait(30) and None)
    polling.until(lambda: len(made.health.problems()) == 2)
    assert made.health.problems() == [
        'bus: not checked yet',
        'start: not done, and nothing is served: the message bus has not '
        'been reached yet; check [DEFAULT]transport_url and whether the bus '
        'runs',
    ]
    reached.set()
    polling.until(lambda: not made.health.problems())
    made.stop()
    thread.join(10)
