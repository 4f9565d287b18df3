"""Carrier assignment: the optimum against enumeration, its proof, its fallback, its refusals."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.policies import best_assignment_by_enumeration

from omsim.errors import FieldError, SolveError
from omsim.kernels.tender import NOT_OFFERED, alike_rows, cheapest_moves, least_detours, take_in_turn
from omsim.optimize.carriers import (
    assign_carriers,
    cheapest_with_room,
    check_carrier_assignment,
    parcel_flow,
)


@st.composite
def tenders(draw, most_parcels=6):
    """Small tenders with few distinct prices, so that ties, classes and full pickups occur."""
    n_parcels, n_services = draw(st.integers(0, most_parcels)), draw(st.integers(0, 3))
    cells = n_parcels * n_services
    cost = draw(st.lists(st.integers(-2, 6), min_size=cells, max_size=cells))
    offered = draw(st.lists(st.booleans(), min_size=cells, max_size=cells))
    slots = draw(st.lists(st.integers(0, 3), min_size=n_services, max_size=n_services))
    hold = draw(st.lists(st.integers(0, 9), min_size=n_parcels, max_size=n_parcels))
    return (
        np.array(cost, dtype=np.int64).reshape(n_parcels, n_services),
        np.array(offered, dtype=np.bool_).reshape(n_parcels, n_services),
        np.array(slots, dtype=np.int64),
        np.array(hold, dtype=np.int64),
    )


def crowded(n_parcels=60, seed=0):
    """A tender whose cheapest service cannot take everybody."""
    rng = np.random.default_rng(seed)
    cost = rng.integers(400, 3_000, (8, 4))[rng.integers(0, 8, n_parcels)]
    offered = rng.random((n_parcels, 4)) < 0.8
    return cost, offered, np.full(4, n_parcels // 5), np.full(n_parcels, 5_000)


@given(tender=tenders())
@settings(deadline=None, max_examples=200)
def test_optimum_is_the_best_of_all_assignments(tender):
    """The cost found, feasible and certified, is the least over every way to send or hold the parcels."""
    found = assign_carriers(*tender)
    assert found.fallback == ""
    assert found.status == "optimal"
    assert found.cost_cents == found.bound_cents == best_assignment_by_enumeration(*tender)
    check = check_carrier_assignment(*tender, found.service)
    assert (check.broken, check.cost_cents, check.optimal) == ("", found.cost_cents, True)


@given(tender=tenders(), turn=st.integers(0, 3))
@settings(deadline=None, max_examples=150)
def test_certificate_says_optimal_exactly_when_it_is(tender, turn):
    """Greedy answers are certified when, and only when, enumeration finds nothing cheaper."""
    cost, offered, slots, hold = tender
    found = assign_carriers(np.roll(cost, turn, axis=0), offered, slots, hold, rule="cheapest")
    check = check_carrier_assignment(np.roll(cost, turn, axis=0), offered, slots, hold, found.service)
    best = best_assignment_by_enumeration(np.roll(cost, turn, axis=0), offered, slots, hold)
    assert check.broken == ""
    assert check.optimal == (check.cost_cents == best)
    assert found.bound_cents <= best <= found.cost_cents


@given(tender=tenders(most_parcels=5))
@settings(deadline=None, max_examples=80)
def test_slot_price_is_what_one_more_slot_saves(tender):
    """Adding one slot lowers the least cost by exactly the price stated."""
    cost, offered, slots, hold = tender
    found = assign_carriers(*tender)
    for s in range(slots.size):
        wider = slots.copy()
        wider[s] += 1
        saved = found.cost_cents - best_assignment_by_enumeration(cost, offered, wider, hold)
        assert found.slot_price_cents[s] == saved


def test_cheapest_rule_serves_parcels_in_their_order():
    """Each parcel takes its cheapest service with room; the last waits."""
    cost = np.array([[5, 7], [5, 9], [5, 7]])
    offered = np.array([[True, True], [True, True], [True, True]])
    found = assign_carriers(cost, offered, [1, 1], [100, 100, 100], rule="cheapest")
    assert found.service.tolist() == [0, 1, -1]
    assert (found.cost_cents, found.method, found.status) == (114, "cheapest", "feasible")
    assert assign_carriers(cost, offered, [1, 1], [100, 100, 100]).cost_cents == 112


def test_optimum_is_never_dearer_than_the_rules():
    """Optimum <= fallback and optimum <= cheapest, strictly on a crowded tender; same call, same answer."""
    tender = crowded(400)
    best = assign_carriers(*tender)
    assert best.method == "flow"
    greedy = assign_carriers(*tender, most_arcs=1)
    plain = assign_carriers(*tender, rule="cheapest")
    assert best.cost_cents < greedy.cost_cents <= plain.cost_cents
    np.testing.assert_array_equal(best.service, assign_carriers(*tender).service)


def test_nothing_is_solved_where_everybody_fits():
    """With room for all, no solver is called."""

    def never(problem):
        raise AssertionError("called")

    cost, offered, slots, hold = crowded()
    found = assign_carriers(cost, offered, slots + 60, hold, solve=never)
    assert (found.method, found.status, found.fallback) == ("all_cheapest", "optimal", "")


def test_alike_parcels_are_served_in_their_order():
    """Within a class the first parcels take the lowest service number, the last ones wait."""
    found = assign_carriers(np.full((5, 2), 300), np.ones((5, 2), dtype=bool), [2, 1], np.full(5, 900))
    assert sorted(found.service[:3].tolist()) == [0, 0, 1]
    assert found.service.tolist() == [0, 0, 1, -1, -1]


def raise_time_out(problem):
    """A solver that runs out of time."""
    raise TimeoutError("two seconds are over")


def raise_infeasible(problem):
    """A solver that wrongly claims there is no way."""
    raise SolveError("carrier assignment", "INFEASIBLE", "none")


def no_flow(problem):
    """A solver that moves nothing."""
    return np.zeros(problem.tail.size, dtype=np.int64)


def nothing(problem):
    """A solver without an answer."""


def too_few_arcs(problem):
    """A solver whose answer is of another size."""
    return np.zeros(1, dtype=np.int64)


def everybody_on_the_first_arc(problem):
    """Moves each class whole over its first arc, whatever the slots say."""
    flows = np.zeros(problem.tail.size, dtype=np.int64)
    n_classes = int((problem.supply_parcels > 0).sum())
    first = np.searchsorted(problem.tail, np.arange(n_classes))
    flows[first] = problem.supply_parcels[:n_classes]
    return flows


def everybody_waits(problem):
    """Feasible, and far from the optimum."""
    flows = np.zeros(problem.tail.size, dtype=np.int64)
    sink = problem.supply_parcels.size - 1
    n_classes = int((problem.supply_parcels > 0).sum())
    waits = (problem.head == sink) & (problem.tail < n_classes)
    flows[waits] = problem.supply_parcels[problem.tail[waits]]
    return flows


@pytest.mark.parametrize(
    ("solve", "reason"),
    [
        (raise_time_out, "TimeoutError: two seconds are over"),
        (raise_infeasible, "INFEASIBLE"),
        (no_flow, "do not move every parcel"),
        (nothing, "do not move every parcel"),
        (too_few_arcs, "do not move every parcel"),
        (everybody_on_the_first_arc, "slots"),
        (everybody_waits, "not the optimum"),
    ],
)
def test_a_failing_solver_leads_to_the_named_fallback(solve, reason):
    """Time-out, false infeasibility, nonsense, infeasible and poor answers: fallback taken, reason kept."""
    tender = crowded()
    found = assign_carriers(*tender, solve=solve)
    assert found.method == "cheapest_with_room"
    assert reason in found.fallback
    check = check_carrier_assignment(*tender, found.service)
    assert check.broken == ""
    assert check.cost_cents == found.cost_cents >= assign_carriers(*tender).cost_cents >= found.bound_cents


def test_a_solver_without_an_optimum_says_so():
    """The real solver's other statuses become a SolveError: supplies that do not balance."""
    problem = parcel_flow.FlowProblem(
        tail=np.array([0], dtype=np.int32),
        head=np.array([1], dtype=np.int32),
        capacity_parcels=np.array([1]),
        unit_cost_cents=np.array([1]),
        supply_parcels=np.array([2, -2]),
    )
    with pytest.raises(SolveError, match="INFEASIBLE"):
        parcel_flow.solve_flow(problem)


