"""What is ordered and which service takes a parcel, against the specification's sentences one by one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.small_models import small_business
from oracles import parcels
from sim.busy_models import random_business

from omsim.sim.decisions import decide_tender, order_units, price_tender
from omsim.sim.parcels import DockParcels
from omsim.sim.plan import (
    HOLD_CENTS,
    INFEASIBLE_CENTS,
    POLICY_BASE_STOCK,
    POLICY_MIN_MAX,
    POLICY_NONE,
    POLICY_QUANTITY,
    Cells,
    Plan,
    compile_plan,
)
from omsim.sim.tariff import NOT_CARRIED

if TYPE_CHECKING:
    from omsim.model.business import Business


def one_cell(**numbers: int) -> Cells:
    """One stock row with these numbers."""
    blank = {name: np.zeros(1, dtype=np.int64) for name in Cells._fields}
    given_numbers = {"moq": 1, "pack": 1, "order_quantity": 1, **numbers}
    return Cells(**{**blank, **{name: np.array([value]) for name, value in given_numbers.items()}})


def units_by_hand(policy: int, position: int, point: int, top: int, quantity: int, moq: int, pack: int) -> int:
    """What a buyer would write down."""
    wanted = 0
    if policy == POLICY_MIN_MAX and position <= point:
        wanted = top - position
    if policy == POLICY_BASE_STOCK:
        wanted = max(top - position, 0)
    if policy == POLICY_QUANTITY:
        while position + wanted <= point:
            wanted += quantity
    if wanted <= 0:
        return 0
    wanted = max(wanted, moq)
    while wanted % pack:
        wanted += 1
    return wanted


@settings(deadline=None, max_examples=400)
@given(
    st.sampled_from([POLICY_NONE, POLICY_MIN_MAX, POLICY_QUANTITY, POLICY_BASE_STOCK]),
    st.integers(-60, 60),
    st.integers(-10, 40),
    st.integers(0, 60),
    st.integers(1, 25),
    st.integers(1, 30),
    st.integers(1, 12),
)
def test_policies_order_what_a_buyer_would(
    policy: int, position: int, point: int, top: int, quantity: int, moq: int, pack: int
):
    """(s, S), (r, Q) in multiples, base stock; at least the MOQ, then whole packs."""
    cells = one_cell(policy=policy, reorder_point=point, order_up_to=top, order_quantity=quantity, moq=moq, pack=pack)
    assert order_units(cells, 0, position) == units_by_hand(policy, position, point, top, quantity, moq, pack)


def drawn_parcels(business: Business, seed: int, n: int = 25) -> tuple[DockParcels, int, int]:
    """Parcels for the first region set a random site serves, some without promise, some already late."""
    rng = np.random.default_rng(seed)
    site = int(rng.integers(len(business["sites"])))
    served = business.codes("zones", "region")[business.codes("zones", "site") == site]
    day = int(rng.integers(business.settings.horizon_days))
    parcels = dock_of(
        region=rng.choice(served, n).astype(np.int64),
        weight_g=rng.integers(1, 9000, n),
        volume_mm3=rng.integers(0, 30_000_000, n),
        promise_day=np.where(rng.random(n) < 0.2, -1, np.maximum(day + rng.integers(-2, 8, n), 0)),
    )
    return parcels, site, day


def dock_of(**columns: np.ndarray) -> DockParcels:
    """Shipments of which only these columns matter."""
    n = columns["region"].size
    nothing, zeros = np.zeros(0, dtype=np.int64), np.zeros(n, dtype=np.int64)
    blank = dict.fromkeys(("longest_mm", "girth_mm"), zeros) | {"sku": nothing, "units": nothing}
    return DockParcels(**{**blank, "first_line": np.zeros(n + 1, dtype=np.int64), **columns})


@pytest.mark.parametrize("seed", range(20))
def test_costs_are_the_specifications(seed: int):
    """Price, expected penalty, surcharge on services too slow, and what waiting costs, for every parcel and service."""
    business = random_business(seed)
    plan = compile_plan(business)
    asked, site, day = drawn_parcels(business, seed)
    penalty, quantile = business.settings.late_penalty_cents, business.settings.promise_quantile
    priced, packed = price_tender(plan, asked, site=site, day=day)
    price, cost, hold = priced.price_cents, priced.cost_cents, priced.hold_cents
    assert packed is None
    n_services = len(business["services"])
    for p, (region, weight_g, volume_mm3, promise) in enumerate(
        zip(
            *(getattr(asked, name).tolist() for name in ("region", "weight_g", "volume_mm3", "promise_day")),
            strict=True,
        )
    ):
        zone = parcels.zone_of(business, site, region)
        later = [parcels.on_time(business, s, zone, day + 1, promise) for s in range(n_services)]
        held = HOLD_CENTS + (math.floor(penalty * (1 - max(later)) + 0.5) if promise >= 0 else 0)
        assert hold[p] == held
        for s in range(n_services):
            cents = parcels.price(business, s, zone, weight_g, volume_mm3)
            if cents is None:
                assert price[p, s] == NOT_CARRIED
                continue
            assert price[p, s] == cents
            if promise >= 0:
                on_time = parcels.on_time(business, s, zone, day, promise)
                cents += math.floor(penalty * (1 - on_time) + 0.5) + INFEASIBLE_CENTS * (on_time < quantile)
            assert cost[p, s] == cents


@pytest.mark.parametrize("rule", ["optimum", "cheapest"])
@pytest.mark.parametrize("seed", range(10))
def test_tenders_keep_to_slots_and_offers(rule: str, seed: int):
    """Nobody travels with a service that does not take it, no pickup is overfilled, and the sums are right."""
    business = random_business(seed)
    plan = compile_plan(business)
    asked, site, day = drawn_parcels(business, seed, 60)
    told = decide_tender(plan, rule, asked, site=site, day=day)
    priced, _ = price_tender(plan, asked, site=site, day=day)
    price, cost, hold = priced.price_cents, priced.cost_cents, priced.hold_cents
    sent = told.service >= 0
    slots = plan.tariff.slots[day, site]
    offered = (price != NOT_CARRIED) & (slots > 0)
    assert offered[sent, told.service[sent]].all()
    assert told.unoffered == (~offered.any(axis=1)).sum()
    assert told.bound_cents <= told.objective_cents
    np.testing.assert_array_equal(told.used, np.bincount(told.service[sent], minlength=slots.size))
    assert (told.used <= slots).all()
    np.testing.assert_array_equal(told.price_cents[sent], price[sent, told.service[sent]])
    assert told.price_cents[~sent].sum() == 0
    assert told.cost_cents == told.price_cents.sum()
    left_over = ~sent & offered.any(axis=1)
    if left_over.any():  # only because all that might take them are full
        full = told.used == slots
        assert all(full[np.flatnonzero(offered[p])].all() for p in np.flatnonzero(left_over))
    wanted = np.where(offered, cost, 10**15).argmin(axis=1)[offered.any(axis=1)]
    np.testing.assert_array_equal(told.demanded, np.bincount(wanted, minlength=slots.size))
    total = np.where(sent, cost[np.arange(sent.size), told.service], hold).sum()
    assert told.objective_cents == total
    other = decide_tender(plan, "cheapest", asked, site=site, day=day).service
    assert rule == "cheapest" or total <= np.where(other >= 0, cost[np.arange(sent.size), other], hold).sum()


def tender(plan: Plan, rule: str, promises: list[int]):
    """Light parcels from north to the near region on Monday."""
    n = len(promises)
    return decide_tender(
        plan,
        rule,
        dock_of(
            region=np.zeros(n, dtype=np.int64),
            weight_g=np.full(n, 100),
            volume_mm3=np.zeros(n, dtype=np.int64),
            promise_day=np.array(promises, dtype=np.int64),
        ),
        site=0,
        day=0,
    )


def test_a_promise_at_risk_takes_the_faster_service():
    """Standard takes a day with 0.8 < 0.9: promised for Tuesday goes express, for Wednesday or never standard."""
    plan = compile_plan(small_business())
    told = tender(plan, "optimum", [1, 2, -1])
    assert told.service.tolist() == [1, 0, 0]
    assert told.price_cents.tolist() == [896, 330, 330]
    assert (told.status, told.fallback, told.cost_cents) == ("trivial", "", 1556)
    assert told.demanded.tolist() == told.used.tolist() == [2, 1]


def test_scarce_slots_go_where_they_save_most():
    """One express slot and two parcels at risk: in turn the first gets it, at the optimum the one that needs it."""
    plan = compile_plan(small_business({"costs.late_penalty_cents": 400}, services={"daily_slots": ["60", "1"]}))
    told = tender(plan, "optimum", [2, 1, -1])
    assert (told.service.tolist(), told.status) == ([0, 1, 0], "trivial")
    both = tender(plan, "optimum", [1, 1])
    assert (sorted(both.service.tolist()), both.status) == ([0, 1], "optimal")
    assert both.demanded.tolist() == [0, 2]
    assert tender(plan, "cheapest", [1, 1]).service.tolist() == [1, 0]


def test_who_finds_no_slot_waits():
    """Three parcels, one slot on either service: one is left behind."""
    plan = compile_plan(small_business(services={"daily_slots": ["1"]}))
    for rule in ("optimum", "cheapest"):
        told = tender(plan, rule, [-1, -1, -1])
        assert sorted(told.service.tolist()) == [-1, 0, 1]
        assert told.cost_cents == 330 + 896


def test_an_empty_dock_is_a_tender_too():
    """Nothing to decide, nothing paid."""
    told = tender(compile_plan(small_business()), "optimum", [])
    assert (told.service.size, told.cost_cents, told.status, told.used.tolist()) == (0, 0, "trivial", [0, 0])
