"""KPIs by carton and by contract period: from the records' columns, part by part."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np
import pytest
from analysis.small_records import made_records
from model.small_models import small_business

from omsim.analysis.measure import compute_kpis

CARTONS = "carton, length_mm, width_mm, height_mm, cost_cents\nbox, 400, 300, 200, 40\nbag, 200, 200, 100, 12"
CONTRACTS = """
    contract, party, period, minimum_parcels, shortfall_cents
    swifts,   swift, week,   50,              20
    express,  express, month, 30,             10
"""
TIERS = "contract, from_parcels, discount_share\nswifts, 10, 0.1"


@pytest.fixture(scope="module")
def business():
    """The small business with two cartons and two contracts, five days of warm-up."""
    return small_business({"model.warm_up_days": 5}, cartons=CARTONS, contracts=CONTRACTS, contract_tiers=TIERS)


def test_cartons_by_their_share_and_fill(business):
    """Each carton has the counted shipments whose biggest one it is; the shares add up to those in cartons."""
    records = made_records(business, 300, 2)
    table, ships = compute_kpis(records, business), records.shipments
    sent = ships.tendered_s >= records.warm_up_s
    for code, name in enumerate(("box", "bag")):
        mine = sent & (ships.carton == code)
        assert table.get("carton_share", f"carton={name}") == mine.sum() / sent.sum()
        assert table.get("carton_fill", f"carton={name}") == ships.filled_mm3[mine].sum() / ships.carton_mm3[mine].sum()
    shares = [table.get("carton_share", f"carton={name}") for name in ("box", "bag")]
    assert math.fsum(shares) == pytest.approx(table.get("carton_share"))
    assert 0 < table.get("carton_share") < 1


def test_periods_are_settled_whole(business):
    """A row each period, in the order of the bills, named by contract and days; warm-up counts like any day."""
    records = made_records(business, 300, 1)
    table, settled = compute_kpis(records, business), records.contracts
    start = business.settings.start_date
    names = table.groups("period")
    assert names == [
        f"{('swifts', 'express')[contract]}: {start + timedelta(days=first)} to {start + timedelta(days=last)}"
        for contract, first, last in zip(
            settled.contract.tolist(), settled.first_day.tolist(), settled.last_day.tolist(), strict=True
        )
    ]
    assert names[0] == "swifts: 2026-09-28 to 2026-10-04"
    columns = {
        "period_parcels": settled.parcels,
        "period_minimum": settled.minimum_parcels,
        "period_freight": settled.freight_cents,
        "period_rebate": settled.rebate_cents,
        "period_shortfall": settled.shortfall_cents,
        "period_tiers": settled.tier,
    }
    for kpi, column in columns.items():
        assert [table.get(kpi, f"period={name}") for name in names] == column.tolist()
        if kpi != "period_tiers":
            assert table.get(kpi) == column.sum()
    assert table.get("period_tiers") == settled.tier.mean()
    discounts = np.array([table.get("period_discount", f"period={name}") for name in names])
    np.testing.assert_array_equal(
        discounts, settled.rebate_cents / np.where(settled.freight_cents, settled.freight_cents, np.nan)
    )


def test_without_them_nothing_has_a_value():
    """A model without cartons and contracts has the whole-business rows, all empty, and no parts."""
    business = small_business()
    table = compute_kpis(made_records(business, 100), business)
    assert table.groups("carton") == table.groups("period") == []
    for kpi in ("carton_share", "period_parcels", "period_minimum", "period_tiers", "period_discount", "period_freight",
                "period_rebate", "period_shortfall"):  # fmt: skip
        assert math.isnan(table.get(kpi))
