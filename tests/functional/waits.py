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
"""Nova's waits of its functional tests, often and long enough.

Nova's own look twice a second, which takes more time than the operations,
and give up after five seconds, which a busy machine may need.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
import time
from typing import Any

PAUSE = 0.05
LIMIT = 60.0


def until(look: Callable[[], Any], wanted: str) -> Any:
    """Return what a look finds, as soon as that is true.

    :raises AssertionError: it did not become true.
    """
    deadline = time.monotonic() + LIMIT
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError('waited in vain for ' + wanted)
        time.sleep(PAUSE)


class QuickWaits:
    """What replaces ``nova.tests.functional.integrated_helpers``' waits."""

    api: Any
    admin_api: Any

    def _wait_for_server_parameter(
        self,
        server: Mapping[str, Any],
        expected_params: Mapping[str, Any],
        max_retries: int = 0,
        api: Any = None,
        wait_for_fault_key: bool = True,
    ) -> Any:
        api = api or getattr(self, 'admin_api', self.api)
        fault = wait_for_fault_key and expected_params.get('status') == 'ERROR'
        shown: dict[str, Any] = {}

        def look() -> Any:
            shown.update(api.get_server(server['id']))
            fits = all(
                shown[key] == value for key, value in expected_params.items()
            )
            return fits and ('fault' in shown or not fault) and shown

        try:
            return until(look, 'the server to be %s' % expected_params)
        except AssertionError as error:
            raise AssertionError('%s; it is %s' % (error, shown)) from None

    def _wait_for_migration_status(
        self, server: Mapping[str, Any], expected_statuses: Collection[str]
    ) -> Any:
        api = getattr(self, 'admin_api', self.api)
        wanted = {status.lower() for status in expected_statuses}

        def look() -> Any:
            for one in api.api_get('/os-migrations').body['migrations']:
                if (
                    one['instance_uuid'] == server['id']
                    and one['status'].lower() in wanted
                ):
                    return one
            return None

        return until(look, 'a migration that is %s' % sorted(wanted))
