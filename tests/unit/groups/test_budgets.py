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
import threading

from nova_ext.groups import budgets


def test_a_budget_refills_and_is_bounded() -> None:
    now = [0.0]
    made = budgets.Budgets(10, 100, lambda: now[0])
    assert made.spend('a', 100)
    assert not made.spend('a', 1)
    now[0] = 0.5
    assert made.spend('a', 3)
    now[0] = 1000
    assert made.spend('a', 100)
    assert not made.spend('a', 1)


def test_one_key_does_not_spend_anothers() -> None:
    made = budgets.Budgets(1, 100, lambda: 0.0)
    assert made.spend('a', 1000)
    assert not made.spend('a', 1)
    assert made.spend('b', 1)


def test_what_is_dear_is_granted_once_and_then_paid_back() -> None:
    now = [0.0]
    made = budgets.Budgets(1, 100, lambda: now[0])
    assert made.spend('a', 30)
    now[0] = 19
    assert not made.spend('a', 1)
    now[0] = 21
    assert made.spend('a', 1)


def test_only_so_many_keys_are_remembered() -> None:
    made = budgets.Budgets(1, 2, lambda: 0.0)
    for key in 'abc':
        assert made.spend(key, 1000)
    assert made.spend('a', 1)
    assert not made.spend('c', 1)


def test_shares() -> None:
    made = budgets.Shares(2)
    with made.share('a') as first, made.share('a') as second:
        with made.share('a') as third, made.share('b') as other:
            assert (first, second, third, other) == (True, True, False, True)
    with made.share('a') as again:
        assert again


def test_a_share_is_given_back_after_an_error() -> None:
    made = budgets.Shares(1)
    for _ in range(3):
        try:
            with made.share('a') as free:
                assert free
                raise KeyError
        except KeyError:
            pass


def test_shares_hold_between_threads() -> None:
    made = budgets.Shares(1)
    results: list[bool] = []

    def work() -> None:
        with made.share('a') as free:
            results.append(free)

    with made.share('a'):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(10)
    assert results == [False]
