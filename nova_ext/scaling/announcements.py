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
"""Hear what the scale agents of this host's guests announce."""

from collections.abc import Callable

from oslo_log import log as logging

from nova_ext.channel import client
from nova_ext.channel import limits
from nova_ext.channel import listener
from nova_ext.wire import addresses
from nova_ext.wire import jsonc
from nova_ext.wire import messages

LOG = logging.getLogger(__name__)

#: Takes the instance's name and the vCPUs that are online in its guest.
Heard = Callable[[str, frozenset[int]], None]


class Announcements:
    """Owns the scale agents' address on the host's side, in a thread.

    An announcement that is missed, because this process or the channel daemon
    was down, is found out later, by the time that parked vCPUs run.
    """

    def __init__(self, socket_path: str, heard: Heard) -> None:
        """Remember where the channel daemon is; nothing is opened yet.

        :param socket_path: ``[nova_ext_channel]local_socket``.
        :param heard: called in the thread; must be quick.
        """
        self._heard = heard
        self._complaint: str | None = None
        self._gate = limits.LogGate()
        self._listener = listener.Listener(
            socket_path, addresses.SCALE_AGENT, self._read, self._complain
        )

    def start(self) -> None:
        """Begin to listen, now and whenever the daemon can be reached."""
        self._listener.start()

    def stop(self) -> None:
        """End the thread."""
        self._listener.close()

    def _complain(self, error: str | None) -> None:
        # Scale requests say so too; this thread says it once.
        if error and error != self._complaint:
            LOG.warning('The scale agents of guests are not heard: %s', error)
        self._complaint = error

    def _read(self, received: client.Received) -> None:
        try:
            online = messages.parse_ready(received.data)
        except jsonc.BadMessage as error:
            if log := self._gate.admit_to(LOG):
                log.warning(
                    'Instance %(instance)s: ignored what its guest '
                    'announced: %(error)s',
                    {'instance': received.instance, 'error': error},
                )
            return
        self._heard(received.instance, online)
