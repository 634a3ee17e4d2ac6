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
"""The compute proxy of openstacksdk, as far as the client uses it."""

import json
from typing import Any

SERVER = '5b8f6a3e-54ab-4a5c-9a5e-0d6d9f3f7a11'


class Response:
    """An answer of nova-api."""

    def __init__(
        self, status: int, body: Any = None, reason: str = ''
    ) -> None:
        self.status_code = status
        self.reason = reason
        self._text = body if isinstance(body, str) else json.dumps(body)

    def json(self) -> Any:
        return json.loads(self._text)


class Compute:
    """Answers from a list, in order; keeps what it was asked."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[Any, ...]] = []

    def find_server(self, name: str, ignore_missing: bool) -> Any:
        assert ignore_missing is False
        assert name in ('web1', SERVER)
        return type('Server', (), {'id': SERVER})

    def get(self, url: str) -> Response:
        return self._answer('GET', url)

    def put(self, url: str, json: Any) -> Response:
        return self._answer('PUT', url, json)

    def post(self, url: str, json: Any) -> Response:
        return self._answer('POST', url, json)

    def _answer(self, *asked: Any) -> Response:
        self.asked.append(asked)
        return self.answers.pop(0)


def last(state: str = 'done', **changes: Any) -> dict[str, Any]:
    """Return a last request, to 3 of 4 vCPUs."""
    return {
        'request_id': 'req-1',
        'direction': 'down',
        'target': 3,
        'reached': 3,
        'state': state,
        'reason': '',
        'updated_at': '2026-01-01T00:00:00Z',
        **changes,
    }


def shown(last_request: Any = None, **changes: Any) -> Response:
    """Return the answer for a server with vCPU 1 of 4 offline."""
    return Response(
        200,
        {
            'vcpu_scale': {
                'min': 2,
                'max': 4,
                'current': 3,
                'online': [0, 2, 3],
                'offline': [1],
                'accounting': 'current',
                'remarks': ['All is well.'],
                'last_request': last_request,
                **changes,
            }
        },
    )


def fault(status: int, text: str) -> Response:
    """Return an answer in Nova's fault format."""
    return Response(status, {'name': {'code': status, 'message': text}})
