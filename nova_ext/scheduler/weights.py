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
"""The weigher that adds up the consumers' opinions of hosts.

Leans on ``nova.weights.BaseWeigher.weigh_objects`` (Nova 31 to 34).
"""

from nova.scheduler import weights

from nova_ext.scheduler import hosts as seam


class ResourceWeigher(weights.BaseHostWeigher):
    """Weigh hosts by their consumers.

    Each consumer's weights are spread over 0 to 1 and multiplied by its own
    option, as Nova does with each of its weighers; so with these bounds Nova
    leaves the sum as it is.
    """

    minval = 0.0
    maxval = 1.0

    def __init__(self):
        """Load the consumers, with the scheduler's start."""
        self._hosts = seam.shared()

    def weigh_objects(self, weighed_obj_list, weight_properties):
        """Return the weights, in order."""
        if not self._hosts.watched:
            return [0.0] * len(weighed_obj_list)
        return self._hosts.weigh([each.obj for each in weighed_obj_list])

    def _weigh_object(self, obj, weight_properties):
        """Weigh one host; nobody asks, but the base class demands it."""
        return self._hosts.weigh([obj])[0]
