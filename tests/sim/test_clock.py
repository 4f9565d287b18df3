"""The order of things within one second."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import simpy

from omsim.sim.clock import Turn, at, call_at


def test_turns_are_the_specifications_order():
    """What ends, receipts, restocks, backorders, allocation, patience, shrinkage, review, tender, midnight, starts."""
    expected = "completions receipts restocks backorders allocation patience shrinkage review tender midnight starts"
    assert " ".join(turn.name.lower() for turn in sorted(Turn)) == expected
    assert simpy.events.NORMAL == Turn.COMPLETIONS


@pytest.mark.parametrize("asked", list(permutations((Turn.STARTS, Turn.RECEIPTS, Turn.REVIEW, Turn.ALLOCATION))))
def test_a_second_runs_in_turns_whoever_asked_first(asked: tuple[Turn, ...]):
    """Calls of one second happen in the order of their turns; a task that ends then has ended before all of them."""
    env, seen = simpy.Environment(), []
    for turn in asked:
        call_at(env, 7, turn, lambda turn=turn: seen.append(turn))
    env.timeout(7).callbacks.append(lambda _: seen.append(Turn.COMPLETIONS))
    env.run(until=8)
    assert seen == sorted([*asked, Turn.COMPLETIONS])


def test_calls_of_one_turn_keep_their_order_and_may_ask_for_later_turns():
    """First asked, first done; a call made within a second still finds its turn in it."""
    env, seen = simpy.Environment(), []
    call_at(env, 3, Turn.RECEIPTS, lambda: call_at(env, 3, Turn.BACKORDERS, lambda: seen.append("fill")))
    call_at(env, 3, Turn.RECEIPTS, lambda: seen.append("second receipt"))
    call_at(env, 3, Turn.REVIEW, lambda: seen.append("review"))
    env.run(until=at(env, 3, Turn.STARTS))
    assert seen == ["second receipt", "fill", "review"]


def test_the_clock_stays_a_plain_integer():
    """NumPy instants do not turn SimPy's clock into a NumPy number, or a float."""
    env = simpy.Environment()
    env.run(until=at(env, np.int64(5), Turn.STARTS))
    assert type(env.now) is int
    assert env.now == 5
