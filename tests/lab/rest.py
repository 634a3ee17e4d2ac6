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
"""Talk to the lab's services as one of its users."""

import collections.abc
import json
import time
import typing
import urllib.error
import urllib.request

from tests.lab import errors

#: Keystone's names of the services' interfaces to people.
INTERFACE = 'public'


class HttpError(errors.LabError):
    """A service refused a request.

    :param status: the HTTP status.
    :param body: the answer's text.
    """

    def __init__(self, what: str, status: int, body: str) -> None:
        super().__init__(f'{what}: {status} {body}')
        self.status = status
        self.body = body


class Session:
    """One user's log-in, and requests to the services in its catalogue."""

    def __init__(
        self, auth_url: str, user: str, password: str, project: str
    ) -> None:
        domain = {'id': 'default'}
        identity = {
            'methods': ['password'],
            'password': {
                'user': {
                    'name': user,
                    'domain': domain,
                    'password': password,
                }
            },
        }
        scope = {'project': {'name': project, 'domain': domain}}
        body = {'auth': {'identity': identity, 'scope': scope}}
        url = f'{auth_url}/auth/tokens'
        headers, answer = _send('POST', url, body, {})
        token = answer['token']
        self._token = headers['X-Subject-Token']
        self.user_id: str = token['user']['id']
        self.project_id: str = token['project']['id']
        self.catalogue = {
            service['type']: endpoint['url']
            for service in token.get('catalog', [])
            for endpoint in service['endpoints']
            if endpoint['interface'] == INTERFACE
        }
        self.catalogue['identity'] = auth_url

    def get(self, service: str, path: str, **headers: str) -> typing.Any:
        """GET; the decoded answer."""
        return self.request('GET', service, path, None, **headers)

    def post(
        self, service: str, path: str, body: object, **headers: str
    ) -> typing.Any:
        """POST; the decoded answer."""
        return self.request('POST', service, path, body, **headers)

    def put(
        self, service: str, path: str, body: object, **headers: str
    ) -> typing.Any:
        """PUT; the decoded answer."""
        return self.request('PUT', service, path, body, **headers)

    def delete(self, service: str, path: str, **headers: str) -> None:
        """DELETE."""
        self.request('DELETE', service, path, None, **headers)

    def request(
        self,
        method: str,
        service: str,
        path: str,
        body: object,
        **headers: str,
    ) -> typing.Any:
        """Send a request with this session's token.

        :param service: a type of the catalogue, such as ``compute``.
        :param body: an object for JSON, an open file, or none.
        :param headers: further headers, ``-`` written ``_``.
        :raises HttpError: for any answer of 400 or more.
        """
        every = {'X-Auth-Token': self._token}
        every.update(
            {name.replace('_', '-'): value for name, value in headers.items()}
        )
        url = self.catalogue[service] + path
        return _send(method, url, body, every)[1]


def _send(
    method: str,
    url: str,
    body: object,
    headers: collections.abc.Mapping[str, str],
) -> tuple[typing.Any, typing.Any]:
    every = dict(headers)
    data: typing.Any = body
    if body is not None and not hasattr(body, 'read'):
        data = json.dumps(body).encode()
        every['Content-Type'] = 'application/json'
    request = urllib.request.Request(
        url, data=data, headers=every, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            text = answer.read()
            return answer.headers, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors='replace')
        raise HttpError(f'{method} {url}', error.code, text) from error
    except OSError as error:
        raise errors.LabError(f'{method} {url}: {error}') from error


def wait_for(
    what: str,
    look: collections.abc.Callable[[], typing.Any],
    timeout: float,
    poll: float = 0.2,
) -> typing.Any:
    """Look again and again until something is found.

    :param what: for the error, what is awaited.
    :param look: gives something true when it is there.
    :raises errors.LabError: when it is not there in time.
    """
    deadline = time.monotonic() + timeout
    while not (found := look()):
        if time.monotonic() > deadline:
            raise errors.LabError(f'Not within {timeout:.0f} s: {what}')
        time.sleep(poll)
    return found
