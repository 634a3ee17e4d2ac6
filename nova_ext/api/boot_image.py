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
"""The properties of the image that a request would boot from.

Leans on ``nova.image.glance.API.get``, ``nova.volume.cinder.API`` and
``nova.block_device.get_bdm_image_metadata``, which ``nova.compute.api`` asks
for the same right afterwards; since Nova 31.
"""

from nova import block_device
from nova.image import glance
from nova.volume import cinder


class BootImages:
    """Each answer is a dict of text, or None if the image cannot be had.

    Nova asks for it too, and knows what to answer to the caller then.
    """

    def __init__(self):
        self._images = glance.API()
        self._volumes = cinder.API()

    def to_create(self, context, server):
        """Return the properties for a ``server`` to create."""
        try:
            return _properties(self._find(context, server))
        except Exception:
            return None

    def to_rebuild(self, context, rebuild):
        """Return the properties for a ``rebuild``."""
        try:
            return _properties(self._images.get(context, rebuild['imageRef']))
        except Exception:
            return None

    def _find(self, context, server):
        image_id = server.get('imageRef')
        if image_id:
            return self._images.get(context, image_id)
        legacy = server.get('block_device_mapping')
        devices = legacy or [
            block_device.BlockDeviceDict.from_api(dict(device), False)
            for device in server.get('block_device_mapping_v2', [])
        ]
        return block_device.get_bdm_image_metadata(
            context, self._images, self._volumes, devices, bool(legacy)
        )


def _properties(image):
    return {
        key: str(value)
        for key, value in image.get('properties', {}).items()
        if value is not None
    }
