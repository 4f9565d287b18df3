"""Purchase orders from what a review asks for: one a supplier and site, one lead time each.

Shared by both engines as the closed form of a decision: which lines make one order, what it costs, when it arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.demand.arrivals import poisson_quantile
from omsim.demand.rng import Purpose, uniforms
from omsim.model.calendars import DAY_S
from omsim.sim.plan import receiving_instant

if TYPE_CHECKING:
    from omsim.model.calendars import Calendar
    from omsim.sim.plan import Plan

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseLines:
    """Lines of purchase orders, of one review or open at the start; int64, shape (n,), sorted by (po, cell)."""

    po: I64
    cell: I64
    units: I64
    receipt_s: I64


def place_orders(
    plan: Plan,
    calendar: Calendar,
    *,
    cell: I64,
    units: I64,
    at_s: int,
    day: int,
    occasion: int,
    first_po: int,
    seed: int,
    replication: int,
) -> PurchaseLines:
    """Group ordered cells by (site, supplier), number the orders from `first_po`, draw their lead times.

    Parameters
    ----------
    cell, units : int64, shape (n,)
        What the review asked for.
    day : int
        Local day of `at_s`, for the lead time's mean and lateness.
    occasion : int
        What the lead-time draw is keyed by: the day, or the number of the allocation cycle.
    """
    n_suppliers = plan.supply.order_days.size
    pair = plan.cells.site[cell] * n_suppliers + plan.cells.supplier[cell]
    order = np.lexsort((cell, pair))
    cell, units, pair = cell[order], units[order], pair[order]
    pairs, of_line = np.unique(pair, return_inverse=True)
    site, supplier = pairs // n_suppliers, pairs % n_suppliers
    part = plan.supply.pair_number[site, supplier]
    luck = uniforms(seed, replication, Purpose.PURCHASE, np.full(pairs.size, occasion), part)[:, 0]
    factor = plan.supply.factor[supplier, (luck * plan.supply.factor.shape[1]).astype(np.int64)]
    lead_s = np.floor(plan.supply.lead_days[day, supplier] * DAY_S * factor).astype(np.int64)
    arrives = at_s + np.maximum(lead_s, 1) + plan.supply.late_s[day, supplier]
    receipt = np.array(
        [
            receiving_instant(plan, calendar, int(where), int(instant))
            for where, instant in zip(site, arrives, strict=True)
        ],
        dtype=np.int64,
    )
    return PurchaseLines(po=first_po + of_line, cell=cell, units=units, receipt_s=receipt[of_line])


def opening_lines(plan: Plan) -> PurchaseLines:
    """The purchase-order lines open at the start."""
    lines = plan.open_orders
    return PurchaseLines(po=lines.po, cell=lines.cell, units=lines.units, receipt_s=lines.receipt_s)


def shrinkage_by_day(plan: Plan, day: int, *, seed: int, replication: int) -> I64:
    """Units that want to vanish from each cell at the review of a day; int64, shape (n_cells,)."""
    wanted = np.zeros(plan.cells.shrinkage.size, dtype=np.int64)
    shrinks = np.flatnonzero(plan.cells.shrinkage > 0)
    if shrinks.size:
        luck = uniforms(seed, replication, Purpose.SHRINKAGE, np.full(shrinks.size, day), plan.cells.number[shrinks])[
            :, 0
        ]
        wanted[shrinks] = poisson_quantile(luck, plan.cells.shrinkage[shrinks])
    return wanted
