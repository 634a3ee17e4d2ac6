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
"""Where the guest's programs log: the journal, syslog or the terminal."""

import logging
import logging.handlers
import os
import sys
from typing import Optional

#: syslog severity (the programs' optional first argument) -> logging level.
_LEVELS = {
    3: logging.ERROR,
    4: logging.WARNING,
    5: logging.INFO,
    6: logging.INFO,
    7: logging.DEBUG,
}

#: The severity of the original programs, warning.
DEFAULT = 4

_SYSLOG = '/dev/log'


def level_of(severity: int) -> int:
    """Return the logging level of a syslog severity, 0 to 7."""
    return _LEVELS.get(severity, logging.CRITICAL)


def set_up(program: str, severity: Optional[int] = None) -> None:
    """Send the log of this process where its system keeps logs.

    :param program: the name under which syslog files the lines.
    :param severity: the least urgent syslog severity that is logged.
    """
    handler = _handler(program)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(level_of(DEFAULT if severity is None else severity))


def _handler(program: str) -> logging.Handler:
    at_journal = 'JOURNAL_STREAM' in os.environ
    if at_journal or sys.stderr.isatty() or not os.path.exists(_SYSLOG):
        return logging.StreamHandler()
    handler = logging.handlers.SysLogHandler(_SYSLOG)
    handler.setFormatter(
        logging.Formatter('%s[%d]: %%(message)s' % (program, os.getpid()))
    )
    return handler
