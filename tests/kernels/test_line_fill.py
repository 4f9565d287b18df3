"""Bulk filling against a clerk with a pencil, and how the two rules differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.line_fill import serve_queue, serve_running_total, serve_skip_misfits

from omsim.errors import FieldError
from omsim.kernels.allocation.fill import fill_in_queue, fill_running_total, fill_skip_misfits, rank_waiting

LINES = st.lists(st.tuples(st.integers(-1, 4), st.integers(1, 6), st.integers(-3, 3), st.booleans()), max_size=40)
FREE = st.lists(st.integers(0, 15), min_size=5, max_size=5)
SPREADS = st.sampled_from([(0, 1), (5, 10**9), (-(2**61), 2**59), (0, 2**40)])


def columns(drawn):
    """Columns cell, units, rank, partial of drawn lines, and the lines as (cell, units)."""
    cell, units, rank, partial = (np.array([row[i] for row in drawn], dtype=np.int64) for i in range(4))
    return cell, units, rank, partial.astype(bool), [row[:2] for row in drawn]


@given(LINES, FREE, SPREADS)
def test_both_rules_equal_a_clerk(drawn, free, spread):
    """Each rule serves the lines its worded form serves, with ranks and without, however far ranks are apart."""
    cell, units, rank, _, lines = columns(drawn)
    rank = spread[0] + rank * spread[1]
    stock = np.array(free)
    for fill, by_hand in (
        (fill_running_total, serve_running_total),
        (fill_skip_misfits, serve_skip_misfits),
    ):
        assert fill(cell, units, stock).tolist() == by_hand(lines, free)
        assert fill(cell, units, stock, rank=rank).tolist() == by_hand(lines, free, rank.tolist())
        served = fill(cell, units, stock, rank=rank)
        assert (np.bincount(cell[served], units[served], minlength=5) <= stock).all()
    assert stock.tolist() == free  # never modified


@given(LINES, FREE, st.booleans())
def test_a_queue_equals_a_clerk(drawn, free, ranked):
    """Partial lines take what is left, whole ones all or nothing, and whoever goes short ends the queue."""
    cell, units, rank, partial, lines = columns(drawn)
    stock = np.array(free)
    ranks = (rank if ranked else None, rank.tolist() if ranked else None)
    granted = fill_in_queue(cell, units, stock, partial=partial, rank=ranks[0])
    assert granted.tolist() == serve_queue(lines, free, partial.tolist(), ranks[1])
    whole = fill_in_queue(cell, units, stock, partial=np.zeros(cell.size, dtype=bool), rank=ranks[0])
    assert whole.tolist() == (units * fill_running_total(cell, units, stock, rank=ranks[0])).tolist()
    every = fill_in_queue(cell, units, stock, rank=ranks[0])
    assert every.tolist() == serve_queue(lines, free, [True] * cell.size, ranks[1])


def test_keys_too_wide_to_pack_sort_all_the_same():
    """Units, ranks and cells that do not fit into 63 bits together take the slower sorts to the same answer."""
    rng = np.random.default_rng(5)
    cell, rank = rng.integers(-1, 7, 300), rng.integers(0, 3, 300)
    units = rng.integers(1, 5, 300)
    free = rng.integers(0, 60, 7)
    plain = fill_running_total(cell, units, free, rank=rank)
    skipping = fill_skip_misfits(cell, units, free, rank=rank)
    for far, big in ((2**40, 1), (2**60, 1), (1, 2**45), (2**40, 2**30)):
        wide = fill_running_total(cell, units * big, free * big, rank=rank * far - 2**59)
        assert wide.tolist() == plain.tolist()
        wide = fill_skip_misfits(cell, units * big, free * big, rank=rank * far - 2**59)
        assert wide.tolist() == skipping.tolist()
    assert 0 < plain.sum() < skipping.sum() < 300


def test_where_the_rules_differ():
    """Behind a refused line: 3 of 5 units go, 4 do not fit; the 2 after them only fit if nobody queues."""
    cell, units, free = np.array([0, 0, 0]), np.array([3, 4, 2]), np.array([5])
    assert fill_running_total(cell, units, free).tolist() == [True, False, False]
    assert fill_skip_misfits(cell, units, free).tolist() == [True, False, True]
    assert fill_in_queue(cell, units, free).tolist() == [3, 2, 0]


@given(LINES, FREE)
def test_running_total_repeated_on_the_refused_converges_to_skip_misfits(drawn, free):
    """Striking out the first refused line of each cell and trying the rest again ends where skipping ends."""
    cell, units, *_ = columns(drawn)
    left, served = np.array(free), np.zeros(cell.size, dtype=bool)
    waiting = np.flatnonzero(cell >= 0)
    while waiting.size:
        fits = fill_running_total(cell[waiting], units[waiting], left)
        served[waiting[fits]] = True
        left -= np.bincount(cell[waiting[fits]], units[waiting[fits]], minlength=left.size).astype(np.int64)
        waiting = waiting[~fits]
        _, first = np.unique(cell[waiting], return_index=True)  # too big for what is left, and it only gets less
        waiting = np.delete(waiting, first)
    assert served.tolist() == fill_skip_misfits(cell, units, np.array(free)).tolist()


def test_skipping_serves_more_of_a_crowded_day():
    """On 100,000 lines the rules differ in a part of the lines behind refusals, and skipping serves more units."""
    rng = np.random.default_rng(0)
    cell, units = rng.integers(0, 10_000, 100_000), rng.integers(1, 6, 100_000)
    free = np.floor(np.bincount(cell, units, 10_000) * rng.uniform(0.6, 1.2, 10_000)).astype(np.int64)
    total, skip = fill_running_total(cell, units, free), fill_skip_misfits(cell, units, free)
    assert not (total & ~skip).any()
    assert 0.002 < (skip & ~total).mean() < 0.05


def test_backorders_by_class_then_wait():
    """Members go before guests, each the longest wait first, equal waits as they stand."""
    guest, member = 0, 1
    place = rank_waiting(
        np.array([guest, member, guest, member, member]), np.array([20, 10]), np.array([50, 300, 40, 200, 300])
    )
    assert place.tolist() == [4, 1, 3, 0, 2]
    served = fill_skip_misfits(np.zeros(5, dtype=np.int64), np.full(5, 2), np.array([6]), rank=place)
    assert served.tolist() == [False, True, False, True, True]


def test_nothing_to_fill():
    """No lines, and lines without a cell, are served by nobody."""
    none = np.zeros(0, dtype=np.int64)
    for fill in (fill_running_total, fill_skip_misfits, fill_in_queue):
        assert fill(none, none, np.array([3])).tolist() == []
        assert not fill(np.array([-1, -1]), np.array([1, 1]), np.array([3]), rank=np.array([1, 0])).any()
    assert rank_waiting(none, np.array([1]), none).tolist() == []


@pytest.mark.parametrize("fill", [fill_running_total, fill_skip_misfits, fill_in_queue])
@pytest.mark.parametrize(
    ("cell", "units", "rank", "message"),
    [
        ([0, 1], [1, 0], None, "units must be at least 1 for every line, got 0"),
        ([0, 2], [1, 1], None, r"cell must be below the number of cells \(2\), got 2"),
        ([0, 1], [1], None, r"units must be one for each of the 2 lines, got \(1,\)"),
        ([0, 1], [1, 1], [1], r"rank must be one for each of the 2 lines, got \(1,\)"),
    ],
)
def test_bad_columns_are_refused(fill, cell, units, rank, message):
    """A line of no units, a cell that does not exist, and columns of different lengths name themselves."""
    with pytest.raises(FieldError, match=message):
        fill(np.array(cell), np.array(units), np.array([5, 5]), rank=None if rank is None else np.array(rank))
