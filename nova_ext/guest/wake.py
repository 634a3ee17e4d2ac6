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
"""Wake a thread that waits for file descriptors, to make it end."""

import os
import select


class Wake(object):
    """A pipe that becomes readable once, callable from signal handlers."""

    def __init__(self) -> None:
        self._in, self._out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        """Return the descriptor that becomes readable."""
        return self._in

    def set(self) -> None:
        """Wake the waiting thread, now or when it next waits."""
        if self._out >= 0:
            os.write(self._out, b'x')

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; tell whether `set` was called."""
        return bool(select.select([self._in], [], [], seconds)[0])

    def close(self) -> None:
        """Close the pipe; `set` does nothing from now on."""
        os.close(self._in)
        out, self._out = self._out, -1
        os.close(out)
