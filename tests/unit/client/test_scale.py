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
"""The commands, run as the openstack program runs them."""

import io
import json
from typing import Any

from osc_lib import exceptions
import pytest
import yaml

from nova_ext.client import scale
from tests.unit.client import fakes

URL = '/servers/%s/vcpu-scale' % fakes.SERVER
FORMATS = ['table', 'json', 'yaml', 'value', 'shell']


class App:
    """What a command needs of the openstack program."""

    def __init__(self, compute: fakes.Compute) -> None:
        self.client_manager = type('Manager', (), {'compute': compute})
        self.stdout = io.StringIO()


def run(command: Any, *argv: str, answers: Any) -> tuple[str, list[Any]]:
    """Run a command; return its output and what nova-api was asked."""
    compute = fakes.Compute(*answers)
    app = App(compute)
    found = command(app, None)
    code = found.run(found.get_parser('openstack').parse_args(argv))
    assert code == 0
    assert compute.answers == []
    return app.stdout.getvalue(), compute.asked


@pytest.mark.parametrize(
    'command, direction', [(scale.ScaleUp, 'up'), (scale.ScaleDown, 'down')]
)
def test_up_and_down(command: Any, direction: str) -> None:
    out, asked = run(
        command,
        'web1',
        '-f',
        'json',
        answers=[fakes.Response(202, ''), fakes.shown(fakes.last())],
    )
    assert [one[0] for one in asked] == ['POST', 'GET']
    assert asked[0][2]['wrs-res:scale']['direction'] == direction
    assert json.loads(out)['last_state'] == 'done'


@pytest.mark.parametrize('command', [scale.ScaleUp, scale.ScaleDown])
def test_a_refusal_is_an_error(command: Any) -> None:
    refused = fakes.fault(400, 'When scaling, cannot scale beyond limits!')
    with pytest.raises(exceptions.CommandError, match='beyond limits!'):
        run(command, fakes.SERVER, answers=[refused])


@pytest.mark.parametrize('format', FORMATS)
def test_show_in_every_format(format: str) -> None:
    out, _ = run(
        scale.ShowScale, 'web1', '-f', format, answers=[fakes.shown()]
    )
    assert 'current' in out or format == 'value'
    if format == 'json':
        assert json.loads(out) == {
            'min': 2,
            'current': 3,
            'max': 4,
            'online': [0, 2, 3],
            'offline': [1],
            'accounting': 'current',
            'remarks': ['All is well.'],
            'stray': [],
            'stray_count': 0,
            **{'last_%s' % key: None for key in scale.api.LAST_FIELDS},
        }
    if format == 'yaml':
        assert yaml.safe_load(out)['online'] == [0, 2, 3]
    if format == 'table':
        assert '0,2-3' in out


def test_show_vcpus_that_run_against_the_record() -> None:
    answer = fakes.shown(stray={'vcpus': [1], 'count': 3})
    out, _ = run(scale.ShowScale, 'web1', '-f', 'json', answers=[answer])
    shown = json.loads(out)
    assert (shown['stray'], shown['stray_count']) == ([1], 3)


def test_show_one_column() -> None:
    out, _ = run(
        scale.ShowScale,
        'web1',
        *('-f', 'value', '-c', 'current'),
        answers=[fakes.shown()],
    )
    assert out == '3\n'


def test_set() -> None:
    out, asked = run(
        scale.SetScale,
        *('--online', '3', 'web1', '-f', 'json'),
        answers=[fakes.shown(fakes.last('in progress'))],
    )
    assert asked == [('PUT', URL, {'vcpu_scale': {'online': 3}})]
    assert json.loads(out)['last_state'] == 'in progress'


def test_set_and_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale.api, 'POLL_SECONDS', 0)
    out, asked = run(
        scale.SetScale,
        *('--online', '3', '--wait', 'web1', '-f', 'json'),
        answers=[
            fakes.shown(fakes.last('in progress')),
            fakes.shown(fakes.last('in progress')),
            fakes.shown(fakes.last()),
        ],
    )
    assert [one[0] for one in asked] == ['PUT', 'GET', 'GET']
    assert json.loads(out)['last_state'] == 'done'


@pytest.mark.parametrize('format', FORMATS)
def test_dry_run_in_every_format(format: str) -> None:
    plan = {
        'current': 3,
        'target': 4,
        'steps': [{'direction': 'up', 'vcpu': 1, 'pcpu': 7}],
        'blockers': [{'reason': 'Locked.', 'remedy': 'Unlock it.'}],
    }
    out, asked = run(
        scale.SetScale,
        *('--online', '4', '--dry-run', '--wait', 'web1', '-f', format),
        answers=[fakes.Response(200, {'vcpu_scale': {'dry_run': plan}})],
    )
    assert asked[0][1] == URL + '?dry_run=true'
    assert 'Unlock it.' in out
    if format == 'json':
        assert json.loads(out) == plan


@pytest.mark.parametrize(
    'argv', [[], ['web1'], ['--online', 'two', 'web1'], ['--online', '2']]
)
def test_set_needs_server_and_number(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    parser = scale.SetScale(App(fakes.Compute()), None).get_parser('openstack')
    with pytest.raises(SystemExit):
        parser.parse_args(argv)
    assert 'error:' in capsys.readouterr().err
