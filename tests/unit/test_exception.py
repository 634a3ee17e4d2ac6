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
"""Every error: its text takes its fields, and its status is an error's."""

import inspect
import pathlib
import re

import oslo_messaging as messaging
import pytest
import yaml

from nova_ext import exception

VECTORS = pathlib.Path(__file__).parents[1] / 'vectors/errors.yaml'
CASES = yaml.safe_load(VECTORS.read_text('utf-8'))
CLASSES = [
    cls
    for _, cls in inspect.getmembers(exception, inspect.isclass)
    if issubclass(cls, exception.NovaExtError)
]
FIELD = re.compile(r'%\((\w+)\)[.\d]*(\w)')
SAMPLES = {'s': 'a text', 'd': 7, 'f': 2.5}


def fields_of(cls):
    return {name: SAMPLES[kind] for name, kind in FIELD.findall(cls.msg_fmt)}


@pytest.mark.parametrize('cls', CLASSES)
def test_a_text_takes_its_fields(cls):
    fields = fields_of(cls)
    error = cls(**fields)
    assert error.kwargs == fields
    text = str(error)
    assert '%' not in text
    for name, value in fields.items():
        shown = '2.5' if isinstance(value, float) else str(value)
        assert shown in text, name


@pytest.mark.parametrize('cls', CLASSES)
def test_a_status_is_that_of_an_error(cls):
    assert cls.code in (400, 404, 409, 500, 503)
    assert cls.__doc__


@pytest.mark.parametrize('cls', CLASSES)
def test_a_missing_field_is_a_mistake_of_the_programmer(cls):
    if fields_of(cls):
        with pytest.raises(KeyError):
            cls()


@pytest.mark.parametrize('case', CASES, ids=lambda case: case['name'])
def test_a_text_that_callers_match_on(case):
    error = getattr(exception, case['name'])(**case.get('fields', {}))
    assert str(error) == case['text']
    assert error.code == case['code']


def test_only_refusals_promise_that_nothing_changed():
    assert not issubclass(exception.ScalingFailed, exception.ScalingRefused)
    assert not issubclass(exception.ScalingRefused, exception.ScalingFailed)


def test_the_name_of_an_error_is_all_that_a_project_reads_of_it():
    assert exception.name_of(OSError('/etc/secret')) == 'OSError'
    remote = messaging.RemoteError('DBConnectionError', 'at /srv', 'traceback')
    assert exception.name_of(remote) == 'DBConnectionError'
