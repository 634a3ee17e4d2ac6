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
"""The API configuration of the functional ring: Nova's, with our filter."""

import pathlib

import nova

FILTER = """
[filter:nova_ext]
paste.filter_factory = nova_ext.api.filter:factory
"""


def write(path: pathlib.Path) -> str:
    """Write Nova's own api-paste.ini with our filter in every pipeline.

    :returns: the file's name, for ``[wsgi]api_paste_config``.
    """
    original = (
        pathlib.Path(nova.__file__).parents[1] / 'etc/nova/api-paste.ini'
    )
    lines = [
        line.replace(' keystonecontext ', ' keystonecontext nova_ext ')
        if line.startswith('keystone = ')
        else line
        for line in original.read_text('utf-8').splitlines()
    ]
    path.write_text('\n'.join(lines) + FILTER, 'utf-8')
    return str(path)
