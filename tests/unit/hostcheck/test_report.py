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
"""What is shown of the findings."""

import json
import pathlib

import pytest

from nova_ext.hostcheck import catalog
from nova_ext.hostcheck import findings
from nova_ext.hostcheck import report
from nova_ext.hostcheck import trait
from tests.unit.hostcheck import fakes


@pytest.fixture
def found(tmp_path: pathlib.Path) -> list[findings.Finding]:
    """A host with one failure and one remark."""
    changes = {'virt_type': 'qemu', 'smi': [1, 2]}
    return catalog.run(fakes.make(tmp_path, changes), ())


def test_text_has_the_four_parts(found: list[findings.Finding]) -> None:
    text = report.as_text(report.Report(found))
    assert (
        'KVM (kvm): FAILED\n  found:  [libvirt]virt_type of nova.conf is qemu'
    ) in text
    part = text.partition('KVM (kvm)')[2].partition('\n\n')[0]
    for title in ('found:', 'wanted:', 'why:', 'fix:'):
        assert '\n  ' + title in part
    assert text.endswith('This host does not pass: kvm.')
    assert max(map(len, text.splitlines())) <= 79


def test_nothing_is_to_be_fixed_where_a_check_passed(
    tmp_path: pathlib.Path,
) -> None:
    found = catalog.run(fakes.make(tmp_path, {}), ())
    text = report.as_text(report.Report(found))
    assert 'fix:' not in text
    assert text.endswith('This host passes.')


def test_remarks_and_acceptance(tmp_path: pathlib.Path) -> None:
    changes = {'virt_type': 'qemu', 'smi': [1, 2]}
    found = catalog.run(fakes.make(tmp_path, changes), ('kvm',))
    text = report.as_text(report.Report(found))
    assert 'KVM (kvm): FAILED, accepted\n' in text
    assert text.endswith('This host passes, with remarks: smi.')


@pytest.mark.parametrize(
    'change, said',
    [
        (trait.Change(False, True), 'was given to the resource provider.'),
        (trait.Change(True, False), 'was taken from the resource provider.'),
        (trait.Change(True, True), 'has the trait CUSTOM_REALTIME_HOST, as'),
        (trait.Change(False, False), 'does not have the trait CUSTOM_REAL'),
    ],
)
def test_trait(
    found: list[findings.Finding], change: trait.Change, said: str
) -> None:
    shown = report.Report(found, report.TraitReport(change))
    assert said in report.as_text(shown).splitlines()[-1]
    assert json.loads(report.as_json(shown))['trait'] == {
        'name': 'CUSTOM_REALTIME_HOST',
        'before': change.before,
        'after': change.after,
        'problem': '',
    }


def test_a_trait_that_failed(found: list[findings.Finding]) -> None:
    shown = report.Report(found, report.TraitReport(None, 'It was not.'))
    assert report.as_text(shown).endswith('\nIt was not.')
    told = json.loads(report.as_json(shown))['trait']
    assert (told['before'], told['after']) == (None, None)
    assert told['problem'] == 'It was not.'


def test_json(found: list[findings.Finding]) -> None:
    shown = json.loads(report.as_json(report.Report(found)))
    assert shown['passes'] is False
    assert 'trait' not in shown
    assert [each['name'] for each in shown['checks']] == list(catalog.NAMES)
    (kvm,) = [each for each in shown['checks'] if each['name'] == 'kvm']
    assert kvm['result'] == 'failed'
    assert set(kvm) == {
        *('name', 'title', 'required', 'result', 'accepted', 'found'),
        *('wanted', 'why', 'fix'),
    }
