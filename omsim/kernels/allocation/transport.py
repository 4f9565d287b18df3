"""What one more unit of a SKU at a site would save: exact dual prices of one transport problem for every SKU.

Owns the problem of one SKU - sites have stock, regions expect demand, each unit goes from a site to a region or is not
served - its optimum and its prices, for all SKUs in one call, under one demand or on average over several. What is then
done with the prices, as in the sourcing of Acimovic & Graves (2015), lives beside this file.

For one SKU, in whole cents and units::

    min  sum_rs c[r,s] x[r,s] + u y[r]
    s.t. sum_s x[r,s] + y[r] = D[r]    demand of a region: served or not
         sum_r x[r,s]       <= S[s]    stock of a site
         x, y >= 0

Method: every region starts with the cheapest site that offers it, as if stock were plenty; what a site has too much is
then sent on, each time along the cheapest chain of regions that move from one site to the next and end at a site with
stock left or unserved (successive shortest paths). The prices are the cheapest chains left at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import Flags, Ints, unit_cost_cents
from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable

_FAR = 1 << 60
_CLOSED = 1 << 61  # so far that even the move there is `_FAR`


class TransportPrices(NamedTuple):
    """Prices of the stock of every SKU at every site, and what the plan behind them costs.

    Attributes
    ----------
    more_cents, less_cents : int64, shape (n_sites, n_skus)
        What the first bit of one more unit would save, and what the first bit of one unit less would cost, in cents for
        a whole unit, >= 0: the smallest and the largest price an optimal dual solution can give that stock. Where there
        is no stock, `less_cents` says the same as `more_cents`.
    cost_cents : float64, shape (n_skus,)
        Of the optimum; exact up to the last division by `scale`.
    plan : int64, shape (n_skus, n_regions, n_sites), or (0, n_regions, n_sites)
        Units sent, times `scale`; what a row lacks of its demand is not served.
    demand : int64, shape (n_regions, n_skus)
        The demand that was planned for: expected units times `scale`, rounded.
    scale : int
        Parts of a unit that demand is counted in.
    """

    more_cents: Ints
    less_cents: Ints
    cost_cents: NDArray[np.float64]
    plan: Ints
    demand: Ints
    scale: int


def transport_prices(
    stock_units: Ints,
    demand_units: NDArray[np.float64] | Ints,
    unit_cents: Ints,
    unserved_cents: Ints,
    *,
    offered: Flags | None = None,
    kg_cents: Ints | None = None,
    weight_g: Ints | None = None,
    scale: int = 100,
    with_plan: bool = False,
) -> TransportPrices:
    """Prices of the stock of every SKU at every site, from the exact optimum of each SKU's transport problem.

    Parameters
    ----------
    stock_units : int64, shape (n_sites, n_skus)
        Units there are, >= 0.
    demand_units : float64 or int64, shape (n_regions, n_skus)
        Units expected until stock is replenished, >= 0; rounded to whole parts of 1 / `scale` unit.
    unit_cents : int64, shape (n_regions, n_sites)
        For one unit sent.
    unserved_cents : int64, shape (n_skus,)
        For one unit not served.
    offered : bool, shape (n_regions, n_sites), optional
        Sites that may serve a region; without, all.
    kg_cents : int64, shape (n_regions, n_sites), optional
        For each kilogram sent, on top; needs `weight_g`.
    weight_g : int64, shape (n_skus,), optional
    scale : int
        1 counts whole units; then `more_cents` is exactly what one whole unit more saves.
    with_plan : bool
        Keep the units sent.

    Returns
    -------
    TransportPrices

    Raises
    ------
    FieldError
        If the tables do not fit together, or hold negative or non-finite numbers.

    Notes
    -----
    A unit dearer to send than to leave unserved is never sent. O(n_sites^2 (n_regions + n_sites)) for each time a site
    hands units on, most SKUs taking none to a few dozen.
    """
    n_sites, n_skus = stock_units.shape
    n_regions = unit_cents.shape[0]
    if offered is None:
        offered = np.ones((n_regions, n_sites), dtype=np.bool_)
    if kg_cents is None or weight_g is None:
        if kg_cents is not None or weight_g is not None:
            raise FieldError("kg_cents", "given together with weight_g", "one of them alone")
        kg_cents, weight_g = np.zeros_like(unit_cents), np.zeros(n_skus, dtype=np.int64)
    for field, table, shape in (
        ("demand_units", demand_units, (n_regions, n_skus)),
        ("unit_cents", unit_cents, (n_regions, n_sites)),
        ("unserved_cents", unserved_cents, (n_skus,)),
        ("offered", offered, (n_regions, n_sites)),
        ("kg_cents", kg_cents, (n_regions, n_sites)),
        ("weight_g", weight_g, (n_skus,)),
        ("stock_units", stock_units, (n_sites, n_skus)),
    ):
        if table.shape != shape:
            raise FieldError(field, f"a table of shape {shape}", table.shape)
        wrong = ~np.isfinite(table) | (table < 0)
        if wrong.any():
            raise FieldError(field, "finite and at least 0 everywhere", table[wrong][0].item())
    if scale < 1:
        raise FieldError("scale", "at least 1", scale)
    demand = np.rint(np.asarray(demand_units, dtype=np.float64) * scale).astype(np.int64)
    plan = np.zeros((n_skus if with_plan else 0, n_regions, n_sites), dtype=np.int64)
    more, less, cost = _solve_all(
        np.ascontiguousarray((stock_units * scale).T),
        np.ascontiguousarray(demand.T),
        *(unit_cents, kg_cents, weight_g, unserved_cents, offered, plan),
    )
    return TransportPrices(
        np.ascontiguousarray(more.T), np.ascontiguousarray(less.T), cost / scale, plan, demand, scale
    )


def mean_transport_prices(
    stock_units: Ints,
    demand_draws: Iterable[Ints],
    unit_cents: Ints,
    unserved_cents: Ints,
    *,
    offered: Flags | None = None,
    kg_cents: Ints | None = None,
    weight_g: Ints | None = None,
) -> Ints:
    """Prices of the stock of every SKU at every site on average over demands that may come.

    The demand expected, taken for certain, prices what is left over at nothing and what is short by a unit at a whole
    customer; few SKUs sell enough for that. The mean over some ten draws says how likely a unit will be missed.

    Parameters
    ----------
    demand_draws : iterable of int64, shape (n_regions, n_skus)
        Whole units that may be asked for until stock is replenished, drawn one table after the other; at least one.
    stock_units, unit_cents, unserved_cents, offered, kg_cents, weight_g
        As in `transport_prices`.

    Returns
    -------
    int64, shape (n_sites, n_skus)
        The mean over the draws of the middle between what one more unit would save and one less would cost, rounded.

    Raises
    ------
    FieldError
        As `transport_prices`, or without a single draw.
    """
    twice = np.zeros(stock_units.shape, dtype=np.int64)
    n_draws = 0
    for demand_units in demand_draws:
        prices = transport_prices(
            *(stock_units, demand_units, unit_cents, unserved_cents),
            offered=offered,
            kg_cents=kg_cents,
            weight_g=weight_g,
            scale=1,
        )
        twice += prices.more_cents + prices.less_cents
        n_draws += 1
    if n_draws == 0:
        raise FieldError("demand_draws", "at least one table", 0)
    return (twice + n_draws) // (2 * n_draws)


@compiled
def _cheapest_moves(flow: Ints, cost: Ints, move: Ints, mover: Ints) -> None:
    """Least extra cents for a unit at column a to go to column b instead (`move`), and the region it is of (`mover`).

    The last column is to be unserved. `_FAR` where nobody can move.
    """
    n_regions, n_columns = cost.shape
    move[:] = _FAR
    for r in range(n_regions):
        for a in range(n_columns):
            if flow[r, a] > 0:
                now = cost[r, a]
                for b in range(n_columns):
                    if cost[r, b] - now < move[a, b]:
                        move[a, b] = cost[r, b] - now
                        mover[a, b] = r


@compiled
def _chains(move: Ints, way: Ints, came_from: Ints) -> None:
    """Shorten `way` (cents to each column) by chains of moves until none is cheaper (Bellman-Ford).

    The optimum so far leaves no chain that comes back cheaper than it started, so this ends.
    """
    n_columns = way.size
    changed = True
    while changed:
        changed = False
        for a in range(n_columns):
            if way[a] < _FAR:
                for b in range(n_columns):
                    if move[a, b] < _FAR and way[a] + move[a, b] < way[b]:
                        way[b] = way[a] + move[a, b]
                        came_from[b] = a
                        changed = True


@compiled
def _settle(stock: Ints, used: Ints, flow: Ints, cost: Ints, move: Ints, mover: Ints, way: Ints, came: Ints) -> None:
    """Send on what sites have too much, cheapest chains first, until every site's use is within its stock."""
    n_sites = stock.size
    for site in range(n_sites):
        while used[site] > stock[site]:
            _cheapest_moves(flow, cost, move, mover)
            way[:] = _FAR
            way[site] = 0
            came[:] = -1
            _chains(move, way, came)
            end = n_sites  # being unserved has room for all
            for b in range(n_sites):
                if used[b] < stock[b] and way[b] < way[end]:
                    end = b
            amount = used[site] - stock[site]
            if end < n_sites:
                amount = min(amount, stock[end] - used[end])
            b = end
            while b != site:
                a = came[b]
                amount = min(amount, flow[mover[a, b], a])
                b = a
            b = end
            while b != site:
                a = came[b]
                flow[mover[a, b], a] -= amount
                flow[mover[a, b], b] += amount
                b = a
            used[site] -= amount
            if end < n_sites:
                used[end] += amount


