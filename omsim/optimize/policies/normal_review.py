"""(r, Q) and (R, S) when demand is normal: least cost, and the level for a unit fill rate.

Owns the textbook's normal formulas, exact as far as the normal is: both terms of the fill rate, or the first alone for
comparison with texts that drop the second. `continuous_review`, `order_quantity` and `base_stock` do the same on
whole-unit demand, which slow movers need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from omsim.demand.checked import checked_column
from omsim.errors import FieldError
from omsim.kernels.inventory_continuous import search_normal_fill, search_normal_orders

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.optimize.policies.continuous_demand import NormalDemand

    Floats = NDArray[np.float64]


def solve_normal_review(
    lead_time_demand: NormalDemand,
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> tuple[Floats, Floats, Floats]:
    """Reorder point and quantity of least cost under continuous review, as real numbers.

    Data       D normal demand of the lead time; d units per period; K, h, p cost of an order, and of a unit held, and
               owed, for a period
    Variables  r, Q > 0
    Model      min  (d K + integral_{r..r+Q} (h E[(y - D)+] + p E[(D - y)+]) dy) / Q

    Parameters
    ----------
    lead_time_demand : NormalDemand
        As above.
    demand_rate, order_cost, holding_cost, shortage_cost : float, shape (n_items,) or one number
        K >= 0, the others > 0.

    Returns
    -------
    reorder_point_units, order_units, cost_per_period : float64, shape (n_items,)
        With an order cost of 0 the newsvendor's level and a quantity of 0.

    References
    ----------
    Zheng (1992), on properties of stochastic inventory systems.
    """
    n_items = lead_time_demand.n_items
    hold = checked_column("holding_cost", holding_cost, n_items, open_ends=True)
    penalty = checked_column("shortage_cost", shortage_cost, n_items, open_ends=True)
    rate = checked_column("demand_rate", demand_rate, n_items, open_ends=True)
    fixed = checked_column("order_cost", order_cost, n_items)
    best_z = np.asarray(special.ndtri(penalty / (hold + penalty)), dtype=np.float64)
    return search_normal_orders(
        lead_time_demand.mean_units, lead_time_demand.sd_units, fixed * rate, hold, penalty, best_z
    )


def normal_reorder_point(
    lead_time_demand: NormalDemand, order_units: ArrayLike, fill_rate: ArrayLike, *, one_term: bool = False
) -> Floats:
    """Reorder point at which (r, Q) under continuous review reaches a unit fill rate (type 2).

    Model      E[(D - r)+] - E[(D - r - Q)+] = (1 - fill_rate) Q;  with `one_term` the second term is left out

    Parameters
    ----------
    lead_time_demand : NormalDemand
        Demand of the lead time.
    order_units : float, shape (n_items,) or one number
        > 0.
    fill_rate : float, shape (n_items,) or one number
        In (0, 1).
    one_term : bool
        Count units still owed from before the last order as short again. Never lower; close when Q exceeds a standard
        deviation or two.

    Returns
    -------
    float64, shape (n_items,)

    Raises
    ------
    FieldError
        A number that is not finite or out of range.

    Examples
    --------
    >>> from omsim.optimize.policies.continuous_demand import NormalDemand
    >>> lead_time = NormalDemand.of([100.0], [20.0])
    >>> [round(float(normal_reorder_point(lead_time, 50, 0.95, one_term=one)[0]), 6) for one in (False, True)]
    [115.541664, 115.554372]
    """
    n_items = lead_time_demand.n_items
    quantity = checked_column("order_units", order_units, n_items, open_ends=True)
    target = checked_column("fill_rate", fill_rate, n_items, most=1.0, open_ends=True)
    mean, sd = lead_time_demand.mean_units, lead_time_demand.sd_units
    known = sd <= 0.0
    scale = np.where(known, 1.0, sd)
    z = search_normal_fill(quantity / scale, (1.0 - target) * quantity / scale, np.ones(n_items), one_term)
    return np.where(known, mean - (1.0 - target) * quantity, mean + scale * z)


def normal_fill_rate(lead_time_demand: NormalDemand, reorder_point_units: ArrayLike, order_units: ArrayLike) -> Floats:
    """Unit fill rate (type 2) of (r, Q) under continuous review, both terms.

    Parameters
    ----------
    lead_time_demand, order_units
        As in `normal_reorder_point`.
    reorder_point_units : float, shape (n_items,) or one number

    Returns
    -------
    float64, shape (n_items,)
    """
    n_items = lead_time_demand.n_items
    low = checked_column("reorder_point_units", reorder_point_units, n_items, least=-1e15)
    quantity = checked_column("order_units", order_units, n_items, open_ends=True)
    short = lead_time_demand.expected_short_units
    return np.clip(1.0 - (short(low) - short(low + quantity)) / quantity, 0.0, 1.0)


def normal_base_stock(before: NormalDemand, after: NormalDemand, fill_rate: ArrayLike) -> Floats:
    """Order-up-to level at which (R, S) reaches a unit fill rate (type 2).

    Model      E[(after - S)+] - E[(before - S)+] = (1 - fill_rate) * E[after - before]

    Parameters
    ----------
    before, after : NormalDemand
        Demand of the lead time, and of lead time + review period; the latter with the larger mean and deviation.
    fill_rate : float, shape (n_items,) or one number
        In (0, 1).

    Returns
    -------
    float64, shape (n_items,)

    Raises
    ------
    FieldError
        A target not strictly between 0 and 1, or intervals the wrong way round.
    """
    n_items = after.n_items
    target = checked_column("fill_rate", fill_rate, n_items, most=1.0, open_ends=True)
    if before.n_items != n_items:
        raise FieldError("before", f"a table of {n_items} items", before.n_items)
    cycle = after.mean_units - before.mean_units
    if (cycle <= 0.0).any() or (before.sd_units > after.sd_units).any() or (after.sd_units <= 0.0).any():
        raise FieldError(
            "after", "demand over a longer interval than before, and random", "a smaller mean or deviation"
        )
    sd = after.sd_units
    z = search_normal_fill(cycle / sd, (1.0 - target) * cycle / sd, before.sd_units / sd, False)
    return after.mean_units + sd * z
