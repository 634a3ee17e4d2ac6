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
import prometheus_client

from nova_ext.groups import metrics


def test_what_the_service_counts() -> None:
    made = metrics.ServiceMetrics()
    made.handled('broadcast')
    made.sent('broadcast', 3)
    made.lost('stale')
    made.lost('stale', 2)
    text = prometheus_client.generate_latest(made.registry).decode()
    assert 'nova_ext_groups_handled_total{kind="broadcast"} 1.0' in text
    assert 'nova_ext_groups_sent_total{kind="broadcast"} 3.0' in text
    assert 'nova_ext_groups_lost_total{reason="stale"} 3.0' in text


def test_what_the_relay_counts() -> None:
    made = metrics.RelayMetrics()
    made.received('status_query')
    made.delivered()
    made.nacked()
    made.lost('message bus away', 4)
    text = prometheus_client.generate_latest(made.registry).decode()
    for line in (
        'nova_ext_groups_relay_received_total{kind="status_query"} 1.0',
        'nova_ext_groups_relay_delivered_total 1.0',
        'nova_ext_groups_relay_nacked_total 1.0',
        'nova_ext_groups_relay_lost_total{reason="message bus away"} 4.0',
    ):
        assert line in text


def test_two_of_a_kind_in_one_process_do_not_meet() -> None:
    one, two = metrics.ServiceMetrics(), metrics.ServiceMetrics()
    one.lost('stale')
    name, labels = 'nova_ext_groups_lost_total', {'reason': 'stale'}
    assert one.registry.get_sample_value(name, labels) == 1
    assert two.registry.get_sample_value(name, labels) is None
