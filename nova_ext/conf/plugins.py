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
"""Options of the group ``[nova_ext_plugins]``: the rules for plug-ins."""

from oslo_config import cfg

GROUP = 'nova_ext_plugins'

OPTIONS = [
    cfg.StrOpt(
        'on_unusable',
        default='warn',
        choices=[
            (
                'warn',
                'The plug-in is left out, with an error in the log: what it '
                'should enforce is not enforced.',
            ),
            ('refuse', 'The service does not start.'),
        ],
        help="""
What to do when a plug-in that is named in an option is not installed, cannot
be imported, or its constructor fails.

Related options:

* ``compute_resources``
* ``scheduler_consumers``
""",
    ),
    cfg.StrOpt(
        'on_conflict',
        default='refuse',
        choices=[
            ('refuse', 'The service does not start.'),
            (
                'first',
                'The one that Python finds first is used; an error in the '
                'log names all of them.',
            ),
        ],
        help="""
What to do when several installed packages register different plug-ins under a
name that is named in an option.

Related options:

* ``compute_resources``
* ``scheduler_consumers``
""",
    ),
    cfg.StrOpt(
        'on_failing_test',
        default='refuse',
        choices=[
            (
                'refuse',
                'The server is refused with a reason that names the plug-in, '
                'and Nova tries another host.',
            ),
            ('pass', 'The plug-in is not asked; the error is logged.'),
        ],
        help="""
What nova-compute does when a resource plug-in fails, by an error of its own,
to test whether a new server fits.

Related options:

* ``compute_resources``
""",
    ),
    cfg.StrOpt(
        'on_missing_information',
        default='pass',
        choices=[
            (
                'pass',
                'The host is as good as any other for the consumer, but gets '
                'its lowest weight; one warning for each host.',
            ),
            ('refuse', 'The host is refused to servers that ask for it.'),
        ],
        help="""
What nova-scheduler does when a host's stats lack what a consumer reads, or
hold something else, for example because its nova-compute has not been
upgraded yet, or when the consumer fails by an error of its own.

Related options:

* ``scheduler_consumers``
""",
    ),
]


def register_opts(conf: cfg.ConfigOpts) -> None:
    """Register the group's options on ``conf``."""
    conf.register_opts(OPTIONS, group=GROUP)
