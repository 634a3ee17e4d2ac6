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
from unittest import mock

from oslo_privsep import capabilities
from oslo_privsep import priv_context
import pytest

from nova_ext.hypervisor import privileged


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
