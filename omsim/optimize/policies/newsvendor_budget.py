"""Many newsvendors under one budget: what each item gets when money for stock is short.

Owns the one multiplier that prices the budget, on continuous demand (exact) and on whole units (with a certified
bound). Levels of many items over time under a budget are `omsim.optimize.reorder`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column
from omsim.demand.lead_time import DemandTable
from omsim.optimize.policies.newsvendor import expected_profit, margins

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.optimize.policies.newsvendor import Demand, Margins

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

SURE = 1.0 - 1e-15  # no level covers a continuous demand for certain
HALVINGS = 200  # a double holds fewer than 64 between 0 and the highest price; the rest end the loop early


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetedStock:
    """Levels of all items within one budget.

    Attributes
    ----------
    level_units : float64, or int64 on whole-unit demand, shape (n_items,)
        Units to stock.
    profit : float
        Expected profit of all items.
    profit_bound : float
        No levels within the budget earn more (Lagrangian bound); equals `profit` on continuous demand up to rounding.
    spent : float
        Cost of the units, at most the budget.
    multiplier : float
        Expected profit of one more unit of money; 0 where the budget is more than enough.
    """

    level_units: Floats | Units
    profit: float
    profit_bound: float
    spent: float
    multiplier: float


def solve_budgeted_newsvendor(
    demand: Demand,
    price: ArrayLike,
    cost: ArrayLike,
    salvage: ArrayLike,
    budget: float,
    *,
    goodwill: ArrayLike = 0.0,
) -> BudgetedStock:
    """Most expected profit of many items bought with one budget.

    Data       demand D_i; price p_i, cost c_i, salvage v_i, goodwill g_i; budget B
    Variables  y_i >= 0 (whole on a table); multiplier m >= 0
    Model      max sum_i (p_i - v_i) E[min(D_i, y_i)] - (c_i - v_i) y_i - g_i E[(D_i - y_i)+]
               s.t.  sum_i c_i y_i <= B
               at the optimum  P(D_i <= y_i) = (p_i + g_i - (1 + m) c_i) / (p_i + g_i - v_i), or y_i = 0

    Parameters
    ----------
    demand : DemandTable, NormalDemand, LognormalDemand or GammaDemand
        Of the season.
    price, cost, salvage, goodwill : float, shape (n_items,) or one number
        As in `newsvendor.margins`; cost > 0.
    budget : float
        Money for all units, >= 0.

    Returns
    -------
    BudgetedStock

    Raises
    ------
    FieldError
        A number that is not finite, or not salvage < cost < price.

    Notes
    -----
    Spending falls as the multiplier rises, so halving its range until two neighbouring doubles are left is exact on
    continuous demand, and what lies between their levels is shared out evenly. On whole units the last doubles lie on
    the two sides of a jump; the money left over is then spent unit by unit, best gain per money first, and the bound
    says what that may miss.

    References
    ----------
    Hadley & Whitin (1963), analysis of inventory systems, section 6-2 and after.
    """
    n_items = demand.n_items
    by_unit = margins(price, cost, salvage, goodwill, n_items=n_items)
    unit_cost = checked_column("cost", cost, n_items, open_ends=True)
    money = float(checked_column("budget", budget, 1)[0])

    def levels_at(multiplier: float) -> Floats | Units:
        share = (by_unit.short_cost - multiplier * unit_cost) / (by_unit.short_cost + by_unit.left_cost)
        return _levels_for(demand, share)

    def spent(level: Floats | Units) -> float:
        return fsum((unit_cost * level).tolist())

    low, high = 0.0, 2.0 * float((by_unit.short_cost / unit_cost).max(initial=0.0))  # nothing is stocked at `high`
    level = levels_at(low)
    multiplier = 0.0
    if spent(level) > money:
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            if middle in (low, high):
                break
            if spent(levels_at(middle)) > money:
                low = middle
            else:
                high = middle
        level, multiplier = levels_at(high), high
    relaxed = expected_profit(demand, level, by_unit) - multiplier * (unit_cost * level)
    bound = fsum(relaxed.tolist()) + multiplier * money if multiplier > 0.0 else fsum(relaxed.tolist())
    if multiplier > 0.0:
        most = levels_at(low)
        if isinstance(demand, DemandTable):
            level = _spend_rest(demand, level, most, by_unit, unit_cost, money)
        elif spent(most) > spent(level):
            # levels jump where demand is known (nearly) for certain; in between every unit gains alike
            part = (money - spent(level)) / (spent(most) - spent(level))
            level = np.asarray(level + (most - level) * part, dtype=np.float64)
    return BudgetedStock(
        level_units=level,
        profit=fsum(expected_profit(demand, level, by_unit).tolist()),
        profit_bound=bound,
        spent=spent(level),
        multiplier=multiplier,
    )


def _levels_for(demand: Demand, share: Floats) -> Floats | Units:
    """Levels that stay within demand's `share`; none where no share is left."""
    stocked = demand.quantile(np.clip(share, 1e-300, SURE))
    stocked[(share <= 0.0) | (stocked < 0)] = 0
    return stocked


def _spend_rest(
    demand: DemandTable, level: Floats | Units, most: Floats | Units, by_unit: Margins, unit_cost: Floats, money: float
) -> Units:
    """Add units, best gain per money first, as long as one fits and gains; `most` says which items come first."""
    filled = level.astype(np.int64)
    beyond = 1.0 - demand.cdf(filled)
    points = np.diff(demand.first)
    left = money - fsum((unit_cost * filled).tolist())
    for items in (np.flatnonzero(most > level), np.arange(filled.size)):
        gain = by_unit.short_cost[items] * beyond[items] - by_unit.left_cost[items] * (1.0 - beyond[items])
        by_money = gain / unit_cost[items]
        while True:
            best = int(np.argmax(np.where(unit_cost[items] <= left, by_money, -1.0))) if items.size else -1
            if best < 0 or by_money[best] <= 0.0 or unit_cost[items[best]] > left:
                break
            item = int(items[best])
            filled[item] += 1
            left -= float(unit_cost[item])
            if filled[item] < points[item]:
                beyond[item] -= demand.pmf[demand.first[item] + filled[item]]
            more = by_unit.short_cost[item] * beyond[item] - by_unit.left_cost[item] * (1.0 - beyond[item])
            by_money[best] = more / unit_cost[item]
    return filled
