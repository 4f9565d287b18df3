"""What purchases cost: goods at their price breaks, and what sending an order costs besides.

Owns the one reading of a supplier's terms of payment (unit costs, price breaks, order cost, freight, trucks), a closed
form of what was bought. Which of it counts in a run's money is `analysis.costs`' decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.records import PurchaseColumns

Int = NDArray[np.integer]
I64 = NDArray[np.int64]

MM3_PER_DM3 = 1_000_000


def goods_cost_cents(business: Business, *, cell: Int, supplier: Int, units: Int) -> I64:
    """What the goods of purchase-order lines cost.

    Parameters
    ----------
    business : Business
    cell, supplier, units : int, shape (n_lines,)
        Row of `stock` and of `suppliers`, and units bought.

    Returns
    -------
    int64, shape (n_lines,)
        Units x the unit cost of the price break they reach, or of the SKU where they reach none.
    """
    sku, bought = business.codes("stock", "sku")[cell], np.asarray(units, dtype=np.int64)
    unit_cost = business["skus"].integers("unit_cost_cents")[sku]
    breaks, n_skus = business["price_breaks"], len(business["skus"])
    if len(breaks):
        pair_of_break = business.codes("price_breaks", "supplier") * n_skus + business.codes("price_breaks", "sku")
        reached = _step_reached(
            pair_of_break, breaks.integers("from_units"), supplier.astype(np.int64) * n_skus + sku, bought
        )
        unit_cost = np.where(reached >= 0, breaks.integers("unit_cost_cents")[reached], unit_cost)
    return bought * unit_cost


def order_charges_cents(purchases: PurchaseColumns, business: Business) -> I64:
    """What sending each purchase order costs beyond its goods: order cost, freight by its value, trucks.

    Returns
    -------
    int64, shape (n_lines,)
        Of the whole order the line belongs to (the same on all its lines).
    """
    suppliers, skus = business["suppliers"], business["skus"]
    _, first, of_line = np.unique(purchases.po, return_index=True, return_inverse=True)
    by = np.asarray(purchases.supplier[first], dtype=np.int64)
    units = purchases.units.astype(np.float64)  # exact: whole numbers far below 2^53
    sku = business.codes("stock", "sku")[purchases.cell]
    sides_mm = (skus.integers(name).astype(np.float64) for name in ("length_mm", "width_mm", "height_mm"))
    volume_mm3 = np.prod(np.stack(list(sides_mm)), axis=0)
    trucks = np.zeros(by.size, dtype=np.int64)
    for capacity, of_unit in (
        (suppliers.integers("truck_g").astype(np.float64), skus.integers("weight_g").astype(np.float64)),
        (suppliers.integers("truck_dm3").astype(np.float64) * MM3_PER_DM3, volume_mm3),
    ):
        load = np.bincount(of_line, weights=units * of_unit[sku], minlength=by.size)
        room = capacity[by]
        filled = np.ceil(np.divide(load, room, out=np.zeros(by.size), where=room > 0))
        trucks = np.maximum(trucks, filled.astype(np.int64))
    value_cents = np.zeros(by.size, dtype=np.int64)
    np.add.at(value_cents, of_line, purchases.cost_cents.astype(np.int64))
    charges = suppliers.integers("order_cost_cents")[by] + trucks * suppliers.integers("truck_cost_cents")[by]
    freight = business["freight"]
    if len(freight):
        of_supplier = business.codes("freight", "supplier")
        reached = _step_reached(of_supplier, freight.integers("from_value_cents"), by, value_cents)
        charges += np.where(reached >= 0, freight.integers("freight_cents")[reached], 0)
    charged: I64 = charges[of_line]
    return charged


def _step_reached(owner_of_step: I64, start_of_step: I64, owner: I64, amount: I64) -> I64:
    """Row of the highest step of an owner that an amount reaches; -1 where it reaches none."""
    order = np.lexsort((start_of_step, owner_of_step))
    # by owner, then by start; an amount stands behind the steps that start at or below it
    owners, starts = owner_of_step[order], start_of_step[order]
    both = np.lexsort(
        (
            np.concatenate([np.zeros(order.size, dtype=np.int64), np.ones(owner.size, dtype=np.int64)]),
            np.concatenate([starts, amount]),
            np.concatenate([owners, owner]),
        )
    )
    steps_before = np.cumsum(both < order.size)
    behind = np.empty(owner.size, dtype=np.int64)
    asks = both >= order.size
    behind[both[asks] - order.size] = steps_before[asks] - 1
    found = behind >= 0
    found[found] = owners[behind[found]] == owner[found]
    return np.where(found, order[np.maximum(behind, 0)], -1)
