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
import os
import socket

from nova_ext.channel import admission


def test_root_and_the_own_user_are_always_admitted() -> None:
    made = admission.Admission([])
    assert made.admits(0)
    assert made.admits(os.geteuid())
    assert not made.admits(4711)


def test_names_and_numbers_of_the_option_are_admitted() -> None:
    made = admission.Admission(['nobody', '4711'])
    assert made.admits(4711)
    assert made.admits(65534)
    assert not made.admits(4712)


def test_a_user_that_does_not_exist_is_skipped_and_told(caplog) -> None:
    made = admission.Admission(['no-such-user', '4711'])
    assert made.admits(4711)
    assert 'The user no-such-user of [nova_ext_channel]allow' in caplog.text


def test_the_kernel_names_the_peer() -> None:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    assert admission.peer_uid(ends[0]) == os.geteuid()
    for end in ends:
        end.close()
