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
"""Run a program as if on another host: other folders, another host name.

``inside.py BINDS NAME PROGRAM ...``, where BINDS is a JSON object: place ->
what is shown there. Children see the same.
"""

import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from tests.lab import namespace  # noqa: E402 needs the path

binds = json.loads(sys.argv[1])
namespace.enter_host(
    {
        pathlib.Path(place): pathlib.Path(shown)
        for place, shown in binds.items()
    },
    sys.argv[2],
)
os.execv(sys.argv[3], sys.argv[3:])
