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
"""``nova-ext-status plugins``: which plug-ins there are, and which are used.

It reads what packages have installed and what this node's files say; it
imports no plug-in.
"""

from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import asdict
from dataclasses import dataclass
import json

from oslo_config import cfg
import prettytable

from nova_ext.conf import default
from nova_ext.plugins import catalog

_SIDES = (
    (catalog.RESOURCES, 'compute'),
    (catalog.CONSUMERS, 'scheduler'),
)


@dataclass(frozen=True)
class Row:
    """One registration, or a name that nobody has registered.

    :ivar position: in the option, from 1; None if it is not enabled.
    :ivar problem: ``conflict`` or ``not installed``, else empty.
    """

    side: str
    name: str
    position: int | None
    distribution: str
    version: str
    target: str
    problem: str


def rows(conf: cfg.ConfigOpts) -> Iterator[Row]:
    """Yield all plug-ins, the enabled ones of each side first in order."""
    for namespace, side in _SIDES:
        names = list(dict.fromkeys(conf[catalog.OPTIONS[namespace]]))
        found = catalog.installed(namespace)
        conflicts = catalog.conflicts(found)
        known = dict.fromkeys(each.name for each in found)
        for name in (*names, *(each for each in known if each not in names)):
            position = names.index(name) + 1 if name in names else None
            if name not in known:
                yield Row(side, name, position, '', '', '', 'not installed')
            problem = 'conflict' if name in conflicts else ''
            for each in found:
                if each.name == name:
                    yield Row(
                        side,
                        name,
                        position,
                        each.distribution,
                        each.version,
                        each.target,
                        problem,
                    )


def show(conf: cfg.ConfigOpts, as_json: bool) -> int:
    """Print all plug-ins.

    :returns: 0 all is well, 1 an enabled plug-in has a problem.
    """
    found = list(rows(conf))
    if as_json:
        print(json.dumps({'plugins': [asdict(row) for row in found]}))
    else:
        print(_table(found))
    return int(any(row.problem and row.position for row in found))


def add_parser(conf: cfg.ConfigOpts) -> Callable[..., None]:
    """Return what adds the subcommand to a parser."""
    conf.register_opts(default.OPTIONS)

    # The parsers of argparse have no public type.
    def add(subparsers) -> None:  # type: ignore[no-untyped-def]
        parser = subparsers.add_parser(
            'plugins', help='List the resource and consumer plug-ins.'
        )
        parser.add_argument(
            '--json',
            action='store_true',
            help='Output in JSON format instead of a table.',
        )
        parser.set_defaults(
            action_fn=lambda: show(conf, conf.command.json),
        )

    return add


def _table(found: list[Row]) -> str:
    table = prettytable.PrettyTable(
        ['Side', 'Name', 'Order', 'Package', 'Version', 'Target', 'Problem']
    )
    table.align = 'l'
    for row in found:
        table.add_row(
            [
                row.side,
                row.name,
                row.position or 'not enabled',
                row.distribution,
                row.version,
                row.target,
                row.problem,
            ]
        )
    return table.get_string()
