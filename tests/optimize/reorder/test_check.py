"""The independent checker: what it recomputes, and that it sees every broken rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.reorder import cost_of
from oracles.reorder_nights import small_night

from omsim.errors import FieldError
from omsim.optimize.reorder.check import check_purchases
from omsim.optimize.reorder.problem import (
    LineOptions,
    PurchaseLines,
    PurchaseOrders,
    ReorderProblem,
    Steps,
    StorageSites,
)


@given(seed=st.integers(0, 10**6), draw=st.integers(0, 10**6))
def test_checker_agrees_with_the_slow_count(seed, draw):
    """Any choice of options: broken or not, and its cost to the milli-cent."""
    problem = small_night(seed, n_lines=5, n_orders=2, n_sites=2)
    first = problem.options.first
    rows = [int(np.random.default_rng(draw + i).integers(first[i], first[i + 1])) for i in range(5)]
    units = problem.options.units[rows]
    check = check_purchases(problem, units)
    cost = cost_of(problem, [(int(problem.options.units[j]), int(problem.options.cost_mc[j])) for j in rows])
    assert bool(check.broken) == (cost == np.inf)
    if not check.broken:
        assert check.objective_mc == cost


def night(**changes):
    """One line of 10 g and 1 dm3 a unit at 100 cents, packs of 2, least 4, at most 20."""
    lines = dict(
        name=("SKU-1 at north",),
        order=[0],
        position_units=[0],
        unit_cost_cents=[100],
        pack_units=[2],
        moq_units=[4],
        most_units=[20],
        reorder_point_units=[2],
        order_up_to_units=[9],
        units_per_day=[1.0],
        weight_g=[10],
        volume_mm3=[1_000_000],
    )
    orders = dict(name=("Acme to north",), site=[0])
    options = LineOptions(first=np.array([0, 3]), units=np.array([0, 8, 20]), cost_mc=np.array([5000, 300, 900]))
    return ReorderProblem(
        lines=PurchaseLines(**lines | changes.pop("lines", {})),
        orders=PurchaseOrders(**orders | changes.pop("orders", {})),
        sites=StorageSites(name=("north",), storage_left_mm3=[changes.pop("storage", 10**15)]),
        options=options,
        **changes,
    )


def test_a_legal_order_is_priced_by_hand():
    """8 units at the break price 90: 720 cents of goods, freight 50, 2 trucks of 60 g at 7, fixed 11, line 3."""
    problem = night(
        lines={"price_breaks": Steps.of_rows(1, [(0, 8, 90)]), "line_cost_cents": [3]},
        orders={
            "fixed_cost_cents": [11],
            "truck_g": [60],
            "truck_cost_cents": [7],
            "freight": Steps.of_rows(1, [(0, 0, 80), (0, 500, 50)]),
        },
    )
    check = check_purchases(problem, [8])
    assert not check.broken
    assert (check.spent_cents, check.freight_cents[0], check.trucks[0], check.weight_g[0]) == (720, 50, 2, 80)
    assert check.objective_mc == 300 + 1000 * (8 * (90 - 100) + 3 + 11 + 50 + 2 * 7)


@pytest.mark.parametrize(
    ("units", "changes", "words"),
    [
        (7, {}, "whole packs of 2"),
        (2, {}, "least order 4"),
        (22, {}, "at most 20"),
        (-2, {}, "-2 units"),
        (10, {}, "none of its options"),
        (8, {"orders": {"minimum_cents": [900]}}, "minimum 900"),
        (8, {"orders": {"minimum_g": [81]}}, "80 g, minimum 81"),
        (8, {"orders": {"truck_g": [40], "most_trucks": [1]}}, "2 trucks, at most 1"),
        (8, {"orders": {"truck_dm3": [3], "most_trucks": [2]}}, "3 trucks, at most 2"),
        (8, {"storage": 7_999_999}, "storage of north"),
        (8, {"budget_cents": 799}, "799 allowed"),
    ],
)
def test_every_broken_rule_is_named(units, changes, words):
    """Each rule broken alone is said with its numbers."""
    assert any(words in broken for broken in check_purchases(night(**changes), [units]).broken)


def test_a_broken_promise_is_named():
    """Less than was promised is broken even where nothing is ordered."""
    problem = night()
    object.__setattr__(problem.lines, "least_units", np.array([6]))
    assert any("6 promised" in broken for broken in check_purchases(problem, [0]).broken)


@pytest.mark.parametrize("units", [[1.5], [1, 2], [np.nan]])
def test_what_is_no_plan_is_refused(units):
    """Not one whole number for each line: an error of the caller."""
    with pytest.raises(FieldError, match="units"):
        check_purchases(night(), units)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": {"pack_units": [0]}}, "pack_units"),
        ({"lines": {"unit_cost_cents": [np.nan]}}, "unit_cost_cents"),
        ({"lines": {"units_per_day": [np.nan]}}, "units_per_day"),
        ({"lines": {"order": [1]}}, "order"),
        ({"lines": {"weight_g": [-1]}}, "weight_g"),
        ({"lines": {"most_units": [12]}}, "options.units"),
        ({"lines": {"pack_units": [3]}}, "options.units"),
        ({"lines": {"least_units": [4]}}, "options.units"),
        ({"lines": {"price_breaks": Steps.of_rows(1, [(0, 5, 90), (0, 5, 80)])}}, "price_breaks.at"),
        ({"orders": {"minimum_cents": [-1]}}, "minimum_cents"),
        ({"orders": {"site": [3]}}, "site"),
        ({"storage": -1}, "storage_left_mm3"),
        ({"budget_cents": -1}, "budget_cents"),
        ({"budget_cents": np.inf}, "budget_cents"),
    ],
)
def test_problems_that_cannot_be_meant_are_refused(changes, field):
    """Each bad column is named."""
    with pytest.raises(FieldError, match=field):
        night(**changes)
