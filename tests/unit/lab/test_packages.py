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
"""bindep.txt is read as bindep reads it, and once."""

from tests.lab import packages


def test_wanted() -> None:
    names = packages.wanted()
    assert 'libvirt-daemon-driver-qemu' in names
    assert len(names) == len(set(names))
    assert all(name[0].isalnum() for name in names)


def test_missing() -> None:
    assert packages.missing(['dpkg', 'no-such-package']) == ['no-such-package']
