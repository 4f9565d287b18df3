"""The base-stock replay against a clerk with an order book."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import data, integers, lists

from omsim.errors import FieldError
from omsim.kernels.replay import base_stock_curves, peak_outstanding, replay_base_stock


def replay_with_an_order_book(demand: list[int], level: int, lead: list[int]) -> tuple[int, int]:
    """Units filled and unit-days held: every purchase order kept on a list, the position counted afresh each day."""
    on_hand, filled, held = level, 0, 0
    book: list[tuple[int, int]] = []  # (day due, units)
    for day, asked in enumerate(demand):
        on_hand += sum(units for due, units in book if due == day)
        book = [(due, units) for due, units in book if due > day]
        sold = min(asked, on_hand)
        on_hand -= sold
        filled += sold
        held += on_hand
        position = on_hand + sum(units for _, units in book)
        if position < level:
            book.append((day + lead[day], level - position))
    return filled, held


@settings(max_examples=150, deadline=None)
@given(case=data())
def test_replay_equals_a_clerk_with_an_order_book(case):
    """Units filled and stock held are those of explicit purchase orders, also when orders overtake each other."""
    demand = case.draw(lists(integers(0, 9), min_size=1, max_size=25))
    lead = case.draw(lists(integers(1, 8), min_size=len(demand), max_size=len(demand)))
    level = case.draw(integers(0, 30))
    filled, on_hand = replay_base_stock(np.array([demand]), np.array([level]), np.array(lead))
    expected_filled, expected_held = replay_with_an_order_book(demand, level, lead)
    assert filled[0] == expected_filled
    assert on_hand[0] == expected_held / len(demand)


@settings(max_examples=80, deadline=None)
@given(case=data())
def test_curves_equal_replays_of_each_level_and_path(case):
    """Simulating all levels at once gives the sums of replaying each level on each path."""
    n_paths, n_days = case.draw(integers(1, 3)), case.draw(integers(1, 15))
    draw = lambda low, high: case.draw(  # noqa: E731
        lists(integers(low, high), min_size=n_paths * n_days, max_size=n_paths * n_days)
    )
    paths = np.array(draw(0, 9), dtype=np.int32).reshape(1, n_paths, n_days)
    lead = np.array(draw(1, 6)).reshape(n_paths, n_days)
    levels = np.arange(0, 45, 3).reshape(1, -1)
    filled, unit_days = base_stock_curves(paths, levels, lead)
    for column, level in enumerate(levels[0].tolist()):
        clerk = [replay_with_an_order_book(paths[0, k].tolist(), level, lead[k].tolist()) for k in range(n_paths)]
        assert filled[0, column] == sum(units for units, _ in clerk)
        assert unit_days[0, column] == sum(held for _, held in clerk)
    assert (np.diff(filled[0]) >= 0).all()
    assert (np.diff(unit_days[0]) >= 0).all()


@settings(max_examples=60, deadline=None)
@given(case=data())
def test_peak_outstanding_is_the_least_level_that_loses_nothing(case):
    """At the peak everything is filled; one unit below, something is lost."""
    demand = case.draw(lists(integers(0, 9), min_size=1, max_size=20))
    lead = case.draw(lists(integers(1, 6), min_size=len(demand), max_size=len(demand)))
    peak = int(peak_outstanding(np.array([[demand]], dtype=np.int32), np.array([lead]))[0])
    assert replay_with_an_order_book(demand, peak, lead)[0] == sum(demand)
    if peak:
        assert replay_with_an_order_book(demand, peak - 1, lead)[0] < sum(demand)


def test_lead_times_may_be_one_number_one_a_day_or_one_a_sku_and_day():
    """The three shapes of the same lead times give the same replay."""
    demand = np.random.default_rng(0).integers(0, 5, (3, 40))
    levels = np.array([4, 9, 15])
    answers = [replay_base_stock(demand, levels, lead) for lead in (3, np.full(40, 3), np.full((3, 40), 3))]
    for filled, on_hand in answers[1:]:
        np.testing.assert_array_equal(filled, answers[0][0])
        np.testing.assert_array_equal(on_hand, answers[0][1])


@pytest.mark.parametrize(
    ("demand", "levels", "lead", "field"),
    [
        (np.array([1, 2]), np.array([1]), 1, "daily_demand"),
        (np.array([[1, -2]]), np.array([1]), 1, "daily_demand"),
        (np.array([[1, 2]]), np.array([1, 1]), 1, "levels"),
        (np.array([[1, 2]]), np.array([-1]), 1, "levels"),
        (np.array([[1, 2]]), np.array([1]), 0, "lead_time_days"),
        (np.array([[1, 2]]), np.array([1]), np.array([1, 1, 1]), "lead_time_days"),
    ],
)
def test_impossible_input_is_refused(demand, levels, lead, field):
    """A shape that does not fit or a negative number names its field."""
    with pytest.raises(FieldError, match=field):
        replay_base_stock(demand, levels, lead)
