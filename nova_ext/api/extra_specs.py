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
"""Validators of the extra specs that this package reads.

Nova runs them from microversion 2.86 on, found by the
``nova.api.extra_spec_validators`` entry point; ``flavor_checks`` runs those
of :func:`check` at every microversion. Leans on
``nova.api.validation.extra_specs``: once a namespace has one validator, Nova
refuses every other name in it. So all names in ``wrs:``, which is ours, are
here, and those in ``sw:``, which is not, are let through.
"""

from nova.api.validation.extra_specs import base

_MESSAGING = {
    'type': str,
    'description': 'true or false, in upper or lower case.',
    'pattern': '(?i:true|false)',
}


def _minimum(name, other):
    return base.ExtraSpecValidator(
        name=name,
        description=(
            'The number of vCPUs that a server keeps online at least; the '
            "flavor's vCPUs are the most. Needs ``hw:cpu_policy=dedicated``. "
            'Means the same as ``%s``.' % other
        ),
        value={
            'type': int,
            'description': 'The minimum of online vCPUs.',
            'min': 1,
        },
    )


def _messaging(name):
    return base.ExtraSpecValidator(
        name=name,
        description=(
            'Whether the server takes part in the messaging of its server '
            'group.'
        ),
        value=_MESSAGING,
    )


_MINIMUMS = [
    _minimum('hw:wrs:min_vcpus', 'wrs:min_vcpus'),
    _minimum('wrs:min_vcpus', 'hw:wrs:min_vcpus'),
]
_MESSAGINGS = [
    _messaging('sw:wrs:srv_grp_messaging'),
    _messaging('wrs:srv_grp_messaging'),
]
_FOREIGN = [
    base.ExtraSpecValidator(
        name='sw:{name}',
        description='Extra specs of other software, which are not checked.',
        parameters=[
            {
                'name': 'name',
                'pattern': r'.+',
                'description': 'Any name.',
            }
        ],
        value={'type': str, 'description': 'Any value.'},
    )
]


def register():
    """Return the validators, for Nova."""
    return [*_MINIMUMS, *_MESSAGINGS, *_FOREIGN]


def check(specs):
    """Check values for which ``nova_ext.model.bounds`` has no rule.

    :param specs: name to text; names of others are left alone.
    :raises nova.exception.ValidationError: a value is wrong (400).
    """
    for validator in _MESSAGINGS:
        if validator.name in specs:
            validator.validate(validator.name, specs[validator.name])
