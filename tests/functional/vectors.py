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
"""Tables of cases from ``tests/vectors``."""

import pathlib
from typing import Any

import yaml

FOLDER = pathlib.Path(__file__).resolve().parents[1] / 'vectors'


def load(file: str, table: str) -> list[dict[str, Any]]:
    """Return one table of a file.

    :param file: without its ending.
    """
    text = (FOLDER / (file + '.yaml')).read_text('utf-8')
    cases: list[dict[str, Any]] = yaml.safe_load(text)[table]
    return cases
