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
"""The database or placement, gone from one effect of nova-compute on."""

from collections.abc import Callable
import itertools
from typing import Any

import fixtures
from keystoneauth1 import exceptions as keystone_exception
from nova.db.main import api as main_db
from oslo_db import exception as db_exception

from tests.functional.fakes.effects import Effects

#: What no answer to a caller may have.
SECRET = 'nova@10.0.0.7'

LOST = db_exception.DBConnectionError(Exception('(2003) %s' % SECRET))
AWAY = keystone_exception.ConnectFailure('no connection to %s' % SECRET)

DATABASE = 'database'
PLACEMENT = 'placement'

#: The effects that change something in each.
CHANGES = {DATABASE: 'save', PLACEMENT: 'placement'}


class Outage(fixtures.Fixture):
    """Lets a service go away, and return."""

    def __init__(self, effects: Effects) -> None:
        super().__init__()
        self._effects = effects
        self._database_away = False

    def _setUp(self) -> None:
        self.useFixture(
            fixtures.MonkeyPatch(
                'nova.db.main.api.get_context_manager',
                self._unless_away(main_db.get_context_manager),
            )
        )
        self.addCleanup(self.end)

    def _unless_away(self, get: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def get_context_manager(context: Any) -> Any:
            if self._database_away:
                raise LOST
            return get(context)

        return get_context_manager

    def begin(self, service: str, number: int, late: bool = False) -> None:
        """Let a service go away with an effect of nova-compute.

        :param service: the database takes placement with it, which has its
            data there too.
        :param number: of the effect, counted from now, from 1.
        :param late: whether the change that is this effect is still made, and
            only its answer is lost.
        """
        numbers = itertools.count(1)

        def meanwhile(name: str) -> None:
            at = next(numbers)
            if at == number and late:
                self._effects.fail(name, _error(name), late=True)
            if at == number + late:
                self._go(service)

        self._effects.meanwhile = meanwhile

    def end(self) -> None:
        """Let all be well again."""
        self._effects.meanwhile = None
        self._effects.heal()
        self._database_away = False

    def _go(self, service: str) -> None:
        self._database_away = service == DATABASE
        for name in ('placement', 'placement read'):
            self._effects.fail(name, AWAY)


def _error(name: str) -> Exception:
    return AWAY if name == CHANGES[PLACEMENT] else LOST
