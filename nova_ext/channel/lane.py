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
"""The quick way for the usual messages of one guest.

Nearly all that a guest says is the message before with another text in it, is
read whole, and goes to a program that listens. Framing, routing, the budget
and the counts, each in a place of its own, take more time for such a message
than the system calls do. Here it passes through one function, which touches
little memory: with a thousand guests most of it has to be fetched anew.

It is no second set of rules. What this way does not know for certain it
leaves, as it was read, to the general one (`guests`, `router`):

* a read that is anything but whole messages in the shape that the splicer has
  learned from one that was parsed (`splice.Shape` says why another text in it
  is as good), or that follows on an unfinished line;
* an address that no program of the local socket has, or not for everyone;
* a message that the program does not take; the general way tries it again,
  counts and logs.

Turns are no larger than there. The guest is charged, a few messages late, and
for the time a fixed price: each such message takes about the same, whatever
is in it.
"""

from collections.abc import Callable
from collections.abc import Mapping
from typing import Protocol

from nova_ext.channel import loop as loop_module
from nova_ext.channel import router
from nova_ext.channel import splice
from nova_ext.channel import tally

#: Messages that are charged to the guest's budget together, and the seconds
#: that one costs it: more than it takes here, and less than all that
#: ``guest_message_rate`` allows by default may take.
_CHARGE = 16
_PRICE = 3e-6

_READ = loop_module.READ
_LF, _QUOTE, _REVERSE = b'\n"\\'


class General(loop_module.Handler, Protocol):
    """The general way of one guest."""

    def received(self, chunk: bytes) -> None:
        """Take what was read; nothing is the end of the connection."""

    def deliver(self, line: bytes) -> None:
        """Route a line, count it, and tell if it is dropped."""

    def spend(self, messages: int, size: int, seconds: float) -> None:
        """Charge messages, bytes and time, and rest if that is needed."""


class Lane:
    """Reads one connection of a guest.

    :param receive: reads at most so many bytes of the connection.
    :param size: bytes of a turn; no more than those of the longest line.
    :param most: messages of a turn.
    :param programs: those of the local socket, by address.
    :param flow: where messages are counted.
    :ivar usual: what the next read is expected to be; to be set whenever the
        general way has taken one.
    """

    # So that all of it is in one place of the memory.
    __slots__ = (
        '_bytes',
        '_closing',
        '_flow',
        '_general',
        '_instance',
        '_messages',
        '_most',
        '_programs',
        '_receive',
        '_size',
        'usual',
    )

    def __init__(
        self,
        general: General,
        instance: str,
        receive: Callable[[int], bytes],
        size: int,
        most: int,
        programs: Mapping[str, router.Program],
        flow: tally.Flow,
    ) -> None:
        self._general = general
        self._instance = instance
        self._closing = splice.closing(instance)
        self._receive = receive
        self._size = size
        self._most = most
        self._programs = programs
        self._flow = flow
        self._messages = self._bytes = 0
        self.usual = splice.UNKNOWN

    def on_ready(self, events: int) -> None:
        """Read a turn's worth, and pass it on if it is as usual."""
        if events != _READ:
            self._general.on_ready(events)
            return
        receive = self._receive
        try:
            chunk = receive(self._size)
        except BlockingIOError:
            return
        except OSError:
            chunk = b''
        head, tail, around, before, after, address = self.usual
        # The quickest methods of bytes do all of it: `find`, `startswith` and
        # slices take twice as long for a short message.
        text = chunk.removeprefix(head).removesuffix(tail)
        program = self._programs.get(address)
        if (
            len(chunk) - len(text) != around
            or program is None
            or program.asked is not None
            or _REVERSE in text
            or not text.isascii()
        ):
            self._general.received(chunk)
            return
        if _LF in text:
            texts = text.split(tail + head)
            if len(texts) > self._most or not all(map(_is_text, texts)):
                self._general.received(chunk)
                return
        elif _QUOTE in text:
            self._general.received(chunk)
            return
        else:
            texts = [text]
        send, flow = program.send, self._flow
        for text in texts:
            packet = b''.join((before, text, after, self._closing))
            if send(self._instance, packet) is None:
                flow.messages += 1
                flow.bytes += len(packet)
            else:
                self._general.deliver((head + text + tail).strip(b'\n'))
        self._messages += len(texts)
        self._bytes += len(chunk)
        if self._messages >= _CHARGE:
            messages, size = self._messages, self._bytes
            self._messages = self._bytes = 0
            self._general.spend(messages, size, messages * _PRICE)

    def on_failure(self) -> None:
        """Give the connection up after an error of our own."""
        self._general.on_failure()


def _is_text(text: bytes) -> bool:
    return _QUOTE not in text and _LF not in text
