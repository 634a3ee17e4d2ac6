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
"""The example is installed by pip, as a package of its own, and used."""

from collections.abc import Iterator
import pathlib
import shutil
import subprocess
import sys

from oslo_config import fixture
import pytest
import stevedore

from nova_ext import testing
from nova_ext.conf import CONF
from nova_ext.consumers import handler as consumer_handler
from nova_ext.plugins import catalog
from nova_ext.resources import handler as resource_handler

ROOT = pathlib.Path(__file__).parents[2]
SERVER = testing.a_server(extra_specs={'licence:seats': '2'})


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """Install the example into a folder of its own, without a network."""
    folder = tmp_path_factory.mktemp('example')
    shutil.copytree(ROOT / 'tests/example', folder / 'source')
    site = folder / 'site'
    subprocess.run(
        [
            sys.executable,
            '-m',
            'pip',
            '--disable-pip-version-check',
            'install',
            '--no-deps',
            '--no-build-isolation',
            '--no-index',
            '--quiet',
            '--target',
            str(site),
            str(folder / 'source'),
        ],
        check=True,
        timeout=120,
    )
    yield site


@pytest.fixture
def installed(
    site: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(site))
    stevedore.ExtensionManager.ENTRY_POINT_CACHE.clear()
    yield
    stevedore.ExtensionManager.ENTRY_POINT_CACHE.clear()


def test_both_halves_load_by_name_and_agree(installed: None) -> None:
    with fixture.Config(CONF) as config:
        config.config(
            compute_resources=['licence_seats'],
            scheduler_consumers=['licence_seats'],
        )
        resources = resource_handler.ResourceHandler(
            resource_handler.load(CONF.compute_resources)
        )
        consumers = consumer_handler.load(CONF.scheduler_consumers)
        resources.reset(testing.a_host())
        assert resources.test(SERVER, {}) == [None]
        resources.add(SERVER)
    assert resources.test(SERVER, {}) == [
        'licence_seats: free 0 < requested 2'
    ]
    states = consumers.read(HOST, resources.write())
    request = consumers.request(testing.a_request(SERVER))
    refused = consumers.refusal(HOST, states, request)
    assert refused is not None and (refused.got, refused.wanted) == (0, 2)


class HOST:
    host = nodename = 'host1'


def test_it_is_listed(installed: None) -> None:
    for namespace in (catalog.RESOURCES, catalog.CONSUMERS):
        (found,) = [
            each
            for each in catalog.installed(namespace)
            if each.name == 'licence_seats'
        ]
        assert (found.distribution, found.version) == ('nova-licences', '1.0')


def test_its_own_tests_pass(site: pathlib.Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            '-m',
            'pytest',
            '-p',
            'no:cacheprovider',
            '-c',
            '/dev/null',
            '--rootdir',
            str(site),
            str(ROOT / 'tests/example/check_licences.py'),
        ],
        env={'PYTHONPATH': '%s:%s' % (ROOT, site), 'PATH': '/usr/bin:/bin'},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
