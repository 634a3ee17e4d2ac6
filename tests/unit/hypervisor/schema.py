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
"""libvirt's own schema of a domain definition, as virt-xml-validate has it.

The schema comes with libvirt's library, which bindep.txt names by way of
libvirt-clients. Without it these tests fail: one that is skipped unseen
proves nothing.
"""

import functools
import pathlib

from lxml import etree

PATH = pathlib.Path('/usr/share/libvirt/schemas/domain.rng')


@functools.lru_cache(1)
def _schema() -> etree.RelaxNG:
    return etree.RelaxNG(etree.parse(str(PATH)))


def errors(xml: str) -> list[str]:
    """Return what libvirt would object to."""
    schema = _schema()
    schema.validate(etree.fromstring(xml))
    return [str(error) for error in schema.error_log]
