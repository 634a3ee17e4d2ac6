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

The daemon, and relays that only read, split at line feeds and send, have a
core of their own; guests and programs share another. Figures are CPU time of
the process under test for each delivered message, with eight messages on their
way at any time; the median of rounds in which daemon and relays alternate. One
relay is in Python: the floor for a daemon in this language. Beside floods both
ends of the quiet guest have real-time priority, which takes root. The process
ends with 1 if a target is missed.

The original agent, in C, is not here; its figures are those of another
machine, with one guest and with 90. A good part of them is what system calls
take, which differs between machines. A relay in C is therefore measured in
both places: here beside each row, there it took 1.4 to 2.8 us. The agent does
all that this relay does and more, so here it takes at least what the relay
takes, and what it took there beyond the dearest relay: "agent us". Where there
is no C compiler, its figures of the other machine stand there as they are.
"""

import argparse
from collections.abc import Iterator
import contextlib
import functools
import itertools
import math
import pathlib
import statistics
import sys
import tempfile

from tests.perf.channel import ends
from tests.perf.channel import floods
from tests.perf.channel import loads
from tests.perf.channel import subject

SIZES = (150, 3000)
OUTSTANDING = 8
ROUNDS = 5
ROUND_TRIPS = 4000
#: Times that each flood goes on, and how sure the interval of its ratios is.
PAIRS = 26
SURE = 0.95
LOADS = {'to_program': loads.to_program, 'to_guests': loads.to_guests}
#: So that the limits for one guest do not bind.
UNLIMITED = {
    'guest_message_rate': 1e9,
    'guest_byte_rate': 1e9,
    'guest_time_percent': 100,
}
#: Microseconds on the other machine: the original agent for 150 and 3,000
#: bytes, with one guest and with many; the relay in C, where it was dearest.
AGENT_THERE = {
    'to_program': ((5.4, 9.2), (7.3, 10.9)),
    'to_guests': ((7.9, 11.0), (13.0, 17.0)),
}
BARE_THERE = 2.8
#: How much slower a quiet guest's median and p99 may become beside a flood.
MEDIAN_BESIDE, P99_BESIDE = 1.1, 2.0
#: How much slower a round trip may be with many guests than with few.
GROWTH = 1.25
FEW, MANY = 10, 1000
#: KiB for each idle guest.
IDLE = 50.0


def main() -> int:
    """Print all figures; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--guests', type=int, nargs='*', default=[1, 10, 100, 1000]
    )
    parser.add_argument('--seconds', type=float, default=0.5)
    parser.add_argument('--only', choices=['cost', 'floods', 'memory'])
    found = parser.parse_args()
    subject.use_the_other_core()
    missed: list[str] = []
    if found.only in (None, 'cost'):
        with contextlib.ExitStack() as stack:
            bare = subject.compiled(folder(stack))
            if bare is None:
                print('No C compiler: "agent us" is of another machine.')
            for count in found.guests:
                with hosts(count, bare) as all_:
                    missed += costs(all_, count, found.seconds)
                    round_trips(all_, count)
        if {FEW, MANY} <= set(found.guests):
            missed += growth()
    if found.only in (None, 'floods'):
        missed += beside_floods(found.seconds)
    if found.only in (None, 'memory'):
        missed += memory()
    print('\nmissed: %s' % ('; '.join(missed) or 'nothing'))
    return bool(missed)


@contextlib.contextmanager
def hosts(
    count: int, bare: pathlib.Path | None
) -> Iterator[dict[str, ends.Host]]:
    """Start relays and daemon with so many guests each.

    :param bare: the relay in C, if it is there.
    """
    starts = {
        'loop': subject.relay,
        'daemon': functools.partial(subject.daemon, **UNLIMITED),
    }
    if bare is not None:
        starts['bare'] = functools.partial(subject.bare, bare)
    with contextlib.ExitStack() as stack:
        base = folder(stack)
        yield {
            name: stack.enter_context(ends.Host(base, name, count, start))
            for name, start in starts.items()
        }


def folder(stack: contextlib.ExitStack) -> pathlib.Path:
    """Return a folder for sockets, whose paths must be short."""
    made = tempfile.TemporaryDirectory(prefix='bc', dir='/tmp')
    return pathlib.Path(stack.enter_context(made))


def costs(
    all_: dict[str, ends.Host], count: int, seconds: float
) -> Iterator[str]:
    """Print CPU time and rates; yield what is missed."""
    print(
        '\n%-11s %6s %6s %8s %8s %8s %8s %8s %9s %5s'
        % (
            *('', 'guests', 'bytes', 'bare us', 'loop us', 'daemon'),
            *('of loop', 'agent us', 'daemon /s', 'lost'),
        )
    )
    for name, load in LOADS.items():
        for index, size in enumerate(SIZES):
            rows: dict[str, list[loads.Cost]] = {key: [] for key in all_}
            for _ in range(ROUNDS):
                for key, host in all_.items():
                    rows[key].append(load(host, size, OUTSTANDING, seconds))
            cpu = {
                key: statistics.median(row.cpu for row in found)
                for key, found in rows.items()
            }
            rate = statistics.median(row.rate for row in rows['daemon'])
            lost = sum(row.lost for row in rows['daemon'])
            agent = AGENT_THERE[name][count > 1][index]
            if 'bare' in cpu:
                agent += cpu['bare'] - BARE_THERE
            print(
                '%-11s %6d %6d %8.2f %8.2f %8.2f %8.2f %8.2f %9.0f %5d'
                % (
                    *(name, count, size, cpu.get('bare', math.nan)),
                    *(cpu['loop'], cpu['daemon'], cpu['daemon'] / cpu['loop']),
                    *(agent, rate, lost),
                )
            )
            what = '%s, %d guests, %d bytes' % (name, count, size)
            if cpu['daemon'] > agent:
                yield 'CPU ' + what
            if lost:
                yield 'lost ' + what


