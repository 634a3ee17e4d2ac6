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
"""Which usages are counted on a node, so that each is taken away exactly.

Nova removes a server by what its objects say at that moment, which may be
another size than the one that was added: after a scale request, or when the
two flavors of a resize on one host are held at the same time. What was added
is what must go.
"""

from nova_ext.model.usage import Usage


class Ledger:
    """The counted usages of one node, by server."""

    def __init__(self) -> None:
        self._counted: dict[str, list[Usage]] = {}

    def clear(self) -> None:
        """Forget all."""
        self._counted.clear()

    def add(self, usage: Usage) -> None:
        """Note what was counted; a resize on one host has two entries."""
        self._counted.setdefault(usage.uuid, []).append(usage)

    def take(self, usage: Usage) -> Usage | None:
        """Take out, and return, what was counted for a server.

        :param usage: what the caller believes; it decides only where a
            server has several entries: the equal one, else the last one of
            the same flavor, else the last.
        """
        entries = self._counted.get(usage.uuid)
        if not entries:
            return None
        found = _closest(entries, usage)
        entries.remove(found)
        if not entries:
            del self._counted[usage.uuid]
        return found


def _closest(entries: list[Usage], usage: Usage) -> Usage:
    if len(entries) == 1:
        return entries[0]
    if usage in entries:
        return usage
    same = [each for each in entries if each.flavor == usage.flavor]
    return (same or entries)[-1]
