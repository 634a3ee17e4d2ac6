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
"""What a running domain is told, and what is said when it refuses."""

import errno

import pytest

from nova_ext import exception
from nova_ext.hypervisor import domain as hypervisor
from nova_ext.hypervisor import privileged
from tests.unit.hypervisor import fakes

LIVE = 1
CONFIG = 2


@pytest.fixture
def kernel(monkeypatch):
    """Return the calls that change a thread's policy."""
    calls = []
    monkeypatch.setattr(
        privileged, 'set_fifo', lambda *args: calls.append(('fifo', *args))
    )
    monkeypatch.setattr(
        privileged, 'set_other', lambda *args: calls.append(('other', *args))
    )
    return calls


@pytest.fixture
def domain():
    return fakes.Domain()


@pytest.fixture
def live(domain, kernel):
    return hypervisor.LiveDomain(
        domain, fakes.LibvirtError, fakes.monitor, priority=7
    )


def test_vcpus_are_pinned_live_and_then_in_the_configuration(domain, live):
    live.pin_vcpus({3: 10, 1: 64})
    assert domain.calls == [
        ('vcpu', 1, {64}, LIVE),
        ('vcpu', 1, {64}, CONFIG),
        ('vcpu', 3, {10}, LIVE),
        ('vcpu', 3, {10}, CONFIG),
    ]


def test_io_threads_follow_the_emulator(domain, live):
    live.pin_emulator(frozenset({2, 10}))
    assert domain.calls == [
        ('emulator', {2, 10}, LIVE),
        ('emulator', {2, 10}, CONFIG),
        ('iothread', 1, {2, 10}, LIVE),
        ('iothread', 1, {2, 10}, CONFIG),
        ('iothread', 2, {2, 10}, LIVE),
        ('iothread', 2, {2, 10}, CONFIG),
    ]


def test_io_threads_that_nova_left_alone_stay_alone(domain, live):
    domain.xml = '<domain><iothreads>1</iothreads><cputune/></domain>'
    live.pin_emulator(frozenset({2}))
    assert [call[0] for call in domain.calls] == ['emulator', 'emulator']


@pytest.mark.parametrize(
    ('broken', 'text'),
    [
        (
            'vcpu',
            'libvirt could not pin vCPU 3 to pCPUs 10: LibvirtError',
        ),
        ('emulator', 'could not pin the emulator to pCPUs 2,4-5: Libvirt'),
        ('iothread', 'could not pin I/O thread 1 to pCPUs 2,4-5: Libvirt'),
    ],
)
def test_a_refusal_of_libvirt(domain, live, caplog, broken, text):
    domain.broken = {broken}
    with pytest.raises(exception.PinningFailed) as caught:
        if broken == 'vcpu':
            live.pin_vcpus({3: 10})
        else:
            live.pin_emulator(frozenset({2, 4, 5}))
    assert text in str(caught.value)
    assert 'domain is gone' not in str(caught.value)
    assert '%s: domain is gone' % broken in caplog.text
    assert caught.value.code == 503
    assert isinstance(caught.value.__cause__, fakes.LibvirtError)


def test_threads_become_ordinary_now_and_after_a_soft_reboot(
    domain, live, kernel
):
    live.make_ordinary(frozenset({3}))
    assert kernel == [('other', 103)]
    assert "vcpus='1'" in domain.defined.replace('"', "'")
    assert "vcpus='3'" not in domain.defined.replace('"', "'")
    # Inactive, and with what libvirt hides, such as the VNC password.
    assert domain.flags[-1] == 3


def test_threads_become_real_time_now_and_after_a_soft_reboot(
    domain, live, kernel
):
    live.make_realtime(frozenset({2, 3}))
    assert kernel == [('fifo', 102, 7), ('fifo', 103, 7)]
    assert 'vcpus="1-3"' in domain.defined
    assert 'priority="7"' in domain.defined


def test_nothing_is_asked_for_no_vcpus(domain, live, kernel):
    domain.broken = {'monitor', 'define'}
    live.make_ordinary(frozenset())
    live.make_realtime(frozenset())
    live.pin_vcpus({})
    assert (domain.calls, kernel) == ([], [])


@pytest.mark.parametrize(
    ('call', 'policy'),
    [('make_ordinary', 'SCHED_OTHER'), ('make_realtime', 'SCHED_FIFO')],
)
def test_a_refusal_of_the_kernel(monkeypatch, domain, live, call, policy):
    def refuse(*args):
        raise PermissionError(errno.EPERM, 'Operation not permitted')

    monkeypatch.setattr(privileged, 'set_fifo', refuse)
    monkeypatch.setattr(privileged, 'set_other', refuse)
    with pytest.raises(exception.SchedulingFailed) as caught:
        getattr(live, call)(frozenset({2}))
    assert (
        'The scheduling policy of vCPU 2 could not be set to %s: '
        '[Errno 1] Operation not permitted. Try again; the log of '
        'nova-compute has the rest.' % policy
    ) == str(caught.value)
    assert domain.calls == []


def test_a_refusal_of_the_monitor(domain, live, kernel):
    domain.broken = {'monitor'}
    with pytest.raises(
        exception.SchedulingFailed, match='vCPU 1 .*: LibvirtError'
    ):
        live.make_ordinary(frozenset({1}))
    assert kernel == []


def test_a_vcpu_without_a_thread(live, kernel):
    with pytest.raises(
        exception.SchedulingFailed, match='vCPU 9 could not be set'
    ):
        live.make_ordinary(frozenset({9}))
    assert kernel == []


def test_a_definition_that_libvirt_refuses(domain, live):
    domain.broken = {'define'}
    with pytest.raises(
        exception.SchedulingFailed, match='vCPU 2 .*: LibvirtError'
    ):
        live.make_realtime(frozenset({2}))


@pytest.mark.parametrize(
    ('port', 'wanted'),
    [('cgcs.messaging', True), ('org.other', False), ('org.none', None)],
)
def test_whether_the_guest_listens(live, port, wanted):
    assert live.is_listening(port) is wanted


def test_nobody_knows_before_libvirt_has_heard_of_it(domain, live):
    domain.xml = domain.xml.replace(" state='connected'", '')
    assert live.is_listening('cgcs.messaging') is None


@pytest.mark.parametrize(
    ('pcpus', 'wanted'),
    [
        ({0}, (True,)),
        ({2}, (False, False, True)),
        ({0, 3}, (True, False, False, True)),
    ],
)
def test_a_map_has_a_flag_for_each_pcpu(pcpus, wanted):
    assert hypervisor.cpu_map(pcpus) == wanted


def test_each_start_has_a_number(live):
    assert live.boot == 7


def test_how_long_threads_have_run(live):
    assert live.times(frozenset({1, 2, 9})) == {1: 6, 2: 7}


def test_a_domain_that_has_ended_has_no_times(domain, live):
    domain.broken.add('vcpus')
    assert live.times(frozenset({1})) == {}
