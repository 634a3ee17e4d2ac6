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
"""The guest package as user data for cloud-init: nothing to download.

The zipapp travels inside, packed as a whole: about a quarter smaller than a
compressed zip file, because its members have much in common.
"""

import base64
import gzip
import io
import json
import os
import textwrap
from typing import Iterator
from typing import List

from nova_ext.guest import install

_HEAD = '#cloud-config\n'

_NOTE = """\
# Agents and server-group messaging for a guest of nova-ext, made by
# python3 -m nova_ext.guest.build --cloud-init FILE
"""


def user_data(root: str, files: str) -> str:
    """Return a cloud-config that installs the guest package.

    :param root: a folder with the zipapp in its place
        (`nova_ext.guest.install.make_place`) and nothing else; the rest is
        added.
    :param files: the folder with the units and scripts.
    """
    install.lay_out(root, files)
    units = sorted(os.listdir(os.path.join(root, install.UNITS)))
    parts = [_HEAD, _NOTE, 'write_files:\n']
    commands: List[List[str]] = []
    for path in sorted(_paths(root)):
        full = os.path.join(root, path)
        if os.path.islink(full):
            target = os.readlink(full)
            commands.append(['ln', '-sfn', target, '/' + path])
        else:
            parts.append(_file(full, '/' + path))
    commands.append(['systemctl', 'daemon-reload'])
    commands.append(['systemctl', 'enable', '--now', '--no-block'] + units)
    parts.append('runcmd:\n')
    parts.extend('  - %s\n' % json.dumps(command) for command in commands)
    return ''.join(parts)


def _paths(root: str) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)


def _file(full: str, path: str) -> str:
    with open(full, 'rb') as stream:
        content = stream.read()
    mode = os.stat(full).st_mode & 0o777
    lines = ['- path: %s' % path, "  permissions: '%04o'" % mode]
    if os.path.basename(path) == os.path.basename(install.APP):
        text = base64.b64encode(packed(content)).decode('ascii')
        lines += ['  encoding: gz+b64', '  content: |']
        lines += textwrap.wrap(
            text, 72, initial_indent='    ', subsequent_indent='    '
        )
    else:
        lines.append('  content: |')
        lines += [
            ('    ' + line).rstrip()
            for line in content.decode('utf-8').splitlines()
        ]
    return ''.join('  %s\n' % line if line else '\n' for line in lines)


def packed(content: bytes) -> bytes:
    """Return the content compressed, without a date: the same for the same."""
    target = io.BytesIO()
    with gzip.GzipFile('', 'wb', 9, target, 0) as stream:
        stream.write(content)
    return target.getvalue()
