"""(r, Q) under continuous review: against every pair, against each other's searches, and Zheng's bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.policies import period_cost, scaled
from scipy import optimize

from omsim.demand.lead_time import Periods, negative_binomial_demand, poisson_demand, read_distributions
from omsim.errors import FieldError, SolveError
from omsim.optimize.policies.continuous_demand import NormalDemand
from omsim.optimize.policies.continuous_review import cost_of_continuous_review, solve_continuous_review
from omsim.optimize.policies.economic_quantity import solve_economic_quantity
from omsim.optimize.policies.newsvendor import solve_newsvendor
from omsim.optimize.policies.normal_review import (
    normal_base_stock,
    normal_fill_rate,
    normal_reorder_point,
    solve_normal_review,
)
from omsim.optimize.policies.order_quantity import solve_order_quantity

rows = st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(lambda row: sum(row[1:]) > 0)
CUSTOMER = [[0.0, 1.0]]


@given(
    row=rows,
    rate=st.floats(0.1, 3),
    order_cost=st.integers(0, 40),
    shortage=st.floats(0.5, 20),
    once=st.floats(0, 30),
)
@settings(max_examples=60)
def test_least_cost_is_the_best_of_all_pairs(row, rate, order_cost, shortage, once):
    """No (r, Q) in a wide window costs less, by the formula written out, whatever the two shortage charges."""
    table = read_distributions([scaled(row)])
    best = solve_continuous_review(table, rate, order_cost, 1.0, shortage, unit_penalty=once)
    pmf = table.row(0)
    spent = {
        y: period_cost(pmf, y, 1.0, shortage) + rate * once * sum(p for k, p in enumerate(pmf) if k >= y)
        for y in range(-60, len(row) + 60)
    }
    costs = {
        (r, q): (rate * order_cost + sum(spent[y] for y in range(r + 1, r + q + 1))) / q
        for r in range(-40, len(row) + 1)
        for q in range(1, 40)
    }
    found = int(best.reorder_point_units[0]), int(best.order_units[0])
    assert best.cost_per_period[0] == pytest.approx(min(costs.values()), rel=1e-9, abs=1e-9)
    priced = cost_of_continuous_review(table, rate, *found, order_cost, 1.0, shortage, unit_penalty=once)
    assert priced.total()[0] == pytest.approx(best.cost_per_period[0], rel=1e-9, abs=1e-9)


def test_without_a_charge_by_the_unit_it_is_the_window_search():
    """A thousand items: the same costs as the search that widens a window, reviews at every customer."""
    rng = np.random.default_rng(7)
    rate = np.exp(rng.uniform(np.log(0.01), np.log(200), 1_000))
    lead_time = negative_binomial_demand(rate, rate * rng.uniform(1, 4, 1_000), Periods.fixed(3))
    costs = rng.uniform(0, 200, 1_000), rng.uniform(0.2, 2, 1_000), rng.uniform(1, 50, 1_000)
    best = solve_continuous_review(lead_time, rate, *costs)
    customer = read_distributions(CUSTOMER * 1_000)
    other = solve_order_quantity(customer, lead_time, *costs, reviews_per_period=rate)
    np.testing.assert_allclose(best.cost_per_period, other.cost_per_period, rtol=1e-10)
    assert (best.reorder_point_units == other.reorder_point_units).mean() > 0.99  # ties may fall either way


def test_a_table_of_items_is_each_item_alone():
    """All items in one call get what each gets alone, to the bit."""
    lead_time = poisson_demand([0.3, 4.0, 60.0], Periods.fixed(2))
    columns = [0.3, 4.0, 60.0], [10.0, 20.0, 30.0], [1.0, 0.5, 2.0], [9.0, 8.0, 7.0]
    together = solve_continuous_review(lead_time, *columns, unit_penalty=2.0)
    for item in range(3):
        alone = solve_continuous_review(lead_time.select([item]), *(c[item] for c in columns), unit_penalty=2.0)
        assert alone.reorder_point_units[0] == together.reorder_point_units[item]
        assert alone.order_units[0] == together.order_units[item]
        assert alone.cost_per_period[0] == together.cost_per_period[item]


def test_a_charge_by_the_unit_alone_is_served():
    """No cost of waiting: the best pair is the best of all pairs that order at all."""
    lead_time = poisson_demand(5.0, Periods.fixed(1))
    best = solve_continuous_review(lead_time, 2.0, 10.0, 1.0, 0.0, unit_penalty=15.0)
    every = {
        (r, q): cost_of_continuous_review(lead_time, 2.0, r, q, 10.0, 1.0, 0.0, unit_penalty=15.0).total()[0]
        for r in range(-5, 20)
        for q in range(1, 30)
    }
    found = min(every, key=every.__getitem__)
    assert (best.reorder_point_units[0], best.order_units[0]) == found
    assert best.cost_per_period[0] == pytest.approx(every[found])


def test_not_worth_stocking_is_said():
    """Where paying for every shortage is cheaper than any stock, the item is named instead of an endless wait."""
    lead_time = poisson_demand([5.0, 5.0], Periods.fixed(1))
    with pytest.raises(SolveError, match=r"item 1.*never to order"):
        solve_continuous_review(lead_time, 2.0, 10.0, 1.0, 0.0, unit_penalty=[15.0, 0.5])


def test_free_shortage_is_refused():
    """Some shortage must cost something."""
    with pytest.raises(FieldError, match="shortage_cost"):
        solve_continuous_review(poisson_demand([1.0], Periods.fixed(1)), 1.0, 1.0, 1.0, 0.0)


@given(
    mean=st.floats(1, 300),
    spread=st.floats(0.02, 1.5),
    rate=st.floats(0.5, 50),
    order_cost=st.floats(0.5, 500),
    hold=st.floats(0.1, 10),
    ratio=st.floats(0.3, 60),
)
@settings(max_examples=40)
def test_zheng_bounds_of_the_continuous_case(mean, spread, rate, order_cost, hold, ratio):
    """Zheng (1992): Q at least economic, cost at least economic, ends cost the optimum, and 1/8 is the most lost."""
    demand = NormalDemand.of([mean], [spread * mean])
    found = solve_normal_review(demand, rate, order_cost, hold, hold * ratio)
    low, quantity, cost = (float(column[0]) for column in found)
    economic = solve_economic_quantity(rate, order_cost, hold, shortage_cost=hold * ratio)
    assert quantity >= economic.order_units[0] * (1 - 1e-9)
    assert cost >= economic.cost_per_period[0] * (1 - 1e-9)

    def position_cost(level):
        return hold * demand.expected_left_units(level)[0] + hold * ratio * demand.expected_short_units(level)[0]

    assert position_cost(low) == pytest.approx(cost, rel=1e-7)
    assert position_cost(low + quantity) == pytest.approx(cost, rel=1e-7)
    # the economic quantity, at the best reorder point for it
    near = optimize.minimize_scalar(
        lambda r: mean_window_cost(demand, r, economic.order_units[0], rate, order_cost, hold, ratio),
        bounds=(low - quantity, low + quantity),
        method="bounded",
        options={"maxiter": 25},
    )
    assert near.fun <= 1.125 * cost
    assert mean_window_cost(demand, low, quantity, rate, order_cost, hold, ratio) == pytest.approx(cost, rel=1e-3)


def mean_window_cost(demand, low, quantity, rate, order_cost, hold, ratio):
    """Cost of (r, Q) on a normal scale, the window's positions added up by Simpson's rule."""
    levels = np.linspace(low, low + quantity, 201)
    many = NormalDemand.of(np.repeat(demand.mean_units, 201), np.repeat(demand.sd_units, 201))
    cost = hold * many.expected_left_units(levels) + hold * ratio * many.expected_short_units(levels)
    weights = np.ones(201)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return rate * order_cost / quantity + float(weights @ cost) / weights.sum()


def test_whole_units_approach_the_normal():
    """A Poisson of mean 400 costs what its normal costs, to half a percent, with the same levels to two units."""
    found = solve_continuous_review(poisson_demand(400.0, Periods.fixed(1)), 50.0, 60.0, 1.0, 9.0)
    low, quantity, cost = solve_normal_review(NormalDemand.of([400.0], [20.0]), 50.0, 60.0, 1.0, 9.0)
    assert found.cost_per_period[0] == pytest.approx(cost[0], rel=5e-3)
    assert found.reorder_point_units[0] == pytest.approx(low[0], abs=2.0)
    assert found.order_units[0] == pytest.approx(quantity[0], abs=3.0)


@given(mean=st.floats(0.5, 80), rate=st.floats(0.5, 30), order_cost=st.floats(1, 300), ratio=st.floats(0.5, 40))
@settings(max_examples=60)
def test_the_economic_quantity_is_a_lower_bound_on_whole_units_too(mean, rate, order_cost, ratio):
    """On whole units the least-cost Q is at least the economic quantity less the unit lost to rounding."""
    best = solve_continuous_review(poisson_demand(mean, Periods.fixed(1)), rate, order_cost, 1.0, ratio)
    economic = solve_economic_quantity(rate, order_cost, 1.0, shortage_cost=ratio)
    assert best.order_units[0] >= np.floor(economic.order_units[0]) - 1
    assert best.cost_per_period[0] >= economic.cost_per_period[0] * (1 - 1e-9)


def test_limits_of_the_normal_policy():
    """No spread gives the economic quantity with backorders; no order cost the newsvendor."""
    low, quantity, cost = solve_normal_review(NormalDemand.of([30.0], [0.0]), 10.0, 45.0, 1.0, 4.0)
    economic = solve_economic_quantity(10.0, 45.0, 1.0, shortage_cost=4.0)
    assert quantity[0] == pytest.approx(economic.order_units[0])
    assert cost[0] == pytest.approx(economic.cost_per_period[0])
    assert low[0] == pytest.approx(30.0 - economic.backordered_share[0] * quantity[0])
    demand = NormalDemand.of([30.0], [7.0])
    low, quantity, cost = solve_normal_review(demand, 10.0, 0.0, 1.0, 4.0)
    free = solve_newsvendor(demand, 1.0, 4.0)
    assert quantity[0] == pytest.approx(0.0, abs=1e-4)
    assert low[0] == pytest.approx(free.level_units[0], abs=1e-4)
    assert cost[0] == pytest.approx(free.expected_cost[0], rel=1e-9)


@given(sd=st.floats(0, 60), quantity=st.floats(1, 500), target=st.floats(0.05, 0.9999))
@settings(max_examples=80)
def test_normal_reorder_points_reach_their_target(sd, quantity, target):
    """The fill rate of the reorder point found is the target; one term alone never asks for less."""
    demand = NormalDemand.of([100.0], [sd])
    low = normal_reorder_point(demand, quantity, target)
    assert normal_fill_rate(demand, low, quantity)[0] == pytest.approx(target, abs=1e-9)
    if sd > 0:
        assert normal_reorder_point(demand, quantity, target, one_term=True)[0] >= low[0] - 1e-6


@given(
    lead=st.just(0.0) | st.floats(0.01, 10),
    review=st.floats(0.5, 10),
    sd=st.floats(0.1, 3),
    target=st.floats(0.5, 0.999),
)
@settings(max_examples=60)
def test_normal_base_stock_reaches_its_target(lead, review, sd, target):
    """Units short of a review cycle at the level found are what the target allows."""
    before, after = (NormalDemand.of([5.0 * n], [sd * n**0.5]) for n in (lead, lead + review))
    level = normal_base_stock(before, after, target)
    short = after.expected_short_units(level)[0] - before.expected_short_units(level)[0]
    assert 1 - short / (5.0 * review) == pytest.approx(target, abs=1e-8)
