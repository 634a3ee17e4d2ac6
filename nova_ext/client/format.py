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
"""Values that people read as text and programs as what they are.

cliff asks a column for ``human_readable`` in tables and plain values, and for
``machine_readable`` in JSON and YAML.
"""

from typing import Any

from cliff import columns

from nova_ext import cpuset


class Cpus(columns.FormattableColumn[Any]):
    """A list of CPU numbers: ``0,2-3``."""

    def human_readable(self) -> str:
        return cpuset.render(self._value)


class Lines(columns.FormattableColumn[Any]):
    """Texts, a line each."""

    def human_readable(self) -> str:
        return '\n'.join(self._value)


class Steps(columns.FormattableColumn[Any]):
    """The steps of a plan, a line each."""

    def human_readable(self) -> str:
        return '\n'.join(_step(step) for step in self._value)


class Blockers(columns.FormattableColumn[Any]):
    """What is in a plan's way, each with its remedy, two lines each."""

    def human_readable(self) -> str:
        return '\n'.join(
            '%(reason)s\n-> %(remedy)s' % blocker for blocker in self._value
        )


def _step(step: dict[str, Any]) -> str:
    text: str = step['direction']
    if step['vcpu'] is not None:
        text += ' vCPU %d' % step['vcpu']
    if step['pcpu'] is not None:
        text += ' on pCPU %d' % step['pcpu']
    return text
