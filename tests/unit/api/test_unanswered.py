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
"""What a caller is told whose request got no answer, from the record."""

import time

from nova import objects
import pytest

from nova_ext import exception
from nova_ext.api import unanswered
from nova_ext.model import record
from tests.unit.api import fakes

ERROR = exception.Withdrawn(server=fakes.SERVER)
BROKEN = RuntimeError('expected by the test')


class Database:
    """The server's row: each look at it finds the next of the states."""

    def __init__(self, monkeypatch):
        self.context = fakes.user()
        self.server = fakes.server()
        self.looks = []
        self.events = []
        #: Whether the events can be saved.
        self.up = True
        self.code = 0
        patch = monkeypatch.setattr
        patch(unanswered, 'POLL_SECONDS', 0)
        patch(objects.Instance, 'refresh', lambda _: self._look())
        event = objects.InstanceActionEvent
        patch(event, 'event_start', self._start)
        patch(event, 'event_finish_with_failure', self._finish)

    def _look(self):
        state = self.looks.pop(0) if self.looks[1:] else self.looks[0]
        if isinstance(state, Exception):
            raise state
        last = None
        if state:
            values = {**fakes.LAST, 'state': state, 'reason': 'no core'}
            values['request_id'] = self.context.request_id
            if self.code:
                values['code'] = self.code
            if state == 'another':
                values['request_id'] = 'req-another'
            last = record.LastRequest(**values)
        self.server.system_metadata = record.ScaleRecord(
            last=last
        ).to_metadata()

    def _start(self, *args, **kwargs):
        if not self.up:
            raise BROKEN

    def _finish(self, context, uuid, event, exc_val, **kwargs):
        assert (context, uuid) == (self.context, fakes.SERVER)
        assert event == 'api_scale_instance'
        self.events.append(exc_val)

    def find(self, *looks, wait=True, seconds=60):
        """Ask, for so many seconds."""
        self.looks = list(looks)
        until = time.monotonic() + seconds
        return unanswered.find(self.context, self.server, ERROR, wait, until)


@pytest.fixture
def database(monkeypatch):
    return Database(monkeypatch)


def test_a_request_whose_answer_was_lost_is_answered_from_the_record(
    database,
):
    found = database.find('in progress', 'in progress', 'done')
    assert found['last_request']['state'] == 'done'
    assert database.events == []


def test_one_that_need_not_end_has_begun(database):
    found = database.find('in progress', wait=False)
    assert found['last_request']['state'] == 'in progress'


@pytest.mark.parametrize('state', ['failed', 'refused'])
def test_a_failure_whose_answer_was_lost(database, state):
    found = database.find('in progress', state)
    assert found == {'error': {'code': 503, 'message': 'no core'}}
    database.code = 409
    found = database.find('in progress', state)
    assert found == {'error': {'code': 409, 'message': 'no core'}}


@pytest.mark.parametrize('state', [None, 'another'])
def test_a_request_that_has_not_begun_is_withdrawn(database, state):
    assert database.find(state) is None
    assert database.events == [str(ERROR)]


def test_one_that_begins_while_it_is_withdrawn_has_begun(database):
    """Here the host may have looked at the action before: it goes on."""
    found = database.find(None, 'in progress', 'done')
    assert found['last_request']['state'] == 'done'
    assert len(database.events) == 1


def test_it_waits_for_the_database(database):
    assert database.find(BROKEN, BROKEN, None) is None
    assert len(database.events) == 1
    found = database.find(BROKEN, 'done')
    assert found['last_request']['state'] == 'done'


def test_a_database_that_does_not_come_back(database):
    with pytest.raises(unanswered.Unknown):
        database.find(BROKEN, seconds=0)
    database.up = False
    with pytest.raises(unanswered.Unknown):
        database.find(None, seconds=0.05)
    assert database.events == []


def test_a_request_that_does_not_end_is_answered_as_it_stands(database):
    found = database.find('in progress', seconds=0.05)
    assert found['last_request']['state'] == 'in progress'
