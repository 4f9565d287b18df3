"""Smallest position that keeps what goes wrong within an allowance, for many items: searches for service targets.

Owns one search for every target. What goes wrong (a unit short, a shortage, units owed) falls as stock rises, and the
position just after ordering is a top less a random drop; so the smallest top whose mean is allowed lies between the
smallest level that is allowed by itself and that level plus the longest drop. Searches by cost are
`omsim.kernels.inventory`'s; inputs are checked by the callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled
from omsim.kernels.distributions import loss_of
from omsim.kernels.inventory import short_above

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

ROUNDING = 1e-12  # of a probability: a target met to within this counts as met


@compiled
def wrong_at(wrong: Floats, slope: float, level: int) -> float:
    """Read a falling function kept for levels -1, 0, 1, ...: linear below, nothing above."""
    if level < -1:
        return float(wrong[0] - slope * (level + 1))
    if level + 1 >= wrong.size:
        return 0.0
    return float(wrong[level + 1])


@compiled
def mean_wrong(own: Floats, even: bool, wrong: Floats, from_here: Floats, slope: float, top: int) -> float:
    """Mean of a falling function over the levels ``top - j``, each with probability ``own[j]``.

    `from_here` holds the sums of `wrong` from each place on, so that an even drop costs no loop.
    """
    low, high = top - own.size + 1, top  # levels that occur
    if even:
        first, last = max(low, -1) + 1, high + 2  # places in `wrong`, the end excluded
        total = 0.0
        if last > first:
            total += from_here[min(first, wrong.size)] - from_here[min(last, wrong.size)]
        if low < -1:
            nearest, farthest = max(0, -2 - high) + 1, -1 - low
            n_below = farthest - nearest + 1
            total += n_below * (wrong[0] + slope * 0.5 * (nearest + farthest))
        return float(total * own[0])
    total = 0.0
    for j in range(max(0, high + 2 - wrong.size), own.size):
        total += own[j] * wrong_at(wrong, slope, high - j)
    return total


@compiled
def smallest_top(own: Floats, wrong: Floats, slope: float, allowed: float) -> int:
    """Smallest top at which the mean of `wrong` over the positions below it is at most `allowed` (> 0)."""
    if wrong[0] <= allowed:  # only where it goes on falling linearly below
        alone = -1 - int(np.floor((allowed - wrong[0]) / slope))
    else:
        below, alone = 0, wrong.size  # places: too much at the first, none at the second
        while alone - below > 1:
            place = (below + alone) // 2
            if wrong[place] <= allowed:
                alone = place
            else:
                below = place
        alone -= 1
    if own.size == 1:
        return alone
    from_here = np.zeros(wrong.size + 1)
    even = own[0] == own[-1] and (own == own[0]).all()
    if even:
        for place in range(wrong.size - 1, -1, -1):
            from_here[place] = from_here[place + 1] + wrong[place]
    low, high = alone - 1, alone + own.size - 1
    while high - low > 1:
        top = (low + high) // 2
        if mean_wrong(own, even, wrong, from_here, slope, top) <= allowed:
            high = top
        else:
            low = top
    return high


@compiled
def search_top_for_fill(
    drop: Floats,
    drop_first: Units,
    before_pmf: Floats,
    before_first: Units,
    after_pmf: Floats,
    after_first: Units,
    fill_rate: Floats,
) -> Units:
    """Smallest top of the position that fills `fill_rate` of demand at once, for each item; 0 without demand.

    Units short in a cycle fall as the top rises, because demand after exceeds demand before stochastically.
    """
    n_items = after_first.size - 1
    tops = np.zeros(n_items, dtype=np.int64)
    for i in range(n_items):
        loss_before = loss_of(before_pmf[before_first[i] : before_first[i + 1]])
        loss_after = loss_of(after_pmf[after_first[i] : after_first[i + 1]])
        demand = loss_after[0] - loss_before[0]
        if demand <= 0.0:
            continue
        wrong = np.zeros(loss_after.size + 1)
        wrong[0] = demand
        for level in range(loss_after.size):
            wrong[level + 1] = short_above(loss_before, loss_after, level)
        allowed = (1.0 - fill_rate[i] + ROUNDING) * demand
        tops[i] = smallest_top(drop[drop_first[i] : drop_first[i + 1]], wrong, 0.0, allowed)
    return tops


@compiled
def search_top_for_share(drop: Floats, drop_first: Units, pmf: Floats, first: Units, share: Floats) -> Units:
    """Smallest top of the position that demand stays within with probability `share`, for each item."""
    n_items = first.size - 1
    tops = np.zeros(n_items, dtype=np.int64)
    for i in range(n_items):
        own = pmf[first[i] : first[i + 1]]
        wrong = np.zeros(own.size + 1)
        wrong[0] = 1.0
        for level in range(own.size - 2, -1, -1):
            wrong[level + 1] = wrong[level + 2] + own[level + 1]
        tops[i] = smallest_top(drop[drop_first[i] : drop_first[i + 1]], wrong, 0.0, 1.0 - share[i] + ROUNDING)
    return tops


@compiled
def search_top_for_owed(drop: Floats, drop_first: Units, pmf: Floats, first: Units, owed: Floats) -> Units:
    """Smallest top of the position at which mean units owed are at most `owed` (> 0), for each item."""
    n_items = first.size - 1
    tops = np.zeros(n_items, dtype=np.int64)
    for i in range(n_items):
        loss = loss_of(pmf[first[i] : first[i + 1]])
        wrong = np.zeros(loss.size + 1)
        wrong[0] = loss[0] + 1.0
        wrong[1:] = loss
        allowed = owed[i] * (1.0 + ROUNDING) + ROUNDING
        tops[i] = smallest_top(drop[drop_first[i] : drop_first[i + 1]], wrong, 1.0, allowed)
    return tops


@compiled
def share_beyond(top: Units, drop: Floats, drop_first: Units, pmf: Floats, first: Units) -> Floats:
    """Probability that demand exceeds the position ``top - drop``, for each item; summed from the thin end."""
    n_items = first.size - 1
    share = np.zeros(n_items)
    for i in range(n_items):
        own = pmf[first[i] : first[i + 1]]
        beyond = np.zeros(own.size)
        for level in range(own.size - 2, -1, -1):
            beyond[level] = beyond[level + 1] + own[level + 1]
        for j in range(drop_first[i + 1] - drop_first[i]):
            level = top[i] - j
            if level < 0:
                share[i] += drop[drop_first[i] + j]
            elif level < own.size:
                share[i] += drop[drop_first[i] + j] * beyond[level]
    return share


@compiled
def order_drops(period_pmf: Floats, period_first: Units, drop: Floats, drop_first: Units, out: Floats) -> None:
    """Write each item's units below the top just before an order, into rows of the lengths of both joined.

    An order follows when drop and a period's demand together reach the length of the drop's row; `out` (zeros at
    entry) has rows of ``drop + period - 1`` points. Items without demand never order: their row says the top.
    """
    for i in range(period_first.size - 1):
        own = period_pmf[period_first[i] : period_first[i + 1]]
        rest = drop[drop_first[i] : drop_first[i + 1]]
        start = drop_first[i] + period_first[i] - i
        spread = rest.size
        total = 0.0
        for j in range(spread):
            for k in range(spread - j, own.size):
                out[start + j + k] += rest[j] * own[k]
                total += rest[j] * own[k]
        if total <= 0.0:
            out[start] = 1.0
        else:
            for j in range(spread, spread + own.size - 1):
                out[start + j] /= total
