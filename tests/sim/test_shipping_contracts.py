"""Contracts over a run: periods, what is settled, and when tenders are steered by them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import small_business
from sim.busy_models import both_engines

from omsim.sim.audit import audit
from omsim.sim.contract_book import ContractBook
from omsim.sim.contracts import NO_TIER, compile_contracts
from omsim.sim.decisions import decide_tender
from omsim.sim.engine import run_once
from omsim.sim.parcels import DockParcels
from omsim.sim.plan import compile_plan
from omsim.sim.records import NEVER, RunRecords, differences

if TYPE_CHECKING:
    from omsim.model.business import Business

SERVICES = """
    service, carrier, pickup_days, delivery_days, daily_slots, over_kg_cents
    first,   swift,   Mon-Sun,     Mon-Sun,       500,         50
    second,  arrow,   Mon-Sun,     Mon-Sun,       500,         50
"""
TRANSITS = """
    service, zone, days, share
    first,   near, 1,    1
    first,   far,  1,    1
    second,  near, 1,    1
    second,  far,  1,    1
"""
RATES = """
    service, zone, up_to_g, price_cents
    first,   near, 50000,   300
    first,   far,  50000,   300
    second,  near, 50000,   310
    second,  far,  50000,   310
"""


def two_carriers(contract: str, tiers: str = "", **settings: object) -> Business:
    """The small business with two carriers alike in all but ten cents, and one contract with the dearer one.

    Some 385 parcels a week; `contract` gives period, minimum, shortfall, shares and kind of tiers.
    """
    header = "contract, party, period, minimum_parcels, shortfall_cents, lowest_share, highest_share, tier_kind"
    return small_business(
        {"decisions.promise_quantile": 0, **settings},
        services=SERVICES,
        transits=TRANSITS,
        rates=RATES,
        contracts=f"{header}\narrows, arrow, {contract}",
        contract_tiers=f"contract, from_parcels, discount_share\n{tiers}" if tiers else None,
    )


def paid_cents(run: RunRecords) -> int:
    """Freight, and what contracts charge less what they credit."""
    return int(run.tenders.cost_cents.sum() + run.contracts.shortfall_cents.sum() - run.contracts.rebate_cents.sum())


def played(business: Business) -> RunRecords:
    """One run by both engines, which agree and whose audits are exact."""
    process, window = both_engines(business, seed=5)
    assert differences(process, window) == []
    assert [identity for identity in audit(window, business) if identity.broken] == []
    return window


def test_periods_and_their_scaled_bounds_by_hand():
    """14 days from Monday, September 28: two whole weeks; 3 of 30 days of September and 11 of 31 of October."""
    business = small_business(
        contracts="""
            contract, party,   period, minimum_parcels, shortfall_cents
            weekly,   swift,   week,   70,              10
            monthly,  express, month,  100,             20
        """,
        contract_tiers="contract, from_parcels, discount_share\nweekly, 30, 0.1\nmonthly, 40, 0.2\nmonthly, 95, 0.25",
    )
    terms = compile_contracts(business, 24)
    assert terms.contract.tolist() == [0, 0, 1, 1]
    assert terms.first_day.tolist() == [0, 7, 0, 3]
    assert terms.last_day.tolist() == [6, 13, 2, 13]
    assert terms.minimum_parcels.tolist() == [70, 70, 10, 35]  # 100 x 11 / 31 = 35.5, rounded down
    assert terms.from_parcels.tolist() == [[30, NO_TIER], [30, NO_TIER], [4, 10], [15, 34]]  # rounded up
    assert terms.share_ppm.tolist() == [[100_000, 0], [200_000, 250_000]]
    assert terms.covers.tolist() == [[True, False], [False, True]]
    assert terms.row[:, [0, 2, 3, 6, 7, 13]].tolist() == [[0, 0, 0, 0, 1, 1], [2, 2, 3, 3, 3, 3]]


@pytest.mark.parametrize(("kind", "rebate"), [("all_units", (300, 1080)), ("incremental", (30, 520))])
def test_a_settlement_by_hand(kind: str, rebate: tuple[int, int]):
    """Tiers from 3 parcels (10 %) and 6 (20 %): 3 parcels of 1,000 in the first week, 7 of 600 to 900 in the second.

    Incremental: the third parcel of the first week alone; of the second, the third to fifth at 10 % and the last two at
    20 %. The minimum of 5 misses two at 40 cents in the first week, none in the second.
    """
    business = small_business(
        contracts=f"""
            contract, party, period, minimum_parcels, shortfall_cents, tier_kind
            with,     swift, week,   5,               40,              {kind}
        """,
        contract_tiers="contract, from_parcels, discount_share\nwith, 3, 0.1\nwith, 6, 0.2",
    )
    book = ContractBook(compile_plan(business))

    def take(day: int, service: list[int], price_cents: list[int]) -> None:
        decision = SimpleNamespace(service=np.array(service), price_cents=np.array(price_cents), kinds=None)
        book.take(0, day, decision)  # type: ignore[arg-type]

    if kind == "incremental":
        take(1, [0, 1, 0], [1000, 500, 1000])
        take(4, [-1, 0], [0, 300])
    else:
        take(1, [0, 1, 0], [1000, 500, 1000])
        take(4, [-1, 0], [0, 1000])
    take(7, [0, 0, 0, 1], [900, 900, 800, 1])
    take(8, [0, 0, 0, 0], [700, 700, 800, 600])
    settled = book.settle()
    assert settled.parcels.tolist() == [3, 7]
    assert settled.all_parcels.tolist() == [4, 8]
    assert settled.freight_cents.tolist() == [2300 if kind == "incremental" else 3000, 5400]
    assert settled.tier.tolist() == [1, 2]
    # second week, incremental: (800 + 700 + 700) x 0.1 + (800 + 600) x 0.2 = 220 + 280 = 500
    expected = [30, 500] if kind == "incremental" else [300, 1080]
    assert settled.rebate_cents.tolist() == expected
    assert settled.shortfall_cents.tolist() == [80, 0]


def test_a_tier_is_reached_when_it_pays():
    """10 % of 310 cents is more than the 10 cents it is dearer: everything goes with the contract's carrier."""
    terms = ("week, 0, 0, 0, 1, all_units", "arrows, 100, 0.1")
    steered = played(two_carriers(*terms))
    ignored = run_once(two_carriers(*terms, **{"decisions.contract_rule": "ignore"}), seed=5)
    assert steered.contracts.tier.tolist() == [1, 1]
    assert (steered.contracts.parcels > 0.9 * steered.contracts.all_parcels).all()
    assert ignored.contracts.parcels.tolist() == [0, 0]
    n_sent = int((ignored.shipments.tendered_s != NEVER).sum())
    assert paid_cents(ignored) == 300 * n_sent
    assert paid_cents(steered) < paid_cents(ignored) - 15 * n_sent  # 300 against 310 x 0.9 = 279


