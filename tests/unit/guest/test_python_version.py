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
"""What guests run must work on Python 3.6."""

import pathlib
import subprocess
import sys

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]


def vermin(*paths: pathlib.Path) -> 'subprocess.CompletedProcess[str]':
    return subprocess.run(
        [
            *(sys.executable, '-c', 'import vermin; vermin.main()'),
            *('--no-tips', '--eval-annotations', '--target=3.6-'),
            *('--violations', *paths),
        ],
        timeout=120,
        capture_output=True,
        text=True,
    )


def test_everything_in_the_zipapp_runs_on_python_3_6() -> None:
    package = CHECKOUT / 'nova_ext'
    done = vermin(package / 'cpuset.py', package / 'wire', package / 'guest')
    assert done.returncode == 0, done.stdout


def test_the_check_finds_newer_python(tmp_path: pathlib.Path) -> None:
    newer = tmp_path / 'newer.py'
    newer.write_text('import dataclasses\nprint(x := 1)\n')
    assert vermin(newer).returncode != 0
