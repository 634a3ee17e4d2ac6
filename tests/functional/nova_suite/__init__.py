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
"""Nova's own tests, run with our driver and tracker in place of Nova's.

They come with the installed nova. Plain Nova passes all of them, so every
failure is ours. The unit set is part of the functional ring; by hand::

    python -m tests.functional.nova_suite unit
    python -m tests.functional.nova_suite functional
    python -m tests.functional.nova_suite unit --mocks through
    python -m tests.functional.nova_suite unit --plain
"""
