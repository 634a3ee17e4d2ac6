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
"""The rules, as the generators list them."""

from oslo_policy import policy
import pytest

from nova_ext import policies
from nova_ext.policies import vcpu_scale


def test_every_rule_is_listed_once() -> None:
    names = [rule.name for rule in policies.list_rules()]
    assert sorted(names) == [
        'os_compute_api:nova-ext:vcpu-scale:show',
        'os_compute_api:nova-ext:vcpu-scale:update',
        'os_compute_api:wrs-res',
    ]


@pytest.mark.parametrize('rule', vcpu_scale.RULES, ids=lambda rule: rule.name)
def test_rule(rule: policy.DocumentedRuleDefault) -> None:
    assert rule.check_str == 'rule:project_member_or_admin'
    assert rule.scope_types == ['project']
    assert rule.description
    assert rule.operations
