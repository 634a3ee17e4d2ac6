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
"""``nova-ext-status``: is this node configured to work, and with what?

``upgrade check`` checks what this node's files say; it starts nothing, asks
no service, and does not import Nova. A check that does not concern the
node, such as the API pipeline on a compute host without one, says so and
succeeds. ``plugins`` is in :mod:`nova_ext.cmd.plugins`, ``host-check`` in
:mod:`nova_ext.cmd.host_check`.
"""

import configparser
import importlib.metadata
import importlib.util
import pathlib
import sys

from oslo_config import cfg
from oslo_upgradecheck import upgradecheck
from oslo_upgradecheck.upgradecheck import Code
from oslo_upgradecheck.upgradecheck import Result
from oslo_upgradecheck.upgradecheck import UpgradeCommands
from oslo_upgradecheck.upgradecheck import run

from nova_ext.cmd import host_check
from nova_ext.cmd import plugins
from nova_ext.conf import channel
from nova_ext.wire import addresses

#: Nova's major versions that the package is made for: 2025.1 to 2026.2.
NOVA_MAJORS = range(31, 35)

DRIVER = 'nova_ext.LibvirtDriver'
SHIM = 'nova.virt.nova_ext'
FILTER_FACTORIES = ('egg:nova-ext#nova_ext', 'nova_ext.api.filter:factory')

#: ``sun_path`` of a unix socket holds 108 bytes, the last one zero (unix(7)).
SOCKET_PATH_LIMIT = 107
#: As long as Nova's instance names get without a custom template.
_LONGEST_NAME = 'instance-7fffffff'

# Nova's options that the checks read.
_NOVA_OPTIONS = [cfg.StrOpt('compute_driver'), cfg.StrOpt('vcpu_pin_set')]
_NOVA_WSGI_OPTIONS = [cfg.StrOpt('api_paste_config', default='api-paste.ini')]
_NOVA_COMPUTE_OPTIONS = [cfg.StrOpt('cpu_dedicated_set')]


class Checks(UpgradeCommands):
    """The checks, in the order in which they are shown.

    :param conf: has the options of :func:`make_conf`.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._conf = conf

    def check_nova(self) -> Result:
        """Nova is of a release that the package is made for."""
        try:
            version = importlib.metadata.version('nova')
        except importlib.metadata.PackageNotFoundError:
            return Result(
                Code.FAILURE,
                'Nova is not installed in the environment of this command. '
                'Install nova-ext where Nova is installed.',
            )
        if int(version.split('.')[0]) in NOVA_MAJORS:
            return Result(Code.SUCCESS)
        return Result(
            Code.WARNING,
            'Nova %s is installed; nova-ext is made for %d to %d. Test it '
            'before you use it.' % (version, NOVA_MAJORS[0], NOVA_MAJORS[-1]),
        )

    def check_pipeline(self) -> Result:
        """Every keystone pipeline of nova-api has the filter."""
        path = self._conf.find_file(self._conf.wsgi.api_paste_config)
        if path is None:
            return Result(
                Code.SUCCESS,
                'There is no nova-api on this node (no %s).'
                % self._conf.wsgi.api_paste_config,
            )
        try:
            missing = pipelines_without_filter(path)
        except (OSError, configparser.Error) as error:
            return Result(
                Code.FAILURE, '%s cannot be read: %s' % (path, error)
            )
        if not missing:
            return Result(Code.SUCCESS)
        return Result(
            Code.WARNING,
            'In %s the filter is missing behind keystonecontext in: %s. '
            'Requests by this way are not served; see the sample '
            'api-paste.ini.' % (path, ', '.join(missing)),
        )

    def check_driver(self) -> Result:
        """The virt driver, where it is ours, can be imported."""
        if self._conf.compute_driver != DRIVER:
            return Result(
                Code.SUCCESS,
                'Servers on this node cannot be scaled: compute_driver is '
                '%s, not %s.' % (self._conf.compute_driver, DRIVER),
            )
        try:
            found = importlib.util.find_spec(SHIM) is not None
        except ModuleNotFoundError:
            found = False
        if found:
            return Result(Code.SUCCESS)
        return Result(
            Code.FAILURE,
            'compute_driver is %s, but %s cannot be imported: install '
            'nova-ext from its wheel, not editable, into the environment '
            'that Nova runs in.' % (DRIVER, SHIM),
        )

    def check_dedicated_cpus(self) -> Result:
        """A compute host has dedicated CPUs, without which nothing scales."""
        dedicated = (
            self._conf.compute.cpu_dedicated_set or self._conf.vcpu_pin_set
        )
        if dedicated or self._conf.compute_driver != DRIVER:
            return Result(Code.SUCCESS)
        return Result(
            Code.WARNING,
            'Servers on this node cannot be scaled: [compute]'
            'cpu_dedicated_set is not set, so there are no dedicated pCPUs.',
        )

    def check_sockets(self) -> Result:
        """The guests' socket paths fit into what the kernel allows."""
        folder = pathlib.PurePath(self._conf.nova_ext_channel.guest_socket_dir)
        path = str(folder / addresses.socket_name(_LONGEST_NAME))
        if len(path.encode()) <= SOCKET_PATH_LIMIT:
            return Result(Code.SUCCESS)
        return Result(
            Code.FAILURE,
            '%s has more than %d bytes: choose a shorter [nova_ext_channel]'
            'guest_socket_dir.' % (path, SOCKET_PATH_LIMIT),
        )

    _upgrade_checks = (
        ('Nova release', check_nova),
        ('API pipeline', check_pipeline),
        ('Virt driver', check_driver),
        ('Dedicated CPUs', check_dedicated_cpus),
        ('Guest sockets', check_sockets),
    )


