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
"""The half that runs in nova-compute."""

from oslo_config import cfg

from nova_ext.model.usage import Usage
from nova_ext.plugins.stats import Description
from nova_ext.resources.counted import CountedResource
from nova_ext.resources.host import Host
from nova_licences import seats


class LicenceSeats(CountedResource):
    """Seats of this host, and how many of them its servers have."""

    OPTIONS = seats.OPTIONS

    @classmethod
    def describe(cls) -> Description:
        """Return name, version and keys."""
        return seats.DESCRIPTION

    def total_of(self, host: Host) -> int:
        """Return the seats that the option gives this host."""
        total: int = cfg.CONF.nova_licences.seats
        return total

    def amount_of(self, usage: Usage) -> int:
        """Return the seats that a server takes."""
        return seats.seats_of(usage)
