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
"""Make Nova's own test classes run under pytest.

Imported by pytest before any test module, because Nova chooses its
concurrency backend and its object registry while it is imported.
"""

import os

# Nova 34 runs nova-compute on native threads. The capture of output is
# pytest's work, and Nova's own log capture does the rest.
os.environ.setdefault('OS_NOVA_DISABLE_EVENTLET_PATCHING', 'true')
os.environ.setdefault('OS_TEST_TIMEOUT', '160')
os.environ.setdefault('LANGUAGE', 'en_US')
os.environ.setdefault('LC_ALL', 'C.UTF-8')
os.environ['OS_STDOUT_CAPTURE'] = '0'
os.environ['OS_STDERR_CAPTURE'] = '0'
os.environ['OS_LOG_CAPTURE'] = '0'

import nova.tests.unit  # noqa: E402, F401 (registers Nova's objects)