def pipelines_without_filter(path: str) -> list[str]:
    """Return the sections of an api-paste.ini that lack the filter.

    Looked at are the ``keystone`` pipelines, by which all requests with a
    token come; before ``keystonecontext`` the filter would be without effect.

    :raises configparser.Error: it is not such a file.
    """
    paste = configparser.ConfigParser(
        interpolation=None, default_section='no default'
    )
    paste.read_string(pathlib.Path(path).read_text())
    filters = {
        section.partition(':')[2]
        for section in paste.sections()
        if section.startswith('filter:') and _is_ours(paste[section])
    }
    return [
        section
        for section in paste.sections()
        if 'keystone' in paste[section]
        and not filters & _behind_context(paste[section]['keystone'])
    ]


def _behind_context(pipeline: str) -> set[str]:
    return set(pipeline.partition(' keystonecontext ')[2].split())


def _is_ours(section: configparser.SectionProxy) -> bool:
    return any(
        section.get(key) in FILTER_FACTORIES
        for key in ('use', 'paste.filter_factory')
    )


def make_conf() -> cfg.ConfigOpts:
    """Return configuration with the options that the checks read.

    Not the process-wide one, where Nova may have registered its own.
    """
    conf = cfg.ConfigOpts()
    conf.register_opts(_NOVA_OPTIONS)
    conf.register_opts(_NOVA_WSGI_OPTIONS, group='wsgi')
    conf.register_opts(_NOVA_COMPUTE_OPTIONS, group='compute')
    channel.register_opts(conf)
    return conf


def main() -> int:
    """Run the command; found by the ``console_scripts`` entry point.

    :returns: 0 all is well, 1 warnings, 2 failures, 255 an error; for
        host-check see :class:`nova_ext.cmd.host_check.Status`.
    """
    conf = make_conf()
    checks = Checks(conf)
    add_plugins = plugins.add_parser(conf)
    add_host_check = host_check.add_parser(conf)

    # The parsers of argparse have no public type.
    def add_parsers(subparsers) -> None:  # type: ignore[no-untyped-def]
        upgrade = subparsers.add_parser(
            'upgrade', help='Check whether this node is configured to work.'
        )
        upgrade.add_argument('check', choices=['check'])
        upgrade.add_argument(
            '--json',
            action='store_true',
            help='Output in JSON format instead of a table.',
        )
        upgrade.set_defaults(action_fn=checks.check)
        add_plugins(subparsers)
        add_host_check(subparsers)

    conf.register_cli_opt(cfg.SubCommandOpt('command', handler=add_parsers))
    # The checks read this to choose the format of their output.
    upgradecheck.CONF = conf
    conf(sys.argv[1:], project='nova')
    return int(run(conf))
