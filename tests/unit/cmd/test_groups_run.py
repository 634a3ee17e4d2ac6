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
import os
import signal
import threading

import prometheus_client

from nova_ext.cmd import groups_run
from nova_ext.groups import process as process_module


class Program:
    """Ends when it is signalled."""

    def __init__(self) -> None:
        self.process = process_module.Process({}, 0.01)
        self.registry = prometheus_client.CollectorRegistry()

    def run(self) -> None:
        self.process.run(
            lambda: os.kill(os.getpid(), signal.SIGTERM),
        )


def test_it_runs_until_a_signal() -> None:
    before = {
        number: signal.getsignal(number)
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        assert groups_run.until_signalled(Program(), '') == 0
        assert threading.active_count() < 50
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_port_that_cannot_be_listened_on(caplog) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        for where in ('127.0.0.1', '/nowhere/at/all.sock'):
            assert groups_run.until_signalled(Program(), where) == 1
            assert 'Cannot listen on %s' % where in caplog.text
        assert ': wanted <address>:<port> or the absolute' in caplog.text
        assert '; check [nova_ext_groups]service_monitor' in caplog.text
    finally:
        signal.signal(signal.SIGTERM, before)
