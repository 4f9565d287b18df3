"""Prices and the bound they prove, against every assignment of tiny batches."""

import math
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers
from oracles.sourcing import best_batch_cost, broken_rules, choice_cost_cents, tiny_case

from omsim.errors import FieldError
from omsim.kernels.allocation.dual_prices import carry_prices, move_prices, price_stock, source_with_prices
from omsim.kernels.allocation.order_choice import choose_orders, fewest_shipments

SEEDS = integers(0, 2**32 - 1)


def copy_of(stock):
    """Stock that may be used up."""
    return stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())


@settings(max_examples=150)
@given(seed=SEEDS, passes=integers(1, 12), most_sites=integers(1, 4))
def test_bound_below_optimum_below_every_rule(seed, passes, most_sites):
    """However few sites are searched: bound <= best of all assignments <= what each rule finds."""
    batch, classes, lanes, stock, unserved, price = tiny_case(seed, 3, keeping=False)
    best = best_batch_cost(batch, classes, lanes, stock, unserved)
    priced = price_stock(batch, classes, lanes, stock, unserved, passes=passes, most_sites=most_sites)
    assert priced.bound_cents <= best
    found = source_with_prices(batch, classes, lanes, copy_of(stock), unserved, passes=passes, most_sites=most_sites)
    assert found.cost_cents == choice_cost_cents(batch, lanes, stock, found.choice, unserved)
    assert found.bound_cents == priced.bound_cents
    assert best <= found.cost_cents
    none = np.zeros_like(price)
    for choice in (
        choose_orders(batch, classes, lanes, copy_of(stock), unserved, none, most_sites=most_sites),
        choose_orders(batch, classes, lanes, copy_of(stock), unserved, price, most_sites=most_sites),
        fewest_shipments(batch, classes, lanes, copy_of(stock), unserved, most_sites=most_sites),
    ):
        assert best <= choice_cost_cents(batch, lanes, stock, choice, unserved)


@settings(max_examples=150)
@given(seed=SEEDS, moves=integers(0, 20))
def test_a_priced_choice_keeps_the_rules(seed, moves):
    """Units kept for others, room, limits: nothing is broken, and never dearer than without prices."""
    batch, classes, lanes, stock, unserved, price = tiny_case(seed, 8, most_lines=4, most_units=3)
    left = copy_of(stock)
    found = source_with_prices(batch, classes, lanes, left, unserved, passes=4, moves=moves)
    assert broken_rules(batch, classes, lanes, stock, found.choice) == []
    gone = np.zeros_like(stock.free_units)
    np.add.at(gone, stock.cell_of[found.choice.site, batch.sku[found.choice.line]], found.choice.units)
    np.testing.assert_array_equal(stock.free_units - left.free_units, gone)
    myopic = choose_orders(batch, classes, lanes, copy_of(stock), unserved, np.zeros_like(price))
    assert found.bound_cents <= found.cost_cents <= choice_cost_cents(batch, lanes, stock, myopic, unserved)
    assert found.cost_cents == choice_cost_cents(batch, lanes, stock, found.choice, unserved)


@settings(max_examples=100)
@given(seed=SEEDS)
def test_any_prices_prove_a_bound(seed):
    """One pass at arbitrary prices on stock and room: the bound is one all the same."""
    batch, classes, lanes, stock, unserved, price = tiny_case(seed, 3, keeping=False)
    room_price = np.random.default_rng(seed).integers(0, 9, stock.room.size)
    priced = price_stock(
        batch, classes, lanes, stock, unserved, passes=1, start_price_cents=price, start_room_price_cents=room_price
    )
    assert priced.bound_cents <= best_batch_cost(batch, classes, lanes, stock, unserved)
    np.testing.assert_array_equal(priced.bound_price_cents, price)
    np.testing.assert_array_equal(priced.bound_room_price_cents, room_price)


def lossy_cases():
    """Tiny batches in which serving the orders in turn is not best, with the best cost and that of the turn."""
    for seed in range(10_000):
        case = tiny_case(seed, 3, keeping=False, tight_room=False)
        batch, classes, lanes, stock, unserved, price = case
        myopic = choose_orders(batch, classes, lanes, copy_of(stock), unserved, np.zeros_like(price))
        best = best_batch_cost(batch, classes, lanes, stock, unserved)
        if best < choice_cost_cents(batch, lanes, stock, myopic, unserved):
            yield case, best, choice_cost_cents(batch, lanes, stock, myopic, unserved)


def test_prices_catch_much_of_what_the_cheapest_rule_loses():
    """Over tiny batches in which order by order is not best, prices win back at least a third of the loss."""
    lost = caught = 0
    for (batch, classes, lanes, stock, unserved, _), best, myopic in islice(lossy_cases(), 60):
        found = source_with_prices(batch, classes, lanes, copy_of(stock), unserved, passes=20)
        lost += myopic - best
        caught += myopic - found.cost_cents
    assert caught >= lost / 3


