"""What purchases cost: price breaks, freight and trucks, against sums done row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import small_business
from sim.busy_models import both_engines, random_business, with_changes

from omsim.analysis.costs import purchase_orders
from omsim.analysis.measure import compute_kpis
from omsim.sim.engine import run_once
from omsim.sim.purchase_cost import goods_cost_cents, order_charges_cents
from omsim.sim.records import NEVER, PurchaseColumns

if TYPE_CHECKING:
    from omsim.model.business import Business

SUPPLIERS = """
    supplier, lead_time_days, order_cost_cents, truck_cost_cents, truck_g, truck_dm3
    mill,     2,              2500,             7000,             10000,   0
    loom,     1,              900,              100,              50000,   9
    yard,     1,              0,                0,                0,       0
"""
TERMS: dict[str, str] = {
    "suppliers": SUPPLIERS,
    "price_breaks": """
        supplier, sku, from_units, unit_cost_cents
        mill,     012, 100,        270
        mill,     012, 10,         290
        loom,     012, 1,          305
        loom,     1e5, 5,          1900
    """,
    "freight": """
        supplier, from_value_cents, freight_cents
        loom,     5000,             600
        mill,     30000,            0
        mill,     0,                4000
    """,
}


def shop() -> Business:
    """Cells 0-4: 012, NA, 1e5 at north, 012, NA at south; weights 400, 700, 2500 g; volumes 0.81, 2.4, 16 dm3."""
    return small_business(**TERMS)


def bought(business: Business, rows: list[tuple[int, int, int, int]]) -> PurchaseColumns:
    """Lines (po, cell, supplier, units) as records."""
    po, cell, supplier, units = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    zero = np.zeros_like(po)
    return PurchaseColumns(
        po=po,
        cell=cell,
        supplier=supplier,
        units=units,
        ordered_s=zero,
        receipt_s=zero,
        cost_cents=goods_cost_cents(business, cell=cell, supplier=supplier, units=units),
    )


@pytest.mark.parametrize(
    ("cell", "supplier", "units", "cents"),
    [
        (0, 0, 9, 9 * 300),
        (0, 0, 10, 10 * 290),
        (3, 0, 99, 99 * 290),
        (3, 0, 100, 100 * 270),
        (0, 1, 1, 305),
        (0, 2, 500, 500 * 300),
        (2, 1, 4, 4 * 2000),
        (2, 1, 1_000_000_000, 1900 * 10**9),
        (2, 0, 7, 7 * 2000),
    ],
)
def test_all_units_cost_what_the_highest_break_says(cell: int, supplier: int, units: int, cents: int):
    """Below the first break the SKU's unit cost; another supplier's and another SKU's breaks do not count."""
    lines = {"cell": np.array([cell]), "supplier": np.array([supplier]), "units": np.array([units])}
    assert goods_cost_cents(shop(), **lines).tolist() == [cents]


@pytest.mark.parametrize(
    ("rows", "cents"),
    [
        ([(0, 0, 0, 25)], 2500 + 4000 + 7000),  # 10 kg fill one truck, 72.50 of goods pay freight
        ([(0, 0, 0, 26)], 2500 + 4000 + 14_000),  # 10.4 kg
        ([(0, 0, 0, 60), (0, 1, 0, 30)], 2500 + 5 * 7000),  # 45 kg; 324.00 of goods are carriage paid
        ([(0, 1, 0, 60)], 2500 + 5 * 7000),  # 42 kg, 300.00: just at the step
        ([(0, 1, 0, 59)], 2500 + 4000 + 5 * 7000),
        ([(0, 1, 1, 1)], 900 + 100),  # below the first step: no freight
        ([(0, 1, 1, 10)], 900 + 600 + 3 * 100),  # 24 dm3 need three trucks, 7 kg would need one
        ([(0, 2, 2, 1000)], 0),
    ],
)
def test_an_order_pays_its_supplier_freight_and_trucks(rows: list[tuple[int, int, int, int]], cents: int):
    """The same on all lines of an order; weight and volume are those of the whole order."""
    business = shop()
    assert order_charges_cents(bought(business, rows), business).tolist() == [cents] * len(rows)


def test_orders_are_charged_one_by_one():
    """Two orders of one supplier are two, and no purchases cost nothing."""
    business = shop()
    lines = bought(business, [(3, 0, 0, 25), (4, 0, 0, 25), (4, 1, 0, 10), (9, 1, 1, 1)])
    assert order_charges_cents(lines, business).tolist() == [13_500, 2500 + 4000 + 14_000, 2500 + 4000 + 14_000, 1000]
    assert order_charges_cents(bought(business, []), business).size == 0


