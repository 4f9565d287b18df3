"""Wagner-Whitin plans and the classic rules against trying every plan."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.errors import FieldError
from omsim.optimize.policies.lot_sizing import cost_of_lot_plan, net_demand, plan_by_rule, solve_lot_sizes

RULES = [
    "silver_meal",
    "least_unit_cost",
    "part_period_balancing",
    "periodic_order_quantity",
    "rounded_order_quantity",
    "lot_for_lot",
]


def least_cost_of_any_plan(units, fixed, hold, price):
    """Try every way to order in each period any whole number of units up to all that is still wanted."""
    best = np.inf
    for orders in product(*[range(sum(units[t:]) + 1) for t in range(len(units))]):
        left, cost = 0, 0.0
        for t, wanted in enumerate(units):
            left += orders[t] - wanted
            cost += fixed[t] * (orders[t] > 0) + price[t] * orders[t] + hold[t] * left
            if left < 0:
                cost = np.inf
                break
        best = min(best, cost)
    return best


@settings(max_examples=40)
@given(data=st.data(), n_periods=st.integers(1, 4))
def test_the_plan_costs_what_the_best_of_all_plans_costs(data, n_periods):
    """On small cases with costs of every shape no plan at all, ordered early, late or in parts, is cheaper."""
    units = data.draw(st.lists(st.integers(0, 3), min_size=n_periods, max_size=n_periods))
    costs = [data.draw(st.lists(st.integers(0, most), min_size=n_periods, max_size=n_periods)) for most in (9, 3, 5)]
    plan = solve_lot_sizes(units, *costs)
    assert plan.cost[0] == pytest.approx(least_cost_of_any_plan(units, *costs))
    assert cost_of_lot_plan(plan.order_units, units, *costs)[0] == pytest.approx(plan.cost[0])


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), rule=st.sampled_from(RULES))
def test_rules_give_plans_that_cost_what_they_say(seed, rule):
    """Every rule's plan meets demand, costs what the check says, and never less than the optimum; items do not mix."""
    rng = np.random.default_rng(seed)
    units = rng.integers(0, 20, (4, 9)) * (rng.random((4, 9)) < 0.7)
    fixed, hold, price = rng.uniform(0, 60, (4, 9)), rng.uniform(0, 3, (4, 9)), rng.uniform(0, 5, 4)
    best = solve_lot_sizes(units, fixed, hold, price)
    plan = plan_by_rule(units, fixed, hold, price, rule=rule)
    np.testing.assert_allclose(cost_of_lot_plan(plan.order_units, units, fixed, hold, price), plan.cost)
    assert (plan.cost >= best.cost - 1e-9).all()
    alone = plan_by_rule(units[2], fixed[2], hold[2], price[2], rule=rule)
    assert alone.order_units[0].tolist() == plan.order_units[2].tolist()
    assert (plan.order_units.sum(axis=1) == units.sum(axis=1)).all()


def test_part_orders_never_pay_with_stock_in_hand():
    """Netting opening stock leaves the earliest demand to it and nothing negative."""
    assert net_demand([[3, 4, 0, 5], [1, 1, 1, 1]], [5, 0]).tolist() == [[0, 2, 0, 5], [1, 1, 1, 1]]
    assert net_demand([3, 4], 100).tolist() == [[0, 0]]


def test_free_orders_and_free_holding():
    """With free orders every period orders its own demand or no dearer; with free holding all comes at once."""
    assert solve_lot_sizes([4, 0, 5], 0, 1).order_units.tolist() == [[4, 0, 5]]
    assert solve_lot_sizes([4, 0, 5], 1, 0).order_units.tolist() == [[9, 0, 0]]
    assert solve_lot_sizes([0, 0, 0], 1, 1).order_units.tolist() == [[0, 0, 0]]


def test_a_cheap_month_before_any_demand_is_used():
    """Buying ahead of the first demand at a low price is found."""
    plan = solve_lot_sizes([0, 10], order_cost=1, holding_cost=1, unit_cost=[1, 9])
    assert (plan.order_units.tolist(), plan.cost.tolist()) == ([[10, 0]], [21.0])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([[1, 2.5]], 1, 1), "demand_units must be whole"),
        (([[1, np.nan]], 1, 1), "demand_units"),
        (([[1, 2]], np.inf, 1), "order_cost"),
        (([[1, 2]], 1, -1), "holding_cost"),
        (([[1, 2], [3, 4]], [1, 2, 3], 1), "order_cost must be one number"),
    ],
)
def test_bad_input_is_named(arguments, words):
    """One clear line for a number that cannot be used."""
    with pytest.raises(FieldError, match=words):
        solve_lot_sizes(*arguments)


def test_a_plan_that_runs_short_is_refused():
    """The check names where a plan runs short; an unknown rule is named with the known ones."""
    with pytest.raises(FieldError, match="4 units short, item 0, period 1"):
        cost_of_lot_plan([5, 0], [5, 4], 1, 1)
    with pytest.raises(FieldError, match="silver_meal"):
        plan_by_rule([1], 1, 1, rule="mystic")
