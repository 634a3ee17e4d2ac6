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
"""Server-group messaging: best effort, fair, and nothing told by default."""

from oslo_config import cfg
import pytest

from nova_ext.conf import groups


@pytest.fixture
def conf():
    found = cfg.ConfigOpts()
    groups.register_opts(found)
    found([])
    return found


def test_the_defaults(conf):
    options = conf.nova_ext_groups
    assert not options.show_host_internals
    assert options.service_monitor == options.relay_monitor == ''
    assert options.notification_topics == ['versioned_notifications']
    assert options.request_timeout < options.message_lifetime


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('workers', 1),
        ('relay_workers', 0),
        ('request_timeout', 0.5),
        ('message_lifetime', 0),
        ('cache_size', 1),
        ('guest_message_rate', 0),
        ('guest_queue_messages', 0),
        ('group_delivery_rate', 0.5),
        ('check_interval', 0),
    ],
)
def test_a_value_that_cannot_be(conf, name, value):
    with pytest.raises(ValueError):
        conf.set_override(name, value, group=groups.GROUP)
