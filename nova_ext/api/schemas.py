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
"""JSON schemas of the requests' bodies and query strings."""

from nova.api.validation import parameter_types

#: Far above any host: a bound for the number, the flavor has the real one.
MAX_VCPUS = 4096

#: The earlier system's action, as its callers send it.
SCALE_ACTION = {
    'type': 'object',
    'properties': {
        'wrs-res:scale': {
            'type': 'object',
            'properties': {
                'direction': {'type': 'string', 'enum': ['up', 'down']},
                'resource': {'type': 'string', 'enum': ['cpu']},
            },
            'required': ['direction', 'resource'],
            'additionalProperties': False,
        },
    },
    'required': ['wrs-res:scale'],
    'additionalProperties': False,
}

UPDATE = {
    'type': 'object',
    'properties': {
        'vcpu_scale': {
            'type': 'object',
            'properties': {
                'online': {
                    'type': 'integer',
                    'minimum': 1,
                    'maximum': MAX_VCPUS,
                },
            },
            'required': ['online'],
            'additionalProperties': False,
        },
    },
    'required': ['vcpu_scale'],
    'additionalProperties': False,
}

SHOW_QUERY = {
    'type': 'object',
    'properties': {},
    'additionalProperties': False,
}

UPDATE_QUERY = {
    'type': 'object',
    'properties': {
        'dry_run': parameter_types.single_param(parameter_types.boolean),
    },
    'additionalProperties': False,
}
