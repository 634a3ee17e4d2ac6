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
"""Give real-time flavors without a mask the default one.

It is written into the flavor when that is used, so that nothing behind
nova-api needs to know of the option. Leans on ``Flavor.save_extra_specs``,
which adds single keys and leaves alone what others edit meanwhile; since
Nova 31.
"""

from oslo_log import log as logging

from nova_ext.conf import CONF
from nova_ext.model import realtime

LOG = logging.getLogger(__name__)


def applied_to(extra_specs):
    """Return extra specs, with the default mask if Nova would miss one."""
    mask = CONF.nova_ext_realtime.default_mask
    if not mask or not realtime.lacks_mask(extra_specs):
        return extra_specs
    return {**extra_specs, realtime.MASK: mask}


def save(flavor, extra_specs):
    """Save what :func:`applied_to` has added to a flavor, if anything."""
    if extra_specs != flavor.extra_specs:
        mask = extra_specs[realtime.MASK]
        flavor.save_extra_specs(to_add={realtime.MASK: mask})
        LOG.info(
            'Flavor %(flavor)s asked for real-time without a mask, and has '
            '%(key)s=%(mask)s now, by [nova_ext_realtime]default_mask.',
            {'flavor': flavor.flavorid, 'key': realtime.MASK, 'mask': mask},
        )
