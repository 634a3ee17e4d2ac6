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
"""Where the time of a scale request goes."""

from collections.abc import Callable
import dataclasses
import functools
import time
from typing import Any

from nova_ext.scaling.ports import Ports


class Spent:
    """Milliseconds spent in each port since the start."""

    def __init__(self) -> None:
        """Start the clock."""
        self._start = time.monotonic()
        self._parts: dict[str, float] = {}

    def add(self, part: str, seconds: float) -> None:
        """Count the time of one call."""
        self._parts[part] = self._parts.get(part, 0.0) + seconds * 1000

    def __str__(self) -> str:
        parts = ['%s %.1f' % part for part in self._parts.items()]
        whole = (time.monotonic() - self._start) * 1000
        return ', '.join([*parts, 'all %.1f' % whole])


def timed(ports: Ports, spent: Spent) -> Ports:
    """Return the ports, with the time of each call counted by port."""
    wrapped: dict[str, Any] = {
        field.name: _Timed(getattr(ports, field.name), field.name, spent)
        for field in dataclasses.fields(ports)
    }
    return Ports(**wrapped)


class _Timed:
    def __init__(self, port: Any, part: str, spent: Spent) -> None:
        self._port = port
        self._part = part
        self._spent = spent

    def __getattr__(self, name: str) -> Any:
        return self._count(getattr(self._port, name))

    def _count(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def counted(*args: Any, **kwargs: Any) -> Any:
            start = time.monotonic()
            try:
                return call(*args, **kwargs)
            finally:
                self._spent.add(self._part, time.monotonic() - start)

        return counted
