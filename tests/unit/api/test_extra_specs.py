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
"""The validators, in Nova's own registry."""

from nova import exception as nova_exception
from nova.api.validation.extra_specs import validators
import pytest

from nova_ext.api import extra_specs


@pytest.fixture
def registered(monkeypatch):
    """Register the validators beside Nova's own."""
    ours = {found.name: found for found in extra_specs.register()}
    spaces = {name.partition(':')[0] for name in ours}
    monkeypatch.setattr(
        validators, 'VALIDATORS', {**validators.VALIDATORS, **ours}
    )
    monkeypatch.setattr(
        validators, 'NAMESPACES', validators.NAMESPACES | spaces
    )


@pytest.mark.parametrize(
    'name, value',
    [
        ('wrs:min_vcpus', '1'),
        ('hw:wrs:min_vcpus', '4'),
        ('wrs:srv_grp_messaging', 'true'),
        ('sw:wrs:srv_grp_messaging', 'False'),
        ('sw:wrs:srv_grp_messaging', 'TRUE'),
        # Of other software, which this package must not break.
        ('sw:wrs:guest:heartbeat', 'true'),
        ('hw:cpu_policy', 'dedicated'),
        ('other:thing', 'x'),
    ],
)
def test_accepted(registered, name, value):
    validators.validate(name, value)


@pytest.mark.parametrize(
    'name, value, text',
    [
        ('wrs:min_vcpus', 'two', 'not a valid integer'),
        ('hw:wrs:min_vcpus', '0', 'less than the min value'),
        ('wrs:srv_grp_messaging', 'yes', 'not of the format'),
        ('sw:wrs:srv_grp_messaging', '', 'not of the format'),
        ('wrs:min_vcpu', '1', 'does not appear to be a valid extra spec'),
        ('hw:wrs:min', '1', 'does not appear to be a valid extra spec'),
    ],
)
def test_refused(registered, name, value, text):
    with pytest.raises(nova_exception.ValidationError, match=text):
        validators.validate(name, value)


def test_check_leaves_other_names_alone():
    extra_specs.check({'wrs:min_vcpus': 'two', 'other': 'x'})


@pytest.mark.parametrize(
    'name', ['wrs:srv_grp_messaging', 'sw:wrs:srv_grp_messaging']
)
def test_check(name):
    extra_specs.check({name: 'tRuE'})
    with pytest.raises(nova_exception.ValidationError):
        extra_specs.check({name: 'on'})
