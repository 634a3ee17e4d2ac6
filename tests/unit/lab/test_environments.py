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
"""An environment is made anew exactly when what it holds changes."""

import dataclasses
import pathlib
import sys

import pytest

from tests.lab import environments
from tests.lab import errors
from tests.lab import layout
from tests.lab import stamps


def test_digest() -> None:
    nova = environments.NOVA
    other = dataclasses.replace(nova, requirements=('nova',))
    unlinked = dataclasses.replace(nova, links=())
    assert nova.digest() == dataclasses.replace(nova).digest()
    assert len({nova.digest(), other.digest(), unlinked.digest()}) == 3


def test_digest_survives_an_update_of_python(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = environments.NOVA.digest()
    monkeypatch.setattr(sys, 'version', '3.11.99 (another build)')
    assert environments.NOVA.digest() == before


def test_every_environment_is_pinned() -> None:
    for environment in (environments.NOVA, environments.KEYSTONE):
        pins = environment.constraints.read_text().splitlines()
        names = {
            line.partition('==')[0].lower().replace('_', '-') for line in pins
        }
        wanted = {
            name.partition('<')[0].lower().replace('_', '-')
            for name in environment.requirements
        }
        assert wanted <= names


def test_a_complete_environment_is_left_alone(tmp_path: pathlib.Path) -> None:
    paths = layout.Layout(tmp_path)
    folder = paths.environments / 'nova'
    folder.mkdir(parents=True)
    stamps.write(folder / 'complete', environments.NOVA.digest())
    environments.install(paths, environments.NOVA)
    assert [path.name for path in folder.iterdir()] == ['complete']


def test_the_environment_in_use_is_not_removed(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = layout.Layout(tmp_path)
    folder = paths.environments / 'nova'
    folder.mkdir(parents=True)
    monkeypatch.setattr(sys, 'prefix', str(folder))
    with pytest.raises(errors.LabError, match='out of date and in use'):
        environments.install(paths, environments.NOVA)
    assert folder.is_dir()
