"""The three tables of items looked at together: each item's statistics, by the method it is given.

Owns the step from a checked past to interval tables, and what the same statistics say about demand that has come since
(for :mod:`omsim.demand.forecast.doubt`). Which method and doubt an item gets, and the checking, are
:mod:`omsim.demand.forecast.predictive`'s. The methods' own statistics stand beside it: :mod:`compound`,
:mod:`intermittent`, :mod:`lifecycle`, :mod:`ets`; the arithmetic of the tables is :mod:`tables`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.forecast.compound import Forecast, ForecastSettings, forecast_from_history
from omsim.demand.forecast.ets import ets_tables
from omsim.demand.forecast.intermittent import forecast_intermittent
from omsim.demand.forecast.lifecycle import (
    LEAST_ALIVE,
    RECENCY_POWER,
    WEEK_DAYS,
    alive_shares,
    launch_chances,
    new_items,
    weekday_factors,
    with_launches,
)
from omsim.demand.forecast.tables import (
    Interval,
    IntervalTables,
    compound_tables,
    in_order,
    joined,
    pascal_chances,
    pascal_tables,
    selected,
    size_table,
    window_tables,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.demand.lead_time import DemandTable

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Mask = NDArray[np.bool_]

SHORTEST_HORIZON_DAYS = 28
USUAL_SHARE = 0.5  # quantile of the compound forecast at the first scale
SCORED_TAIL = 1e-5  # left out of tables that are only read at the demand that came


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is known, checked; of all items or of some.

    Attributes
    ----------
    units : int64, shape (n_items, n_days)
    first_day : date
    open_days : bool, shape (n_days,)
    on_sale_from : int64, shape (n_items,)
    group : int64, shape (n_items,), or None
    settings : ForecastSettings
    seed : int
    weekdays : bool
        Whether every seventh column is alike.
    """

    units: Units
    first_day: date
    open_days: Mask
    on_sale_from: Units
    group: Units | None
    settings: ForecastSettings
    seed: int
    weekdays: bool

    def of(self, items: slice | Units) -> Past:
        """The past of these items only."""
        group = self.group if self.group is None else self.group[items]
        return replace(self, units=self.units[items], on_sale_from=self.on_sale_from[items], group=group)

    def until(self, n_days: int) -> Past:
        """The past as it was known before a day, for items on sale by then or later."""
        return replace(
            self,
            units=np.ascontiguousarray(self.units[:, :n_days]),
            open_days=self.open_days[:n_days],
            on_sale_from=np.minimum(self.on_sale_from, n_days),
        )


def full_sigma(settings: ForecastSettings) -> float:
    """Standard deviation of the logarithm of an item's level that the settings say."""
    return float(np.hypot(settings.rate_sigma, settings.size_sigma))


def doubted_like(method: str) -> str:
    """Which of `omsim.demand.forecast.doubt.DOUBTS` a method takes; "ets" falls back on a negative binomial."""
    if method in ("compound", "negative_binomial"):
        return method
    return "negative_binomial" if method == "ets" else "croston"


def make_tables(
    past: Past, share: Floats, review_days: int, names: NDArray[np.object_], sigma: Floats, tail: float
) -> IntervalTables:
    """Tables of items looked at together, each by its method; a method that could not be used renames its items.

    Parameters
    ----------
    past : Past
    share : float64, shape (1 or n_items, most_days + 1)
        Probability of 0, 1, ... days before an order can be used.
    review_days : int
    names : object, shape (n_items,)
        Method of each item; written to where one could not be used.
    sigma : float64, shape (n_items,)
        Doubt of the level: standard deviation of its logarithm, for the methods that have one.
    tail : float
        Probability that may be left out of each item.
    """
    known = _Known.of(past, share, review_days)
    groups, order = [], []
    if "ets" in names:
        items = np.flatnonzero(names == "ets")
        weekly = bool(known.interval.day_factor.min() < 1.0)
        made, failed = ets_tables(past.units[items], known.interval.select(items), seed=past.seed, weekdays=weekly)
        names[items[failed]] = "negative_binomial"
        fitted = np.setdiff1d(np.arange(items.size), failed)
        groups.append(selected(made, fitted))
        order.append(items[fitted])
    for name in sorted(set(names.tolist()) - {"ets"}):
        for doubt in np.unique(sigma[names == name]).tolist():
            items = np.flatnonzero((names == name) & (sigma == doubt))
            groups.append(_tables_of(known, name, items, doubt, tail))
            order.append(items)
    return in_order(joined(groups), np.concatenate(order)) if groups else joined([])


