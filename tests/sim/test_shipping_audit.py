"""The audit of tenders, cartons and contracts: exact on honest records, and each identity fails on forged ones."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import small_business

from omsim.sim.audit import audit
from omsim.sim.engine import run_once
from omsim.sim.records import NEVER, RunRecords

if TYPE_CHECKING:
    from omsim.model.business import Business


@cache
def honest() -> tuple[RunRecords, Business]:
    """A run with cartons, kilograms and contracts, and its business."""
    business = small_business(
        services={"daily_slots": ["20", "12"], "daily_kg": ["12", "1000000000"]},
        cartons="""
            carton, length_mm, width_mm, height_mm, tare_g, cost_cents
            flat,   310,       210,      50,        50,     15
            box,    410,       300,      210,       200,    40
        """,
        contracts="""
            contract, party, period, minimum_parcels, shortfall_cents, tier_kind
            swifts,   swift, week,   400,             30,              all_units
            arrows,   arrow, week,   50,              10,              incremental
        """,
        contract_tiers="contract, from_parcels, discount_share\nswifts, 20, 0.1\narrows, 12, 0.2",
    )
    return run_once(business, seed=2), business


def sent(run: RunRecords) -> int:
    """A shipment that left in one carton of a kind."""
    ships = run.shipments
    return int(np.flatnonzero((ships.tendered_s != NEVER) & (ships.cartons == 1) & (ships.own_packages == 0))[5])


FORGERIES = [
    ("tenders", "used", 1, "parcels tendered = slots used"),
    ("tenders", "slots", 1, "slots of every pickup = the model's"),
    ("tenders", "parcels", 1, "parcels at a tender = sent + held"),
    ("tenders", "unoffered", 10**6, "what nobody carries is held"),
    ("tenders", "cost_cents", 1, "carrier prices paid = tender costs"),
    ("tenders", "bound_cents", 10**9, "no tender costs less than its bound"),
    ("tenders", "slot_price_cents", -(10**9), "one slot more never costs"),
    ("shipments", "price_cents", 1, "freight of a contract's period = the prices of its parcels"),
    ("shipments", "price_cents", 1, "carrier prices paid = tender costs"),
    ("shipments", "weight_g", 10**8, "no pickup takes more than its kilograms"),
    ("shipments", "packaging_cents", 1, "packaging of one carton = its price"),
    ("shipments", "carton_mm3", 1, "inside of one carton = its sides"),
    ("shipments", "filled_mm3", 10**9, "goods fit in their cartons"),
    ("shipments", "cartons", -1, "what was tendered is at least one parcel"),
    ("contracts", "parcels", 1, "parcels of a contract's period = those tendered under it"),
    ("contracts", "all_parcels", 1, "parcels of its share = all tendered in it"),
    ("contracts", "freight_cents", 1, "freight of a contract's period = the prices of its parcels"),
    ("contracts", "rebate_cents", 1, "rebate of a period = its tiers on its parcels"),
    ("contracts", "shortfall_cents", 1, "shortfall of a period = parcels missing x their charge"),
    ("contracts", "first_day", 1, "periods of contracts = the calendar's"),
]


@pytest.mark.parametrize(("part", "column", "change", "name"), FORGERIES)
def test_each_identity_catches_its_forgery(part: str, column: str, change: int, name: str):
    """One number changed breaks the identity that watches it."""
    run, business = honest()
    cells = np.array(getattr(getattr(run, part), column))
    at: object = sent(run) if part == "shipments" else (0,) * cells.ndim
    if column == "weight_g":
        at = int(np.flatnonzero((run.shipments.service == 0) & (run.shipments.tendered_s != NEVER))[0])
    if column == "unoffered":
        at = int(np.flatnonzero(run.tenders.parcels)[0])
    cells[at] += change
    forgery = replace(run, **{part: replace(getattr(run, part), **{column: cells})})
    broken = {identity.name for identity in audit(forgery, business) if identity.broken}
    assert name in broken


def test_honest_records_break_nothing():
    """And everything the audit watches happened in them."""
    run, business = honest()
    assert [identity for identity in audit(run, business) if identity.broken] == []
    ships, settled = run.shipments, run.contracts
    assert (ships.cartons > 1).any()
    assert (settled.rebate_cents > 0).any()
    assert (settled.shortfall_cents > 0).any()
    assert (run.tenders.slot_price_cents > 0).any()


def test_what_waits_has_no_carton():
    """A carton on a shipment still at the dock is caught, and so is a price on own packaging."""
    run, business = honest()
    ships = run.shipments
    waits = int(np.flatnonzero(ships.tendered_s == NEVER)[0])
    carton = ships.carton.copy()
    carton[waits] = 0
    forgery = replace(run, shipments=replace(ships, carton=carton))
    broken = {identity.name for identity in audit(forgery, business) if identity.broken}
    assert broken == {"what was not tendered has no carton"}
