"""Reorder rules to judge side by side: ours, the textbook's, and the published one they are measured against.

Owns what each rule makes of the demand known tonight, one column of levels for each of its aims, lean to ample. Judging
them is :mod:`omsim.experiments.replanning`'s; the optimizer itself is :mod:`omsim.optimize.reorder.replanned_levels`.

Every factory takes the case only for its conditions (value of a unit as known before the cut, lead time, first day),
never for its demand: that is handed over night by night.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from omsim.demand.forecast.intermittent import forecast_intermittent
from omsim.demand.forecast.predictive import predict_demand
from omsim.errors import FieldError
from omsim.optimize.reorder.levels import N_PATHS, choose_levels
from omsim.optimize.reorder.replanned_levels import levels_at_price, plan_levels

if TYPE_CHECKING:
    from omsim.demand.forecast.compound import ForecastSettings
    from omsim.experiments.replanning import RollingCase, Rule

Floats = NDArray[np.float64]
Units = NDArray[np.int64]

CROSTON_WEIGHT = 0.1  # the literature's usual smoothing constant


def optimizer_rule(
    case: RollingCase,
    *,
    prices: Floats | None = None,
    budgets_cents: Units | None = None,
    seed: int = 1,
    settings: ForecastSettings | None = None,
    daily: bool = True,
    horizon_periods: int | None = None,
    n_paths: int = N_PATHS,
) -> Rule:
    """Our plan of every night, at fixed prices on stock or for fixed budgets (one of the two).

    `daily` False says that columns are not days: no weekday or closed day is looked for.
    """
    if (prices is None) == (budgets_cents is None):
        raise FieldError("prices, budgets_cents", "exactly one of the two", (prices, budgets_cents))
    lead = np.eye(case.lead_periods + 1)[case.lead_periods]
    price_list = [] if prices is None else prices.tolist()
    budget_list = [] if budgets_cents is None else budgets_cents.tolist()

    def levels(known: Units) -> Units:
        planned = plan_levels(
            known,
            first_day=case.first_day,
            value_cents=case.value_cents,
            lead_time_days=lead,
            seed=seed,
            price=price_list[0] if price_list else None,
            budget_cents=budget_list[0] if budget_list else None,
            open_days=None if daily else np.ones(known.shape[1], dtype=np.bool_),
            horizon_days=horizon_periods,
            settings=settings,
            n_paths=n_paths,
        )
        plans = [levels_at_price(planned.curves, price) for price in price_list]
        plans += [choose_levels(planned.curves, budget_cents=budget) for budget in budget_list]
        return np.stack([plan.levels for plan in plans], axis=1)

    return levels


def forecast_rule(
    case: RollingCase, *, prices: Floats, seed: int = 1, settings: ForecastSettings | None = None
) -> Rule:
    """The nightly job's forecast with each item's own best level for it: base stock by costs (its aim "cost").

    A unit of stock costs a price times its value and a unit short costs one, so the level covers the interval until
    the next order can be used with a share of 1 / (1 + price times value), on the tables of `predict_demand`.
    """
    before = np.eye(case.lead_periods + 1)[case.lead_periods :]
    covered = 1.0 / (1.0 + prices * case.value_cents[:, None] / 100.0)

    def levels(known: Units) -> Units:
        predicted = predict_demand(
            known,
            first_day=case.first_day,
            before_days=before,
            review_days=1,
            method="compound",
            seed=seed,
            settings=settings,
        )
        return np.stack([predicted.after.quantile(share) for share in covered.T], axis=1)

    return levels


def window_rule(
    case: RollingCase, *, prices: Floats, window_periods: int | None = None, trend_periods: int = 0
) -> Rule:
    """The published twenty-line rule: raise a level while the share of past intervals that reach it is worth its price.

    Intervals are those of the last `window_periods` (None: of the whole history), times a common trend factor: what
    all items sold a day in the last `trend_periods` over what they sold in the window (0: none). Planned anew every
    week on the last 140 days with the trend of the last 28 it lands within half a point of the published curve.
    """
    value = case.value_cents / 100.0

    def levels(known: Units) -> Units:
        seen = known if window_periods is None else known[:, -window_periods:]
        factor = 1.0
        if trend_periods and seen.sum():
            factor = float(known[:, -trend_periods:].sum() / trend_periods / (seen.sum() / seen.shape[1]))
        demand = np.sort(interval_sums(seen, case.protection_periods), axis=1)[:, ::-1] * factor
        reached = (np.arange(demand.shape[1]) + 1) / demand.shape[1]
        columns = []
        for price in prices.tolist():
            column = np.searchsorted(reached, price * value, side="left")
            level = demand[np.arange(column.size), np.minimum(column, demand.shape[1] - 1)]
            columns.append(np.ceil(np.where(price * value <= 1, level, 0.0) - 1e-9))
        return np.stack(columns, axis=1).astype(np.int64)

    return levels


def normal_rule(case: RollingCase, *, shares: Floats) -> Rule:
    """Normal approximation: mean and standard deviation of the whole history, each interval covered with a share."""

    def levels(known: Units) -> Units:
        mean, spread = known.mean(axis=1), known.std(axis=1)
        days = case.protection_periods
        level = mean[:, None] * days + special.ndtri(shares) * spread[:, None] * np.sqrt(days)
        return np.asarray(np.ceil(np.maximum(level, 0.0)).astype(np.int64))

    return levels


def quantile_rule(case: RollingCase, *, shares: Floats) -> Rule:
    """Empirical quantile of each item's demand over past protection intervals, the whole history counted."""

    def levels(known: Units) -> Units:
        demand = interval_sums(known, case.protection_periods)
        return np.ceil(np.quantile(demand, shares, axis=1).T - 1e-9).astype(np.int64)

    return levels