def test_room_gets_a_price_where_it_binds():
    """Two sites, the cheap one with room for one of three shipments: its room is worth what the other costs more."""
    batch, classes, lanes, stock, *_ = tiny_case(0, 1)
    zeros = np.zeros(3, dtype=np.int64)
    batch = batch._replace(first_line=np.arange(4), sku=zeros, units=zeros + 1, lane=zeros, order_class=zeros)
    classes = classes._replace(
        allowed=np.ones((1, 2), dtype=bool),
        split_limit=np.array([1]),
        partial=np.array([True]),
        complete=np.array([False]),
        kept_units=np.zeros((1, 0), dtype=np.int64),
    )
    none = np.zeros((1, 2), dtype=np.int64)
    lanes = lanes._replace(
        ranking=np.array([[0, 1]]), shipment_cents=np.array([[100, 160]]), unit_cents=none, kg_cents=none
    )
    stock = stock._replace(
        cell_of=np.array([[0], [1]], dtype=np.int32),
        free_units=np.array([9, 9]),
        room=np.array([1, 9]),
        weight_g=np.array([0]),
    )
    found = source_with_prices(batch, classes, lanes, stock, 1_000, passes=40)
    assert found.cost_cents == 100 + 160 + 160
    assert found.bound_cents >= found.cost_cents - 2
    assert stock.room.tolist() == [0, 7]


def test_a_warm_start_keeps_good_prices():
    """Started from prices of many passes, one pass proves at least what they proved."""
    batch, classes, lanes, stock, unserved, _ = tiny_case(5, 12)
    cold = price_stock(batch, classes, lanes, stock, unserved, passes=30)
    warm = price_stock(
        batch, classes, lanes, stock, unserved, passes=1, start_price_cents=cold.bound_price_cents,
        start_room_price_cents=cold.bound_room_price_cents,
    )  # fmt: skip
    assert warm.bound_cents == cold.bound_cents


def test_carried_prices_keep_what_sets_sites_apart():
    """Of a SKU in ample demand the common part goes and the difference stays; of a short one nothing is carried."""
    batch, _, lanes, stock, *_ = tiny_case(3, 1)
    ids = np.arange(2)
    batch = batch._replace(sku=ids, units=np.array([3_000_000, 9]))
    lanes = lanes._replace(
        shipment_cents=np.full((1, 2), 100), unit_cents=np.full((1, 2), 10), kg_cents=np.zeros((1, 2), dtype=np.int64)
    )
    stock = stock._replace(
        cell_of=np.array([[0, 2], [1, 3]], dtype=np.int32),
        free_units=np.array([2_000_000, 2_000_000, 4, 4]),
        room=np.array([9, 9]),
        weight_g=np.array([0, 0]),
    )
    carried = carry_prices(batch, lanes, stock, 1_000, np.array([700, 820, 30, 50]))
    assert carried.tolist() == [0, 120, 890, 890]
    with pytest.raises(FieldError, match="price_cents"):
        carry_prices(batch, lanes, stock, 1_000, np.array([1, 2, 3]))


def test_same_batch_same_prices():
    """Nothing is drawn at random: two runs agree in every number."""
    batch, classes, lanes, stock, unserved, _ = tiny_case(9, 15, most_units=3)
    first = price_stock(batch, classes, lanes, stock, unserved, passes=9)
    again = price_stock(batch, classes, lanes, stock, unserved, passes=9)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_price_steps():
    """Up where too much is asked, growing while it stays so; down at half the step; never below nothing."""
    price, step, turn = np.array([10.0, 1.0, 0.0, 7.0]), np.full(4, 8.0), np.zeros(4, dtype=np.int64)
    free = np.array([3, 4, 5, 2])
    move_prices(price, step, turn, np.array([4, 0, 0, 2]), free)
    np.testing.assert_allclose(price, [14.0, 0.0, 0.0, 7.0])  # root of a quarter of 8
    move_prices(price, step, turn, np.array([4, 8, 0, 2]), free)
    np.testing.assert_allclose(price, [14.0 + 10.0 / 2, 4.0 * math.sqrt(0.5), 0.0, 7.0])
    assert turn.tolist() == [1, 1, 0, 0]


def test_no_passes_is_an_error():
    """Prices come from at least one pass."""
    batch, classes, lanes, stock, unserved, price = tiny_case(1, 2)
    with pytest.raises(FieldError, match="passes"):
        price_stock(batch, classes, lanes, stock, unserved, passes=0)
    with pytest.raises(FieldError, match="price_cents"):
        price_stock(batch, classes, lanes, stock, unserved, passes=1, start_price_cents=price - 10)
