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
"""Run the programs of server-group messaging in threads of a test."""

import threading
from typing import Any


def run(test: Any, program: Any) -> threading.Thread:
    """Run a program until the end of the test; return its thread."""
    thread = threading.Thread(target=program.run, daemon=True)
    thread.start()
    test.addCleanup(end, program, thread)
    assert program.process.serving.wait(20)
    return thread


def end(program: Any, thread: threading.Thread) -> None:
    """Stop a program now."""
    program.process.stop()
    thread.join(20)
    assert not thread.is_alive()
