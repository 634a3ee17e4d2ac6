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
"""Images of servers know nothing of their scaling.

A snapshot, a backup and a shelving copy all of an instance's system metadata
into the image (``nova.utils.get_image_from_system_metadata``)
but for what ``[DEFAULT]non_inheritable_image_properties`` names; since Nova
31. nova-api makes all of these images.
"""

from nova_ext.conf import CONF
from nova_ext.model import record

_OPTION = 'non_inheritable_image_properties'


def keep_records_out():
    """Add the record's keys to those that this nova-api does not copy."""
    CONF.set_override(_OPTION, sorted({*CONF[_OPTION], *record.KEYS}))
