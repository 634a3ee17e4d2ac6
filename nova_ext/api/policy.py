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
"""Check the package's rules with nova-api's own enforcer.

Leans on ``nova.policy.init`` and on ``nova.policy._ENFORCER``, the only way
to it; both since Nova 31. oslo.policy merges rules that are registered late
when it next enforces one (``Enforcer.load_rules``).
"""

import threading

from nova import policy

from nova_ext import policies

_lock = threading.Lock()


def register():
    """Make the package's rules known to nova-api's enforcer, once."""
    policy.init()
    enforcer = policy._ENFORCER
    with _lock:
        for rule in policies.list_rules():
            if rule.name not in enforcer.registered_rules:
                enforcer.register_default(rule)


def authorize(context, rule, instance):
    """Check that the caller may do this to this server.

    :raises nova.exception.PolicyNotAuthorized: it may not (403).
    """
    register()
    context.can(
        rule,
        target={
            'project_id': instance.project_id,
            'user_id': instance.user_id,
        },
    )
