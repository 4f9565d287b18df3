"""Carrier contracts: the optimum against enumeration, prices of limits, the horizon, fallbacks, refusals."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.contracts import least_cost_under_contracts

from omsim.errors import FieldError
from omsim.optimize.carriers import (
    Contract,
    Expected,
    Period,
    assign_carriers,
    assign_with_contracts,
    bill_contract,
    check_carriers,
    expect_alike,
    parcel_flow,
)


@st.composite
def terms(draw, covers):
    """Terms of a contract on these services."""
    low, high = sorted(draw(st.lists(st.sampled_from([0, 200_000, 500_000, 1_000_000]), min_size=2, max_size=2)))
    starts = sorted(draw(st.sets(st.integers(1, 6), max_size=3)))
    kind = draw(st.sampled_from(["all_units", "incremental"]))
    offs = sorted(draw(st.sets(st.integers(0, 60), min_size=len(starts), max_size=len(starts))))
    shares = draw(st.booleans())
    return Contract(
        covers=covers,
        minimum_parcels=draw(st.integers(0, 5)),
        shortfall_cents=draw(st.sampled_from([0, 100, 300])),
        lowest_share_ppm=low,
        highest_share_ppm=high,
        share_miss_cents=draw(st.sampled_from([0, 200])),
        tier_kind=kind,
        from_parcels=tuple(starts),
        share_ppm=tuple(off * 10_000 for off in offs) if shares else (),
        rebate_cents=() if shares else tuple(off * 5 for off in offs),
        reference_cents=300 if shares and kind == "incremental" else 0,
    )


@st.composite
def parcels(draw, n_services, most):
    """Prices in whole hundreds, so that percents of them are whole cents."""
    n_parcels = draw(st.integers(0, most))
    rows = st.lists(st.integers(0, 6), min_size=n_services, max_size=n_services)
    cost = np.array(draw(st.lists(rows, min_size=n_parcels, max_size=n_parcels))).reshape(-1, n_services) * 100
    flags = st.lists(st.booleans(), min_size=n_services, max_size=n_services)
    offered = np.array(draw(st.lists(flags, min_size=n_parcels, max_size=n_parcels)), dtype=np.bool_)
    slots = np.array(draw(st.lists(st.integers(0, 4), min_size=n_services, max_size=n_services)))
    hold = np.array(draw(st.lists(st.integers(0, 9), min_size=n_parcels, max_size=n_parcels)), dtype=np.int64) * 100
    extra = np.array(draw(st.lists(rows, min_size=n_parcels, max_size=n_parcels))).reshape(-1, n_services) * 100
    shape = (n_parcels, n_services)
    return cost.astype(np.int64), offered.reshape(shape), slots.astype(np.int64), hold, extra.astype(np.int64)


@st.composite
def tenders_under_contracts(draw, most_parcels=4, most_expected=2):
    """Small tenders under one contract, two apart, or one inside the other; sometimes more parcels are expected."""
    n_services = draw(st.integers(1, 3))
    today = draw(parcels(n_services, most_parcels))
    later = draw(st.none() | parcels(n_services, most_expected))
    first = np.array(draw(st.lists(st.booleans(), min_size=n_services, max_size=n_services)), dtype=np.bool_)
    masks = draw(st.sampled_from([[first], [first, ~first], [np.ones_like(first), first & ~first.all()]]))
    contracts = [draw(terms(mask)) for mask in masks]
    given = draw(st.lists(st.integers(0, 3), min_size=len(masks), max_size=len(masks)))
    if later is None and draw(st.booleans()):
        return today, contracts, None, [today], [0] * len(masks), [0] * len(masks), 0
    expected, blocks = None, [today]
    if later is not None:
        cost, offered, slots, hold, billed = later
        expected = Expected(
            parcels=np.ones(hold.size, dtype=np.int64), cost_cents=cost, offered=offered, hold_cents=hold, slots=slots,
            billed_cents=billed,
        )  # fmt: skip
        blocks.append(later)
    spent = [300 * n for n in given]
    period = Period(given_parcels=given, given_cents=spent, given_in_all=sum(given) + 1, expected=expected)
    return today, contracts, period, blocks, given, spent, sum(given) + 1


@given(case=tenders_under_contracts())
@settings(deadline=None, max_examples=300)
def test_optimum_is_the_best_of_all_assignments(case):
    """Exactly the least cost over every way to send or hold today's and the expected parcels, every bill added up."""
    today, contracts, period, blocks, before, spent, in_all = case
    cost, offered, slots, hold, billed = today
    found = assign_with_contracts(cost, offered, slots, hold, contracts, billed_cents=billed, period=period)
    assert found.fallback == ""
    assert (found.status, found.method) == ("optimal", "tier_search")
    assert found.cost_cents == found.bound_cents
    assert found.cost_cents == least_cost_under_contracts(blocks, contracts, before, spent, in_all)


