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
"""The package's oslo.policy rules: one module a resource."""

from collections.abc import Sequence

from oslo_policy import policy

from nova_ext.policies import vcpu_scale


def list_rules() -> Sequence[policy.DocumentedRuleDefault]:
    """Return all rules.

    Found by the ``oslo.policy.policies`` entry point, for the generators of
    sample files; ``nova_ext.api.policy`` registers them in nova-api.
    """
    return list(vcpu_scale.RULES)
