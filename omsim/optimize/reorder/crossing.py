"""How far lead times really spread what is outstanding, when orders may overtake each other.

Owns the distribution of days that policies should count with. A purchase order's lead time is its own, so a late order
is often overtaken by the next one, and what is outstanding spreads less than one lead time's demand would (Palm 1938;
Bradley & Robinson 2005). The rarer the orders, the less there is to overtake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def crossing_shares(shares: Floats, cycle_days: Floats) -> Floats:
    """Days before an order can be used, as policies should count them.

    Parameters
    ----------
    shares : float64, shape (n_lanes, most_days + 1)
        Probability of 0, 1, ... whole days, each purchase order's by itself.
    cycle_days : float64, shape (n_lanes,)
        Days between two orders of a lane, >= 1.

    Returns
    -------
    float64, shape (n_lanes, most_days + 1)
        The same mean; spread so that steady demand outstanding has the variance it has with orders every `cycle_days`
        whose lead times are independent: with G(j) the probability of more than j days and T the cycle, T sum_j
        G(j) (1 - G(j)) days squared over a cycle, at most the lead time's own.

    Examples
    --------
    >>> fixed = np.array([[0.0, 0.0, 1.0]])
    >>> crossing_shares(fixed, np.array([1.0])).tolist()
    [[0.0, 0.0, 1.0]]
    """
    days = np.arange(shares.shape[1], dtype=np.float64)
    mean = shares @ days
    own = shares @ days**2 - mean**2
    later = np.maximum(1.0 - np.cumsum(shares, axis=1), 0.0)
    spread = np.zeros_like(shares)
    for lane, cycle in enumerate(np.maximum(cycle_days, 1.0).tolist()):
        kept = 1.0
        if own[lane] > 0:
            crossed = cycle * float((later[lane] * (1.0 - later[lane])).sum())
            kept = float(np.sqrt(min(crossed / own[lane], 1.0)))
        moved = mean[lane] + kept * (days - mean[lane])
        below = np.clip(np.floor(moved).astype(np.int64), 0, days.size - 1)
        above = np.minimum(below + 1, days.size - 1)
        upper = np.clip(moved - below, 0.0, 1.0)
        np.add.at(spread[lane], below, shares[lane] * (1.0 - upper))
        np.add.at(spread[lane], above, shares[lane] * upper)
    return spread
