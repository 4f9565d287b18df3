"""Season policies against a recursion that tries every order, and against carrying the distribution forward."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsim.demand.lead_time import Periods, poisson_demand, read_distributions
from omsim.errors import FieldError
from omsim.optimize.policies.finite_horizon import cost_of_season, normal_periods, solve_season
from omsim.optimize.policies.min_max import solve_min_max


def least_cost(rows, fixed, hold, penalty, price, ends, discount, opening):
    """Try every order up to all demand that can still come."""

    @cache
    def from_stock(period, stock):
        if period == len(rows):
            return ends[0] * max(stock, 0) + ends[1] * max(-stock, 0)
        reach = sum(len(row) - 1 for row in rows[period:])
        best = np.inf
        for order in range(max(reach - stock, 0) + 1):
            cost = fixed[period] * (order > 0) + price[period] * order
            for units, likely in enumerate(rows[period]):
                left = stock + order - units
                now = hold[period] * max(left, 0) + penalty[period] * max(-left, 0)
                cost += likely * (now + discount * from_stock(period + 1, left))
            best = min(best, cost)
        return best

    return from_stock(0, opening)


@given(data=st.data(), n_periods=st.integers(1, 4), opening=st.integers(-2, 5))
def test_no_order_in_any_state_is_better(data, n_periods, opening):
    """On small seasons the cost is that of trying every order in every state, and the (s, S) found cost as much."""
    numbers = lambda most: data.draw(st.lists(st.integers(0, most), min_size=n_periods, max_size=n_periods))  # noqa: E731
    rows = []
    for _ in range(n_periods):
        weights = np.array(data.draw(st.lists(st.integers(0, 4), min_size=2, max_size=4)), dtype=float)
        weights[-1] += 1
        rows.append(weights / weights.sum())
    fixed = sorted(numbers(8), reverse=True)
    hold, penalty, price = numbers(4), numbers(12), numbers(3)
    ends = data.draw(st.sampled_from([(0.0, 0.0), (2.0, 15.0), (-0.5, 20.0)]))
    discount = data.draw(st.sampled_from([1.0, 0.9]))
    table = read_distributions(rows)
    season = solve_season(
        table,
        fixed,
        hold,
        penalty,
        price,
        end_holding_cost=ends[0],
        end_shortage_cost=ends[1],
        discount=discount,
        opening_units=opening,
    )
    best = least_cost(tuple(map(tuple, rows)), fixed, hold, penalty, price, ends, discount, opening)
    assert season.cost == pytest.approx(best, abs=1e-9)
    run = cost_of_season(
        table,
        season.reorder_point_units,
        season.order_up_to_units,
        fixed,
        hold,
        penalty,
        price,
        end_holding_cost=ends[0],
        end_shortage_cost=ends[1],
        discount=discount,
        opening_units=opening,
    )
    assert run == pytest.approx(best, abs=1e-9)


def test_far_from_the_end_the_season_is_the_long_run():
    """In a long season the first period's (s, S) are those of the infinite horizon."""
    day = poisson_demand([6.0], Periods.fixed(1))
    season = solve_season(poisson_demand([6.0] * 60, Periods.fixed(1)), 5, 1, 4)
    endless = solve_min_max(day, day, 5, 1, 4)
    assert season.reorder_point_units[0] == endless.reorder_point_units[0]
    assert season.order_up_to_units[0] == endless.order_up_to_units[0]


def test_a_season_that_never_pays_orders_nothing():
    """With shortage free of charge nothing is ordered, and the reorder point says so."""
    season = solve_season(poisson_demand([3.0, 3.0], Periods.fixed(1)), 1, 1, 0, opening_units=2)
    assert (season.reorder_point_units == season.never_units).all()


def test_normal_grid_has_the_moments_asked_for():
    """Rounding to units adds a twelfth of a unit squared to the variance and leaves the mean."""
    table = normal_periods([18, 40], [3, 5], 2)
    np.testing.assert_allclose(table.mean(), [18, 40], atol=1e-6)
    np.testing.assert_allclose(table.variance(), [9 + 1 / 12, 25 + 1 / 12], rtol=1e-6)


def test_bad_input_is_named():
    """A rising order cost, a discount of nothing and a cost that is no number are refused."""
    week = poisson_demand([1.0, 1.0], Periods.fixed(1))
    with pytest.raises(FieldError, match="order_cost must be at least"):
        solve_season(week, [1, 2], 1, 1)
    with pytest.raises(FieldError, match="discount"):
        solve_season(week, 1, 1, 1, discount=0)
    with pytest.raises(FieldError, match="shortage_cost"):
        solve_season(week, 1, 1, np.nan)
    with pytest.raises(FieldError, match="period_cost"):
        solve_season(week, 1, 1, 1, period_cost=lambda period, stock: stock * np.nan)
