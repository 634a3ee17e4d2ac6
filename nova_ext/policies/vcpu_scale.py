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
"""Who may see and change how many vCPUs of a server are online."""

from oslo_policy import policy

#: Nova's own rule (``nova.policies.base.PROJECT_MEMBER_OR_ADMIN``); by name,
#: because this room does not import Nova.
MEMBER_OR_ADMIN = 'rule:project_member_or_admin'

#: The earlier system's name, which existing policy files use.
LEGACY_ACTION = 'os_compute_api:wrs-res'
SHOW = 'os_compute_api:nova-ext:vcpu-scale:show'
UPDATE = 'os_compute_api:nova-ext:vcpu-scale:update'

RULES = (
    policy.DocumentedRuleDefault(
        name=LEGACY_ACTION,
        check_str=MEMBER_OR_ADMIN,
        description='Bring one vCPU of a server online or take one offline',
        operations=[
            {
                'method': 'POST',
                'path': '/servers/{server_id}/action (wrs-res:scale)',
            }
        ],
        scope_types=['project'],
    ),
    policy.DocumentedRuleDefault(
        name=SHOW,
        check_str=MEMBER_OR_ADMIN,
        description=(
            "Show a server's bounds, online and offline vCPUs, and its last "
            'scale request'
        ),
        operations=[
            {'method': 'GET', 'path': '/servers/{server_id}/vcpu-scale'}
        ],
        scope_types=['project'],
    ),
    policy.DocumentedRuleDefault(
        name=UPDATE,
        check_str=MEMBER_OR_ADMIN,
        description=(
            'Scale a server to a number of online vCPUs, or plan it (dry_run)'
        ),
        operations=[
            {'method': 'PUT', 'path': '/servers/{server_id}/vcpu-scale'}
        ],
        scope_types=['project'],
    ),
)
