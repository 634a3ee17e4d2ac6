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
"""Make Nova's own test classes run under pytest.

Imported by pytest before any test module, because Nova chooses its
concurrency backend and its object registry while it is imported.
"""

import importlib
import importlib.util
import os
import queue
from typing import Any

# Nova 34 runs nova-compute on native threads; the fixtures of those before it
# know greenlets only. The capture of output is pytest's work, and Nova's own
# log capture does the rest.
_POOLS = 'nova.thread_pool_factory'
_native = importlib.util.find_spec(_POOLS) is not None
os.environ.setdefault('OS_NOVA_DISABLE_EVENTLET_PATCHING', str(_native))
os.environ.setdefault('OS_TEST_TIMEOUT', '600')
os.environ.setdefault('LANGUAGE', 'en_US')
os.environ.setdefault('LC_ALL', 'C.UTF-8')
os.environ['OS_STDOUT_CAPTURE'] = '0'
os.environ['OS_STDERR_CAPTURE'] = '0'
os.environ['OS_LOG_CAPTURE'] = '0'

# Registers Nova's objects, and must come before the rest of Nova.
importlib.import_module('nova.tests.unit')

# A service that stops ends all thread pools of its process, from a thread of
# its own. Nova's fixture prevents that for as long as the test runs; on a
# busy machine the thread comes later, and no test after it has any pools.
if _native:
    _pools: Any = importlib.import_module(_POOLS)
    _pools.shutdown_all_executors = lambda: None

# Nova's tests let the idle workers of thread pools look 100 times a second
# whether they are to stop. Each restart of a service leaves some, and soon
# they take most of the time. These sleep, and what stops one wakes it; but as
# another worker may take what was to wake it, it looks now and then.
_futurist: Any = importlib.import_module('futurist')
_IDLE = 5


def _wait_for_work(worker: Any) -> Any:
    worker.idle = True
    while True:
        try:
            work = worker.work_queue.get(timeout=_IDLE)
        except queue.Empty:
            if worker._is_dying():
                raise _futurist._thread._Stopping from None
        else:
            worker.idle = False
            return work


def _stop(worker: Any) -> None:
    worker.should_stop = True
    nothing = _futurist.Future(), lambda: None
    worker.work_queue.put(_futurist._utils.WorkItem(*nothing))


_futurist._thread.ThreadWorker._wait_for_work = _wait_for_work
_futurist._thread.ThreadWorker.stop = _stop


def pytest_configure(config: Any) -> None:
    """Leave out what Nova and its libraries warn about each other."""
    config.addinivalue_line('filterwarnings', 'ignore::DeprecationWarning')
