"""The coupled plan against every combination of options, and what becomes of it when solvers fail."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles.reorder import cheapest
from oracles.reorder_nights import shop_night, small_night

import omsim.optimize.reorder.solve as solving_night
from omsim.errors import FieldError, SolveError
from omsim.optimize.mip_solvers import SolverAnswer
from omsim.optimize.reorder.check import check_purchases
from omsim.optimize.reorder.night_branching import branch_orders
from omsim.optimize.reorder.night_search import NightSearch
from omsim.optimize.reorder.order_pricing import OrderArrays
from omsim.optimize.reorder.problem import (
    LineOptions,
    PurchaseLines,
    PurchaseOrders,
    ReorderProblem,
    StorageSites,
)
from omsim.optimize.reorder.solve import plan_purchases


def crashing(model, limits):
    """A solver that dies."""
    raise RuntimeError("died")


def silent(model, limits):
    """A solver that finds nothing in time."""
    return SolverAnswer(status="nothing", x=None, bound=-np.inf, detail="time limit")


def lying(model, limits):
    """A solver that says there is no solution."""
    return SolverAnswer(status="infeasible", x=None, bound=np.inf, detail="infeasible")


def boasting(model, limits):
    """A solver whose answer breaks every rule, with a bound to match."""
    return SolverAnswer(status="optimal", x=np.ones(model.n_columns), bound=1e12, detail="optimal")


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), n_lines=st.integers(1, 6), n_orders=st.integers(1, 3), n_sites=st.integers(1, 2))
def test_plan_is_the_cheapest_of_all(seed, n_lines, n_orders, n_sites):
    """Legal, no cheaper than the optimum, a bound no higher, and on small nights the optimum itself."""
    problem = small_night(seed, n_lines=n_lines, n_orders=n_orders, n_sites=n_sites)
    best = cheapest(problem)
    plan = plan_purchases(problem)
    assert not check_purchases(problem, plan.units).broken
    assert plan.bound_mc <= best <= plan.objective_mc
    assert plan.objective_mc - best <= max(1_000, 1.1e-5 * abs(best))
    assert plan.gap_share == (plan.objective_mc - plan.bound_mc) / max(abs(plan.objective_mc), 1)


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), n_lines=st.integers(1, 6), n_orders=st.integers(1, 3), n_sites=st.integers(1, 2))
def test_bound_by_prices_alone_is_a_bound(seed, n_lines, n_orders, n_sites):
    """Without any solver the plan stays legal and its bound below the optimum, whatever rules there are."""
    problem = small_night(seed, n_lines=n_lines, n_orders=n_orders, n_sites=n_sites)
    best = cheapest(problem)
    plan = plan_purchases(problem, aim_gap=0.99)
    assert plan.bound_mc <= best <= plan.objective_mc


@given(seed=st.integers(0, 10**6), value=st.floats(0, 50), storage=st.floats(0, 1e-3))
def test_orders_are_bounded_at_any_prices(seed, value, storage):
    """At arbitrary prices each order's bound is at most its plan's cost, and the plan is legal."""
    problem = small_night(seed, n_lines=5, n_orders=2)
    arrays = OrderArrays.of(problem)
    priced = arrays.price(value, np.full(1, storage), plans=True)
    assert (priced.bound <= priced.plan_cost + 1e-6 * np.abs(priced.plan_cost)).all()
    found = np.isfinite(priced.plan_cost)
    assert np.isfinite(arrays.sums(np.where(priced.plan < 0, 0, priced.plan)).cost[found]).all()


@settings(max_examples=30)
@given(seed=st.integers(0, 10**6))
def test_promises_are_kept_or_found_impossible(seed):
    """With lines that must be ordered: the optimum where there is one, else an error."""
    problem = small_night(seed, n_lines=5, n_orders=2, promises=True)
    assume((problem.lines.least_units > 0).any())
    best = cheapest(problem) if (np.diff(problem.options.first) > 0).all() else np.inf
    try:
        plan = plan_purchases(problem)
    except SolveError:  # a conflict, or options drawn too few although the rules could hold
        assert best == np.inf
    else:
        assert plan.bound_mc <= best <= plan.objective_mc
        assert plan.objective_mc - best <= max(1_000, 1.1e-5 * abs(best))


@pytest.mark.parametrize("solver", [crashing, silent, lying, boasting])
def test_a_failing_solver_costs_the_proof_but_not_the_plan(solver):
    """The plan found by prices stands, and the reason is kept."""
    problem = small_night(21, n_lines=6, n_orders=3)
    plan = plan_purchases(problem, solver=solver, aim_gap=0.0)
    assert not check_purchases(problem, plan.units).broken
    assert plan.bound_mc <= cheapest(problem) <= plan.objective_mc
    if plan.status != "optimal":
        assert plan.fallback


def test_some_failure_is_recorded_with_its_name(monkeypatch):
    """Over many nights a dying solver leaves its name in at least one plan."""
    notes = [plan_purchases(small_night(seed), solver=crashing, aim_gap=0.0).fallback for seed in range(12)]
    assert any("crashing crashed" in note for note in notes)


def test_large_nights_send_single_orders_to_the_solver(monkeypatch):
    """Where the whole is too large, orders whose own gap matters are solved one by one, and the bound stays one."""
    monkeypatch.setattr(solving_night, "WHOLE_OPTIONS", 0)
    helped = 0
    for seed in range(30):
        problem = small_night(seed, n_lines=6, n_orders=2)
        plan = plan_purchases(problem, aim_gap=0.0)
        best = cheapest(problem)
        assert plan.bound_mc <= best <= plan.objective_mc
        helped += plan.method == "prices + mip"
    assert helped > 0


def test_few_orders_close_the_gap_a_budget_leaves():
    """Where the budget ends within an order, prices alone leave percents; deciding orders in a tree under half."""
    problem = shop_night(2, n_lines=1_000, n_orders=12, n_sites=2)
    by_prices, by_tree = (plan_purchases(problem, aim_gap=aim) for aim in (0.5, 2e-3))
    assert by_prices.gap_share > 0.02
    assert by_tree.gap_share <= 0.005
    assert by_prices.bound_mc < by_tree.bound_mc <= by_tree.objective_mc <= by_prices.objective_mc


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_the_tree_of_decided_orders_bounds_from_below(seed):
    """With the solver out of reach the tree's bound stays below the optimum of all combinations."""
    problem = small_night(seed, n_lines=6, n_orders=3)
    arrays = OrderArrays.of(problem)
    search = NightSearch(arrays, problem.budget_cents, problem.sites.storage_left_mm3, seconds=5.0, solver=crashing)
    search.find_prices()
    search.fill_pool()
    search.choose_from_pool()
    before = search.bound
    branch_orders(search, 0.0)
    assert before <= search.bound <= cheapest(problem) <= search.cost


