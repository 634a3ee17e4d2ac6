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
"""Web services of the lab: one WSGI application each, under waitress."""

import collections.abc
import pathlib

from tests.lab import layout
from tests.lab import readiness
from tests.lab import settings
from tests.lab import supervisor

PROGRAMS = pathlib.Path(__file__).with_name('programs')


def service(
    paths: layout.Layout,
    chosen: settings.Settings,
    name: str,
    environment: str,
    module: str,
    port_name: str,
    env: collections.abc.Mapping[str, object],
    path: str = '/',
) -> supervisor.Service:
    """A web service.

    :param environment: the virtual environment that holds the application.
    :param module: the module whose ``application`` is served.
    :param path: what answers without authentication once it serves.
    """
    port = chosen.ports[port_name]
    return supervisor.Service(
        name=name,
        arguments=(
            paths.python(environment),
            PROGRAMS / 'wsgi.py',
            module,
            settings.HOST,
            str(port),
        ),
        ready=readiness.http_answers(chosen.url(port_name, path)),
        timeout=120,
        env=tuple((key, str(value)) for key, value in env.items()),
    )


def neutron(
    paths: layout.Layout, chosen: settings.Settings
) -> supervisor.Service:
    """The stand-in for neutron."""
    port = chosen.ports['network']
    return supervisor.Service(
        name='neutron',
        arguments=(
            paths.python('nova'),
            PROGRAMS / 'neutron.py',
            str(port),
        ),
        ready=readiness.tcp(settings.HOST, port),
    )
