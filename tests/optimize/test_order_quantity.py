"""(r, Q): fill rate and cost against sums, enumeration and a replay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.policies import fill_rate_by_sum, period_cost, replay_fill_rate, scaled

from omsim.demand.lead_time import Periods, convolved_demand, observed_demand, poisson_demand, read_distributions
from omsim.errors import FieldError
from omsim.optimize.policies.base_stock import base_stock_for_fill_rate
from omsim.optimize.policies.order_quantity import reorder_point_for_fill_rate, solve_order_quantity
from omsim.optimize.policies.stock_position import measure_policy, order_quantity_drop

rows = st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(lambda row: sum(row[1:]) > 0)


@given(period=rows, quantity=st.integers(1, 9), target=st.floats(0.3, 0.999), lead=st.integers(0, 2))
@settings(deadline=None)
def test_fill_rate_is_met_and_one_unit_less_misses_it(period, quantity, target, lead):
    """The reorder point found reaches the target by the sum that defines it; one unit less does not."""
    day = read_distributions([scaled(period)])
    before, after = (convolved_demand(day, Periods.fixed(lead + n)) for n in (0, 1))
    r = int(reorder_point_for_fill_rate(before, after, quantity, target)[0])
    fill = [
        fill_rate_by_sum({y: 1 / quantity for y in range(low + 1, low + quantity + 1)}, before.row(0), after.row(0))
        for low in (r, r - 1)
    ]
    assert fill[0] >= target - 1e-9
    assert fill[1] < target + 1e-9


def test_quantity_of_one_is_base_stock():
    """Q = 1 orders as base stock does, one unit above its reorder point."""
    before, after = (poisson_demand([0.4, 5.0], Periods.fixed(n)) for n in (3, 4))
    r = reorder_point_for_fill_rate(before, after, 1, 0.97)
    assert (r + 1).tolist() == base_stock_for_fill_rate(before, after, 0.97).tolist()


def test_fill_rate_is_what_a_replay_shows():
    """Forty thousand replayed days of (r, nQ) fill the computed share of units, within sampling error."""
    history = np.random.default_rng(3).poisson(3.0, 40_000)
    day = observed_demand(history[None, :])
    before, after = (convolved_demand(day, Periods.fixed(n)) for n in (5, 6))
    r = int(reorder_point_for_fill_rate(before, after, 12, 0.92)[0])
    computed = measure_policy(r + 12, order_quantity_drop(12, 1), before, after).fill_rate[0]
    replayed = replay_fill_rate(
        history.tolist(), 5, 1, lambda position: 0 if position > r else 12 * (1 + (r - position) // 12), r + 12
    )
    assert replayed == pytest.approx(computed, abs=0.006)


@given(period=rows, order_cost=st.integers(0, 40), shortage=st.integers(1, 20), lead=st.integers(0, 2))
@settings(deadline=None, max_examples=50)
def test_least_cost_is_the_best_of_all_pairs(period, order_cost, shortage, lead):
    """No (r, Q) in a wide window costs less, by the formula written out."""
    day = read_distributions([scaled(period)])
    after = convolved_demand(day, Periods.fixed(lead + 1))
    best = solve_order_quantity(day, after, order_cost, 1.0, shortage)
    levels = range(-12, after.row(0).size + 30)
    spent = {y: period_cost(after.row(0), y, 1.0, shortage) for y in levels}
    costs = {
        (r, quantity): (
            order_cost * sum(p * min(k, quantity) for k, p in enumerate(day.row(0)))
            + sum(spent[y] for y in range(r + 1, r + quantity + 1))
        )
        / quantity
        for r in range(-12, after.row(0).size)
        for quantity in range(1, 30)
    }
    assert best.cost_per_period[0] == pytest.approx(min(costs.values()))
    found = int(best.reorder_point_units[0]), int(best.order_units[0])
    assert costs[found] == pytest.approx(min(costs.values()))


@pytest.mark.parametrize("quantity", [0, -3, 2.5, float("nan")])
def test_impossible_quantities_are_refused(quantity):
    """An order quantity is a whole number of units, at least 1."""
    before, after = (poisson_demand([1.0], Periods.fixed(n)) for n in (1, 2))
    with pytest.raises(FieldError, match="order_units"):
        reorder_point_for_fill_rate(before, after, quantity, 0.9)
