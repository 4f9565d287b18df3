"""Daily demand models turned into whole-unit tables of a period, before and after an order can be used.

Owns the arithmetic from "sells with this chance, in these sizes, at a level known this well" to the three
`DemandTable`s of a night: compound sums by FFT, mixed negative binomials, and observed windows. Where chances, sizes
and levels come from is for :mod:`omsim.demand.forecast.predictive` and its neighbours.

The doubt about an item's level is a factor of mean 1 common to all days of the interval, lognormal, taken at points
equally spaced in its logarithm: as many as it needs for no gaps to show between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from omsim.demand.lead_time import MOST_UNITS, DemandTable
from omsim.errors import FieldError
from omsim.kernels.forecast_tables import (
    compound_points,
    fill_sizes,
    kept_lengths,
    mix_transforms,
    pack_rows,
    scale_sizes,
    scatter_rows,
    size_supports,
)
from omsim.kernels.forecast_windows import doubted_pascal_supports, fill_doubted_pascals, fill_windows, window_supports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omsim.demand.forecast.compound import Forecast

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

DOUBT_REACH = 3.0  # standard deviations of the log level that are looked at
LEVEL_COUNTS = (5, 9, 17, 33)
WIDEST_STEP = 1.2  # between levels, in coefficients of variation of the demand within one
MOST_POINTS = 16_384  # of a transform; longer demand is worked out on a grid of several units a point
BATCH_DOUBLES = 1 << 20  # of the largest array of a batch: stays in the cache
CHERNOFF_LEVELS = 5
TINY_UNITS = 1e-6  # stands for no units at all where a logarithm is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The days a night's order is for.

    Attributes
    ----------
    share : float64, shape (1 or n_items, most_days + 1)
        Probability of 0, 1, ... days before the order can be used.
    review_days : int
        Days from then on that it must serve, >= 1.
    day_factor : float64, shape (most_days,)
        What each coming day multiplies the chance of a sale by.
    """

    share: Floats
    review_days: int
    day_factor: Floats

    def select(self, items: Units) -> Interval:
        """The interval of these items only."""
        share = self.share[items] if self.share.shape[0] > 1 else self.share
        return Interval(share=share, review_days=self.review_days, day_factor=self.day_factor)

    def busiest(self) -> float:
        """Most a day multiplies the chance of a sale by, at least 1."""
        return float(np.max(self.day_factor, initial=1.0))

    def longest_days(self, n_items: int) -> Units:
        """Most days each item's interval can last, the review's included; int64, shape (n_items,)."""
        possible = self.share > 0
        longest = possible.shape[1] - 1 - np.argmax(possible[:, ::-1], axis=1)
        return np.asarray(np.broadcast_to(longest, (n_items,)) + self.review_days, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalTables:
    """Demand of a review period, before an order can be used, and until the next one can."""

    period: DemandTable
    before: DemandTable
    after: DemandTable


def doubt_levels(sigma: float, n_levels: int) -> tuple[Floats, Floats]:
    """Levels a doubtful rate may have, of mean 1, and their probabilities; float64, shape (n_levels,) both."""
    if sigma <= 0:
        return np.ones(1), np.ones(1)
    z = np.linspace(-DOUBT_REACH, DOUBT_REACH, n_levels)
    weight = np.exp(-0.5 * z * z)
    weight /= weight.sum()
    factor = np.exp(sigma * z)
    return factor / (weight @ factor), weight


def size_table(forecast: Forecast, items: Units) -> DemandTable:
    """Units on a selling day of some items: own sizes and pooled ones, at least 1."""
    own, pool, share = forecast.own_range[items], forecast.pool_range[items], forecast.own_share[items]
    typical = forecast.typical_units[items]
    points = size_supports(own, pool, share, typical, forecast.size_units, forecast.size_ratio)
    if points.max(initial=1) > MOST_UNITS:
        raise FieldError("history_units", f"such that a day's demand stays below {MOST_UNITS:,}", int(points.max()))
    begin = np.zeros(points.size + 1, dtype=np.int64)
    np.cumsum(points, out=begin[1:])
    pmf = np.zeros(int(begin[-1]))
    weight = np.diff(forecast.cumulative_weight)
    fill_sizes(own, pool, share, typical, forecast.size_units, forecast.size_ratio, weight, begin, pmf)
    return DemandTable(pmf=pmf, first=begin, omitted_share=0.0)


def compound_tables(
    sale_share: Floats, sizes: DemandTable, interval: Interval, *, sigma: float, alive_share: Floats, tail: float
) -> IntervalTables:
    """Days that sell or not, sizes of those that do, a common doubt about the level, and the chance it is over.

    Parameters
    ----------
    sale_share : float64, shape (n_items,)
        Probability of a selling day; what is above 1 makes sizes larger.
    sizes : DemandTable
        Units on one.
    interval : Interval
    sigma : float
        Standard deviation of the logarithm of the level.
    alive_share : float64, shape (n_items,)
        Probability that the item sells at all any more.
    tail : float
        Probability that may be left out of each item.

    Notes
    -----
    O(days x levels x n + levels x n log n) an item, n the points kept. The transform of a day is 1 - p + p s, s that
    of its sizes; days multiply, lengths and levels add. n holds all but `tail` by Chernoff's bound. What is longer
    than `MOST_POINTS` is worked out in steps of several units, sizes shared between steps so that the mean is kept.
    """
    n_items = sale_share.size
    days = interval.longest_days(n_items)
    factor, weight = doubt_levels(sigma, CHERNOFF_LEVELS)
    middle = factor.size // 2  # lower levels sell less than it does, so the bound may count their chances as its own
    weight[middle] += weight[:middle].sum()
    factor, weight = factor[middle:], weight[middle:]
    busiest = interval.busiest()
    points = compound_points(sizes.first, sizes.pmf, sale_share, days.astype(np.float64), factor, weight, busiest, tail)
    if points.max(initial=1) > MOST_UNITS:
        raise FieldError("history_units", f"such that demand stays below {MOST_UNITS:,}", int(points.max()))
    quantum = 1 << np.maximum(0, np.ceil(np.log2(points / MOST_POINTS))).astype(np.int64)
    length = 1 << np.ceil(np.log2(np.maximum(4, points / quantum + 1))).astype(np.int64)
    levels = _level_counts(sale_share, sizes, interval, sigma)
    tails = _tails(tail, interval, int(days.max(initial=1)))
    parts: list[list[tuple[Units, Units, Floats]]] = [[], [], []]
    keys = np.stack([quantum, length, levels], axis=1)
    for q, n, n_levels in np.unique(keys, axis=0).tolist():
        alike = np.flatnonzero((quantum == q) & (length == n) & (levels == n_levels))
        step = max(1, BATCH_DOUBLES // (n * n_levels))
        for items in np.split(alike, range(step, alike.size, step)):
            dense = _compound_batch(items, sale_share, sizes, interval, sigma, alive_share, q, n, n_levels)
            for part in range(3):
                kept = kept_lengths(dense[part], tails[part])
                at = np.zeros(kept.size + 1, dtype=np.int64)
                np.cumsum(kept * q, out=at[1:])
                rows = np.empty(int(at[-1]))
                pack_rows(dense[part], kept, q, at[:-1], rows)
                parts[part].append((items, kept * q, rows))
    period, before, after = (_gathered(n_items, part, 2.0 * tail) for part in parts)
    return IntervalTables(period=period, before=before, after=after)


def pascal_tables(
    mean_units: Floats, variance_units: Floats, interval: Interval, *, sigma: float, tail: float
) -> IntervalTables:
    """Independent days, negative binomial or Poisson (variance equal to the mean), under a common doubt of the level.

    Parameters
    ----------
    mean_units, variance_units : float64, shape (n_items,)
        Of one day; variance at least the mean.
    interval, sigma, tail
        As in `compound_tables`; the days' factors are taken at their mean.
    """
    certain, review = np.array([[1.0]]), interval.review_days
    tails = _tails(tail, interval, int(interval.longest_days(mean_units.size).max(initial=1)))
    tables = []
    for part, (share, extra) in enumerate(((certain, review), (interval.share, 0), (interval.share, review))):
        factor, weight = doubt_levels(sigma, LEVEL_COUNTS[-1])
        each = tails[part] / factor.size  # every level leaves out its part
        points = doubted_pascal_supports(mean_units, variance_units, share, extra, factor, weight, each)
        if points.max(initial=1) > MOST_UNITS:
            raise FieldError("history_units", f"such that demand stays below {MOST_UNITS:,}", int(points.max()))
        first = np.zeros(points.size + 1, dtype=np.int64)
        np.cumsum(points, out=first[1:])
        pmf = np.zeros(int(first[-1]))
        fill_doubted_pascals(mean_units, variance_units, share, extra, factor, weight, first, pmf)
        tables.append(DemandTable(pmf=pmf, first=first, omitted_share=tails[part]))
    return IntervalTables(period=tables[0], before=tables[1], after=tables[2])


def pascal_chances(
    mean_units: Floats, variance_units: Floats, n_days: int, demand_units: Units, usual_units: Units, *, sigma: float
) -> Floats:
    """Probability `pascal_tables` give one demand over a sure number of days, without making them; shape (n_items,).

    Parameters
    ----------
    mean_units, variance_units, sigma
        As in `pascal_tables`.
    n_days : int
        >= 1.
    demand_units, usual_units : int64, shape (n_items,)
        The demand; of one up to the usual, the probability of at most the usual is given.
    """
    factor, weight = doubt_levels(sigma, LEVEL_COUNTS[-1])
    level = np.maximum(mean_units * n_days, TINY_UNITS)[:, None] * factor
    ratio = np.divide(variance_units, mean_units, out=np.ones(mean_units.size), where=mean_units > 0)
    over = np.maximum(ratio - 1.0, TINY_UNITS)[:, None]  # the Poisson is the limit
    law = stats.nbinom(level / over, 1.0 / (1.0 + over))
    above = (demand_units > usual_units)[:, None]
    units = np.maximum(demand_units, usual_units)[:, None]
    mixed: Floats = np.where(above, law.pmf(units), law.cdf(units)) @ weight
    return mixed


def window_tables(history_units: Units, interval: Interval, *, shortest: Units) -> IntervalTables:
    """Sums of all overlapping windows of the history as long as the interval, each counting alike.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_days)
    interval : Interval
    shortest : int64, shape (n_items,)
        First day of each item whose windows count. Where fewer days are left than the interval has, their sum counts
        in proportion.
    """
    points = window_supports(history_units, interval.share, interval.review_days, shortest)
    if points.max(initial=1) > MOST_UNITS:
        raise FieldError("history_units", f"such that demand stays below {MOST_UNITS:,}", int(points.max()))
    tables = []
    for part in range(3):
        first = np.zeros(points.shape[1] + 1, dtype=np.int64)
        np.cumsum(points[part], out=first[1:])
        pmf = np.zeros(int(first[-1]))
        fill_windows(history_units, interval.share, interval.review_days, part, shortest, first, pmf)
        tables.append(DemandTable(pmf=pmf, first=first, omitted_share=0.0))
    return IntervalTables(period=tables[0], before=tables[1], after=tables[2])


def joined(tables: Sequence[IntervalTables]) -> IntervalTables:
    """Tables of several groups of items, one after the other."""
    if len(tables) == 1:
        return tables[0]
    return IntervalTables(
        period=_joined([t.period for t in tables]),
        before=_joined([t.before for t in tables]),
        after=_joined([t.after for t in tables]),
    )


def in_order(tables: IntervalTables, items: Units) -> IntervalTables:
    """Row k of `tables` moved to row `items[k]`, a permutation."""
    if np.array_equal(items, np.arange(items.size)):
        return tables
    parts = [
        _gathered(items.size, [(items, np.diff(table.first), table.pmf)], table.omitted_share)
        for table in (tables.period, tables.before, tables.after)
    ]
    return IntervalTables(period=parts[0], before=parts[1], after=parts[2])


def selected(tables: IntervalTables, items: Units) -> IntervalTables:
    """Tables of these items only, in this order."""
    return IntervalTables(
        period=tables.period.select(items), before=tables.before.select(items), after=tables.after.select(items)
    )


def _tails(tail: float, interval: Interval, longest_days: int) -> tuple[float, float, float]:
    """What may be left out of period, before and after: of a short period in proportion, lest its mean suffer more."""
    return tail * interval.review_days / longest_days, tail, tail


def _level_counts(sale_share: Floats, sizes: DemandTable, interval: Interval, sigma: float) -> Units:
    """Levels of the doubt each item needs: the narrower its demand at one level, the more of them."""
    if sigma <= 0:
        return np.ones(sale_share.size, dtype=np.int64)
    mean, variance = sizes.mean(), sizes.variance()
    days = np.maximum(1.0, interval.share @ np.arange(interval.share.shape[1]))
    squared = np.divide(variance + mean**2, sale_share * mean**2, out=np.full(mean.size, 1e6), where=sale_share > 0)
    spread = np.sqrt(np.maximum(squared - 1.0, 1e-6) / days)
    counts = np.full(sale_share.size, LEVEL_COUNTS[-1], dtype=np.int64)
    for n_levels in LEVEL_COUNTS[-2::-1]:
        counts[2 * DOUBT_REACH * sigma / (n_levels - 1) <= WIDEST_STEP * spread] = n_levels
    return counts


def _compound_batch(
    items: Units,
    sale_share: Floats,
    sizes: DemandTable,
    interval: Interval,
    sigma: float,
    alive_share: Floats,
    quantum: int,
    n_points: int,
    n_levels: int,
) -> list[Floats]:
    """Dense distributions of one batch of items alike in length; three of float64, shape (n_chosen, n_points)."""
    factor, weight = doubt_levels(sigma, n_levels)
    scaled = np.zeros((items.size, factor.size, n_points))
    scale_sizes(items, sizes.first, sizes.pmf, sale_share, factor, interval.busiest(), quantum, scaled)
    transforms = np.fft.rfft(scaled, axis=2)
    mixed = np.empty((3, 2, items.size, transforms.shape[2]))
    mix_transforms(
        np.ascontiguousarray(transforms.real),
        np.ascontiguousarray(transforms.imag),
        items,
        sale_share,
        factor,
        weight,
        alive_share,
        interval.day_factor,
        interval.busiest(),
        interval.share,
        interval.review_days,
        mixed,
    )
    return [np.fft.irfft(real + 1j * imaginary, n=n_points, axis=1) for real, imaginary in mixed]


def _gathered(n_items: int, batches: list[tuple[Units, Units, Floats]], omitted_share: float) -> DemandTable:
    """Rows of batches of items, each packed, put in the items' order."""
    lengths = np.zeros(n_items, dtype=np.int64)
    for items, kept, _ in batches:
        lengths[items] = kept
    first = np.zeros(n_items + 1, dtype=np.int64)
    np.cumsum(lengths, out=first[1:])
    pmf = np.empty(int(first[-1]))
    for items, kept, rows in batches:
        scatter_rows(items, kept, rows, first, pmf)
    return DemandTable(pmf=pmf, first=first, omitted_share=omitted_share)


def _joined(tables: list[DemandTable]) -> DemandTable:
    sizes = np.concatenate([np.diff(table.first) for table in tables] or [np.zeros(0, dtype=np.int64)])
    first = np.zeros(sizes.size + 1, dtype=np.int64)
    np.cumsum(sizes, out=first[1:])
    return DemandTable(
        pmf=np.concatenate([table.pmf for table in tables] or [np.zeros(0)]),
        first=first,
        omitted_share=max((table.omitted_share for table in tables), default=0.0),
    )
