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
"""The package's rules in nova-api's own enforcer."""

import threading

from nova import exception as nova_exception
from nova import policy as nova_policy
import pytest

from nova_ext import policies
from nova_ext.api import policy
from nova_ext.conf import CONF
from nova_ext.policies import vcpu_scale
from tests.unit.api import fakes

RULES = (vcpu_scale.LEGACY_ACTION, vcpu_scale.SHOW, vcpu_scale.UPDATE)


def allowed(rule, ctxt):
    try:
        policy.authorize(ctxt, rule, fakes.server())
    except nova_exception.PolicyNotAuthorized:
        return False
    return True


@pytest.mark.parametrize('rule', RULES)
def test_default(rule):
    assert allowed(rule, fakes.user())
    assert allowed(rule, fakes.user(project=fakes.OTHER_PROJECT, admin=True))
    assert not allowed(rule, fakes.user(roles=['reader']))
    assert not allowed(rule, fakes.user(project=fakes.OTHER_PROJECT))


def test_the_operators_policy_file_counts(tmp_path):
    path = tmp_path / 'policy.yaml'
    path.write_text('"%s": "role:scaler"\n' % vcpu_scale.LEGACY_ACTION)
    CONF.set_override('policy_file', str(path), group='oslo_policy')
    try:
        assert not allowed(vcpu_scale.LEGACY_ACTION, fakes.user())
        scaler = fakes.user(roles=['scaler'])
        assert allowed(vcpu_scale.LEGACY_ACTION, scaler)
        assert allowed(vcpu_scale.UPDATE, fakes.user())
    finally:
        CONF.clear_override('policy_file', group='oslo_policy')


def test_rules_survive_a_new_enforcer():
    assert allowed(vcpu_scale.SHOW, fakes.user())
    nova_policy.reset()
    assert allowed(vcpu_scale.SHOW, fakes.user())


def test_registered_once_by_many_threads():
    errors = []

    def register():
        try:
            policy.register()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=register) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    registered = nova_policy._ENFORCER.registered_rules
    assert {rule.name for rule in policies.list_rules()} <= set(registered)
