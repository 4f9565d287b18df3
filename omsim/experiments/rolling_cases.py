"""Order lines in, a case to re-plan on out.

Owns which items are judged, what a unit of each is worth, and the cut between seen and unseen. Reading files is the
caller's; replaying is :mod:`omsim.experiments.replanning`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError
from omsim.experiments.replanning import RollingCase

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import ArrayLike

Floats = NDArray[np.float64]
Units = NDArray[np.int64]


def case_from_lines(
    sku: ArrayLike,
    period: ArrayLike,
    units: ArrayLike,
    *,
    first_day: date,
    unseen_from: int,
    every_periods: int,
    lead_periods: int,
    price: ArrayLike | None = None,
    least_selling_periods: int = 1,
    selling_from: int = 0,
) -> RollingCase:
    """Build a case from order lines.

    Parameters
    ----------
    sku : array of text or numbers, shape (n_lines,)
    period : int64, shape (n_lines,)
        Days, or months, since `first_day`, >= 0.
    units : int64, shape (n_lines,)
        >= 0; lines of no units say that the period existed.
    first_day, unseen_from, every_periods, lead_periods
        As in `RollingCase`.
    price : float64, shape (n_lines,), optional
        Of a unit, in whole units of money. Plans are made with an item's median before the cut; stock is scored at its
        median over all lines. Without it a unit of anything is worth 1, and stock is counted in units.
    least_selling_periods : int
        Items are judged if they sold in at least as many periods before the cut, >= 1.
    selling_from : int
        First period that counts for that.

    Returns
    -------
    RollingCase
        Items in order of `sku`; lines in the order given.

    Raises
    ------
    FieldError
        Columns of different length, a negative number, a price that is not finite and above 0, or no item left.
    """
    name, item = np.unique(np.asarray(sku), return_inverse=True)
    at, amount = np.asarray(period, dtype=np.int64), np.asarray(units, dtype=np.int64)
    paid = np.ones(at.size) if price is None else np.asarray(price, dtype=np.float64)
    for field, column in (("period", at), ("units", amount), ("price", paid)):
        if column.shape != item.shape:
            raise FieldError(field, f"of shape {item.shape}", column.shape)
        if column.size and not (np.isfinite(column).all() and column.min() >= 0):
            raise FieldError(field, "finite and >= 0", float(column.min()))
    if least_selling_periods < 1:
        raise FieldError("least_selling_periods", ">= 1", least_selling_periods)
    table = np.zeros((name.size, int(at.max(initial=0)) + 1), np.int64)
    np.add.at(table, (item, at), amount)
    often = (table[:, selling_from:unseen_from] > 0).sum(axis=1) >= least_selling_periods
    if not often.any():
        raise FieldError("least_selling_periods", "met by some item", least_selling_periods)
    known = at < unseen_from
    known_value, value = _medians(item[known], paid[known], name.size), _medians(item, paid, name.size)
    place = np.cumsum(often) - 1
    lines = np.flatnonzero(often[item] & ~known & (amount > 0))
    return RollingCase(
        units=table[often],
        first_day=first_day,
        unseen_from=unseen_from,
        every_periods=every_periods,
        lead_periods=lead_periods,
        value_cents=np.maximum(1, np.rint(known_value[often] * 100.0)).astype(np.int64),
        scored_cents=value[often] * 100.0,
        line_item=place[item[lines]],
        line_period=at[lines] - unseen_from,
        line_units=amount[lines],
    )


def _medians(item: Units, value: Floats, n_items: int) -> Floats:
    """Median value of each item; 0 without any."""
    order = np.lexsort((value, item))
    count = np.bincount(item, minlength=n_items)
    first = np.cumsum(count) - count
    ordered = np.append(value[order], 0.0)
    low, high = (np.minimum(first + np.maximum(half, 0), value.size) for half in ((count - 1) // 2, count // 2))
    return np.where(count > 0, (ordered[low] + ordered[high]) / 2, 0.0)
