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
"""CPU lists: agreement with Nova's grammar, and the way back."""

import pathlib
import re

from hypothesis import assume
from hypothesis import given
from hypothesis import strategies
from nova import exception as nova_exception
from nova.virt import hardware
import pytest
import yaml

from nova_ext import cpuset

VECTORS = pathlib.Path(__file__).parents[1] / 'vectors/cpu_lists.yaml'
CASES = yaml.safe_load(VECTORS.read_text('utf-8'))

CPU_SETS = strategies.frozensets(strategies.integers(0, 600), max_size=80)
TEXTS = strategies.text('0123456789-^, ', max_size=12)


@pytest.mark.parametrize('case', CASES['parse'], ids=repr)
def test_a_list_is_read_as_nova_does(case):
    assert cpuset.parse(case['text']) == set(case['cpus'])
    assert hardware.parse_cpu_spec(case['text']) == set(case['cpus'])


@pytest.mark.parametrize('case', CASES['render'], ids=repr)
def test_a_set_is_written_as_short_as_possible(case):
    assert cpuset.render(case['cpus']) == case['text']


@pytest.mark.parametrize('case', CASES['bad'], ids=repr)
def test_a_bad_list_is_named(case):
    with pytest.raises(ValueError, match=re.escape(case['said'])):
        cpuset.parse(case['text'])
    with pytest.raises(nova_exception.Invalid):
        hardware.parse_cpu_spec(case['text'])


@pytest.mark.parametrize('case', CASES['large'], ids=repr)
def test_no_text_fills_the_memory(case):
    with pytest.raises(ValueError, match=case['said']):
        cpuset.parse(case['text'])


@given(CPU_SETS)
def test_what_is_written_reads_back(cpus):
    text = cpuset.render(cpus)
    assert cpuset.parse(text) == cpus
    assert hardware.parse_cpu_spec(text) == cpus


@given(TEXTS)
def test_any_text_is_taken_as_nova_takes_it(text):
    assume(all(int(each) <= 8191 for each in re.findall(r'\d+', text)))
    try:
        wanted = hardware.parse_cpu_spec(text)
    except nova_exception.Invalid:
        wanted = None
    if wanted is None:
        with pytest.raises(ValueError, match='is not a CPU list'):
            cpuset.parse(text)
    else:
        assert cpuset.parse(text) == wanted
