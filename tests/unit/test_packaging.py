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
"""What setup.cfg promises can be loaded, and lists what there is."""

import ast
from collections.abc import Iterator
import configparser
import importlib
import importlib.metadata
import pathlib
import re
import sys

import pytest

from nova_ext import policies
from nova_ext.conf import channel
from nova_ext.conf import opts
from nova_ext.hypervisor import privileged
from nova_ext.wire import addresses

ROOT = pathlib.Path(__file__).parents[2]
RELATED = re.compile(r'^\* ``([^`]+)``', re.MULTILINE)


def entry_points() -> Iterator[tuple[str, str, str]]:
    """Yield group, name and target of every entry point."""
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / 'setup.cfg', 'utf-8')
    for group, lines in setup['entry_points'].items():
        for line in lines.strip().splitlines():
            name, _, target = line.partition('=')
            yield group, name.strip(), target.strip()


@pytest.mark.parametrize('group, name, target', list(entry_points()))
def test_entry_point(group: str, name: str, target: str) -> None:
    module, _, attribute = target.partition(':')
    found = importlib.import_module(module)
    if attribute:
        assert callable(getattr(found, attribute))
    else:
        # Nova takes the module and calls this.
        assert group == 'nova.api.extra_spec_validators'
        assert found.register()


def test_the_command_line_has_its_four_commands() -> None:
    commands = [
        name
        for group, name, _ in entry_points()
        if group == 'openstack.compute.v2'
    ]
    assert sorted(commands) == [
        'server_scale_down',
        'server_scale_set',
        'server_scale_show',
        'server_scale_up',
    ]


def test_every_group_of_options_is_listed() -> None:
    modules = {
        path.stem
        for path in (ROOT / 'nova_ext/conf').glob('*.py')
        if path.stem not in ('__init__', 'opts')
    }
    groups = [
        importlib.import_module('nova_ext.conf.' + name).GROUP
        for name in modules
    ]
    listed = [group for group, _ in opts.list_opts()]
    assert sorted(listed) == sorted(groups)


def test_every_option_has_help_that_names_its_values() -> None:
    for group, options in opts.list_opts():
        for option in options:
            name = '[%s]%s' % (group, option.name)
            assert option.help and option.help.strip(), name
            choices = getattr(option.type, 'choices', None)
            assert choices or 'Possible values:' in option.help, name


def test_options_that_are_related_name_each_other() -> None:
    helps = {
        # Those in [DEFAULT] go by their bare names.
        ('[%s]%s' % (group, option.name)).removeprefix(
            '[DEFAULT]'
        ): option.help
        for group, options in opts.list_opts()
        for option in options
    }
    pairs = {
        (name, other)
        for name, text in helps.items()
        for other in RELATED.findall(text.partition('Related options:')[2])
        if other in helps
    }
    assert pairs
    assert {(other, name) for name, other in pairs} == pairs


def imported(path: pathlib.Path) -> Iterator[str]:
    """Yield the packages that a file imports, at any depth."""
    for node in ast.walk(ast.parse(path.read_text('utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition('.')[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition('.')[0]


def test_what_is_imported_is_required_and_nothing_else() -> None:
    packages = {
        name
        for path in (ROOT / 'nova_ext').rglob('*.py')
        for name in imported(path)
    }
    # Nova brings itself, and its driver the binding of its libvirt.
    packages -= {'nova', 'nova_ext', 'libvirt', *sys.stdlib_module_names}
    owners = importlib.metadata.packages_distributions()
    needed = {canonical(owners[name][0]) for name in packages}
    required = (ROOT / 'requirements.txt').read_text('utf-8').splitlines()
    assert needed == {canonical(line.partition('>=')[0]) for line in required}


def canonical(name: str) -> str:
    return re.sub(r'[-_.]+', '-', name).lower()


def test_every_policy_module_is_listed() -> None:
    modules = (ROOT / 'nova_ext/policies').glob('*.py')
    rules = [
        rule
        for path in modules
        if path.stem != '__init__'
        for rule in importlib.import_module(
            'nova_ext.policies.' + path.stem
        ).RULES
    ]
    assert {rule.name for rule in policies.list_rules()} == {
        rule.name for rule in rules
    }


@pytest.mark.parametrize(
    'name', ['config-generator.conf', 'policy-generator.conf']
)
def test_generators_use_our_namespace(name: str) -> None:
    found = configparser.ConfigParser(default_section='none')
    found.read(ROOT / 'etc/nova-ext' / name, 'utf-8')
    assert found['DEFAULT']['namespace'] == 'nova_ext'


def test_rootwrap_admits_our_privileged_context() -> None:
    filters = ROOT / 'etc/nova-ext/rootwrap.d/nova-ext.filters'
    expected = '--privsep_context, %s.context,' % privileged.__name__
    assert expected in filters.read_text('utf-8')


def test_a_boot_removes_the_sockets_of_lost_guests() -> None:
    rules = ROOT / 'etc/nova-ext/systemd/nova-ext.tmpfiles.conf'
    (option,) = (
        one for one in channel.OPTIONS if one.name == 'guest_socket_dir'
    )
    name = addresses.socket_name('INSTANCE').replace('INSTANCE', '*')
    expected = 'r! %s/%s\n' % (option.default, name)
    assert rules.read_text('utf-8').endswith('\n' + expected)


def test_the_wheel_carries_the_files_of_etc() -> None:
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / 'setup.cfg', 'utf-8')
    assert 'etc/nova-ext = etc/nova-ext/*' in setup['files']['data_files']