def croston_rule(
    case: RollingCase, *, shares: Floats | None = None, prices: Floats | None = None, method: str = "sba"
) -> Rule:
    """Croston's method or SBA, with a negative binomial around it: mean by the forecast, variance by its past errors.

    Levels cover an interval with the same share for all items (`shares`), or with 1 - price times value of a unit
    (`prices`: one price on stock, as the other priced rules). Variance is the mean squared distance of past intervals
    from the forecast, at least the mean (Poisson), as usual for intermittent demand since Syntetos & Boylan (2006).
    """
    if (prices is None) == (shares is None):
        raise FieldError("prices, shares", "exactly one of the two", (prices, shares))
    if shares is not None:
        covered = np.tile(shares, (case.value_cents.size, 1))
    if prices is not None:
        covered = np.clip(1.0 - prices * case.value_cents[:, None] / 100.0, 0.0, 1.0)

    def levels(known: Units) -> Units:
        from scipy.stats import nbinom

        rate = forecast_intermittent(known, method=method, size_weight=CROSTON_WEIGHT, chance_weight=CROSTON_WEIGHT)
        mean = np.maximum(rate.units_per_period * case.protection_periods, 1e-9)
        error = interval_sums(known, case.protection_periods) - mean[:, None]
        variance = np.maximum((error**2).mean(axis=1), mean * (1 + 1e-6))
        shape = mean**2 / (variance - mean)
        level = nbinom.ppf(covered, shape[:, None], (mean / variance)[:, None])
        wanted = (rate.units_per_period[:, None] > 0) & (covered > 0)
        return np.asarray(np.where(wanted, level, 0.0).astype(np.int64))

    return levels


def interval_sums(units: Units, n_periods: int) -> Units:
    """Units of every interval of `n_periods` in a row; int64, shape (n_items, n_intervals), none if it is too short."""
    running = np.cumsum(np.pad(units, ((0, 0), (1, 0))), axis=1)
    return np.asarray(running[:, n_periods:] - running[:, :-n_periods])
