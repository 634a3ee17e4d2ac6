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
"""What waits for a program that does not read.

Bounded in messages. Each guest may occupy half of what the guests that came
before it have left free, so that one that floods never takes the room of the
others; beyond it the newest is dropped. The guests take turns.
"""

import collections


class Backlog:
    """The packets for one program, by guest.

    :param most: how many it holds.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._queues: collections.OrderedDict[
            str, collections.deque[bytes]
        ] = collections.OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return self._count

    def add(self, sender: str, packet: bytes) -> bool:
        """Append a packet; false when it was dropped instead."""
        queue = self._queues.get(sender)
        own = len(queue) if queue is not None else 0
        if own >= self._most - self._count:
            return False
        if queue is None:
            queue = self._queues[sender] = collections.deque()
        queue.append(packet)
        self._count += 1
        return True

    def take(self) -> bytes:
        """Return the next packet.

        :raises KeyError: none waits.
        """
        sender, queue = self._queues.popitem(last=False)
        packet = queue.popleft()
        self._count -= 1
        if queue:
            self._queues[sender] = queue
        return packet