def test_too_large_a_flow_is_not_tried():
    """Beyond the limit of arcs the fallback is taken, and says so."""
    found = assign_carriers(*crowded(), most_arcs=3)
    assert found.method == "cheapest_with_room"
    assert "limit 3 arcs" in found.fallback


def test_dominated_options_are_not_in_the_flow():
    """An option dearer than waiting, or than a service with room for all, has no arc."""
    prices = np.array([[100, 200, 900, 500]])
    problem, _, options = parcel_flow.build_flow(prices, np.array([4]), np.array([1, 4, 4]))
    assert options.tolist() == [0, 1]
    assert problem.unit_cost_cents.tolist() == [0, 100, 0, 0, 0]


@pytest.mark.parametrize(
    ("service", "broken"),
    [([0, 0, 0], "service 0 takes 3 parcels, has 2 slots"), ([1, 0, 0], "not offered"), ([5, 0, 0], "no such service")],
)
def test_check_finds_what_is_broken(service, broken):
    """Too many parcels, a service not offered, a service that does not exist."""
    cost, offered = np.full((3, 2), 10), np.array([[True, False], [True, True], [True, True]])
    check = check_carrier_assignment(cost, offered, [2, 2], [50, 50, 50], service)
    assert broken in check.broken
    assert not check.optimal


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"cost_cents": np.full((3, 2), 1.5)}, "cost_cents"),
        ({"cost_cents": np.full((3, 2), np.nan)}, "cost_cents"),
        ({"cost_cents": np.full((3, 2), 10**15)}, "cost_cents"),
        ({"cost_cents": np.full(3, 1)}, "cost_cents"),
        ({"offered": np.ones((2, 2), dtype=bool)}, "offered"),
        ({"offered": np.ones((3, 2))}, "offered"),
        ({"slots": np.array([1, -1])}, "slots"),
        ({"slots": np.array([1, 2, 3])}, "slots"),
        ({"slots": np.array([1.0, np.inf])}, "slots"),
        ({"hold_cents": np.full(2, 9)}, "hold_cents"),
        ({"hold_cents": np.array([1.0, np.nan, 2.0])}, "hold_cents"),
        ({"rule": "fastest"}, "rule"),
    ],
)
def test_unusable_input_is_refused_by_name(changed, field):
    """Fractions, NaN, infinity, absurd sizes, wrong shapes and unknown rules are refused before building."""
    usable = {
        "cost_cents": np.full((3, 2), 10),
        "offered": np.ones((3, 2), dtype=bool),
        "slots": np.array([1, 1]),
        "hold_cents": np.full(3, 99),
    }
    with pytest.raises(FieldError) as refused:
        assign_carriers(**{**usable, **changed})
    assert refused.value.args[0] == field


