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
"""Build with pbr, and place the driver shim below ``nova.virt``."""

import setuptools

SHIM = 'nova.virt.nova_ext'


class Distribution(setuptools.Distribution):
    """Add the one package that lies in Nova's name space.

    Nova prefixes ``[DEFAULT]compute_driver`` with ``nova.virt.``, so one file
    of ours must be importable there. pbr fills ``packages`` from setup.cfg
    while it parses the configuration files, hence after that.
    """

    def parse_config_files(self, *args, **kwargs):
        super().parse_config_files(*args, **kwargs)
        self.package_dir = {
            **(self.package_dir or {}),
            SHIM: 'nova_ext/compute/virt_shim',
        }
        if SHIM not in self.packages:
            self.packages.append(SHIM)


setuptools.setup(
    setup_requires=['pbr>=6.0.0'],
    pbr=True,
    distclass=Distribution,
)
