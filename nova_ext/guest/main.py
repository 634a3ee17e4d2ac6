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
"""The programs of a guest in one file, told apart by the name of the call.

Each program is a link to the zipapp, or the zipapp's first argument.
"""

import argparse
import logging
import os
import signal
import sys
from typing import Callable
from typing import Dict
from typing import List
from typing import Optional
from typing import Union

from nova_ext.guest import agent
from nova_ext.guest import application
from nova_ext.guest import cpus
from nova_ext.guest import helper
from nova_ext.guest import hooks
from nova_ext.guest import logs
from nova_ext.guest import port
from nova_ext.guest import scale_agent
from nova_ext.wire import addresses

LOG = logging.getLogger(__name__)

#: Exit status of a failed offline_cpus, as in the original.
FAILED = 255
_USAGE = 2


def guest_agent(args: List[str]) -> int:
    """Carry messages between the host and the programs of this guest."""
    parser = _parser(guest_agent)
    parser.add_argument(
        '--port',
        default=addresses.PORT_PATH,
        help='the serial port to the host (default: %(default)s)',
    )
    options = parser.parse_args(args)
    logs.set_up('guest_agent', options.level)
    return _serve(agent.Agent(port.Port(options.port)))


def guest_scale_agent(args: List[str]) -> int:
    """Take CPUs offline and online when the host asks."""
    parser = _parser(guest_scale_agent)
    _add_sysfs(parser)
    parser.add_argument(
        '--hooks',
        default=hooks.FOLDER,
        help="the folder of the application's hooks (default: %(default)s)",
    )
    parser.add_argument(
        '--helper',
        default=helper.PATH,
        help="the application's helper of old, called while there is no hook "
        '(default: %(default)s)',
    )
    options = parser.parse_args(args)
    logs.set_up('guest_scale_agent', options.level)
    processors = cpus.Cpus(options.sysfs)
    return _serve(
        scale_agent.ScaleAgent(
            processors,
            application.Application(
                helper.Helper(options.helper), hooks.Hooks(options.hooks)
            ),
            at_boot=lambda: _take_offline(processors),
        )
    )


def offline_cpus(args: List[str]) -> int:
    """Take the CPUs offline that the host has parked, once."""
    parser = _parser(offline_cpus)
    _add_sysfs(parser)
    options = parser.parse_args(args)
    logs.set_up('offline_cpus', options.level)
    return 0 if _take_offline(cpus.Cpus(options.sysfs)) else FAILED


def server_group_app(args: List[str]) -> int:
    """Show the messages of this server's group."""
    from nova_ext.guest import server_group_app as app

    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    return app.main(args)


PROGRAMS: Dict[str, Callable[[List[str]], int]] = {
    'guest_agent': guest_agent,
    'guest_scale_agent': guest_scale_agent,
    'offline_cpus': offline_cpus,
    'server_group_app': server_group_app,
}


def main(argv: Optional[List[str]] = None) -> int:
    """Run the program that the call names; return its exit status."""
    argv = list(sys.argv if argv is None else argv)
    name = os.path.basename(argv.pop(0)) if argv else ''
    if name not in PROGRAMS and argv:
        name = argv.pop(0)
    if name not in PROGRAMS:
        sys.stderr.write(
            'usage: PROGRAM [ARGUMENT ...], where PROGRAM is one of: %s\n'
            % ', '.join(sorted(PROGRAMS))
        )
        return _USAGE
    return PROGRAMS[name](argv)


def _parser(program: Callable[[List[str]], int]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program.__name__, description=program.__doc__
    )
    parser.add_argument(
        'level',
        nargs='?',
        type=int,
        help='least urgent syslog severity to log, 0 to 7 (default: %d)'
        % logs.DEFAULT,
    )
    return parser


def _add_sysfs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--sysfs',
        default=cpus.SYSFS,
        help="the folder of the kernel's CPUs; another one for tests "
        '(default: %(default)s)',
    )


def _serve(server: Union[agent.Agent, scale_agent.ScaleAgent]) -> int:
    def stop(*_: object) -> None:
        server.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.run()
    return 0


def _end(*_: object) -> None:
    sys.exit(0)


def _take_offline(processors: cpus.Cpus) -> bool:
    # Here, because it takes a slow guest longer to load an HTTP client than
    # to do all the rest, and not every program needs one.
    from nova_ext.guest import offline

    try:
        numbers = offline.run(processors)
    except offline.OfflineError as error:
        LOG.error('Cannot take the parked CPUs offline: %s', error)
        return False
    LOG.info('Parked CPUs that are offline: %s', numbers)
    return True
