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
import dataclasses
import threading
import time

from oslo_log import log as logging
import pytest

from nova_ext.channel import limits
from nova_ext.conf import channel as channel_conf

LOG = logging.getLogger(__name__)


@pytest.fixture
def clock(monkeypatch):
    """The time that the module sees, as a list of one number."""
    now = [1000.0]
    monkeypatch.setattr(limits.time, 'monotonic', lambda: now[0])
    return now


def test_the_defaults_are_those_of_the_options() -> None:
    from oslo_config import cfg

    conf = cfg.ConfigOpts()
    channel_conf.register_opts(conf)
    conf([])
    made = limits.from_conf(conf.nova_ext_channel)
    assert made == limits.Limits()
    assert len(dataclasses.fields(made)) == 11


def test_no_guest_shows_in_a_hundredth_of_the_others_messages() -> None:
    """The share of time is how many of them wait for its dear ones."""
    assert limits.Limits().time_share < 0.01


def test_a_budget_is_one_seconds_worth(clock) -> None:
    budget = limits.Budget(10)
    assert budget.spend(10) == 0
    assert budget.spend(5) == pytest.approx(0.5)
    clock[0] += 0.5
    assert budget.spend(0) == pytest.approx(0)


def test_a_budget_refills_up_to_one_second(clock) -> None:
    budget = limits.Budget(10)
    clock[0] += 100
    assert budget.spend(15, 0, 0) == 0
    assert budget.spend(6, 0, 0) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ('spent', 'rest'),
    [((30, 0, 0), 2.0), ((0, 130, 0), 0.3), ((0, 0, 0.2), 1.0)],
)
def test_a_budget_has_three_sides(clock, spent, rest: float) -> None:
    budget = limits.Budget(10, 100, 0.1)
    assert budget.spend(*spent) == pytest.approx(rest)


def say(gate: limits.LogGate, reason: str) -> None:
    """Log a line that has a reason, if the gate admits it."""
    if log := gate.admit_to(LOG):
        log.warning('100%% refused: %s', reason)


def test_a_gate_lets_a_few_lines_through_and_counts_the_rest(
    clock, caplog
) -> None:
    gate = limits.LogGate(lines=2, period=60)
    for number in range(5):
        say(gate, 'no. %d' % number)
    clock[0] += 59.9
    assert gate.admit_to(LOG) is None
    clock[0] += 0.1
    for number in range(5, 8):
        say(gate, 'no. %d' % number)
    assert caplog.messages == [
        '100% refused: no. 0 (0 before it not logged)',
        '100% refused: no. 1 (0 before it not logged)',
        '100% refused: no. 5 (4 before it not logged)',
        '100% refused: no. 6 (0 before it not logged)',
    ]


def test_threads_share_a_gate(clock) -> None:
    """A thread may be stopped between looking at the count and raising it."""
    gate = limits.LogGate(lines=50)
    together = threading.Barrier(8)

    class Slow(int):
        def __add__(self, other):
            time.sleep(0)
            return Slow(int(self) + other)

    gate._used = Slow(0)
    admitted = []

    def ask() -> None:
        together.wait(10)
        admitted.extend(gate.admit() for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (len(admitted), sum(admitted)) == (400, 50)


def test_a_line_is_of_the_code_that_logs_it(caplog) -> None:
    """Of its logger, with what that adds, at its place in the source."""
    gate = limits.LogGate()
    say(gate, 'x')
    try:
        raise ValueError('expected by the test')
    except ValueError:
        gate.admit_to(LOG).exception('Failed')
    LOG.warning('not through the gate')
    said, failed, other = caplog.records
    assert {r.name for r in caplog.records} == {__name__}
    assert {r.pathname for r in caplog.records} == {other.pathname}
    assert (said.levelname, said.funcName) == ('WARNING', 'say')
    assert (failed.levelname, failed.funcName) == ('ERROR', other.funcName)
    assert failed.exc_info[0] is ValueError
    assert (said.project, said.extra_keys) == (other.project, other.extra_keys)


def test_a_gate_without_words_has_the_same_limit(clock) -> None:
    gate = limits.LogGate(lines=2, period=60)
    assert [gate.admit() for _ in range(4)] == [True, True, False, False]
    clock[0] += 60
    assert [gate.admit() for _ in range(3)] == [True, True, False]
