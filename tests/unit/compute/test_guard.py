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
"""One request at a time for each server."""

import threading

import pytest

from nova_ext import exception
from nova_ext.compute import guard


def test_a_server_is_held_once():
    held = guard.Guard()
    with held.hold('a'):
        with held.hold('b'):
            with pytest.raises(
                exception.ServerBusy,
                match="Cannot 'scale' instance a while another scale request",
            ):
                with held.hold('a'):
                    raise AssertionError('held twice')
        with pytest.raises(exception.ServerBusy):
            with held.hold('a'):
                raise AssertionError('held twice')


def test_a_server_is_free_again_after_an_error():
    held = guard.Guard()
    with pytest.raises(RuntimeError):
        with held.hold('a'):
            raise RuntimeError
    with held.hold('a'):
        pass


def test_of_many_threads_one_gets_it():
    held, start = guard.Guard(), threading.Barrier(8)
    done, outcomes = threading.Barrier(8), []

    def race():
        start.wait(30)
        try:
            with held.hold('a'):
                outcomes.append('held')
                done.wait(30)
        except exception.ServerBusy:
            outcomes.append('busy')
            done.wait(30)

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ['busy'] * 7 + ['held']
