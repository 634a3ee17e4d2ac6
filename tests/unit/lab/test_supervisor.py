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
"""The supervisor says what it found when nothing serves."""

import pathlib

import pytest

from tests.lab import errors
from tests.lab import layout
from tests.lab import supervisor


def test_no_keeper(tmp_path: pathlib.Path) -> None:
    control = supervisor.Supervisor(layout.Layout(tmp_path))
    assert not control.running()
    control.close()
    with pytest.raises(errors.LabError, match='./lab up starts it'):
        control.services()


class Scripted(supervisor.Supervisor):
    """A supervisor whose service has the status it is given."""

    def __init__(self, paths: layout.Layout, status: int | None) -> None:
        super().__init__(paths)
        self._status = status

    def services(self) -> dict[str, dict[str, object]]:
        return {'one': {'status': self._status}}


@pytest.mark.parametrize(
    'status, text', [(3, 'one: ended with 3'), (None, 'one: not ready in 0 s')]
)
def test_a_service_that_does_not_come_up(
    tmp_path: pathlib.Path, status: int | None, text: str
) -> None:
    control = Scripted(layout.Layout(tmp_path), status)
    control.paths.empty_state()
    control.log('one').write_text('the reason\n')
    service = supervisor.Service('one', ('x',), lambda: False, timeout=0)
    with pytest.raises(errors.LabError) as failure:
        control.await_ready(service)
    assert text in str(failure.value)
    assert 'the reason' in str(failure.value)


def test_a_program_without_probe_is_ready_when_it_has_ended(
    tmp_path: pathlib.Path,
) -> None:
    control = Scripted(layout.Layout(tmp_path), 0)
    control.await_ready(supervisor.Service('one', ('x',), timeout=0))
