"""(r, Q) under continuous review, customers of one unit: order Q the moment the position falls to r.

Owns the pair of least cost when a shortage is charged by the unit, by the time it lasts, or both, and the cost of a
given pair, part by part. `order_quantity` has periodic review, customers of several units and the fill rate;
`normal_review` the same on a normal scale. The lead time's demand alone counts: an order is placed at the moment a
customer takes the position to r.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.errors import FieldError, SolveError
from omsim.kernels.inventory_continuous import NEVER, search_unit_orders
from omsim.kernels.inventory_targets import share_beyond
from omsim.optimize.policies.order_quantity import OrderQuantityTable
from omsim.optimize.policies.stock_position import (
    MOST_SPREAD_UNITS,
    base_stock_drop,
    measure_policy,
    order_quantity_drop,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.demand.lead_time import DemandTable

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewCosts:
    """Cost per period of given (r, Q), part by part; all float64, shape (n_items,).

    Attributes
    ----------
    ordering, holding, backordering, stockout : ndarray
        Orders placed; units held; units owed, for as long as they are; units not filled at once, each once.
    """

    ordering: Floats
    holding: Floats
    backordering: Floats
    stockout: Floats

    def total(self) -> Floats:
        """All parts together."""
        return self.ordering + self.holding + self.backordering + self.stockout


def solve_continuous_review(
    lead_time_demand: DemandTable,
    demand_rate: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    *,
    unit_penalty: ArrayLike = 0.0,
) -> OrderQuantityTable:
    """Reorder point and quantity of least long-run cost per period, exactly.

    Data       D demand of the lead time; d units demanded per period, one at a time, at random moments
               K cost of an order; h, p cost of a unit held, and owed, for a period; u of a unit not filled at once
    Variables  r whole, Q >= 1 whole
    Model      min  (d K + sum_{y=r+1..r+Q} (h E[(y - D)+] + p E[(D - y)+] + d u P(D >= y))) / Q

    Parameters
    ----------
    lead_time_demand : DemandTable
        As above.
    demand_rate, order_cost, holding_cost, shortage_cost, unit_penalty : float, shape (n_items,) or one number
        d > 0, h > 0, the others >= 0, p and u not both 0; any one currency unit.

    Returns
    -------
    OrderQuantityTable
        Order when the position is at or below r.

    Raises
    ------
    FieldError
        A number that is not finite or out of range.
    SolveError
        With p = 0, an item for which never ordering is cheapest; or a quantity beyond a million units.

    References
    ----------
    Federgruen & Zheng (1992), an efficient algorithm for computing an optimal (r, Q) policy; Hadley & Whitin (1963),
    analysis of inventory systems, section 4-7, for the charge by the unit.

    Examples
    --------
    >>> from omsim.demand.lead_time import Periods, poisson_demand
    >>> best = solve_continuous_review(poisson_demand([3.0], Periods.fixed(1)), 1.5, 100, 20, 150)
    >>> best.reorder_point_units.tolist(), best.order_units.tolist(), round(float(best.cost_per_period[0]), 6)
    ([3], [5], 107.923581)
    """
    n_items = lead_time_demand.n_items
    rate = checked_column("demand_rate", demand_rate, n_items, open_ends=True)
    fixed = checked_column("order_cost", order_cost, n_items)
    hold = checked_column("holding_cost", holding_cost, n_items, open_ends=True)
    penalty = checked_column("shortage_cost", shortage_cost, n_items)
    once = checked_column("unit_penalty", unit_penalty, n_items)
    if ((penalty == 0.0) & (once == 0.0)).any():
        raise FieldError("shortage_cost", "above 0 where unit_penalty is 0", 0.0)
    low, quantity, cost = search_unit_orders(
        lead_time_demand.pmf, lead_time_demand.first, fixed * rate, hold, penalty, once * rate, MOST_SPREAD_UNITS
    )
    if np.isnan(cost).any():
        item = int(np.argmax(np.isnan(cost)))
        if quantity[item] == NEVER:
            raise SolveError(f"(r, Q) of item {item}", "cheapest never to order", f"unit_penalty {once[item]:g}")
        raise SolveError(f"(r, Q) of item {item}", "unfinished", f"Q {MOST_SPREAD_UNITS}")
    return OrderQuantityTable(reorder_point_units=low, order_units=quantity, cost_per_period=cost)


def cost_of_continuous_review(
    lead_time_demand: DemandTable,
    demand_rate: ArrayLike,
    reorder_point_units: ArrayLike,
    order_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    *,
    unit_penalty: ArrayLike = 0.0,
) -> ReviewCosts:
    """Long-run cost per period of given (r, Q), computed apart from the search (its independent check).

    Parameters
    ----------
    reorder_point_units, order_units : int, shape (n_items,) or one number
        Q >= 1.
    lead_time_demand, demand_rate, order_cost, holding_cost, shortage_cost, unit_penalty
        As in `solve_continuous_review`; costs may be 0.

    Returns
    -------
    ReviewCosts
    """
    n_items = lead_time_demand.n_items
    rate = checked_column("demand_rate", demand_rate, n_items)
    low = checked_units("reorder_point_units", reorder_point_units, n_items, least=-(10**12))
    quantity = checked_units("order_units", order_units, n_items, least=1, most=MOST_SPREAD_UNITS)
    drop = order_quantity_drop(quantity, n_items)
    measures = measure_policy(low + quantity, drop, base_stock_drop(n_items), lead_time_demand)
    # a customer finds nothing on the shelf when the lead time's demand reached the position he meets
    found_none = share_beyond(low + quantity - 1, drop.pmf, drop.first, lead_time_demand.pmf, lead_time_demand.first)
    return ReviewCosts(
        ordering=checked_column("order_cost", order_cost, n_items) * rate / quantity,
        holding=checked_column("holding_cost", holding_cost, n_items) * measures.on_hand_units,
        backordering=checked_column("shortage_cost", shortage_cost, n_items) * measures.backordered_units,
        stockout=checked_column("unit_penalty", unit_penalty, n_items) * rate * found_none,
    )
