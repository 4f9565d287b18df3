"""Records as Parquet tables: names for numbers, null for never, and sums that agree with the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq
import pytest
from sim.busy_models import random_business

from omsim.experiments.tables import build_money_ledger, build_tables, write_tables
from omsim.kernels.outcome_columns import COST_NAMES
from omsim.sim.engine import run_once

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords


@pytest.fixture(scope="module")
def records(corner_shop: Business) -> RunRecords:
    """One run of the corner shop."""
    return run_once(corner_shop, seed=3)


def test_lines_say_what_became_of_every_unit(corner_shop: Business, records: RunRecords) -> None:
    """Units filled at once, reserved and cancelled of short lines are the records'; others are filled whole."""
    lines = build_tables(records, corner_shop)["lines"].to_pandas()
    short = records.short_lines
    assert short.line.size > 0
    is_short = np.zeros(len(lines), dtype=bool)
    is_short[short.line] = True
    for column in ("first_units", "reserved_units", "cancelled_units"):
        assert lines[column].to_numpy()[is_short].tolist() == getattr(short, column).tolist()
    tried = records.orders.allocated_s[lines["order"]] >= 0
    whole = lines[tried & ~is_short]
    assert (whole["first_units"] == whole["units"]).all()
    assert (lines[~tried]["reserved_units"] == 0).all()
    assert set(lines["sku"]) <= set(corner_shop["skus"].texts("sku"))


def test_never_is_null(corner_shop: Business, records: RunRecords) -> None:
    """A time that never came is null, not -1, in every table."""
    for name, table in build_tables(records, corner_shop).items():
        for column in table.column_names:
            if column.endswith("_s") and table.num_rows:
                low = table[column].to_pandas().min()
                assert not low < 0, f"{name}.{column}"


def test_money_ledger_adds_up_to_the_cost_kpi(corner_shop: Business, records: RunRecords) -> None:
    """Components summed over counted orders are the numerator of cost per order, which is in whole cents."""
    from omsim.analysis.measure import compute_kpis

    ledger = build_money_ledger(records, corner_shop).to_pandas()
    total = sum(float(ledger[f"{name}_cents"].sum()) for name in COST_NAMES)
    kpis = compute_kpis(records, corner_shop)
    assert total == pytest.approx(kpis.numerator[kpis.row("cost_per_order")], abs=1)


def test_tables_read_back(corner_shop: Business, records: RunRecords, tmp_path: Path) -> None:
    """Every table is a Parquet file that opens, with the rows of its records."""
    write_tables(records, corner_shop, tmp_path / "tables")
    rows = {path.stem: pq.read_metadata(path).num_rows for path in (tmp_path / "tables").iterdir()}
    assert rows["orders"] == rows["money_ledger"] == len(records.orders.arrived_s)
    assert rows["shipments"] == len(records.shipments.order)
    assert rows["stock_daily"] == records.stock.daily_on_hand.size
    assert {"lines", "pieces", "returns", "contacts", "purchases", "tenders", "shrinkage", "stations"} <= set(rows)


def test_the_stock_ledger_leads_to_the_stock_balance(corner_shop: Business, records: RunRecords) -> None:
    """Entries into `on_hand` less those out of it are what is there at the end, by site and SKU."""
    tables = build_tables(records, corner_shop)
    ledger, balance = (
        tables[name].to_pandas().astype({"site": str, "sku": str}) for name in ("stock_ledger", "stock_balance")
    )
    came, went = (
        ledger[ledger[end] == "on_hand"].groupby(["site", "sku"])["units"].sum() for end in ("target", "source")
    )
    closing = balance.set_index(["site", "sku"])["closing_units"]
    assert came.sub(went, fill_value=0).to_dict() == closing.to_dict()
    assert ledger.set_index("reference_table")["reference_row"].max() > 0


def test_cartons_and_contracts_have_their_columns() -> None:
    """A model with cartons and contracts tells them in shipments, tenders and tables of their own."""
    business = random_business(3, shipping=True)
    run = run_once(business, seed=3)
    tables = build_tables(run, business)
    shipments, tenders = tables["shipments"].to_pandas(), tables["tenders"].to_pandas()
    assert shipments["packaging_cents"].sum() == run.shipments.packaging_cents.sum() > 0
    assert set(shipments["carton"].dropna()) <= set(business["cartons"].texts("carton"))
    assert tenders["slot_price_cents"].sum() == run.tenders.slot_price_cents.sum()
    settled = tables["contracts"].to_pandas()
    assert settled["parcels"].tolist() == run.contracts.parcels.tolist()
    assert set(settled["contract"]) == set(business["contracts"].texts("contract"))
    assert len(tables["contract_prices"]) == run.tenders.at_s.size * len(business["contracts"])


def test_cycles_and_substitutes_of_batches_are_told() -> None:
    """A row a cycle with its cost and bound (null = not known); a row a substituted line with what was asked."""
    business = next(
        made
        for made in (random_business(number, sourcing=True) for number in range(3, 60))
        if run_once(made).substitutions.line.size
    )
    records = run_once(business)
    told = build_tables(records, business)
    cycles, substitutes = told["sourcing"].to_pandas(), told["substitutions"].to_pandas()
    assert cycles["cost_cents"].tolist() == records.sourcing.cost_cents.tolist()
    assert cycles["bound_cents"].isna().sum() == (records.sourcing.bound_cents == -1).sum()
    assert tuple(cycles["status"]) == records.sourcing.status
    lines = told["lines"].to_pandas()
    assert (lines["sku"].to_numpy()[substitutes["line"]] != substitutes["asked_sku"]).all()
    names = business["skus"].texts("sku")
    assert substitutes["asked_sku"].tolist() == [names[sku] for sku in records.substitutions.asked_sku.tolist()]
