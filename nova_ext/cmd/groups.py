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
"""The program nova-ext-groups."""

import sys

from oslo_log import log as logging

from nova_ext.cmd import groups_run
from nova_ext.groups import bus
from nova_ext.groups import members
from nova_ext.groups import service_process

LOG = logging.getLogger(__name__)

NAME = 'nova-ext-groups'


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM; return the exit status.

    Options come from ``nova.conf`` in oslo.config's usual folders, or from
    the files that ``--config-file`` names.

    :param argv: the arguments, without the program's name.
    """
    arguments = sys.argv[1:] if argv is None else argv
    conf = members.start([NAME, *arguments])
    bus.set_defaults()
    logging.setup(conf, NAME)
    try:
        buses = members.buses()
    except Exception as error:
        LOG.error(
            "Cannot read the cells from Nova's database: %s; check "
            '[api_database]connection.',
            error,
        )
        return 1
    service = service_process.ServiceProcess(
        conf, conf.host, members.NovaMembership(), buses
    )
    return groups_run.until_signalled(
        service, conf.nova_ext_groups.service_monitor
    )


if __name__ == '__main__':
    sys.exit(main())
