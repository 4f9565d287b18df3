"""Compound demand of an interval as whole-unit tables: sizes, their transforms over days, and packing what comes out.

Owns the loops behind `omsim.demand.forecast.tables` that stand around the transforms; observed windows and negative
binomials are in `omsim.kernels.forecast_windows`. Transforms themselves are NumPy's; what lies between them (sizes
scaled by the doubt, products over days, random lengths) is here, with real and imaginary parts in arrays of their own
so that the compiler may work on several frequencies at once. Inputs are checked by the callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

RARE = 0.25  # chance of a selling day up to which doubt is about how often, not about how much
SAME_SCALE = 0.15  # relative difference up to which a pooled size counts as one of the item's own scale


@compiled
def pooled_size(units: float, ratio: float, typical_units: float) -> float:
    """Size of another item's day at this item's scale; on nearly the same scale as it was: packs stay packs."""
    size = max(1.0, ratio * typical_units)
    if abs(size - units) <= SAME_SCALE * units:
        return units
    return size


@compiled
def size_supports(
    own_range: Units,
    pool_range: Units,
    own_share: Floats,
    typical_units: Floats,
    size_units: Floats,
    size_ratio: Floats,
) -> Units:
    """Points that hold every size an item may draw: the largest own or pooled size, rounded up, plus one.

    Arguments as in :func:`fill_sizes`.
    """
    n_points = np.ones(own_range.shape[0], dtype=np.int64)
    for i in range(own_range.shape[0]):
        largest = 1.0
        if own_share[i] > 0.0:
            for record in range(own_range[i, 0], own_range[i, 1]):
                largest = max(largest, size_units[record])
        if own_share[i] < 1.0:
            for record in range(pool_range[i, 0], pool_range[i, 1]):
                largest = max(largest, pooled_size(size_units[record], size_ratio[record], typical_units[i]))
        n_points[i] = int(np.ceil(largest)) + 1
    return n_points


@compiled
def fill_sizes(
    own_range: Units,
    pool_range: Units,
    own_share: Floats,
    typical_units: Floats,
    size_units: Floats,
    size_ratio: Floats,
    record_weight: Floats,
    first: Units,
    pmf: Floats,
) -> None:
    """Write the distribution of units on a selling day into the ragged `pmf` (zeros at entry).

    Parameters
    ----------
    own_range, pool_range : int64, shape (n_items, 2)
        First and past-the-last size record of the item and of its pool.
    own_share : float64, shape (n_items,)
        Probability that a size is one of the item's own days.
    typical_units : float64, shape (n_items,)
        What a pooled ratio is multiplied by.
    size_units, size_ratio, record_weight : float64, shape (n_records,)
    first : int64, shape (n_items + 1,)
        Where each item's points begin in `pmf`.

    Notes
    -----
    A size between two whole numbers is shared between them so that its mean is kept; a selling day has at least 1.
    """
    for i in range(own_range.shape[0]):
        out = pmf[first[i] : first[i + 1]]
        own_weight, pool_weight = 0.0, 0.0
        for record in range(own_range[i, 0], own_range[i, 1]):
            own_weight += record_weight[record]
        for record in range(pool_range[i, 0], pool_range[i, 1]):
            pool_weight += record_weight[record]
        own = own_share[i] if pool_weight > 0.0 else 1.0
        if own_weight <= 0.0:
            own = 0.0
        if own_weight <= 0.0 and pool_weight <= 0.0:
            out[min(1, out.size - 1)] = 1.0
            continue
        if own > 0.0:
            for record in range(own_range[i, 0], own_range[i, 1]):
                out[int(size_units[record])] += own * record_weight[record] / own_weight
        if own < 1.0:
            scale = (1.0 - own) / pool_weight
            for record in range(pool_range[i, 0], pool_range[i, 1]):
                size = pooled_size(size_units[record], size_ratio[record], typical_units[i])
                low = int(size)
                above = size - low
                out[low] += scale * record_weight[record] * (1.0 - above)
                if above > 0.0:
                    out[low + 1] += scale * record_weight[record] * above


@compiled
def compound_points(
    first: Units,
    pmf: Floats,
    sale_share: Floats,
    n_days: Floats,
    factor: Floats,
    weight: Floats,
    busiest: float,
    tail: float,
) -> Units:
    """Points enough to hold all but about `tail` of each item's compound demand, by Chernoff's bound.

    Parameters
    ----------
    first, pmf
        Ragged distributions of units on a selling day.
    sale_share : float64, shape (n_items,)
        Probability of a selling day.
    n_days : float64, shape (n_items,)
        Longest interval, in days.
    factor, weight : float64, shape (n_nodes,)
        Levels the rate is multiplied by, and their probabilities.
    busiest : float
        Most a coming day multiplies the chance of a selling day by, >= 1.

    Returns
    -------
    int64, shape (n_items,)

    Notes
    -----
    Days sell independently with probability at most the busiest day's, whose moment generating function that of a
    Poisson count bounds; the factor is split between rate and size as in :func:`scale_sizes`.
    """
    n_items = first.size - 1
    n_points = np.ones(n_items, dtype=np.int64)
    for i in range(n_items):
        own = pmf[first[i] : first[i + 1]]
        largest = own.size - 1
        if largest < 1 or sale_share[i] <= 0.0:
            continue
        needed = np.inf
        exponent = 0.125
        while exponent < 64.0:
            theta = exponent / largest
            exponent *= 2.0
            highest = -np.inf
            for node in range(factor.size):
                chance, scale = split_factor(sale_share[i], factor[node], busiest)
                chance *= busiest
                step = np.exp(theta * scale)
                moment, power = 0.0, 1.0
                for units in range(largest + 1):
                    moment += own[units] * power
                    power *= step
                    if power > 1e200:
                        break
                if power > 1e200:
                    highest = np.inf
                    break
                log_moment = min(n_days[i] * chance * (moment - 1.0), n_days[i] * np.log(moment))
                highest = max(highest, log_moment + np.log(weight[node]))
            if highest < np.inf:
                needed = min(needed, (highest - np.log(tail) + np.log(factor.size)) / theta)
        n_points[i] = int(np.ceil(min(needed, 1e12))) + 1
    return n_points


@compiled
def split_factor(sale_share: float, factor: float, busiest: float) -> tuple[float, float]:
    """What a level `factor` does to the chance of a selling day and to its size; their product is the factor.

    An item that sells every day can only sell larger, one that sells rarely sells more often, in the sizes (packs) it
    is sold in: from `RARE` on the size takes a growing power of the factor, and what the chance cannot take because
    it is a probability, on the `busiest` day too: a chance cut at 1 would sell less than the mean.
    """
    scale = factor ** min(1.0, max(0.0, (sale_share - RARE) / (1.0 - RARE)))
    chance = sale_share * factor / scale
    if chance * busiest > 1.0:
        scale *= chance * busiest
        chance = 1.0 / busiest
    return chance, scale


@compiled
def scale_sizes(
    items: Units,
    first: Units,
    pmf: Floats,
    sale_share: Floats,
    factor: Floats,
    busiest: float,
    quantum: int,
    out: Floats,
) -> None:
    """Write each item's sizes at each level into a dense table (zeros at entry), means kept.

    Parameters
    ----------
    items : int64, shape (n_chosen,)
        Items of the ragged table `first`, `pmf` to write.
    sale_share : float64, shape (n_items,)
    factor : float64, shape (n_nodes,)
    busiest : float
        Most a coming day multiplies the chance of a selling day by, >= 1.
    quantum : int
        Units a point of `out` stands for.
    out : float64, shape (n_chosen, n_nodes, n_points)
    """
    n_points = out.shape[2]
    for row in range(items.size):
        i = items[row]
        own = pmf[first[i] : first[i + 1]]
        for node in range(factor.size):
            scale = split_factor(sale_share[i], factor[node], busiest)[1] / quantum
            for units in range(own.size):
                if own[units] > 0.0:
                    size = units * scale
                    low = int(size)
                    above = size - low
                    if low + 1 < n_points:
                        out[row, node, low] += own[units] * (1.0 - above)
                        out[row, node, low + 1] += own[units] * above
                    else:
                        out[row, node, n_points - 1] += own[units]


@compiled
def mix_transforms(
    real: Floats,
    imaginary: Floats,
    items: Units,
    sale_share: Floats,
    factor: Floats,
    weight: Floats,
    alive_share: Floats,
    day_factor: Floats,
    busiest: float,
    share: Floats,
    review_days: int,
    out: Floats,
) -> None:
    """Transforms of a period's demand, of that before an order can be used, and of both together.

    Parameters
    ----------
    real, imaginary : float64, shape (n_chosen, n_nodes, n_frequencies)
        Transforms of the sizes at each level.
    items : int64, shape (n_chosen,)
        Row of `sale_share`, `alive_share` and `share` of each.
    sale_share, alive_share : float64, shape (n_items,)
        Probability of a selling day; that the item still sells at all.
    factor, weight : float64, shape (n_nodes,)
    day_factor : float64, shape (n_days,)
        What each coming day multiplies the chance of a selling day by.
    busiest : float
        The most of them, >= 1.
    share : float64, shape (1 or n_items, most_days + 1)
        Probability of 0, 1, ... days before an order can be used.
    review_days : int
    out : float64, shape (3, 2, n_chosen, n_frequencies)
        Period, before, after; real and imaginary parts.

    Notes
    -----
    A day's transform is ``1 - p + p s`` with s the size's, days multiply, random lengths (by Horner's rule, the last
    day first) and levels add. A period is
    one of average days (factor 1), so that demand after less demand before is a typical period's whatever the weekday.
    """
    n_frequencies = real.shape[2]
    period = np.empty((2, n_frequencies))
    before = np.empty((2, n_frequencies))
    for row in range(items.size):
        i = items[row]
        lengths = share[i if share.shape[0] > 1 else 0]
        longest = lengths.size - 1
        while longest > 0 and lengths[longest] <= 0.0:
            longest -= 1
        for part in range(3):
            for k in range(n_frequencies):
                out[part, 0, row, k] = 1.0 - alive_share[i]
                out[part, 1, row, k] = 0.0
        for node in range(factor.size):
            chance = split_factor(sale_share[i], factor[node], busiest)[0]
            own_re = real[row, node]
            own_im = imaginary[row, node]
            period[0, :] = 1.0
            period[1, :] = 0.0
            for _ in range(review_days):
                for k in range(n_frequencies):
                    step_re = 1.0 - chance + chance * own_re[k]
                    step_im = chance * own_im[k]
                    total_re = period[0, k] * step_re - period[1, k] * step_im
                    period[1, k] = period[0, k] * step_im + period[1, k] * step_re
                    period[0, k] = total_re
            before[0, :] = lengths[longest]
            before[1, :] = 0.0
            for day in range(longest - 1, -1, -1):
                p = min(1.0, chance * day_factor[day])
                stops = lengths[day]
                for k in range(n_frequencies):
                    step_re = 1.0 - p + p * own_re[k]
                    step_im = p * own_im[k]
                    total_re = before[0, k] * step_re - before[1, k] * step_im + stops
                    before[1, k] = before[0, k] * step_im + before[1, k] * step_re
                    before[0, k] = total_re
            part_weight = weight[node] * alive_share[i]
            for k in range(n_frequencies):
                out[0, 0, row, k] += part_weight * period[0, k]
                out[0, 1, row, k] += part_weight * period[1, k]
                out[1, 0, row, k] += part_weight * before[0, k]
                out[1, 1, row, k] += part_weight * before[1, k]
                out[2, 0, row, k] += part_weight * (before[0, k] * period[0, k] - before[1, k] * period[1, k])
                out[2, 1, row, k] += part_weight * (before[0, k] * period[1, k] + before[1, k] * period[0, k])


@compiled
def kept_lengths(dense: Floats, tail: float) -> Units:
    """Points of each row to keep so that at most `tail` is dropped; clears what rounding left below zero."""
    n_points = np.ones(dense.shape[0], dtype=np.int64)
    for i in range(dense.shape[0]):
        for k in range(dense.shape[1]):
            if dense[i, k] < 1e-16:
                dense[i, k] = 0.0
        dropped = 0.0
        k = dense.shape[1] - 1
        while k > 0 and dropped + dense[i, k] <= tail:
            dropped += dense[i, k]
            k -= 1
        n_points[i] = k + 1
    return n_points


@compiled
def pack_rows(dense: Floats, n_kept: Units, quantum: int, at: Units, pmf: Floats) -> None:
    """Copy the kept part of each row of `dense` to its place `at` in the ragged `pmf`, scaled to 1.

    Where a point stands for `quantum` units it is shared among the units around it by a triangle, which keeps the
    mean; point 0 stays at 0.
    """
    for row in range(dense.shape[0]):
        total = 0.0
        for k in range(n_kept[row]):
            total += dense[row, k]
        start = at[row]
        if quantum == 1:
            for k in range(n_kept[row]):
                pmf[start + k] = dense[row, k] / total
            continue
        for k in range(n_kept[row] * quantum):
            pmf[start + k] = 0.0
        pmf[start] = dense[row, 0] / total
        for k in range(1, n_kept[row]):
            height = dense[row, k] / total / (quantum * quantum)
            for offset in range(1 - quantum, quantum):
                pmf[start + k * quantum + offset] += height * (quantum - abs(offset))


@compiled
def scatter_rows(items: Units, n_kept: Units, rows: Floats, first: Units, pmf: Floats) -> None:
    """Copy packed rows, one after the other, to the places of their items in the ragged `pmf`."""
    at = 0
    for row in range(items.size):
        start = first[items[row]]
        for k in range(n_kept[row]):
            pmf[start + k] = rows[at + k]
        at += n_kept[row]
