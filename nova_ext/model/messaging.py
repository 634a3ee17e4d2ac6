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
"""Which flavors let their servers talk to their server group."""

from collections.abc import Mapping

#: Spellings of the key, which mean the same.
KEYS = ('sw:wrs:srv_grp_messaging', 'wrs:srv_grp_messaging')


def wants_messaging(extra_specs: Mapping[str, str]) -> bool:
    """Return whether a flavor asks for messaging, and so for the channel.

    Either spelling is enough; whatever is not ``true``, in upper or lower
    case, asks for nothing.
    """
    return any(
        str(extra_specs.get(key, '')).strip().lower() == 'true' for key in KEYS
    )