@compiled
def _solve_all(
    stock: Ints,
    demand: Ints,
    unit_cents: Ints,
    kg_cents: Ints,
    weight_g: Ints,
    unserved_cents: Ints,
    offered: Flags,
    plan: Ints,
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Prices (n_skus, n_sites) of one more and one less and the cost of every SKU; stock and demand by SKU first."""
    n_skus, n_sites = stock.shape
    n_regions = unit_cents.shape[0]
    more = np.zeros((n_skus, n_sites), dtype=np.int64)
    less = np.zeros((n_skus, n_sites), dtype=np.int64)
    total = np.zeros(n_skus, dtype=np.float64)
    columns = n_sites + 1
    cost = np.empty((n_regions, columns), dtype=np.int64)
    flow = np.empty((n_regions, columns), dtype=np.int64)
    used = np.empty(n_sites, dtype=np.int64)
    move = np.empty((columns, columns), dtype=np.int64)
    mover = np.zeros((columns, columns), dtype=np.int64)
    way = np.empty(columns, dtype=np.int64)
    came = np.empty(columns, dtype=np.int64)
    for k in range(n_skus):
        wanted = 0  # regions with demand come first, the others are left out
        used[:] = 0
        for r in range(n_regions):
            if demand[k, r] == 0:
                continue
            best = n_sites
            cost[wanted, n_sites] = unserved_cents[k]
            for s in range(n_sites):
                cents = _CLOSED
                if offered[r, s]:
                    cents = unit_cost_cents(unit_cents, kg_cents, r, s, weight_g[k])
                cost[wanted, s] = cents
                if cents < cost[wanted, best]:
                    best = s
            flow[wanted, :] = 0
            flow[wanted, best] = demand[k, r]
            if best < n_sites:
                used[best] += demand[k, r]
            wanted += 1
        if wanted == 0:
            continue
        _settle(stock[k], used, flow[:wanted], cost[:wanted], move, mover, way, came)
        _cheapest_moves(flow[:wanted], cost[:wanted], move, mover)
        way[:] = 0  # a unit more at s draws the chain that saves most, from wherever it starts
        _chains(move, way, came)
        more[k] = -way[:n_sites]
        for s in range(n_sites):
            if stock[k, s] == 0:
                less[k, s] = more[k, s]
            elif used[s] == stock[k, s]:
                way[:] = _FAR
                way[s] = 0
                _chains(move, way, came)
                least = way[n_sites]
                for b in range(n_sites):
                    if used[b] < stock[k, b]:
                        least = min(least, way[b])
                less[k, s] = least
        row = 0
        for r in range(n_regions):
            if demand[k, r] == 0:
                continue
            for s in range(columns):
                if flow[row, s] > 0:
                    total[k] += float(flow[row, s] * cost[row, s])
                if s < n_sites and plan.shape[0] > 0:
                    plan[k, r, s] = flow[row, s]
            row += 1
    return more, less, total
