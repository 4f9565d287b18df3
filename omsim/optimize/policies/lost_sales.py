"""Lost sales under periodic review, one item at a time and exactly: the optimum and the policies of the literature.

Owns exact costs by value iteration over stock on hand and all orders on the way, which grows fast with the lead time;
whole tables are `lost_sales_tables`'s, unit-by-unit review has a closed form in `lost_base_stock`. Each period an order
placed `lead_periods` periods ago arrives, a new one is placed, demand comes, and what it finds no stock for is lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.errors import FieldError, SolveError
from omsim.kernels.lost_sales import iterate_optimal, iterate_policy, look_ahead, units_on_the_way

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

MOST_STATES = 20_000_000
MOST_SWEEPS = 20_000
TOLERANCE = 1e-7
"""Relative to the cost of never ordering."""


@dataclass(frozen=True, kw_only=True)
class LostSalesItem:
    """An item reviewed every period whose shortage is lost.

    Attributes
    ----------
    pmf : float64
        Probabilities of 0, 1, 2, ... units a period: a row of a `DemandTable`.
    lead_periods : int
        Periods from order to arrival, >= 1.
    holding_cost : float
        Of a unit left at the end of a period, > 0.
    penalty_cost : float
        Of a unit lost, > 0: the margin forgone, and goodwill. The purchase price need not be known.

    Raises
    ------
    FieldError
        A distribution that is not one, a cost out of range, a lead time below 1.
    """

    pmf: Floats
    lead_periods: int
    holding_cost: float
    penalty_cost: float

    def __post_init__(self) -> None:
        pmf = np.atleast_1d(np.asarray(self.pmf, dtype=np.float64))
        if pmf.ndim != 1 or not (pmf >= 0).all() or abs(float(pmf.sum()) - 1.0) > 1e-6:
            raise FieldError("pmf", "probabilities that sum to 1", float(np.sum(self.pmf)))
        object.__setattr__(self, "pmf", pmf / pmf.sum())
        checked_column("holding_cost", self.holding_cost, 1, most=1e12, open_ends=True)
        checked_column("penalty_cost", self.penalty_cost, 1, most=1e12, open_ends=True)
        checked_units("lead_periods", self.lead_periods, 1, least=1, most=50)
        if self.pmf[0] == 1.0:
            raise FieldError("pmf", "a distribution of some demand", "none")

    @cached_property
    def levels_units(self) -> Units:
        """Newsvendor levels of lead_periods + 1, ..., 2, 1 periods of demand, int64, shape (lead_periods + 1,).

        An optimal policy never lifts stock and all orders on the way above the first, nor orders more than the last.
        """
        share = self.penalty_cost / (self.penalty_cost + self.holding_cost)
        levels = []
        total = np.ones(1)
        for _ in range(self.lead_periods + 1):
            total = np.convolve(total, self.pmf)
            levels.append(int(np.searchsorted(np.cumsum(total), share * (1.0 - 1e-12))))
        return np.array(levels[::-1], dtype=np.int64)

    @cached_property
    def tail(self) -> Floats:
        """P(demand >= n) for n = 0, 1, ..., float64."""
        return np.ascontiguousarray(np.append(np.cumsum(self.pmf[::-1])[::-1], 0.0))

    def period_cost(self, top: int) -> Floats:
        """Expected cost of a period that begins with 0 .. top units on hand, float64, shape (top + 1,)."""
        stock = np.arange(top + 1)[:, None]
        units = np.arange(self.pmf.size)
        left = np.maximum(stock - units, 0) @ self.pmf
        lost = np.maximum(units - stock, 0) @ self.pmf
        return np.asarray(self.holding_cost * left + self.penalty_cost * lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class LostSalesPolicy:
    """What to order in every state, and what it costs.

    Attributes
    ----------
    order_units : int64, shape (top + 1, n_pipes)
        By stock on hand and by orders on the way, written as digits in base `n_orders`, next to arrive first; -1 where
        the total would exceed top. `order` looks it up.
    n_orders : int
        Orders are 0 .. n_orders - 1.
    cost : float
        Long-run average a period, never below the true value.
    bound : float
        Never above the true value; for the optimal policy never above any policy's.
    n_states : int
        States of at most top units in all.
    """

    order_units: Units
    n_orders: int
    cost: float
    bound: float
    n_states: int

    def order(self, on_hand_units: int, on_the_way_units: ArrayLike = ()) -> int:
        """Units to order with so many on hand (arrivals included) and on the way, next to arrive first."""
        pipe = 0
        for units in np.atleast_1d(np.asarray(on_the_way_units, dtype=np.int64)).tolist():
            pipe = pipe * self.n_orders + units
        return int(self.order_units[on_hand_units, pipe])


def solve_lost_sales(item: LostSalesItem) -> LostSalesPolicy:
    """The policy of least average cost.

    Data       d  demand of a period;  h, p  holding and penalty cost;  L  lead_periods
    Variables  z(x) >= 0, what to order with x[0] on hand and x[1] .. x[L-1] on the way
    Model      min  long-run average of  h (x[0] - d)+ + p (d - x[0])+
               next state: ((x[0] - d)+ + x[1], x[2], ..., x[L-1], z)

    Parameters
    ----------
    item : LostSalesItem

    Returns
    -------
    LostSalesPolicy
        `cost` and `bound` are bounds from the last sweep, a ten-millionth of the cost of never ordering apart.

    Raises
    ------
    SolveError
        More than 20 million table entries: the lead time is too long for exact work.

    Notes
    -----
    A sweep takes O(states * orders * units of demand). With Poisson demand of 5 a lead time of 4 takes a tenth of a
    second, 5 about a hundred times as long.

    References
    ----------
    Zipkin (2008), old and new methods for lost-sales inventory systems; Morton (1969), bounds on the solution of the
    lagged optimal inventory equation with no demand backlogging and proportional costs.

    Examples
    --------
    >>> from omsim.demand.lead_time import Periods, poisson_demand
    >>> day = poisson_demand([5.0], Periods.fixed(1)).row(0)
    >>> best = solve_lost_sales(LostSalesItem(pmf=day, lead_periods=2, holding_cost=1, penalty_cost=4))
    >>> round(best.cost, 2), best.n_states, best.order(4, [5])
    (4.4, 124, 5)
    """
    n_orders, top = int(item.levels_units[-1]) + 1, int(item.levels_units[0])
    n_pipes = _pipes(item, n_orders, top)
    order, low, high = iterate_optimal(
        item.pmf, item.tail, item.period_cost(top), n_orders, n_pipes, _tolerance(item), MOST_SWEEPS
    )
    _check_settled(low, high, item)
    return LostSalesPolicy(order_units=order, n_orders=n_orders, cost=high, bound=low, n_states=int((order >= 0).sum()))


def policy_of_orders(item: LostSalesItem, order_units: ArrayLike, n_orders: int) -> LostSalesPolicy:
    """Exact average cost of any table of orders.

    Parameters
    ----------
    item : LostSalesItem
    order_units : int64, shape (top + 1, n_orders ** (lead_periods - 1))
        As in `LostSalesPolicy`; orders that would lift the total above top are cut to it.
    n_orders : int
        >= 1.

    Returns
    -------
    LostSalesPolicy
    """
    table = np.array(order_units, dtype=np.int64)
    top = table.shape[0] - 1
    n_pipes = _pipes(item, n_orders, top)
    if table.ndim != 2 or table.shape[1] != n_pipes:
        raise FieldError("order_units", f"of {n_pipes} columns", f"shape {table.shape}")
    room = top - np.arange(top + 1)[:, None] - units_on_the_way(n_orders, n_pipes)
    table = np.where(room >= 0, np.clip(table, 0, np.minimum(room, n_orders - 1)), -1)
    cost = item.period_cost(top)
    low, high = iterate_policy(table, item.pmf, item.tail, cost, n_orders, _tolerance(item), MOST_SWEEPS)
    _check_settled(low, high, item)
    return LostSalesPolicy(order_units=table, n_orders=n_orders, cost=high, bound=low, n_states=int((table >= 0).sum()))


def myopic_policy(item: LostSalesItem, *, periods: int = 1) -> LostSalesPolicy:
    """Order what makes the period it arrives in cheapest, or the two periods from then on.

    Parameters
    ----------
    item : LostSalesItem
    periods : int
        1 (Morton 1971), or 2: the cost of the period after with its own myopic order is looked at as well.

    Returns
    -------
    LostSalesPolicy
    """
    if periods not in (1, 2):
        raise FieldError("periods", "1 or 2", periods)
    n_orders, top = int(item.levels_units[-1]) + 1, int(item.levels_units[0])
    n_pipes = _pipes(item, n_orders, top)
    ahead = np.repeat(item.period_cost(top)[:, None], n_pipes, axis=1)
    on_arrival = np.empty(0)
    for _ in range(item.lead_periods):
        # until the last step the order at hand does not count, so any stands for all
        on_arrival = look_ahead(ahead, item.pmf, item.tail, n_orders, top)
        ahead = np.ascontiguousarray(on_arrival[:, :, 0])
    if periods == 2:
        after = on_arrival.min(axis=2)
        after[~np.isfinite(after)] = 0.0  # states not used
        on_arrival = on_arrival + look_ahead(after, item.pmf, item.tail, n_orders, top)
    return policy_of_orders(item, on_arrival.argmin(axis=2), n_orders)


def base_stock_policy(item: LostSalesItem, level_units: int, *, cap_units: int | None = None) -> LostSalesPolicy:
    """Order up to a level, at most so many at a time.

    Parameters
    ----------
    item : LostSalesItem
    level_units : int
        Stock on hand and all orders on the way are lifted to it.
    cap_units : int, optional
        Most units of an order (Xin 2021); no limit unless given.

    Returns
    -------
    LostSalesPolicy
    """
    level = int(checked_units("level_units", level_units, 1, least=0, most=10**6)[0])
    cap = level if cap_units is None else int(checked_units("cap_units", cap_units, 1, least=0, most=10**6)[0])
    n_orders = min(cap, level) + 1
    n_pipes = _pipes(item, n_orders, level)
    total = np.arange(level + 1)[:, None] + units_on_the_way(n_orders, n_pipes)
    return policy_of_orders(item, np.clip(level - total, 0, cap), n_orders)


def vector_base_stock_policy(item: LostSalesItem, levels_units: ArrayLike | None = None) -> LostSalesPolicy:
    """Order what lifts none of the partial totals of orders above its level.

    Parameters
    ----------
    item : LostSalesItem
    levels_units : int, shape (lead_periods + 1,), optional
        For stock on hand and everything on the way; for all but stock on hand; ...; for the order itself. The
        newsvendor levels (`LostSalesItem.levels_units`) unless given.

    Returns
    -------
    LostSalesPolicy
    """
    n_levels = item.lead_periods + 1
    levels = checked_units("levels_units", item.levels_units if levels_units is None else levels_units, n_levels)
    n_orders, top = int(levels[-1]) + 1, int(levels[0])
    n_pipes = _pipes(item, n_orders, top)
    partial = np.zeros(n_pipes, dtype=np.int64)  # from the latest order back to the next arrival
    rest = np.arange(n_pipes)
    allowed = np.full(n_pipes, levels[-1])
    for level in levels[-2:0:-1]:
        partial += rest % n_orders
        rest //= n_orders
        allowed = np.minimum(allowed, np.maximum(level - partial, 0))
    order = np.minimum(allowed, np.maximum(top - np.arange(top + 1)[:, None] - partial, 0))
    return policy_of_orders(item, order, n_orders)


def best_base_stock(item: LostSalesItem, *, capped: bool = False) -> tuple[int, int, LostSalesPolicy]:
    """The order-up-to level of least cost, alone or with the best cap on an order.

    Parameters
    ----------
    item : LostSalesItem
    capped : bool
        Search the cap as well.

    Returns
    -------
    level_units, cap_units : int
        The cap equals the level where there is none.
    policy : LostSalesPolicy

    Notes
    -----
    Without a cap the cost is convex in the level (Janakiraman & Roundy 2004), so the search ends at the first rise.
    With one every cap up to the newsvendor level of a period is searched from the level found for the cap before.
    """
    level, best = _descend(item, int(item.levels_units[0]), None)
    cap = level
    if capped:
        start = level
        for trial_cap in range(int(item.levels_units[-1]), 0, -1):
            start, trial = _descend(item, start, trial_cap)
            if trial.cost < best.cost:
                level, cap, best = start, trial_cap, trial
            elif trial.bound > 1.5 * best.cost:
                break
    return level, cap, best


def best_constant_order(item: LostSalesItem) -> tuple[int, float]:
    """The whole order of least cost if every period orders the same, and its average cost.

    Parameters
    ----------
    item : LostSalesItem

    Returns
    -------
    order_units : int
        Below mean demand, else stock would grow without end.
    cost : float

    Notes
    -----
    Stock left follows a random walk held at 0; all demand above the order is lost, so the cost is
    ``h E[left] + p (mean - order)``. It does not depend on the lead time.
    """
    mean = float(np.arange(item.pmf.size) @ item.pmf)
    best = 0, item.penalty_cost * mean
    for units in range(1, int(np.ceil(mean - 1e-12))):
        cost = item.holding_cost * _walk_mean(item.pmf, units) + item.penalty_cost * (mean - units)
        if cost < best[1]:
            best = (units, cost)
    return best


def _walk_mean(pmf: Floats, units: int) -> float:
    """Mean of the walk (left + units - demand)+ in the long run, by repeated steps on a table that grows as needed."""
    left = np.ones(1)
    mean = 0.0
    for step in range(1, 200_000):
        moved = np.convolve(left, pmf[::-1])  # position 0 stands for a drop by all but `units` of the largest demand
        zero = pmf.size - 1 - units
        if zero >= 0:
            new = moved[zero:].copy()
            new[0] += moved[:zero].sum()
        else:
            new = np.concatenate([np.zeros(-zero), moved])
        keep = int(np.searchsorted(np.cumsum(new[::-1]), 1e-13))
        left = new[: new.size - keep]
        left /= left.sum()
        now = float(np.arange(left.size) @ left)
        if step % 50 == 0:
            if abs(now - mean) <= 1e-10 * max(1.0, now):
                return now
            mean = now
    raise SolveError("constant order", "not settled", "200,000 periods")


def _descend(item: LostSalesItem, start: int, cap: int | None) -> tuple[int, LostSalesPolicy]:
    """The level of least cost, from `start` downhill."""
    level, best = start, base_stock_policy(item, start, cap_units=cap)
    for step in (-1, 1):
        while level + step >= 0:
            trial = base_stock_policy(item, level + step, cap_units=cap)
            if trial.cost >= best.cost:
                break
            level, best = level + step, trial
    return level, best


def _pipes(item: LostSalesItem, n_orders: int, top: int) -> int:
    """Columns of the tables; refuses what would not fit."""
    if n_orders < 1:
        raise FieldError("n_orders", ">= 1", n_orders)
    if (top + 1.0) * float(n_orders) ** item.lead_periods > 10 * MOST_STATES:
        raise SolveError("lost sales", f"a lead time of {item.lead_periods} periods too long", f"{MOST_STATES} states")
    n_pipes: int = n_orders ** (item.lead_periods - 1)
    return n_pipes


def _tolerance(item: LostSalesItem) -> float:
    return TOLERANCE * item.penalty_cost * float(np.arange(item.pmf.size) @ item.pmf)


def _check_settled(low: float, high: float, item: LostSalesItem) -> None:
    if not high - low <= 10 * _tolerance(item):
        raise SolveError("lost sales", "not settled", f"{MOST_SWEEPS} sweeps")
