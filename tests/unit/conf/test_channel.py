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
from oslo_config import cfg
import pytest

from nova_ext.conf import channel
from nova_ext.wire import jsonc


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    made = cfg.ConfigOpts()
    channel.register_opts(made)
    made([])
    return made


def test_host_tools_are_served_only_when_switched_on(conf) -> None:
    assert conf.nova_ext_channel.legacy_socket is False


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('scan_interval', 0),
        ('reconnect_interval', 0),
        ('max_line_bytes', 4095),
        ('max_line_bytes', 131073),
        ('max_nesting', 7),
        ('max_nesting', jsonc.MAX_NESTING + 1),
        ('guest_message_rate', 0),
        ('guest_byte_rate', 0),
        ('turn_bytes', 0),
        ('turn_messages', 0),
        ('guest_queue_bytes', 0),
        ('message_lifetime', 0),
        ('program_queue_messages', 0),
    ],
)
def test_a_limit_cannot_be_switched_off(conf, name: str, value) -> None:
    with pytest.raises(ValueError, match='Should be'):
        conf.set_override(name, value, channel.GROUP)


def test_a_line_always_fits_a_guests_queue(conf) -> None:
    """Else a message of full length could never be sent."""
    options = {option.name: option for option in channel.OPTIONS}
    longest = options['max_line_bytes'].type.max
    assert options['guest_queue_bytes'].type.min >= longest
