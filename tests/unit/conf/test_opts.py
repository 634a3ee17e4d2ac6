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
"""What the sample generator and operators see of every option."""

import importlib
import pathlib
import re

from oslo_config import cfg
from oslo_config import generator
import pytest

from nova_ext import conf
from nova_ext.conf import opts

LISTED = dict(opts.list_opts())
MODULES = sorted(
    path.stem
    for path in pathlib.Path(conf.__file__).parent.glob('*.py')
    if path.stem not in ('__init__', 'opts')
)
OPTIONS = [
    (group, option) for group, options in LISTED.items() for option in options
]
RELATED = re.compile(r'\* ``\[(\w+)\](\w+)``')


def values_of(values, module):
    """Return the values of a module's group; DEFAULT is not one."""
    return values if module.GROUP == 'DEFAULT' else values[module.GROUP]


@pytest.mark.parametrize('name', MODULES)
def test_every_module_is_listed_and_registered(name):
    module = importlib.import_module('nova_ext.conf.' + name)
    assert list(LISTED[module.GROUP]) == list(module.OPTIONS)
    for option in module.OPTIONS:
        assert option.dest in values_of(conf.CONF, module)


@pytest.mark.parametrize('name', MODULES)
def test_a_module_registers_its_group(name):
    module = importlib.import_module('nova_ext.conf.' + name)
    fresh = cfg.ConfigOpts()
    module.register_opts(fresh)
    fresh([])
    for option in module.OPTIONS:
        assert values_of(fresh, module)[option.dest] == option.default


@pytest.mark.parametrize(('group', 'option'), OPTIONS)
def test_an_option_says_what_it_takes(group, option):
    assert option.help and option.help.strip()
    choices = getattr(option.type, 'choices', None)
    if not choices:
        assert 'Possible values:' in option.help
    else:
        assert all(choices.values()), 'each choice says what it does'


@pytest.mark.parametrize(('group', 'option'), OPTIONS)
def test_related_options_exist(group, option):
    for name, related in RELATED.findall(option.help):
        if name.startswith('nova_ext'):
            assert related in {each.dest for each in LISTED[name]}


def test_the_sample_generator_takes_them(tmp_path):
    sample = tmp_path / 'sample.conf'
    settings = cfg.ConfigOpts()
    generator.register_cli_opts(settings)
    settings(['--namespace', 'nova_ext', '--output-file', str(sample)])
    generator.generate(settings)
    text = sample.read_text('utf-8')
    for group, option in OPTIONS:
        assert '[%s]' % group in text
        assert '#%s =' % option.dest in text
