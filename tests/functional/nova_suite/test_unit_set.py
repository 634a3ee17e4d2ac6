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
"""Nova's unit tests of what we subclass pass with our subclasses."""

import os
import pathlib

from tests.functional import vectors
from tests.functional.nova_suite import runner


def test_the_unit_set(tmp_path: pathlib.Path) -> None:
    # Beside other tests, in parallel, one process is its share.
    workers = 1 if 'PYTEST_XDIST_WORKER' in os.environ else 2
    outcome = runner.run('unit', tmp_path, workers)
    (unit,) = (
        one
        for one in vectors.load('functional_nova', 'sets')
        if one['name'] == 'unit'
    )
    assert not outcome.failed, str(outcome)
    assert not outcome.broken, str(outcome)
    assert outcome.total >= unit['at_least']
    assert outcome.ours >= unit['ours_at_least']
