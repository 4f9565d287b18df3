"""What a sold-out day would have sold: draws from the days that were not, item by item.

Owns the loop behind `omsim.demand.forecast.censoring`; the reasoning is told there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Mask = NDArray[np.bool_]


@compiled
def fill_sold_out(
    history: Units, sold_out: Mask, counted: Mask, uniform: Floats, first: Units, sale_share: float, last_unit: float
) -> None:
    """Replace each sold-out day's units by a draw of at least as many, in place.

    Parameters
    ----------
    history : int64, shape (n_items, n_days)
        Changed where sold out.
    sold_out : bool, shape (n_items, n_days)
    counted : bool, shape (n_items, n_days)
        Days that may be drawn from: open and on sale.
    uniform : float64, shape (n_sold_out, 2)
        In [0, 1), two for each sold-out day, by item and day.
    first : int64, shape (n_items + 1,)
        Where each item's uniforms begin.
    sale_share, last_unit : float
        Of all items together: chance that a day sells; chance that a unit sold is the day's last.

    Notes
    -----
    O(n_days log n_days) an item that was sold out. Largest bound first: what it was given counts as seen for the
    smaller ones, which is redistribution to the right. A bound above all that was seen is gone beyond geometrically.
    """
    n_items, n_days = history.shape
    for i in range(n_items):
        n_out = first[i + 1] - first[i]
        if n_out == 0:
            continue
        seen = np.empty(n_days, dtype=np.int64)  # units of days not sold out
        n_seen = 0
        days = np.empty(n_out, dtype=np.int64)
        at = 0
        n_sales, n_tries = 1.0, 1.0 / last_unit  # a selling day of the pool, so that few own ones do not rule
        n_sold_days, n_bounded, n_bounds = 0, 0, 0
        for day in range(n_days):
            units = history[i, day]
            if units > 0:
                n_bounded += units
                n_bounds += 1
            if sold_out[i, day]:
                days[at] = day
                at += 1
                n_tries += max(0, units - 1)
            elif counted[i, day]:
                seen[n_seen] = units
                n_seen += 1
                if units > 0:
                    n_sales += 1.0
                    n_tries += units
                    n_sold_days += 1
        # days sold out every time say that demand is more, not how much more: four times what sold is believed
        sold_mean = n_bounded / max(1, n_bounds)
        stop = max(n_sales / n_tries, 1.0 / (1.0 + max(1.0 / last_unit, 4.0 * sold_mean)))
        sells = (n_sold_days + sale_share) / (n_seen + 1.0)
        ordered = np.sort(seen[:n_seen])
        bounds = np.empty(n_out, dtype=np.int64)
        for k in range(n_out):
            bounds[k] = -history[i, days[k]]
        order = np.argsort(bounds, kind="mergesort")
        drawn = np.empty(n_out, dtype=np.int64)
        for n_drawn in range(n_out):
            k = order[n_drawn]
            bound = -bounds[k]
            low = np.searchsorted(ordered, bound, side="left")
            n_above = n_seen - low
            if n_above > 0:
                pick = int(uniform[first[i] + k, 0] * (n_above + n_drawn))
                units = ordered[low + pick] if pick < n_above else drawn[pick - n_above]
            else:
                least = bound
                beyond = True
                if bound == 0:
                    beyond = uniform[first[i] + k, 0] < sells
                    least = 1
                units = 0
                if beyond:
                    more = 0
                    if stop < 1.0:
                        more = int(np.log1p(-uniform[first[i] + k, 1]) / np.log1p(-stop))
                    units = least + more
            drawn[n_drawn] = units
            history[i, days[k]] = units
