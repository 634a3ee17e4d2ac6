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
"""The metadata application with ``offline_cpuset`` added.

The earlier system's boot script (``offline_cpus``) reads it to take the same
vCPUs offline again that were before a reboot. Everything else is Nova's own
handler's, who also decides which server asks: for our path it is asked for
``openstack/latest/meta_data.json``, which names the server and has been stable
since Nova's first releases.
"""

import posixpath
import re

from nova import context as nova_context
from nova import exception as nova_exception
from nova import objects
from nova.api import wsgi
from nova.api.metadata import handler
import nova.conf
from oslo_log import log as logging
from oslo_serialization import jsonutils
import webob
import webob.dec

from nova_ext.api import views

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)

# The EC2 versions in which the earlier system had it.
_PATH = re.compile(
    r'(?:/ec2)?/(?:latest|2009-04-04|2008-09-01)/meta-data/offline_cpuset'
)
_IDENTITY_PATH = '/openstack/latest/meta_data.json'


def app_factory(global_conf, **local_conf):
    """Return the application; found by the ``paste.app_factory`` entry."""
    return MetadataRequestHandler.factory(global_conf, **local_conf)


class MetadataRequestHandler(handler.MetadataRequestHandler):
    """Nova's handler, with one more path."""

    @webob.dec.wsgify(RequestClass=wsgi.Request)
    def __call__(self, req):
        """Serve one request."""
        nova = super().__call__
        if not _PATH.fullmatch(posixpath.normpath(req.path_info)):
            return nova
        asked = req.copy_get()
        asked.path_info = _IDENTITY_PATH
        answer = asked.get_response(nova)
        if answer.status_int != 200:
            return answer
        try:
            offline = _offline(jsonutils.loads(answer.body)['uuid'])
        except nova_exception.NotFound:
            raise webob.exc.HTTPNotFound() from None
        return webob.Response(
            text=render(offline), content_type='text/plain', charset='UTF-8'
        )


def render(offline):
    """Return a set of vCPUs as Python 2 wrote it: ``set([1, 2])``."""
    return 'set(%s)' % sorted(offline)


def _offline(uuid):
    # Not from the instance that the handler caches (api.
    # metadata_cache_expiration): a server that has just scaled and reboots
    # would take the wrong vCPUs offline.
    instance = _instance(nova_context.get_admin_context(), uuid)
    return views.offline_vcpus(instance)


def _instance(context, uuid):
    """Find an instance as ``nova.api.metadata.base`` does."""
    if not CONF.api.local_metadata_per_cell:
        try:
            mapping = objects.InstanceMapping.get_by_instance_uuid(
                context, uuid
            )
        except nova_exception.InstanceMappingNotFound:
            LOG.warning('nova-ext: server %s is not mapped to a cell', uuid)
        else:
            with nova_context.target_cell(
                context, mapping.cell_mapping
            ) as targeted:
                return _read(targeted, uuid)
    return _read(context, uuid)


def _read(context, uuid):
    return objects.Instance.get_by_uuid(
        context, uuid, expected_attrs=['numa_topology', 'system_metadata']
    )
