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
"""What resource and consumer plug-ins have in common."""

import abc
from collections.abc import Mapping
from collections.abc import Sequence
from typing import ClassVar

from oslo_config import cfg

from nova_ext.plugins.stats import Description


class Plugin(abc.ABC):
    """Base of both contracts. The constructor takes no arguments."""

    #: The plug-in's own options by group; registered before it is made.
    OPTIONS: ClassVar[Mapping[str, Sequence[cfg.Opt]]] = {}

    @classmethod
    @abc.abstractmethod
    def describe(cls) -> Description:
        """Return name, version and stats keys; always the same."""


def register_options(kind: type[Plugin], conf: cfg.ConfigOpts) -> None:
    """Register a plug-in's own options on ``conf``; twice does no harm."""
    for group, options in kind.OPTIONS.items():
        conf.register_opts(
            options, group=None if group == 'DEFAULT' else group
        )
