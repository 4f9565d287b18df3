"""Where an ordering policy keeps the inventory position, and what service and stock follow from it.

Owns the identity all policies share. Just after a review the position is a fixed *top* less a random *drop*: nothing
for base stock, uniform on 0 .. Q - 1 for (r, Q), the renewal distribution for (s, S). Stock a lead time later is the
position less the demand in between. Searching for the best policy is the business of `base_stock`,
`order_quantity` and `min_max`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.demand.lead_time import DemandTable
from omsim.errors import FieldError
from omsim.kernels.inventory import measure_tops, renewal_rows
from omsim.kernels.inventory_targets import search_top_for_fill

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

MOST_SPREAD_UNITS = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StockMeasures:
    """What a policy does in the long run, for each item; all float64, shape (n_items,).

    Attributes
    ----------
    on_hand_units : ndarray
        Mean on hand at the end of the protection interval (the lowest point of a review cycle).
    backordered_units : ndarray
        Mean units owed at the same moment.
    short_units_per_cycle : ndarray
        Mean units not filled at once, a review cycle (a customer, under continuous review).
    fill_rate : ndarray
        Unit fill rate (type 2): share of demanded units filled at once; 1 for items without demand.
    """

    on_hand_units: Floats
    backordered_units: Floats
    short_units_per_cycle: Floats
    fill_rate: Floats


def base_stock_drop(n_items: int) -> DemandTable:
    """Units below the order-up-to level just after a review under base stock: none."""
    return _uniform(np.ones(n_items, dtype=np.int64))


def order_quantity_drop(order_units: ArrayLike, n_items: int) -> DemandTable:
    """Units below r + Q just after a review under (r, nQ), unit or lattice demand: uniform on 0 .. Q - 1.

    Parameters
    ----------
    order_units : int, shape (n_items,) or one number
        Q >= 1.
    n_items : int
        Number of items.
    """
    return _uniform(checked_units("order_units", order_units, n_items, least=1, most=MOST_SPREAD_UNITS))


def min_max_drop(period: DemandTable, spread_units: ArrayLike) -> DemandTable:
    """Units below S just after a review under (s, S): demand's renewal distribution on 0 .. S - s - 1.

    Parameters
    ----------
    period : DemandTable
        Demand between reviews.
    spread_units : int, shape (n_items,) or one number
        S - s >= 1.
    """
    spread = checked_units("spread_units", spread_units, period.n_items, least=1, most=MOST_SPREAD_UNITS)
    first = _starts(spread)
    pmf = np.zeros(int(first[-1]))
    renewal_rows(period.pmf, period.first, first, pmf)
    return DemandTable(pmf=pmf, first=first, omitted_share=period.omitted_share)


def measure_policy(top_units: ArrayLike, drop: DemandTable, before: DemandTable, after: DemandTable) -> StockMeasures:
    """Long-run stock and service of a policy, exactly.

    Parameters
    ----------
    top_units : int, shape (n_items,) or one number
        Highest position just after a review: S for base stock and (s, S), r + Q for (r, Q).
    drop : DemandTable
        Units below the top just after a review.
    before, after : DemandTable
        Demand from a review until its order can be used (lead time), and until the next review's can (lead time +
        review period). Under continuous review `after` is ``before.plus_units(1)``.

    Returns
    -------
    StockMeasures

    Notes
    -----
    A cycle's units short are E[(A - y)+] - E[(B - y)+] at position y, with A and B the demand after and before: owed
    at its end less owed at its start, whatever was owed before being cleared or still counted in both.
    """
    check_interval(before, after)
    top = checked_units("top_units", top_units, after.n_items, least=-(10**12))
    on_hand, backordered, short = measure_tops(
        top, drop.pmf, drop.first, before.pmf, before.first, after.pmf, after.first
    )
    demanded = after.mean() - before.mean()
    fill_rate = np.ones(after.n_items)
    sold = demanded > 0
    fill_rate[sold] = np.clip(1.0 - short[sold] / demanded[sold], 0.0, 1.0)
    return StockMeasures(
        on_hand_units=on_hand, backordered_units=backordered, short_units_per_cycle=short, fill_rate=fill_rate
    )


def top_for_fill_rate(drop: DemandTable, before: DemandTable, after: DemandTable, fill_rate: ArrayLike) -> Units:
    """Smallest top whose unit fill rate (type 2) reaches the target; arguments as in `measure_policy`.

    Returns
    -------
    int64, shape (n_items,)
        0 for items without demand.

    Raises
    ------
    FieldError
        A target not strictly between 0 and 1, or tables that do not fit.
    """
    check_interval(before, after)
    target = checked_column("fill_rate", fill_rate, after.n_items, most=1.0, open_ends=True)
    return search_top_for_fill(drop.pmf, drop.first, before.pmf, before.first, after.pmf, after.first, target)


def check_interval(before: DemandTable, after: DemandTable) -> None:
    """Refuse tables of different items, and an `after` that does not exceed its `before`."""
    if before.n_items != after.n_items:
        raise FieldError("before", f"a table of {after.n_items} items", before.n_items)
    if (after.mean() < before.mean() - 1e-9).any():
        raise FieldError("after", "demand over a longer interval than before", "a smaller mean")


def _uniform(lengths: Units) -> DemandTable:
    pmf = np.repeat(1.0 / lengths, lengths)
    return DemandTable(pmf=pmf, first=_starts(lengths), omitted_share=0.0)


def _starts(lengths: Units) -> Units:
    first = np.zeros(lengths.size + 1, dtype=np.int64)
    np.cumsum(lengths, out=first[1:])
    return first
