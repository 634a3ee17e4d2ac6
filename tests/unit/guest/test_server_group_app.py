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
import io
import os
import threading

import pytest

from nova_ext.guest import server_group
from nova_ext.guest import server_group_app
from nova_ext.wire import server_group as wire
from tests.unit.guest import fakes

ADDRESS = 'cgcs.server_grp'


class Enough(Exception):
    """Ends a program that runs for ever."""


class Output(io.BytesIO):
    """Ends the program after so many events; each was flushed."""

    def __init__(self, events: int) -> None:
        super().__init__()
        self._left = events

    def flush(self) -> None:
        self._left -= 1
        if not self._left:
            raise Enough


@pytest.fixture
def agent(space):
    with fakes.OldAgent(space) as made:
        yield made


def shown(agent, space, text: str | None, *messages: object) -> str:
    """Run the program and return what it prints of the host's messages."""
    output = Output(len(messages))

    def host() -> None:
        agent.taken()
        if text is not None:
            agent.taken()
        for data in messages:
            agent.deliver(data, ADDRESS, ADDRESS)

    thread = threading.Thread(target=host)
    thread.start()
    with pytest.raises(Enough):
        server_group_app.run(output, text, space)
    thread.join()
    return output.getvalue().decode('utf-8')


def test_an_event_is_a_line_and_an_empty_one(agent, space) -> None:
    event = {'event_type': 'compute.instance.pause.end', 'payload': {}}
    assert shown(
        agent,
        space,
        'hello',
        wire.notification(event),
        wire.forwarded('instance-1', 'é\tx'),
    ) == (
        'got server group notification msg: { "event_type": '
        '"compute.instance.pause.end", "payload": { } }\n\n'
        'got server group broadcast msg: len: 4, sinstance: instance-1, '
        'msg: é\tx\n\n'
    )


def test_a_nack_is_no_output(agent, space, caplog) -> None:
    printed = shown(agent, space, None, wire.forwarded('i', 'x'))
    assert printed.count('\n') == 2
    output = Output(1)
    agent_says = [
        wire.nack('broadcast', 'too\nlong'),
        wire.forwarded('i', 'next'),
    ]

    def host() -> None:
        agent.taken()
        for data in agent_says:
            agent.deliver(data, ADDRESS, ADDRESS)

    thread = threading.Thread(target=host)
    thread.start()
    with pytest.raises(Enough):
        server_group_app.run(output, None, space)
    thread.join()
    assert output.getvalue().count(b'\n') == 2
    assert "did not accept a 'broadcast': 'too\\nlong'" in caplog.text


def test_a_line_for_every_kind_of_event() -> None:
    status = server_group.Status([{'a': 1}, {'b': []}])
    assert server_group_app.line(status) == (
        'got server group status response msg: [{ "a": 1 },{ "b": [ ] }]'
    )
    assert server_group_app.line(server_group.Status([])).endswith('msg: []')


@pytest.mark.parametrize(
    ('error', 'said'),
    [
        (server_group.AddressInUse('taken'), 'server_group_app: taken\n'),
        (server_group.AgentMissing('gone'), 'server_group_app: gone\n'),
        (server_group.BadMessage('odd'), 'server_group_app: odd\n'),
    ],
)
def test_it_ends_with_255(monkeypatch, capsys, error, said: str) -> None:
    def fail(*args: object) -> None:
        raise error

    monkeypatch.setattr(server_group_app, 'run', fail)
    assert server_group_app.main([]) == 255
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ('args', 'text'), [([], None), (['x'], 'x'), (['-x'], '-x'), ([''], '')]
)
def test_its_argument_is_any_text(monkeypatch, args, text) -> None:
    given: list[object] = []
    monkeypatch.setattr(
        server_group_app, 'run', lambda output, text: given.append(text)
    )
    server_group_app.main(args)
    assert given == [text]


@pytest.mark.parametrize(
    ('args', 'status'), [(['--help'], 0), (['two', 'words'], 2)]
)
def test_its_usage(args: list[str], status: int, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        server_group_app.main(args)
    assert ended.value.code == status
    said = capsys.readouterr()
    assert 'usage: server_group_app' in said.out + said.err


def test_what_is_no_utf_8_is_not_sent(capsys) -> None:
    assert server_group_app.main([os.fsdecode(b'\xff')]) == 255
    assert "'utf-8' codec can't decode" in capsys.readouterr().err
