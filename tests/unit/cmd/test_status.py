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
"""Every check, on files that are right and on files that are wrong."""

import importlib.metadata
import importlib.util
import json
import pathlib
import sys

from oslo_config import cfg
from oslo_upgradecheck.upgradecheck import Code
import pytest

from nova_ext.cmd import status

PASTE = """
[composite:osapi_compute]
use = call:nova.api.openstack.urlmap:urlmap_factory
[composite:openstack_compute_api_v21]
use = call:nova.api.auth:pipeline_factory_v21
keystone = cors %s osapi_compute_app_v21
[composite:openstack_compute_api_v21_legacy_v2_compatible]
use = call:nova.api.auth:pipeline_factory_v21
keystone = cors authtoken keystonecontext legacy_v2_compatible ours app
[filter:ours]
%s
"""
BY_NAME = 'use = egg:nova-ext#nova_ext'
BY_FACTORY = 'paste.filter_factory = nova_ext.api.filter:factory'
GOOD = 'authtoken keystonecontext ours'


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    """Return the options of an empty nova.conf."""
    found = status.make_conf()
    found([], project='nova', default_config_files=[])
    return found


def set_paste(conf: cfg.ConfigOpts, path: pathlib.Path, text: str) -> None:
    path.write_text(text)
    conf.set_override('api_paste_config', str(path), group='wsgi')


def set_driver(conf: cfg.ConfigOpts) -> None:
    conf.set_override('compute_driver', status.DRIVER)


@pytest.mark.parametrize(
    'version, code',
    [
        ('31.0.0', Code.SUCCESS),
        ('34.0.1', Code.SUCCESS),
        ('30.2.0', Code.WARNING),
        ('35.0.0', Code.WARNING),
    ],
)
def test_nova(
    conf: cfg.ConfigOpts,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    code: Code,
) -> None:
    monkeypatch.setattr(importlib.metadata, 'version', lambda name: version)
    result = status.Checks(conf).check_nova()
    assert result.code == code
    assert code == Code.SUCCESS or version in result.details


def test_no_nova(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, 'version', version)
    result = status.Checks(conf).check_nova()
    assert result.code == Code.FAILURE
    assert 'Install nova-ext where Nova is installed' in result.details


@pytest.mark.parametrize('ours', [BY_NAME, BY_FACTORY])
def test_pipeline(
    conf: cfg.ConfigOpts, tmp_path: pathlib.Path, ours: str
) -> None:
    set_paste(conf, tmp_path / 'api-paste.ini', PASTE % (GOOD, ours))
    assert status.Checks(conf).check_pipeline().code == Code.SUCCESS


@pytest.mark.parametrize(
    'v21, ours',
    [
        ('authtoken keystonecontext', BY_NAME),
        ('authtoken ours keystonecontext', BY_NAME),
        ('noauth2 ours', BY_NAME),
        (GOOD, 'paste.filter_factory = other:factory'),
    ],
)
def test_pipeline_without_the_filter(
    conf: cfg.ConfigOpts, tmp_path: pathlib.Path, v21: str, ours: str
) -> None:
    set_paste(conf, tmp_path / 'api-paste.ini', PASTE % (v21, ours))
    result = status.Checks(conf).check_pipeline()
    assert result.code == Code.WARNING
    assert 'composite:openstack_compute_api_v21' in result.details


def test_pipeline_that_is_no_such_file(
    conf: cfg.ConfigOpts, tmp_path: pathlib.Path
) -> None:
    set_paste(conf, tmp_path / 'api-paste.ini', 'keystone')
    result = status.Checks(conf).check_pipeline()
    assert result.code == Code.FAILURE
    assert 'cannot be read' in result.details


def test_no_pipeline_on_a_compute_host(
    conf: cfg.ConfigOpts, tmp_path: pathlib.Path
) -> None:
    path = str(tmp_path / 'absent.ini')
    conf.set_override('api_paste_config', path, group='wsgi')
    result = status.Checks(conf).check_pipeline()
    assert result.code == Code.SUCCESS
    assert 'no nova-api on this node' in result.details


def test_the_sample_pipeline_passes(conf: cfg.ConfigOpts) -> None:
    sample = pathlib.Path(__file__).parents[3] / 'etc/nova-ext/api-paste.ini'
    assert status.pipelines_without_filter(str(sample)) == []


@pytest.mark.parametrize(
    'found, code', [(object(), Code.SUCCESS), (None, Code.FAILURE)]
)
def test_driver(
    conf: cfg.ConfigOpts,
    monkeypatch: pytest.MonkeyPatch,
    found: object,
    code: Code,
) -> None:
    set_driver(conf)
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: found)
    result = status.Checks(conf).check_driver()
    assert result.code == code
    assert code == Code.SUCCESS or 'not editable' in result.details


def test_driver_without_nova(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_spec(name: str) -> None:
        raise ModuleNotFoundError(name)

    set_driver(conf)
    monkeypatch.setattr(importlib.util, 'find_spec', find_spec)
    assert status.Checks(conf).check_driver().code == Code.FAILURE


def test_another_driver(conf: cfg.ConfigOpts) -> None:
    conf.set_override('compute_driver', 'libvirt.LibvirtDriver')
    result = status.Checks(conf).check_driver()
    assert result.code == Code.SUCCESS
    assert 'libvirt.LibvirtDriver, not nova_ext' in result.details


def test_dedicated_cpus(conf: cfg.ConfigOpts) -> None:
    checks = status.Checks(conf)
    assert checks.check_dedicated_cpus().code == Code.SUCCESS
    set_driver(conf)
    result = checks.check_dedicated_cpus()
    assert result.code == Code.WARNING
    assert '[compute]cpu_dedicated_set is not set' in result.details
    conf.set_override('cpu_dedicated_set', '2-7', group='compute')
    assert checks.check_dedicated_cpus().code == Code.SUCCESS


def test_dedicated_cpus_by_the_old_option(conf: cfg.ConfigOpts) -> None:
    set_driver(conf)
    conf.set_override('vcpu_pin_set', '2-7')
    assert status.Checks(conf).check_dedicated_cpus().code == Code.SUCCESS


def test_sockets(conf: cfg.ConfigOpts) -> None:
    checks = status.Checks(conf)
    assert checks.check_sockets().code == Code.SUCCESS
    folder = '/' + 'x' * 80
    conf.set_override('guest_socket_dir', folder, group='nova_ext_channel')
    result = checks.check_sockets()
    assert result.code == Code.FAILURE
    assert 'choose a shorter [nova_ext_channel]guest_socket_dir' in (
        result.details
    )


def test_main(
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paste = tmp_path / 'api-paste.ini'
    paste.write_text(PASTE % ('keystonecontext', BY_NAME))
    conf = tmp_path / 'nova.conf'
    conf.write_text('[wsgi]\napi_paste_config = %s\n' % paste)
    monkeypatch.setattr(importlib.metadata, 'version', lambda name: '34.0.0')
    monkeypatch.setattr(
        sys,
        'argv',
        ['status', '--config-file', str(conf), 'upgrade', 'check', '--json'],
    )
    assert status.main() == Code.WARNING
    shown = json.loads(capsys.readouterr().out)
    assert [check['result'] for check in shown['checks']] == [0, 1, 0, 0, 0]
