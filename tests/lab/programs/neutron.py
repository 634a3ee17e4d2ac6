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
"""A stand-in for neutron, for servers without network: neutron.py <port>.

Nova asks for the ports of a server when it shows or deletes one; an empty
list answers that and every other question.
"""

import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every GET with an empty list of what was asked for."""

    protocol_version = 'HTTP/1.1'

    def do_GET(self) -> None:
        """Answer ``/v2.0/<things>`` with ``{"<things>": []}``."""
        things = self.path.partition('?')[0].rstrip('/').split('/')[-1]
        name = things.removesuffix('.json').replace('-', '_')
        body = json.dumps({name: []}).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == '__main__':
    address = ('127.0.0.1', int(sys.argv[1]))
    http.server.ThreadingHTTPServer(address, Handler).serve_forever()
