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
"""The list of plug-ins, as a table and as JSON."""

import json
import pathlib
import sys
from typing import Any

import pytest

from nova_ext.cmd import plugins
from nova_ext.cmd import status
from nova_ext.plugins import catalog
from tests import distributions

FOREIGN = (
    'licences',
    '2.0',
    {
        catalog.RESOURCES: {'licence': 'lic:L', 'compute_unit': 'lic:C'},
        catalog.CONSUMERS: {'licence': 'lic:L'},
    },
)
OPTIONS = (
    '[DEFAULT]\ncompute_resources = licence,vcpu_scale\n'
    'scheduler_consumers = licnece\n'
)


def run(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    options: str,
    *arguments: str,
) -> int:
    path = tmp_path / 'nova.conf'
    path.write_text(options)
    monkeypatch.setattr(
        sys, 'argv', ['status', '--config-file', str(path), *arguments]
    )
    with distributions.installed(distributions.nova_ext(), FOREIGN):
        return status.main()


def listed(output: str) -> list[tuple[Any, ...]]:
    keys = ('side', 'name', 'position', 'distribution', 'problem')
    return [
        tuple(each[key] for key in keys)
        for each in json.loads(output)['plugins']
    ]


def test_json(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = run(tmp_path, monkeypatch, OPTIONS, 'plugins', '--json')
    found = listed(capsys.readouterr().out)
    assert code == 1
    assert found[:2] == [
        ('compute', 'licence', 1, 'licences', ''),
        ('compute', 'vcpu_scale', 2, 'nova-ext', ''),
    ]
    assert ('compute', 'compute_unit', None, 'nova-ext', 'conflict') in found
    assert ('compute', 'compute_unit', None, 'licences', 'conflict') in found
    assert ('scheduler', 'licnece', 1, '', 'not installed') in found
    assert ('scheduler', 'licence', None, 'licences', '') in found


def test_table(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = '[DEFAULT]\ncompute_resources = licence\n'
    assert run(tmp_path, monkeypatch, options, 'plugins') == 0
    shown = capsys.readouterr().out
    (row,) = [
        line
        for line in shown.splitlines()
        if 'compute ' in line and ' licence ' in line
    ]
    cells = [cell.strip() for cell in row.strip('|').split('|')]
    assert cells == ['compute', 'licence', '1', 'licences', '2.0', 'lic:L', '']
    assert 'not enabled' in shown


def test_an_unused_conflict_is_shown_and_does_no_harm(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(tmp_path, monkeypatch, '', 'plugins') == 0


def test_rows_need_no_plugin() -> None:
    conf = status.make_conf()
    plugins.add_parser(conf)
    conf([], project='nova', default_config_files=[])
    assert all(row.position is None for row in plugins.rows(conf))
