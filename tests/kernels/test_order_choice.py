"""Orders served one by one against every assignment there is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers
from oracles.sourcing import broken_rules, choice_cost_cents, order_options, tiny_case

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import Batch, Classes, Lanes, Stock, nothing_kept
from omsim.kernels.allocation.order_choice import choose_orders, fewest_shipments
from omsim.kernels.allocation.subsets import MOST_SETS, searched_sites

SEEDS = integers(0, 2**32 - 1)


def copy_of(stock):
    """Stock that may be used up."""
    return stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())


def priced_cost(batch, lanes, stock, choice, unserved_cents, price_cents):
    """What the choice was decided on: its cost and the prices of what it takes."""
    cells = stock.cell_of[choice.site, batch.sku[choice.line]]
    return choice_cost_cents(batch, lanes, stock, choice, unserved_cents) + int(price_cents[cells] @ choice.units)


@settings(max_examples=600)
@given(seed=SEEDS)
def test_an_order_is_served_at_its_least_cost(seed):
    """One order, any rules: the choice costs what the best of all assignments costs, prices included."""
    batch, classes, lanes, stock, unserved, price = tiny_case(seed, 1, most_lines=4)
    choice = choose_orders(batch, classes, lanes, copy_of(stock), unserved, price, most_sites=4)
    options = order_options(batch, classes, lanes, stock, 0, unserved, price)
    assert broken_rules(batch, classes, lanes, stock, choice) == []
    assert priced_cost(batch, lanes, stock, choice, unserved, price) == min(option[0] for option in options)


@settings(max_examples=200)
@given(seed=SEEDS)
def test_equal_costs_take_fewest_sites(seed):
    """Among the assignments of least cost there is none with fewer sites."""
    batch, classes, lanes, stock, unserved, price = tiny_case(seed, 1)
    choice = choose_orders(batch, classes, lanes, copy_of(stock), unserved, price, most_sites=4)
    options = order_options(batch, classes, lanes, stock, 0, unserved, price)
    least = min(option[0] for option in options)
    fewest = min(len(sites) for cost, _, _, sites in options if cost == least)
    assert np.unique(choice.site).size == fewest


@settings(max_examples=300)
@given(seed=SEEDS)
def test_fewest_shipments_serves_most_from_fewest(seed):
    """One order: most units of all assignments, then fewest sites, then least cost."""
    batch, classes, lanes, stock, unserved, _ = tiny_case(seed, 1)
    choice = fewest_shipments(batch, classes, lanes, copy_of(stock), unserved, most_sites=4)
    got = (
        -int(choice.units.sum()),
        np.unique(choice.site).size,
        choice_cost_cents(batch, lanes, stock, choice, unserved),
    )
    options = order_options(batch, classes, lanes, stock, 0, unserved)
    assert broken_rules(batch, classes, lanes, stock, choice) == []
    assert got == min((-served, len(sites), cost) for cost, served, _, sites in options)


@settings(max_examples=200)
@given(seed=SEEDS, most_sites=integers(1, 4))
def test_never_oversells(seed, most_sites):
    """Many orders on little stock: every rule kept, and what is gone is exactly what was given."""
    batch, classes, lanes, stock, unserved, price = tiny_case(seed, 12, most_lines=5, most_units=3)
    for rule in ("priced", "fewest"):
        left = copy_of(stock)
        if rule == "priced":
            choice = choose_orders(batch, classes, lanes, left, unserved, price, most_sites=most_sites)
        else:
            choice = fewest_shipments(batch, classes, lanes, left, unserved, most_sites=most_sites)
        assert broken_rules(batch, classes, lanes, stock, choice) == []
        gone = np.zeros_like(stock.free_units)
        np.add.at(gone, stock.cell_of[choice.site, batch.sku[choice.line]], choice.units)
        np.testing.assert_array_equal(stock.free_units - left.free_units, gone)
        order = np.searchsorted(batch.first_line, choice.line, side="right") - 1
        shipments = np.unique(order * stock.room.size + choice.site) % stock.room.size
        np.testing.assert_array_equal(stock.room - left.room, np.bincount(shipments, minlength=stock.room.size))


@settings(max_examples=60)
@given(seed=SEEDS)
def test_orders_are_served_in_turn(seed):
    """A batch is decided as its orders are decided one at a time on what is left."""
    batch, classes, lanes, stock, unserved, price = tiny_case(seed, 6)
    whole = choose_orders(batch, classes, lanes, copy_of(stock), unserved, price)
    left, site, units = copy_of(stock), [], []
    for order in range(batch.lane.size):
        lines = slice(batch.first_line[order], batch.first_line[order + 1])
        alone = Batch(
            batch.first_line[order : order + 2] - batch.first_line[order],
            batch.sku[lines],
            batch.units[lines],
            batch.lane[order : order + 1],
            batch.order_class[order : order + 1],
        )
        choice = choose_orders(alone, classes, lanes, left, unserved, price)
        site += choice.site.tolist()
        units += choice.units.tolist()
    assert (whole.site.tolist(), whole.units.tolist()) == (site, units)


def wide_case(n_sites, split_limit, *, partial=True, complete=False):
    """One order of a line a site, each line carried by its own site only."""
    ids, zeros, ones = np.arange(n_sites), np.zeros(n_sites, dtype=np.int64), np.ones(n_sites, dtype=np.int64)
    cell_of = np.full((n_sites, n_sites), -1, dtype=np.int32)
    cell_of[ids, ids] = ids
    limits = np.array([split_limit]), np.array([partial]), np.array([complete])
    return (
        Batch(np.array([0, n_sites]), ids, ones, zeros[:1], zeros[:1]),
        Classes(np.ones((1, n_sites), dtype=bool), *limits, nothing_kept(1)),
        Lanes(ids[None, :], np.full((1, n_sites), 5), zeros[None, :], zeros[None, :]),
        Stock(cell_of, ones.copy(), ones.copy(), ones),
    )


def no_prices(n_cells):
    """Prices of nothing."""
    return np.zeros(n_cells, dtype=np.int64)


@pytest.mark.parametrize(("split_limit", "served"), [(1, 1), (3, 3), (5, 5), (8, 6)])
def test_beyond_the_sets_searched_sites_are_added_one_by_one(split_limit, served):
    """Six sites are needed and three searched together: the rest follow up to the split limit."""
    batch, classes, lanes, stock = wide_case(6, split_limit)
    choice = choose_orders(batch, classes, lanes, stock, 9, no_prices(6), most_sites=3)
    assert choice.units.sum() == served


@pytest.mark.parametrize(("split_limit", "served"), [(5, 0), (6, 6)])
def test_a_complete_order_is_all_or_nothing(split_limit, served):
    """An order that must go complete and needs six sites is served by six or not at all."""
    batch, classes, lanes, stock = wide_case(6, split_limit, complete=True)
    choice = choose_orders(batch, classes, lanes, stock, 9, no_prices(6), most_sites=3)
    assert choice.units.sum() == served


def test_a_repeated_sku_never_counts_a_unit_twice():
    """Two lines of three units of a SKU, four at one site: whole lines get one, lines in part get four."""
    for partial, units in ((False, [3]), (True, [3, 1])):
        batch = Batch(np.array([0, 2]), np.zeros(2, dtype=np.int64), np.array([3, 3]), np.array([0]), np.array([0]))
        classes = Classes(
            np.ones((1, 1), dtype=bool), np.array([1]), np.array([partial]), np.array([False]), nothing_kept(1)
        )
        ones = np.ones((1, 1), dtype=np.int64)
        lanes = Lanes(np.zeros((1, 1), dtype=np.int64), ones, ones, ones)
        stock = Stock(np.zeros((1, 1), dtype=np.int32), np.array([4]), np.array([1]), np.array([10]))
        choice = choose_orders(batch, classes, lanes, stock, 100, np.zeros(1, dtype=np.int64))
        assert choice.units.tolist() == units
        assert stock.free_units.tolist() == [4 - sum(units)]


def test_no_orders_no_pieces():
    """An empty batch is served by nothing."""
    _, classes, lanes, stock = wide_case(3, 3)
    none = np.zeros(0, dtype=np.int64)
    nobody = Batch(np.zeros(1, dtype=np.int64), none, none, none, none)
    choice = choose_orders(nobody, classes, lanes, stock, 9, no_prices(3))
    assert choice.line.size == 0


def test_wrong_numbers_are_named():
    """A price too few, a negative one, no sites at all, a negative penalty: each named."""
    batch, classes, lanes, stock = wide_case(3, 3)
    with pytest.raises(FieldError, match="price_cents"):
        choose_orders(batch, classes, lanes, stock, 9, no_prices(2))
    with pytest.raises(FieldError, match="price_cents"):
        choose_orders(batch, classes, lanes, stock, 9, no_prices(3) - 1)
    with pytest.raises(FieldError, match="room_price_cents"):
        choose_orders(batch, classes, lanes, stock, 9, no_prices(3), room_price_cents=no_prices(2))
    with pytest.raises(FieldError, match="most_sites"):
        choose_orders(batch, classes, lanes, stock, 9, no_prices(3), most_sites=0)
    with pytest.raises(FieldError, match="unserved_cents"):
        fewest_shipments(batch, classes, lanes, stock, -1)


@pytest.mark.parametrize(
    ("n_candidates", "most_sites", "sites"),
    [
        (3, 10, 10),
        (16, 16, 16),
        (17, 16, 8),
        (73, 3, 3),
        (74, 3, 2),
        (361, 3, 2),
        (362, 3, 1),
        (10**6, 3, 1),
        (0, 3, 3),
    ],
)
def test_sets_stay_few_among_many_sites(n_candidates, most_sites, sites):
    """Sets up to the size told, the empty one too, are at most 65,536; one size more is too many or not asked for."""

    def n_sets(size):
        return sum(math.comb(n_candidates, of) for of in range(size + 1))

    assert searched_sites(n_candidates, most_sites) == sites
    assert n_sets(sites) <= MOST_SETS or sites == 1
    assert sites == most_sites or n_sets(sites + 1) > MOST_SETS
