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
"""Write OpenStack's configuration files."""

import collections.abc
import pathlib

#: Sections -> options; a list gives one line for each of its values.
Sections = collections.abc.Mapping[str, collections.abc.Mapping[str, object]]


def render(sections: Sections) -> str:
    """The text of a configuration file."""
    lines = []
    for section, options in sections.items():
        lines.append(f'[{section}]')
        for name, value in options.items():
            values = value if isinstance(value, list) else [value]
            lines += [f'{name} = {one}' for one in values]
        lines.append('')
    return '\n'.join(lines)


def write(path: pathlib.Path, sections: Sections) -> None:
    """Write a configuration file, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(sections))
