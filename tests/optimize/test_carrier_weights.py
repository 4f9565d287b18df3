"""Caps on kilograms: bound and answer against enumeration, the exact core, its failures, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.errors import FieldError
from omsim.kernels.tender import NOT_OFFERED
from omsim.kernels.weighted_tender import free_choices, regrets, take_weighted, trade_places
from omsim.optimize.carriers import assign_carriers, assign_within_weight, check_carriers
from omsim.optimize.mip_solvers import SolverAnswer


def least_cost_within_weight(cost, offered, slots, hold, weights, caps):
    """The optimum by enumeration."""
    best = None
    choices = [[-1, *np.flatnonzero(row)] for row in offered]
    for chosen in itertools.product(*choices):
        used, grams, total = [0] * len(slots), [0] * len(slots), 0
        for p, s in enumerate(chosen):
            total += hold[p] if s < 0 else cost[p][s]
            if s >= 0:
                used[s] += 1
                grams[s] += weights[p]
        fits = all(n <= most for n, most in zip(used, slots, strict=True))
        if fits and all(g <= most for g, most in zip(grams, caps, strict=True)) and (best is None or total < best):
            best = total
    return best


@st.composite
def weighted_tenders(draw, most_parcels=6):
    """Small tenders where kilograms bind."""
    n_parcels, n_services = draw(st.integers(0, most_parcels)), draw(st.integers(1, 3))
    shape = (n_parcels, n_services)

    def whole(low, high, *size):
        n = int(np.prod(size))
        return np.array(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)), dtype=np.int64).reshape(size)

    offered = whole(0, 3, *shape) > 0
    return (
        whole(-3, 40, *shape), offered, whole(0, 4, n_services), whole(20, 90, n_parcels),
        whole(0, 9, n_parcels), whole(0, 18, n_services),
    )  # fmt: skip


def heavy(n_parcels, seed=0, n_services=4):
    """Parcels whose weights, not numbers, fill the pickups."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(200, 9_000, n_parcels)
    cost = (rng.integers(300, 700, (n_parcels, n_services)) + weights[:, None] // 20).astype(np.int64)
    slots = np.full(n_services, n_parcels // 2)
    caps = np.full(n_services, int(weights.sum()) * 11 // (10 * n_services))
    caps[0] //= 3
    return cost, rng.random((n_parcels, n_services)) < 0.8, slots, np.full(n_parcels, 5_000), weights, caps


@given(tender=weighted_tenders())
@settings(deadline=None, max_examples=150)
def test_answer_is_feasible_and_bounded_both_ways(tender):
    """Bound <= optimum by enumeration <= cost, every rule kept, cost recomputed; proved ones are the optimum."""
    weights, caps = tender[4:]
    found = assign_within_weight(*tender)
    best = least_cost_within_weight(*tender)
    assert found.bound_cents <= best <= found.cost_cents
    check = check_carriers(*tender[:4], found.service, weight_g=weights, capacity_g=caps)
    assert (check.broken, check.cost_cents) == ("", found.cost_cents)
    if found.status == "optimal":
        assert found.cost_cents == best
    first_come = assign_within_weight(*tender, rule="cheapest")
    assert first_come.cost_cents >= best
    assert check_carriers(*tender[:4], first_come.service, weight_g=weights, capacity_g=caps).broken == ""


@pytest.mark.parametrize("seed", range(6))
def test_exact_core_finds_the_optimum(seed):
    """With a solver for what prices leave open, the optimum of generalised assignment, as by enumeration."""
    cost, offered, slots, hold, weights, caps = heavy(8, seed, n_services=3)
    found = assign_within_weight(cost, offered, slots, hold, weights, caps, mip_seconds=20)
    assert found.status == "optimal"
    assert found.cost_cents == least_cost_within_weight(cost, offered, slots, hold, weights, caps)
    priced = assign_within_weight(cost, offered, slots, hold, weights, caps)
    assert priced.bound_cents <= found.cost_cents <= priced.cost_cents


def test_prices_come_near_the_bound():
    """With kilograms scarce: within three thousandths of the certified bound, far below first come, first served."""
    tender = heavy(6_000)
    found = assign_within_weight(*tender)
    assert (found.method, found.status) == ("priced", "feasible")
    assert found.gap_share < 3e-3
    assert found.kg_price_cents[0] > 0
    assert assign_within_weight(*tender, rule="cheapest").cost_cents > 1.05 * found.cost_cents
    np.testing.assert_array_equal(found.service, assign_within_weight(*tender).service)


def test_caps_that_do_not_bind_leave_the_exact_flow():
    """With kilograms to spare the answer is the optimum of slots alone."""
    cost, offered, slots, hold, weights, caps = heavy(200)
    found = assign_within_weight(cost, offered, slots // 2, hold, weights, caps * 50)
    plain = assign_carriers(cost, offered, slots // 2, hold)
    assert (found.status, found.cost_cents) == ("optimal", plain.cost_cents)


def test_no_capacity_at_all_leaves_everybody():
    """Capacity zero everywhere: all wait, counted at their cost; so do parcels no service may carry."""
    cost, offered, slots, hold, weights, caps = heavy(30)
    found = assign_within_weight(cost, offered, slots, hold, weights, caps * 0)
    assert (found.n_held, found.cost_cents) == (30, int(hold.sum()))
    offered[:4] = False
    found = assign_within_weight(cost, offered, slots, hold, weights, caps * 9)
    assert found.n_nowhere == 4
    assert (found.service[:4] == -1).all()


def crash(model, limits):
    """A solver that raises."""
    raise MemoryError("out of memory")


def lie(model, limits):
    """A solver whose answer breaks the model."""
    return SolverAnswer(status="optimal", x=np.ones(model.n_columns), bound=0.0, detail="")


def give_up(model, limits):
    """A solver that calls it infeasible."""
    return SolverAnswer(status="infeasible", x=None, bound=np.inf, detail="")


@pytest.mark.parametrize("solver", [crash, lie, give_up])
def test_a_failing_solver_leaves_the_answer_by_prices(solver):
    """Crash, broken answer, false infeasibility: never dearer than without it, feasible, and the reason is kept."""
    tender = heavy(20, 3)
    priced = assign_within_weight(*tender)
    found = assign_within_weight(*tender, mip_seconds=5, mip_solver=solver)
    assert priced.cost_cents > priced.bound_cents
    assert found.bound_cents <= found.cost_cents <= priced.cost_cents
    assert found.fallback or found.status == "optimal"
    assert check_carriers(*tender[:4], found.service, weight_g=tender[4], capacity_g=tender[5]).broken == ""


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"weight_g": np.full(3, -1)}, "weight_g"),
        ({"weight_g": np.full(3, 1.5)}, "weight_g"),
        ({"weight_g": np.full(2, 1)}, "weight_g"),
        ({"capacity_g": np.array([5])}, "capacity_g"),
        ({"capacity_g": np.array([5.0, np.inf])}, "capacity_g"),
        ({"rule": "lightest"}, "rule"),
    ],
)
def test_unusable_weights_are_refused_by_name(changed, field):
    """Negative, fractional, infinite or missing weights and caps."""
    usable = {
        "cost_cents": np.full((3, 2), 10), "offered": np.ones((3, 2), dtype=bool), "slots": np.array([1, 1]),
        "hold_cents": np.full(3, 99), "weight_g": np.full(3, 5), "capacity_g": np.array([9, 9]),
    }  # fmt: skip
    with pytest.raises(FieldError) as refused:
        assign_within_weight(**{**usable, **changed})
    assert refused.value.args[0] == field


def test_check_finds_too_many_kilograms():
    """A pickup loaded beyond its cap is named."""
    check = check_carriers(
        np.full((2, 1), 5), np.ones((2, 1), dtype=bool), [2], [9, 9], [0, 0], weight_g=[600, 500], capacity_g=[1_000]
    )
    assert check.broken == "service 0 takes 1100 g, has room for 1000 g"


def test_weighted_kernels_agree_with_their_source():
    """Compiled and plain runs of the loops give the same."""
    cost, offered, slots, hold, weights, caps = heavy(40)
    prices = np.column_stack([np.where(offered, cost, NOT_OFFERED), hold])
    tolls, grams = np.arange(4) * 2**21, np.arange(4) * 2**12
    used = np.zeros((2, 2, 4), dtype=np.int64)
    turn = np.arange(40)
    results = []
    for n, plain in enumerate((False, True)):

        def of(kernel, plain=plain):
            return getattr(kernel, "py_func", kernel) if plain else kernel

        whole = of(free_choices)(prices, weights, tolls, grams, used[n, 0], used[n, 1])
        regret = of(regrets)(prices, weights, tolls, grams)
        chosen = of(take_weighted)(prices, weights, slots, caps, tolls, grams, turn)
        saved = of(trade_places)(prices, weights, slots, caps, tolls, grams, chosen, 5)
        results.append((tuple(int(v) for v in whole), regret.tolist(), chosen.tolist(), int(saved)))
    assert results[0] == results[1]
    np.testing.assert_array_equal(used[0], used[1])
