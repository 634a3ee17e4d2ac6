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
"""JSON with the blanks that json-c's ``SPACED`` style puts into it.

The original library hands such text to its callbacks, and scripts read what
``server_group_app`` prints of it.
"""

from typing import Any

from nova_ext.wire import jsonc


def dumps(value: Any) -> str:
    """Return the text of the value: ``{ "k": [ 1, 2 ], "o": { } }``.

    :raises nova_ext.wire.jsonc.BadMessage: the value is no JSON.
    """
    if isinstance(value, dict):
        return _join(
            '{%s }',
            ('%s: %s' % (jsonc.dumps(k), dumps(v)) for k, v in value.items()),
        )
    if isinstance(value, list):
        return _join('[%s ]', map(dumps, value))
    return jsonc.dumps(value)


def _join(frame: str, items: Any) -> str:
    return frame % ','.join(' ' + item for item in items)