def demand_chances(
    past: Past, interval_days: int, demand_units: Units, scales: tuple[float, ...]
) -> dict[str, tuple[Floats, Floats]]:
    """Probability of the demand that came, at each scale of the doubt, and the mean forecast, for two methods.

    Of demand up to what is usual, it is the probability of no more than that: what decides a stock is how far above
    the usual demand reaches, and whether little or very little is asked for must not outvote it.

    Parameters
    ----------
    past : Past
        As it was known before.
    interval_days : int
        From then on, the last one being the review's.
    demand_units : int64, shape (n_items,)
        Of the interval.
    scales : tuple of float
        What the settings' doubt is multiplied by.

    Returns
    -------
    dict of "compound" and "negative_binomial" to float64, shapes (n_scales, n_items) and (n_items,)
    """
    known = _Known.of(past, np.eye(interval_days)[[interval_days - 1]], 1)
    items = np.arange(demand_units.size)
    full = full_sigma(past.settings)
    by_table = np.zeros((len(scales), items.size))
    by_formula = np.zeros_like(by_table)
    chance, still, sizes = known.compound(items)
    mean, variance = known.moments(items)
    usual = np.zeros(items.size, dtype=np.int64)
    for row, scale in enumerate(scales):
        sigma = scale * full
        made = compound_tables(chance, sizes, known.interval, sigma=sigma, alive_share=still, tail=SCORED_TAIL)
        table = made.after
        if row == 0:
            usual = table.quantile(USUAL_SHARE)
        above = demand_units > usual
        by_table[row] = table.cdf(np.where(above, demand_units, usual))
        by_table[row, above] -= table.cdf(demand_units - 1)[above]
        by_formula[row] = pascal_chances(mean, variance, interval_days, demand_units, usual, sigma=sigma)
    expected = chance * still * sizes.mean() * interval_days
    return {"compound": (by_table, expected), "negative_binomial": (by_formula, mean * interval_days)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """Statistics of items looked at together, for the days of one interval."""

    past: Past
    forecast: Forecast
    interval: Interval
    open_share: float
    alive: Floats

    @classmethod
    def of(cls, past: Past, share: Floats, review_days: int) -> _Known:
        sold = past.units > 0
        forecast, open_share = _statistics(past, sold, share.shape[1] - 1 + review_days)
        ahead = max(share.shape[1] - 1, WEEK_DAYS)
        day_factor = np.ones(ahead)
        if past.weekdays:
            day_factor = weekday_factors(sold, past.open_days, forecast.open_share[:ahead])
        return cls(
            past=past,
            forecast=forecast,
            interval=Interval(share=share, review_days=review_days, day_factor=day_factor),
            open_share=open_share,
            alive=alive_shares(sold, past.open_days),
        )

    def moments(self, items: Units) -> tuple[Floats, Floats]:
        """Mean and variance of a day's units, for the methods without sizes."""
        sizes = size_table(self.forecast, items)
        mean_size = sizes.mean()
        chance = self.forecast.sale_share[items] * self.open_share * self.alive[items] ** (1.0 - RECENCY_POWER)
        mean = chance * mean_size
        over = chance * (sizes.variance() + mean_size**2) - mean**2
        return mean, np.maximum(over, mean)

    def compound(self, items: Units) -> tuple[Floats, Floats, DemandTable]:
        """Chance of a selling day while the item lives, chance that it does, and units on such a day."""
        still = self.alive[items]
        chance = self.forecast.sale_share[items] * self.open_share / np.maximum(still, LEAST_ALIVE) ** RECENCY_POWER
        return chance, still, size_table(self.forecast, items)

    def rated(self, items: Units, method: str) -> tuple[Floats, Floats, DemandTable]:
        """The same with the rate of one of Croston's family, which knows no death."""
        past, sizes = self.past, size_table(self.forecast, items)
        days = self.interval.share.shape[1] - 1 + self.interval.review_days
        judged = max(1, min(days, past.units.shape[1] // 4))
        rate = forecast_intermittent(past.units, method=method, ahead_periods=judged).units_per_period[items]
        mean_size = sizes.mean()
        chance = np.divide(rate, mean_size, out=np.zeros(items.size), where=mean_size > 0)
        return chance, np.ones(items.size), sizes


def _tables_of(known: _Known, name: str, items: Units, sigma: float, tail: float) -> IntervalTables:
    """Tables of items of one method and doubt."""
    own = known.interval.select(items)
    if name == "empirical":
        past = known.past
        shortest = np.minimum(past.on_sale_from[items], past.units.shape[1] - 1)
        return window_tables(past.units[items], own, shortest=shortest)
    if name in ("poisson", "negative_binomial"):
        mean, variance = known.moments(items)
        if name == "poisson":
            return pascal_tables(mean, mean, own, sigma=0.0, tail=tail)
        return pascal_tables(mean, variance, own, sigma=sigma, tail=tail)
    chance, still, sizes = known.compound(items) if name == "compound" else known.rated(items, name)
    return compound_tables(chance, sizes, own, sigma=sigma, alive_share=still, tail=tail)


def _statistics(past: Past, sold: Mask, most_days: int) -> tuple[Forecast, float]:
    """Chances and sizes of all items, new ones among their like; and the share of days that are open."""
    n_days = past.units.shape[1]
    units, opened = past.units, past.open_days
    if n_days == 1:  # the statistics want two days: one before, closed
        units, opened = np.pad(units, ((0, 0), (1, 0))), np.concatenate(([False], opened))
    forecast = forecast_from_history(
        units,
        first_day=past.first_day - timedelta(days=units.shape[1] - n_days),
        protection_days=1,
        seed=past.seed,
        horizon_days=max(SHORTEST_HORIZON_DAYS, most_days),
        open_days=opened,
        settings=past.settings,
    )
    is_new = new_items(past.open_days, past.on_sale_from)
    if is_new.any():
        chances = launch_chances(sold, past.open_days, past.on_sale_from, past.group)
        forecast = with_launches(forecast, chances, is_new)
    return forecast, float(forecast.open_share[:SHORTEST_HORIZON_DAYS].mean())
