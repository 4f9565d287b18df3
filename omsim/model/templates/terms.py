"""On what terms a made business buys: minimum orders, trucks, freight, price breaks, supplier holidays, targets.

Owns the tables freight, price_breaks, supplier_holidays and service_targets and the columns they add to suppliers and
stock. Nothing is drawn here: terms follow from what is bought, so that adding them left the rest of a business as it
was. Who the suppliers are is `network`'s, how much is bought `stock`'s work.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omsim.model.templates.catalog import Columns

#: Supplier -> least order in cents and in grams, cost of a truck in cents, its grams and dm3, most trucks of an order.
TERMS: dict[str, tuple[int, int, int, int, int, int]] = {
    "alba": (250_000, 0, 0, 0, 0, 0),
    "birk": (400_000, 0, 0, 0, 0, 0),
    "cordes": (300_000, 0, 18_000, 2_500_000, 14_000, 3),
    "delta": (0, 200_000, 0, 0, 0, 0),
    "ember": (300_000, 0, 0, 0, 0, 0),
    "fjord": (800_000, 0, 0, 0, 0, 0),
    "ganges": (1_000_000, 0, 38_000, 4_000_000, 20_000, 2),
}

#: Supplier -> value of a purchase order in cents -> freight in cents. Who sends trucks charges no freight.
FREIGHT: dict[str, dict[int, int]] = {
    "alba": {0: 4500, 500_000: 0},
    "birk": {0: 8000, 500_000: 4000, 1_000_000: 0},
    "delta": {0: 6000, 400_000: 0},
    "ember": {0: 12_000, 800_000: 0},
    "fjord": {0: 15_000, 2_000_000: 0},
}

#: Suppliers that sell by the layer and the pallet; per cent of the cost that is left from the first and the second on.
BREAK_SUPPLIERS = ("birk", "ember", "fjord", "ganges")
BREAK_PERCENT = (97, 94)
BREAK_PACKS = np.array([5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000])

HOLIDAYS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("2026-12-25", ("alba", "birk", "cordes", "delta", "ember", "fjord"), "Christmas Day"),
    ("2027-01-01", ("alba", "birk", "cordes", "delta", "ember", "fjord"), "New Year"),
    ("2027-02-08", ("ganges",), "Spring Festival"),
    ("2027-02-09", ("ganges",), "Spring Festival"),
    ("2027-02-10", ("ganges",), "Spring Festival"),
    ("2027-02-11", ("ganges",), "Spring Festival"),
    ("2027-02-12", ("ganges",), "Spring Festival"),
)

#: (ABC class, XYZ class, fill rate); an empty class is any.
TARGETS = (("A", "", 0.97), ("B", "", 0.95), ("C", "", 0.92), ("C", "Z", 0.88))

#: Category -> most days of demand that may be bought ahead: what goes out of date or of fashion.
MOST_COVER_DAYS = {"electronics": 75, "fashion": 90}


def supplier_terms(suppliers: Sequence[object]) -> Columns:
    """Columns of table suppliers."""
    names = ("minimum_order_cents", "minimum_order_g", "truck_cost_cents", "truck_g", "truck_dm3", "most_trucks")
    return {name: [TERMS[str(supplier)][i] for supplier in suppliers] for i, name in enumerate(names)}


def most_cover_days(category_of: dict[object, object], skus: Sequence[object]) -> list[int]:
    """Column max_cover_days of table stock, a number a row."""
    return [MOST_COVER_DAYS.get(str(category_of[sku]), 0) for sku in skus]


def make_freight(suppliers: Sequence[object]) -> Columns:
    """Freight by value of the order, carriage paid from some value on."""
    rows = [(name, value, freight) for name in suppliers for value, freight in FREIGHT.get(str(name), {}).items()]
    names = ("supplier", "from_value_cents", "freight_cents")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def make_price_breaks(skus: Columns, stock: Columns) -> Columns:
    """Two lower prices of every second article of some suppliers: at a round number of packs, and at the next."""
    whole = {
        name: np.asarray(stock[name], dtype=np.int64).tolist()
        for name in ("reorder_point_units", "order_up_to_units", "pack_units")
    }
    pack_units: dict[object, int] = dict(zip(stock["sku"], whole["pack_units"], strict=True))
    supplier = dict(zip(stock["sku"], stock["supplier"], strict=True))
    usual_units: dict[object, int] = {}
    for sku, point, up_to in zip(stock["sku"], whole["reorder_point_units"], whole["order_up_to_units"], strict=True):
        usual_units[sku] = max(usual_units.get(sku, 0), up_to - point)
    cost_cents = dict(zip(skus["sku"], np.asarray(skus["unit_cost_cents"], dtype=np.int64).tolist(), strict=True))
    rows: list[tuple[str, object, int, int]] = []
    for name in BREAK_SUPPLIERS:
        theirs = [sku for sku in skus["sku"] if supplier.get(sku) == name]
        for sku, (step, percent) in product(theirs[::2], enumerate(BREAK_PERCENT)):
            first = min(int(np.searchsorted(BREAK_PACKS, usual_units[sku] / pack_units[sku])), BREAK_PACKS.size - 2)
            packs = int(BREAK_PACKS[first + step])
            rows.append((name, sku, packs * pack_units[sku], cost_cents[sku] * percent // 100))
    names = ("supplier", "sku", "from_units", "unit_cost_cents")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def make_supplier_holidays() -> Columns:
    """Days on which suppliers take no orders."""
    rows = [(supplier, day, note) for day, suppliers, note in HOLIDAYS for supplier in suppliers]
    return {name: [row[i] for row in rows] for i, name in enumerate(("supplier", "date", "note"))}


def make_service_targets() -> Columns:
    """Fill rates by class: what sells for more is served more surely."""
    return {name: [row[i] for row in TARGETS] for i, name in enumerate(("abc", "xyz", "fill_rate"))}
