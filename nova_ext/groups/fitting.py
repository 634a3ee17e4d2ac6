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
"""What is cut so that a message fits the original guests' buffer.

The rule: a message whose datagram in the guest, envelope included, would
reach 4096 bytes loses, one after the other and only as far as it must,

1. ``image_meta`` (becomes empty),
2. ``metadata`` (becomes empty),
3. the end of every text that is longer than 64 bytes.

``truncated`` then names what is not whole. What does not fit even so is not
sent. Texts of broadcasts are never cut: one that is too long is refused.
"""

from collections.abc import Callable
from typing import Any

from nova_ext.wire import jsonc
from nova_ext.wire import server_group

Data = dict[str, Any]

#: Bytes of a text's JSON that the third step leaves.
SHORT = 64

#: The key that names what was cut; no message without a cut has it.
MARK = 'truncated'


def fit(build: Callable[[Data], Data], payload: Data) -> Data | None:
    """Return the message with as much of the payload as fits.

    :param build: makes the message's data object of a payload.
    :returns: None when it cannot be made to fit.
    :raises BadMessage: it holds what JSON has not.
    """
    cut: list[str] = []
    for step in (_whole, _empty('image_meta'), _empty('metadata'), _shorten):
        payload = step(payload, cut)
        if cut:
            payload[MARK] = sorted(set(cut))
        data = build(payload)
        if server_group.guest_size(data) < server_group.MAX_DATAGRAM:
            return data
    return None


def _whole(payload: Data, cut: list[str]) -> Data:
    return dict(payload)


def _empty(key: str) -> Callable[[Data, list[str]], Data]:
    def empty(payload: Data, cut: list[str]) -> Data:
        if not payload.get(key):
            return dict(payload)
        cut.append(key)
        return {**payload, key: {}}

    return empty


def _shorten(payload: Data, cut: list[str]) -> Data:
    shorter = {}
    for key, value in payload.items():
        shorter[key] = value
        if isinstance(value, str):
            shorter[key] = _short(value)
            if shorter[key] != value:
                cut.append(key)
    return shorter


def _short(text: str) -> str:
    while len(jsonc.dumps(text).encode('utf-8')) - 2 > SHORT:
        text = text[: min(SHORT, len(text) - 1)]
    return text
