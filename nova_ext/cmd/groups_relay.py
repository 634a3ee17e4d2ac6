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
"""The program nova-ext-groups-relay."""

import socket
import sys

from oslo_config import cfg
from oslo_log import log as logging

from nova_ext.cmd import groups_run
from nova_ext.conf import CONF
from nova_ext.conf import groups as conf_module
from nova_ext.groups import bus
from nova_ext.groups import relay_process

NAME = 'nova-ext-groups-relay'

# Nova's option, by which its services of this host are known.
_HOST = cfg.StrOpt('host', default=socket.gethostname())


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM; return the exit status.

    Options come from the files that ``--config-file`` names, as a rule
    ``nova.conf``, because the message bus and the name of the host must be
    those of nova-compute.

    :param argv: the arguments, without the program's name.
    """
    # The process-wide one: oslo.messaging reads some options nowhere else.
    conf = CONF
    logging.register_options(conf)
    if 'host' not in conf:
        conf.register_opt(_HOST)
    bus.set_defaults()
    conf(sys.argv[1:] if argv is None else argv, project='nova', prog=NAME)
    logging.setup(conf, NAME)
    relay = relay_process.RelayProcess(conf, conf.host)
    where = conf[conf_module.GROUP].relay_monitor
    return groups_run.until_signalled(relay, where)


if __name__ == '__main__':
    sys.exit(main())
