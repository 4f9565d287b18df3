"""Days an item was sold out on: what was sold is only a lower bound of what was asked for.

Owns putting a plausible number in the place of each such day, so that everything after it may read one history of
demand. Leaving sold-out days as they are forecasts too little; leaving them out does too, because it is the busy days
that sell out.

How much stock a day began with does not depend on how much will be asked for, so the estimate of Kaplan & Meier (1958)
of the distribution of demand is consistent. Efron (1967) describes it as handing each bound's probability to the
observations at or above it, equally; here each sold-out day *draws* its number from them, largest bound first, so
that the spread is kept as well as the mean. A day with nothing in stock (bound 0) thereby draws from all days. Beyond
the largest observation sizes go on geometrically, with the item's own chance that a unit is the day's last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.sold_out import fill_sold_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Units = NDArray[np.int64]
    Mask = NDArray[np.bool_]

_STREAM = 211  # second key word of the generator: never renumber


def demand_behind_sales(history_units: Units, sold_out: Mask, *, counted: Mask | None = None, seed: int = 0) -> Units:
    """History of demand from a history of sales.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_days)
        Units sold, >= 0.
    sold_out : bool, shape (n_items, n_days)
        Days on which more may have been asked for.
    counted : bool, shape (n_items, n_days) or (n_days,), optional
        Days that say what a day is like: open, and on sale. Default: all.
    seed : int
        >= 0. Same seed, same numbers.

    Returns
    -------
    int64, shape (n_items, n_days)
        Equal to the sales where not sold out, at least as much where it was.

    Raises
    ------
    FieldError
        A shape does not fit.
    """
    if sold_out.shape != history_units.shape:
        raise FieldError("sold_out", f"of shape {history_units.shape}", sold_out.shape)
    out = np.ascontiguousarray(sold_out, dtype=np.bool_)
    if not out.any():
        return history_units
    usable = np.ones(out.shape, dtype=np.bool_)
    if counted is not None:
        usable &= counted
    seen = usable & ~out
    n_seen, n_sold = int(seen.sum()), int((history_units[seen] > 0).sum())
    units = float(history_units[seen].sum())
    demand = history_units.astype(np.int64)
    first = np.zeros(out.shape[0] + 1, dtype=np.int64)
    np.cumsum(out.sum(axis=1), out=first[1:])
    uniform = np.random.Generator(np.random.Philox(key=np.array([seed, _STREAM], dtype=np.uint64))).random(
        (int(first[-1]), 2)
    )
    fill_sold_out(
        demand,
        out,
        usable,
        uniform,
        first,
        (n_sold + 1.0) / (n_seen + 2.0),
        min(1.0, (n_sold + 1.0) / (units + 2.0)),
    )
    return demand
