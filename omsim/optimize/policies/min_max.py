"""(s, S) under periodic review: when the inventory position is at or below s, order up to S.

Owns the pair of least cost, and the pair of a given spread S - s that meets a unit fill rate. Tables in, columns
out; `omsim.demand.lead_time` says how periods are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.errors import FieldError, SolveError
from omsim.kernels.inventory import search_min_max
from omsim.optimize.policies.stock_position import (
    MOST_SPREAD_UNITS,
    base_stock_drop,
    measure_policy,
    min_max_drop,
    top_for_fill_rate,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.demand.lead_time import DemandTable


@dataclass(frozen=True, slots=True, kw_only=True)
class MinMaxTable:
    """(s, S) of many items.

    Attributes
    ----------
    reorder_point_units : int64, shape (n_items,)
        Order when the position is at or below this. [s]
    order_up_to_units : int64, shape (n_items,)
        Position an order restores. [S]
    cost_per_period : float64, shape (n_items,)
        Ordering, holding and shortage, in the unit of the costs given.
    """

    reorder_point_units: NDArray[np.int64]
    order_up_to_units: NDArray[np.int64]
    cost_per_period: NDArray[np.float64]


def solve_min_max(
    period: DemandTable,
    after: DemandTable,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> MinMaxTable:
    """Reorder point and order-up-to level of least long-run cost per period, exactly.

    Data       period     demand between reviews
               after      demand of lead time + one review period: what stock at the end of a period has had to meet
               K, h, p    cost of an order; of a unit left, and of a unit owed, at the end of a period
    Variables  s < S, whole; order up to S when the position is at or below s
    Model      min  (K + sum_{j < S - s} m(j) G(S - j)) / sum_{j < S - s} m(j)
               G(y) = h E[(y - after)+] + p E[(after - y)+],  m = renewal density of `period`

    Parameters
    ----------
    period, after : DemandTable
        As above; a lead time of 0 periods makes them the same table.
    order_cost, holding_cost, shortage_cost : float, shape (n_items,) or one number
        K >= 0; h, p > 0; any one currency unit.

    Returns
    -------
    MinMaxTable

    Raises
    ------
    FieldError
        A number that is not finite or out of range, or tables of different items.
    SolveError
        A spread beyond a million units: the costs given cannot be meant.

    Notes
    -----
    Two conventions are about for the same policy. Here, as in Zheng & Federgruen's paper and its table, we order *at*
    or below s; where texts order strictly below, their reorder point is ours plus one. With K = 0 this is base stock
    (s = S - 1). Each item costs O((S - s) * (S - s + width of the search)), typically well under a millisecond.

    References
    ----------
    Zheng & Federgruen (1991), finding optimal (s, S) policies is about as simple as evaluating a single policy.

    Examples
    --------
    >>> from omsim.demand.lead_time import Periods, poisson_demand
    >>> day = poisson_demand([10, 20], Periods.fixed(1))
    >>> best = solve_min_max(day, day, order_cost=64, holding_cost=1, shortage_cost=9)
    >>> best.reorder_point_units.tolist(), best.order_up_to_units.tolist()
    ([6, 14], [40, 62])
    """
    n_items = _same_items(period, after)
    reorder_point, order_up_to, cost = search_min_max(
        period.pmf,
        period.first,
        after.pmf,
        after.first,
        checked_column("order_cost", order_cost, n_items),
        checked_column("holding_cost", holding_cost, n_items, open_ends=True),
        checked_column("shortage_cost", shortage_cost, n_items, open_ends=True),
        MOST_SPREAD_UNITS,
    )
    if np.isnan(cost).any():
        item = int(np.argmax(np.isnan(cost)))
        raise SolveError(f"(s, S) of item {item}", "unfinished", f"S - s {MOST_SPREAD_UNITS}")
    return MinMaxTable(reorder_point_units=reorder_point, order_up_to_units=order_up_to, cost_per_period=cost)


def cost_of_min_max(
    period: DemandTable,
    after: DemandTable,
    reorder_point_units: ArrayLike,
    order_up_to_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
) -> NDArray[np.float64]:
    """Long-run cost per period of given (s, S), computed apart from the search (its independent check).

    Parameters
    ----------
    reorder_point_units, order_up_to_units : int, shape (n_items,) or one number
        s < S.
    period, after, order_cost, holding_cost, shortage_cost
        As in `solve_min_max`.

    Returns
    -------
    float64, shape (n_items,)
        K * P(order) + h * on hand + p * backordered.

    Raises
    ------
    FieldError
        s is not below S, or as in `solve_min_max`.
    """
    n_items = _same_items(period, after)
    low = checked_units("reorder_point_units", reorder_point_units, n_items, least=-(10**12))
    top = checked_units("order_up_to_units", order_up_to_units, n_items, least=-(10**12))
    if (low >= top).any():
        at = int(np.argmax(low >= top))
        raise FieldError("reorder_point_units", f"below order_up_to_units ({top[at]})", int(low[at]))
    fixed = checked_column("order_cost", order_cost, n_items)
    hold = checked_column("holding_cost", holding_cost, n_items)
    penalty = checked_column("shortage_cost", shortage_cost, n_items)
    drop = min_max_drop(period, top - low)
    measures = measure_policy(top, drop, base_stock_drop(n_items), after)
    # an order ends each cycle, and a cycle visits the top 1 / (1 - P(no demand)) times
    idle = period.pmf[period.first[:-1]]
    orders_per_period = drop.pmf[drop.first[:-1]] * (1.0 - idle)
    return fixed * orders_per_period + hold * measures.on_hand_units + penalty * measures.backordered_units


def min_max_for_fill_rate(
    period: DemandTable, before: DemandTable, after: DemandTable, spread_units: ArrayLike, fill_rate: ArrayLike
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Smallest (s, S) of a given spread whose unit fill rate (type 2) reaches the target.

    Parameters
    ----------
    period : DemandTable
        Demand between reviews.
    before, after : DemandTable
        Demand of the lead time, and of lead time + review period.
    spread_units : int, shape (n_items,) or one number
        S - s >= 1, e.g. an economic order quantity. 1 is base stock.
    fill_rate : float, shape (n_items,) or one number
        Target in (0, 1).

    Returns
    -------
    reorder_point_units, order_up_to_units : int64, shape (n_items,)
    """
    n_items = _same_items(period, after)
    spread = checked_units("spread_units", spread_units, n_items, least=1, most=MOST_SPREAD_UNITS)
    top = top_for_fill_rate(min_max_drop(period, spread), before, after, fill_rate)
    return top - spread, top


def _same_items(period: DemandTable, after: DemandTable) -> int:
    if period.n_items != after.n_items:
        raise FieldError("period", f"a table of {after.n_items} items", period.n_items)
    return after.n_items
