"""One-for-one replenishment where shortage is lost: Erlang's loss formula.

Owns the one lost-sales policy with a closed form: every unit sold is reordered at once, customers come one at a time
at random moments, and lead times may have any distribution. Periodic review with lost sales has no such form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def erlang_loss_share(lead_time_units: ArrayLike, level_units: ArrayLike) -> NDArray[np.float64]:
    """Share of demand lost under base stock with lost sales, continuous review and unit demands.

    Parameters
    ----------
    lead_time_units : float, shape (n_items,) or one number
        Mean demand of a lead time, > 0.
    level_units : int, shape (n_items,) or one number
        Base stock, >= 0; one minus the result is the unit fill rate.

    Returns
    -------
    float64, shape (n_items,)

    References
    ----------
    Erlang (1917); Karush (1957), a queuing model for an inventory problem.

    Examples
    --------
    >>> round(float(erlang_loss_share(5.0, 8)[0]), 9)
    0.070047852
    """
    n_items = max(np.size(lead_time_units), np.size(level_units))
    load = checked_column("lead_time_units", lead_time_units, n_items, open_ends=True)
    level = checked_units("level_units", level_units, n_items, most=10**7)
    lost = np.ones(n_items)
    for units in range(1, int(level.max(initial=0)) + 1):
        following = load * lost / (units + load * lost)
        lost = np.where(units <= level, following, lost)
    return lost
