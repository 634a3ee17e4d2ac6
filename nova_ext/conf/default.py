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
"""Options in ``[DEFAULT]``: which plug-ins are switched on.

The names are the blueprint's, hence not in a group of ours.
"""

from oslo_config import cfg

GROUP = 'DEFAULT'

OPTIONS = [
    cfg.ListOpt(
        'compute_resources',
        default=[],
        help="""
The resource plug-ins that nova-compute tracks, in this order.

Each accounts for the servers of the host, may refuse a new one, and writes
what the scheduler should know into the compute node's stats.

Possible values:

* Empty: none, and nothing of it costs anything.
* Names in the name space ``nova.compute.resources``, separated by commas;
  ``nova-ext-status plugins`` lists what is installed. Built in are
  ``vcpu_scale``, ``realtime_pcpu`` and ``compute_unit``.

Related options:

* ``scheduler_consumers``, on the controllers
* ``[nova_ext_plugins]on_unusable``
* ``[nova_ext_plugins]on_conflict``
* ``[nova_ext_plugins]on_failing_test``
""",
    ),
    cfg.ListOpt(
        'scheduler_consumers',
        default=[],
        help="""
The consumer plug-ins that nova-scheduler reads hosts with, in this order.

They need ``ResourceConsumerFilter`` in front of, and ``ResourceFitFilter``
among, ``[filter_scheduler]enabled_filters``, and take part in the choice of
the best host with ``ResourceWeigher`` in ``[filter_scheduler]weight_classes``.

Possible values:

* Empty: none, and the filters and the weigher do nothing.
* Names in the name space ``nova.scheduler.consumers``, separated by commas;
  ``nova-ext-status plugins`` lists what is installed. Built in are
  ``vcpu_scale``, ``realtime_pcpu`` and ``compute_unit``.

Related options:

* ``compute_resources``, on the compute hosts
* ``[nova_ext_plugins]on_unusable``
* ``[nova_ext_plugins]on_conflict``
* ``[nova_ext_plugins]on_missing_information``
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the options on ``conf``."""
    conf.register_opts(OPTIONS)
