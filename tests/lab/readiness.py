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
"""Probes that tell whether a service serves."""

import collections.abc
import http.client
import pathlib
import socket
import urllib.error
import urllib.request

Probe = collections.abc.Callable[[], bool]


def tcp(host: str, port: int) -> Probe:
    """Something accepts connections on a port."""

    def probe() -> bool:
        try:
            with socket.create_connection((host, port), timeout=2):
                return True
        except OSError:
            return False

    return probe


def unix(
    path: pathlib.Path, kind: socket.SocketKind = socket.SOCK_STREAM
) -> Probe:
    """Something accepts connections on a unix socket."""

    def probe() -> bool:
        with socket.socket(socket.AF_UNIX, kind) as client:
            client.settimeout(2)
            try:
                client.connect(str(path))
            except OSError:
                return False
        return True

    return probe


def http_answers(url: str) -> Probe:
    """A web service gives any answer that is not a failure of its own."""

    def probe() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return True
        except urllib.error.HTTPError as error:
            return error.code < 500
        except (OSError, http.client.HTTPException):
            return False

    return probe