@pytest.mark.parametrize("terms", [
    ("week, 0, 0, 0, 1, all_units", "arrows, 100, 0.02"),  # 6.2 cents of 10
    ("week, 0, 0, 0, 1, all_units", "arrows, 5000, 0.5"),  # never reached
    ("week, 0, 0, 0, 1, incremental", "arrows, 330, 0.1"),  # 21 cents on the last 50 do not pay 10 on the first 329
])  # fmt: skip
def test_a_tier_is_left_when_it_does_not_pay(terms: tuple[str, str]):
    """Too small, out of reach, or on too few parcels: nothing goes with the dearer carrier."""
    run = played(two_carriers(*terms))
    assert run.contracts.parcels.sum() == 0
    assert run.contracts.rebate_cents.tolist() == [0, 0]


def test_a_minimum_is_met_when_missing_it_costs_more():
    """50 cents a missing parcel against 10: a hundred a week are sent with the carrier, and hardly one more."""
    run = played(two_carriers("week, 100, 50, 0, 1, all_units"))
    assert run.contracts.shortfall_cents.tolist() == [0, 0]
    assert (run.contracts.parcels >= 100).all()
    assert (run.contracts.parcels <= 115).all()
    # while it is open, a minimum of one parcel less would save the ten cents the carrier is dearer
    assert 10 in run.tenders.contract_price_cents[:, 0].tolist()
    assert run.tenders.contract_price_cents.max() <= 50


def test_a_minimum_is_missed_when_that_is_cheaper():
    """5 cents a missing parcel against 10: none is sent, all are paid for."""
    run = played(two_carriers("week, 100, 5, 0, 1, all_units"))
    assert run.contracts.parcels.tolist() == [0, 0]
    assert run.contracts.shortfall_cents.tolist() == [500, 500]
    assert set(run.tenders.contract_price_cents[run.tenders.parcels > 0, 0].tolist()) == {5}


