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
"""Know the lab's processes from all others, without a pid that may be reused.

Everything the lab starts lives in a mount namespace of its own, in which an
empty file system is mounted whose source names the lab. That mark shows in
``/proc/<pid>/mountinfo``, is inherited by every child, daemons included, and
goes with the last of them.
"""

import os
import pathlib
import secrets
import signal
import time

MARK = 'nova-ext-lab:'

PROC = pathlib.Path('/proc')


def mark_of(cache: pathlib.Path) -> str:
    """The mount source that marks the lab of one cache folder.

    A random name, kept in the folder: containers on one machine may have the
    same path for different folders, and see each other's processes.
    """
    file = cache / 'lab.id'
    try:
        return MARK + file.read_text()
    except FileNotFoundError:
        cache.mkdir(parents=True, exist_ok=True)
        file.write_text(secrets.token_hex(8))
        return MARK + file.read_text()


def start_time(pid: int, proc: pathlib.Path = PROC) -> int | None:
    """When a process started, in clock ticks since boot; none when gone.

    A pid and its start time together name a process for good.
    """
    try:
        text = (proc / str(pid) / 'stat').read_text()
    except OSError:
        return None
    # The name in parentheses may itself hold spaces and parentheses.
    fields = text.rpartition(')')[2].split()
    return None if fields[0] == 'Z' else int(fields[19])


def bears(pid: int, mark: str, proc: pathlib.Path = PROC) -> bool:
    """Whether a process lives in the namespace with this mark."""
    try:
        mounts = (proc / str(pid) / 'mountinfo').read_text()
    except OSError:
        return False
    return any(
        line.rpartition(' - ')[2].split()[1:2] == [mark]
        for line in mounts.splitlines()
    )


def bearers(mark: str, proc: pathlib.Path = PROC) -> list[int]:
    """All living processes with this mark, this one left out."""
    pids = (
        int(entry.name) for entry in proc.iterdir() if entry.name.isdigit()
    )
    return sorted(
        pid
        for pid in pids
        if pid != os.getpid()
        and bears(pid, mark, proc)
        and start_time(pid, proc) is not None
    )


def end_all(mark: str, timeout: float = 20) -> list[int]:
    """Kill every process with this mark.

    :param timeout: seconds to wait for the last of them to be gone.
    :returns: those that are still there, normally none.
    """
    deadline = time.monotonic() + timeout
    while remaining := bearers(mark):
        for pid in remaining:
            _end(pid, mark)
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return remaining


def _end(pid: int, mark: str) -> None:
    """Kill one process; a descriptor keeps the pid from being reused."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if bears(pid, mark):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(descriptor)
