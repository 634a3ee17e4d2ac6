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
"""The program nova-ext-channel."""

import resource
import signal
import sys

from oslo_config import cfg
from oslo_log import log as logging

from nova_ext.channel import daemon
from nova_ext.channel import local
from nova_ext.conf import channel as channel_conf

LOG = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM; return the exit status.

    Options come from ``nova-ext.conf`` in oslo.config's usual folders, or
    from the files that ``--config-file`` names; nova.conf will do.

    :param argv: the arguments, without the program's name.
    """
    conf = cfg.ConfigOpts()
    logging.register_options(conf)
    channel_conf.register_opts(conf)
    conf(
        sys.argv[1:] if argv is None else argv,
        project='nova-ext',
        prog='nova-ext-channel',
    )
    logging.setup(conf, 'nova-ext-channel')
    try:
        server = daemon.Daemon(
            daemon.settings_of(conf[channel_conf.GROUP]),
        )
    except (local.CannotServe, OSError, ValueError) as error:
        LOG.error('Cannot start: %s', error)
        return 1
    _allow_many_guests()
    signal.signal(signal.SIGTERM, lambda *_: server.stop())
    signal.signal(signal.SIGINT, lambda *_: server.stop())
    server.run()
    return 0


def _allow_many_guests() -> None:
    """Each guest takes a descriptor: use all that this process may have."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now != most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == '__main__':
    sys.exit(main())
