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
import pytest

from nova_ext.channel import local_protocol
from nova_ext.wire.jsonc import BadMessage


def test_a_bind_packet_is_read_as_such() -> None:
    packet = local_protocol.bind_packet('scale-1')
    assert packet == b'{"version":2,"bind":"scale-1"}'
    assert local_protocol.parse_bind(packet) == 'scale-1'


@pytest.mark.parametrize(
    ('packet', 'said'),
    [
        (b'{"version":2}', 'bind is missing or no address'),
        (b'{"version":2,"bind":7}', 'bind is missing or no address'),
        (b'{"version":2,"bind":"a b"}', 'bind is missing or no address'),
        (b'{"version":1,"bind":"a"}', 'version is not 2'),
        (b'[]', 'not a JSON object'),
        (b'\xff', 'not UTF-8'),
    ],
)
def test_another_first_packet_is_named(packet: bytes, said: str) -> None:
    with pytest.raises(BadMessage, match=said):
        local_protocol.parse_bind(packet)


def test_answers_are_read_as_such() -> None:
    bound = local_protocol.bound_packet('scale-1')
    assert bound == b'{"version":2,"bound":"scale-1"}'
    assert local_protocol.refusal(bound) is None
    refused = local_protocol.error_packet('a reason')
    assert refused == b'{"version":2,"error":"a reason"}'
    assert local_protocol.refusal(refused) == 'a reason'
