"""Lot sizes under a shared capacity: against trying every set of set-ups, and through every failure of the solver."""

import os
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from omsim.errors import FieldError, SolveError
from omsim.optimize.policies.capacitated_lot_sizing import check_capacitated_lots, solve_capacitated_lots
from omsim.optimize.policies.lot_sizing import solve_lot_sizes


def least_cost_of_any_setups(demand, fixed, hold, price, capacity, per_unit, per_setup):
    """For every set of set-ups the cheapest amounts by a plain linear program of orders and stock balances."""
    n_items, n_periods = demand.shape
    best = np.inf
    stock_price = np.flip(np.cumsum(np.flip(hold, 1), 1), 1)  # a unit ordered in t is held to the end, less demand
    constant = (stock_price * demand).sum()
    short = np.zeros((n_items * n_periods, n_items * n_periods))
    for i, t in product(range(n_items), range(n_periods)):
        short[i * n_periods + t, i * n_periods : i * n_periods + t + 1] = -1
    used = np.zeros((n_periods, n_items * n_periods))
    for t in range(n_periods):
        used[t, t::n_periods] = per_unit
    for setups in product([0, 1], repeat=n_items * n_periods):
        placed = np.array(setups).reshape(n_items, n_periods)
        result = linprog(
            (price + stock_price).ravel(),
            A_ub=np.vstack([short, used]),
            b_ub=np.concatenate([-np.cumsum(demand, 1).ravel(), capacity - per_setup @ placed]),
            bounds=[(0, 1e4 if one else 0) for one in setups],
        )
        if result.status == 0:
            best = min(best, result.fun - constant + (fixed * placed).sum())
    return best


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000))
def test_no_other_setups_are_cheaper(seed):
    """On small cases with odd costs and capacities the plan costs what the best of all sets of set-ups costs."""
    rng = np.random.default_rng(seed)
    shape = (2, 3)
    demand = rng.integers(0, 9, shape)
    fixed, hold, price = rng.uniform(0, 20, shape), rng.uniform(0, 3, shape), rng.uniform(0, 2, shape)
    per_unit, per_setup = rng.uniform(0.5, 2, 2), rng.uniform(0, 4, 2)
    capacity = rng.uniform(6, 30, 3)
    best = least_cost_of_any_setups(demand, fixed, hold, price, capacity, per_unit, per_setup)
    limits = {"capacity": capacity, "unit_capacity": per_unit, "setup_capacity": per_setup}
    if np.isinf(best):
        with pytest.raises(SolveError, match="capacitated lot sizing"):
            solve_capacitated_lots(demand, fixed, hold, price, **limits, isolate=False)
        return
    plan = solve_capacitated_lots(demand, fixed, hold, price, **limits, isolate=False)
    assert plan.status == "optimal"
    assert plan.cost == pytest.approx(best, rel=1e-5, abs=1e-5)
    assert plan.bound <= best * (1 + 1e-9) + 1e-9


def test_ample_capacity_leaves_each_item_its_own_optimum():
    """Where nothing binds the plan costs what Wagner-Whitin costs item by item."""
    rng = np.random.default_rng(4)
    demand = rng.integers(0, 40, (5, 8))
    alone = solve_lot_sizes(demand, 90, [1, 2, 3, 4, 5], 2)
    plan = solve_capacitated_lots(demand, 90, [1, 2, 3, 4, 5], 2, capacity=10_000, isolate=False)
    assert plan.cost == pytest.approx(alone.cost.sum())


def dying(model, limits):
    """Dies of a signal."""
    os.abort()


def hopeless(model, limits):
    """Raises whatever is asked."""
    raise RuntimeError("licence")


def tight():
    """Four items over six periods at nine tenths of the capacity, set-ups included."""
    rng = np.random.default_rng(1)
    demand = rng.integers(60, 100, (4, 6))
    return {
        "demand_units": demand,
        "order_cost": [300, 200, 100, 50],
        "holding_cost": [1, 1, 2, 2],
        "capacity": 380.0,
        "setup_capacity": 10,
    }


def test_a_dying_solver_costs_nothing_when_another_is_left():
    """The retry proves the same cost; the plan says what happened."""
    plan = solve_capacitated_lots(**tight(), solver=dying, seconds=60)
    assert (plan.status, plan.solver) == ("optimal", "highs")
    assert "dying crashed" in plan.fallback
    assert plan.cost == solve_capacitated_lots(**tight()).cost


def test_the_heuristic_plan_survives_everything(monkeypatch):
    """When every solver fails the heuristic plan is handed back, feasible and marked."""
    import omsim.optimize.solving as solving

    monkeypatch.setattr(solving, "_other", lambda tried, model: hopeless)
    plan = solve_capacitated_lots(**tight(), solver=hopeless, isolate=False)
    assert (plan.status, plan.solver) == ("feasible", "hint")
    assert plan.fallback.count("licence") == 2
    arguments = tight()
    check = check_capacitated_lots(plan.order_units, **arguments)
    assert (check.broken, check.cost) == ("", plan.cost)


def test_the_check_names_what_is_broken():
    """Too little capacity, a shortage and a negative order are each named with their place."""
    data = {"demand_units": [[5, 5]], "order_cost": 3, "holding_cost": 1, "capacity": [10, 8], "setup_capacity": 2}
    assert check_capacitated_lots([[5, 5]], **data).cost == 6.0
    assert check_capacitated_lots([[8, 2]], **data).cost == 9.0
    assert "period 0 takes 11 of a capacity of 10" in check_capacitated_lots([[9, 1]], **data).broken
    assert "item 0 is 1 short in period 0" in check_capacitated_lots([[4, 6]], **data).broken
    assert "negative" in check_capacitated_lots([[-1, 6]], **data).broken


def test_bad_input_is_named():
    """Numbers that cannot be used are refused before a model is built."""
    with pytest.raises(FieldError, match="capacity"):
        solve_capacitated_lots([[1, 2]], 1, 1, capacity=np.nan)
    with pytest.raises(FieldError, match="unit_capacity"):
        solve_capacitated_lots([[1, 2]], 1, 1, capacity=1, unit_capacity=[1, 2])
    with pytest.raises(SolveError):
        solve_capacitated_lots([[5, 5]], 1, 1, capacity=4, isolate=False)
