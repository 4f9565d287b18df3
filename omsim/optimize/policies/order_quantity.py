"""(r, Q): order Q whenever the inventory position is at or below r.

Owns the reorder point for a unit fill rate at a given quantity, and the pair of least cost. Tables in, columns out;
`omsim.demand.lead_time` says how periods are counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.errors import FieldError, SolveError
from omsim.kernels.inventory import search_order_quantity
from omsim.optimize.policies.stock_position import (
    MOST_SPREAD_UNITS,
    base_stock_drop,
    measure_policy,
    order_quantity_drop,
    top_for_fill_rate,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.demand.lead_time import DemandTable


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderQuantityTable:
    """Least-cost (r, Q) of many items.

    Attributes
    ----------
    reorder_point_units : int64, shape (n_items,)
        Order when the position is at or below this. [r]
    order_units : int64, shape (n_items,)
        Units of an order. [Q]
    cost_per_period : float64, shape (n_items,)
        Ordering, holding and shortage, in the unit of the costs given.
    """

    reorder_point_units: NDArray[np.int64]
    order_units: NDArray[np.int64]
    cost_per_period: NDArray[np.float64]


def reorder_point_for_fill_rate(
    before: DemandTable, after: DemandTable, order_units: ArrayLike, fill_rate: ArrayLike
) -> NDArray[np.int64]:
    """Smallest reorder point whose unit fill rate (type 2) reaches the target at the given order quantity.

    Parameters
    ----------
    before, after : DemandTable
        Demand of the lead time, and of lead time + review period; ``before.plus_units(1)`` under continuous review.
    order_units : int, shape (n_items,) or one number
        Q >= 1; under periodic review as many times Q as lifts the position above r.
    fill_rate : float, shape (n_items,) or one number
        Target in (0, 1).

    Returns
    -------
    int64, shape (n_items,)
        May be below 0 where Q is large.
    """
    quantity = checked_units("order_units", order_units, after.n_items, least=1, most=MOST_SPREAD_UNITS)
    drop = order_quantity_drop(quantity, after.n_items)
    return top_for_fill_rate(drop, before, after, fill_rate) - quantity


def solve_order_quantity(
    period: DemandTable,
    after: DemandTable,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    *,
    reviews_per_period: ArrayLike = 1.0,
) -> OrderQuantityTable:
    """Reorder point and quantity of least long-run cost per period, exactly.

    Data       period     demand between reviews; v = reviews_per_period
               after      demand of lead time + one review period
               K, h, p    cost of an order (of n times Q as well); of a unit left and of a unit owed a period
    Variables  r whole, Q >= 1 whole; at or below r, order as many times Q as lifts the position above r
    Model      min  (v K E[min(period, Q)] + sum_{y=r+1..r+Q} (h E[(y - after)+] + p E[(after - y)+])) / Q

    Under continuous review every customer is a review: `period` is one customer's units (``[[0, 1]]`` for unit
    demands), `reviews_per_period` the arrival rate, and `after` the demand of the lead time alone.

    Parameters
    ----------
    period, after : DemandTable
        As above.
    order_cost, holding_cost, shortage_cost : float, shape (n_items,) or one number
        K >= 0; h, p > 0; any one currency unit.
    reviews_per_period : float, shape (n_items,) or one number
        Reviews in the period that h and p are charged for.

    Returns
    -------
    OrderQuantityTable

    Raises
    ------
    FieldError
        A number that is not finite or out of range, or tables of different items.
    SolveError
        An optimal quantity beyond a million units: the costs given cannot be meant.

    References
    ----------
    Federgruen & Zheng (1992), an efficient algorithm for computing an optimal (r, Q) policy; Zheng & Chen (1992),
    inventory policies with quantized ordering.
    """
    n_items = after.n_items
    if period.n_items != n_items:
        raise FieldError("period", f"a table of {n_items} items", period.n_items)
    fixed = checked_column("order_cost", order_cost, n_items)
    reorder_point, quantity, cost = search_order_quantity(
        period.pmf,
        period.first,
        after.pmf,
        after.first,
        fixed * checked_column("reviews_per_period", reviews_per_period, n_items),
        checked_column("holding_cost", holding_cost, n_items, open_ends=True),
        checked_column("shortage_cost", shortage_cost, n_items, open_ends=True),
        MOST_SPREAD_UNITS,
    )
    if np.isnan(cost).any():
        raise SolveError(f"(r, Q) of item {int(np.argmax(np.isnan(cost)))}", "unfinished", f"Q {MOST_SPREAD_UNITS}")
    return OrderQuantityTable(reorder_point_units=reorder_point, order_units=quantity, cost_per_period=cost)


def cost_of_order_quantity(
    period: DemandTable,
    after: DemandTable,
    reorder_point_units: ArrayLike,
    order_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    *,
    reviews_per_period: ArrayLike = 1.0,
) -> NDArray[np.float64]:
    """Long-run cost per period of given (r, nQ), computed apart from the search (its independent check).

    Parameters
    ----------
    reorder_point_units, order_units : int, shape (n_items,) or one number
        Q >= 1.
    period, after, order_cost, holding_cost, shortage_cost, reviews_per_period
        As in `solve_order_quantity`; costs may be 0.

    Returns
    -------
    float64, shape (n_items,)
        K * orders + h * on hand + p * backordered; an order of n times Q is one order.
    """
    n_items = after.n_items
    if period.n_items != n_items:
        raise FieldError("period", f"a table of {n_items} items", period.n_items)
    low = checked_units("reorder_point_units", reorder_point_units, n_items, least=-(10**12))
    quantity = checked_units("order_units", order_units, n_items, least=1, most=MOST_SPREAD_UNITS)
    measures = measure_policy(low + quantity, order_quantity_drop(quantity, n_items), base_stock_drop(n_items), after)
    ordered_share = (period.mean() - period.expected_short_units(quantity)) / quantity
    orders = ordered_share * checked_column("reviews_per_period", reviews_per_period, n_items)
    return (
        checked_column("order_cost", order_cost, n_items) * orders
        + checked_column("holding_cost", holding_cost, n_items) * measures.on_hand_units
        + checked_column("shortage_cost", shortage_cost, n_items) * measures.backordered_units
    )
