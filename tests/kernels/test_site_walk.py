"""Walks over sites against a clerk with a pencil, and that none oversells or breaks a term."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.line_fill import walk_order

from omsim.errors import FieldError
from omsim.kernels.allocation import walk
from omsim.kernels.allocation.batch import NO_SITE, Batch, Classes, Lanes, Stock, nothing_kept
from omsim.kernels.allocation.walk import FIRST_COMPLETE, MOST_STOCK, NEAREST, RANKED, walk_sites

RULES = {RANKED: "ranked", FIRST_COMPLETE: "first_complete", MOST_STOCK: "most_stock"}
N_SITES, N_SKUS, N_CLASSES, N_LANES = 4, 5, 3, 2


def small_case(seed, kept=True):
    """Orders, terms and stock in random numbers small enough to collide."""
    rng = np.random.default_rng(seed)
    n_orders = int(rng.integers(0, 12))
    first = np.concatenate([[0], np.cumsum(rng.integers(0, 5, n_orders))]).astype(np.int64)
    batch = Batch(
        first,
        rng.integers(0, N_SKUS, first[-1]),
        rng.integers(1, 6, first[-1]),
        rng.integers(0, N_LANES, n_orders),
        rng.integers(0, N_CLASSES, n_orders),
    )
    carried = rng.random((N_SITES, N_SKUS)) < 0.8
    cell_of = np.full((N_SITES, N_SKUS), -1, dtype=np.int32)
    cell_of[carried] = rng.permutation(int(carried.sum()))
    n_cells = int(carried.sum())
    classes = Classes(
        rng.random((N_CLASSES, N_SITES)) < 0.8,
        rng.integers(1, N_SITES + 1, N_CLASSES),
        rng.random(N_CLASSES) < 0.5,
        rng.random(N_CLASSES) < 0.4,
        rng.integers(0, 3, (N_CLASSES, n_cells)) if kept else nothing_kept(N_CLASSES),
    )
    ranking = np.argsort(rng.random((N_LANES, N_SITES)), axis=1)
    ranking[0, 2:] = np.where(np.arange(2, N_SITES) < rng.integers(2, N_SITES + 1), ranking[0, 2:], NO_SITE)
    no_cents = np.zeros((N_LANES, N_SITES), dtype=np.int64)
    lanes = Lanes(ranking, no_cents, no_cents, no_cents)
    room = np.where(rng.random(N_SITES) < 0.3, rng.integers(0, 3, N_SITES), 100)
    stock = Stock(cell_of, rng.integers(0, 12, n_cells), room, np.full(N_SKUS, 100))
    planned = np.where(rng.random(first[-1]) < 0.7, rng.integers(0, N_SITES, first[-1]), NO_SITE)
    return batch, classes, lanes, stock, planned


def walk_by_hand(batch, classes, lanes, stock, rule, planned=None):
    """Pieces, units left by cell and room left, order by order."""
    cells = {(s, k): int(c) for (s, k), c in np.ndenumerate(stock.cell_of) if c >= 0}
    free = {at: int(stock.free_units[c]) for at, c in cells.items()}
    room = stock.room.tolist()
    pieces = []
    for order, k in enumerate(batch.order_class.tolist()):
        first, last = batch.first_line[order : order + 2].tolist()
        keeps = classes.kept_units.shape[1] > 0
        terms = {
            "allowed": set(np.flatnonzero(classes.allowed[k]).tolist()),
            "split_limit": int(classes.split_limit[k]),
            "partial": bool(classes.partial[k]),
            "complete": bool(classes.complete[k]),
            "kept": {at: int(classes.kept_units[k, c]) for at, c in cells.items()} if keeps else {},
        }
        sites = [s for s in lanes.ranking[batch.lane[order]].tolist() if s >= 0]
        lines = list(zip(batch.sku[first:last].tolist(), batch.units[first:last].tolist(), strict=True))
        asked_first = None if planned is None else planned[first:last].tolist()
        taken = walk_order(lines, sites, free, room, terms, RULES[rule], asked_first)
        pieces += [(first + line, site, units) for line, site, units in taken]
    left = stock.free_units.copy()
    for at, c in cells.items():
        left[c] = free[at]
    return pieces, left.tolist(), room


def copy_of(stock):
    """The same stock, to take from."""
    return stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())


@given(st.integers(0, 10**6), st.sampled_from(sorted(RULES)), st.booleans(), st.booleans())
def test_walks_equal_a_clerk(seed, rule, kept, with_plan):
    """Pieces, what is left in every cell and the room left at every site are those of serving order by order."""
    batch, classes, lanes, stock, planned = small_case(seed, kept)
    plan = planned if with_plan else None
    pieces, free_left, room_left = walk_by_hand(batch, classes, lanes, stock, rule, plan)
    taken_from = copy_of(stock)
    choice = walk_sites(batch, classes, lanes, taken_from, rule, planned=plan)
    assert list(zip(*(column.tolist() for column in choice), strict=True)) == pieces
    assert taken_from.free_units.tolist() == free_left
    assert taken_from.room.tolist() == room_left


@given(st.integers(0, 10**6), st.sampled_from(sorted(RULES)))
def test_terms_hold_and_nothing_is_oversold(seed, rule):
    """From the choice alone: stock, protected units, room, split limits, whole lines and whole orders all hold."""
    batch, classes, lanes, stock, _ = small_case(seed)
    choice = walk_sites(batch, classes, lanes, copy_of(stock), rule)
    order = np.searchsorted(batch.first_line, choice.line, side="right") - 1
    k = batch.order_class[order]
    cell = stock.cell_of[choice.site, batch.sku[choice.line]]
    assert (cell >= 0).all()
    assert (choice.units >= 1).all()
    assert classes.allowed[k, choice.site].all()
    assert (np.diff(choice.line) >= 0).all()
    assert np.unique(choice.line * N_SITES + choice.site).size == choice.line.size
    taken = np.bincount(cell, choice.units, minlength=stock.free_units.size)
    assert (taken <= stock.free_units).all()
    for c in range(N_CLASSES):  # the last unit a class took left what it must keep
        touched = np.unique(cell[k == c])
        by_class = np.bincount(cell[k == c], choice.units[k == c], minlength=stock.free_units.size)
        assert (by_class[touched] + classes.kept_units[c, touched] <= stock.free_units[touched]).all()
    shipments = np.unique(order * N_SITES + choice.site)
    assert (np.bincount(shipments % N_SITES, minlength=N_SITES) <= stock.room).all()
    n_sites_used = np.bincount(shipments // N_SITES, minlength=batch.lane.size)
    assert (n_sites_used <= classes.split_limit[batch.order_class]).all()
    served = np.bincount(choice.line, choice.units, minlength=batch.units.size)
    of_order = np.repeat(np.arange(batch.lane.size), np.diff(batch.first_line))
    line_class = batch.order_class[of_order]
    whole = ~classes.partial[line_class]
    assert (whole <= ((served == 0) | (served == batch.units))).all()
    assert np.bincount(choice.line, minlength=batch.units.size)[whole].max(initial=0) <= 1
    short = np.bincount(of_order, served < batch.units, minlength=batch.lane.size) > 0
    anything = np.bincount(of_order, served, minlength=batch.lane.size) > 0
    assert not (classes.complete[batch.order_class] & short & anything).any()


def one_order(lines, free, *, ranking=(0, 1, 2), **terms):
    """One order over three sites, each carrying two SKUs; `free[site][sku]`."""
    sku, units = (np.array(column, dtype=np.int64) for column in zip(*lines, strict=True))
    n_sites, n_skus = np.array(free).shape
    cents = np.zeros((1, n_sites), dtype=np.int64)
    return (
        Batch(np.array([0, len(lines)]), sku, units, np.array([0]), np.array([0])),
        Classes(
            np.ones((1, n_sites), dtype=bool),
            np.array([terms.get("split_limit", n_sites)]),
            np.array([terms.get("partial", True)]),
            np.array([terms.get("complete", False)]),
            nothing_kept(1),
        ),
        Lanes(np.array([ranking]), cents, cents, cents),
        Stock(
            np.arange(n_sites * n_skus, dtype=np.int32).reshape(n_sites, n_skus),
            np.array(free).ravel(),
            np.array(terms.get("room", [9] * n_sites)),
            np.ones(n_skus, dtype=np.int64),
        ),
    )


def pieces_of(case, rule, **more):
    """The choice as a list of (line, site, units)."""
    return list(zip(*(column.tolist() for column in walk_sites(*case, rule, **more)), strict=True))


def test_the_three_rules_on_one_order():
    """Two lines of 2: nearest splits over all sites, first complete takes the last, most stock the fullest for each."""
    lines, free = [(0, 2), (1, 2)], [[1, 0], [3, 0], [2, 5]]
    assert pieces_of(one_order(lines, free), NEAREST) == [(0, 0, 1), (0, 1, 1), (1, 2, 2)]
    assert pieces_of(one_order(lines, free), FIRST_COMPLETE) == [(0, 2, 2), (1, 2, 2)]
    assert pieces_of(one_order(lines, free), MOST_STOCK) == [(0, 1, 2), (1, 2, 2)]


def test_a_sku_on_two_lines_counts_twice():
    """Two lines of 2 of one SKU need 4 units at the one site that serves all."""
    lines = [(0, 2), (0, 2)]
    assert pieces_of(one_order(lines, [[3, 0], [4, 0], [9, 0]]), FIRST_COMPLETE) == [(0, 1, 2), (1, 1, 2)]


def test_an_order_that_must_be_complete_gives_everything_back():
    """5 of 6 units could go; ship-complete takes none and leaves stock and room as they were."""
    case = one_order([(0, 4), (1, 2)], [[2, 1], [2, 0], [0, 0]], complete=True)
    assert pieces_of(case, RANKED) == []
    assert case[3].free_units.tolist() == [2, 1, 2, 0, 0, 0]
    assert case[3].room.tolist() == [9, 9, 9]
    assert pieces_of(one_order([(0, 4), (1, 1)], [[2, 1], [2, 0], [0, 0]], complete=True), RANKED) == [
        (0, 0, 2),
        (0, 1, 2),
        (1, 0, 1),
    ]


def test_a_site_without_room_is_passed_over_unless_used_already():
    """The one shipment site 0 has room for carries both lines; the next order goes elsewhere."""
    batch, classes, lanes, stock = one_order([(0, 1), (1, 1)], [[5, 5], [5, 5], [5, 5]], room=[1, 9, 9])
    two = batch._replace(
        first_line=np.array([0, 2, 4]),
        sku=np.tile(batch.sku, 2),
        units=np.tile(batch.units, 2),
        lane=np.array([0, 0]),
        order_class=np.array([0, 0]),
    )
    for rule in RULES:
        choice = walk_sites(two, classes, lanes, copy_of(stock), rule)
        assert choice.site.tolist() == [0, 0, 1, 1]


def test_a_plan_is_asked_first_and_the_ranking_behind_it():
    """Line 0 gets what its planned site has and the rest by ranking; line 1 has no plan."""
    case = one_order([(0, 3), (1, 1)], [[5, 5], [5, 5], [2, 5]])
    assert pieces_of(case, RANKED, planned=np.array([2, NO_SITE])) == [(0, 2, 2), (0, 0, 1), (1, 0, 1)]


def test_lines_in_many_pieces():
    """Far more pieces than lines: 60 lines of 3 units, one at each of three sites."""
    case = one_order([(sku, 3) for sku in range(60)], [[1] * 60] * 3)
    again = (*case[:3], copy_of(case[3]))
    expected = [(line, site, 1) for line in range(60) for site in range(3)]
    assert pieces_of(case, NEAREST) == expected
    batch, classes, lanes, stock = again
    uncompiled = walk._walk_batch.py_func(
        *batch,
        *classes,
        lanes.ranking,
        stock.cell_of,
        stock.free_units,
        stock.room,
        RANKED,
        np.zeros(0, dtype=np.int64),
    )
    assert list(zip(*(column.tolist() for column in uncompiled), strict=True)) == expected


def test_the_source_uncompiled_gives_the_same():
    """The compiled walk and its plain Python source agree on a few dozen cases."""
    plain = walk._walk_batch.py_func
    for seed in range(30):
        batch, classes, lanes, stock, planned = small_case(seed)
        for rule in RULES:
            ours, theirs = copy_of(stock), copy_of(stock)
            choice = walk_sites(batch, classes, lanes, ours, rule, planned=planned)
            uncompiled = plain(
                *batch, *classes, lanes.ranking, theirs.cell_of, theirs.free_units, theirs.room, rule, planned
            )
            assert [column.tolist() for column in choice] == [column.tolist() for column in uncompiled]
            assert ours.free_units.tolist() == theirs.free_units.tolist()


def test_unknown_rules_and_short_plans_are_refused():
    """A rule that does not exist and a plan of another length name themselves."""
    case = one_order([(0, 1)], [[1, 1], [1, 1], [1, 1]])
    with pytest.raises(FieldError, match=r"rule must be one of RANKED, FIRST_COMPLETE, MOST_STOCK .* got 7"):
        walk_sites(*case, 7)
    with pytest.raises(FieldError, match=r"planned must be one site for each of the 1 lines, got \(2,\)"):
        walk_sites(*case, RANKED, planned=np.array([0, 0]))
