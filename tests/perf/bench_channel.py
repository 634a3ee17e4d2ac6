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
"""What a message through nova-ext-channel costs, beside a bare relay loop.

python -m tests.perf.bench_channel [--guests N ...] [--seconds S]
"""

import argparse
import contextlib
import functools
import pathlib
import statistics
import sys
import tempfile

from tests.perf.channel import ends
from tests.perf.channel import loads
from tests.perf.channel import subject

SIZES = (150, 3000)
OUTSTANDING = 8
ROUNDS = 3
#: So that the limits for one guest do not bind.
UNLIMITED = {
    'guest_message_rate': 1e9,
    'guest_byte_rate': 1e9,
    'guest_time_percent': 100,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--guests', type=int, nargs='*', default=[1, 10, 100, 1000]
    )
    parser.add_argument('--seconds', type=float, default=1.0)
    found = parser.parse_args()
    subject.use_the_other_core()
    for count in found.guests:
        with contextlib.ExitStack() as stack:
            base = pathlib.Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix='bc'))
            )
            hosts = {
                name: stack.enter_context(ends.Host(base, name, count, start))
                for name, start in (
                    ('bare', subject.relay),
                    (
                        'daemon',
                        functools.partial(subject.daemon, **UNLIMITED),
                    ),
                )
            }
            measure(hosts, count, found.seconds)
    return 0


def measure(hosts, count, seconds):
    for load in (loads.to_program, loads.to_guests):
        for size in SIZES:
            costs = {name: [] for name in hosts}
            for _ in range(ROUNDS):
                for name, host in hosts.items():
                    costs[name].append(load(host, size, OUTSTANDING, seconds))
            for name, rows in costs.items():
                print(
                    '%-10s %5d guests %5d B  %-7s %6.2f us %8.0f /s  lost %d'
                    % (
                        load.__name__,
                        count,
                        size,
                        name,
                        statistics.median(row.cpu for row in rows),
                        statistics.median(row.rate for row in rows),
                        sum(row.lost for row in rows),
                    )
                )
    for size in SIZES:
        for name, host in hosts.items():
            times = sorted(loads.round_trips(host, size, 5000))
            print(
                'round trip %5d guests %5d B  %-7s p50 %6.1f us p99 %6.1f us'
                % (
                    count,
                    size,
                    name,
                    times[len(times) // 2] * 1e6,
                    times[len(times) * 99 // 100] * 1e6,
                )
            )


if __name__ == '__main__':
    sys.exit(main())
