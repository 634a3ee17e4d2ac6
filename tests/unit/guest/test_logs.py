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
import logging
import logging.handlers
import os
import socket
import sys
import types

import pytest

from nova_ext.guest import logs


@pytest.fixture(autouse=True)
def root_logger(monkeypatch):
    """Give each test a root logger of its own."""
    root = logging.RootLogger(logging.WARNING)
    shim = types.SimpleNamespace(**vars(logging))
    shim.getLogger = lambda name=None: root
    monkeypatch.setattr(logs, 'logging', shim)
    return root


@pytest.mark.parametrize(
    ('severity', 'level'),
    [
        (None, logging.WARNING),
        (0, logging.CRITICAL),
        (3, logging.ERROR),
        (4, logging.WARNING),
        (6, logging.INFO),
        (7, logging.DEBUG),
    ],
)
def test_the_severity_is_that_of_syslog(root_logger, severity, level) -> None:
    logs.set_up('guest_agent', severity)
    assert root_logger.level == level


def test_the_journal_gets_plain_lines(root_logger, monkeypatch) -> None:
    monkeypatch.setenv('JOURNAL_STREAM', '8:1')
    logs.set_up('guest_agent')
    assert type(root_logger.handlers[0]) is logging.StreamHandler


def test_syslog_gets_the_programs_name(
    root_logger, monkeypatch, tmp_path
) -> None:
    monkeypatch.delenv('JOURNAL_STREAM', raising=False)
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: False)
    path = str(tmp_path / 'log')
    monkeypatch.setattr(logs, '_SYSLOG', path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
        syslog.bind(path)
        syslog.settimeout(10)
        logs.set_up('guest_agent')
        root_logger.error('gone')
        said = syslog.recv(1000)
    root_logger.handlers[0].close()
    assert b'guest_agent[%d]: gone' % os.getpid() in said
