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
"""The calls that need a capability, and that it is only the one."""

import os
import runpy
import subprocess
import sys
import time
from unittest import mock

from oslo_privsep import capabilities
from oslo_privsep import comm
from oslo_privsep import priv_context
import pytest

from nova_ext.hypervisor import privileged

#: Calls a daemon that stands still, kills it, and calls again.
DIES = """
import functools, os, signal, threading
from oslo_config import cfg
from oslo_privsep import priv_context
from nova_ext.hypervisor import privileged

cfg.CONF([], project='x')
privileged.TIMEOUT = privileged.context.timeout = 1.0
context, fork, children = privileged.context, os.fork, []


def forked():
    children.append(fork())
    return children[-1]


os.fork = forked
context.start = functools.partial(context.start, priv_context.Method.FORK)
thread = threading.get_native_id()
privileged.set_other(thread)
os.kill(children[-1], signal.SIGSTOP)
threading.Timer(0.3, os.kill, (children[-1], signal.SIGKILL)).start()
try:
    privileged.set_other(thread)
except OSError as error:
    print('%s: %s' % (type(error).__name__, error))
privileged.set_other(thread)
print('changed')
os.kill(children[-1], signal.SIGKILL)
"""


@pytest.fixture
def calls(monkeypatch):
    """Run the calls in this process, and keep what they ask the kernel."""
    found = []

    def set_scheduler(thread, policy, parameter):
        found.append((thread, policy, parameter.sched_priority))

    monkeypatch.setattr(os, 'sched_setscheduler', set_scheduler)
    privileged.context.set_client_mode(False)
    yield found
    privileged.context.set_client_mode(True)


def test_a_thread_becomes_real_time(calls):
    privileged.set_fifo(42, 3)
    assert calls == [(42, os.SCHED_FIFO, 3)]


def test_a_thread_becomes_ordinary(calls):
    privileged.set_other(42)
    assert calls == [(42, os.SCHED_OTHER, 0)]


def test_the_daemon_may_change_priorities_and_nothing_else(monkeypatch):
    made = mock.MagicMock()
    monkeypatch.setattr(priv_context, 'PrivContext', made)
    runpy.run_path(privileged.__file__)
    asked = made.call_args.kwargs
    assert asked['capabilities'] == [capabilities.CAP_SYS_NICE]
    # Its own daemon: Nova's has every capability of Nova.
    assert asked['cfg_section'] == 'nova_ext_privileged'
    assert privileged.context.pypath == (
        'nova_ext.hypervisor.privileged.context'
    )
    assert asked['timeout'] == privileged.TIMEOUT


def test_a_daemon_that_does_not_answer_is_given_up(monkeypatch):
    def hang(*args):
        raise comm.PrivsepTimeout()

    monkeypatch.setattr(privileged, '_set_policy', hang)
    monkeypatch.setattr(privileged.context, 'channel', object())
    with pytest.raises(TimeoutError, match='did not answer within 10 s'):
        privileged.set_fifo(42, 3)
    assert privileged.context.channel is None


def test_a_late_call_changes_nothing(calls):
    """The caller has undone its step by then."""
    with pytest.raises(TimeoutError, match='has given up'):
        privileged._set_policy(42, os.SCHED_FIFO, 3, time.monotonic() - 1)
    assert calls == []


def test_the_daemon_dies_with_a_request_unread(monkeypatch, tmp_path):
    """A real daemon; oslo.privsep lets the call wait for ever."""
    program = tmp_path / 'dies.py'
    program.write_text(DIES)
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(program)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.stdout.splitlines() == [
        'TimeoutError: the privsep daemon did not answer within 1 s',
        'changed',
    ], done.stderr
