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
"""The rules of the house: who may import what, and how long a file may be.

The tables, and one bad example for each rule, are in
``tests/vectors/architecture.yaml``.
"""

import ast
from collections.abc import Callable
from collections.abc import Iterator
import pathlib
import sys
from typing import Any

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = yaml.safe_load(
    (ROOT / 'tests/vectors/architecture.yaml').read_text('utf-8')
)
LIMIT = 450
#: Standard library modules that Python 3.6 does not have.
TOO_NEW = {'dataclasses': '3.7', 'contextvars': '3.7', 'zoneinfo': '3.9'}
BUILTIN_GENERICS = {'list', 'dict', 'tuple', 'set', 'frozenset', 'type'}

Rule = Callable[[str, str], Iterator[str]]


def sources(*folders: str) -> Iterator[tuple[str, str]]:
    """Yield ``(path below the root, text)`` of every Python file."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob('*.py')):
            yield path.relative_to(ROOT).as_posix(), path.read_text('utf-8')


def imports(text: str) -> Iterator[str]:
    """Yield the dotted name of everything imported, at any depth.

    ``from a import b`` yields ``a.b``; ``import_module('a.b')`` counts too.
    """
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                '%s.%s' % (node.module or '', alias.name)
                for alias in node.names
            )
        elif isinstance(node, ast.Call):
            yield from imported_by_call(node)


def imported_by_call(node: ast.Call) -> Iterator[str]:
    name = getattr(node.func, 'attr', getattr(node.func, 'id', ''))
    if name in ('import_module', '__import__') and node.args:
        if isinstance(node.args[0], ast.Constant):
            yield str(node.args[0].value)


def is_below(path: str, places: list[str]) -> bool:
    return any(
        path == place or (place.endswith('/') and path.startswith(place))
        for place in places
    )


def check_nova(path: str, text: str) -> Iterator[str]:
    if is_below(path, TABLE['process_rooms']):
        return
    for name in imports(text):
        if name.split('.')[0] == 'nova':
            yield 'only the process rooms may import nova (%s)' % name


def check_length(path: str, text: str) -> Iterator[str]:
    lines = len(text.splitlines())
    if lines > LIMIT:
        yield '%d lines, the limit is %d' % (lines, LIMIT)


def check_eventlet(path: str, text: str) -> Iterator[str]:
    for name in imports(text):
        if name.split('.')[0] == 'eventlet':
            yield 'eventlet may not be imported: Nova picks the executor'


def room_of(path: str) -> str:
    """Return the room of a file: ``model`` for nova_ext/model/bounds.py."""
    return path.removeprefix('nova_ext/').split('/')[0].removesuffix('.py')


def check_floors(path: str, text: str) -> Iterator[str]:
    room = room_of(path)
    if room == '__init__':
        return
    if room not in TABLE['rooms']:
        yield 'the room %s is not in the table of rooms' % room
        return
    allowed = {room, *TABLE['rooms'][room]}
    for name in imports(text):
        parts = name.split('.')
        if parts[0] == 'nova_ext' and parts[1] not in allowed:
            yield '%s may not import nova_ext.%s' % (room, parts[1])


def check_guest(path: str, text: str) -> Iterator[str]:
    if not is_below(path, TABLE['guest_rooms']):
        return
    try:
        tree = ast.parse(text, feature_version=(3, 6))
    except SyntaxError as error:
        yield 'not Python 3.6: %s' % error
        return
    for name in imports(text):
        top = name.split('.')[0]
        if name == '__future__.annotations':
            yield 'annotations needs Python 3.7'
        elif top in TOO_NEW:
            yield '%s needs Python %s' % (top, TOO_NEW[top])
        elif top != 'nova_ext' and top not in sys.stdlib_module_names:
            yield '%s is not in the standard library' % top
    for node in ast.walk(tree):
        if isinstance(node, ast.NamedExpr):
            yield 'not Python 3.6: := needs Python 3.8'
        if isinstance(node, ast.Subscript):
            base = getattr(node.value, 'id', '')
            if base in BUILTIN_GENERICS:
                yield '%s[...] needs Python 3.9' % base


def check_mirror(path: str, text: str) -> Iterator[str]:
    source = pathlib.PurePosixPath(path)
    if source.name == '__init__.py':
        return
    if path in TABLE['proved_in_functional_ring']:
        return
    test = (
        pathlib.PurePosixPath('tests/unit')
        / source.relative_to('nova_ext').parent
        / ('test_' + source.name)
    )
    if not (ROOT / test).exists():
        yield '%s is missing' % test


RULES: dict[str, tuple[Rule, tuple[str, ...]]] = {
    'nova': (check_nova, ('nova_ext',)),
    'length': (check_length, ('nova_ext', 'tests')),
    'eventlet': (check_eventlet, ('nova_ext', 'tests')),
    'floors': (check_floors, ('nova_ext',)),
    'guest': (check_guest, ('nova_ext',)),
    'mirror': (check_mirror, ('nova_ext',)),
}


@pytest.mark.parametrize('rule', RULES)
def test_the_tree_keeps_the_rule(rule: str) -> None:
    check, folders = RULES[rule]
    broken = [
        '%s: %s' % (path, said)
        for path, text in sources(*folders)
        for said in check(path, text)
    ]
    assert broken == []


def name_of(case: dict[str, Any]) -> str:
    return '%s %s' % (case['rule'], case['path'])


@pytest.mark.parametrize('case', TABLE['bad'], ids=name_of)
def test_a_bad_file_is_named(case: dict[str, Any]) -> None:
    check, _ = RULES[case['rule']]
    text = case.get('text', '#\n' * case.get('lines', 0))
    assert any(case['said'] in said for said in check(case['path'], text))


@pytest.mark.parametrize('case', TABLE['good'], ids=name_of)
def test_a_good_file_passes(case: dict[str, Any]) -> None:
    check, _ = RULES[case['rule']]
    assert list(check(case['path'], case['text'])) == []


def test_every_rule_has_a_bad_example() -> None:
    assert {case['rule'] for case in TABLE['bad']} == set(RULES)


def test_no_room_imports_a_higher_one() -> None:
    """The table itself has no circle: each room names only earlier ones."""
    earlier: set[str] = set()
    for room, allowed in TABLE['rooms'].items():
        assert set(allowed) <= earlier, room
        earlier.add(room)


def test_only_process_rooms_are_excused_from_a_unit_test() -> None:
    for path in TABLE['proved_in_functional_ring']:
        assert is_below(path, TABLE['process_rooms'])
