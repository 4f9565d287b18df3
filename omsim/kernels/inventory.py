"""Ordering policies of many items at once: exact searches for (s, S), (r, Q) and base stock, and their measures.

Owns the loops behind the least-cost policies of `omsim.optimize`; searches for a service target are
`omsim.kernels.inventory_targets`'s. Demand comes as the ragged tables of `omsim.kernels.distributions`. Inputs are
checked by the callers; the kernels trust them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled
from omsim.kernels.distributions import loss_at, loss_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]


@compiled
def dot(left: Floats, right: Floats) -> float:
    """Sum of products of two rows of one length, in four running sums.

    Four sums do not wait for one another, which is what makes it fast; the order of additions is part of the code, so
    the result is the same on every machine.
    """
    n = left.size
    whole = n - n % 4
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for k in range(0, whole, 4):
        first += left[k] * right[k]
        second += left[k + 1] * right[k + 1]
        third += left[k + 2] * right[k + 2]
        fourth += left[k + 3] * right[k + 3]
    for k in range(whole, n):
        first += left[k] * right[k]
    return float((first + second) + (third + fourth))


@compiled
def renewal_terms(own: Floats, n_terms: int) -> Floats:
    """Expected visits to 0, 1, ..., n_terms - 1 units of demand since the last order (renewal density).

    ``m(0) = 1 / (1 - p0)``, ``m(j) = sum_{k=1..j} p_k m(j - k) / (1 - p0)``; needs ``p0 < 1``.
    """
    least = 1
    while own[least] <= 0.0:
        least += 1
    most = own.size - 1
    backwards = own[::-1].copy()  # so that both rows of a sum run forwards
    visits = np.zeros(n_terms)
    often = 1.0 / (1.0 - own[0])
    visits[0] = often
    for j in range(least, n_terms):
        reach = min(j, most)
        visits[j] = often * dot(visits[j - reach : j - least + 1], backwards[most - reach : most - least + 1])
    return visits


@compiled
def renewal_rows(pmf: Floats, first: Units, drop_first: Units, drop: Floats) -> None:
    """Write each item's stationary units below the top, just after ordering, under an (s, S) policy.

    The row length of `drop_first` is the spread S - s; items without demand rest at the top.
    """
    for i in range(first.size - 1):
        own = pmf[first[i] : first[i + 1]]
        out = drop[drop_first[i] : drop_first[i + 1]]
        if own[0] >= 1.0:
            out[0] = 1.0
        else:
            visits = renewal_terms(own, out.size)
            total = visits.sum()
            for j in range(out.size):
                out[j] = visits[j] / total


@compiled
def levels_downwards(highest: int, n_levels: int, hold: float, penalty: float, loss: Floats) -> Floats:
    """Holding and shortage cost of ending a period's demand from levels ``highest, highest - 1, ...``."""
    cost = np.empty(n_levels)
    for j in range(n_levels):
        cost[j] = hold * (highest - j - loss[0]) + (hold + penalty) * loss_at(loss, highest - j)
    return cost


@compiled
def search_min_max(
    period_pmf: Floats,
    period_first: Units,
    after_pmf: Floats,
    after_first: Units,
    fixed: Floats,
    hold: Floats,
    penalty: Floats,
    most_spread: int,
) -> tuple[Units, Units, Floats]:
    """Cost-optimal (s, S) of every item by the exact search of Zheng & Federgruen (1991).

    Parameters
    ----------
    period_pmf, period_first
        Demand of one period.
    after_pmf, after_first
        Demand until the next order can be used: lead time + 1 periods.
    fixed, hold, penalty : float64, shape (n_items,)
        Cost of an order; of a unit held, and of a unit owed, at a period's end. hold, penalty > 0.
    most_spread : int
        Give up on an item (cost is NaN) rather than search beyond S - s of this.

    Returns
    -------
    reorder_point, order_up_to : int64, shape (n_items,)
        Order when the position is at or below the reorder point.
    cost : float64, shape (n_items,)
        Per period; NaN where the search gave up.
    """
    n_items = period_first.size - 1
    reorder_point = np.full(n_items, -1, dtype=np.int64)
    order_up_to = np.zeros(n_items, dtype=np.int64)
    cost = np.zeros(n_items)
    for i in range(n_items):
        own = period_pmf[period_first[i] : period_first[i + 1]]
        loss = loss_of(after_pmf[after_first[i] : after_first[i + 1]])
        mean = loss[0]
        h, p = hold[i], penalty[i]
        best = 0  # the level of least cost within one period
        while loss_at(loss, best) - loss_at(loss, best + 1) > h / (h + p):
            best += 1
        if own[0] >= 1.0:  # nothing is ever sold: one order, or none, and rest
            reorder_point[i], order_up_to[i] = best - 1, best
            cost[i] = h * (best - mean) + (h + p) * loss_at(loss, best)
            continue
        n_terms = 16
        visits = renewal_terms(own, n_terms)
        below = np.cumsum(visits)
        # costs of the levels best + n_terms, ..., best - n_terms - 1: all that a spread up to n_terms can reach
        costs = levels_downwards(best + n_terms, 2 * n_terms + 2, h, p, loss)
        low, top = best, best
        so_far = np.inf
        spent = fixed[i]  # of a cycle; it lasts as many periods as visits are made
        while True:  # widen downwards until ordering at `low` is right
            low -= 1
            if top - low > n_terms:
                n_terms *= 2
                if n_terms > 2 * most_spread:
                    break
                visits = renewal_terms(own, n_terms)
                below = np.cumsum(visits)
                costs = levels_downwards(best + n_terms, 2 * n_terms + 2, h, p, loss)
            spent += visits[top - low - 1] * costs[best + n_terms - (low + 1)]
            so_far = spent / below[top - low - 1]
            if so_far <= costs[best + n_terms - low]:
                break
        trial = top + 1
        while n_terms <= 2 * most_spread and h * (trial - mean) + (h + p) * loss_at(loss, trial) <= so_far:
            if trial - low > n_terms:
                n_terms *= 2
                visits = renewal_terms(own, n_terms)
                below = np.cumsum(visits)
                costs = levels_downwards(best + n_terms, 2 * n_terms + 2, h, p, loss)
            highest = best + n_terms  # level of the first of `costs`
            spread = trial - low
            spent = fixed[i] + dot(visits[:spread], costs[highest - trial : highest - low])
            if spent / below[spread - 1] < so_far:
                top = trial
                so_far = spent / below[spread - 1]
                while low + 1 < top and so_far <= costs[highest - (low + 1)]:  # one level less is cheaper now
                    low += 1
                    spread = top - low
                    spent -= visits[spread] * costs[highest - low]
                    so_far = spent / below[spread - 1]
            trial += 1
        reorder_point[i], order_up_to[i] = low, top
        cost[i] = so_far if n_terms <= 2 * most_spread else np.nan
    return reorder_point, order_up_to, cost


