"""Packaging, contracts and slots in costs, KPIs and the report: by hand, and adding up."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from analysis.small_records import made_records
from model.small_models import small_business

from omsim.analysis.costs import channel_costs, contract_parts, order_costs
from omsim.analysis.measure import compute_kpis, measure
from omsim.analysis.outcomes import derive_outcomes, ship_by_s
from omsim.analysis.report import Report, ReportArm, render_report
from omsim.kernels.outcome_columns import COST_NAMES, PER_CENT
from omsim.model.calendars import Calendar
from omsim.sim.plan import HOLD_CENTS


@pytest.fixture(scope="module")
def business():
    """The small business with cartons and two contracts, five days of warm-up: two of the first week are counted."""
    return small_business(
        {"model.warm_up_days": 5, "costs.holding_rate_per_year": 0.2},
        cartons="carton, length_mm, width_mm, height_mm, cost_cents\nbox, 400, 300, 200, 40\nbag, 200, 200, 100, 12",
        contracts="""
            contract, party,   period, minimum_parcels, shortfall_cents
            swifts,   swift,   week,   50,              20
            express,  express, month,  30,              10
        """,
        contract_tiers="contract, from_parcels, discount_share\nswifts, 10, 0.1",
    )


@pytest.mark.parametrize("seed", range(3))
def test_packaging_falls_due_at_the_tender(business, seed):
    """Order by order, packaging is that of its parcels tendered in the counted time."""
    records = made_records(business, 300, seed)
    costs = order_costs(records, business, derive_outcomes(records, business))
    expected = np.zeros(300)
    ships = records.shipments
    for at in range(ships.order.size):
        if ships.tendered_s[at] >= records.warm_up_s:
            expected[ships.order[at]] += ships.packaging_cents[at]
    assert expected.sum() > 0
    np.testing.assert_array_equal(costs.cents("packaging"), expected)


@pytest.mark.parametrize("seed", range(3))
def test_contracts_count_by_the_days_of_their_periods(business, seed):
    """The first week by 2 of its 7 days, September not at all, October whole; orders bear the sum to the last part."""
    records = made_records(business, 300, seed)
    settled = records.contracts
    assert settled.first_day.tolist() == [0, 7, 0, 3]
    share = [Fraction(2, 7), Fraction(1), Fraction(0), Fraction(9, 11)]
    expected = 0
    for part, rebate, shortfall in zip(
        share, settled.rebate_cents.tolist(), settled.shortfall_cents.tolist(), strict=True
    ):
        expected += sum(
            sign * math.floor(cents * PER_CENT * part + Fraction(1, 2))
            for sign, cents in ((-1, rebate), (1, shortfall))
        )
    outcomes = derive_outcomes(records, business)
    costs = order_costs(records, business, outcomes)
    parts = costs.parts[:, COST_NAMES.index("contract")]
    assert parts.sum() == expected
    assert np.ptp(parts[costs.counted]) <= 1
    assert not parts[~costs.counted].any()
    np.testing.assert_array_equal(channel_costs(records, business, outcomes)[0].sum(axis=0), costs.parts.sum(axis=0))


def test_credits_are_shared_as_exactly_as_costs(business):
    """Rebates above shortfalls: a negative total, spread in parts that differ by at most one."""
    records = made_records(business, 200, 1)
    credit = replace(records.contracts, rebate_cents=records.contracts.shortfall_cents + 1001)
    records = replace(records, contracts=credit)
    costs = order_costs(records, business, derive_outcomes(records, business))
    rebate, shortfall = contract_parts(records, business)
    parts = costs.parts[:, COST_NAMES.index("contract")]
    assert parts.sum() == shortfall.sum() - rebate.sum() < 0
    assert np.ptp(parts[costs.counted]) <= 1
    table = compute_kpis(records, business)
    assert table.get("cost_contract") < 0


def test_kpis_of_cartons_tenders_and_contracts(business):
    """Every ratio from its own sentence."""
    records = made_records(business, 300, 2)
    table = compute_kpis(records, business)
    ships, tenders, settled, start = records.shipments, records.tenders, records.contracts, records.warm_up_s
    sent = ships.tendered_s >= start
    assert table.get("carton_fill") == ships.filled_mm3[sent].sum() / ships.carton_mm3[sent].sum()
    assert table.get("own_packaging_share") == (ships.own_packages[sent] > 0).mean()
    assert table.get("multi_carton_share") == (ships.cartons[sent] > 1).mean()
    counted = tenders.at_s >= start
    price, slots = tenders.slot_price_cents[counted], tenders.slots[counted]
    scarce = (price > 0) & (slots > 0)
    paid = scarce & (price < 50_000)
    assert 0 < (scarce & ~paid).sum() < scarce.sum()
    assert table.get("slot_price") == price[paid].mean()
    assert table.get("promise_slots") == (scarce & ~paid).sum() / (slots > 0).sum()
    assert table.get("scarce_slots") == scarce.sum() / (slots > 0).sum()
    south = tenders.site[counted] == 1
    assert table.get("slot_price", "pickup=south: standard") == price[south, 0][paid[south, 0]].mean()
    assert table.get("parcels_unoffered") == tenders.unoffered[counted].sum()
    decided_on = tenders.objective_cents[counted]
    gap = (decided_on - tenders.bound_cents[counted]).sum()
    assert table.get("tender_gap") == gap / np.maximum(decided_on, tenders.cost_cents[counted]).sum()
    shares = [table.get("carrier_share", f"carrier={name}") for name in ("swift", "arrow")]
    assert sum(shares) == pytest.approx(1.0)
    assert table.get("contract_share", "contract=swifts") == (settled.parcels[:2].sum() / settled.all_parcels[:2].sum())
    assert table.get("contract_share", "contract=express") == settled.parcels[3] / settled.all_parcels[3]
    rebate, shortfall = contract_parts(records, business)
    assert table.get("contract_rebates") == round(int(rebate.sum()) / PER_CENT)
    assert table.get("contract_shortfalls", "contract=swifts") == round(int(shortfall[:2].sum()) / PER_CENT)
    assert table.get("minimum_price", "contract=express") == tenders.contract_price_cents[counted, 1].mean()


def test_the_charge_for_waiting_hides_no_gap(business):
    """A tender that holds a parcel at 100,000.00 is measured by what it costs without that."""
    records = made_records(business, 100, 3)
    tenders = records.tenders
    held = np.ones_like(tenders.held)
    other = replace(
        tenders,
        held=held,
        objective_cents=tenders.objective_cents + HOLD_CENTS,
        bound_cents=tenders.bound_cents + HOLD_CENTS,
    )
    one, two = (compute_kpis(replace(records, tenders=t), business) for t in (tenders, other))
    assert one.get("tender_gap") == two.get("tender_gap") > 0


def test_without_cartons_and_contracts_there_is_nothing_to_tell():
    """A plain model has the rows, without values."""
    table = compute_kpis(made_records(small_business(), 200), small_business())
    for kpi in ("carton_fill", "own_packaging_share", "multi_carton_share", "contract_share", "minimum_price"):
        assert math.isnan(table.get(kpi))
    assert table.get("contract_rebates") == 0
    assert table.get("cost_packaging") == 0
    assert table.get("cost_contract") == 0


def test_the_report_tells_slots_and_contracts(business):
    """Pickups short of slots, contracts with what their minimum is worth, and the gap stand in the page."""
    runs = [measure(made_records(business, 200, 0, number), business) for number in range(2)]
    arm = ReportArm(name="usual", tables=tuple(run[0] for run in runs), series=tuple(run[1] for run in runs))
    page = render_report(Report(title="Carriers", arms=(arm,)))
    for text in ("By pickup short of slots", "south: express", "By contract with a carrier", "swifts",
                 "What a minimum of one parcel less would save", "Proven gap of the tenders"):  # fmt: skip
        assert text in page


def test_a_report_without_scarce_slots_has_no_table_of_them(business):
    """Where no slot is ever worth anything, no pickup is named."""
    records = made_records(business, 100)
    none = replace(records.tenders, slot_price_cents=np.zeros_like(records.tenders.slot_price_cents))
    table, series = measure(replace(records, tenders=none), business)
    page = render_report(Report(title="Ample", arms=(ReportArm(name="usual", tables=(table,), series=(series,)),)))
    assert "By pickup short of slots" not in page


def test_the_last_useful_pickup_knows_holidays_and_sites():
    """As a search day by day finds it: swift rests twice, express never comes to south, standard there on Mondays."""
    business = small_business(
        {"model.horizon_days": 21},
        carrier_holidays="carrier, date\nswift, 2026-10-01\nswift, 2026-10-05",
        pickups="""
            site,  service,  daily_slots, pickup_days
            south, standard, 9,           Mon
            south, express,  0,           Mon-Sun
        """,
    )
    settings = business.settings
    calendar = Calendar(settings.time_zone, settings.start_date, settings.horizon_days)
    found = ship_by_s(business, calendar)
    off = {0: {3, 7}, 1: set()}  # standard is swift's
    delivers = {service: [day for day in range(21) if day % 7 != 6 and day not in off[service]] for service in (0, 1)}
    comes = {
        (0, 0): [day for day in delivers[0]],
        (0, 1): [day for day in range(21) if day % 7 < 5],
        (1, 0): [0, 14],  # Monday, October 5, is a holiday
        (1, 1): [],
    }
    needed = {(0, "near"): 2, (0, "far"): 3, (1, "near"): 1, (1, "far"): 1}  # days to reach a share of 0.9
    zone = {(0, 0): "near", (0, 1): "far", (1, 0): "far", (1, 1): "near"}  # by site and region
    cutoff = (17 * 60, 16 * 60)
    for region in range(2):
        for promised in range(21):
            fits = [
                calendar.instant_s(day, cutoff[site])
                for (site, service), days in comes.items()
                for day in days
                if sum(day < at <= promised for at in delivers[service]) >= needed[service, zone[site, region]]
            ]
            assert found[region, promised] == max(fits, default=-1), (region, promised)
