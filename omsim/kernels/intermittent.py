"""Recursions for intermittent demand over whole tables: Croston, Syntetos-Boylan, Teunter-Syntetos-Babai.

Owns the loops behind `omsim.demand.forecast.intermittent`: smoothed sizes, intervals and selling chances item by item,
and the forecast errors smoothing constants are chosen by. Which constants to try, and what distribution stands on a
forecast, is decided there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Mask = NDArray[np.bool_]

CROSTON, SBA, TSB = 0, 1, 2


@compiled
def smooth_sales(
    history: Units, counted: Mask, size_weight: Floats, chance_weight: Floats
) -> tuple[Floats, Floats, Floats]:
    """Smoothed size, interval and selling chance of every item after its last period.

    Parameters
    ----------
    history : int64, shape (n_items, n_periods)
        Units of each period, oldest first.
    counted : bool, shape (n_periods,)
        Periods that count; the others are passed over as if they had not been.
    size_weight, chance_weight : float64, shape (n_items,)
        Smoothing constants of the size [alpha], and of the interval or chance [beta].

    Returns
    -------
    size, interval, chance : float64, shape (n_items,)
        The first sale sets the size to its units, the interval to the periods up to and with it and the chance to
        one over that; later sales and, for the chance, later periods smooth them. All 0 for an item that never sold.
    """
    n_items, n_periods = history.shape
    size, interval, chance = np.zeros(n_items), np.zeros(n_items), np.zeros(n_items)
    for i in range(n_items):
        since = 0
        for t in range(n_periods):
            if not counted[t]:
                continue
            since += 1
            units = history[i, t]
            if interval[i] == 0.0:
                if units > 0:
                    size[i], interval[i], chance[i] = units, since, 1.0 / since
                    since = 0
            elif units > 0:
                size[i] += size_weight[i] * (units - size[i])
                interval[i] += chance_weight[i] * (since - interval[i])
                chance[i] += chance_weight[i] * (1.0 - chance[i])
                since = 0
            else:
                chance[i] -= chance_weight[i] * chance[i]
    return size, interval, chance


@compiled
def rate_of(kind: int, size: float, interval: float, chance: float, chance_weight: float) -> float:
    """Units a period that one method forecasts from its smoothed values; 0 for an item that never sold."""
    if interval <= 0.0:
        return 0.0
    if kind == TSB:
        return chance * size
    if kind == SBA:
        return (1.0 - chance_weight / 2.0) * size / interval
    return size / interval


@compiled
def smoothing_errors(
    history: Units, counted: Mask, kind: int, size_weight: Floats, chance_weight: Floats, ahead: int
) -> Floats:
    """Squared error of the forecast of the next `ahead` counted periods, for each item and pair of constants.

    Parameters
    ----------
    history, counted
        As in :func:`smooth_sales`.
    kind : int
        `CROSTON`, `SBA` or `TSB`.
    size_weight, chance_weight : float64, shape (n_pairs,)
        Smoothing constants to try.
    ahead : int
        Periods summed, >= 1.

    Returns
    -------
    float64, shape (n_items, n_pairs)
        Mean over the origins from the first sale on; 0 where there is none.

    Notes
    -----
    O(n_items n_periods n_pairs). A single period's demand is mostly zero and says little about the level, hence the
    sum over an interval as long as the forecast is for.
    """
    n_items = history.shape[0]
    days = np.flatnonzero(counted)
    errors = np.zeros((n_items, size_weight.size))
    running = np.zeros(days.size + 1)
    for i in range(n_items):
        for t in range(days.size):
            running[t + 1] = running[t] + history[i, days[t]]
        for pair in range(size_weight.size):
            alpha, beta = size_weight[pair], chance_weight[pair]
            size, interval, chance = 0.0, 0.0, 0.0
            since, n_origins, total = 0, 0, 0.0
            for t in range(days.size - ahead):
                since += 1
                units = history[i, days[t]]
                if interval == 0.0:
                    if units == 0:
                        continue
                    size, interval, chance = float(units), float(since), 1.0 / since
                    since = 0
                elif units > 0:
                    size += alpha * (units - size)
                    interval += beta * (since - interval)
                    chance += beta * (1.0 - chance)
                    since = 0
                else:
                    chance -= beta * chance
                miss = ahead * rate_of(kind, size, interval, chance, beta) - (running[t + 1 + ahead] - running[t + 1])
                total += miss * miss
                n_origins += 1
            errors[i, pair] = total / max(n_origins, 1)
    return errors
