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
"""nova-ext-groups reads Nova's records in a process that nobody has prepared.

Nova's fixtures register more options than a program of ours has.
"""

import pathlib
import subprocess
import sys

PROGRAM = """
import sys

from nova import objects
from nova_ext.groups import members

members.start(['nova-ext-groups', '--config-file', sys.argv[1]])
print(objects.CellMapping.format_mq_url('rabbit://{username}:x@{hostname}/'))
print(objects.CellMapping.format_db_url('{scheme}://{hostname}/nova'))
"""


def test_a_cells_mapping_may_be_a_template(tmp_path: pathlib.Path) -> None:
    config = tmp_path / 'nova.conf'
    config.write_text(
        '[DEFAULT]\ntransport_url = rabbit://me:pw@bus:5672/\n'
        '[database]\nconnection = mysql://me:pw@base/other\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', PROGRAM, config],
        timeout=120,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == [
        'rabbit://me:x@bus/',
        'mysql://base/nova',
    ]