def percentile(times: list[float], part: float) -> float:
    """Return a percentile in microseconds."""
    return sorted(times)[int(len(times) * part)] * 1e6


def round_trips(all_: dict[str, ends.Host], count: int) -> None:
    """Print p50 and p99 of round trips."""
    for size in SIZES:
        for name, host in all_.items():
            times = loads.round_trips(host, size, ROUND_TRIPS)
            print(
                'round trip  %6d %6d %8s p50 %6.1f us  p99 %6.1f us'
                % (
                    *(count, size, name),
                    *(percentile(times, 0.5), percentile(times, 0.99)),
                )
            )


def growth() -> Iterator[str]:
    """Compare round trips of many guests with those of few, which take
    turns; yield what is missed."""
    print()
    with hosts(FEW, None) as few, hosts(MANY, None) as many:
        # What each guest says first is read more thoroughly.
        for both in (few, many):
            loads.round_trips(both['daemon'], SIZES[0], 3 * MANY)
        for size in SIZES:
            pairs = [
                [
                    loads.round_trips(both['daemon'], size, MANY)
                    for both in (few, many)
                ]
                for _ in range(ROUNDS)
            ]
            for name, part in (('p50', 0.5), ('p99', 0.99)):
                ratio = statistics.median(
                    percentile(more, part) / percentile(less, part)
                    for less, more in pairs
                )
                print(
                    '%s of %d guests, %d bytes: %.2f of that of %d'
                    % (name, MANY, size, ratio, FEW)
                )
                if ratio > GROWTH:
                    yield 'growth of %s at %d bytes' % (name, size)


def beside_floods(seconds: float) -> Iterator[str]:
    """Print a quiet guest's times beside each flood; yield what is missed.

    With a flood and without take turns, many and short, because the machine
    does not stay as fast as it is for long.
    """
    print(
        '\n%-28s %10s %10s  (alone; p50: interval of %d %%, range)'
        % ('quiet guest beside', 'p50 us', 'p99 us', SURE * 100)
    )
    for name in (*floods.LINES, 'one that never reads'):
        with contextlib.ExitStack() as stack:
            host = stack.enter_context(
                ends.Host(folder(stack), 'd', 2, subject.daemon)
            )
            flooding = (
                floods.flooding(host, name)
                if name in floods.LINES
                else floods.deaf(host)
            )
            yield from slowed(
                name, *taken_in_turns(host, flooding, seconds / 2)
            )
            if not host.subject.alive():
                yield 'the daemon ended beside: ' + name


def taken_in_turns(
    host: ends.Host,
    flooding: contextlib.AbstractContextManager[floods.Flood],
    seconds: float,
) -> tuple[list[list[float]], list[list[float]]]:
    """Return a quiet guest's times, before and after each part of a flood,
    and during each."""
    beside = []
    with flooding as flood:
        flood.pause()
        alone = [floods.quiet(host, seconds)]
        for _ in range(PAIRS):
            flood.go_on()
            beside.append(floods.quiet(host, seconds))
            flood.pause()
            alone.append(floods.quiet(host, seconds))
    return alone, beside


def slowed(
    name: str, alone: list[list[float]], beside: list[list[float]]
) -> Iterator[str]:
    """Print what a flood does to the times of a guest; yield what is missed.

    :param alone: times before the flood, and after each part of it.
    :param beside: times during each.
    """
    ratios = sorted(
        percentile(during, 0.5) / percentile(before + after, 0.5)
        for before, during, after in zip(alone, beside, alone[1:])
    )
    p50 = statistics.median(ratios)
    quiet, loud = list(itertools.chain(*alone)), list(itertools.chain(*beside))
    p99 = percentile(loud, 0.99) / percentile(quiet, 0.99)
    outside = left_out(len(ratios))
    print(
        '%-28s %6.0f x%.2f %6.0f x%.2f  (%.0f, %.0f; %.2f to %.2f, %.2f to '
        '%.2f)'
        % (
            *(name, percentile(loud, 0.5), p50, percentile(loud, 0.99), p99),
            *(percentile(quiet, 0.5), percentile(quiet, 0.99)),
            *(ratios[outside], ratios[-1 - outside], ratios[0], ratios[-1]),
        )
    )
    if p50 > MEDIAN_BESIDE:
        yield 'median beside: ' + name
    if p99 > P99_BESIDE:
        yield 'p99 beside: ' + name


def left_out(count: int) -> int:
    """Return how many of sorted figures, at each end, are outside of the
    interval that has the median of what they are a sample of.

    Each figure is on either side of that median with the same chance, so how
    many are below it has the binomial distribution.
    """
    outside, unsure = 0, 2 / 2**count
    while unsure <= 1 - SURE:
        outside += 1
        unsure += 2 * math.comb(count, outside) / 2**count
    return max(outside - 1, 0)


def memory() -> Iterator[str]:
    """Print what an idle guest occupies; yield what is missed."""
    found = {}
    for count in (10, 1000):
        with contextlib.ExitStack() as stack:
            host = ends.Host(folder(stack), 'd', count, subject.daemon)
            found[count] = stack.enter_context(host).subject.memory()
    each = (found[1000] - found[10]) / 990 / 1024
    print(
        '\nmemory: %.1f MiB with 10 guests, %.1f with 1000: %.1f KiB each'
        % (found[10] / 2**20, found[1000] / 2**20, each)
    )
    if each > IDLE:
        yield 'memory'


if __name__ == '__main__':
    sys.exit(main())
