"""A known end: ordering over a season of periods with uncertain demand, by dynamic programming.

Owns the reorder point and order-up-to level of each period when what is left at the end has its own value. Demand that
is known is `lot_sizing`'s; no end in sight is `min_max`'s. Orders arrive in their period before the demand; unmet
demand waits. Demand comes as a table with one row for each period (`omsim.demand.lead_time`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.demand.lead_time import DemandTable, ragged
from omsim.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

MOST_GRID = 2_000_000
_SAME = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonPolicy:
    """(s, S) of each period of a season.

    Attributes
    ----------
    reorder_point_units : int64, shape (n_periods,)
        Order when stock less what is owed is at or below this. [s] `never_units` where ordering does not pay from any
        stock the season can bring.
    order_up_to_units : int64, shape (n_periods,)
        What an order restores. [S]
    cost : float
        Expected and discounted to the start, from the opening stock.
    never_units : int
        Below any stock the season can bring.
    """

    reorder_point_units: Units
    order_up_to_units: Units
    cost: float
    never_units: int


def solve_season(
    periods: DemandTable,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    unit_cost: ArrayLike = 0.0,
    *,
    end_holding_cost: float | None = None,
    end_shortage_cost: float | None = None,
    discount: float = 1.0,
    opening_units: int = 0,
    period_cost: Callable[[int, Units], Floats] | None = None,
) -> SeasonPolicy:
    """Reorder point and order-up-to level of each period of least expected cost, exactly.

    Data       D[t]  demand of period t, independent;  K, h, p, c[t]  costs;  g  discount;  x[0]  opening stock
    Variables  y[t] >= x[t], stock less what is owed after ordering, as a function of x[t]
    Model      min  E sum_t g^t (K[t] (y[t] > x[t]) + c[t] (y[t] - x[t]) + h[t] (y[t] - D[t])+ + p[t] (D[t] - y[t])+)
                    + g^T (h_end x[T]+ + p_end (-x[T])+)
               x[t+1] = y[t] - D[t]

    Parameters
    ----------
    periods : DemandTable
        One row for each period.
    order_cost : float, shape (n_periods,) or one number
        K >= 0; it may not grow faster than the discount shrinks it, or (s, S) need not be optimal.
    holding_cost, shortage_cost, unit_cost : float, shape (n_periods,) or one number
        Of a unit left, and of a unit owed, at a period's end; of a unit ordered. >= 0.
    end_holding_cost, end_shortage_cost : float, optional
        Of a unit left or owed after the last period, on top of that period's cost; none unless given. Below 0 for
        stock that can be sold.
    discount : float
        Value of a cost one period later, in (0, 1].
    opening_units : int
        May be below 0.
    period_cost : callable, optional
        Expected holding and shortage of a period (first argument) by stock after ordering (second): for demand that is
        not of whole units and of which `periods` is a grid, such as `normal_period_cost`. It takes the place of
        `holding_cost` and `shortage_cost`, and should be convex.

    Returns
    -------
    SeasonPolicy

    Raises
    ------
    FieldError
        Not finite, out of range, columns that do not fit, or a season of more than 2,000,000 units of demand.

    Notes
    -----
    Every stock level the season can bring is looked at. Among equally good levels the lowest is taken; where ordering
    and not ordering cost the same, nothing is ordered.

    References
    ----------
    Scarf (1960), the optimality of (S, s) policies in the dynamic inventory problem.

    Examples
    --------
    >>> from omsim.demand.lead_time import Periods, poisson_demand
    >>> weeks = poisson_demand([4.0] * 3, Periods.fixed(1))
    >>> season = solve_season(weeks, order_cost=10, holding_cost=1, shortage_cost=9)
    >>> season.reorder_point_units.tolist(), season.order_up_to_units.tolist()
    ([3, 3, 2], [12, 10, 7])
    """
    n_periods = periods.n_items
    if n_periods == 0:
        raise FieldError("periods", "at least one period", 0)
    fixed = checked_column("order_cost", order_cost, n_periods, most=1e12)
    hold = checked_column("holding_cost", holding_cost, n_periods, most=1e12)
    penalty = checked_column("shortage_cost", shortage_cost, n_periods, most=1e12)
    price = checked_column("unit_cost", unit_cost, n_periods, most=1e12)
    end_hold = 0.0 if end_holding_cost is None else float(_number("end_holding_cost", end_holding_cost))
    end_penalty = 0.0 if end_shortage_cost is None else float(_number("end_shortage_cost", end_shortage_cost))
    if not 0.0 < discount <= 1.0:
        raise FieldError("discount", "above 0 and at most 1", discount)
    opening = int(checked_units("opening_units", opening_units, 1, least=-MOST_GRID, most=MOST_GRID)[0])
    late = fixed[1:] * discount > fixed[:-1] * (1.0 + 1e-12)
    if late.any():
        at = int(late.argmax())
        raise FieldError(
            "order_cost", f"at least that of the next period, discounted, in period {at}", float(fixed[at])
        )
    most = np.diff(periods.first) - 1  # largest demand of each period
    ahead = np.append(np.cumsum(most[::-1])[::-1], 0)
    top = max(opening, int(ahead[0]))
    if top + int(ahead[0]) - min(opening, 0) > MOST_GRID:
        raise FieldError("periods", f"a season of at most {MOST_GRID:,} units of demand", int(ahead[0]))
    never = opening - int(ahead[0]) - 1
    reorder_point = np.full(n_periods, never, dtype=np.int64)
    order_up_to = np.zeros(n_periods, dtype=np.int64)
    lowest = opening - int(ahead[0])
    stock = np.arange(lowest, top + 1)
    value = np.where(stock > 0, end_hold * stock, -end_penalty * stock)
    for period in range(n_periods - 1, -1, -1):
        # value[j] is of stock `lowest + j` after the period; before it, stock is at least `lowest + most` of the period
        lowest += int(most[period])
        stock = np.arange(lowest, top + 1)
        pmf = periods.row(period)
        after = np.convolve(value, pmf, mode="valid")
        if period_cost is None:
            now = _holding_and_shortage(stock, pmf, hold[period], penalty[period])
        else:
            now = np.asarray(period_cost(period, stock), dtype=np.float64)
            if now.shape != stock.shape or not np.isfinite(now).all():
                raise FieldError("period_cost", f"a finite cost for each of {stock.size} levels", f"shape {now.shape}")
        total = price[period] * stock + now + discount * after
        best = int(np.argmin(total))
        # the least cost of a higher level, for stock short of it
        higher = np.append(np.minimum.accumulate(total[::-1])[::-1][1:], math.inf)
        orders = fixed[period] + higher < total - _SAME * np.abs(total)
        value = np.where(orders, fixed[period] + higher, total) - price[period] * stock
        order_up_to[period] = stock[best]
        if orders.any():
            reorder_point[period] = stock[int(np.flatnonzero(orders)[-1])]
    return SeasonPolicy(
        reorder_point_units=reorder_point,
        order_up_to_units=order_up_to,
        cost=float(value[opening - lowest]),
        never_units=never,
    )


def cost_of_season(
    periods: DemandTable,
    reorder_point_units: ArrayLike,
    order_up_to_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    unit_cost: ArrayLike = 0.0,
    *,
    end_holding_cost: float = 0.0,
    end_shortage_cost: float = 0.0,
    discount: float = 1.0,
    opening_units: int = 0,
) -> float:
    """Expected cost of given (s, S), by carrying the distribution of stock forward: the check beside `solve_season`.

    Parameters
    ----------
    reorder_point_units, order_up_to_units : int, shape (n_periods,) or one number
    periods, order_cost, holding_cost, shortage_cost, unit_cost
        As in `solve_season`.
    end_holding_cost, end_shortage_cost, discount, opening_units
        As in `solve_season`.

    Returns
    -------
    float
    """
    n_periods = periods.n_items
    low = checked_units("reorder_point_units", reorder_point_units, n_periods, least=-(10**9))
    high = checked_units("order_up_to_units", order_up_to_units, n_periods, least=-(10**9))
    fixed, hold, penalty, price = (
        checked_column(field, given, n_periods)
        for field, given in (
            ("order_cost", order_cost),
            ("holding_cost", holding_cost),
            ("shortage_cost", shortage_cost),
            ("unit_cost", unit_cost),
        )
    )
    chance = {int(opening_units): 1.0}
    terms: list[float] = []
    weight = 1.0
    for period in range(n_periods):
        following: dict[int, float] = {}
        for stock, share in chance.items():
            position = stock
            if stock <= low[period]:
                position = int(high[period])
                terms.append(weight * share * (fixed[period] + price[period] * (position - stock)))
            for units, likely in enumerate(periods.row(period).tolist()):
                left = position - units
                terms.append(weight * share * likely * (hold[period] * max(left, 0) + penalty[period] * max(-left, 0)))
                following[left] = following.get(left, 0.0) + share * likely
        chance = following
        weight *= discount
    for stock, share in chance.items():
        terms.append(weight * share * (end_holding_cost * max(stock, 0) + end_shortage_cost * max(-stock, 0)))
    return math.fsum(terms)


def normal_periods(mean_units: ArrayLike, sd_units: ArrayLike, n_periods: int, *, tail: float = 1e-12) -> DemandTable:
    """Normal demand of each period on whole units: each unit gets the probability within half a unit of it.

    Parameters
    ----------
    mean_units, sd_units : float, shape (n_periods,) or one number
        > 0; what lies below half a unit counts as no demand.
    n_periods : int
    tail : float
        Probability cut off at the top.

    Returns
    -------
    DemandTable
        One row for each period.
    """
    from scipy.special import ndtr, ndtri

    if not 1 <= n_periods <= 100_000:
        raise FieldError("n_periods", "from 1 to 100,000", n_periods)
    mean = checked_column("mean_units", mean_units, n_periods, most=1e6, open_ends=True)
    spread = checked_column("sd_units", sd_units, n_periods, most=1e6, open_ends=True)
    checked_column("tail", tail, 1, most=0.01, open_ends=True)
    rows = []
    for mu, sigma in zip(mean.tolist(), spread.tolist(), strict=True):
        most = max(1, math.ceil(mu - sigma * float(ndtri(tail))))
        within = ndtr((np.arange(most + 1) + 0.5 - mu) / sigma)
        row = np.diff(within, prepend=0.0)
        rows.append(row / row.sum())
    return ragged(rows, omitted_share=tail)


def normal_period_cost(
    mean_units: float, sd_units: float, holding_cost: float, shortage_cost: float
) -> Callable[[int, Units], Floats]:
    """Expected holding and shortage of a period of normal demand, not rounded to units; for `solve_season`.

    Parameters
    ----------
    mean_units, sd_units, holding_cost, shortage_cost : float
        The same in every period.

    Returns
    -------
    callable
    """

    def cost(period: int, stock: Units) -> Floats:
        from scipy.special import ndtr

        score = (stock - mean_units) / sd_units
        density = np.exp(-0.5 * score * score) / math.sqrt(2.0 * math.pi)
        owed = sd_units * (density - score * ndtr(-score))
        return np.asarray(holding_cost * (stock - mean_units + owed) + shortage_cost * owed)

    return cost


def _holding_and_shortage(stock: Units, pmf: Floats, hold: float, penalty: float) -> Floats:
    """Expected holding and shortage from each stock level, float64, shape of `stock`."""
    units = np.arange(pmf.size)
    mean = float(units @ pmf)
    # E[(x - D)+] rises by P(D <= x) from x to x + 1
    within = np.cumsum(pmf)
    left = np.zeros(stock.size)
    above = stock > 0
    reach = np.concatenate([[0.0], np.cumsum(within)])
    at = np.minimum(stock[above], pmf.size)
    left[above] = reach[at] + (stock[above] - at)
    return np.asarray(hold * left + penalty * (left - stock + mean))


def _number(field: str, value: float) -> float:
    return float(checked_column(field, value, 1, least=-1e12, most=1e12)[0])
