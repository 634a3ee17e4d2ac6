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
"""Live migrations that do not come to their end."""

from collections.abc import Callable
from typing import Any

from nova.tests.fixtures import libvirt as fakelibvirt


def fails(old: Any, new: Any) -> None:
    """Let QEMU fail while the guest's memory is on its way."""
    raise _error('operation failed: migration job: unexpectedly failed')


def is_aborted(old: Any, abort: Callable[[], None]) -> None:
    """Let an operator abort, and QEMU obey.

    :param abort: asks Nova for it.
    """
    old._job_type = fakelibvirt.VIR_DOMAIN_JOB_UNBOUNDED
    abort()
    old._job_type = fakelibvirt.VIR_DOMAIN_JOB_CANCELLED
    raise _error('operation aborted: migration job: canceled by client')


def _error(message: str) -> Exception:
    error: Exception = fakelibvirt.make_libvirtError(
        fakelibvirt.libvirtError,
        message,
        error_code=fakelibvirt.VIR_ERR_INTERNAL_ERROR,
        error_domain=fakelibvirt.VIR_FROM_QEMU,
    )
    return error
