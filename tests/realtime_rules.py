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
"""The table of real-time rules, ready for use."""

from collections.abc import Mapping
import pathlib
from typing import Any

import yaml

FILE = pathlib.Path(__file__).with_name('vectors') / 'realtime_rules.yaml'
TABLES: Mapping[str, list[dict[str, Any]]] = yaml.safe_load(
    FILE.read_text('utf-8')
)
DEFAULTS = {'cpu_policy': 'dedicated', 'cpu_realtime': 'yes'}


def vcpus(case: Mapping[str, Any]) -> int:
    """How many vCPUs the case's flavor has."""
    count: int = case.get('vcpus', 4)
    return count


def extra_specs(case: Mapping[str, Any]) -> dict[str, str]:
    """The case's flavor, with the defaults of the table."""
    given = {**DEFAULTS, **case.get('flavor', {})}
    return {
        key if ':' in key else 'hw:' + key: value
        for key, value in given.items()
        if value is not None
    }


def properties(case: Mapping[str, Any]) -> dict[str, str]:
    """The case's image."""
    return {'hw_' + key: value for key, value in case.get('image', {}).items()}
