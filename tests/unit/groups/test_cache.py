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
from nova_ext.groups import cache


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def make(size: int = 3, lifetime: float = 60.0) -> tuple[cache.Cache, Clock]:
    clock = Clock()
    return cache.Cache(size, lifetime, clock), clock


def test_a_value_is_read_once() -> None:
    made, _ = make()
    assert made.get('a', str.upper) == 'A'
    assert made.get('a', lambda key: 'other') == 'A'


def test_a_forgotten_value_is_read_anew() -> None:
    made, _ = make()
    made.get('a', str.upper)
    made.forget('a')
    assert made.get('a', lambda key: 'new') == 'new'


def test_an_old_value_is_read_anew() -> None:
    made, clock = make()
    made.get('a', str.upper)
    clock.now += 61
    assert made.get('a', lambda key: 'new') == 'new'


def test_the_longest_unused_goes_first() -> None:
    made, _ = make(size=2)
    made.get('a', str.upper)
    made.get('b', str.upper)
    made.get('a', str.upper)
    made.get('c', str.upper)
    assert len(made) == 2
    assert made.get('a', lambda key: 'new') == 'A'
    assert made.get('b', lambda key: 'new') == 'new'


def test_several_are_read_in_one_go_and_missing_ones_left_out() -> None:
    made, _ = make(size=10)
    made.get('a', str.upper)
    asked = []

    def read(keys: list[str]) -> dict[str, str]:
        asked.append(keys)
        return {'b': 'B'}

    assert made.get_all(['a', 'b', 'c'], read) == {'a': 'A', 'b': 'B'}
    assert asked == [['b', 'c']]


def test_what_was_forgotten_while_it_was_read_is_not_kept() -> None:
    """It may be from before the change."""
    made, _ = make()

    def read(key: str) -> str:
        made.forget(key)
        return 'old'

    assert made.get('a', read) == 'old'
    assert made.get('a', lambda key: 'new') == 'new'


def test_forgetting_by_value_spoils_what_is_being_read() -> None:
    made, _ = make()
    made.get('keep', lambda key: 'k')
    made.get('drop', lambda key: 'd')

    def read(key: str) -> str:
        made.forget_if(lambda value: value == 'd')
        return 'old'

    made.get('a', read)
    for key, expected in (('keep', 'k'), ('drop', 'new'), ('a', 'new')):
        assert made.get(key, lambda key: 'new') == expected


def test_a_failed_reading_keeps_nothing() -> None:
    made, _ = make()
    for _ in range(2):
        try:
            made.get('a', lambda key: 1 / 0)
        except ZeroDivisionError:
            pass
        else:
            raise AssertionError('it must be read again')
    assert made.get('a', str.upper) == 'A'