def test_a_lowest_share_is_kept_and_a_highest_one():
    """At least 30 % with the dearer carrier; the other way round, at most 20 % with the cheaper one.

    In the first week nobody knows yet that nothing is packed on Sundays: a share of what was expected is more of what
    came, and what was kept for Sunday's parcels is not used. In the second week both shares are met.
    """
    run = played(two_carriers("week, 0, 0, 0.3, 1, all_units"))
    share = run.contracts.parcels / run.contracts.all_parcels
    assert 0.3 <= share[0] <= 0.42
    assert 0.3 <= share[1] <= 0.305
    other = small_business(
        {"decisions.promise_quantile": 0}, services=SERVICES, transits=TRANSITS, rates=RATES,
        contracts="contract, party, period, highest_share\nswifts, swift, week, 0.2",
    )  # fmt: skip
    capped = played(other)
    share = capped.contracts.parcels / capped.contracts.all_parcels
    assert (share <= 0.2).all()
    assert share[1] >= 0.19


def test_a_share_is_no_reason_to_leave_a_parcel_behind():
    """At most a tenth with the one carrier that still comes: its parcels leave all the same."""
    business = small_business(
        {"decisions.promise_quantile": 0}, services=SERVICES.replace("500", "500", 1), transits=TRANSITS, rates=RATES,
        contracts="contract, party, period, highest_share\nswifts, swift, week, 0.1",
        events="kind, target, start, end\ncarrier_out, arrow, 2026-09-28, 2026-10-11",
    )  # fmt: skip
    run = played(business)
    assert run.tenders.held.sum() == 0
    assert (run.contracts.parcels == run.contracts.all_parcels).all()


def test_months_and_weeks_are_steered_together():
    """A weekly minimum with one carrier, a monthly one with the other: both are met, scaled to the days simulated."""
    business = small_business(
        {"decisions.promise_quantile": 0}, services=SERVICES, transits=TRANSITS, rates=RATES,
        contracts="""
            contract, party, period, minimum_parcels, shortfall_cents
            arrows,   arrow, week,   80,              50
            swifts,   swift, month,  300,             50
        """,
    )  # fmt: skip
    run = played(business)
    assert run.contracts.minimum_parcels.tolist() == [80, 80, 30, 106]
    assert (run.contracts.parcels >= run.contracts.minimum_parcels).all()
    assert run.contracts.shortfall_cents.sum() == 0


def test_contracts_that_overlap_are_all_settled_and_the_first_steers():
    """A second contract on the same services steers nothing, but is billed; one on part of them steers as well."""
    business = small_business(
        {"decisions.promise_quantile": 0}, services=SERVICES, transits=TRANSITS, rates=RATES,
        contracts="""
            contract, party,  period, minimum_parcels, shortfall_cents
            arrows,   arrow,  week,   60,              50
            again,    second, week,   90,              50
        """,
    )  # fmt: skip
    assert compile_plan(business).contracts.steered.tolist() == [True, False]
    run = played(business)
    assert run.contracts.parcels[0] == run.contracts.parcels[2] == pytest.approx(60, abs=12)
    assert run.contracts.shortfall_cents[2] == 50 * (90 - run.contracts.parcels[2]) > 0
    named_alike = small_business(
        services={"service": ["arrow", "express"]},
        transits={"service": ["arrow"] * 4 + ["express"] * 3},
        rates={"service": ["arrow"] * 4 + ["express"] * 2},
        contracts="contract, party, period, lowest_share\nboth, arrow, week, 0.1\nfirst, swift, week, 0.1",
    )  # "arrow" is a service of swift and the carrier of express
    assert compile_plan(named_alike).contracts.covers.tolist() == [[True, True], [True, False]]
    assert compile_plan(named_alike).contracts.steered.tolist() == [True, True]


def test_what_a_minimum_is_worth_at_a_tender():
    """The last tender of a week, 3 parcels short of its minimum: one less would save ten cents, and three are sent."""
    business = two_carriers("week, 3, 50, 0, 1, all_units", **{"model.horizon_days": 7})
    plan = compile_plan(business)
    book = ContractBook(plan)
    book._turn = plan.times.cutoff_s.size - 1
    n = 8
    zeros, nothing = np.zeros(n, dtype=np.int64), np.zeros(0, dtype=np.int64)
    dock = DockParcels(
        zeros, zeros - 1, zeros + 400, zeros + 10**6, zeros, zeros, np.zeros(n + 1, dtype=np.int64), nothing, nothing
    )
    told = decide_tender(plan, "optimum", dock, site=0, day=6, book=book)
    assert (told.service == 1).sum() == 3
    assert told.objective_cents == told.bound_cents == 5 * 300 + 3 * 310
    assert told.contract_price_cents.tolist() == [10]
    assert told.status == "optimal"
