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
"""A resource provider of the placement service, as Nova's user.

Reads the group ``[placement]`` of nova.conf with the options and defaults of
``nova.conf.placement``.
"""

from collections.abc import Mapping
from typing import Any

from keystoneauth1 import adapter
from keystoneauth1 import exceptions
from keystoneauth1 import loading
from oslo_config import cfg

from nova_ext import exception
from nova_ext.hostcheck import trait

GROUP = 'placement'

#: Traits are there since 1.6.
_MICROVERSION = '1.6'

#: Seconds for a request, where ``[placement]timeout`` is not set.
_LIMIT = 60.0


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register what :func:`connect` reads."""
    loading.register_auth_conf_options(conf, GROUP)
    loading.register_session_conf_options(conf, GROUP)
    options = loading.get_adapter_conf_options(include_deprecated=False)
    # The defaults of nova.conf.utils.get_ksa_adapter_opts.
    cfg.set_defaults(
        options, valid_interfaces=['internal', 'public'], service_type=GROUP
    )
    conf.register_opts(options, group=GROUP)


def connect(conf: cfg.ConfigOpts) -> adapter.Adapter:
    """Return a client that logs in when it is first used.

    :raises exception.HostTraitFailed: nova.conf does not say how.
    """
    try:
        auth = loading.load_auth_from_conf_options(conf, GROUP)
        session = loading.load_session_from_conf_options(
            conf, GROUP, timeout=conf[GROUP].timeout or _LIMIT
        )
        if auth is None:
            raise exception.HostTraitFailed(
                reason='[placement]auth_type is not set: name the nova.conf '
                'of nova-compute with --config-file'
            )
        return loading.load_adapter_from_conf_options(
            conf,
            GROUP,
            session=session,
            auth=auth,
            default_microversion=_MICROVERSION,
        )
    except (exceptions.ClientException, TypeError, ValueError) as error:
        raise exception.HostTraitFailed(
            reason='the group [placement] of nova.conf cannot be used: %s'
            % error
        ) from error


class PlacementProvider:
    """See :class:`nova_ext.hostcheck.trait.Provider`.

    :param uuid: of the resource provider.
    """

    def __init__(self, client: adapter.Adapter, uuid: str) -> None:
        self._client = client
        self._uuid = uuid
        self._path = '/resource_providers/%s/traits' % uuid

    def traits(self) -> trait.Traits:
        """See the port."""
        status, body = self._request('GET', self._path)
        if status == 404:
            raise exception.HostTraitFailed(
                reason='placement has no resource provider %s: see that '
                'nova-compute of this host runs and that [placement] names '
                'its region' % self._uuid
            )
        _require(status in (200,), 'GET', self._path, status, body)
        try:
            return trait.Traits(
                frozenset(body['traits']),
                int(body['resource_provider_generation']),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise exception.HostTraitFailed(
                reason='placement answered something else than traits: %r'
                % body
            ) from error

    def create_trait(self, name: str) -> None:
        """See the port."""
        path = '/traits/' + name
        status, body = self._request('PUT', path)
        _require(status in (201, 204), 'PUT', path, status, body)

    def set_traits(self, traits: trait.Traits) -> None:
        """See the port."""
        status, body = self._request(
            'PUT',
            self._path,
            {
                'traits': sorted(traits.names),
                'resource_provider_generation': traits.generation,
            },
        )
        if status == 409:
            raise trait.Conflict
        _require(status == 200, 'PUT', self._path, status, body)

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> tuple[int, Any]:
        """Send a request; return the status and the decoded answer."""
        arguments = {} if body is None else {'json': body}
        try:
            answer = self._client.request(
                path, method, raise_exc=False, **arguments
            )
        except exceptions.ClientException as error:
            raise exception.HostTraitFailed(
                reason='placement cannot be asked: %s' % error
            ) from error
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, answer.text


def _require(
    right: bool, method: str, path: str, status: int, body: object
) -> None:
    if not right:
        raise exception.HostTraitFailed(
            reason='placement answered %s %s with %d: %s'
            % (method, path, status, body)
        )
