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
from typing import Any

import pytest

from nova_ext.cmd import groups
from nova_ext.cmd import groups_run
from nova_ext.conf import CONF
from nova_ext.groups import members


@pytest.fixture
def nova(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Nova's part of the start; each start's arguments."""
    started: list[list[str]] = []

    class Conf:
        host = 'controller1'
        nova_ext_groups = CONF.nova_ext_groups

    def start(argv: list[str]) -> Any:
        started.append(argv)
        return Conf

    monkeypatch.setattr(members, 'start', start)
    monkeypatch.setattr(groups.logging, 'setup', lambda *_: None)
    return started


def test_without_a_database_it_says_so_and_ends(
    nova, monkeypatch, caplog
) -> None:
    def fail() -> None:
        raise OSError('connection refused')

    monkeypatch.setattr(members, 'buses', fail)
    assert groups.main(['--config-file', 'x']) == 1
    assert nova == [['nova-ext-groups', '--config-file', 'x']]
    assert 'Cannot read the cells' in caplog.text
    assert 'connection refused; check [api_database]conn' in caplog.text


def test_each_copy_is_named_by_its_host(nova, monkeypatch) -> None:
    made: list[Any] = []

    def run(program: Any, where: str) -> int:
        made.append((program, where))
        return 0

    monkeypatch.setattr(members, 'buses', lambda: {'cell': 'url'})
    monkeypatch.setattr(
        groups.service_process,
        'ServiceProcess',
        lambda conf, host, membership, buses: (host, buses),
    )
    monkeypatch.setattr(groups_run, 'until_signalled', run)
    assert groups.main([]) == 0
    assert made == [(('controller1', {'cell': 'url'}), '')]
