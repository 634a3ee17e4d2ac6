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
"""One of several processes that share the tests; one JSON line for each."""

from collections.abc import Iterator
import importlib
import json
import pkgutil
import re
import sys
import time
from typing import Any
import unittest

from tests.functional.nova_suite import substitution


def main(arguments: list[str]) -> None:
    """Run a share of the tests.

    :param arguments: our number, how many we are, the file to write to, how
        mocks are treated (``plain`` for Nova's own classes), a pattern that
        the tests' names contain, and the modules.
    """
    number, workers, out, mocks, pattern, *names = arguments
    classes = substitution.Substitution()
    if mocks != 'plain':
        classes.install(mocks)
    # First of all: patching later breaks tests on releases with eventlet.
    monkey_patch = importlib.import_module('nova.monkey_patch')
    getattr(monkey_patch, 'patch', lambda: None)()
    importlib.import_module('nova.tests.unit')
    loader = unittest.TestLoader()
    tests = [
        test
        for name in _expand(names)
        for test in _flatten(loader.loadTestsFromName(name))
        if re.search(pattern, test.id())
    ]
    with open(out, 'a', buffering=1, encoding='utf-8') as file:
        _run(tests[int(number) :: int(workers)], Result(file, classes))


def _run(tests: list[Any], result: 'Result') -> None:
    cls = None
    # What ran is let go, or a thousand test objects keep their databases.
    while tests:
        test = tests.pop(0)
        if type(test) is not cls:
            # Running tests one by one does not call these.
            getattr(cls, 'tearDownClass', lambda: None)()
            cls = type(test)
            getattr(cls, 'setUpClass', lambda: None)()
        test.run(result)


def _flatten(suite: Any) -> Iterator[Any]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flatten(test)
        else:
            yield test


def _expand(names: list[str]) -> Iterator[str]:
    """Yield modules, and those below packages."""
    for name in names:
        module = importlib.import_module(name)
        if not hasattr(module, '__path__'):
            yield name
            continue
        for found in pkgutil.walk_packages(module.__path__, name + '.'):
            if found.name.rpartition('.')[2].startswith('test'):
                yield found.name


class Result(unittest.TestResult):
    """Writes how each test went."""

    def __init__(self, file: Any, classes: substitution.Substitution) -> None:
        super().__init__()
        self._file = file
        self._classes = classes
        self._status: str | None = None

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        self._began = time.monotonic()
        self._made = self._classes.made
        self._status, self._reason = 'ok', ''

    def stopTest(self, test: Any) -> None:
        self._write(test, self._status or 'error', self._reason)
        self._status = None

    def addError(self, test: Any, err: Any) -> None:
        if self._status is None:
            # A class that could not be set up.
            self._began, self._made = time.monotonic(), self._classes.made
            self._write(test, 'error', str(err[1]))
        else:
            self._fail('error', err)

    def addFailure(self, test: Any, err: Any) -> None:
        self._fail('fail', err)

    def addSkip(self, test: Any, reason: str) -> None:
        self._status = 'skip'

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self._status = 'skip'

    def addUnexpectedSuccess(self, test: Any) -> None:
        self._fail('fail', (None, 'unexpected success'))

    def _fail(self, status: str, err: Any) -> None:
        self._status = status
        self._reason += str(err[1]) or repr(err[1])

    def _write(self, test: Any, status: str, reason: str) -> None:
        entry = {
            'id': test.id(),
            'status': status,
            'reason': reason[-3000:],
            'seconds': round(time.monotonic() - self._began, 2),
            'ours': self._classes.made - self._made,
        }
        self._file.write(json.dumps(entry) + '\n')


if __name__ == '__main__':
    _arguments = sys.argv[1:]
    # Nova parses these when it is imported.
    del sys.argv[1:]
    main(_arguments)
