"""Both engines agree on cartons, surcharges, limits, pickups, holidays, kilograms, contracts; audits are exact."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from sim.busy_models import both_engines, random_business, tied_business

from omsim.sim.audit import audit
from omsim.sim.plan import compile_plan
from omsim.sim.records import NEVER, differences


@pytest.mark.parametrize("seed", range(30))
def test_random_businesses_with_everything_carriers_charge(seed: int):
    """Businesses drawn whole from a seed, every shipping table on: no column differs, no identity breaks."""
    business = random_business(seed, shipping=True)
    process, window = both_engines(business, seed=seed, replication=seed % 3)
    assert differences(process, window) == []
    assert [identity for identity in audit(window, business) if identity.broken] == []
    assert (window.tenders.bound_cents <= window.tenders.objective_cents).all()


@pytest.mark.parametrize("seed", range(100, 108))
def test_random_businesses_with_sourcing_as_well(seed: int):
    """Sourced in batches, held, substituted, and then packed, priced and counted for contracts."""
    business = random_business(seed, shipping=True, sourcing=True)
    process, window = both_engines(business, seed=seed)
    assert differences(process, window) == []
    assert [identity for identity in audit(window, business) if identity.broken] == []


def test_the_drawn_businesses_have_everything():
    """Between them the drawn businesses make everything happen that the two engines could do differently."""
    seen: Counter[str] = Counter()
    for seed in range(30):
        business = random_business(seed, shipping=True)
        _, run = both_engines(business, seed=seed)
        plan, ships, tenders = compile_plan(business), run.shipments, run.tenders
        sent = ships.tendered_s != NEVER
        seen.update(
            surcharges=plan.tariff.card.surcharge_cents.size,
            limits=int((plan.tariff.card.max_length_mm > 0).sum() + (plan.tariff.card.max_girth_mm > 0).sum()),
            sites_that_differ=int((plan.tariff.slots != plan.tariff.slots[:, :1]).any(axis=(0, 1)).sum()),
            kilograms=plan.tariff.room_g.size,
            days_off=len(business["carrier_holidays"]),
            cartons=int((ships.cartons > 0).sum()),
            several_cartons=int((ships.cartons > 1).sum()),
            own_packages=int((ships.own_packages > 0).sum()),
            unoffered=int(tenders.unoffered.sum()),
            scarce=int((tenders.slot_price_cents > 0).sum()),
            steered=int(plan.contracts.steer) * len(tenders.status),
            rebates=int((run.contracts.rebate_cents > 0).sum()),
            incremental=int((run.contracts.rebate_cents[plan.contracts.incremental[run.contracts.contract]] > 0).sum()),
            shortfalls=int((run.contracts.shortfall_cents > 0).sum()),
            worth_of_minimums=int((tenders.contract_price_cents > 0).sum()),
            sent=int(sent.sum()),
        )
        seen.update(f"status {status}" for status in tenders.status)
    assert set(seen) >= {f"status {status}" for status in ("trivial", "optimal", "feasible", "cheapest")}
    assert min(seen.values()) >= 5, seen


def test_two_runs_with_contracts_are_the_same():
    """What is expected of a period is a pure function of the run so far."""
    business = random_business(3, shipping=True)
    assert len(business["contracts"])
    first, second = (both_engines(business, seed=3)[1] for _ in range(2))
    assert differences(first, second) == []


@pytest.mark.parametrize("release", ["at_cycle", "immediate"])
def test_ties_with_two_cutoffs_at_one_second(release: str):
    """Two sites tender at the same second: the contracts count the lower site number first in both engines."""
    business = tied_business(
        {"decisions.release": release},
        start_date="2026-10-12",
        sites={"cutoff": ["17:00"]},
        contracts="""
            contract, party, period, minimum_parcels, shortfall_cents, tier_kind
            with,     swift, week,   60,              70,              incremental
        """,
        contract_tiers="contract, from_parcels, discount_share\nwith, 11, 0.1\nwith, 23, 0.3",
        cartons="carton, length_mm, width_mm, height_mm, cost_cents\nbox, 300, 200, 100, 25",
    )
    process, window = both_engines(business, seed=4)
    assert differences(process, window) == []
    assert [identity for identity in audit(window, business) if identity.broken] == []
    assert np.unique(window.tenders.at_s).size < window.tenders.at_s.size
    assert (window.contracts.rebate_cents > 0).any()
