"""Intermittent demand forecast by Croston's method and its two successors, over whole tables.

Owns the three methods, their smoothing constants and how they are chosen. Their forecast is a rate, units a period;
the distribution that stands on it (sizes drawn as in :mod:`omsim.demand.forecast.compound`, sold as often as the rate
says) is made by :mod:`omsim.demand.forecast.predictive`.

Croston (1972) smooths sizes and intervals at sales; Syntetos & Boylan (2005) take off the bias that dividing by a
smoothed interval leaves (SBA); Teunter, Syntetos & Babai (2011) smooth the chance of a sale in every period, so that
the forecast of an item nobody buys any more dies with it (TSB).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column
from omsim.errors import FieldError
from omsim.kernels.intermittent import CROSTON, SBA, TSB, smooth_sales, smoothing_errors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Mask = NDArray[np.bool_]

KINDS = {"croston": CROSTON, "sba": SBA, "tsb": TSB}
SIZE_WEIGHTS = (0.02, 0.05, 0.1, 0.2, 0.3)
CHANCE_WEIGHTS = (0.01, 0.02, 0.05, 0.1, 0.2)
JUDGED_ITEMS = 2_000  # spread over the table: enough to choose two numbers by


@dataclass(frozen=True, slots=True, kw_only=True)
class IntermittentForecast:
    """Rate of every item, and what it was made from.

    Attributes
    ----------
    method : str
        "croston", "sba" or "tsb".
    units_per_period : float64, shape (n_items,)
        0 for an item that never sold.
    size_units, interval_periods, sale_share : float64, shape (n_items,)
        Smoothed units of a period with demand [z], periods between them [p], chance of one.
    size_weight, chance_weight : float64, shape (n_items,)
        Smoothing constants used, of sizes [alpha] and of intervals or chances [beta].
    """

    method: str
    units_per_period: Floats
    size_units: Floats
    interval_periods: Floats
    sale_share: Floats
    size_weight: Floats
    chance_weight: Floats


def forecast_intermittent(
    history_units: Units,
    *,
    method: str,
    counted: Mask | None = None,
    size_weight: ArrayLike | None = None,
    chance_weight: ArrayLike | None = None,
    ahead_periods: int = 1,
    each_item: bool = False,
) -> IntermittentForecast:
    """Forecast the units a period of every item.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_periods)
        Units asked for in each period, >= 0, oldest first.
    method : str
        "croston", "sba" or "tsb".
    counted : bool, shape (n_periods,), optional
        Periods that count; closed days, for one, do not. Default: all.
    size_weight, chance_weight : float in (0, 1] or shape (n_items,), optional
        Smoothing constants; both or neither. Default: those whose forecasts of the next `ahead_periods` had the least
        mean squared error in the history, each item's scaled by its own mean.
    ahead_periods : int
        Periods the constants are judged on, >= 1.
    each_item : bool
        Choose the constants item by item instead of for all together.

    Returns
    -------
    IntermittentForecast

    Raises
    ------
    FieldError
        Not a table, a negative number, an unknown method, or a constant out of range.

    Examples
    --------
    >>> history = np.array([[0, 4, 0, 0, 2]])
    >>> forecast_intermittent(history, method="croston", size_weight=0.5, chance_weight=0.5).units_per_period.tolist()
    [1.2]
    """
    history = checked_history(history_units)
    n_items, n_periods = history.shape
    if method not in KINDS:
        raise FieldError("method", f"one of {', '.join(KINDS)}", method)
    if ahead_periods < 1:
        raise FieldError("ahead_periods", ">= 1", ahead_periods)
    used = np.ones(n_periods, dtype=np.bool_) if counted is None else np.ascontiguousarray(counted, dtype=np.bool_)
    if used.shape != (n_periods,):
        raise FieldError("counted", f"of shape ({n_periods},)", used.shape)
    if (size_weight is None) != (chance_weight is None):
        raise FieldError("size_weight, chance_weight", "both given or neither", (size_weight, chance_weight))
    if size_weight is None or chance_weight is None:
        alpha, beta = _chosen_weights(history, used, KINDS[method], ahead_periods, each_item)
    else:
        alpha = checked_column("size_weight", size_weight, n_items, least=1e-9, most=1.0)
        beta = checked_column("chance_weight", chance_weight, n_items, least=1e-9, most=1.0)
    size, interval, chance = smooth_sales(history, used, alpha, beta)
    ever = interval > 0
    rate = np.divide(size, interval, out=np.zeros(n_items), where=ever)
    if method == "sba":
        rate *= 1.0 - beta / 2.0
    elif method == "tsb":
        rate = chance * size
    return IntermittentForecast(
        method=method,
        units_per_period=rate,
        size_units=size,
        interval_periods=interval,
        sale_share=chance,
        size_weight=alpha,
        chance_weight=beta,
    )


def checked_history(history_units: ArrayLike) -> Units:
    """A table of whole units >= 0, int64, contiguous.

    Raises
    ------
    FieldError
        Not of shape (n_items, n_days), not finite, not whole, negative, or absurdly large.
    """
    history = np.asarray(history_units)
    if history.ndim != 2:
        raise FieldError("history_units", "of shape (n_items, n_days)", history.shape)
    if history.dtype.kind not in "iuf":
        raise FieldError("history_units", "whole numbers", str(history.dtype))
    if history.dtype.kind == "f":
        wrong = ~np.isfinite(history)
        if wrong.any():
            raise FieldError("history_units", "a finite number", float(history[wrong].flat[0]))
        wrong = history != np.floor(history)
        if wrong.any():
            raise FieldError("history_units", "whole units", float(history[wrong].flat[0]))
    if history.size and history.min() < 0:
        raise FieldError("history_units", ">= 0", history.min().item())
    if history.size and history.max() > 10**9:
        raise FieldError("history_units", "at most 1,000,000,000", history.max().item())
    return np.ascontiguousarray(history, dtype=np.int64)


def _chosen_weights(history: Units, used: Mask, kind: int, ahead: int, each_item: bool) -> tuple[Floats, Floats]:
    """Smoothing constants of least squared error: the same for all items, or each item's own."""
    n_items = history.shape[0]
    grid = np.array([(a, b) for b in CHANCE_WEIGHTS for a in SIZE_WEIGHTS])
    if n_items == 0:
        return np.zeros(0), np.zeros(0)
    judged = np.arange(0, n_items, 1 if each_item else max(1, n_items // JUDGED_ITEMS))
    errors = smoothing_errors(history[judged], used, kind, grid[:, 0].copy(), grid[:, 1].copy(), ahead)
    if each_item:
        best = np.argmin(errors, axis=1)  # the first of equals: the slowest
        return grid[best, 0], grid[best, 1]
    level = (ahead * history[judged].mean(axis=1)) ** 2
    sold = level > 0
    scaled = errors[sold] / level[sold, None]
    best_of_all = int(np.argmin(scaled.mean(axis=0))) if sold.any() else 0
    return np.full(n_items, grid[best_of_all, 0]), np.full(n_items, grid[best_of_all, 1])
