"""Whole-unit distributions of many items at once: making them, and their moments, levels and loss functions.

Owns the loops behind `omsim.demand.lead_time`. Every distribution is a ragged table: item i's probabilities of
0, 1, 2, ... units are ``pmf[first[i]:first[i + 1]]``, so an item with a long tail pays for its own tail only. Policies
that use the tables are in `omsim.kernels.inventory`. Inputs are checked by the callers; the kernels trust them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

NEGLIGIBLE = 1e-40  # a term this small beside the mode's cannot change a double


@compiled
def pascal_support(mean: float, variance: float, tail: float) -> int:
    """Support points of one negative binomial so that at most `tail` of its probability lies beyond.

    The ratio of neighbouring terms is ``step + pull / k``; beyond the mode it is bounded by the larger of its next
    value and its limit, so a geometric series bounds what is left out. ``variance == mean`` is the Poisson.
    """
    if mean <= 0.0:
        return 1
    step = (variance - mean) / variance
    pull = mean * mean / variance - step
    mode = int(pull / (1.0 - step)) if pull > 0.0 else 0
    below = 0.0
    term = 1.0
    for k in range(mode, 0, -1):
        term /= step + pull / k
        below += term
        if term < NEGLIGIBLE:
            break
    total = 1.0 + below
    term = 1.0
    k = mode
    while True:
        ratio = max(step + pull / (k + 1), step)
        if ratio < 1.0 and term * ratio <= tail * total * (1.0 - ratio):
            return k + 1
        k += 1
        term *= step + pull / k
        total += term


@compiled
def add_pascal(mean: float, variance: float, share: float, n_points: int, out: Floats) -> None:
    """Add `share` times one negative binomial, cut to `n_points` and scaled to one, to `out`.

    Terms are built outwards from the mode, so nothing underflows for large means.
    """
    if mean <= 0.0:
        out[0] += share
        return
    step = (variance - mean) / variance
    pull = mean * mean / variance - step
    mode = int(pull / (1.0 - step)) if pull > 0.0 else 0
    total = 1.0
    term = 1.0
    for k in range(mode, 0, -1):
        term /= step + pull / k
        total += term
        if term < NEGLIGIBLE:
            break
    term = 1.0
    for k in range(mode + 1, n_points):
        term *= step + pull / k
        total += term
    scale = share / total
    out[mode] += scale
    term = 1.0
    for k in range(mode, 0, -1):
        term /= step + pull / k
        if term < NEGLIGIBLE:
            break
        out[k - 1] += scale * term
    term = 1.0
    for k in range(mode + 1, n_points):
        term *= step + pull / k
        out[k] += scale * term


@compiled
def pascal_supports(mean: Floats, variance: Floats, share: Floats, tail: float) -> Units:
    """Support points of each item's demand over its (random) number of periods.

    Parameters
    ----------
    mean, variance : float64, shape (n_items,)
        Of one period; variance >= mean, equal for Poisson.
    share : float64, shape (1 or n_items, n_periods + 1)
        Probability of 0, 1, 2, ... periods; one row serves all items.
    tail : float
        Largest probability left out.

    Returns
    -------
    int64, shape (n_items,)
    """
    n_points = np.ones(mean.size, dtype=np.int64)
    for i in range(mean.size):
        row = i if share.shape[0] > 1 else 0
        for periods in range(share.shape[1] - 1, 0, -1):
            if share[row, periods] > 0.0:  # more periods mean stochastically more units: the last one rules
                n_points[i] = pascal_support(mean[i] * periods, variance[i] * periods, tail)
                break
    return n_points


@compiled
def fill_pascal(mean: Floats, variance: Floats, share: Floats, first: Units, pmf: Floats) -> None:
    """Write each item's demand distribution over its number of periods into the ragged `pmf` (zeros at entry)."""
    for i in range(mean.size):
        row = i if share.shape[0] > 1 else 0
        out = pmf[first[i] : first[i + 1]]
        for periods in range(share.shape[1]):
            if share[row, periods] > 0.0:
                add_pascal(mean[i] * periods, variance[i] * periods, share[row, periods], out.size, out)


