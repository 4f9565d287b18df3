"""Caps on kilograms: bound and answer against enumeration, the exact core, its failures, refusals."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.errors import FieldError
from omsim.kernels.tender import NOT_OFFERED
from omsim.kernels.weighted_tender import free_choices, regrets, take_weighted, trade_places
from omsim.optimize.carriers import (
    Contract,
    assign_carriers,
    assign_with_contracts,
    assign_within_weight,
    check_carriers,
)
from omsim.optimize.mip_solvers import SolverAnswer


def least_cost_within_weight(cost, offered, slots, hold, weights, caps):
    """The optimum by enumeration; weights of parcels, or of parcels by service."""
    best = None
    by_service = weights if np.ndim(weights) == 2 else np.repeat(np.reshape(weights, (-1, 1)), len(slots), axis=1)
    choices = [[-1, *np.flatnonzero(row)] for row in offered]
    for chosen in itertools.product(*choices):
        used, grams, total = [0] * len(slots), [0] * len(slots), 0
        for p, s in enumerate(chosen):
            total += hold[p] if s < 0 else cost[p][s]
            if s >= 0:
                used[s] += 1
                grams[s] += by_service[p, s]
        fits = all(n <= most for n, most in zip(used, slots, strict=True))
        if fits and all(g <= most for g, most in zip(grams, caps, strict=True)) and (best is None or total < best):
            best = total
    return best


@st.composite
def weighted_tenders(draw, most_parcels=6, by_service=False):
    """Small tenders where kilograms bind."""
    n_parcels, n_services = draw(st.integers(0, most_parcels)), draw(st.integers(1, 3))
    shape = (n_parcels, n_services)

    def whole(low, high, *size):
        n = int(np.prod(size))
        return np.array(draw(st.lists(st.integers(low, high), min_size=n, max_size=n)), dtype=np.int64).reshape(size)

    offered = whole(0, 3, *shape) > 0
    return (
        whole(-3, 40, *shape), offered, whole(0, 4, n_services), whole(20, 90, n_parcels),
        whole(0, 9, *(shape if by_service else shape[:1])), whole(0, 18, n_services),
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


def volumetric(weights, n_services, seed=0):
    """What each service counts: the parcel, or its volume by the service's own divisor, whichever is more."""
    rng = np.random.default_rng(seed)
    volume_cm3 = weights * rng.uniform(1.5, 9.0, weights.size)
    return np.maximum(weights[:, None], (volume_cm3[:, None] / rng.choice([4, 5, 6], n_services)).astype(np.int64))


@given(tender=st.booleans().flatmap(lambda by_service: weighted_tenders(by_service=by_service)))
@settings(deadline=None, max_examples=200)
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


@pytest.mark.parametrize("by_service", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_exact_core_finds_the_optimum(seed, by_service):
    """With a solver for what prices leave open, the optimum of generalised assignment, as by enumeration."""
    cost, offered, slots, hold, weights, caps = heavy(8, seed, n_services=3)
    if by_service:
        weights = volumetric(weights, 3, seed)
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


def test_weights_by_service_that_are_alike_are_one_weight():
    """The same answer, bound and prices to the last digit, whichever way alike weights are given."""
    for n_parcels in (12, 6_000, 25_000):
        tender = heavy(n_parcels)
        weights = tender[4]
        one = assign_within_weight(*tender)
        alike = assign_within_weight(*tender[:4], np.repeat(weights[:, None], 4, axis=1), tender[5])
        np.testing.assert_array_equal(one.service, alike.service)
        np.testing.assert_array_equal(one.kg_price_cents, alike.kg_price_cents)
        np.testing.assert_array_equal(one.slot_price_cents, alike.slot_price_cents)
        assert (one.cost_cents, one.bound_cents, one.status) == (alike.cost_cents, alike.bound_cents, alike.status)


def test_prices_come_near_the_bound_of_weights_by_service():
    """Carriers that count by volume: legal as each counts, near the bound; the heaviest count for all costs more."""
    cost, offered, slots, hold, weights, caps = heavy(6_000)
    counted = volumetric(weights, 4)
    found = assign_within_weight(cost, offered, slots, hold, counted, caps)
    assert found.gap_share < 3e-3
    on = found.service >= 0
    carried = [int(counted[on & (found.service == s), s].sum()) for s in range(4)]
    assert all(grams <= cap for grams, cap in zip(carried, caps, strict=True))
    safe = assign_within_weight(cost, offered, slots, hold, counted.max(axis=1), caps)
    assert safe.cost_cents > 1.01 * found.cost_cents


def test_a_cap_that_is_none_overflows_nothing():
    """A service without a cap, said as a billion kilograms, at a tender that is sampled first: near the same bound."""
    cost, offered, slots, hold, weights, caps = heavy(25_000)
    weights, caps = weights // 4, caps // 4  # a sample's grams times the cap pass 2**63
    answers = []
    for most in (int(weights.sum()), 10**12):
        caps[3] = most
        answers.append(assign_within_weight(cost, offered, slots, hold, weights, caps))
    assert all(found.gap_share < 1e-3 for found in answers)
    assert max(found.bound_cents for found in answers) <= min(found.cost_cents for found in answers)


def test_contracts_keep_the_kilograms_each_service_counts():
    """A minimum beyond what its carrier has room for as it counts: kilograms win, the rest is owed."""
    tender = (np.full((6, 2), 500), np.ones((6, 2), dtype=bool), np.array([6, 6]), np.full(6, 9_999))
    counted = np.tile([2_000, 1_000], (6, 1))
    contract = Contract(covers=np.array([True, False]), minimum_parcels=5, shortfall_cents=300)
    kept = assign_with_contracts(*tender, [contract], weight_g=counted, capacity_g=np.array([6_000, 9_000]))
    assert (kept.service == 0).sum() == 3
    assert kept.n_held == 0
    assert kept.contracts.shortfall_parcels.tolist() == [2]
    light = assign_with_contracts(*tender, [contract], weight_g=counted[:, 1], capacity_g=np.array([6_000, 9_000]))
    assert (light.service == 0).sum() >= 5


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
        ({"weight_g": np.full((3, 3), 1)}, "weight_g"),
        ({"weight_g": np.full((3, 2), -1)}, "weight_g"),
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


def test_check_counts_each_service_its_own_grams():
    """Legal as the second service counts, too heavy as the first does."""
    tender = (np.full((2, 2), 5), np.ones((2, 2), dtype=bool), [2, 2], [9, 9])
    counted = {"weight_g": [[600, 500], [500, 400]], "capacity_g": [1_000, 900]}
    assert check_carriers(*tender, [0, 0], **counted).broken == "service 0 takes 1100 g, has room for 1000 g"
    assert check_carriers(*tender, [1, 1], **counted).broken == ""


@pytest.mark.parametrize("by_service", [False, True])
def test_weighted_kernels_agree_with_their_source(by_service):
    """Compiled and plain runs of the loops give the same."""
    cost, offered, slots, hold, one_weight, caps = heavy(40)
    weights = volumetric(one_weight, 4) if by_service else one_weight[:, None]
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
