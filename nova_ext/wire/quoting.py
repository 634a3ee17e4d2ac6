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
"""Make text from the other side of the channel safe to log.

Standard library only and Python 3.6, because it is also shipped to guests.
"""

#: Characters of foreign text that a log line shows.
LIMIT = 64


def shown(value: object, limit: int = LIMIT) -> str:
    """Return the value as printable ASCII, cut to about ``limit`` characters.

    Control characters, line feeds and non-ASCII come out as escapes, so a
    guest can neither forge a log line nor steer a terminal.
    """
    if not isinstance(value, (str, bytes, bytearray)):
        value = repr(value)
    cut = len(value) > limit
    if isinstance(value, bytearray):
        value = bytes(value[:limit])
    return ascii(value[:limit]) + ('...' if cut else '')
