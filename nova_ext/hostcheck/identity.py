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
"""Which resource provider is this host?"""

from collections.abc import Iterable
import pathlib
import uuid

from nova_ext import exception

#: Nova keeps the compute node's uuid here, which is the provider's too
#: (``nova.virt.node.read_local_node_uuid``, since Nova 27).
_FILE = 'compute_id'


def provider_uuid(folders: Iterable[str]) -> str:
    """Return the uuid that nova-compute has written down.

    :param folders: those of nova.conf, and ``[DEFAULT]state_path``.
    :raises exception.HostTraitFailed: there is none, or it is damaged.
    """
    places = [pathlib.Path(folder, _FILE) for folder in folders]
    for place in places:
        try:
            return str(uuid.UUID(place.read_text('utf-8').strip()))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise exception.HostTraitFailed(
                reason='%s cannot be used: %s' % (place, error)
            ) from error
    raise exception.HostTraitFailed(
        reason='the resource provider of this host is not known, because '
        'there is no file %s: start nova-compute once, or name the '
        'provider with --resource-provider'
        % ' or '.join(str(place) for place in dict.fromkeys(places))
    )
