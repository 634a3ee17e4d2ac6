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
"""There is no way out, and afterwards there is again."""

import datetime
import time

import pytest

from nova_ext.harness import confinement
from nova_ext.plugins.base import Plugin


def test_no_way_out() -> None:
    with confinement.no_way_out():
        with pytest.raises(RuntimeError, match='it waits, and may not'):
            time.sleep(1)
    time.sleep(0)


def test_the_clock_is_moved() -> None:
    class Mine(Plugin):
        pass

    before = datetime.datetime.now()
    started = time.time()
    with confinement.clock(Mine, datetime.timedelta(days=2)):
        assert datetime.datetime.now() - before > datetime.timedelta(days=1)
        assert time.time() - started > 86400
    assert time.time() - started < 86400
