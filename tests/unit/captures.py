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
"""What was captured from the original programs, from ``tests/vectors``."""

from collections.abc import Iterator
import functools
import json
import pathlib
import re
from typing import Any

import yaml

from nova_ext.wire import framing

VECTORS = pathlib.Path(__file__).resolve().parents[1] / 'vectors'

TO_HOST = 'to_host'
TO_GUEST = 'to_guest'


@functools.cache
def load(name: str) -> Any:
    return yaml.safe_load((VECTORS / name).read_text('utf-8'))


def raw(text: str) -> bytes:
    """Return the captured bytes, with ``<x*N>`` written out."""
    return re.sub(
        '<x[*]([0-9]+)>', lambda match: 'x' * int(match.group(1)), text
    ).encode('utf-8')


def line_of(text: str) -> bytes:
    """Return a line of ``wire_malformed.yaml``, written out."""
    text = re.sub(
        '<deep[*]([0-9]+)>',
        lambda found: '[' * int(found[1]) + ']' * int(found[1]),
        text,
    )
    text = re.sub('<digits[*]([0-9]+)>', lambda f: '9' * int(f[1]), text)
    return raw(text)


def reads(direction: str) -> dict[tuple[str, str], list[bytes]]:
    """Return the captured reads of each (section, instance)."""
    found: dict[tuple[str, str], list[bytes]] = {}
    for item in load('captured_serial.yaml'):
        if item['direction'] == direction:
            key = (item['section'], item['instance'])
            found.setdefault(key, []).append(raw(item['bytes']))
    return found


def lines(
    direction: str, section: str | None = None, instance: str | None = None
) -> list[bytes]:
    """Return the captured lines, as a reader without limits finds them."""
    found = []
    for (name, guest), chunks in reads(direction).items():
        reader = framing.LineReader(1 << 20)
        for chunk in chunks:
            if section in (None, name) and instance in (None, guest):
                found.extend(reader.feed(chunk))
    return found


def datagrams(direction: str) -> list[bytes]:
    """Return the datagrams, without the last section: nothing of it reached
    the serial ports, because one guest's agent had crashed."""
    return [
        raw(item['bytes'])
        for item in load('captured_datagrams.yaml')
        if item['direction'] == direction and item['section'] != 'E10'
    ]


def exchanges() -> Iterator[dict[str, Any]]:
    """Yield the scale exchanges, with their captured request and answer.

    Each item has the keys of ``scaling_exchanges.yaml``, ``name``,
    ``request`` and ``answered`` (lines of the original programs) and
    ``expected`` (the line that our agent answers).
    """
    places: dict[str, int] = {}
    for item in load('scaling_exchanges.yaml'):
        section = item['section']
        place = places.get(section, 0)
        places[section] = place + 1
        answered = lines(TO_HOST, section)[place]
        message = json.loads(answered)
        message['data'].update(
            {
                key: value
                for key, value in item.get('answer', {}).items()
                if key != 'why'
            }
        )
        yield {
            **item,
            'name': '%s-%d' % (section, place),
            'request': lines(TO_GUEST, section)[place],
            'answered': answered,
            'expected': json.dumps(message, separators=(',', ':')).encode(),
        }
