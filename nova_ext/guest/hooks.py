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
"""The application's say in scaling: a folder of programs.

Every executable of the folder is called for every event, in the order of the
names. It finds one JSON object on its standard input, may print one, and says
with its exit status whether it agrees, 0, or refuses, anything else.

========= ================================= ==============================
event     when                              what a refusal does
========= ================================= ==============================
choose    the host wants a CPU back; the    the request fails, no CPU goes
          first hook that prints            offline
          ``{"cpu": N}`` chooses it
offline   CPU ``cpu`` is about to go        the request fails; those who
          offline: stop using it            had agreed hear ``online``
online    CPU ``cpu`` is online, again or   a CPU that was to come online
          still: use it                     goes offline; those who had
                                            agreed hear ``offline``
========= ================================= ==============================

One that was killed, or printed what is no JSON object, refuses and hears of
the step back too: it may have done half of its work.

What is ``required`` cannot be refused: the host has already taken the core of
a CPU, or nothing else is left to do.
"""

import json
import logging
import os
import re
import time
from typing import Any
from typing import Dict
from typing import Iterable
from typing import List
from typing import NamedTuple
from typing import Optional

from nova_ext.guest import runner
from nova_ext.wire import messages
from nova_ext.wire import quoting

LOG = logging.getLogger(__name__)

FOLDER = '/etc/nova-ext/scale.d'

#: Of the object that a hook reads. Keys may be added to it without a change.
VERSION = 1

CHOOSE = 'choose'
OFFLINE = 'offline'
ONLINE = 'online'

#: Seconds that hooks have together when they are told of a step back.
STEP_BACK = 5.0

#: What package managers and editors leave behind has other names.
_NAME = re.compile(r'[A-Za-z0-9_-]+(\.[A-Za-z0-9]+)?\Z')
_LEFTOVERS = ('.bak', '.orig', '.rej', '.swp')

#: One call of a hook, of one event.
Call = NamedTuple(
    'Call',
    [
        ('event', str),
        ('cpu', Optional[int]),
        ('online', List[int]),
        ('required', bool),
    ],
)


class Refused(Exception):
    """A hook does not agree; the text says which one and why."""


class Unclear(Refused):
    """A hook has ended in a way that does not say what it has done."""


class Hooks(object):
    """The hooks of one folder.

    :param folder: need not exist.
    """

    def __init__(self, folder: str = FOLDER) -> None:
        self._folder = folder

    def paths(self) -> List[str]:
        """Return the hooks in the order in which they run."""
        try:
            names = sorted(os.listdir(self._folder))
        except OSError:
            return []
        paths = [
            os.path.join(self._folder, name)
            for name in names
            if _NAME.match(name) and not name.endswith(_LEFTOVERS)
        ]
        return [
            path
            for path in paths
            if os.path.isfile(path) and os.access(path, os.X_OK)
        ]

    def choose(
        self, online: Iterable[int], limit: runner.Limit
    ) -> Optional[int]:
        """Return the CPU that the first hook with a wish gives up.

        :raises Refused: a hook gives none up, or its answer is none.
        """
        call = Call(CHOOSE, None, sorted(online), False)
        chosen = None
        for path in self.paths():
            wish = _ask(path, call, limit).get('cpu')
            if wish is not None and messages.integer(wish) not in call.online:
                raise Refused(
                    'The hook %s chooses %s, which is no online cpu'
                    % (os.path.basename(path), quoting.shown(repr(wish)))
                )
            chosen = wish if chosen is None else chosen
        return chosen

    def leave(
        self,
        cpu: int,
        online: Iterable[int],
        required: bool,
        limit: runner.Limit,
    ) -> None:
        """Let every hook stop using a CPU that is about to go offline.

        :raises Refused: one does not; all who had agreed know.
        """
        self._tell(Call(OFFLINE, cpu, sorted(online), required), limit)

    def join(
        self, cpu: int, online: Iterable[int], limit: runner.Limit
    ) -> None:
        """Tell every hook that it may use a CPU that came online.

        :raises Refused: one does not; all who had agreed know.
        """
        self._tell(Call(ONLINE, cpu, sorted(online), False), limit)

    def step_back(self, event: str, cpu: int, online: Iterable[int]) -> None:
        """Tell every hook that what they had agreed to is taken back.

        :param event: what is true now, `OFFLINE` or `ONLINE`.
        """
        _tell_all(self.paths(), Call(event, cpu, sorted(online), True))

    def _tell(self, call: Call, limit: runner.Limit) -> None:
        undone: List[str] = []
        for path in self.paths():
            try:
                _ask(path, call, limit)
            except Refused as error:
                if call.required:
                    LOG.warning(
                        '%s; the host requires it all the same.', error
                    )
                    continue
                if isinstance(error, Unclear):
                    undone.append(path)
                event = ONLINE if call.event == OFFLINE else OFFLINE
                _tell_all(undone, call._replace(event=event, required=True))
                raise
            undone.append(path)


def _tell_all(paths: Iterable[str], call: Call) -> None:
    limit = runner.Limit(time.monotonic() + STEP_BACK)
    for path in paths:
        try:
            _ask(path, call, limit)
        except Refused as error:
            LOG.warning('%s, but that has been decided.', error)


def _ask(path: str, call: Call, limit: runner.Limit) -> Dict[str, Any]:
    """Run one hook and return what it answers.

    :raises Refused: it does not agree, is too slow, or prints no JSON object.
    """
    given = {
        'version': VERSION,
        'event': call.event,
        'cpu': call.cpu,
        'online': call.online,
        'required': call.required,
        'timeout_ms': int(limit.left * 1000),
    }
    name = os.path.basename(path)
    try:
        ended = runner.run(
            [path], limit, json.dumps(given).encode('ascii') + b'\n'
        )
    except (runner.Timeout, OSError) as error:
        raise Unclear('The hook %s failed: %s' % (name, error))
    answer = _answer(name, ended.output) if ended.output.strip() else {}
    if ended.status == 0:
        return answer
    reason = answer.get('reason') or 'it ended with %d' % ended.status
    raise Refused(
        'The hook %s refuses %s: %s'
        % (name, call.event, quoting.shown(reason, 200))
    )


def _answer(name: str, output: bytes) -> Dict[str, Any]:
    try:
        answer = json.loads(output.decode('utf-8'))
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict):
        return answer
    raise Unclear(
        'The hook %s printed %s, which is no JSON object'
        % (name, quoting.shown(output))
    )
