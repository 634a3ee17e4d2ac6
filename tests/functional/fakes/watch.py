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
"""Announce nova-compute's effects where Nova itself has them."""

from collections.abc import Callable
import functools
from typing import Any

import fixtures
from nova.compute import resource_tracker
from nova.objects import compute_node
from nova.objects import instance
from nova.objects import migration
from nova.scheduler.client import report
import oslo_messaging

from tests.functional.fakes.effects import Effects

WATCHED = (
    (instance.Instance, 'save', 'save'),
    (compute_node.ComputeNode, 'save', 'save node'),
    (migration.Migration, 'create', 'save migration'),
    (migration.Migration, 'save', 'save migration'),
    (oslo_messaging.RPCClient, 'call', 'call'),
    (oslo_messaging.RPCClient, 'cast', 'cast'),
    (report.SchedulerReportClient, 'get', 'placement read'),
    (report.SchedulerReportClient, 'put', 'placement'),
    (report.SchedulerReportClient, 'post', 'placement'),
    (report.SchedulerReportClient, 'delete', 'placement'),
    (resource_tracker.ResourceTracker, '_update_available_resource', 'audit'),
)


class Watch(fixtures.Fixture):
    """Wrap the methods of ``WATCHED`` for the time of a test."""

    def __init__(self, effects: Effects) -> None:
        super().__init__()
        self._effects = effects

    def _setUp(self) -> None:
        for owner, method, name in WATCHED:
            wrapped = self._announce(getattr(owner, method), name)
            self.useFixture(
                fixtures.MockPatchObject(owner, method, new=wrapped)
            )

    def _announce(self, method: Any, name: str) -> Callable[..., Any]:
        @functools.wraps(method)
        def announced(*args: Any, **kwargs: Any) -> Any:
            self._effects.happens(name)
            answer = method(*args, **kwargs)
            self._effects.happened(name)
            return answer

        return announced
