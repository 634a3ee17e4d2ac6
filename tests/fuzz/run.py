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
"""Fuzz what guests reach, by hand: coverage-guided, with atheris.

.. code-block:: console

   $ pip install atheris
   $ python -m tests.fuzz.run 600

fuzzes for ten minutes from ``tests/fuzz/corpus`` and what was captured, then
replaces the corpus by the smallest part of what was found that reaches as
much. An input that does harm is left in the working directory as ``crash-*``:
make a test of it.
"""

from collections.abc import Iterable
import hashlib
import pathlib
import shlex
import subprocess
import sys
import tempfile

import atheris

with atheris.instrument_imports(include=['nova_ext', 'tests.fuzz.target']):
    from tests.fuzz import target

from tests.fuzz import seeds

#: Longest input: more than one line of the longest kind.
MAX_INPUT = 5000


def fuzz(words: list[str]) -> None:
    """Become libFuzzer with these arguments; does not return."""
    # libFuzzer starts itself again, with a shell, by its first argument.
    itself = '%s -m tests.fuzz.run --' % shlex.quote(sys.executable)
    atheris.Setup([itself, *words], target.check)
    atheris.Fuzz()


def call(*words: object) -> int:
    """Run libFuzzer in a process of its own; return its exit status."""
    command = [sys.executable, '-m', 'tests.fuzz.run', '--', *map(str, words)]
    return subprocess.run(command, timeout=7200).returncode


def main(seconds: int) -> int:
    """Fuzz, and keep what was found, also by a run that failed."""
    with tempfile.TemporaryDirectory() as folder:
        work, small = pathlib.Path(folder, 'work'), pathlib.Path(folder, 'min')
        words = pathlib.Path(folder, 'words')
        words.write_text(''.join(map(entry, seeds.WORDS)))
        given = write(small, seeds.first())
        write(work, seeds.corpus())
        status = call(
            '-max_total_time=%d' % seconds,
            *('-dict=%s' % words, '-max_len=%d' % MAX_INPUT, '-timeout=10'),
            *('-rss_limit_mb=1024', '-print_final_stats=1', work, small),
        )
        call('-merge=1', '-max_len=%d' % MAX_INPUT, small, work)
        found = [path for path in small.iterdir() if path not in given]
        keep(path.read_bytes() for path in found)
    print('The corpus has %d inputs.' % len(seeds.corpus()))
    return status


def write(folder: pathlib.Path, inputs: Iterable[bytes]) -> set[pathlib.Path]:
    """Write inputs into a new folder; return their paths."""
    folder.mkdir()
    paths = set()
    for number, item in enumerate(inputs):
        path = folder / ('given-%d' % number)
        path.write_bytes(item)
        paths.add(path)
    return paths


def keep(inputs: Iterable[bytes]) -> None:
    """Make these the corpus, named by their content."""
    contents = {hashlib.sha1(item).hexdigest(): item for item in inputs}
    for path in seeds.CORPUS.iterdir():
        path.unlink()
    for name, item in contents.items():
        (seeds.CORPUS / name).write_bytes(item)


def entry(word: bytes) -> str:
    """Return a line of libFuzzer's dictionary."""
    return '"%s"\n' % ''.join('\\x%02x' % byte for byte in word)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--']:
        fuzz(sys.argv[2:])
    else:
        sys.exit(main(int(sys.argv[1])))
