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
"""The scale record: the way to metadata and back, within its limit."""

import pathlib

from hypothesis import given
from hypothesis import strategies
import pytest
import yaml

from nova_ext.model import record
from nova_ext.model.record import Journal
from nova_ext.model.record import LastRequest
from nova_ext.model.record import ScaleRecord
from nova_ext.model.record import Stray

VECTORS = pathlib.Path(__file__).parents[2] / 'vectors/damaged_records.yaml'
DAMAGED = yaml.safe_load(VECTORS.read_text('utf-8'))
MOST_VCPUS = 512

VCPUS = strategies.integers(0, MOST_VCPUS - 1)
DIRECTIONS = strategies.sampled_from([record.UP, record.DOWN])
STATES = strategies.sampled_from(
    [record.IN_PROGRESS, record.DONE, record.FAILED, record.REFUSED]
)
JOURNALS = strategies.builds(
    Journal,
    direction=DIRECTIONS,
    vcpu=strategies.none() | VCPUS,
    guest_only=strategies.booleans(),
    undo=strategies.booleans(),
)
LAST = strategies.builds(
    LastRequest,
    request_id=strategies.uuids().map('req-{}'.format),
    direction=DIRECTIONS,
    target=strategies.integers(1, MOST_VCPUS),
    reached=strategies.integers(1, MOST_VCPUS),
    state=STATES,
    reason=strategies.text(max_size=400),
    updated_at=strategies.datetimes().map(
        lambda time: time.isoformat(timespec='seconds') + 'Z'
    ),
    code=strategies.sampled_from([0, 400, 409, 503]),
)
STRAYS = strategies.builds(
    Stray,
    vcpus=strategies.frozensets(VCPUS, max_size=MOST_VCPUS),
    count=strategies.integers(0, 10**9),
    updated_at=strategies.just('2026-01-01T00:00:00Z'),
)
RECORDS = strategies.builds(
    ScaleRecord,
    offline=strategies.frozensets(VCPUS, max_size=MOST_VCPUS),
    journal=strategies.none() | JOURNALS,
    last=strategies.none() | LAST,
    stray=strategies.none() | STRAYS,
)


@given(RECORDS)
def test_a_record_reads_back(wanted):
    found = ScaleRecord.from_metadata(wanted.to_metadata())
    assert found.offline == wanted.offline
    assert found.journal == wanted.journal
    if wanted.last is None:
        assert found.last is None
        return
    reason = wanted.last.reason
    if len(reason) > record.VALUE_LIMIT:
        reason = reason[: record.VALUE_LIMIT - 1] + '…'
    assert found.last == LastRequest(**{**vars(wanted.last), 'reason': reason})


@given(RECORDS)
def test_a_record_fits_the_database(wanted):
    for key, value in wanted.to_metadata().items():
        assert key in record.KEYS
        assert not key.startswith('image_')
        assert 0 < len(value) <= record.VALUE_LIMIT == 255


def test_people_are_not_shown_the_status():
    last = LastRequest('r', record.UP, 2, 1, record.FAILED, 'no', 'now', 409)
    assert last.shown() == {
        'request_id': 'r',
        'direction': 'up',
        'target': 2,
        'reached': 1,
        'state': 'failed',
        'reason': 'no',
        'updated_at': 'now',
    }


def test_a_record_of_before_the_status_is_read():
    text = (
        '{"request_id":"r","direction":"up","target":2,"reached":1,'
        '"state":"failed","updated_at":"now"}'
    )
    found = ScaleRecord.from_metadata({record.LAST_KEY: text}).last
    assert found is not None
    assert found.code == 0


def test_the_largest_record_fits_the_database():
    every = frozenset(range(1, MOST_VCPUS))
    last = LastRequest(
        'req-' + 'f' * 36,
        record.DOWN,
        MOST_VCPUS,
        MOST_VCPUS,
        record.IN_PROGRESS,
        'x' * 1000,
        '2026-01-01T00:00:00Z',
        503,
    )
    journal = Journal(record.DOWN, MOST_VCPUS - 1, True, True)
    stray = Stray(every, 10**9, '2026-01-01T00:00:00Z')
    metadata = ScaleRecord(every, journal, last, stray).to_metadata()
    assert set(metadata) == set(record.KEYS)
    assert max(map(len, metadata.values())) <= 255
    assert ScaleRecord.from_metadata(metadata).offline == every


@given(RECORDS, RECORDS)
def test_a_new_record_replaces_the_old_one_and_nothing_else(old, new):
    others = {'image_os': 'debian', 'nova_ext_other': 'x'}
    metadata = record.merge(record.merge(others, old), new)
    assert {
        key: value for key, value in metadata.items() if key in others
    } == others
    assert metadata == {**others, **new.to_metadata()}


@pytest.mark.parametrize('case', DAMAGED, ids=lambda case: case['name'])
def test_a_damaged_value_counts_as_absent(case):
    sound = ScaleRecord(frozenset({2}), Journal(record.UP))
    metadata = {**sound.to_metadata(), case['key']: case['value']}
    found = ScaleRecord.from_metadata(metadata)
    absent = frozenset() if case['key'] == record.OFFLINE_KEY else {2}
    assert (found.offline, found.journal) == (absent, sound.journal)
    assert found.last is None


@pytest.mark.parametrize(
    'text', ['{', '[]', '7', '""', '{"direction": "up", "more": 1}', '{}']
)
def test_a_damaged_journal_is_still_recovered(text):
    """Nothing else says that something was going on."""
    found = ScaleRecord.from_metadata({record.JOURNAL_KEY: text})
    assert found.journal == Journal(record.DOWN)


def test_a_journal_of_a_release_without_its_newer_fields():
    metadata = {record.JOURNAL_KEY: '{"direction":"up"}'}
    assert ScaleRecord.from_metadata(metadata).journal == Journal(record.UP)


@pytest.mark.parametrize(
    'text', ['{', '[]', '7', '{"vcpus": "0x2"}', '{"count": 1}', '{}']
)
def test_damaged_strays_count_as_none(text):
    found = ScaleRecord.from_metadata({record.STRAY_KEY: text})
    assert found == ScaleRecord()


def test_a_vcpu_that_is_online_by_now_is_no_stray():
    stray = Stray(frozenset({1, 2}), 1, '')
    found = ScaleRecord(frozenset({2, 3}), stray=stray)
    assert found.strays == {2}
    assert ScaleRecord(frozenset({2})).strays == frozenset()


def test_nothing_is_kept_for_a_server_that_never_scaled():
    assert ScaleRecord().to_metadata() == {}
    assert ScaleRecord.from_metadata({'image_os': 'x'}) == ScaleRecord()
