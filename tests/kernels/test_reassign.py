"""Orders on hold change places: never worse, never more than there is, and nothing left that two orders would trade."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.sourcing import broken_rules, choice_cost_cents, tiny_case

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import Batch, Choice, Classes, Lanes, Stock, nothing_kept
from omsim.kernels.allocation.order_choice import choose_orders
from omsim.kernels.allocation.reassign import reassign
from omsim.kernels.allocation.walk import MOST_STOCK, RANKED, walk_sites
from omsim.optimize.sourcing.check import check_sourcing


def whole(*values):
    """Columns of whole numbers."""
    return tuple(np.array(value, dtype=np.int64) for value in values)


def two_sites(first_line, sku, free, *, room=9, split_limit=2):
    """Orders of single units over three SKUs at two sites, 500 cents a shipment; site 1 costs a cent a unit."""
    n_orders = len(first_line) - 1
    one = np.ones(1, dtype=bool)
    return (
        Batch(*whole(first_line, sku, [1] * len(sku), [0] * n_orders, [0] * n_orders)),
        Classes(np.ones((1, 2), dtype=bool), np.array([split_limit]), one, ~one, nothing_kept(1)),
        Lanes(*whole([[0, 1]], [[500, 500]], [[0, 1]], [[0, 0]])),
        Stock(
            np.arange(6, dtype=np.int32).reshape(2, 3),
            np.array(free, dtype=np.int64),
            np.full(2, room, dtype=np.int64),
            np.full(3, 100, dtype=np.int64),
        ),
    )


def test_a_split_order_is_joined_with_free_stock():
    """SKU 1 came back at site 0 after the order was split: one shipment less, and its unit at site 1 is free again."""
    case = two_sites([0, 2], [0, 1], [0, 1, 0, 0, 0, 0])
    after = reassign(*case, Choice(*whole([0, 1], [0, 1], [1, 1])))
    assert after.site.tolist() == [0, 0]
    assert case[3].free_units.tolist() == [0, 0, 0, 0, 1, 0]
    assert case[3].room.tolist() == [9, 10]


def test_a_split_order_trades_places_with_a_single_one():
    """Nothing is free: the single-line order gives its unit at site 0 for the split order's at site 1."""
    case = two_sites([0, 2, 3], [0, 1, 1], [0] * 6)
    held = Choice(*whole([0, 1, 2], [0, 1, 0], [1, 1, 1]))
    assert reassign(*case, held).site.tolist() == [0, 0, 1]
    assert case[3].free_units.sum() == 0
    assert reassign(*two_sites([0, 2, 3], [0, 1, 1], [0] * 6), held, most_partners=0).site.tolist() == [0, 1, 0]


def test_two_split_orders_exchange_a_sku():
    """Each holds at the wrong site what the other has at the right one: after the exchange neither is split."""
    case = two_sites([0, 2, 4], [0, 1, 2, 1], [0] * 6)
    after = reassign(*case, Choice(*whole([0, 1, 2, 3], [0, 1, 1, 0], [1, 1, 1, 1])))
    assert after.site.tolist() == [0, 0, 1, 1]


def test_an_order_moves_to_a_third_place_together():
    """No site it uses has both SKUs, another has: it goes there with everything."""
    one = np.ones(1, dtype=bool)
    batch = Batch(*whole([0, 2], [0, 1], [2, 1], [0], [0]))
    classes = Classes(np.ones((1, 3), dtype=bool), np.array([2]), one, ~one, nothing_kept(1))
    lanes = Lanes(*whole([[0, 1, 2]], [[300, 300, 500]], [[0, 0, 0]], [[0, 0, 0]]))
    stock = Stock(
        np.array([[0, -1], [-1, 1], [2, 3]], dtype=np.int32), np.array([0, 0, 2, 1]), np.array([5, 5, 1]), np.full(2, 9)
    )
    after = reassign(batch, classes, lanes, stock, Choice(*whole([0, 1], [0, 1], [2, 1])))
    assert after.site.tolist() == [2, 2]
    assert stock.room.tolist() == [6, 6, 0]


def test_two_pieces_of_a_line_that_meet_are_one():
    """A line in two parts is one piece where a site has it all."""
    case = two_sites([0, 1], [0], [1, 0, 0, 0, 0, 0])
    case = (case[0]._replace(units=np.array([2])), *case[1:])
    after = reassign(*case, Choice(*whole([0, 0], [0, 1], [1, 1])))
    assert [column.tolist() for column in after] == [[0], [0], [2]]


