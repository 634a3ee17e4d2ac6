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
"""Messages between the servers of a server group, without any IP network.

.. code-block:: python

   with server_group.connect() as group:
       group.broadcast('hello')
       group.request_status()
       for event in group:
           print(event)

Broadcasts reach every other server of the group; notifications tell of their
changes; the status lists all of them, this one included. All of it is best
effort: acknowledge and repeat what matters.

The meaning of ``seq`` is the original library's: it starts with 1, every
query takes the next, and so does every completed answer, so that an answer to
an abandoned query can be told from the current one's.
"""

import logging
from typing import Any
from typing import Callable
from typing import Dict
from typing import Iterator
from typing import List
from typing import NamedTuple
from typing import Optional
from typing import Union

from nova_ext.guest import guest_host_msg
from nova_ext.guest import sockets
from nova_ext.guest.guest_host_msg import AddressInUse
from nova_ext.guest.guest_host_msg import AgentBusy
from nova_ext.guest.guest_host_msg import AgentMissing
from nova_ext.guest.guest_host_msg import ChannelError
from nova_ext.guest.guest_host_msg import TooLong
from nova_ext.wire import jsonc
from nova_ext.wire import server_group as wire
from nova_ext.wire.jsonc import BadMessage
from nova_ext.wire.server_group import Broadcast
from nova_ext.wire.server_group import Nack
from nova_ext.wire.server_group import Notification

__all__ = (
    'AddressInUse',
    'AgentBusy',
    'AgentMissing',
    'BadMessage',
    'Broadcast',
    'ChannelError',
    'MAX_TEXT',
    'Nack',
    'Notification',
    'ServerGroup',
    'Status',
    'TooLong',
    'connect',
)

LOG = logging.getLogger(__name__)

#: Longest text of a broadcast, in bytes of UTF-8.
MAX_TEXT = wire.MAX_TEXT

#: The answer to a status query: one dict for each server of the group.
Status = NamedTuple('Status', [('servers', List[Dict[str, Any]])])

Event = Union[Broadcast, Notification, Status, Nack]


def connect(
    on_broadcast: Optional[Callable[[Broadcast], object]] = None,
    on_notification: Optional[Callable[[Notification], object]] = None,
    on_status: Optional[Callable[[Status], object]] = None,
    on_nack: Optional[Callable[[Nack], object]] = None,
    wait: float = 0.0,
    space: Optional[sockets.Space] = None,
) -> 'ServerGroup':
    """Join the group's messaging; one program of a guest can.

    :param on_broadcast: called with each broadcast of another server.
    :param on_notification: called with each change of another server.
    :param on_status: called with the complete answer to a query.
    :param on_nack: called when the host did not accept a message.
    :param wait: seconds to wait for the guest agent, or for the address to
        be free.
    :raises AddressInUse: another program of this guest has joined.
    :raises AgentMissing: no guest agent runs.
    """
    return ServerGroup(
        guest_host_msg.connect(wire.ADDRESS, wait, space),
        {
            Broadcast: on_broadcast,
            Notification: on_notification,
            Status: on_status,
            Nack: on_nack,
        },
    )


class ServerGroup(object):
    """What `connect` returns. Use it from one thread at a time."""

    def __init__(
        self,
        connection: guest_host_msg.Connection,
        callbacks: Dict[Any, Optional[Callable[[Any], object]]],
    ) -> None:
        self._connection = connection
        self._callbacks = callbacks
        self._seq = 0
        #: What the current query has brought; None when there is none.
        self._servers: Optional[List[Dict[str, Any]]] = None

    def fileno(self) -> int:
        """Return the descriptor to poll: readable means call `process`."""
        return self._connection.fileno()

    def broadcast(self, text: str) -> None:
        """Send a text to every other server of the group.

        :raises TooLong: it has more than `MAX_TEXT` bytes of UTF-8, or so
            many characters need escapes that a receiver would lose it.
        :raises AgentMissing: the guest agent is not there now.
        :raises AgentBusy: it has not read in time.
        :raises TypeError: it is no text.
        """
        if not isinstance(text, str):
            raise TypeError('A broadcast is text, not %s' % type(text))
        try:
            data = wire.broadcast(text)
        except wire.TooLong as error:
            raise TooLong(str(error))
        self._connection.send(wire.ADDRESS, data)

    def request_status(self) -> int:
        """Ask for the status of all servers; return the query's ``seq``.

        The answer comes as one `Status`. A query that has not been answered
        is abandoned.

        :raises AgentMissing: the guest agent is not there now.
        :raises AgentBusy: it has not read in time.
        """
        self._seq += 1
        self._servers = []
        self._connection.send(wire.ADDRESS, wire.status_query(self._seq))
        return self._seq

    def process(self) -> List[Event]:
        """Read all that has arrived, call the callbacks, return the events.

        Never waits. What is no message of a server group is logged and
        ignored. An exception of a callback comes out of here; what had not
        been read by then is still there.
        """
        events: List[Event] = []
        while self._readable(0):
            event = self._read()
            if event is None:
                continue
            events.append(event)
            callback = self._callbacks.get(type(event))
            if callback is not None:
                callback(event)
        return events

    def events(self, timeout: Optional[float] = None) -> Iterator[Event]:
        """Yield the events as they come; callbacks are called as well.

        :param timeout: ends when for so many seconds nothing has come;
            without it only `close` does.
        """
        while self._readable(timeout):
            for event in self.process():
                yield event

    def __iter__(self) -> Iterator[Event]:
        """Yield the events as they come, for ever."""
        return self.events()

    def close(self) -> None:
        """Leave; the messages of the group have no receiver here any more."""
        self._connection.close()

    def __enter__(self) -> 'ServerGroup':
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _readable(self, timeout: Optional[float]) -> bool:
        if self.fileno() < 0:
            return False
        return sockets.readable(self.fileno(), timeout)

    def _read(self) -> Optional[Event]:
        try:
            message = self._connection.receive(0)
            if message is None:
                return None
            if message.source_addr != wire.ADDRESS:
                raise BadMessage('its sender is not %s' % wire.ADDRESS)
            # Half a surrogate pair is no text that anybody could print.
            jsonc.dumps(message.data)
            return self._event(wire.parse_from_host(message.data))
        except BadMessage as error:
            LOG.warning('Ignored a message of the host: %s', error)
            return None

    def _event(self, found: wire.FromHost) -> Optional[Event]:
        if isinstance(found, wire.StatusResponse):
            self._current(found.seq).append(found.server)
            return None
        if isinstance(found, wire.StatusDone):
            servers = self._current(found.seq)
            self._servers = None
            self._seq += 1
            return Status(servers)
        return found

    def _current(self, seq: int) -> List[Dict[str, Any]]:
        if self._servers is None or seq != self._seq:
            raise BadMessage('it answers query %d, which is not open' % seq)
        return self._servers
