"""Lot sizes against demand that is known period by period: the optimum of each item, and the classic rules.

Owns plans of items that do not touch each other; items that share a capacity are the business of
`capacitated_lot_sizing`, demand that is not known of `finite_horizon`. Whole tables in, whole tables out. An order
arrives in its period before the demand; nothing may run short; holding is charged on what is left at a period's end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.lot_sizing import (
    LEAST_UNIT_COST,
    NEAREST_QUANTITY,
    ORDER_PERIODS,
    PART_PERIOD,
    SILVER_MEAL,
    optimal_lots,
    ruled_lots,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

MOST_UNITS = 10**9

LotRule = Literal[
    "silver_meal",
    "least_unit_cost",
    "part_period_balancing",
    "periodic_order_quantity",
    "rounded_order_quantity",
    "lot_for_lot",
]

_RULES = {
    "silver_meal": SILVER_MEAL,
    "least_unit_cost": LEAST_UNIT_COST,
    "part_period_balancing": PART_PERIOD,
    "periodic_order_quantity": ORDER_PERIODS,
    "rounded_order_quantity": NEAREST_QUANTITY,
    "lot_for_lot": ORDER_PERIODS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LotPlan:
    """Orders of many items, period by period.

    Attributes
    ----------
    order_units : int64, shape (n_items, n_periods)
    cost : float64, shape (n_items,)
        Ordering, purchase and holding over the horizon, in the unit of the costs given.
    """

    order_units: Units
    cost: Floats


def solve_lot_sizes(
    demand_units: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike, unit_cost: ArrayLike = 0.0
) -> LotPlan:
    """Orders of least cost of each item, exactly (Wagner-Whitin with costs that may change by period).

    Data       d[t]  demand_units;  K[t]  order_cost;  h[t]  holding_cost;  c[t]  unit_cost
    Variables  q[t] >= 0, what is ordered in period t
    Model      min  sum_t K[t] (q[t] > 0) + c[t] q[t] + h[t] I[t]
               s.t. I[t] = I[t-1] + q[t] - d[t] >= 0,  I[-1] = 0

    Parameters
    ----------
    demand_units : int, shape (n_items, n_periods), or (n_periods,) for one item
        Whole, >= 0. Stock in hand is taken off first, see `net_demand`.
    order_cost, holding_cost, unit_cost : float
        One number, one for each item, or one for each item and period; for one item also one for each period.
        holding_cost is for a unit left at the end of the period. All >= 0, any one currency unit.

    Returns
    -------
    LotPlan
        Where several plans cost least, the one that orders more at a time, from the first period on.

    Raises
    ------
    FieldError
        Not finite, out of range, not whole, or shapes that do not fit.

    Notes
    -----
    O(n_periods^2) an item. An optimal plan orders only when nothing is left, and then for whole periods.

    References
    ----------
    Wagner & Whitin (1958), dynamic version of the economic lot size model.

    Examples
    --------
    >>> plan = solve_lot_sizes([90, 120, 80, 70], order_cost=500, holding_cost=2)
    >>> plan.order_units.tolist(), plan.cost.tolist()
    ([[210, 0, 150, 0]], [1380.0])
    """
    demand, fixed, hold, price = _checked(demand_units, order_cost, holding_cost, unit_cost)
    orders = np.zeros_like(demand)
    cost = optimal_lots(demand, fixed, hold, price, orders)
    return LotPlan(order_units=orders, cost=cost)


def plan_by_rule(
    demand_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    unit_cost: ArrayLike = 0.0,
    *,
    rule: LotRule = "silver_meal",
) -> LotPlan:
    """Orders of each item by one of the classic rules, for comparison with the optimum.

    Parameters
    ----------
    demand_units, order_cost, holding_cost, unit_cost
        As in `solve_lot_sizes`. The rules do not look at `unit_cost`; the cost of their plans holds it.
    rule : str
        ``silver_meal``: lengthen an order while its cost per period falls. ``least_unit_cost``: while its cost per
        unit falls. ``part_period_balancing``: as many periods as bring its holding cost nearest to its ordering cost.
        ``periodic_order_quantity``: always the number of periods nearest to the economic order quantity over mean
        demand. ``rounded_order_quantity``: as many periods as bring the quantity nearest to the economic one.
        ``lot_for_lot``: every period its own.

    Returns
    -------
    LotPlan

    References
    ----------
    Silver, Pyke & Peterson (1998), inventory management and production planning and scheduling, chapter 6.
    """
    if rule not in _RULES:
        raise FieldError("rule", "one of " + ", ".join(_RULES), rule)
    demand, fixed, hold, price = _checked(demand_units, order_cost, holding_cost, unit_cost)
    parameter = np.ones(demand.shape[0])
    if rule in ("periodic_order_quantity", "rounded_order_quantity"):
        mean = demand.mean(axis=1)
        rate = hold.mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            economic = np.sqrt(2.0 * fixed.mean(axis=1) * mean / rate)
            if rule == "periodic_order_quantity":
                economic = np.maximum(1.0, np.round(economic / mean))
        parameter = np.where(np.isnan(economic), 1.0, economic)  # nothing ordered, or neither cost counts
    orders = np.zeros_like(demand)
    ruled_lots(demand, fixed, hold, _RULES[rule], parameter, orders)
    return LotPlan(order_units=orders, cost=_cost(orders, demand, fixed, hold, price))


def cost_of_lot_plan(
    order_units: ArrayLike,
    demand_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    unit_cost: ArrayLike = 0.0,
) -> Floats:
    """Cost of any plan, recomputed from the data alone; the check beside `solve_lot_sizes`.

    Parameters
    ----------
    order_units : int, shape (n_items, n_periods), or (n_periods,) for one item
    demand_units, order_cost, holding_cost, unit_cost
        As in `solve_lot_sizes`.

    Returns
    -------
    float64, shape (n_items,)

    Raises
    ------
    FieldError
        An item runs short in a period (named), or as in `solve_lot_sizes`.
    """
    demand, fixed, hold, price = _checked(demand_units, order_cost, holding_cost, unit_cost)
    orders = whole_table("order_units", order_units)
    if orders.shape != demand.shape:
        raise FieldError("order_units", f"of shape {demand.shape}", f"shape {orders.shape}")
    left = np.cumsum(orders - demand, axis=1)
    if (left < 0).any():
        item, period = np.argwhere(left < 0)[0].tolist()
        short = f"{-left[item, period]} units short, item {item}, period {period}"
        raise FieldError("order_units", "enough for the demand", short)
    return _cost(orders, demand, fixed, hold, price)


def net_demand(demand_units: ArrayLike, opening_units: ArrayLike) -> Units:
    """Demand that stock in hand does not meet, int64, shape (n_items, n_periods).

    Stock goes to the earliest demand. Whatever the plan, what is left of it costs the same to hold, so the best plan
    for what remains is the best plan.

    Parameters
    ----------
    demand_units : int, shape (n_items, n_periods), or (n_periods,) for one item
    opening_units : int, shape (n_items,) or one number

    Examples
    --------
    >>> net_demand([[5, 5, 5]], 7).tolist()
    [[0, 3, 5]]
    """
    demand = whole_table("demand_units", demand_units)
    opening = np.broadcast_to(whole_table("opening_units", np.reshape(opening_units, (-1, 1))), (demand.shape[0], 1))
    unmet = np.maximum(np.cumsum(demand, axis=1) - opening, 0)
    return np.asarray(np.diff(unmet, axis=1, prepend=0), dtype=np.int64)


def _cost(orders: Units, demand: Units, fixed: Floats, hold: Floats, price: Floats) -> Floats:
    left = np.cumsum(orders - demand, axis=1)
    return np.asarray((fixed * (orders > 0) + price * orders + hold * left).sum(axis=1), dtype=np.float64)


def _checked(
    demand_units: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike, unit_cost: ArrayLike
) -> tuple[Units, Floats, Floats, Floats]:
    demand = whole_table("demand_units", demand_units)
    one_item = np.ndim(demand_units) == 1
    return (
        demand,
        cost_table("order_cost", order_cost, demand.shape, one_item=one_item),
        cost_table("holding_cost", holding_cost, demand.shape, one_item=one_item),
        cost_table("unit_cost", unit_cost, demand.shape, one_item=one_item),
    )


def whole_table(field: str, values: ArrayLike) -> Units:
    """Whole units of each item and period, checked.

    Parameters
    ----------
    field : str
        Name of the table, for the error.
    values : int, shape (n_items, n_periods), or (n_periods,) for one item
        Floats are taken where they are whole.

    Returns
    -------
    int64, shape (n_items, n_periods)
        A contiguous copy.

    Raises
    ------
    FieldError
        Not numbers, empty, not finite, not whole, below 0 or above a billion.
    """
    try:
        given = np.atleast_2d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise FieldError(field, "a table of whole units", values) from None
    if given.ndim != 2 or given.size == 0:
        raise FieldError(field, "a table of items and periods", f"shape {given.shape}")
    legal = (given >= 0) & (given <= MOST_UNITS)
    if not legal.all():
        raise FieldError(field, f"a finite number from 0 to {MOST_UNITS}", float(given[~legal].flat[0]))
    units = np.ascontiguousarray(given.astype(np.int64))
    if not np.array_equal(units, given):
        raise FieldError(field, "whole units", float(given[units != given].flat[0]))
    return units


def cost_table(field: str, values: ArrayLike, shape: tuple[int, ...], *, one_item: bool = False) -> Floats:
    """One finite cost >= 0 for each item and period, from a number, one for each item, or a table.

    Parameters
    ----------
    field : str
        Name of the column, for the error.
    values : float
        A number, shape (n_items,), (n_items, 1) or (n_items, n_periods); shape (n_periods,) where `one_item`.
    shape : tuple of int
        (n_items, n_periods)
    one_item : bool
        How to read a plain row.

    Returns
    -------
    float64, shape (n_items, n_periods)
        A contiguous copy.

    Raises
    ------
    FieldError
        Not numbers, another shape, not finite, below 0.
    """
    try:
        given = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise FieldError(field, "numbers", values) from None
    if given.ndim == 1 and not one_item:
        given = given[:, None]
    try:
        table = np.array(np.broadcast_to(given, shape))
    except ValueError:
        raise FieldError(field, f"one number, or as many as fit shape {shape}", f"shape {given.shape}") from None
    legal = (table >= 0) & (table <= 1e12)
    if not legal.all():
        raise FieldError(field, "a finite number from 0 to 1e12", float(table[~legal].flat[0]))
    return table
