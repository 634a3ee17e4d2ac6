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
"""The command ./lab."""

import argparse
import collections.abc
import os
import signal
import sys
import typing

from tests.lab import errors
from tests.lab import layout
from tests.lab import openstack
from tests.lab import progress
from tests.lab import rings
from tests.lab import shell
from tests.lab import story

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: list[str]) -> int:
    """Do one command; its exit status."""
    options = _parser().parse_args(arguments)
    for number in STOPPING:
        signal.signal(number, _stop)
    try:
        lab = openstack.Lab(layout.from_environment())
        return int(options.command(lab, options))
    except errors.LabError as error:
        print(f'\nError: {error}', file=sys.stderr)
        return 1
    except errors.Stopped as error:
        print('\nStopped.', file=sys.stderr)
        return 128 + error.signal_number


def _stop(number: int, _frame: object) -> typing.NoReturn:
    # A second one must not cut the cleaning up short.
    for every in STOPPING:
        signal.signal(every, signal.SIG_IGN)
    raise errors.Stopped(number)


def _demo(lab: openstack.Lab, _options: argparse.Namespace) -> int:
    with lab.paths.locked('lab'), lab.running():
        return 0 if story.play(lab) else 1


def _test(lab: openstack.Lab, options: argparse.Namespace) -> int:
    return rings.run(lab, options.ring)


def _up(lab: openstack.Lab, _options: argparse.Namespace) -> int:
    with lab.paths.locked('lab'):
        lab.ensure_up()
    progress.say('The lab is up; ./lab shell lets you play with it.')
    return 0


def _down(lab: openstack.Lab, _options: argparse.Namespace) -> int:
    lab.down()
    progress.say('The lab is down; nothing of it runs.')
    return 0


def _status(lab: openstack.Lab, _options: argparse.Namespace) -> int:
    lines = shell.status(lab)
    progress.say('\n'.join(lines))
    return 0 if lab.is_up() else 3


def _shell(lab: openstack.Lab, options: argparse.Namespace) -> int:
    return shell.run(lab, options.words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='./lab',
        description='A real OpenStack on this machine, to see nova-ext work '
        f'and to test it. Everything is kept below {_cache()}; '
        'NOVA_EXT_CACHE chooses another folder.',
    )
    commands = parser.add_subparsers(required=True, metavar='COMMAND')

    def add(
        name: str,
        command: collections.abc.Callable[..., int],
        text: str,
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(command=command)
        return added

    add('demo', _demo, 'Show live scaling on a real server, then stop.')
    test = add('test', _test, 'Run all three test rings, or one.')
    test.add_argument('ring', nargs='?', choices=rings.NAMES)
    add('up', _up, 'Start the lab and leave it running.')
    add('down', _down, 'Stop the lab, whatever state it is in.')
    add('status', _status, 'Say what runs; exit status 3 when down.')
    text = 'A shell, or one command, with the openstack client ready.'
    words = add('shell', _shell, text)
    words.add_argument(
        'words', nargs=argparse.REMAINDER, metavar='COMMAND', help='optional'
    )
    return parser


def _cache() -> str:
    return os.environ.get('NOVA_EXT_CACHE') or '~/.cache/nova-ext'
