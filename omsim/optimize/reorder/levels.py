"""Base-stock levels for a whole table of items at once, by one price on stock.

Owns the trade between items: which item's next unit of stock is worth most. What will be asked for is
:mod:`omsim.demand.forecast.compound`; levels of one item from a lead-time distribution are
:mod:`omsim.optimize.policies.base_stock`.

Every item's candidate levels are simulated on its sampled demand paths with the lost-sales rule itself
(:func:`omsim.kernels.replay.base_stock_curves`), so the value of a further unit includes what happens while it is away
on order. Of each item's points (stock value, units filled) only the upper concave hull can be optimal for a price on
stock; all hull steps of all items, in order of units filled per cent of stock, are the frontier. A budget or a fill
target says where to stop; the bound is the frontier's own last fraction of a step (Everett 1963; Fox 1966).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omsim.demand.forecast.compound import Forecast, draw_paths
from omsim.errors import FieldError
from omsim.kernels.hulls import concave_steps
from omsim.kernels.replay import base_stock_curves, peak_outstanding

Floats = NDArray[np.float64]
Units = NDArray[np.int64]
Cents = NDArray[np.int64]

N_PATHS = 256
N_LEVELS = 48
BATCH_DRAWS = 1 << 23  # of one batch of items, to keep memory small
_LEAD_STREAM = 204  # second key word of the seed's stream: never renumber


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelCurves:
    """What each candidate level of each item is expected to fill and to hold.

    Attributes
    ----------
    levels : int64, shape (n_items, n_levels)
        Candidate order-up-to levels, strictly ascending along each row, from 0.
    filled_units_per_day : float64, shape (n_items, n_levels)
        Mean over sampled paths and days.
    stock_value_cents : float64, shape (n_items, n_levels)
        Mean end-of-day stock on hand, times the item's value.
    demand_units_per_day : float64, shape (n_items,)
        Mean demand on the same paths.
    start_level : int64, shape (n_items,)
        Column each item starts the frontier at: what costs no stock.
    step_item, step_level : int64, shape (n_steps,)
        The frontier: item and column of each hull step, by falling `step_slope`.
    step_filled, step_value, step_slope : float64, shape (n_steps,)
        Units a day and cents of stock each step adds, and their ratio.
    """

    levels: Units
    filled_units_per_day: Floats
    stock_value_cents: Floats
    demand_units_per_day: Floats
    start_level: Units
    step_item: Units
    step_level: Units
    step_filled: Floats
    step_value: Floats
    step_slope: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPlan:
    """Order-up-to levels chosen, and what the forecast expects of them.

    Attributes
    ----------
    levels : int64, shape (n_items,)
    predicted_fill_rate : float
        Units filled over units asked for, on the sampled paths; 1 if nothing is asked for.
    predicted_stock_value_cents : int
        Mean end-of-day stock on hand at the items' values.
    multiplier : float
        Units a day that one more cent of stock would fill at the margin [lambda]; 0 when no step is left.
    gap : float
        Proven distance from the best choice among the candidate levels on these paths: share of the units filled
        (budget) or of the stock value (fill target).
    """

    levels: Units
    predicted_fill_rate: float
    predicted_stock_value_cents: int
    multiplier: float
    gap: float


def set_levels(
    forecast: Forecast,
    value_cents: Cents,
    *,
    lead_time_days: Floats,
    budget_cents: int | None = None,
    target_fill_rate: float | None = None,
) -> LevelPlan:
    """Choose the base-stock levels that fill most units for a budget, or cost least stock for a fill target.

    Parameters
    ----------
    forecast : Forecast
        What may be asked for.
    value_cents : int64, shape (n_items,)
        What a unit in stock is counted at, >= 1.
    lead_time_days : float64, shape (most_days + 1,)
        Probability of a lead time of 0, 1, 2, ... days. What is ordered in the evening arrives the next morning at
        the earliest, so a mass on 0 counts as 1.
    budget_cents : int, optional
        Most mean stock value allowed, >= 0.
    target_fill_rate : float, optional
        Unit fill rate to reach, in [0, 1). Exactly one of the two must be given.

    Returns
    -------
    LevelPlan

    Raises
    ------
    FieldError
        Not exactly one aim, or a value out of range.

    See Also
    --------
    level_curves, choose_levels : the two halves, to try several aims on one simulation.
    """
    curves = level_curves(forecast, value_cents, lead_time_days=lead_time_days)
    return choose_levels(curves, budget_cents=budget_cents, target_fill_rate=target_fill_rate)


def level_curves(
    forecast: Forecast,
    value_cents: Cents,
    *,
    lead_time_days: Floats,
    n_paths: int = N_PATHS,
    n_levels: int = N_LEVELS,
) -> LevelCurves:
    """Simulate the candidate levels of every item on its sampled demand.

    Parameters
    ----------
    forecast, value_cents, lead_time_days
        As in `set_levels`.
    n_paths : int
        Sampled horizons per item, a positive multiple of 4.
    n_levels : int
        Candidate levels per item, >= 2.

    Returns
    -------
    LevelCurves

    Raises
    ------
    FieldError
        A value out of range or a shape that does not fit.

    Notes
    -----
    O(n_items n_paths n_levels horizon_days) time at worst; memory for one batch of items and the curves. Stock opens
    at its level, as in the replay, so a horizon begins well supplied.
    """
    n_items, horizon = forecast.n_items, forecast.horizon_days
    if value_cents.shape != (n_items,):
        raise FieldError("value_cents", f"of shape ({n_items},)", value_cents.shape)
    if n_items and int(value_cents.min()) < 1:
        raise FieldError("value_cents", ">= 1", int(value_cents.min()))
    if n_levels < 2:
        raise FieldError("n_levels", ">= 2", n_levels)
    lead = _draw_lead_times(lead_time_days, forecast.seed, n_paths, horizon)
    levels = np.zeros((n_items, n_levels), np.int64)
    filled = np.zeros((n_items, n_levels), np.int64)
    unit_days = np.zeros((n_items, n_levels), np.int64)
    demand = np.zeros(n_items, np.int64)
    batch = max(1, BATCH_DRAWS // (n_paths * horizon))
    for first in range(0, n_items, batch):
        rows = slice(first, min(first + batch, n_items))
        paths = draw_paths(forecast, rows.start, rows.stop, n_paths=n_paths)
        demand[rows] = paths.sum(axis=(1, 2), dtype=np.int64)
        levels[rows] = _candidate_levels(paths, lead, n_levels)
        filled[rows], unit_days[rows] = base_stock_curves(paths, levels[rows], lead)
    n_days = float(n_paths * horizon)
    filled_per_day = filled / n_days
    stock_value = unit_days * (value_cents[:, np.newaxis] / n_days)
    start, item, level, came_from = concave_steps(stock_value, filled_per_day)
    step_filled = filled_per_day[item, level] - filled_per_day[item, came_from]
    step_value = stock_value[item, level] - stock_value[item, came_from]
    slope = step_filled / step_value
    order = np.lexsort((level, item, -slope))
    return LevelCurves(
        levels=levels,
        filled_units_per_day=filled_per_day,
        stock_value_cents=stock_value,
        demand_units_per_day=demand / n_days,
        start_level=start,
        step_item=item[order],
        step_level=level[order],
        step_filled=step_filled[order],
        step_value=step_value[order],
        step_slope=slope[order],
    )


def choose_levels(
    curves: LevelCurves, *, budget_cents: int | None = None, target_fill_rate: float | None = None
) -> LevelPlan:
    """Walk the frontier of `curves` up to a budget or a fill target.

    Parameters
    ----------
    curves : LevelCurves
    budget_cents, target_fill_rate
        As in `set_levels`: exactly one.

    Returns
    -------
    LevelPlan
        Within the budget, or at the target or just above it, on the sampled paths.

    Raises
    ------
    FieldError
        Not exactly one aim, or a value out of range.
    """
    if (budget_cents is None) == (target_fill_rate is None):
        raise FieldError("budget_cents, target_fill_rate", "exactly one of the two", (budget_cents, target_fill_rate))
    column = curves.start_level.copy()
    items = np.arange(column.size)
    filled = curves.filled_units_per_day[items, column].sum() + _running(curves.step_filled)
    value = curves.stock_value_cents[items, column].sum() + _running(curves.step_value)
    n_steps = curves.step_item.size
    demand = float(curves.demand_units_per_day.sum())
    if budget_cents is not None:
        if budget_cents < 0:
            raise FieldError("budget_cents", ">= 0", budget_cents)
        taken = max(0, int(np.searchsorted(value, budget_cents, side="right")) - 1)
        bound = filled[taken]
        if taken < n_steps:
            bound += curves.step_slope[taken] * (budget_cents - value[taken])
        gap = 1.0 - filled[taken] / bound if bound > 0 else 0.0
    else:
        assert target_fill_rate is not None
        if not 0 <= target_fill_rate < 1:
            raise FieldError("target_fill_rate", "from 0 to below 1", target_fill_rate)
        wanted = target_fill_rate * demand
        taken = min(n_steps, int(np.searchsorted(filled, wanted, side="left")))  # the last level loses nothing
        bound = value[taken]
        if taken:
            bound -= (filled[taken] - wanted) / curves.step_slope[taken - 1]
        gap = 1.0 - bound / value[taken] if value[taken] > 0 else 0.0
    np.maximum.at(column, curves.step_item[:taken], curves.step_level[:taken])
    return LevelPlan(
        levels=curves.levels[items, column],
        predicted_fill_rate=float(filled[taken]) / demand if demand > 0 else 1.0,
        predicted_stock_value_cents=round(float(value[taken])),
        multiplier=float(curves.step_slope[taken]) if taken < n_steps else 0.0,
        gap=max(0.0, float(gap)),
    )


def check_level_plan(
    plan: LevelPlan, forecast: Forecast, value_cents: Cents, *, lead_time_days: Floats, n_paths: int = N_PATHS
) -> tuple[float, int]:
    """Recompute a plan's fill rate and stock value from the paths alone, level by level.

    Returns
    -------
    fill_rate : float
    stock_value_cents : int
        Equal to the plan's own prediction when `n_paths` is the number it was made with.
    """
    lead = _draw_lead_times(lead_time_days, forecast.seed, n_paths, forecast.horizon_days)
    filled = asked = 0
    value = 0.0
    for item in range(forecast.n_items):
        paths = draw_paths(forecast, item, item + 1, n_paths=n_paths)
        units, unit_days = base_stock_curves(paths, plan.levels[item].reshape(1, 1), lead)
        filled += int(units[0, 0])
        asked += int(paths.sum(dtype=np.int64))
        value += int(unit_days[0, 0]) * int(value_cents[item]) / (n_paths * forecast.horizon_days)
    return (filled / asked if asked else 1.0), round(value)


def _draw_lead_times(lead_time_days: Floats, seed: int, n_paths: int, horizon: int) -> Units:
    """Lead time of the order of each day of each path, by inverse CDF; the same for all items."""
    share = np.asarray(lead_time_days, dtype=np.float64)
    if share.ndim != 1 or share.size == 0:
        raise FieldError("lead_time_days", "probabilities of 0, 1, 2, ... days", f"shape {share.shape}")
    if not (np.isfinite(share) & (share >= 0)).all() or abs(float(share.sum()) - 1.0) > 1e-9:
        raise FieldError("lead_time_days", "probabilities that sum to 1", float(share.sum()))
    source = np.random.Philox(key=np.array([seed, _LEAD_STREAM], dtype=np.uint64))
    uniform = np.random.Generator(source).random((n_paths, horizon))
    days = np.searchsorted(np.cumsum(share)[:-1], uniform, side="right")
    return np.maximum(days, 1).astype(np.int64)


def _running(steps: Floats) -> Floats:
    """Running sum, from 0."""
    return np.concatenate(([0.0], np.cumsum(steps)))


def _candidate_levels(paths: NDArray[np.int32], lead: Units, n_levels: int) -> Units:
    """Levels from 0 to the most that any path of the item ever wants at once, in about equal ratios."""
    most = peak_outstanding(paths, lead)
    position = np.linspace(0.0, 1.0, n_levels)
    levels = np.rint((most[:, np.newaxis] + 1.0) ** position - 1.0).astype(np.int64)
    step = np.arange(n_levels)
    return np.maximum.accumulate(levels - step, axis=1) + step  # strictly ascending: at least one unit a step
