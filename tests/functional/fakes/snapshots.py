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
"""Snapshots of servers without disks."""

from typing import Any

import fixtures
from nova.compute import task_states


class Snapshots(fixtures.MonkeyPatch):
    """Nova's driver uploads nothing; the properties are nova-api's.

    :param glance: Nova's fixture of it.
    """

    def __init__(self, glance: Any) -> None:
        def snapshot(
            driver: Any, context: Any, instance: Any, image: str, update: Any
        ) -> None:
            update(task_state=task_states.IMAGE_PENDING_UPLOAD)
            update(
                task_state=task_states.IMAGE_UPLOADING,
                expected_state=task_states.IMAGE_PENDING_UPLOAD,
            )
            shown = glance.show(context, image)
            glance.update(context, image, {**shown, 'status': 'active'})

        super().__init__(
            'nova.virt.libvirt.driver.LibvirtDriver.snapshot', snapshot
        )
