"""Base-stock levels of all items for tonight, from the history as it is tonight, at one price on stock.

Owns one step of re-planning: history in, levels and what the forecast expects of them out (:func:`plan_levels`). The
nightly job and the rolling proof on real data (:mod:`omsim.experiments.replanning`) call the same function. What may be
asked for is :mod:`omsim.demand.forecast.compound`; what a level fills and holds is
:mod:`omsim.optimize.reorder.levels`. Where predictive tables are at hand instead of sample paths
(:mod:`omsim.demand.forecast.predictive`), :func:`levels_for_shared_fill` makes the same trade between items on them.

Three aims. A *budget* or a *fill target* is reached on average over the coming weeks, so its price on stock moves from
night to night. A *price* stays: the same cent of stock must fill the same number of units in every season, which is
how a mean stock value over a year fills most units (Everett 1963: a price separates the weeks as it separates the
items). On a retailer's autumn the two differed by a tenth of a point of fill at equal stock.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.demand.forecast.compound import Forecast, ForecastSettings, forecast_from_history
from omsim.errors import FieldError
from omsim.optimize.reorder.levels import N_LEVELS, N_PATHS, LevelCurves, LevelPlan, choose_levels, level_curves

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import ArrayLike

    from omsim.demand.lead_time import DemandTable

Floats = NDArray[np.float64]
Units = NDArray[np.int64]
Cents = NDArray[np.int64]
Mask = NDArray[np.bool_]

LOWEST_LOG_PRICE, HIGHEST_LOG_PRICE, PRICE_ROUNDS = -40.0, 20.0, 40

# For histories whose columns are months: every "day" of the settings is one. Chosen on 27 months of spare parts
# (origins after 15 and 18 of them, the months behind each unseen); as flat an optimum as that of the daily defaults.
MONTHLY_SETTINGS = ForecastSettings(
    recent_days=6.0,
    season_share=0.0,
    size_memory_days=24.0,
    own_size_days=10.0,
    pool_neighbours=200,
    youngest_days=4,
    rate_sigma=0.4,
    size_sigma=0.1,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplannedLevels:
    """Levels from tonight on, and all they were chosen from.

    Attributes
    ----------
    plan : LevelPlan
        Levels, and what the forecast expects of them.
    forecast : Forecast
        Predictive demand; its sample paths can be drawn again.
    curves : LevelCurves
        Every candidate level of every item, to try another aim without another forecast.
    """

    plan: LevelPlan
    forecast: Forecast
    curves: LevelCurves

    @property
    def levels(self) -> Units:
        """Order-up-to level of each item; int64, shape (n_items,)."""
        return self.plan.levels


def plan_levels(
    history_units: Units,
    *,
    first_day: date,
    value_cents: Cents,
    lead_time_days: Floats,
    seed: int,
    price: float | None = None,
    budget_cents: int | None = None,
    target_fill_rate: float | None = None,
    open_days: Mask | None = None,
    horizon_days: int | None = None,
    settings: ForecastSettings | None = None,
    n_paths: int = N_PATHS,
    n_levels: int = N_LEVELS,
) -> ReplannedLevels:
    """Set every item's base-stock level by all that is known tonight.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_days)
        Units asked for on each day, the last column being today.
    first_day : date
        Of the first column.
    value_cents : int64, shape (n_items,)
        What a unit in stock is counted at, >= 1.
    lead_time_days : float64, shape (most_days + 1,)
        Probability of a lead time of 0, 1, 2, ... days, counted from the evening of the order to the morning of the
        receipt.
    seed : int
        >= 0. The same every night: levels then move with what was learnt, not with the luck of the draw.
    price : float, optional
        Units a day that one more cent of stock must fill, > 0 (the `multiplier` of another night's plan).
    budget_cents, target_fill_rate
        As in `set_levels`. Exactly one of the three aims must be given.
    open_days, horizon_days, settings
        As in `forecast_from_history`.
    n_paths, n_levels : int
        As in `level_curves`.

    Returns
    -------
    ReplannedLevels

    Raises
    ------
    FieldError
        Not exactly one aim, a value out of range, or a shape that does not fit.

    Notes
    -----
    The period need not be a day: with months as columns, `first_day` and `settings` should say so
    (`MONTHLY_SETTINGS`) and every column be open.
    """
    if [price, budget_cents, target_fill_rate].count(None) != 2:
        got = (price, budget_cents, target_fill_rate)
        raise FieldError("price, budget_cents, target_fill_rate", "exactly one of the three", got)
    forecast = forecast_from_history(
        history_units,
        first_day=first_day,
        protection_days=_protection_days(lead_time_days),
        seed=seed,
        horizon_days=horizon_days,
        open_days=open_days,
        settings=settings,
    )
    curves = level_curves(forecast, value_cents, lead_time_days=lead_time_days, n_paths=n_paths, n_levels=n_levels)
    if price is not None:
        plan = levels_at_price(curves, price)
    else:
        plan = choose_levels(curves, budget_cents=budget_cents, target_fill_rate=target_fill_rate)
    return ReplannedLevels(plan=plan, forecast=forecast, curves=curves)


def levels_at_price(curves: LevelCurves, price: float) -> LevelPlan:
    """Take every step of the frontier whose cent of stock fills at least `price` units a day.

    Parameters
    ----------
    curves : LevelCurves
    price : float
        Units a day per cent of mean stock, > 0 and finite.

    Returns
    -------
    LevelPlan
        Optimal for its price among the candidate levels on their paths: `gap` is 0.

    Raises
    ------
    FieldError
        A price out of range.
    """
    if not (math.isfinite(price) and price > 0):
        raise FieldError("price", "> 0 and finite", price)
    taken = int(np.searchsorted(-curves.step_slope, -price, side="right"))
    column = curves.start_level.copy()
    items = np.arange(column.size)
    filled = float(curves.filled_units_per_day[items, column].sum() + curves.step_filled[:taken].sum())
    value = float(curves.stock_value_cents[items, column].sum() + curves.step_value[:taken].sum())
    np.maximum.at(column, curves.step_item[:taken], curves.step_level[:taken])
    demand = float(curves.demand_units_per_day.sum())
    return LevelPlan(
        levels=curves.levels[items, column],
        predicted_fill_rate=filled / demand if demand > 0 else 1.0,
        predicted_stock_value_cents=round(value),
        multiplier=price,
        gap=0.0,
    )


def levels_for_shared_fill(
    before: DemandTable,
    after: DemandTable,
    *,
    value_cents: Cents,
    target_fill_rate: ArrayLike,
    group: Units | None = None,
) -> tuple[Units, Floats]:
    """Base-stock levels that reach a fill rate over all items of a group together, at one price on stock in each group.

    Parameters
    ----------
    before, after : DemandTable
        Demand until an order can be used, and until the next one can.
    value_cents : int64, shape (n_items,)
        What a unit in stock is counted at, >= 1.
    target_fill_rate : float in [0, 1), or shape (n_groups,)
        Share of a group's units to fill at once (type 2, over the group).
    group : int64, shape (n_items,), optional
        Number of each item's group, 0 .. n_groups - 1. Default: one group.

    Returns
    -------
    levels : int64, shape (n_items,)
        Least stock, to one step of the price, that reaches the targets on these tables.
    price : float64, shape (n_groups,)
        Of each group: units short that a further cent of stock must save in an interval.

    Raises
    ------
    FieldError
        A value out of range, or a shape that does not fit.

    Notes
    -----
    Each item's level covers its interval with a share of 1 / (1 + price times value), which is the best base stock for
    its price (newsvendor; backorders, as in :mod:`omsim.optimize.policies.base_stock`); bisection finds the price. The
    same target for every item by itself spends on dear and erratic items what fills more units elsewhere: on a
    retailer's autumn 7 to 8 points of fill less at the same stock value.
    """
    n_items = after.n_items
    value = np.asarray(value_cents, dtype=np.float64)
    if before.n_items != n_items or value.shape != (n_items,):
        raise FieldError("before, after, value_cents", "of the same items", (before.n_items, n_items, value.shape))
    if n_items and not value.min() >= 1:
        raise FieldError("value_cents", ">= 1", float(value.min()))
    member = np.zeros(n_items, np.int64) if group is None else np.asarray(group, dtype=np.int64)
    wanted = np.atleast_1d(np.asarray(target_fill_rate, dtype=np.float64))
    if member.shape != (n_items,) or (n_items and not (member.min() >= 0 and member.max() < wanted.size)):
        raise FieldError("group", f"of shape ({n_items},), within 0 .. {wanted.size - 1}", member.shape)
    if wanted.ndim != 1 or not ((wanted >= 0) & (wanted < 1)).all():
        raise FieldError("target_fill_rate", "from 0 to below 1", target_fill_rate)
    asked = np.maximum(after.mean() - before.mean(), 0.0)
    asked_of = np.bincount(member, weights=asked, minlength=wanted.size)

    def levels_at(log_price: Floats) -> Units:
        return after.quantile(1.0 / (1.0 + np.exp(log_price)[member] * value))

    def reached(levels: Units) -> Mask:
        short = np.clip(after.expected_short_units(levels) - before.expected_short_units(levels), 0.0, asked)
        return asked_of - np.bincount(member, weights=short, minlength=wanted.size) >= wanted * asked_of

    # At the low end every level is its table's greatest demand, which reaches any target below 1.
    low, high = np.full(wanted.size, LOWEST_LOG_PRICE), np.full(wanted.size, HIGHEST_LOG_PRICE)
    for _ in range(PRICE_ROUNDS):
        middle = (low + high) / 2
        enough = reached(levels_at(middle))
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return levels_at(low), np.exp(low)


def _protection_days(lead_time_days: Floats) -> int:
    """Mean lead time and the day that is reviewed, in whole days."""
    share = np.asarray(lead_time_days, dtype=np.float64)
    if share.ndim != 1 or share.size == 0:
        raise FieldError("lead_time_days", "probabilities of 0, 1, 2, ... days", f"shape {share.shape}")
    if not (np.isfinite(share) & (share >= 0)).all() or abs(float(share.sum()) - 1.0) > 1e-9:
        raise FieldError("lead_time_days", "probabilities that sum to 1", float(share.sum()))
    return max(1, round(float(share @ np.arange(share.size)))) + 1