def test_no_room_no_move():
    """A partner that would need a shipment at a full site stays where it is."""
    case = two_sites([0, 2, 4], [0, 1, 0, 1], [0] * 6, room=0)
    held = Choice(*whole([0, 1, 2, 3], [0, 1, 0, 0], [1, 1, 1, 1]))
    assert reassign(*case, held).site.tolist() == [0, 1, 0, 0]


def test_nothing_on_hold():
    """No orders, no pieces, no passes: the choice as it was."""
    case = two_sites([0, 2], [0, 1], [0] * 6)
    nothing = Choice(*whole([], [], []))
    assert reassign(*case, nothing).line.size == 0
    held = Choice(*whole([0, 1], [0, 1], [1, 1]))
    assert reassign(*two_sites([0, 2], [0, 1], [9] * 6), held, most_passes=0).site.tolist() == [0, 1]


def test_limits_below_zero_are_refused():
    """Named with their value."""
    case = two_sites([0, 2], [0, 1], [0] * 6)
    with pytest.raises(FieldError, match="most_passes must be at least 0, got -1"):
        reassign(*case, Choice(*whole([], [], [])), most_passes=-1)
    with pytest.raises(FieldError, match="choice must be columns of one length"):
        reassign(*case, Choice(*whole([0], [], [])))


def sourced(seed, *, n_orders, **changes):
    """A batch served by one of three rules, and what that leaves."""
    batch, classes, lanes, stock, unserved, _ = tiny_case(seed, n_orders, **changes)
    left = stock._replace(free_units=stock.free_units * (n_orders // 4 + 1), room=stock.room * (n_orders // 4 + 1))
    before = left._replace(free_units=left.free_units.copy(), room=left.room.copy())
    if seed % 3 == 0:
        choice = choose_orders(batch, classes, lanes, left, 60, np.zeros(left.free_units.size, dtype=np.int64))
    else:
        choice = walk_sites(batch, classes, lanes, left, (RANKED, MOST_STOCK)[seed % 2])
    return batch, classes, lanes, before, left, choice, unserved


@settings(max_examples=200)
@given(seed=st.integers(0, 10**6), partners=st.sampled_from([0, 2, 200]), exchange=st.booleans())
def test_it_keeps_every_rule_every_unit_and_never_costs_more(seed, partners, exchange):
    """Whole lines, whole orders, split limits, channels, room and kept units; what is left is what was not taken."""
    batch, classes, lanes, before, left, choice, unserved = sourced(seed, n_orders=12)
    after = reassign(batch, classes, lanes, left, choice, most_partners=partners, exchange=exchange)
    assert broken_rules(batch, classes, lanes, before, after) == []
    assert check_sourcing(batch, classes, lanes, before, after, unserved).broken == ""
    np.testing.assert_array_equal(
        np.bincount(after.line, after.units, batch.sku.size), np.bincount(choice.line, choice.units, batch.sku.size)
    )
    assert choice_cost_cents(batch, lanes, before, after, unserved) <= choice_cost_cents(
        batch, lanes, before, choice, unserved
    )
    free = before.free_units.copy()
    np.subtract.at(free, before.cell_of[after.site, batch.sku[after.line]], after.units)
    np.testing.assert_array_equal(left.free_units, free)
    order = np.searchsorted(batch.first_line, after.line, side="right") - 1
    used = np.unique(np.stack([order, after.site]), axis=1)[1]
    np.testing.assert_array_equal(left.room, before.room - np.bincount(used, minlength=left.room.size))


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_no_two_pieces_would_still_trade(seed):
    """Every move of one piece and every exchange of two is tried by hand: none that is legal costs less."""
    batch, classes, lanes, before, left, choice, unserved = sourced(
        seed, n_orders=8, keeping=False, tight_room=False, most_units=1
    )
    after = reassign(batch, classes, lanes, left, choice, most_passes=50)
    cost = choice_cost_cents(batch, lanes, before, after, unserved)
    sku = batch.sku[after.line]
    others = [(piece, site) for piece in range(after.line.size) for site in range(before.room.size)]
    tried = [{piece: site} for piece, site in others]
    tried += [
        {one: int(after.site[two]), two: int(after.site[one])}
        for one in range(after.line.size)
        for two in range(one)
        if sku[one] == sku[two]
    ]
    for move in tried:
        site = after.site.copy()
        site[list(move)] = list(move.values())
        moved = after._replace(site=site)
        if not broken_rules(batch, classes, lanes, before, moved):
            assert choice_cost_cents(batch, lanes, before, moved, unserved) >= cost
