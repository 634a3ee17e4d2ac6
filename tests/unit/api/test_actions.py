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
"""Which action a body asks for."""

import pytest

from nova_ext.api import actions


@pytest.mark.parametrize(
    'body, name',
    [
        (b'{"wrs-res:scale": {}}', 'wrs-res:scale'),
        (b'{"resize": {"flavorRef": "1"}}', 'resize'),
        (b'{"confirmResize": null}', None),
        (b'{"rebuild": {"name": "resize"}}', 'rebuild'),
        (b'{"reboot": {"type": "SOFT"}}', None),
        (b'{"wrs-res:scale": {}, "resize": {}}', None),
        (b'{}', None),
        (b'[]', None),
        (b'["resize"]', None),
        (b'"resize"', None),
        (b'{"resize"', None),
        (b'\xff\xferesize', None),
        (b'', None),
    ],
)
def test_peek(body, name):
    assert actions.peek(body) == name
