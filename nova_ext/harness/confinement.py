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
"""Let a plug-in live without a way out, and by a clock of our own."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import datetime
import socket
import subprocess  # noqa: S404 (to forbid it)
import sys
import time
from typing import Any
from unittest import mock

from nova_ext.plugins.base import Plugin


@contextlib.contextmanager
def no_way_out() -> Iterator[None]:
    """Forbid what a plug-in may not do under Nova's lock."""

    def forbid(what: str) -> Callable[..., Any]:
        def forbidden(*args: Any, **kwargs: Any) -> Any:
            raise RuntimeError(
                'it %s, and may not: Nova holds its lock meanwhile' % what
            )

        return forbidden

    with (
        mock.patch.object(time, 'sleep', forbid('waits')),
        mock.patch.object(socket, 'socket', forbid('opens a socket')),
        mock.patch.object(subprocess, 'Popen', forbid('starts a process')),
        mock.patch('builtins.open', forbid('opens a file')),
    ):
        yield


@contextlib.contextmanager
def clock(kind: type[Plugin], shift: datetime.timedelta) -> Iterator[None]:
    """Let a plug-in live by a clock of our own."""
    seconds = shift.total_seconds()

    class Shifted(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            return datetime.datetime.now(tz) + shift

        @classmethod
        def utcnow(cls) -> Any:
            return cls.now(datetime.timezone.utc).replace(tzinfo=None)

    module = vars(sys.modules[kind.__module__])
    with contextlib.ExitStack() as stack:
        for name in ('time', 'monotonic'):
            real = getattr(time, name)
            stack.enter_context(
                mock.patch.object(
                    time, name, lambda real=real: real() + seconds
                )
            )
        for name, value in list(module.items()):
            if value is datetime.datetime:
                stack.enter_context(mock.patch.dict(module, {name: Shifted}))
            elif value is datetime:
                shifted = mock.Mock(wraps=datetime, datetime=Shifted)
                stack.enter_context(mock.patch.dict(module, {name: shifted}))
        yield
