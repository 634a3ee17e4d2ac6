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
"""A random walk over all that can be done to servers that scale.

``python -m tests.functional.walk --steps 10000 --seed 1`` walks by hand, and
``tests.functional.test_walk`` for a minute. ``machine`` makes and checks a
step, ``scaling``, ``life``, ``moves`` and ``hosts`` have the steps, ``cloud``
the services that are kept for many walks, ``run`` ends the last one, and
``promise`` tells how often it came to each operation.
"""
