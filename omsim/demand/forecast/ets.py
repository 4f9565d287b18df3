"""Exponential smoothing in state-space form, by statsmodels: slow, one item at a time, for items worth it.

Owns fitting, simulating the days ahead, and turning the simulated intervals into whole-unit tables. statsmodels is an
extra (``pip install omsim[ets]``) and is imported only when asked for.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.demand.forecast.tables import Interval, IntervalTables
from omsim.demand.lead_time import ragged
from omsim.errors import FieldError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

N_PATHS = 1_000
WEEK_DAYS = 7
FEWEST_WEEKS = 4  # for a weekday pattern
FEWEST_DAYS = 10  # for a fit at all
_STREAM = 221  # second key word of the generator: never renumber


def ets_tables(history_units: Units, interval: Interval, *, seed: int, weekdays: bool) -> tuple[IntervalTables, Units]:
    """Tables of items by an exponential smoothing model each; and which items it could not be fitted to.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_days)
    interval : Interval
        The weekday pattern is the model's own, so the interval's day factors are not used.
    seed : int
    weekdays : bool
        Look for a pattern over seven columns where there are `FEWEST_WEEKS` of them.

    Returns
    -------
    IntervalTables, int64
        Rows of items that could not be fitted are a certain 0, to be replaced by the caller.

    Raises
    ------
    FieldError
        statsmodels is not installed.

    Notes
    -----
    Additive errors, damped trend. Simulated days below zero count as zero and an interval is rounded up with the
    probability of its fraction. About a tenth of a second an item.
    """
    model = _ets_model()
    rows: list[list[Floats]] = [[], [], []]
    failed = []
    for item, units in enumerate(history_units):
        lengths = interval.share[item if interval.share.shape[0] > 1 else 0]
        source = np.random.Generator(np.random.Philox(key=np.array([seed, _STREAM], dtype=np.uint64), counter=item))
        days = lengths.size - 1 + interval.review_days
        paths = _paths(model, units.astype(np.float64), days, weekdays, source)
        if paths is None:
            failed.append(item)
            for part in rows:
                part.append(np.ones(1))
            continue
        running = np.concatenate((np.zeros((1, N_PATHS)), np.cumsum(paths, axis=0)))
        used = np.flatnonzero(lengths)
        before = running[used]
        after = running[used + interval.review_days]
        rounding = source.random((1, N_PATHS))
        for part, sums in zip(rows, (after - before, before, after), strict=True):
            part.append(_counted(np.floor(sums + rounding).astype(np.int64), lengths[used]))
    period, before_table, after_table = (ragged(part) for part in rows)
    return IntervalTables(period=period, before=before_table, after=after_table), np.array(failed, dtype=np.int64)


def _ets_model() -> Any:
    try:
        return importlib.import_module("statsmodels.tsa.exponential_smoothing.ets").ETSModel
    except ImportError:
        rule = "another one, or statsmodels installed (pip install omsim[ets])"
        raise FieldError("method", rule, "ets") from None


def _paths(model: Any, units: Floats, days: int, weekdays: bool, source: np.random.Generator) -> Floats | None:
    """Simulated days ahead, float64, shape (days, N_PATHS), >= 0; None where no model could be fitted."""
    if units.size < FEWEST_DAYS or units.min() == units.max():
        return None
    seasonal = weekdays and units.size >= FEWEST_WEEKS * WEEK_DAYS
    pattern = {"seasonal": "add", "seasonal_periods": WEEK_DAYS} if seasonal else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence: judged below, by what comes out
        try:
            fitted = model(units, error="add", trend="add", damped_trend=True, **pattern).fit(disp=False)
            residuals = np.asarray(fitted.resid, dtype=np.float64)
            errors = source.choice(residuals, (days, N_PATHS))  # demand is skewed: observed errors, not normal ones
            paths = np.asarray(fitted.simulate(days, anchor="end", repetitions=N_PATHS, random_errors=errors))
        except (ValueError, np.linalg.LinAlgError):
            return None
    paths = paths.astype(np.float64).reshape(days, N_PATHS)
    too_much = 100.0 * days * max(1.0, float(units.max()))
    if not np.isfinite(paths).all() or paths.sum(axis=0).max() > too_much:
        return None
    return np.maximum(paths, 0.0)


def _counted(sums: Units, share: Floats) -> Floats:
    """Distribution of simulated sums of several lengths, int64, shape (n_lengths, n_paths), by the lengths' chances."""
    weight = np.repeat(share / sums.shape[1], sums.shape[1])
    counts = np.bincount(sums.ravel(), weights=weight)
    return np.asarray(counts / counts.sum(), dtype=np.float64)
