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
"""The scaling messages: the ``data`` objects of ``cgcs.scale``.

Standard library only and Python 3.6, because it is also shipped to guests.
Every function returns or reads plain dicts whose keys are in the order of the
original programs.
"""

from typing import Any
from typing import Dict
from typing import FrozenSet
from typing import Iterable
from typing import List
from typing import NamedTuple
from typing import Optional
from typing import Tuple

from nova_ext.wire import header
from nova_ext.wire.jsonc import BadMessage

UP = 'up'
DOWN = 'down'
CPU = 'cpu'

SCALE_REQUEST = 'scale_request'
NACK = 'nack'
#: What our scale agent says of its own accord, see :func:`ready`.
SCALE_READY = 'scale_ready'

Data = Dict[str, Any]

#: ``reason`` is None in a success; then ``cpu`` is the vCPU that went off or
#: on. ``online`` is informative only: old agents report it wrongly when the
#: online set has holes.
ScaleResponse = NamedTuple(
    'ScaleResponse',
    [
        ('direction', str),
        ('cpu', Optional[int]),
        ('online', Tuple[int, ...]),
        ('reason', Optional[str]),
    ],
)


def down_request(timeout_ms: int, offline_cpu: Optional[int] = None) -> Data:
    """Return the request to take a vCPU offline.

    :param timeout_ms: how long the guest has, in milliseconds.
    :param offline_cpu: the vCPU that the host wants offline. Only this
        project's agent reads it; the old ones choose by themselves.
    """
    data = _request(timeout_ms, DOWN)
    if offline_cpu is not None:
        data['offline_cpu'] = offline_cpu
    return data


def up_request(timeout_ms: int, cpu: int, online: Iterable[int]) -> Data:
    """Return the request to bring a vCPU online.

    :param timeout_ms: how long the guest has, in milliseconds.
    :param cpu: the vCPU to bring online.
    :param online: all vCPUs that are online afterwards.
    """
    data = _request(timeout_ms, UP)
    data['online_cpu'] = cpu
    data['online_cpus'] = sorted(set(online) | {cpu})
    return data


def _request(timeout_ms: int, direction: str) -> Data:
    return {
        'version': header.VERSION,
        'msg_type': SCALE_REQUEST,
        'timeout_ms': timeout_ms,
        'resource': CPU,
        'direction': direction,
    }


def nack(reason: str) -> Data:
    """Return the host's complaint about an answer, or about its absence.

    Old agents only log it. This project's agent drops a request that it has
    not yet carried out when a nack from the same address follows: send one
    after a request that got no answer in time.
    """
    return {'version': header.VERSION, 'msg_type': NACK, 'log_msg': reason}


def ready(online: Iterable[int]) -> Data:
    """Return what the scale agent announces once it serves requests.

    It goes to the address of the scale agent, which no program of an old
    host has: an old host drops it. A new host sees from it that the guest has
    booted, and which of its parked vCPUs are online all the same.

    :param online: all vCPUs that are online in the guest.
    """
    return {
        'version': header.VERSION,
        'msg_type': SCALE_READY,
        'resource': CPU,
        'online_cpus': sorted(online),
    }


def parse_ready(data: Any) -> FrozenSet[int]:
    """Return the online vCPUs of an announcement.

    :raises BadMessage: it is none.
    """
    if not isinstance(data, dict):
        raise BadMessage('data is not an object')
    header.check_version(data)
    if data.get('msg_type') != SCALE_READY:
        raise BadMessage('msg_type is not "%s"' % SCALE_READY)
    if data.get('resource') != CPU:
        raise BadMessage('resource is not "%s"' % CPU)
    online = integers(data.get('online_cpus'))
    if online is None:
        raise BadMessage('online_cpus is no list of numbers')
    return frozenset(online)


def done(request: Data, cpu: int, online: Iterable[int]) -> Data:
    """Return the guest's answer that the vCPU went off or on."""
    key = 'offline_cpu' if request['direction'] == DOWN else 'online_cpu'
    data = {'result': 'success', key: cpu, 'online_cpus': sorted(online)}
    data.update(echo(request))
    return data


def failed(request: Data, reason: str) -> Data:
    """Return the guest's answer that nothing was changed, and why."""
    data = {'result': 'fail', 'err_msg': reason}
    data.update(echo(request))
    return data


def echo(request: Data) -> Data:
    """Return the end of every answer, which is all of it for a request of
    unknown resource or direction."""
    return {
        'version': header.VERSION,
        'resource': request['resource'],
        'direction': request['direction'],
    }


def parse_response(data: Any, direction: str) -> ScaleResponse:
    """Read the guest's answer to a request of this direction.

    ``result`` and the vCPU's number decide; ``online_cpus`` never leads to an
    error.

    :raises BadMessage: the answer is not usable; nack it with the text.
    """
    if not isinstance(data, dict):
        raise BadMessage('data is not an object')
    header.check_version(data)
    if data.get('resource') != CPU:
        raise BadMessage('resource is not "%s"' % CPU)
    if data.get('direction') != direction:
        raise BadMessage('direction is not "%s"' % direction)
    online = tuple(integers(data.get('online_cpus')) or ())
    result = data.get('result')
    if result == 'fail':
        reason = str(data.get('err_msg') or 'no reason given').strip()
        return ScaleResponse(direction, None, online, reason)
    if result != 'success':
        raise BadMessage('result is neither "success" nor "fail"')
    key = 'offline_cpu' if direction == DOWN else 'online_cpu'
    cpu = integer(data.get(key))
    if cpu is None:
        raise BadMessage('%s is missing or no number' % key)
    return ScaleResponse(direction, cpu, online, None)


def integer(value: Any) -> Optional[int]:
    """Return the value if it is a whole number; a bool is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


def integers(value: Any) -> Optional[List[int]]:
    """Return the value if it is a list of whole numbers only."""
    if isinstance(value, list) and all(
        integer(item) is not None for item in value
    ):
        return value
    return None
