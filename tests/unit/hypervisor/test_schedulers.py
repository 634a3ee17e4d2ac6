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
"""Real-time vCPUs in a persistent definition, as libvirt gives it."""

import pathlib

from lxml import etree
import pytest
import yaml

from nova_ext.hypervisor import schedulers
from tests.unit.hypervisor import fakes
from tests.unit.hypervisor import schema

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors/domain_schedulers.yaml'
CASES = yaml.safe_load(VECTORS.read_text('utf-8'))


def by_name(case):
    return case['name']


def definition(case):
    root = etree.fromstring(fakes.XML)
    cputune = root.find('cputune')
    for element in cputune.findall('vcpusched'):
        cputune.remove(element)
    for vcpus, priority in case['before']:
        etree.SubElement(
            cputune,
            'vcpusched',
            vcpus=str(vcpus),
            scheduler='fifo',
            priority=str(priority),
        )
    return etree.tostring(root, encoding='unicode')


def changed(case):
    return schedulers.with_realtime(
        definition(case),
        frozenset(case.get('added', ())),
        frozenset(case.get('removed', ())),
        7,
    )


@pytest.mark.parametrize('case', CASES, ids=by_name)
def test_the_real_time_vcpus_change(case):
    root = etree.fromstring(changed(case))
    assert [
        (element.get('vcpus'), element.get('scheduler'))
        for element in root.iterfind('cputune/vcpusched')
    ] == [(str(vcpus), 'fifo') for vcpus, _ in case['after']]
    for element in root.iterfind('cputune/vcpusched'):
        assert element.get('priority') == '7'


@pytest.mark.parametrize('case', CASES, ids=by_name)
def test_everything_else_stays(case):
    def rest(xml):
        root = etree.fromstring(xml)
        for element in root.findall('cputune/vcpusched'):
            element.getparent().remove(element)
        return [
            (element.tag, dict(element.attrib), (element.text or '').strip())
            for element in root.iter()
        ]

    assert rest(changed(case)) == rest(definition(case))


def test_libvirt_takes_the_result():
    xml = schedulers.with_realtime(
        fakes.XML, frozenset({2}), frozenset({3}), 7
    )
    assert schema.errors(xml) == []
    assert schema.errors(xml.replace('fifo', 'none')) != []


def test_a_definition_without_tuning_stays_as_it_is():
    xml = '<domain><name>x</name></domain>'
    assert schedulers.with_realtime(xml, frozenset({1}), frozenset(), 1) == xml


def test_what_qemu_alone_understands_stays():
    xml = (
        "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
        '<cputune/><qemu:commandline><qemu:arg value="-d"/>'
        '</qemu:commandline></domain>'
    )
    found = schedulers.with_realtime(xml, frozenset({1}), frozenset(), 1)
    assert '<qemu:arg value="-d"/>' in found
