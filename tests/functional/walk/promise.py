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
"""What of the promise to scaled-down servers a walk has seen."""

from collections.abc import Iterator
from collections.abc import Mapping
import re

#: Each operation, and the steps of a walk that are it, as they are counted.
ROWS = (
    ('scale down', 'scale down: active'),
    ('scale up', 'scale up: active'),
    ('scale request out of bounds', 'scale (down|up), out of bounds: .*'),
    ('scale request of a bad guest', 'scale (down|up), guest .*'),
    ('live migration', 'live migrate active, goes: active, moved'),
    ('live migration, paused', 'live migrate paused, goes: paused, moved'),
    ('live migration without room', 'live migrate .*, goes: (active|paused)'),
    ('live migration rolled back', 'live migrate .*, fails: .*'),
    ('live migration aborted', 'live migrate .*, is aborted: .*'),
    ('live migration that does not begin', '.*, does not begin: .*'),
    ('evacuation', 'evacuate: .*, moved'),
    ('evacuation without room', 'evacuate: [a-z]*'),
    ('evacuation that does not spawn', 'evacuate, does not spawn: error'),
    ('return of the old host', 'return a lost host: .*'),
    ('rebuild', 'rebuild: .*'),
    ('pause', 'pause: .*'),
    ('unpause', 'unpause: .*'),
    ('suspend', 'suspend: .*'),
    ('resume', 'resume: .*'),
    ('stop', 'os-stop: .*'),
    ('start', 'os-start: .*'),
    ('soft reboot', 'reboot SOFT: .*'),
    ('hard reboot', 'reboot HARD: .*'),
    ('hard reboot in ERROR', 'reboot HARD in ERROR: .*'),
    ('crash and automatic restart', 'crash: .*'),
    ('end of QEMU', 'QEMU dies: .*'),
    ('host reboot', 'reboot a host: .*'),
    ('nova-compute restart', 'restart nova-compute: .*'),
    ('audit', 'audit: .*'),
    ('rescue', 'rescue: .*'),
    ('unrescue', 'unrescue: .*'),
    ('shelve', 'shelve: shelved'),
    ('shelve and offload', 'shelve: shelved_offloaded'),
    ('offload', 'shelveOffload: .*'),
    ('unshelve', 'unshelve shelved: active'),
    ('unshelve after offloading', 'unshelve shelved_offloaded: active.*'),
    ('unshelve without room', 'unshelve shelved_offloaded: shelved_offloaded'),
    ('unshelve that does not spawn', 'unshelve .*, does not spawn: .*'),
    ('cold migration', 'migrate: resized, moved'),
    ('cold migration without room', 'migrate: (active|stopped)'),
    ('cold migration that does not leave', 'migrate, does not leave: .*'),
    ('cold migration rolled back', 'migrate, is rolled back: .*'),
    ('cold migration that does not start', '.* does not start: active, moved'),
    ('resize to isolated', 'resize to isolated: resized.*'),
    ('resize to real-time', 'resize to realtime: resized.*'),
    ('resize to a flavor of more', 'resize to many: resized.*'),
    ('resize to a flavor of two cells', 'resize to two cells: resized.*'),
    ('resize to a higher minimum', 'resize to high minimum: resized.*'),
    ('resize to one not scalable', 'resize to not scalable: resized.*'),
    ('resize without room', 'resize to .*: (active|stopped)'),
    ('resize on the same host', 'resize here: resized'),
    ('resize on the same host, without room', 'resize here: (active|stopped)'),
    ('the same that does not leave', 'resize here, does not leave: .*'),
    ('the same rolled back', 'resize here, is rolled back: .*'),
    ('confirm', 'confirm: .*'),
    ('revert', 'revert: .*'),
    ('snapshot', 'createImage: .*'),
    ('backup', 'createBackup: .*'),
    ('boot from a snapshot', 'delete.*, create from a snapshot: active.*'),
    ('boot from a backup', 'delete.*, create from a backup: active.*'),
    ('delete', 'delete(, create .*)?: .*'),
    ('force-delete', 'delete, force(, create .*)?: .*'),
    ('local delete', 'delete with the host away(, create .*)?: .*'),
    ('request in the wrong state', 'refused: .*'),
)


def seen(tally: Mapping[tuple[str, bool], int]) -> Iterator[str]:
    """Yield a line for each operation: how often it was carried out.

    :param tally: as the walk's machine has it.
    """
    yield '   all  scaled down'
    for name, pattern in ROWS:
        times = [0, 0]
        for (step, scaled), count in tally.items():
            if re.fullmatch(pattern, step):
                times[scaled] += count
        said = '' if times[True] else '  NEVER SEEN'
        yield '%6d  %11d  %s%s' % (sum(times), times[True], name, said)
