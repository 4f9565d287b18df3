"""Newsvendors: one and many, against enumeration, a general solver and each other."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.policies import period_cost, scaled
from scipy import optimize

from omsim.demand.lead_time import Periods, poisson_demand, read_distributions
from omsim.errors import FieldError
from omsim.optimize.policies.base_stock import base_stock_for_cost
from omsim.optimize.policies.continuous_demand import GammaDemand, LognormalDemand, NormalDemand
from omsim.optimize.policies.newsvendor import cost_of_level, expected_profit, margins, solve_newsvendor
from omsim.optimize.policies.newsvendor_budget import solve_budgeted_newsvendor

rows = st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(lambda row: sum(row[1:]) > 0)


@given(row=rows, left=st.floats(0.1, 20), short=st.floats(0.1, 60))
def test_no_whole_level_is_cheaper(row, left, short):
    """On a table the level costs no more than any other, term by term; and it is the least-cost base stock."""
    table = read_distributions([scaled(row)])
    best = solve_newsvendor(table, left, short)
    every = [period_cost(table.row(0), level, left, short) for level in range(len(row) + 1)]
    assert best.expected_cost[0] == pytest.approx(min(every), rel=1e-9, abs=1e-12)
    assert every[int(best.level_units[0])] == pytest.approx(min(every), rel=1e-9, abs=1e-12)
    assert best.level_units[0] == base_stock_for_cost(table, left, short)[0][0]


@pytest.mark.parametrize(
    "demand",
    [NormalDemand.of([50.0], [8.0]), LognormalDemand.of([3.0], [0.6]), GammaDemand.of_units([9.0], [7.0])],
)
def test_no_neighbouring_level_is_cheaper(demand):
    """On a continuous scale a step to either side costs more, and the level meets the critical ratio."""
    best = solve_newsvendor(demand, 2.0, 7.0)
    assert demand.cdf(best.level_units)[0] == pytest.approx(7 / 9)
    for factor in (0.97, 1.03):
        assert cost_of_level(demand, best.level_units * factor, 2.0, 7.0)[0] > best.expected_cost[0]


def test_a_table_of_items_is_each_item_alone():
    """All items in one call get what each gets alone, to the bit."""
    demand, columns = NormalDemand.of([5.0, 80.0, 9.0], [2.0, 0.0, 4.0]), ([1.0, 2.0, 3.0], [9.0, 4.0, 0.5])
    together = solve_newsvendor(demand, *columns)
    for item in range(3):
        one = NormalDemand.of(demand.mean_units[item], demand.sd_units[item])
        alone = solve_newsvendor(one, columns[0][item], columns[1][item])
        assert alone.level_units[0] == together.level_units[item]
        assert alone.expected_cost[0] == together.expected_cost[item]


def test_profit_is_revenue_less_cost():
    """Expected profit equals sales, salvage, purchases and goodwill added up demand by demand."""
    row, by_unit = [0.2, 0.3, 0.1, 0.4], margins(10.0, 6.0, 2.0, 1.5)
    for level in range(5):
        by_hand = sum(
            p * (10 * min(k, level) + 2 * max(level - k, 0) - 6 * level - 1.5 * max(k - level, 0))
            for k, p in enumerate(row)
        )
        assert expected_profit(read_distributions([row]), level, by_unit)[0] == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("given_prices", "field"), [((5.0, 6.0, 1.0), "cost"), ((9.0, 6.0, 6.0), "salvage"), ((9.0, -1.0), "cost")]
)
def test_prices_the_wrong_way_round_are_refused(given_prices, field):
    """Salvage below cost below price, or the field is named."""
    with pytest.raises(FieldError) as refused:
        margins(*given_prices)
    assert refused.value.args[0] == field


@given(seed=st.integers(0, 10_000), share=st.floats(0.02, 0.98))
@settings(max_examples=25)
def test_budgeted_levels_are_the_best_a_general_solver_finds(seed, share):
    """Normal items under a budget: spends it, and no feasible step found by a general solver earns more."""
    rng = np.random.default_rng(seed)
    n = 4
    demand = NormalDemand.of(rng.uniform(20, 100, n), rng.uniform(2, 30, n))
    cost = rng.uniform(1, 10, n)
    price, salvage = cost * rng.uniform(1.1, 3, n), cost * rng.uniform(0, 0.9, n)
    by_unit = margins(price, cost, salvage)
    free = solve_budgeted_newsvendor(demand, price, cost, salvage, 1e12)
    budget = share * free.spent
    plan = solve_budgeted_newsvendor(demand, price, cost, salvage, budget)
    assert plan.spent == pytest.approx(budget, rel=1e-9)
    assert plan.profit == pytest.approx(plan.profit_bound, rel=1e-9, abs=1e-9)
    other = optimize.minimize(
        lambda y: -expected_profit(demand, y, by_unit).sum(),
        np.full(n, budget / cost.sum()),
        bounds=[(0, None)] * n,
        constraints={"type": "ineq", "fun": lambda y: budget - cost @ y},
        method="SLSQP",
    )
    assert -other.fun <= plan.profit + 1e-5 * abs(plan.profit)


@given(items=st.lists(rows, min_size=1, max_size=3), budget=st.integers(0, 40), seed=st.integers(0, 1000))
@settings(max_examples=60)
def test_whole_units_under_a_budget_stay_within_their_bound(items, budget, seed):
    """By enumeration of all levels: the bound is one, the budget holds, and at equal unit costs the plan is best."""
    rng = np.random.default_rng(seed)
    table = read_distributions([scaled(row) for row in items])
    n = len(items)
    cost = np.full(n, 3.0) if seed % 2 else rng.integers(1, 9, n).astype(float)
    price, salvage = cost + rng.integers(1, 9, n), cost - rng.uniform(0.1, 1, n) * cost
    by_unit = margins(price, cost, salvage)
    plan = solve_budgeted_newsvendor(table, price, cost, salvage, budget)
    every = [
        expected_profit(table, np.array(levels), by_unit).sum()
        for levels in itertools.product(*(range(len(row)) for row in items))
        if cost @ levels <= budget
    ]
    assert cost @ plan.level_units <= budget
    assert plan.spent == pytest.approx(cost @ plan.level_units)
    assert plan.profit == pytest.approx(expected_profit(table, plan.level_units, by_unit).sum())
    assert plan.profit <= max(every) + 1e-9
    assert plan.profit_bound >= max(every) - 1e-9
    if seed % 2:
        assert plan.profit == pytest.approx(max(every), abs=1e-9)


def test_money_left_over_buys_what_still_fits():
    """Ten thousand slow movers: no unit that gains is affordable any more, and the gap to the bound is tiny."""
    rng = np.random.default_rng(3)
    n = 10_000
    cost = rng.uniform(1, 100, n)
    table = poisson_demand(rng.uniform(0.05, 4, n), Periods.fixed(1))
    plan = solve_budgeted_newsvendor(table, 2 * cost, cost, 0.5 * cost, 300_000.0)
    assert plan.spent <= 300_000.0
    assert 0 <= plan.profit_bound - plan.profit <= 1.0
    beyond = 1 - table.cdf(plan.level_units)
    gains = cost * beyond > 0.5 * cost * (1 - beyond)
    assert not (gains & (cost <= 300_000.0 - plan.spent)).any()


def test_budget_ends_within_a_demand_known_for_certain():
    """Two sure demands and money for one and a half: the better one in full, half of the other, no gap to the bound."""
    demand = NormalDemand.of([100.0, 100.0], [0.0, 1e-9])
    plan = solve_budgeted_newsvendor(demand, [3.0, 2.0], 1.0, 0.5, 150.0)
    assert plan.level_units.tolist() == pytest.approx([100.0, 50.0], rel=1e-6)
    assert plan.profit == pytest.approx(250.0)
    assert plan.profit_bound == pytest.approx(250.0)
    assert plan.multiplier == pytest.approx(1.0)


def test_no_money_buys_nothing():
    """A budget of 0 leaves every shelf empty, on either kind of demand."""
    for price in np.linspace(2.0, 3.0, 50):
        for demand in (NormalDemand.of([900.0], [1.0]), poisson_demand([900.0], Periods.fixed(1))):
            plan = solve_budgeted_newsvendor(demand, price, 1.1, 0.5, 0.0)
            assert plan.level_units.tolist() == [0]
            assert plan.spent == 0.0