def test_nothing_to_send_is_fine():
    """No parcels, or no services: nothing or everything waits, at its cost."""
    empty = assign_carriers(
        np.zeros((0, 3), dtype=int), np.zeros((0, 3), dtype=bool), [1, 1, 1], np.zeros(0, dtype=int)
    )
    assert (empty.service.size, empty.cost_cents, empty.status) == (0, 0, "optimal")
    stuck = assign_carriers(np.zeros((2, 0), dtype=int), np.zeros((2, 0), dtype=bool), np.zeros(0, dtype=int), [7, 8])
    assert (stuck.service.tolist(), stuck.cost_cents) == ([-1, -1], 15)


def test_prices_of_closed_services_do_not_matter():
    """What stands where a service is not offered is never read as a price."""
    cost, offered, slots, hold = crowded()
    other = np.where(offered, cost, 10**17)
    np.testing.assert_array_equal(
        assign_carriers(cost, offered, slots, hold).service, assign_carriers(other, offered, slots, hold).service
    )


@given(rows=st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 1)), max_size=40))
@settings(deadline=None)
def test_alike_rows_are_numbered_as_they_appear(rows):
    """Classes equal those of a dictionary filled row by row, compiled or not."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 2)
    seen = {}
    expected = [seen.setdefault(row, len(seen)) for row in rows]
    of_row, first_row = alike_rows(table)
    assert of_row.tolist() == expected
    assert [rows[i] for i in first_row] == list(seen)


def test_tender_kernels_agree_with_their_source():
    """Compiled and plain Python runs of the loops give the same."""
    cost, offered, slots, hold = crowded(30)
    prices = np.column_stack([np.where(offered, cost, NOT_OFFERED), hold])
    turn = np.arange(30)
    chosen = take_in_turn(prices, slots, turn)
    for function, given_columns in (
        (take_in_turn, (prices, slots, turn)),
        (cheapest_moves, (prices, chosen)),
        (least_detours, (cheapest_moves(prices, chosen),)),
    ):
        plain = getattr(function, "py_func", function)
        np.testing.assert_array_equal(function(*given_columns), plain(*given_columns))
    assert (np.bincount(cheapest_with_room(prices, slots), minlength=5)[:4] <= slots).all()


def test_importing_the_optimizers_does_not_load_or_tools():
    """OR-Tools loads when a flow is solved, not before."""
    code = (
        "import sys, omsim.optimize.carriers, omsim.optimize.policies.min_max, omsim.optimize.policies.base_stock\n"
        "assert not [name for name in sys.modules if name.startswith(('ortools', 'pandas'))]"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