@compiled
def chernoff_points(pmf: Floats, first: Units, share: Floats, tail: float) -> Units:
    """Points enough to hold all but `tail` of each item's demand over its number of periods.

    For every exponent the Chernoff bound gives a level; the smallest over a geometric grid of exponents is used,
    and never more than the largest sum that can occur. ``share`` as in `pascal_supports`.
    """
    n_points = np.ones(first.size - 1, dtype=np.int64)
    for i in range(first.size - 1):
        row = i if share.shape[0] > 1 else 0
        longest = share.shape[1] - 1
        while longest > 0 and share[row, longest] <= 0.0:
            longest -= 1
        own = pmf[first[i] : first[i + 1]]
        largest = own.size - 1
        needed = float(largest) * longest
        used = np.flatnonzero(own)
        exponent = 0.05
        while exponent < 64.0 and largest > 0 and longest > 1:
            theta = exponent / largest
            moment = 0.0
            for units in used:
                moment += own[units] * np.exp(theta * units)
            # log of the mixture's moment generating function, largest power taken out so nothing overflows
            power = np.log(moment)
            mixed = 0.0
            for periods in range(longest + 1):
                mixed += share[row, periods] * np.exp((periods - longest) * power)
            level = (np.log(mixed) + longest * power - np.log(tail)) / theta
            needed = min(needed, np.ceil(level))
            exponent *= 1.5
        n_points[i] = int(needed) + 1
    return n_points


@compiled
def kept_points(pmf: Floats, tail: float) -> Units:
    """Points of each row of a dense table to keep so that at most `tail` of its probability is dropped."""
    n_points = np.ones(pmf.shape[0], dtype=np.int64)
    for i in range(pmf.shape[0]):
        dropped = 0.0
        k = pmf.shape[1] - 1
        while k > 0 and dropped + pmf[i, k] <= tail:
            dropped += pmf[i, k]
            k -= 1
        n_points[i] = k + 1
    return n_points


@compiled
def demand_moments(pmf: Floats, first: Units) -> tuple[Floats, Floats]:
    """Mean and variance of each item's distribution."""
    n_items = first.size - 1
    mean = np.zeros(n_items)
    variance = np.zeros(n_items)
    for i in range(n_items):
        for k in range(first[i + 1] - first[i]):
            mean[i] += k * pmf[first[i] + k]
        for k in range(first[i + 1] - first[i]):
            variance[i] += (k - mean[i]) ** 2 * pmf[first[i] + k]
    return mean, variance


@compiled
def share_within(pmf: Floats, first: Units, level: Units) -> Floats:
    """Probability that demand is at most `level`, for each item; summed from the thin end."""
    n_items = first.size - 1
    share = np.zeros(n_items)
    for i in range(n_items):
        if level[i] >= 0:
            beyond = 0.0
            for k in range(first[i + 1] - first[i] - 1, level[i], -1):
                beyond += pmf[first[i] + k]
            share[i] = 1.0 - beyond
    return share


@compiled
def units_beyond(pmf: Floats, first: Units, level: Units) -> Floats:
    """Expected units of demand above `level` (the first-order loss function), for each item."""
    n_items = first.size - 1
    short = np.zeros(n_items)
    for i in range(n_items):
        n_points = first[i + 1] - first[i]
        if level[i] < 0:
            for k in range(n_points):
                short[i] += k * pmf[first[i] + k]
            short[i] -= level[i]
        else:
            for k in range(n_points - 1, level[i], -1):
                short[i] += (k - level[i]) * pmf[first[i] + k]
    return short


@compiled
def smallest_level(pmf: Floats, first: Units, beyond_share: Floats) -> Units:
    """Smallest level that demand exceeds with probability at most `beyond_share`, for each item."""
    n_items = first.size - 1
    level = np.zeros(n_items, dtype=np.int64)
    for i in range(n_items):
        k = first[i + 1] - first[i] - 1
        beyond = pmf[first[i] + k]
        while k > 0 and beyond <= beyond_share[i] + 1e-12:  # k - 1 may do as well
            k -= 1
            beyond += pmf[first[i] + k]
        level[i] = k
    return level


@compiled
def loss_of(own: Floats) -> Floats:
    """Expected units above 0, 1, ..., n_points - 1 for one distribution (0 beyond), summed from the thin end."""
    loss = np.zeros(own.size)
    beyond = 0.0
    for k in range(own.size - 2, -1, -1):
        beyond += own[k + 1]
        loss[k] = loss[k + 1] + beyond
    return loss


@compiled
def loss_at(loss: Floats, level: int) -> float:
    """Read a loss table at any level: linear below zero, nothing beyond the support."""
    if level < 0:
        return float(loss[0] - level)
    if level >= loss.size:
        return 0.0
    return float(loss[level])
