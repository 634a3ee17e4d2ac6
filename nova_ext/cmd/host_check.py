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
"""``nova-ext-status host-check``: is this a host for real-time servers?

It reads the kernel's files, nova.conf and libvirt, and changes nothing; with
``--update-trait`` it tells placement.
"""

import argparse
from collections.abc import Callable
import enum
import os
import time

from oslo_config import cfg

from nova_ext import exception
from nova_ext.hostcheck import catalog
from nova_ext.hostcheck import files
from nova_ext.hostcheck import host
from nova_ext.hostcheck import identity
from nova_ext.hostcheck import placement
from nova_ext.hostcheck import probes
from nova_ext.hostcheck import report
from nova_ext.hostcheck import trait

# Nova's options that the checks read, with Nova's defaults.
_NOVA_OPTIONS = [cfg.StrOpt('state_path', default='/var/lib/nova')]
_NOVA_LIBVIRT_OPTIONS = [
    cfg.StrOpt('connection_uri', default=''),
    cfg.StrOpt('virt_type', default='kvm'),
    cfg.IntOpt('realtime_scheduler_priority', default=1),
    cfg.BoolOpt('cpu_power_management', default=False),
]


class Status(enum.IntEnum):
    """The exit status."""

    PASSED = 0
    #: The host passes; something could be better or could not be read.
    REMARKS = 1
    NOT_PASSED = 2
    #: Whatever the checks found, the trait is not as they want it.
    TRAIT_FAILED = 3


def check(conf: cfg.ConfigOpts) -> int:
    """Do all checks, print the report; return the exit status."""
    words = conf.command
    found = catalog.run(make_host(conf), words.accept)
    done = None
    if words.update_trait:
        done = update_trait(conf, catalog.passes(found))
    shown = report.Report(found, done)
    print(report.as_json(shown) if words.json else report.as_text(shown))
    return status_of(shown)


def make_host(conf: cfg.ConfigOpts) -> host.Host:
    """Return this host, with the real ports."""
    found = files.HostFiles(conf.command.root)
    return host.Host(
        found,
        host.Settings(
            conf.compute.cpu_dedicated_set or conf.vcpu_pin_set or '',
            conf.libvirt.virt_type,
            conf.libvirt.realtime_scheduler_priority,
            conf.libvirt.cpu_power_management,
            conf.command.smi_seconds,
        ),
        probes.DeviceKvm(found),
        probes.LibvirtVersions(
            conf.libvirt.connection_uri or 'qemu:///system'
        ),
        time.sleep,
    )


def update_trait(conf: cfg.ConfigOpts, wanted: bool) -> report.TraitReport:
    """Make the trait of this host's resource provider follow the checks."""
    try:
        uuid = conf.command.resource_provider or identity.provider_uuid(
            [*map(os.path.dirname, conf.config_file), conf.state_path]
        )
        provider = placement.PlacementProvider(placement.connect(conf), uuid)
        return report.TraitReport(trait.update(provider, wanted))
    except exception.HostTraitFailed as error:
        return report.TraitReport(None, str(error))


def status_of(shown: report.Report) -> Status:
    """Return the exit status that a report stands for."""
    if shown.trait is not None and shown.trait.change is None:
        return Status.TRAIT_FAILED
    if not shown.passes:
        return Status.NOT_PASSED
    if any(finding.remarkable for finding in shown.findings):
        return Status.REMARKS
    return Status.PASSED


def add_parser(conf: cfg.ConfigOpts) -> Callable[..., None]:
    """Return what adds the subcommand to a parser.

    :param conf: has the options of :func:`nova_ext.cmd.status.make_conf`.
    """
    conf.register_opts(_NOVA_OPTIONS)
    conf.register_opts(_NOVA_LIBVIRT_OPTIONS, group='libvirt')
    placement.register_opts(conf)

    # The parsers of argparse have no public type.
    def add(subparsers) -> None:  # type: ignore[no-untyped-def]
        text = 'Check whether this host keeps what real-time flavors promise.'
        parser = subparsers.add_parser(
            'host-check',
            help=text,
            description=text,
            epilog='Exit status: 0 the host passes; 1 it passes, with '
            'remarks; 2 it does not pass; 3 the trait could not be updated; '
            '255 an error of this program.',
        )
        _add_arguments(parser)
        parser.set_defaults(action_fn=lambda: check(conf))

    return add


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--json',
        action='store_true',
        help='Output in JSON format instead of text.',
    )
    parser.add_argument(
        '--accept',
        action='append',
        default=[],
        choices=catalog.NAMES,
        metavar='CHECK',
        help='Show this check, and let it not count; may be repeated. '
        'One of: %s.' % ', '.join(catalog.NAMES),
    )
    parser.add_argument(
        '--update-trait',
        action='store_true',
        help="Give the trait %s to this host's resource provider if it "
        'passes, and take it away if not.' % trait.TRAIT,
    )
    parser.add_argument(
        '--resource-provider',
        metavar='UUID',
        help='That of this host; by default the one in the file '
        'compute_id, which nova-compute keeps.',
    )
    parser.add_argument(
        '--root',
        default='/',
        metavar='FOLDER',
        help="Where the host's / is, for a container that sees it "
        'elsewhere; default: /.',
    )
    parser.add_argument(
        '--smi-seconds',
        type=float,
        default=1.0,
        metavar='SECONDS',
        help='How long to watch the SMI counters; default: 1.',
    )
