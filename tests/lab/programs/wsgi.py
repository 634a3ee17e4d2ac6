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
"""Serve one WSGI application: wsgi.py <module> <host> <port>."""

import importlib
import sys

import waitress


def main() -> None:
    """Serve until killed."""
    name, host, port = sys.argv[1:]
    # The OpenStack applications would parse our arguments as their own.
    sys.argv[1:] = []
    application = importlib.import_module(name).application
    waitress.serve(application, host=host, port=int(port), threads=6)


if __name__ == '__main__':
    main()
