"""Observed windows and doubtful negative binomials of an interval, written as whole-unit tables.

Owns the loops behind `omsim.demand.forecast.tables` that need no transform; compound sums are in
`omsim.kernels.forecast_tables`. Inputs are checked by the callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled
from omsim.kernels.distributions import add_pascal, pascal_support

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]


@compiled
def window_supports(history: Units, share: Floats, review_days: int, shortest: Units) -> Units:
    """Points for each item's windows of a period, before and after; int64, shape (3, n_items).

    Parameters
    ----------
    history : int64, shape (n_items, n_days)
    share : float64, shape (1 or n_items, most_days + 1)
    review_days : int
    shortest : int64, shape (n_items,)
        First day whose windows count.
    """
    points = np.ones((3, history.shape[0]), dtype=np.int64)
    for i in range(history.shape[0]):
        lengths = share[i if share.shape[0] > 1 else 0]
        points[0, i] = _largest_window(history[i], shortest[i], review_days) + 1
        for days in range(lengths.size):
            if lengths[days] > 0.0:
                points[1, i] = max(points[1, i], _largest_window(history[i], shortest[i], days) + 1)
                points[2, i] = max(points[2, i], _largest_window(history[i], shortest[i], days + review_days) + 1)
    return points


@compiled
def _largest_window(history: Units, start: int, days: int) -> int:
    """Largest sum of `days` days in a row; of a history shorter than that, its sum in proportion, rounded up."""
    if days == 0:
        return 0
    n_days = history.size - start
    if n_days < days:
        total = 0
        for day in range(start, history.size):
            total += history[day]
        return -(-total * days // max(n_days, 1))
    running = 0
    largest = 0
    for day in range(start, history.size):
        running += history[day]
        if day - start >= days:
            running -= history[day - days]
        if day - start >= days - 1:
            largest = max(largest, running)
    return largest


@compiled
def fill_windows(
    history: Units, share: Floats, review_days: int, part: int, shortest: Units, first: Units, pmf: Floats
) -> None:
    """Write the sums of all overlapping windows of a period (part 0), before (1) or after (2) into `pmf`."""
    for i in range(history.shape[0]):
        out = pmf[first[i] : first[i + 1]]
        if part == 0:
            _add_windows(history[i], shortest[i], review_days, 1.0, out)
            continue
        lengths = share[i if share.shape[0] > 1 else 0]
        extra = review_days if part == 2 else 0
        for days in range(lengths.size):
            if lengths[days] > 0.0:
                _add_windows(history[i], shortest[i], days + extra, lengths[days], out)


@compiled
def _add_windows(history: Units, start: int, days: int, share: float, out: Floats) -> None:
    n_days = history.size - start
    if days == 0:
        out[0] += share
        return
    if n_days < days:
        total = 0
        for day in range(start, history.size):
            total += history[day]
        size = total * days / max(n_days, 1)
        low = int(size)
        out[low] += share * (1.0 - (size - low))
        if size > low:
            out[low + 1] += share * (size - low)
        return
    each = share / (n_days - days + 1)
    running = 0
    for day in range(start, history.size):
        running += history[day]
        if day - start >= days:
            running -= history[day - days]
        if day - start >= days - 1:
            out[running] += each


@compiled
def doubted_pascal_supports(
    mean: Floats, variance: Floats, share: Floats, extra_days: int, factor: Floats, weight: Floats, tail: float
) -> Units:
    """Points of each item's negative binomial over its days and `extra_days` more, at every level of the doubt."""
    n_points = np.ones(mean.size, dtype=np.int64)
    for i in range(mean.size):
        lengths = share[i if share.shape[0] > 1 else 0]
        longest = lengths.size - 1
        while longest > 0 and lengths[longest] <= 0.0:
            longest -= 1
        days = float(longest + extra_days)
        for node in range(factor.size):
            level = mean[i] * factor[node]
            spread = level * variance[i] / mean[i] if mean[i] > 0.0 else 0.0
            own_tail = min(0.1, tail / weight[node])
            n_points[i] = max(n_points[i], pascal_support(level * days, spread * days, own_tail))
    return n_points


@compiled
def fill_doubted_pascals(
    mean: Floats,
    variance: Floats,
    share: Floats,
    extra_days: int,
    factor: Floats,
    weight: Floats,
    first: Units,
    pmf: Floats,
) -> None:
    """Write negative binomials mixed over lengths and levels into the ragged `pmf` (zeros at entry)."""
    for i in range(mean.size):
        lengths = share[i if share.shape[0] > 1 else 0]
        out = pmf[first[i] : first[i + 1]]
        for node in range(factor.size):
            level = mean[i] * factor[node]
            spread = level * variance[i] / mean[i] if mean[i] > 0.0 else 0.0
            for days in range(lengths.size):
                if lengths[days] > 0.0:
                    n = float(days + extra_days)
                    add_pascal(level * n, spread * n, lengths[days] * weight[node], out.size, out)
