"""Economic order quantities: demand at a steady known rate, a cost for each order, a cost for holding stock.

Owns the square-root family: plain, with planned backorders, with production at a finite rate, with all-units and
incremental quantity discounts, and on whole units in packs. All functions take columns; a rate and a holding cost may
be of any one period. Demand that varies is the business of `order_quantity` and `min_max`, and known demand that
differs from period to period of lot sizing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.errors import FieldError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LotTable:
    """Order quantities of many items; all float64, shape (n_items,).

    Attributes
    ----------
    order_units : ndarray
        Units of an order. [Q]
    cost_per_period : ndarray
        Ordering, holding and backordering; with discounts the price of the units as well.
    backordered_share : ndarray
        Share of demand met from the next order, as planned; 0 where nothing is backordered on purpose.
    """

    order_units: Floats
    cost_per_period: Floats
    backordered_share: Floats


def solve_economic_quantity(
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    *,
    shortage_cost: ArrayLike | None = None,
    production_rate: ArrayLike | None = None,
) -> LotTable:
    """Quantity of least ordering, holding and backordering cost.

    Data       d demand per period; K, h cost of an order, and of a unit held for a period;
               p cost of a unit owed for a period (none: no backorders); r units made per period (none: all at once)
    Variables  Q > 0; share x of demand backordered
    Model      min  K d / Q + (1 - d / r) Q (h (1 - x)^2 + p x^2) / 2
               x = h / (h + p),  Q = sqrt(2 K d (h + p) / (h p (1 - d / r)))

    Parameters
    ----------
    demand_rate, order_cost, holding_cost : float, shape (n_items,) or one number
        > 0.
    shortage_cost : float, shape (n_items,) or one number
        > 0; leave out to backorder nothing.
    production_rate : float, shape (n_items,) or one number
        Above the demand rate; leave out where an order arrives at once.

    Returns
    -------
    LotTable

    Raises
    ------
    FieldError
        A number that is not finite or out of range, or a production rate that does not exceed demand.

    References
    ----------
    Harris (1913), how many parts to make at once; Taft (1918), the most economical production lot.

    Examples
    --------
    >>> best = solve_economic_quantity(1300, 8, 0.225)
    >>> round(float(best.order_units[0]), 4), round(float(best.cost_per_period[0]), 4)
    (304.0468, 68.4105)
    """
    given = [demand_rate, order_cost, holding_cost, *(c for c in (shortage_cost, production_rate) if c is not None)]
    n_items = max(np.size(column) for column in given)
    rate, fixed, hold = _rates(n_items, demand_rate, order_cost, holding_cost)
    owed, climb = _owed_and_climb(n_items, rate, hold, shortage_cost, production_rate)
    # holding and backordering at the best share of backorders cost h p / (h + p) = h (1 - x) a unit
    per_unit = hold * (1.0 - owed) * climb
    quantity = np.sqrt(2.0 * fixed * rate / per_unit)
    return LotTable(
        order_units=quantity, cost_per_period=np.sqrt(2.0 * fixed * rate * per_unit), backordered_share=owed
    )


def cost_of_quantity(
    order_units: ArrayLike,
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    *,
    shortage_cost: ArrayLike | None = None,
    production_rate: ArrayLike | None = None,
    backordered_share: ArrayLike | None = None,
) -> Floats:
    """Cost per period of given quantities.

    Parameters
    ----------
    order_units : float, shape (n_items,) or one number
        > 0.
    backordered_share : float, shape (n_items,) or one number
        In [0, 1]; left out: the best, h / (h + p), which is 0 without a shortage cost.
    demand_rate, order_cost, holding_cost, shortage_cost, production_rate
        As in `solve_economic_quantity`.

    Returns
    -------
    float64, shape (n_items,)
    """
    optional = [c for c in (shortage_cost, production_rate, backordered_share) if c is not None]
    n_items = max(np.size(column) for column in [order_units, demand_rate, order_cost, holding_cost, *optional])
    rate, fixed, hold = _rates(n_items, demand_rate, order_cost, holding_cost)
    quantity = checked_column("order_units", order_units, n_items, open_ends=True)
    owed, climb = _owed_and_climb(n_items, rate, hold, shortage_cost, production_rate)
    penalty = np.zeros(n_items) if shortage_cost is None else checked_column("shortage_cost", shortage_cost, n_items)
    if backordered_share is not None:
        owed = checked_column("backordered_share", backordered_share, n_items, most=1.0)
        if shortage_cost is None and owed.any():
            raise FieldError("shortage_cost", "given where units are backordered", None)
    held = hold * (1.0 - owed) ** 2 + penalty * owed**2
    return fixed * rate / quantity + 0.5 * climb * quantity * held


def solve_whole_quantity(
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    *,
    pack_units: ArrayLike = 1,
    least_units: ArrayLike = 1,
) -> LotTable:
    """Best quantity among whole multiples of a pack that reach a minimum.

    The cost falls to the economic quantity and rises beyond it, so the best is one of the two multiples around it, or
    the smallest legal one; of two that cost the same the smaller is taken.

    Parameters
    ----------
    demand_rate, order_cost, holding_cost
        As in `solve_economic_quantity`.
    pack_units, least_units : int, shape (n_items,) or one number
        An order is a multiple of the first, and at least the second; >= 1.

    Returns
    -------
    LotTable
        `order_units` whole, as float64.
    """
    n_items = max(np.size(c) for c in (demand_rate, order_cost, holding_cost, pack_units, least_units))
    pack = checked_units("pack_units", pack_units, n_items, least=1, most=10**9).astype(np.float64)
    least = checked_units("least_units", least_units, n_items, least=1, most=10**9).astype(np.float64)
    ideal = solve_economic_quantity(
        np.broadcast_to(np.asarray(demand_rate, dtype=np.float64), (n_items,)), order_cost, holding_cost
    ).order_units
    floor = np.ceil(least / pack) * pack
    below = np.maximum(np.floor(ideal / pack) * pack, floor)
    above = np.maximum(np.ceil(ideal / pack) * pack, floor)
    costs = [cost_of_quantity(units, demand_rate, order_cost, holding_cost) for units in (below, above)]
    quantity = np.where(costs[0] <= costs[1], below, above)
    return LotTable(
        order_units=quantity, cost_per_period=np.minimum(costs[0], costs[1]), backordered_share=np.zeros(n_items)
    )


def solve_all_units_discount(
    demand_rate: ArrayLike, order_cost: ArrayLike, holding_rate: ArrayLike, from_units: ArrayLike, unit_cost: ArrayLike
) -> LotTable:
    """Quantity when an order of at least `from_units` gets its price on all its units.

    Data       d, K as before; i holding cost as a share of the unit's price; breaks b_0 = 0 < b_1 < ...; prices c_j
    Variables  Q > 0
    Model      min  c_j d + K d / Q + i c_j Q / 2,  j the last break with b_j <= Q

    Parameters
    ----------
    demand_rate, order_cost, holding_rate : float, shape (n_items,) or one number
        > 0.
    from_units : float, shape (n_breaks,) for all items or (n_items, n_breaks)
        Smallest quantity of each price, the first 0, rising.
    unit_cost : float, same shape as `from_units` or a row of it
        Price of each step, > 0, not rising.

    Returns
    -------
    LotTable
        Cost includes the price of the units. Of equal costs the smaller quantity.

    Raises
    ------
    FieldError
        A number that is not finite or out of range, breaks that do not rise from 0, or a price that rises.

    Notes
    -----
    In each step the cost is convex: the best is its own economic quantity, or the step's beginning. A quantity beyond
    the step's end costs no less at the step's price than at the next one's, so it is never taken by mistake.

    Examples
    --------
    >>> best = solve_all_units_discount(1300, 8, 0.3, [0, 400, 800], [0.75, 0.72, 0.68])
    >>> best.order_units.tolist(), round(float(best.cost_per_period[0]), 6)
    ([800.0], 978.6)
    """
    rate, fixed, share, start, price = _steps(demand_rate, order_cost, holding_rate, from_units, unit_cost)
    quantity = np.maximum(np.sqrt(2.0 * fixed * rate / (share * price)), start)
    cost = price * rate + fixed * rate / quantity + 0.5 * share * price * quantity
    return _cheapest(quantity, cost)


def solve_incremental_discount(
    demand_rate: ArrayLike, order_cost: ArrayLike, holding_rate: ArrayLike, from_units: ArrayLike, unit_cost: ArrayLike
) -> LotTable:
    """Quantity when only the units from each break on get the lower price.

    Data       as in `solve_all_units_discount`, prices falling
    Variables  Q > 0
    Model      min  c(Q) d / Q + K d / Q + i c(Q) / 2,  c(Q) price of Q units, piecewise linear

    Parameters
    ----------
    demand_rate, order_cost, holding_rate, from_units
        As in `solve_all_units_discount`.
    unit_cost : float, same shape as `from_units` or a row of it
        Price of the units of each step, > 0, not rising.

    Returns
    -------
    LotTable
        Cost includes the price of the units.

    Raises
    ------
    FieldError
        As in `solve_all_units_discount`.
    """
    rate, fixed, share, start, price = _steps(demand_rate, order_cost, holding_rate, from_units, unit_cost)
    paid = np.zeros_like(price)  # paid for the units below a step beyond what the step's price would have cost
    paid[:, 1:] = np.cumsum(price[:, :-1] * np.diff(start, axis=1), axis=1)
    extra = np.maximum(paid - price * start, 0.0)
    end = np.append(start[:, 1:], np.full((start.shape[0], 1), np.inf), axis=1)
    # the cost is continuous at the breaks, so each step may be looked at up to its very ends
    quantity = np.clip(np.sqrt(2.0 * (fixed + extra) * rate / (share * price)), start, end)
    cost = price * rate + 0.5 * share * extra + (fixed + extra) * rate / quantity + 0.5 * share * price * quantity
    return _cheapest(quantity, cost)


def _rates(n_items: int, demand_rate: ArrayLike, order_cost: ArrayLike, holding_cost: ArrayLike) -> list[Floats]:
    named = (("demand_rate", demand_rate), ("order_cost", order_cost), ("holding_cost", holding_cost))
    return [checked_column(field, values, n_items, open_ends=True) for field, values in named]


def _owed_and_climb(
    n_items: int, rate: Floats, hold: Floats, shortage_cost: ArrayLike | None, production_rate: ArrayLike | None
) -> tuple[Floats, Floats]:
    """Best share of demand to backorder, and how much of an order stock and backorders together climb by."""
    owed, climb = np.zeros(n_items), np.ones(n_items)
    if shortage_cost is not None:
        owed = hold / (hold + checked_column("shortage_cost", shortage_cost, n_items, open_ends=True))
    if production_rate is not None:
        made = checked_column("production_rate", production_rate, n_items, open_ends=True)
        if (made <= rate).any():
            at = int(np.argmax(made <= rate))
            raise FieldError("production_rate", f"above demand_rate ({rate[at]:g})", float(made[at]))
        climb = 1.0 - rate / made
    return owed, climb


def _steps(
    demand_rate: ArrayLike, order_cost: ArrayLike, holding_rate: ArrayLike, from_units: ArrayLike, unit_cost: ArrayLike
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Columns of shape (n_items, 1) and step tables of shape (n_items, n_breaks), checked."""
    start = np.atleast_2d(np.asarray(from_units, dtype=np.float64))
    price = np.atleast_2d(np.asarray(unit_cost, dtype=np.float64))
    n_items = max(start.shape[0], price.shape[0], *(np.size(c) for c in (demand_rate, order_cost, holding_rate)))
    if start.shape[1] != price.shape[1] or start.shape[1] == 0 or {start.shape[0], price.shape[0]} - {1, n_items}:
        raise FieldError("unit_cost", f"one for each break of each item {start.shape}", f"shape {price.shape}")
    start, price = (np.broadcast_to(table, (n_items, start.shape[1])) for table in (start, price))
    checked_column("unit_cost", price.ravel(), price.size, open_ends=True)
    checked_column("from_units", start.ravel(), start.size)
    if (start[:, 0] != 0.0).any() or (np.diff(start, axis=1) <= 0.0).any():
        raise FieldError("from_units", "0 first, then rising", start[0].tolist())
    if (np.diff(price, axis=1) > 0.0).any():
        at = int(np.argmax((np.diff(price, axis=1) > 0.0).any(axis=1)))
        raise FieldError("unit_cost", "not rising from step to step", price[at].tolist())
    rate, fixed = (
        checked_column(field, values, n_items, open_ends=True)[:, None]
        for field, values in (("demand_rate", demand_rate), ("order_cost", order_cost))
    )
    return rate, fixed, checked_column("holding_rate", holding_rate, n_items, open_ends=True)[:, None], start, price


def _cheapest(quantity: Floats, cost: Floats) -> LotTable:
    best = np.argmin(cost, axis=1)
    items = np.arange(best.size)
    return LotTable(
        order_units=quantity[items, best], cost_per_period=cost[items, best], backordered_share=np.zeros(best.size)
    )