def test_the_same_night_gives_the_same_plan():
    """Twice the same, to the bit."""
    problem = small_night(5, n_lines=6, n_orders=2)
    one, two = plan_purchases(problem), plan_purchases(problem)
    np.testing.assert_array_equal(one.units, two.units)
    assert (one.objective_mc, one.bound_mc, one.budget_price) == (two.objective_mc, two.bound_mc, two.budget_price)


def budget_night(budget_cents):
    """Three lines of one order without rules of its own, worth 12, 7 and 5 for 400, 300 and 300 cents of goods."""
    lines = PurchaseLines(
        name=("a", "b", "c"),
        order=[0, 0, 0],
        position_units=[0, 0, 0],
        unit_cost_cents=[400, 300, 300],
        pack_units=[1, 1, 1],
        moq_units=[1, 1, 1],
        most_units=[1, 1, 1],
        reorder_point_units=[0, 0, 0],
        order_up_to_units=[1, 1, 1],
        units_per_day=[0.1, 0.1, 0.1],
    )
    return ReorderProblem(
        lines=lines,
        orders=PurchaseOrders(name=("order",), site=[0]),
        sites=StorageSites(name=("site",), storage_left_mm3=[10**15]),
        options=LineOptions(
            first=np.array([0, 2, 4, 6]),
            units=np.array([0, 1, 0, 1, 0, 1]),
            cost_mc=np.array([1_200_000, 0, 700_000, 0, 500_000, 0]),
        ),
        budget_cents=budget_cents,
    )


@pytest.mark.parametrize(
    ("budget", "units"), [(0, [0, 0, 0]), (300, [0, 1, 0]), (400, [1, 0, 0]), (700, [1, 1, 0]), (1000, [1, 1, 1])]
)
def test_a_budget_buys_what_saves_most(budget, units):
    """Worked by hand: the budget goes where a cent saves most, and what is refused says what it costs."""
    plan = plan_purchases(budget_night(budget))
    assert plan.units.tolist() == units
    assert plan.wanted_units.tolist() == [1, 1, 1]
    expected = [worth * 100_000 * (1 - bought) for worth, bought in zip((12, 7, 5), units, strict=True)]
    assert plan.refused_mc.tolist() == expected
    assert plan.spent_cents <= budget


def test_shadow_price_is_what_the_next_cents_save():
    """With 700 of 1,000 spent, the last line offers 500.00 for 300 cents."""
    plan = plan_purchases(budget_night(700))
    assert 5 / 3 - 1e-6 <= plan.budget_price <= 7 / 3 + 1e-6
    assert plan.next_pack_value_cents.tolist()[2] == 500.0
    assert np.isnan(plan.next_pack_value_cents[0])


def test_a_night_without_lines_is_a_plan():
    """Nothing to do is an answer."""
    empty = np.zeros(0, dtype=np.int64)
    problem = ReorderProblem(
        lines=PurchaseLines(
            name=(),
            order=empty,
            position_units=empty,
            unit_cost_cents=empty,
            pack_units=empty,
            moq_units=empty,
            most_units=empty,
            reorder_point_units=empty,
            order_up_to_units=empty,
            units_per_day=empty.astype(float),
        ),
        orders=PurchaseOrders(name=("order",), site=[0]),
        sites=StorageSites(name=("site",), storage_left_mm3=[5]),
        options=LineOptions(first=np.zeros(1, dtype=np.int64), units=empty, cost_mc=empty),
    )
    plan = plan_purchases(problem)
    assert (plan.objective_mc, plan.bound_mc, plan.status) == (0, 0, "optimal")


@pytest.mark.parametrize(("field", "value"), [("aim_gap", -0.1), ("aim_gap", np.nan), ("solver_seconds", 0.0)])
def test_odd_limits_are_refused(field, value):
    """The error names the argument."""
    with pytest.raises(FieldError, match=field):
        plan_purchases(budget_night(0), **{field: value})
