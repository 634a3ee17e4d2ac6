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
import base64
import gzip
import os
import pathlib
import shlex
import subprocess
import sys

import pytest
import yaml

from nova_ext.guest import build
from nova_ext.guest import install

CHECKOUT = pathlib.Path(__file__).resolve().parents[3]
FILES = CHECKOUT / 'etc/nova-ext/guest'

#: Nova's limit of a server's user data, in base64.
LIMIT = 65535

#: Prints what a Python finds that has the folder among its own.
FIND = """
import site, sys
site.addsitedir(sys.argv[1])
from nova_ext.guest import server_group
print(server_group.__file__)
"""


@pytest.fixture(scope='module')
def text(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp('cloud') / 'user-data'
    assert build.main(['--cloud-init', str(path)]) == 0
    return path.read_text()


@pytest.fixture
def config(text: str):
    return yaml.safe_load(text)


def content(item: dict[str, str]) -> bytes:
    """Return what cloud-init writes for one of write_files."""
    if item.get('encoding') == 'gz+b64':
        return gzip.decompress(base64.b64decode(item['content']))
    return item['content'].encode()


def test_it_is_a_cloud_config(text: str, config) -> None:
    assert text.startswith('#cloud-config\n')
    assert set(config) == {'write_files', 'runcmd'}
    assert max(map(len, text.splitlines())) < 130


def test_compressed_it_is_small_enough_for_nova(text: str) -> None:
    assert len(base64.b64encode(gzip.compress(text.encode()))) < LIMIT * 0.9


def test_what_it_writes_is_the_tree_of_an_image(config, tmp_path) -> None:
    install.lay_out(str(tmp_path), str(FILES))
    files = [path for path in tmp_path.rglob('*') if path.is_file()]
    expected = {
        '/%s' % path.relative_to(tmp_path): path.read_bytes()
        for path in files
        if not path.is_symlink()
    }
    written = {item['path']: content(item) for item in config['write_files']}
    app = written.pop('/usr/lib/nova-ext/guest.pyz')
    assert app.startswith(b'#!/usr/bin/env python3\n')
    assert written == expected


def test_every_key_is_one_that_cloud_init_knows(config) -> None:
    for item in config['write_files']:
        assert set(item) <= {'path', 'permissions', 'encoding', 'content'}
        assert isinstance(item['permissions'], str), 'not a decimal number'
    for command in config['runcmd']:
        assert all(isinstance(word, str) for word in command)


def test_its_commands_link_the_programs_and_start_the_units(
    config, tmp_path
) -> None:
    """Carried out below a folder, with a systemctl that notes its words."""
    root = tmp_path / 'root'
    (root / 'usr/sbin').mkdir(parents=True)
    for item in config['write_files']:
        path = root / item['path'].lstrip('/')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(item))
        path.chmod(int(item['permissions'], 8))
    noted = tmp_path / 'noted'
    tool = tmp_path / 'bin/systemctl'
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "$*" >> %s\n' % shlex.quote(str(noted)))
    tool.chmod(0o755)
    for command in config['runcmd']:
        words = [word.replace('/usr/', '%s/usr/' % root) for word in command]
        path = '%s:%s' % (tool.parent, os.environ['PATH'])
        done = subprocess.run(words, env={'PATH': path}, timeout=20)
        assert done.returncode == 0, words
    for program in install.PROGRAMS:
        link = root / 'usr/sbin' / program
        done = subprocess.run(
            [link, '--help'], timeout=60, capture_output=True, text=True
        )
        assert done.stdout.startswith('usage: ' + program)
    pth = root / install.PTH
    pth.write_text(pth.read_text().replace('/usr/', '%s/usr/' % root))
    done = subprocess.run(
        [sys.executable, '-I', '-S', '-c', FIND, pth.parent],
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.stdout == '%s/%s/nova_ext/guest/server_group.py\n' % (
        *(root, install.APP),
    ), done.stderr
    reload, enable = noted.read_text().splitlines()
    assert reload == 'daemon-reload'
    assert enable.startswith('enable --now --no-block ')
    assert set(enable.split()[3:]) == {
        path.name for path in (FILES / 'systemd').iterdir()
    }