def wider(contracts, at, **changed):
    """The contracts with one of them changed."""
    return [dataclasses.replace(one, **changed) if n == at else one for n, one in enumerate(contracts)]


@given(case=tenders_under_contracts(most_parcels=3), tiers=st.booleans())
@settings(deadline=None, max_examples=100)
def test_prices_are_what_one_unit_more_saves(case, tiers):
    """Slots, minimums, shares: the price stated is saved exactly; where tiers could change too, at least."""
    today, contracts, period, blocks, before, spent, in_all = case
    cost, offered, slots, hold, billed = today
    if not tiers:
        contracts = [dataclasses.replace(one, from_parcels=(), share_ppm=(), rebate_cents=()) for one in contracts]
    found = assign_with_contracts(cost, offered, slots, hold, contracts, billed_cents=billed, period=period)
    everybody = in_all + sum(len(block[3]) for block in blocks)

    def least(changed=contracts, more=None):
        room = slots if more is None else slots + (np.arange(slots.size) == more)
        wide = [(cost, offered, room, hold, billed), *blocks[1:]]
        return least_cost_under_contracts(wide, changed, before, spent, in_all)

    savings = [(found.slot_price_cents[s], found.cost_cents - least(more=s)) for s in range(slots.size)]
    outcome = found.contracts
    for at, one in enumerate(contracts):
        if one.minimum_parcels:
            changed = wider(contracts, at, minimum_parcels=one.minimum_parcels - 1)
            savings.append((outcome.minimum_price_cents[at], found.cost_cents - least(changed)))
        lowest = -(-one.lowest_share_ppm * everybody // 1_000_000)
        if lowest:
            changed = wider(contracts, at, lowest_share_ppm=(lowest - 1) * 1_000_000 // everybody)
            savings.append((outcome.lowest_share_price_cents[at], found.cost_cents - least(changed)))
        highest = one.highest_share_ppm * everybody // 1_000_000
        if before[at] <= highest < everybody:
            changed = wider(contracts, at, highest_share_ppm=-(-(highest + 1) * 1_000_000 // everybody))
            savings.append((outcome.highest_share_price_cents[at], found.cost_cents - least(changed)))
        tier = outcome.tier[at]
        if tier and one.from_parcels[tier - 1] > 1 and one.from_parcels[tier - 1] - 1 not in one.from_parcels:
            starts = tuple(start - (n == tier - 1) for n, start in enumerate(one.from_parcels))
            changed = wider(contracts, at, from_parcels=starts)
            savings.append((outcome.tier_price_cents[at], found.cost_cents - least(changed)))
    for stated, saved in savings:
        assert stated >= 0
        assert stated <= saved if tiers else stated == saved


def shop_day(seed=0, n_parcels=300, n_services=4):
    """Parcels of forty kinds, two carriers with two services each, tiers within reach of both."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(400, 1_200, (40, 1)) + rng.integers(0, 150, (40, n_services))
    kind = rng.integers(0, 40, n_parcels)
    offered = (rng.random((40, n_services)) < 0.8)[kind]
    first = np.arange(n_services) % 2 == 0
    contracts = [
        Contract(
            covers=first, from_parcels=(n_parcels // 3, n_parcels * 2 // 3), share_ppm=(20_000, 90_000),
            minimum_parcels=n_parcels // 2, shortfall_cents=60,
        ),
        Contract(
            covers=~first, from_parcels=(n_parcels // 4, n_parcels // 2), rebate_cents=(15, 70),
            lowest_share_ppm=200_000,
        ),
    ]  # fmt: skip
    return kinds[kind].astype(np.int64), offered, np.full(n_services, n_parcels), np.full(n_parcels, 9_000), contracts


def test_both_flow_solvers_give_the_same_cost():
    """The quick kernel and the general solver agree on cost, bound and prices."""
    for seed in range(4):
        day = shop_day(seed)
        quick = assign_with_contracts(*day)
        general = assign_with_contracts(*day, solve=parcel_flow.solve_flow)
        assert quick.method == general.method == "tier_search"
        assert (quick.cost_cents, quick.status) == (general.cost_cents, "optimal")
        assert abs(quick.bound_cents - general.bound_cents) <= len(day[4])
        assert general.fallback == ""


def test_contracts_pay():
    """Knowing the contracts is cheaper than prices alone; few flows and a gap allowed stay feasible and bounded."""
    day = shop_day(3)
    best = assign_with_contracts(*day)
    plain = assign_carriers(*day[:4])
    assert best.cost_cents < check_carriers(*day[:4], plain.service, contracts=day[4]).cost_cents
    hasty = assign_with_contracts(*day, most_flows=2)
    assert hasty.fallback == ""
    assert hasty.bound_cents <= best.cost_cents <= hasty.cost_cents
    near = assign_with_contracts(*day, gap=0.01)
    assert near.status == "feasible" or near.cost_cents == best.cost_cents
    assert near.gap_share <= 0.01
    np.testing.assert_array_equal(best.service, assign_with_contracts(*day).service)


def test_the_rest_of_a_period_changes_what_today_is_worth():
    """Parcels still to come make a tier reachable that today alone does not reach, and today is decided for it."""
    cost = np.tile([[500, 480]], (20, 1))
    tender = cost, cost > 0, np.array([20, 20]), np.full(20, 5_000)
    contract = [Contract(covers=np.array([True, False]), from_parcels=(90,), rebate_cents=(50,))]
    alone = assign_with_contracts(*tender, contract)
    assert (alone.service == 1).all()
    later = expect_alike(cost, cost > 0, [80, 80], np.full(20, 5_000), 80)
    period = Period(given_parcels=[0], given_cents=[0], given_in_all=0, expected=later)
    ahead = assign_with_contracts(*tender, contract, period=period)
    assert ahead.contracts.period_parcels.tolist() == [100]
    assert ahead.contracts.rebate_cents.tolist() == [5_000]
    assert ahead.contracts.expected_plan.sum() == 80
    ended = Period(given_parcels=[75], given_cents=[37_500], given_in_all=80)
    last = assign_with_contracts(*tender, contract, period=ended)
    assert (last.service == 0).sum() == 20  # 15 would do, and each pays: 480 > 500 - 50
    assert last.cost_cents == 20 * 500 - 95 * 50


def test_days_decided_one_by_one_come_near_the_period_decided_at_once():
    """Rolling over six days with a true forecast of what is to come costs at most 1 % more than hindsight."""
    days = [shop_day(seed, 120) for seed in range(6)]
    contracts = shop_day(0, 720)[4]
    stacked = [np.concatenate([day[at] for day in days]) for at in (0, 1, 3)]
    hindsight = assign_with_contracts(stacked[0], stacked[1], np.full(4, 720), stacked[2], contracts)
    given, spent, paid, seen = [0, 0], [0, 0], 0, 0
    for number, day in enumerate(days):
        later = expect_alike(*day[:2], np.full(4, 9_999), day[3], 120 * (5 - number), most_classes=30)
        period = Period(given_parcels=given, given_cents=spent, given_in_all=seen, expected=later)
        found = assign_with_contracts(*day[:4], contracts, period=period)
        assert found.fallback == ""
        prices = day[0][np.arange(120), found.service]
        for at, one in enumerate(contracts):
            inside = one.covers[found.service]
            given[at] += int(inside.sum())
            spent[at] += int(prices[inside].sum())
        paid, seen = paid + int(prices.sum()), seen + 120
    bills = [bill_contract(one, given[at], spent[at], 720) for at, one in enumerate(contracts)]
    rolled = paid + sum(bill.counted_cents for bill in bills)
    assert hindsight.cost_cents <= rolled <= 1.01 * hindsight.cost_cents


def test_bill_counts_every_tier_and_shortfall():
    """Incremental tiers discount only parcels from their bound on; missing parcels are charged."""
    one = Contract(
        covers=np.array([True]), tier_kind="incremental", from_parcels=(3, 5), rebate_cents=(10, 30), minimum_parcels=8,
        shortfall_cents=100, lowest_share_ppm=500_000, share_miss_cents=7,
    )  # fmt: skip
    bill = bill_contract(one, 6, 6_000, 20)
    assert bill[:5] == (2, 2 * 10 + 2 * 30, 2, 200, 4)
    assert bill.counted_cents == 200 + 28 - 80


def raise_time_out(problem):
    """A solver that runs out of time."""
    raise TimeoutError("two seconds are over")


def no_flow(problem):
    """A solver that moves nothing."""
    return np.zeros(problem.tail.size, dtype=np.int64)


def nothing(problem):
    """A solver without an answer."""


def everybody_waits(problem):
    """Feasible, and far from the optimum."""
    flows = np.zeros(problem.tail.size, dtype=np.int64)
    n_classes = int((problem.supply_parcels > 0).sum())
    waits = (problem.head == problem.supply_parcels.size - 1) & (problem.tail < n_classes)
    flows[waits] = problem.supply_parcels[problem.tail[waits]]
    return flows


def first_arcs(problem):
    """Moves each class whole over its first arc, whatever slots and shares say."""
    flows = np.zeros(problem.tail.size, dtype=np.int64)
    n_classes = int((problem.supply_parcels > 0).sum())
    flows[np.searchsorted(problem.tail, np.arange(n_classes))] = problem.supply_parcels[:n_classes]
    return flows


@pytest.mark.parametrize(
    ("solve", "reason"),
    [
        (raise_time_out, "TimeoutError: two seconds are over"),
        (no_flow, "do not match the classes"),
        (nothing, "do not move every parcel"),
        (everybody_waits, "not the optimum"),
        (first_arcs, "more slots than there are"),
    ],
)
def test_a_failing_solver_leads_to_the_named_fallback(solve, reason):
    """Time-out, nonsense, infeasible and poor answers: the fallback, feasible, bounded, with the reason."""
    cost, offered, slots, hold, contracts = shop_day(1)
    slots = slots // 3
    contracts = [dataclasses.replace(contracts[0], highest_share_ppm=300_000), contracts[1]]
    found = assign_with_contracts(cost, offered, slots, hold, contracts, solve=solve)
    assert (found.method, found.status) == ("tiers_ignored", "feasible")
    assert reason in found.fallback
    check = check_carriers(cost, offered, slots, hold, found.service, contracts=contracts)
    assert (check.broken, check.cost_cents) == ("", found.cost_cents)
    best = assign_with_contracts(cost, offered, slots, hold, contracts)
    assert found.bound_cents <= best.cost_cents <= found.cost_cents
    assert assign_with_contracts(cost, offered, slots, hold, contracts, most_arcs=5).method == "tiers_ignored"


def test_no_capacity_anywhere_leaves_everybody_counted():
    """No slots, or nobody may carry: all wait at their cost, and the contracts' shortfall is still charged."""
    cost, offered, slots, hold, contracts = shop_day(2, 60)
    found = assign_with_contracts(cost, offered, slots * 0, hold, contracts)
    assert found.n_held == 60
    assert found.contracts.shortfall_parcels.tolist() == [30, 0]
    assert found.cost_cents == 60 * 9_000 + 30 * 60 + 12 * contracts[1].share_miss_cents
    offered = offered.copy()
    offered[:7] = False
    found = assign_with_contracts(cost, offered, slots, hold, contracts)
    assert (found.n_nowhere, found.service[:7].tolist()) == (7, [-1] * 7)


@pytest.mark.parametrize(
    ("terms_given", "field"),
    [
        ({"from_parcels": (10, 10), "share_ppm": (1, 2)}, "from_parcels[1]"),
        ({"from_parcels": (10, 5), "share_ppm": (1, 2)}, "from_parcels[1]"),
        ({"from_parcels": (0,), "share_ppm": (1,)}, "from_parcels[0]"),
        ({"from_parcels": (10, 20), "share_ppm": (90, 80)}, "share_ppm[1]"),
        ({"from_parcels": (10, 20), "rebate_cents": (9, 9)}, "rebate_cents[1]"),
        ({"from_parcels": (10,), "share_ppm": (1_000_001,)}, "share_ppm[0]"),
        ({"from_parcels": (10,)}, "share_ppm"),
        ({"from_parcels": (10,), "share_ppm": (5,), "rebate_cents": (5,)}, "rebate_cents"),
        ({"from_parcels": (10,), "share_ppm": (5,), "tier_kind": "incremental"}, "reference_cents"),
        ({"tier_kind": "stepwise"}, "tier_kind"),
        ({"lowest_share_ppm": 500_000, "highest_share_ppm": 400_000}, "lowest_share_ppm"),
        ({"minimum_parcels": -1}, "minimum_parcels"),
        ({"shortfall_cents": 0.5}, "shortfall_cents"),
        ({"minimum_parcels": float("nan")}, "minimum_parcels"),
        ({"covers": np.array([1, 0])}, "covers"),
    ],
)
def test_unusable_terms_are_refused_by_name(terms_given, field):
    """Tiers that do not rise, shares that cross, negative or fractional numbers."""
    with pytest.raises(FieldError) as refused:
        Contract(**{"covers": np.array([True, False]), **terms_given})
    assert refused.value.args[0] == field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"contracts": [Contract(covers=np.array([True]))]}, "contracts[0].covers"),
        (
            {"contracts": [Contract(covers=np.array(m, dtype=bool)) for m in ([1, 1, 0, 0], [0, 1, 1, 0])]},
            "contracts[0].covers",
        ),
        ({"billed_cents": np.full((30, 4), -1)}, "billed_cents"),
        ({"billed_cents": np.full((30, 4), 1.5)}, "billed_cents"),
        ({"gap": 1.0}, "gap"),
        ({"gap": float("nan")}, "gap"),
        ({"most_flows": 0}, "most_flows"),
        ({"period": Period(given_parcels=[-1, 0], given_cents=[0, 0], given_in_all=0)}, "given_parcels"),
        ({"period": Period(given_parcels=[5, 0], given_cents=[0, 0], given_in_all=4)}, "given_in_all"),
        ({"period": Period(given_parcels=[0], given_cents=[0, 0], given_in_all=4)}, "given_parcels"),
    ],
)
def test_unusable_tenders_are_refused_by_name(changed, field):
    """Contracts that overlap in part, bills below zero, periods that do not fit."""
    cost, offered, slots, hold, contracts = shop_day(0, 30)
    given_arguments = {"contracts": contracts, **changed}
    with pytest.raises(FieldError) as refused:
        assign_with_contracts(cost, offered, slots, hold, **given_arguments)
    assert refused.value.args[0] == field


