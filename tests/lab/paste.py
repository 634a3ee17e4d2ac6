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
"""Make the api-paste.ini of the lab from the one that nova ships."""

FILTER = 'nova_ext'

SECTION = """
[filter:nova_ext]
use = egg:nova-ext#nova_ext
"""


def with_filter(shipped: str) -> str:
    """Put our filter behind ``keystonecontext`` in each keystone pipeline.

    :param shipped: the text of nova's own api-paste.ini.
    :raises ValueError: when no pipeline of the kind is in it.
    """
    lines = []
    changed = 0
    for line in shipped.splitlines():
        if line.startswith('keystone ='):
            line = line.replace(
                ' keystonecontext ', f' keystonecontext {FILTER} '
            )
            changed += FILTER in line
        lines.append(line)
    if not changed:
        raise ValueError('nova\'s api-paste.ini has no keystone pipeline')
    return '\n'.join(lines) + '\n' + SECTION
