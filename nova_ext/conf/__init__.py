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
"""The package's options: one module a group, one ``CONF`` to read them."""

from oslo_config import cfg

from nova_ext.conf import base
from nova_ext.conf import channel
from nova_ext.conf import compute_unit
from nova_ext.conf import default
from nova_ext.conf import groups
from nova_ext.conf import plugins
from nova_ext.conf import realtime
from nova_ext.conf import realtime_pcpu
from nova_ext.conf import scaling
from nova_ext.conf import vcpu_scale

CONF = cfg.CONF

for _group in (
    base,
    channel,
    compute_unit,
    default,
    groups,
    plugins,
    realtime,
    realtime_pcpu,
    scaling,
    vcpu_scale,
):
    _group.register_opts(CONF)
