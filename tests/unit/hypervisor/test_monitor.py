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
"""QEMU's own answer about its threads."""

import json

import pytest

from nova_ext.hypervisor import monitor
from tests.unit.hypervisor import fakes


def test_the_thread_of_each_vcpu():
    threads = monitor.thread_ids(fakes.Domain(), fakes.monitor)
    assert threads == {0: 100, 1: 101, 2: 102, 3: 103}


def test_what_qemu_adds_is_skipped():
    answer = {
        'return': [
            {
                'cpu-index': 1,
                'thread-id': 7,
                'qom-path': '/machine/unattached/device[0]',
                'target': 'x86_64',
                'props': {'core-id': 0},
            }
        ]
    }
    found = monitor.thread_ids(None, lambda *args: json.dumps(answer))
    assert found == {1: 7}


@pytest.mark.parametrize(
    'answer',
    [
        {'error': {'class': 'CommandNotFound', 'desc': 'no such command'}},
        {'return': [{'cpu-index': 0}]},
    ],
)
def test_another_answer_is_no_answer(answer):
    with pytest.raises(KeyError):
        monitor.thread_ids(None, lambda *args: json.dumps(answer))
