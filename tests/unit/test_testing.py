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
"""The public face of the harness."""

from nova_ext import testing


def test_everything_is_exported() -> None:
    for name in testing.__all__:
        assert getattr(testing, name).__doc__


def test_it_needs_no_nova() -> None:
    """Other people's tests run where Nova is not installed."""
    import subprocess
    import sys

    code = (
        'import sys; sys.modules["nova"] = None; '
        'import nova_ext.testing, nova_ext.resources.vcpu_scale; '
        'print("ok")'
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=__file__.rpartition('/tests/')[0],
    )
    assert done.stdout == 'ok\n', done.stderr
