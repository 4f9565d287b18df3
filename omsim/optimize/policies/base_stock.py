"""Base stock and (R, S): the order-up-to level that meets a target, or costs least, for each item.

Owns the levels; the demand tables come from `omsim.demand.lead_time` (which says how periods are counted), the
stock and service that follow from `stock_position`. At every review the position is raised to S; unmet demand is
backordered. All functions take whole tables; a table of one item is the single-item call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.demand.checked import checked_column
from omsim.kernels.inventory import search_unit_penalty
from omsim.optimize.policies.stock_position import base_stock_drop, check_interval, top_for_fill_rate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from omsim.demand.lead_time import DemandTable

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]


def base_stock_for_fill_rate(before: DemandTable, after: DemandTable, fill_rate: ArrayLike) -> Units:
    """Smallest order-up-to level whose unit fill rate (type 2) reaches the target.

    Data       before, after: demand of the lead time, and of lead time + review period; fill_rate in (0, 1)
    Variables  S >= 0, whole
    Model      min S  s.t.  E[(after - S)+] - E[(before - S)+] <= (1 - fill_rate) * E[after - before]

    Parameters
    ----------
    before, after : DemandTable
        As above. Continuous review with unit demands: ``after = before.plus_units(1)``.
    fill_rate : float, shape (n_items,) or one number
        Share of units to fill at once.

    Returns
    -------
    int64, shape (n_items,)

    Raises
    ------
    FieldError
        A target not strictly between 0 and 1, or tables that do not fit.

    Examples
    --------
    >>> from omsim.demand.lead_time import Periods, poisson_demand
    >>> lead = Periods.fixed(6)
    >>> before, after = (poisson_demand([1.0, 2.5], interval) for interval in (lead, lead.plus(1)))
    >>> base_stock_for_fill_rate(before, after, 0.95).tolist()
    [12, 24]

    References
    ----------
    Sobel (2004), fill rates of single-stage and multistage supply systems.
    """
    return top_for_fill_rate(base_stock_drop(after.n_items), before, after, fill_rate)


def base_stock_for_cycle_service(after: DemandTable, cycle_service: ArrayLike) -> Units:
    """Smallest order-up-to level that sees a review cycle through without shortage (type 1) this often.

    Parameters
    ----------
    after : DemandTable
        Demand of lead time + review period.
    cycle_service : float, shape (n_items,) or one number
        Probability in (0, 1) that a cycle ends with nothing owed.

    Returns
    -------
    int64, shape (n_items,)
    """
    return after.quantile(checked_column("cycle_service", cycle_service, after.n_items, most=1.0, open_ends=True))


def base_stock_for_cost(after: DemandTable, holding_cost: ArrayLike, shortage_cost: ArrayLike) -> tuple[Units, Floats]:
    """Order-up-to level of least cost, shortage charged by unit and period owed (newsvendor ratio).

    Parameters
    ----------
    after : DemandTable
        Demand of lead time + review period.
    holding_cost, shortage_cost : float, shape (n_items,) or one number
        Per unit left, and per unit owed, at the end of a period; > 0, any one currency unit.

    Returns
    -------
    level_units : int64, shape (n_items,)
        Smallest level whose P(after <= level) is at least shortage / (shortage + holding).
    cost : float64, shape (n_items,)
        Holding and shortage per period at that level.
    """
    hold = checked_column("holding_cost", holding_cost, after.n_items, open_ends=True)
    penalty = checked_column("shortage_cost", shortage_cost, after.n_items, open_ends=True)
    level = after.quantile(penalty / (penalty + hold))
    owed = after.expected_short_units(level)
    return level, hold * (level - after.mean()) + (hold + penalty) * owed


def base_stock_for_unit_penalty(
    before: DemandTable, after: DemandTable, holding_cost: ArrayLike, unit_penalty: ArrayLike
) -> tuple[Units, Floats]:
    """Order-up-to level of least cost, shortage charged once for each unit not filled at once.

    With one penalty for all items and holding cost in proportion to unit value this spends stock where it saves most
    units; moving the penalty draws the curve of stock against unit fill rate.

    Parameters
    ----------
    before, after : DemandTable
        Demand of the lead time, and of lead time + review period.
    holding_cost : float, shape (n_items,) or one number
        Per unit left at the end of a review cycle, > 0.
    unit_penalty : float, shape (n_items,) or one number
        Per unit short, > 0.

    Returns
    -------
    level_units : int64, shape (n_items,)
    cost : float64, shape (n_items,)
        Per review cycle.
    """
    check_interval(before, after)
    hold = checked_column("holding_cost", holding_cost, after.n_items, open_ends=True)
    penalty = checked_column("unit_penalty", unit_penalty, after.n_items, open_ends=True)
    return search_unit_penalty(before.pmf, before.first, after.pmf, after.first, hold, penalty)