@pytest.mark.parametrize("seed", range(4))
def test_contracts_within_kilograms(seed):
    """With caps on kilograms as well: every rule kept, bounded, the cost recomputed, and never silently too heavy."""
    cost, offered, slots, hold, contracts = shop_day(seed)
    contracts = [dataclasses.replace(contracts[0], highest_share_ppm=500_000), contracts[1]]
    weights = np.random.default_rng(seed).integers(100, 5_000, 300)
    caps = np.full(4, int(weights.sum()) * 3 // 10)
    found = assign_with_contracts(cost, offered, slots, hold, contracts, weight_g=weights, capacity_g=caps)
    free = assign_with_contracts(cost, offered, slots, hold, contracts)
    check = check_carriers(
        cost, offered, slots, hold, found.service, contracts=contracts, weight_g=weights, capacity_g=caps
    )
    assert (check.broken, check.cost_cents) == ("", found.cost_cents)
    assert free.bound_cents <= found.bound_cents <= found.cost_cents
    loose = assign_with_contracts(cost, offered, slots, hold, contracts, weight_g=weights, capacity_g=caps * 9)
    assert (loose.method, loose.cost_cents) == ("tier_search", free.cost_cents)
    with pytest.raises(FieldError, match="capacity_g"):
        assign_with_contracts(cost, offered, slots, hold, contracts, weight_g=weights)


def test_check_finds_what_contracts_forbid():
    """More parcels than the highest share, more slots than there are, an expected parcel left out."""
    cost = np.full((4, 2), 100)
    tender = cost, cost > 0, np.array([4, 1]), np.full(4, 900)
    capped = [Contract(covers=np.array([True, False]), highest_share_ppm=500_000)]
    assert "highest share is 2" in check_carriers(*tender, [0, 0, 0, -1], contracts=capped).broken
    assert "has 1 slots" in check_carriers(*tender, [1, 1, 0, -1], contracts=capped).broken
    period = Period(given_parcels=[0], given_cents=[0], given_in_all=0, expected=expect_alike(*tender, 3))
    plan = np.array([[1, 0, 1]])
    found = check_carriers(*tender, [0, -1, -1, -1], contracts=capped, period=period, expected_plan=plan)
    assert "expected parcel" in found.broken
