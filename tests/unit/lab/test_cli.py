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
import pathlib
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).parents[3]


def test_the_command_needs_the_standard_library_alone() -> None:
    """It begins with the system's Python, and installs what the rest needs."""
    code = (
        'import sys; sys.path.insert(0, sys.argv.pop(1)); '
        'from tests.lab import cli; sys.exit(cli.main(sys.argv[1:]))'
    )
    done = subprocess.run(
        [sys.executable, '-I', '-S', '-c', code, str(CHECKOUT), '--help'],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert 'demo' in done.stdout