@pytest.mark.parametrize("seed", range(8))
def test_random_runs_are_charged_as_by_hand(seed: int):
    """Goods in both engines, charges of every order, and the money KPI, recomputed with plain loops from the tables."""
    business = random_business(seed)
    process, window = both_engines(business, seed=seed)
    rows, suppliers, skus, stock = window.purchases, business["suppliers"], business["skus"], business["stock"]
    np.testing.assert_array_equal(process.purchases.cost_cents, rows.cost_cents)
    sku_of = {name: row for row, name in enumerate(skus.texts("sku"))}
    breaks, freight = business["price_breaks"], business["freight"]
    charge: dict[int, int] = {}
    load: dict[int, tuple[int, int, int]] = {}
    for i, (po, cell, by, units) in enumerate(
        zip(rows.po.tolist(), rows.cell.tolist(), rows.supplier.tolist(), rows.units.tolist(), strict=True)
    ):
        sku = stock.texts("sku")[cell]
        at, name = sku_of[sku], suppliers.texts("supplier")[by]
        steps = [
            (int(breaks.integers("from_units")[k]), int(breaks.integers("unit_cost_cents")[k]))
            for k in range(len(breaks))
            if (breaks.texts("supplier")[k], breaks.texts("sku")[k]) == (name, sku)
            and breaks.integers("from_units")[k] <= units
        ]
        cents = units * (max(steps)[1] if steps else int(skus.integers("unit_cost_cents")[at]))
        assert rows.cost_cents[i] == cents
        volume = 1
        for side in ("length_mm", "width_mm", "height_mm"):
            volume *= int(skus.integers(side)[at])
        g, mm3, value = load.get(po, (0, 0, 0))
        load[po] = (g + units * int(skus.integers("weight_g")[at]), mm3 + units * volume, value + cents)
        charge[po] = by
    for po, by in charge.items():
        g, mm3, value = load[po]
        trucks = 0
        if suppliers.integers("truck_g")[by]:
            trucks = -(-g // int(suppliers.integers("truck_g")[by]))
        if suppliers.integers("truck_dm3")[by]:
            trucks = max(trucks, -(-mm3 // (1_000_000 * int(suppliers.integers("truck_dm3")[by]))))
        paid = [
            (int(freight.integers("from_value_cents")[k]), int(freight.integers("freight_cents")[k]))
            for k in range(len(freight))
            if freight.texts("supplier")[k] == suppliers.texts("supplier")[by]
            and freight.integers("from_value_cents")[k] <= value
        ]
        charge[po] = (
            int(suppliers.integers("order_cost_cents")[by])
            + trucks * int(suppliers.integers("truck_cost_cents")[by])
            + (max(paid)[1] if paid else 0)
        )
    assert order_charges_cents(rows, business).tolist() == [charge[po] for po in rows.po.tolist()]
    counted = {
        po for po, at_s in zip(rows.po.tolist(), rows.ordered_s.tolist(), strict=True) if at_s >= window.warm_up_s
    }
    table = compute_kpis(window, business)
    base = business["skus"].integers("unit_cost_cents")[business.codes("stock", "sku")]
    saved = sum(
        int(rows.units[row]) * int(base[rows.cell[row]]) - int(rows.cost_cents[row])
        for row in range(rows.po.size)
        if rows.po[row] in counted
    )
    assert saved >= 0
    assert table.numerator[table.row("cost_ordering")] == sum(charge[po] for po in counted) - saved


def test_open_orders_were_charged_before_the_run():
    """Orders open at the start add nothing; those the run sends do, with their freight."""
    business = random_business(3)
    run = run_once(business, seed=3)
    assert (run.purchases.ordered_s == NEVER).any()
    sent = purchase_orders(run)
    assert (run.purchases.ordered_s[sent] != NEVER).all()
    free = with_changes(business, {"table": "suppliers", "column": "truck_cost_cents", "operation": "set", "value": 0})
    assert (
        order_charges_cents(run.purchases, free)[sent].sum() < order_charges_cents(run.purchases, business)[sent].sum()
    )
    none = replace(run, purchases=replace(run.purchases, ordered_s=np.full_like(run.purchases.ordered_s, NEVER)))
    table = compute_kpis(none, business)
    assert table.numerator[table.row("cost_ordering")] == 0
