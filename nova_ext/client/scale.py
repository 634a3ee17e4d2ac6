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
"""``openstack server scale``: up, down, set and show."""

import argparse
from collections.abc import Sequence
from typing import Any

from osc_lib.command import command

from nova_ext.client import api
from nova_ext.client import format

Columns = tuple[Sequence[str], Sequence[Any]]


class _ScaleCommand(command.ShowOne):
    """Base of the commands: each ends by showing the server's scaling."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        parser.add_argument(
            'server', metavar='<server>', help='Server (name or ID)'
        )
        return parser

    def resource(self, parsed_args: argparse.Namespace) -> api.VcpuScale:
        """Return the scale resource of the server that the caller named."""
        # osc-lib's type does not know the plug-ins that make its attributes.
        manager: Any = self.app.client_manager
        compute = manager.compute
        server = compute.find_server(parsed_args.server, ignore_missing=False)
        return api.VcpuScale(compute, server.id)


class ScaleUp(_ScaleCommand):
    """Bring one more vCPU of a server online, and wait for it."""

    def take_action(self, parsed_args: argparse.Namespace) -> Columns:
        resource = self.resource(parsed_args)
        resource.step('up')
        return columns(resource.show())


class ScaleDown(_ScaleCommand):
    """Take one vCPU of a server offline, and wait for it."""

    def take_action(self, parsed_args: argparse.Namespace) -> Columns:
        resource = self.resource(parsed_args)
        resource.step('down')
        return columns(resource.show())


class ShowScale(_ScaleCommand):
    """Show how many vCPUs of a server are online, and its last request."""

    def take_action(self, parsed_args: argparse.Namespace) -> Columns:
        return columns(self.resource(parsed_args).show())


class SetScale(_ScaleCommand):
    """Scale a server to a number of online vCPUs."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--online',
            metavar='<count>',
            type=int,
            required=True,
            help='How many vCPUs are to be online',
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help='Change nothing; show the steps, and everything that is in '
            'the way with what would remove it',
        )
        parser.add_argument(
            '--wait',
            action='store_true',
            help='Wait until the request has ended; a failure is an error',
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Columns:
        resource = self.resource(parsed_args)
        if parsed_args.dry_run:
            return plan_columns(resource.plan(parsed_args.online))
        state = resource.scale(parsed_args.online)
        if parsed_args.wait:
            state = resource.wait(state)
        return columns(state)


def columns(state: dict[str, Any]) -> Columns:
    """Return the names and values to show of ``vcpu_scale``."""
    last = state['last_request'] or {}
    # Missing in the answer of an older nova-api.
    stray = state.get('stray') or {}
    shown = {
        **{key: state[key] for key in ('min', 'current', 'max')},
        **{key: format.Cpus(state[key]) for key in ('online', 'offline')},
        'accounting': state['accounting'],
        # Not from a nova-api before this was added.
        'remarks': format.Lines(state.get('remarks', [])),
        'stray': format.Cpus(stray.get('vcpus', [])),
        'stray_count': stray.get('count', 0),
        **{'last_%s' % key: last.get(key) for key in api.LAST_FIELDS},
    }
    return tuple(shown), tuple(shown.values())


def plan_columns(plan: dict[str, Any]) -> Columns:
    """Return the names and values to show of a plan."""
    shown = {
        'current': plan['current'],
        'target': plan['target'],
        'steps': format.Steps(plan['steps']),
        'blockers': format.Blockers(plan['blockers']),
    }
    return tuple(shown), tuple(shown.values())
