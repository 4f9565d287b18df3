"""Branch and bound over which purchase orders are placed, for nights of few orders.

Owns the tree; what a node's prices are worth is asked of :mod:`omsim.optimize.reorder.night_search`, whose state it
improves.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.choice_pricing import EMPTY, INTERVAL, PLACED
from omsim.optimize.reorder.dual import best_prices
from omsim.optimize.reorder.night_search import FEW_ORDERS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.optimize.reorder.night_search import NightSearch
    from omsim.optimize.reorder.order_pricing import PricedOrders

    Units = NDArray[np.int64]
    Floats = NDArray[np.float64]

BRANCH_WORK = 2_000_000  # options x nodes
MOST_POOL = 80


def branch_orders(search: NightSearch, aim_gap: float) -> None:
    """Raise the bound of a night of few orders by deciding of some whether they are placed, and at which freight.

    A price alone leaves a gap of about an order's size: where the budget ends within an order, it is neither placed
    nor not. Each node fixes some orders as empty, as placed, or to a freight interval, and has prices of its own;
    the least bound of the open nodes bounds the night (branch and bound; Land & Doig 1960), and is raised first.
    Plans met on the way join the pool.
    """
    arrays = search.arrays
    if arrays.n_orders > FEW_ORDERS or not search.limits.size or not np.isfinite(search.bound) or search.plan is None:
        return
    empty = np.bincount(
        np.repeat(np.arange(arrays.n_orders), np.diff(arrays.order_first)),
        np.where(arrays.ordered[arrays.option_first[:-1]], np.inf, arrays.cost[arrays.option_first[:-1]]),
        arrays.n_orders,
    ).astype(np.float64)
    free = np.zeros(arrays.n_orders, dtype=np.int64)
    waiting = [(search.bound, 0, free, search.price)]
    n_nodes = 0
    most_nodes = int(np.clip(BRANCH_WORK // max(arrays.cost.size, 1), 8, 200))
    while waiting and n_nodes < most_nodes:
        bound, _, status, price = waiting[0]
        if bound >= search.cost * (1 - aim_gap * np.sign(search.cost)):
            break
        at, cases = _undecided(search, status, price, empty)
        if not cases:
            break
        heapq.heappop(waiting)
        for case in cases:
            child = status.copy()
            child[at] = case
            own_bound, own_price = _node(search, child, price)
            n_nodes += 1
            if own_bound < search.cost:
                heapq.heappush(waiting, (max(own_bound, bound), n_nodes, child, own_price))
        if n_nodes % 16 == 0:
            search.choose_from_pool()
    raised = min(waiting[0][0], search.cost) if waiting else search.cost
    search.bound = max(search.bound, raised)
    search.choose_from_pool()


def _undecided(search: NightSearch, status: Units, price: Floats, empty: Floats) -> tuple[int, list[int]]:
    """The order nearest to a tie between two cases, for its size, and its cases; none where all are decided."""
    arrays = search.arrays
    budget_price, storage_price = search.split(price)

    def bounds(of: Units) -> PricedOrders:
        return arrays.price(budget_price, storage_price, status=of)

    placed = bounds(np.where(status == 0, PLACED, status))
    paid = np.maximum(search.use_of(placed.used) @ price, 1e-9)
    free = (status == 0) & np.isfinite(empty) & np.isfinite(placed.bound)
    if free.any():
        distance = np.full(status.size, np.inf)
        distance[free] = np.abs(placed.bound - empty)[free] / paid[free]
        return int(distance.argmin()), [EMPTY, PLACED]
    n_intervals = np.diff(arrays.freight_first) + 1
    splits = ((status == PLACED) | ((status == 0) & ~np.isfinite(empty))) & (n_intervals > 1)
    if not splits.any():
        return -1, []
    by_interval = np.full((status.size, int(n_intervals.max())), np.inf)
    for k in range(by_interval.shape[1]):
        of = np.where(splits & (k < n_intervals), INTERVAL + k, status)
        has = of == INTERVAL + k
        by_interval[has, k] = bounds(of).bound[has]
    two = np.sort(by_interval[splits], axis=1)[:, :2]
    distance = np.full(status.size, np.inf)
    with np.errstate(invalid="ignore"):
        distance[splits] = np.where(np.isfinite(two[:, 1]), (two[:, 1] - two[:, 0]) / paid[splits], 1e300)
    at = int(distance.argmin())
    return at, [INTERVAL + k for k in range(int(n_intervals[at]))]


def _node(search: NightSearch, status: Units, start: Floats) -> tuple[float, Floats]:
    """Bound and prices of the night with some orders decided; a plan at these prices joins the pool."""
    best, best_price = -np.inf, start

    def evaluate(at: Floats) -> tuple[Floats, Floats]:
        nonlocal best, best_price
        budget_price, storage_price = search.split(at)
        priced = search.arrays.price(budget_price, storage_price, status=status)
        if not np.isfinite(priced.bound).all():  # an order cannot be as decided
            best = np.inf
            return np.array([np.inf]), np.zeros((1, at.size))
        value = search.dual(priced.bound, at)
        if value > best:
            best, best_price = value, at.copy()
        return np.array([value]), (search.use_of(priced.used).sum(axis=0) - search.limits)[None, :]

    scale = np.maximum(start, np.abs(search.arrays.cost).max(initial=1.0) / np.maximum(search.limits, 1.0))
    best_prices(
        evaluate,
        start,
        scale,
        reach=0.2,
        closest=1e-6 * abs(search.cost),
        most_tries=12 + 8 * search.limits.size,
        enough=search.cost,
    )
    if best < search.cost and len(search.pool) < MOST_POOL:
        budget_price, storage_price = search.split(best_price * 1.001)
        search.pool.append(search.arrays.price(budget_price, storage_price, plans=True, status=status).plan)
    return best, best_price
