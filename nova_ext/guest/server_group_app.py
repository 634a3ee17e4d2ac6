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
"""server_group_app: shows the messages of a server group.

Sends its argument as a broadcast, if it has one, asks for the status of the
group, and prints every event as one line and an empty one, as the original
sample program does.
"""

import argparse
import logging
import os
import sys
from typing import BinaryIO
from typing import Callable
from typing import Dict
from typing import List
from typing import Optional

from nova_ext.guest import server_group
from nova_ext.guest import sockets
from nova_ext.guest import spaced
from nova_ext.wire import quoting

LOG = logging.getLogger(__name__)

FAILED = 255


def run(
    output: BinaryIO,
    text: Optional[str] = None,
    space: Optional[sockets.Space] = None,
) -> None:
    """Send, ask and print, for ever.

    :param output: where the events go.
    :param text: the broadcast.
    :raises server_group.ChannelError: the channel cannot be used.
    :raises server_group.BadMessage: the text is not Unicode.
    """
    with server_group.connect(space=space) as group:
        if text is not None:
            group.broadcast(text)
        group.request_status()
        for event in group:
            if isinstance(event, server_group.Nack):
                LOG.warning(
                    'The host did not accept a %s: %s',
                    quoting.shown(event.orig_msg_type),
                    quoting.shown(event.log_msg, 200),
                )
            else:
                # In UTF-8 whatever the locale says, as the original.
                output.write(line(event).encode('utf-8') + b'\n\n')
                output.flush()


def main(args: List[str]) -> int:
    """Run the command line; return the exit status.

    As in the original, a text may start with a dash, and it ends with 255
    when another program has joined the group or there is no agent.
    """
    parser = argparse.ArgumentParser(
        prog='server_group_app',
        description='Send TEXT to the other servers of the group, if it is '
        'given, ask for the status of all, and print what comes.',
    )
    parser.add_argument('text', metavar='TEXT', nargs='?')
    text = args[0] if len(args) == 1 and args[0] != '--help' else None
    if text is None:
        parser.parse_args(args)
    try:
        # In UTF-8 whatever the locale says: Python 3.6 takes the C locale's
        # word for it that everything is ASCII.
        if text is not None:
            text = os.fsencode(text).decode('utf-8')
        run(sys.stdout.buffer, text)
    except (
        server_group.ChannelError,
        server_group.BadMessage,
        UnicodeDecodeError,
    ) as error:
        sys.stderr.write('server_group_app: %s\n' % error)
    return FAILED


def line(event: server_group.Event) -> str:
    """Return the line that the program prints for an event."""
    return _LINES[type(event)](event)


def _broadcast(event: server_group.Broadcast) -> str:
    return (
        'got server group broadcast msg: len: %d, sinstance: %s, msg: %s'
        % (
            len(event.text.encode('utf-8')),
            event.source_instance,
            event.text,
        )
    )


def _notification(event: server_group.Notification) -> str:
    return 'got server group notification msg: ' + spaced.dumps(event.event)


def _status(event: server_group.Status) -> str:
    # The original library puts the list together from the texts of its items.
    listed = ','.join(map(spaced.dumps, event.servers))
    return 'got server group status response msg: [%s]' % listed


_LINES: Dict[type, Callable[..., str]] = {
    server_group.Broadcast: _broadcast,
    server_group.Notification: _notification,
    server_group.Status: _status,
}
