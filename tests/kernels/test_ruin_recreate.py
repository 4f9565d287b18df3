"""Moves on whole choices: never worse, always allowed, and the optimum where every assignment can be tried."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers
from oracles.sourcing import best_batch_cost, broken_rules, choice_cost_cents, tiny_case

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import Choice
from omsim.kernels.allocation.choice_costs import cost_by_order
from omsim.kernels.allocation.order_choice import choose_orders, fewest_shipments
from omsim.kernels.allocation.ruin_recreate import ruin_and_recreate

SEEDS = integers(0, 2**32 - 1)


def copy_of(stock):
    """Stock that may be used up."""
    return stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())


@settings(max_examples=150)
@given(seed=SEEDS, moves=integers(0, 40), priced=integers(0, 1))
def test_never_worse_and_always_allowed(seed, moves, priced):
    """From any start: no rule broken, no dearer, and the stock left is what the choice leaves."""
    batch, classes, lanes, stock, unserved, price = tiny_case(seed, 12, most_lines=4, most_units=3)
    left = copy_of(stock)
    start = fewest_shipments(batch, classes, lanes, left, unserved)
    found = ruin_and_recreate(
        batch, classes, lanes, left, start, unserved, price * priced, moves=moves, seed=seed % 1_000
    )
    assert broken_rules(batch, classes, lanes, stock, found) == []
    assert choice_cost_cents(batch, lanes, stock, found, unserved) <= choice_cost_cents(
        batch, lanes, stock, start, unserved
    )
    gone = np.zeros_like(stock.free_units)
    np.add.at(gone, stock.cell_of[found.site, batch.sku[found.line]], found.units)
    np.testing.assert_array_equal(stock.free_units - left.free_units, gone)
    order = np.searchsorted(batch.first_line, found.line, side="right") - 1
    shipments = np.unique(order * stock.room.size + found.site) % stock.room.size
    np.testing.assert_array_equal(stock.room - left.room, np.bincount(shipments, minlength=stock.room.size))


def test_finds_the_optimum_of_tiny_batches():
    """Three orders, 200 moves: the best of all assignments in at least 19 of 20 batches."""
    found_best = 0
    for seed in range(100):
        batch, classes, lanes, stock, unserved, price = tiny_case(seed, 3, keeping=False)
        left, none = copy_of(stock), np.zeros_like(price)
        start = choose_orders(batch, classes, lanes, left, unserved, none)
        found = ruin_and_recreate(batch, classes, lanes, left, start, unserved, none, moves=200, seed=1)
        cost = choice_cost_cents(batch, lanes, stock, found, unserved)
        found_best += cost == best_batch_cost(batch, classes, lanes, stock, unserved)
    assert found_best >= 95


def test_same_seed_same_choice():
    """A seed and a number of moves give one answer; another seed may give another, as cheap as it is."""
    batch, classes, lanes, stock, unserved, price = tiny_case(11, 40, most_lines=4, most_units=3)
    answers = []
    for seed in (3, 3):
        left = copy_of(stock)
        start = choose_orders(batch, classes, lanes, left, unserved, np.zeros_like(price))
        found = ruin_and_recreate(batch, classes, lanes, left, start, unserved, price, moves=300, seed=seed)
        answers.append([column.tolist() for column in found])
    assert answers[0] == answers[1]


def test_no_moves_change_nothing():
    """Zero moves hand back what came in."""
    batch, classes, lanes, stock, unserved, price = tiny_case(2, 5)
    left = copy_of(stock)
    start = choose_orders(batch, classes, lanes, left, unserved, price)
    found = ruin_and_recreate(batch, classes, lanes, left, start, unserved, price, moves=0, seed=0)
    assert [column.tolist() for column in found] == [column.tolist() for column in start]


def test_nothing_served_is_a_start_too():
    """From an empty choice the moves serve the orders."""
    for seed in range(200):
        batch, classes, lanes, stock, unserved, price = tiny_case(seed, 6, tight_room=False)
        none, left = np.zeros(0, dtype=np.int64), copy_of(stock)
        served = choose_orders(batch, classes, lanes, copy_of(stock), unserved, np.zeros_like(price))
        if served.line.size:
            break
    found = ruin_and_recreate(
        batch, classes, lanes, left, Choice(none, none, none), unserved, np.zeros_like(price), moves=50, seed=0
    )
    assert found.line.size > 0


@settings(max_examples=60)
@given(seed=SEEDS)
def test_cost_by_order_adds_up(seed):
    """The orders' costs sum to the cost of the choice, counted piece by piece."""
    batch, classes, lanes, stock, unserved, price = tiny_case(seed, 8)
    choice = choose_orders(batch, classes, lanes, copy_of(stock), unserved, price)
    by_order = cost_by_order(batch, lanes, stock, choice, unserved)
    assert by_order.shape == (8,)
    assert by_order.sum() == choice_cost_cents(batch, lanes, stock, choice, unserved)


def test_wrong_numbers_are_named():
    """Moves and seeds below nothing."""
    batch, classes, lanes, stock, unserved, price = tiny_case(2, 5)
    start = choose_orders(batch, classes, lanes, copy_of(stock), unserved, price)
    with pytest.raises(FieldError, match="moves"):
        ruin_and_recreate(batch, classes, lanes, stock, start, unserved, price, moves=-1, seed=0)
    with pytest.raises(FieldError, match="seed"):
        ruin_and_recreate(batch, classes, lanes, stock, start, unserved, price, moves=1, seed=-1)
