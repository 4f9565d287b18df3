"""The newsvendor: one stocking decision, many items, each on its own demand.

Owns the single-period decision in its two wordings: by the cost of a unit left and a unit short, and by price, cost and
salvage. Demand is a table of whole units or one of `continuous_demand`; over a lead time of L periods with a review
each period hand over the demand of L + 1 periods. One budget over all items is `newsvendor_budget`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column
from omsim.errors import FieldError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.demand.lead_time import DemandTable
    from omsim.optimize.policies.continuous_demand import GammaDemand, LognormalDemand, NormalDemand

    Floats = NDArray[np.float64]
    Demand = DemandTable | NormalDemand | LognormalDemand | GammaDemand


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """What a unit too few and a unit too many cost, by item.

    Attributes
    ----------
    short_cost, left_cost : float64, shape (n_items,)
        Per unit short (price - cost + goodwill) and per unit left (cost - salvage); > 0.
    sale_margin : float64, shape (n_items,)
        Price - cost.
    """

    short_cost: Floats
    left_cost: Floats
    sale_margin: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class StockedUnits:
    """The decision for many items; float64 or (on whole-unit demand) int64 levels, shape (n_items,).

    Attributes
    ----------
    level_units : ndarray
        Units to stock.
    expected_cost : ndarray
        Expected cost of units left and short.
    """

    level_units: Floats | NDArray[np.int64]
    expected_cost: Floats


def margins(
    price: ArrayLike,
    cost: ArrayLike,
    salvage: ArrayLike = 0.0,
    goodwill: ArrayLike = 0.0,
    *,
    n_items: int | None = None,
) -> Margins:
    """Cost of a unit short and of a unit left, from prices.

    Parameters
    ----------
    price, cost : float, shape (n_items,) or one number
        What a unit sells for, and costs; cost < price.
    salvage : float, shape (n_items,) or one number
        What a unit left fetches; < cost, and below 0 where getting rid of it costs money.
    goodwill : float, shape (n_items,) or one number
        Lost beyond the margin with each unit short, >= 0.
    n_items : int
        Number of items, when no column says it.

    Returns
    -------
    Margins

    Raises
    ------
    FieldError
        A number that is not finite, or not salvage < cost < price.
    """
    n = n_items or max(np.size(column) for column in (price, cost, salvage, goodwill))
    sells = checked_column("price", price, n)
    costs = checked_column("cost", cost, n)
    fetches = checked_column("salvage", salvage, n, least=-1e15)
    lost = checked_column("goodwill", goodwill, n)
    for field, low, rule, high in (("salvage", fetches, "cost", costs), ("cost", costs, "price", sells)):
        if (low >= high).any():
            at = int(np.argmax(low >= high))
            raise FieldError(field, f"below {rule} ({high[at]:g})", float(low[at]))
    return Margins(short_cost=sells - costs + lost, left_cost=costs - fetches, sale_margin=sells - costs)


def solve_newsvendor(demand: Demand, left_cost: ArrayLike, short_cost: ArrayLike) -> StockedUnits:
    """Level of least expected cost of units left and units short.

    Data       demand D; h, p: cost of a unit left, and of a unit short
    Variables  level y (whole on a table)
    Model      min  h E[(y - D)+] + p E[(D - y)+];  the smallest y with P(D <= y) >= p / (p + h)

    Parameters
    ----------
    demand : DemandTable, NormalDemand, LognormalDemand or GammaDemand
        Of the time the stock has to last.
    left_cost, short_cost : float, shape (n_items,) or one number
        > 0, any one currency unit.

    Returns
    -------
    StockedUnits

    Raises
    ------
    FieldError
        A cost that is not finite or not above 0.

    References
    ----------
    Arrow, Harris & Marschak (1951), optimal inventory policy.

    Examples
    --------
    >>> from omsim.optimize.policies.continuous_demand import NormalDemand
    >>> best = solve_newsvendor(NormalDemand.of([50.0], [8.0]), left_cost=0.18, short_cost=0.70)
    >>> round(float(best.level_units[0]), 6), round(float(best.expected_cost[0]), 6)
    (56.603956, 1.997605)
    """
    hold = checked_column("left_cost", left_cost, demand.n_items, open_ends=True)
    penalty = checked_column("short_cost", short_cost, demand.n_items, open_ends=True)
    level = demand.quantile(penalty / (penalty + hold))
    return StockedUnits(level_units=level, expected_cost=cost_of_level(demand, level, hold, penalty))


def cost_of_level(demand: Demand, level_units: ArrayLike, left_cost: ArrayLike, short_cost: ArrayLike) -> Floats:
    """Expected cost of units left and short at given levels.

    Parameters
    ----------
    demand, left_cost, short_cost
        As in `solve_newsvendor`; costs may be 0.
    level_units : float (whole on a table), shape (n_items,) or one number
        Units stocked.

    Returns
    -------
    float64, shape (n_items,)
    """
    hold = checked_column("left_cost", left_cost, demand.n_items)
    penalty = checked_column("short_cost", short_cost, demand.n_items)
    return hold * demand.expected_left_units(level_units) + penalty * demand.expected_short_units(level_units)


def expected_profit(demand: Demand, level_units: ArrayLike, by_unit: Margins) -> Floats:
    """Expected profit of given levels: the sure margin on mean demand, less what being wrong costs.

    Parameters
    ----------
    demand, level_units
        As in `cost_of_level`.
    by_unit : Margins
        From `margins`.

    Returns
    -------
    float64, shape (n_items,)
        ``(price - salvage) E[min(D, y)] - (cost - salvage) y - goodwill E[(D - y)+]``.
    """
    return by_unit.sale_margin * demand.mean() - cost_of_level(
        demand, level_units, by_unit.left_cost, by_unit.short_cost
    )
