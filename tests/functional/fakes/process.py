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
"""Which nova-compute a thread runs in, where many share one process."""

import sys
from typing import Any

from nova.compute import manager
from nova.virt.libvirt import driver

from nova_ext.compute import scaler

_FILES = {module.__file__ for module in (manager, driver, scaler)}


def current() -> Any:
    """Return the ``ComputeManager`` whose code the calling thread runs.

    The innermost one on the stack, None outside of nova-compute.
    """
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename in _FILES:
            found = _manager_of(frame.f_locals.get('self'))
            if found is not None:
                return found
        frame = frame.f_back
    return None


def _manager_of(owner: Any) -> Any:
    if isinstance(owner, scaler.Scaler):
        owner = owner._driver
    if isinstance(owner, driver.LibvirtDriver):
        owner = owner.virtapi._compute
    return owner if isinstance(owner, manager.ComputeManager) else None
