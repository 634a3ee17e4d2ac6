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
"""Check flavor and image of a server to create, to resize or to rebuild.

Only flavors that ask for scaling or real-time cost anything. Whatever is not
a well-formed request of somebody who may make it is left to Nova to refuse.
Leans on ``nova.utils.get_image_from_system_metadata``; since Nova 31.
"""

import copy

from nova import exception as nova_exception
from nova import utils
from nova.api.openstack import common
from nova.compute import api as compute

from nova_ext.api import boot_image
from nova_ext.api import default_mask
from nova_ext.api import requests
from nova_ext.api import views
from nova_ext.model import bounds
from nova_ext.model import realtime


class ServerChecks:
    """Each check returns the fault to answer, or None to go on to Nova."""

    def __init__(self):
        self._compute = compute.API()
        self._images = boot_image.BootImages()

    def create(self, req, route):
        """Check the flavor and the image of a server to create."""
        server = requests.part(req, 'server')
        flavor = _flavor(req, server.get('flavorRef'))
        if flavor is None:
            return None
        properties = self._images.to_create(
            req.environ['nova.context'], server
        )
        return requests.refusal(req, _check_new, flavor, properties)

    def resize(self, req, route):
        """Check a server's new flavor with the image that it was made of."""
        flavor = _flavor(req, requests.part(req, 'resize').get('flavorRef'))
        instance = flavor and self._instance(req, route)
        if instance is None:
            return None
        image = utils.get_image_from_system_metadata(instance.system_metadata)
        return requests.refusal(req, _check_new, flavor, image['properties'])

    def rebuild(self, req, route):
        """Check a server's new image with the flavor that it has."""
        instance = self._instance(req, route)
        if instance is None or not _is_ours(instance.flavor):
            return None
        properties = self._images.to_rebuild(
            req.environ['nova.context'], requests.part(req, 'rebuild')
        )
        if properties is None:
            return None
        return requests.refusal(req, _check_rebuild, instance, properties)

    def _instance(self, req, route):
        # A copy, because the look-up targets it at the server's cell.
        context = copy.copy(req.environ['nova.context'])
        try:
            return self._compute.get(
                context, route.id, expected_attrs=['flavor', 'numa_topology']
            )
        except nova_exception.NovaException:
            return None


def _flavor(req, reference):
    if not isinstance(reference, str | int):
        return None
    flavor = requests.flavor(req, common.get_id_from_href(reference))
    return flavor if flavor and _is_ours(flavor) else None


def _is_ours(flavor):
    specs = flavor.extra_specs
    return bounds.wants_scaling(specs) or realtime.is_concerned(specs)


def _check_new(flavor, properties):
    specs = default_mask.applied_to(flavor.extra_specs)
    _check(flavor.vcpus, specs, properties)
    default_mask.save(flavor, specs)


def _check(vcpus, specs, properties):
    bounds.check_flavor(specs, vcpus, properties)
    if properties is None:
        realtime.check_flavor(vcpus, specs)
    else:
        realtime.decide(vcpus, specs, properties)


def _check_rebuild(instance, properties):
    flavor = instance.flavor
    _check(flavor.vcpus, flavor.extra_specs, properties)
    realtime.check_parked(
        realtime.decide(flavor.vcpus, flavor.extra_specs, properties),
        views.offline_vcpus(instance),
    )
