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
"""Requests without an answer: an error or the result, but never both."""

from collections.abc import Callable
import threading
from typing import Any

import fixtures

from tests.functional import base

#: Seconds that nova-api waits, in which a request that nothing holds up ends.
GIVES_UP = 5
#: Seconds until a test has gone wrong.
LIMIT = 60


class UnansweredTest(base.ScalingTestBase):
    """A server at all of its four vCPUs."""

    def setUp(self) -> None:
        super().setUp()
        self.start_hosts('host1')
        self.server = self.boot(4, 1, name='scaled')
        self.flags(request_timeout=GIVES_UP, group='nova_ext')
        self.useFixture(
            fixtures.MockPatch('nova_ext.api.unanswered.POLL_SECONDS', 0.05)
        )
        self.gate, self.ended = threading.Event(), threading.Event()
        self.addCleanup(self.gate.set)

    def _wait_at_the_gate(self, *args: Any) -> None:
        assert self.gate.wait(LIMIT)

    def _on_host(self, scale: Callable[..., Any]) -> None:
        """Put something around what the host does with a request.

        :param scale: is called with what does it.
        """
        scaler = self.computes['host1'].driver._scaler
        does = scaler.scale

        def handle(*args: Any) -> Any:
            try:
                return scale(lambda: does(*args))
            finally:
                self.ended.set()

        self.useFixture(fixtures.MockPatchObject(scaler, 'scale', handle))

    def _delay_delivery(self, does: Callable[[], Any]) -> Any:
        self._wait_at_the_gate()
        return does()

    def _delay_answer(self, does: Callable[[], Any]) -> Any:
        try:
            return does()
        finally:
            self._wait_at_the_gate()

    def _let_it_end(self) -> None:
        self.gate.set()
        assert self.ended.wait(LIMIT)

    def test_a_request_that_is_delivered_too_late(self) -> None:
        self._on_host(self._delay_delivery)
        status, text = self.scale(self.server, 'down')
        self.assertEqual(503, status)
        self.assertIn('the request was withdrawn, and nothing', text)
        self.assert_agreement()
        self._let_it_end()
        self.assertEqual([1, 4, 4], self.vcpus(self.server))
        last = self.last_request(self.server)
        self.assertEqual(('failed', text), (last['state'], last['reason']))
        self.assertEqual({0, 1, 2, 3}, self.guest(self.server).online)
        self.assert_agreement()
        self.assert_scales(self.server, 'down')

    def test_a_request_whose_answer_is_lost(self) -> None:
        self._on_host(self._delay_answer)
        self.assertEqual((202, ''), self.scale(self.server, 'down'))
        self.assertEqual('done', self.last_request(self.server)['state'])
        self._let_it_end()
        self.assertEqual([1, 3, 4], self.vcpus(self.server))
        self.assert_agreement()

    def test_a_failure_whose_answer_is_lost(self) -> None:
        self._on_host(self._delay_answer)
        self.guest(self.server).refuses('down')
        status, text = self.scale(self.server, 'down')
        self.assertEqual(400, status)
        self.assertIn('The guest refused the scale request: the helper', text)
        self._let_it_end()
        self.assertEqual(text, self.last_request(self.server)['reason'])
        self.assertEqual([1, 4, 4], self.vcpus(self.server))
        self.assert_agreement()

    def test_a_request_that_takes_longer(self) -> None:
        """It is accepted, which is no error; the record has its end."""
        self._on_host(lambda does: does())
        self.guest(self.server).meanwhile = self._wait_at_the_gate
        self.assertEqual((202, ''), self.scale(self.server, 'down'))
        last = self.last_request(self.server)
        self.assertEqual('in progress', last['state'])
        self._let_it_end()
        self.assertEqual('done', self.last_request(self.server)['state'])
        self.assertEqual([1, 3, 4], self.vcpus(self.server))
        self.assert_agreement()