@compiled
def search_order_quantity(
    period_pmf: Floats,
    period_first: Units,
    after_pmf: Floats,
    after_first: Units,
    fixed: Floats,
    hold: Floats,
    penalty: Floats,
    most_units: int,
) -> tuple[Units, Units, Floats]:
    """Cost-optimal (r, nQ) of every item, by widening the window of cheapest levels one unit at a time.

    The cheapest Q levels are neighbours and nest as Q grows (Federgruen & Zheng 1992). An order costs `fixed`
    whatever its size and is placed in a share E[min(demand, Q)] / Q of the reviews, so cost need not be unimodal in
    Q (Zheng & Chen 1992): the window widens until its mean holding and shortage cost alone exceeds the best total.
    Gives up (cost is NaN) beyond an order quantity of `most_units`.
    """
    n_items = after_first.size - 1
    reorder_point = np.zeros(n_items, dtype=np.int64)
    quantity = np.ones(n_items, dtype=np.int64)
    cost = np.zeros(n_items)
    for i in range(n_items):
        period_loss = loss_of(period_pmf[period_first[i] : period_first[i + 1]])
        loss = loss_of(after_pmf[after_first[i] : after_first[i + 1]])
        mean = loss[0]
        h, p = hold[i], penalty[i]
        best = 0
        while loss_at(loss, best) - loss_at(loss, best + 1) > h / (h + p):
            best += 1
        low, high = best - 1, best + 1  # the two candidates beside the window low + 1 .. high - 1
        window = h * (best - mean) + (h + p) * loss_at(loss, best)
        least = np.inf
        units = 1
        while window < least * units and units <= most_units:
            ordering = fixed[i] * (period_loss[0] - loss_at(period_loss, units))
            if (ordering + window) / units < least:
                least = (ordering + window) / units
                reorder_point[i], quantity[i] = low, units
            cost_low = h * (low - mean) + (h + p) * loss_at(loss, low)
            cost_high = h * (high - mean) + (h + p) * loss_at(loss, high)
            if cost_low <= cost_high:
                window += cost_low
                low -= 1
            else:
                window += cost_high
                high += 1
            units += 1
        cost[i] = least if units <= most_units else np.nan
    return reorder_point, quantity, cost


@compiled
def short_above(loss_before: Floats, loss_after: Floats, level: int) -> float:
    """Units newly short in a cycle that starts at `level`: owed after it less owed before it."""
    return loss_at(loss_after, level) - loss_at(loss_before, level)


@compiled
def measure_tops(
    top: Units,
    drop: Floats,
    drop_first: Units,
    before_pmf: Floats,
    before_first: Units,
    after_pmf: Floats,
    after_first: Units,
) -> tuple[Floats, Floats, Floats]:
    """Expected on hand, backordered (both after `after`) and newly short units of each item's policy."""
    n_items = top.size
    on_hand = np.zeros(n_items)
    backordered = np.zeros(n_items)
    short = np.zeros(n_items)
    for i in range(n_items):
        loss_before = loss_of(before_pmf[before_first[i] : before_first[i + 1]])
        loss_after = loss_of(after_pmf[after_first[i] : after_first[i + 1]])
        mean = loss_after[0]
        for j in range(drop_first[i + 1] - drop_first[i]):
            share = drop[drop_first[i] + j]
            level = top[i] - j
            owed = loss_at(loss_after, level)
            backordered[i] += share * owed
            on_hand[i] += share * (level - mean + owed)
            short[i] += share * short_above(loss_before, loss_after, level)
    return on_hand, backordered, short


@compiled
def search_unit_penalty(
    before_pmf: Floats,
    before_first: Units,
    after_pmf: Floats,
    after_first: Units,
    hold: Floats,
    penalty: Floats,
) -> tuple[Units, Floats]:
    """Base stock of least ``hold * on hand + penalty * newly short units``, by looking at every level.

    The cost need not be unimodal in the level, so all levels up to the last demand point are compared.
    """
    n_items = after_first.size - 1
    levels = np.zeros(n_items, dtype=np.int64)
    cost = np.zeros(n_items)
    for i in range(n_items):
        loss_before = loss_of(before_pmf[before_first[i] : before_first[i + 1]])
        loss_after = loss_of(after_pmf[after_first[i] : after_first[i + 1]])
        least = np.inf
        for level in range(loss_after.size):
            on_hand = level - loss_after[0] + loss_after[level]
            spent = hold[i] * on_hand + penalty[i] * short_above(loss_before, loss_after, level)
            if spent < least:
                least = spent
                levels[i] = level
        cost[i] = least
    return levels, cost
