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
import select

from nova_ext.guest import wake


def test_it_becomes_readable_once_it_is_set() -> None:
    bell = wake.Wake()
    assert not bell.wait(0)
    bell.set()
    assert bell.wait(10)
    assert select.select([bell], [], [], 0)[0] == [bell]
    bell.close()


def test_setting_it_after_it_was_closed_does_nothing() -> None:
    bell = wake.Wake()
    bell.close()
    bell.set()
