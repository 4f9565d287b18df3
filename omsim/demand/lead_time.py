"""Demand over a lead time or protection interval, as whole-unit distributions of many items at once.

Owns the table of distributions and the three ways to make one: Poisson, negative binomial, and an observed
distribution of one period convolved over a fixed or random number of periods. How many periods an interval has is
said by the caller, in `Periods`; what is done with the table (policies, targets, costs) is `omsim.optimize`'s.

Counting periods
----------------
Demand of a period comes after the period's receipts. An order placed before the demand of period 0 with a lead time
of L periods can be used from period L on. So the demand *before* it can be used is that of L periods, and with
reviews every R periods the last period it must cover ends after L + R periods (the protection interval); daily
review is R = 1. Continuous review has no extra period: use `DemandTable.plus_units`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.errors import FieldError
from omsim.kernels.distributions import (
    chernoff_points,
    demand_moments,
    fill_pascal,
    kept_points,
    pascal_supports,
    share_within,
    smallest_level,
    units_beyond,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

TAIL = 1e-12  # probability an item's table may leave out
MOST_UNITS = 20_000_000  # a longer support is an absurd input, not a demand
BATCH_POINTS = 1 << 21  # of one batch of transforms, to keep memory small


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """How many periods an interval lasts: a distribution, one for all items or one each.

    Attributes
    ----------
    share : float64, shape (1 or n_items, most_periods + 1)
        Probability of 0, 1, 2, ... periods; rows sum to 1.
    """

    share: Floats

    def __post_init__(self) -> None:
        if self.share.ndim != 2 or self.share.size == 0:
            raise FieldError("periods", "a table of shape (items, periods)", f"shape {self.share.shape}")
        legal = np.isfinite(self.share) & (self.share >= 0)
        if not legal.all():
            raise FieldError("periods", "probabilities >= 0", float(self.share[~legal].flat[0]))
        sums = self.share.sum(axis=1)
        if (np.abs(sums - 1.0) > 1e-9).any():
            raise FieldError("periods", "probabilities that sum to 1", float(sums[np.argmax(np.abs(sums - 1.0))]))

    @classmethod
    def fixed(cls, n_periods: ArrayLike) -> Periods:
        """The same number of periods always: one number for all items, or int, shape (n_items,)."""
        size = np.size(n_periods)
        counts = checked_units("periods", n_periods, size, most=100_000)
        share = np.zeros((size, int(counts.max(initial=0)) + 1))
        share[np.arange(size), counts] = 1.0
        return cls(share=share)

    @classmethod
    def random(cls, share: ArrayLike) -> Periods:
        """A random number of periods: probabilities of 0, 1, 2, ..., shape (n,) for all items or (n_items, n).

        Rows are scaled to sum to 1 exactly when they do so to 1e-9.
        """
        table = np.atleast_2d(np.asarray(share, dtype=np.float64))
        checked = cls(share=table)
        return cls(share=checked.share / checked.share.sum(axis=1, keepdims=True))

    def plus(self, n_periods: int) -> Periods:
        """The interval followed by `n_periods` more, e.g. lead time plus the review period."""
        if n_periods < 0:
            raise FieldError("n_periods", ">= 0", n_periods)
        return Periods(share=np.pad(self.share, ((0, 0), (n_periods, 0))))

    def mean(self) -> Floats:
        """Mean number of periods, shape (1 or n_items,)."""
        return self.share @ np.arange(self.share.shape[1], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandTable:
    """Whole-unit distributions of many items, each with a support of its own length.

    Ragged, because one item in a thousand sells by the thousand: a rectangular table would give every item that
    item's width.

    Attributes
    ----------
    pmf : float64, shape (n_points,)
        Probability of 0, 1, 2, ... units of item 0, then of item 1, and so on; each item's sum to 1.
    first : int64, shape (n_items + 1,)
        Where each item's probabilities begin in `pmf`, and the end.
    omitted_share : float
        Bound on the probability left out of each item before scaling to 1; hence no probability computed from the
        table is wrong by more.
    """

    pmf: Floats
    first: Units
    omitted_share: float

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.first.size - 1

    def row(self, item: int) -> Floats:
        """Probabilities of 0, 1, 2, ... units of one item (a view)."""
        return self.pmf[self.first[item] : self.first[item + 1]]

    def dense(self) -> Floats:
        """All items as one rectangle, float64, shape (n_items, n_support), zeros beyond each item's support."""
        lengths = np.diff(self.first)
        table = np.zeros((self.n_items, int(lengths.max(initial=1))))
        table[np.arange(table.shape[1]) < lengths[:, None]] = self.pmf
        return table

    def mean(self) -> Floats:
        """Mean units, float64, shape (n_items,)."""
        return demand_moments(self.pmf, self.first)[0]

    def variance(self) -> Floats:
        """Variance of units, float64, shape (n_items,)."""
        return demand_moments(self.pmf, self.first)[1]

    def cdf(self, level_units: ArrayLike) -> Floats:
        """Probability that demand is at most `level_units` (one level, or one for each item)."""
        return share_within(self.pmf, self.first, self._levels(level_units))

    def expected_short_units(self, level_units: ArrayLike) -> Floats:
        """Expected demand above `level_units`: E[(D - level)+], float64, shape (n_items,)."""
        return units_beyond(self.pmf, self.first, self._levels(level_units))

    def expected_left_units(self, level_units: ArrayLike) -> Floats:
        """Expected units left of `level_units`: E[(level - D)+], float64, shape (n_items,)."""
        levels = self._levels(level_units)
        return levels - self.mean() + units_beyond(self.pmf, self.first, levels)

    def quantile(self, share: ArrayLike) -> Units:
        """Smallest level that demand stays within with probability `share`, int64, shape (n_items,)."""
        column = checked_column("share", share, self.n_items, most=1.0)
        return smallest_level(self.pmf, self.first, 1.0 - column)

    def plus_units(self, n_units: int) -> DemandTable:
        """Each item's demand and `n_units` more.

        Under continuous review with unit demands, demand *after* a customer is demand *before* plus one unit.
        """
        if n_units < 0:
            raise FieldError("n_units", ">= 0", n_units)
        rows = [np.concatenate([np.zeros(n_units), self.row(i)]) for i in range(self.n_items)]
        return ragged(rows, omitted_share=self.omitted_share)

    def select(self, items: ArrayLike) -> DemandTable:
        """The table of these items only, in this order."""
        return ragged(
            [self.row(i) for i in np.asarray(items, dtype=np.int64).tolist()], omitted_share=self.omitted_share
        )

    def _levels(self, level_units: ArrayLike) -> Units:
        return checked_units("level_units", level_units, self.n_items, least=-(10**12))


def ragged(rows: Sequence[Floats], *, omitted_share: float = 0.0) -> DemandTable:
    """Join rows of probabilities, trusted to be right, into a table."""
    first = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum([row.size for row in rows], out=first[1:])
    pmf = np.concatenate(rows) if rows else np.zeros(0)
    return DemandTable(pmf=pmf, first=first, omitted_share=omitted_share)


def read_distributions(rows: Sequence[ArrayLike]) -> DemandTable:
    """Make a table of given distributions, checked.

    Parameters
    ----------
    rows : sequence of arrays
        For each item the probabilities of 0, 1, 2, ... units.

    Returns
    -------
    DemandTable

    Raises
    ------
    FieldError
        A row is empty, holds a number that is not finite or below 0, or does not sum to 1 within 1e-9.

    Examples
    --------
    >>> read_distributions([[0.5, 0.25, 0.25]]).mean().tolist()
    [0.75]
    """
    checked = []
    for given in rows:
        row = np.atleast_1d(np.asarray(given, dtype=np.float64))
        legal = np.isfinite(row) & (row >= 0)
        if row.ndim != 1 or row.size == 0:
            raise FieldError("distribution", "a row of probabilities", f"shape {row.shape}")
        if not legal.all():
            raise FieldError("distribution", "probabilities >= 0", float(row[~legal][0]))
        if abs(row.sum() - 1.0) > 1e-9:
            raise FieldError("distribution", "probabilities that sum to 1", float(row.sum()))
        checked.append(np.trim_zeros(row / row.sum(), "b"))
    return ragged(checked)


def observed_demand(units: ArrayLike) -> DemandTable:
    """Distribution of one period's demand as observed, each period counting alike.

    Parameters
    ----------
    units : int, shape (n_items, n_periods)
        Units asked for, >= 0, by item and period, periods without demand included.

    Returns
    -------
    DemandTable
        Of one period.
    """
    table = np.atleast_2d(np.asarray(units))
    if table.size == 0:
        raise FieldError("units", "at least one item and one period", f"shape {table.shape}")
    flat = checked_units("units", table.ravel(), table.size, most=MOST_UNITS)
    table = flat.reshape(table.shape)
    return ragged([np.bincount(row) / row.size for row in table])


def poisson_demand(mean_units: ArrayLike, periods: Periods, *, tail: float = TAIL) -> DemandTable:
    """Poisson demand over an interval.

    Parameters
    ----------
    mean_units : float, shape (n_items,) or one number
        Mean of one period, >= 0.
    periods : Periods
        Length of the interval; see the module for what counts.
    tail : float
        Probability that may be left out of each item.

    Returns
    -------
    DemandTable

    Raises
    ------
    FieldError
        Not finite, negative, or absurdly large.

    Examples
    --------
    >>> two_weeks = poisson_demand([1.5, 0.2], Periods.fixed(14))
    >>> [round(mean, 6) for mean in two_weeks.mean().tolist()]
    [21.0, 2.8]
    """
    n_items = max(np.size(mean_units), periods.share.shape[0])
    mean = checked_column("mean_units", mean_units, n_items, most=MOST_UNITS / 2)
    return _pascal(mean, mean, periods, tail)


def negative_binomial_demand(
    mean_units: ArrayLike, variance_units: ArrayLike, periods: Periods, *, tail: float = TAIL
) -> DemandTable:
    """Negative binomial demand over an interval: independent periods, variance above the mean.

    Parameters
    ----------
    mean_units, variance_units : float, shape (n_items,) or one number
        Of one period; variance >= mean. Equal is the Poisson limit.
    periods, tail
        As in `poisson_demand`.

    Returns
    -------
    DemandTable

    Raises
    ------
    FieldError
        Not finite, negative, absurdly large, or a variance below its mean, or above a mean of 0.
    """
    n_items = max(np.size(mean_units), np.size(variance_units), periods.share.shape[0])
    mean = checked_column("mean_units", mean_units, n_items, most=MOST_UNITS / 2)
    variance = checked_column("variance_units", variance_units, n_items)
    low = variance < mean
    if low.any():
        rule = f"at least the mean ({mean[low][0]:g}); use poisson_demand or an observed distribution"
        raise FieldError("variance_units", rule, float(variance[low][0]))
    idle = (mean == 0) & (variance > 0)
    if idle.any():
        raise FieldError("variance_units", "0 where the mean is 0", float(variance[idle][0]))
    return _pascal(mean, variance, periods, tail)


def _pascal(mean: Floats, variance: Floats, periods: Periods, tail: float) -> DemandTable:
    _check_rows(mean.size, periods)
    checked_column("tail", tail, 1, least=0.0, most=0.01, open_ends=True)
    most = periods.share.shape[1] - 1
    # a generous bound before anything is built: beyond it the terms fall by at least step a unit
    reach = mean * most + 40.0 * np.sqrt(variance * most) + 40.0 * variance / np.maximum(mean, 1e-12)
    absurd = (mean > 0) & (reach > MOST_UNITS)
    if absurd.any():
        raise FieldError("mean_units", f"such that demand stays below {MOST_UNITS:,}", float(mean[absurd][0]))
    first = np.zeros(mean.size + 1, dtype=np.int64)
    np.cumsum(pascal_supports(mean, variance, periods.share, tail), out=first[1:])
    pmf = np.zeros(int(first[-1]))
    fill_pascal(mean, variance, periods.share, first, pmf)
    return DemandTable(pmf=pmf, first=first, omitted_share=tail)


def convolved_demand(period: DemandTable, periods: Periods, *, tail: float = TAIL) -> DemandTable:
    """Demand over an interval of independent periods, each distributed as `period`.

    Parameters
    ----------
    period : DemandTable
        Demand of one period.
    periods : Periods
        Length of the interval, fixed or random.
    tail : float
        Probability that may be cut off at the top of each item.

    Returns
    -------
    DemandTable

    Notes
    -----
    The transform of the interval's demand is a polynomial in the transform of a period's (Horner's rule), O(n log n)
    an item with n the support kept. n comes from a Chernoff bound, so what wraps around is at most `tail`; what is
    cut is at most another `tail`; transforms add rounding of order 1e-16 a point, and points below that are noise
    and set to zero. `omitted_share` states the sum.
    """
    _check_rows(period.n_items, periods)
    checked_column("tail", tail, 1, least=0.0, most=0.01, open_ends=True)
    n_items = max(period.n_items, periods.share.shape[0])
    if period.n_items < n_items:
        period = period.select(np.zeros(n_items, dtype=np.int64))
    n_points = chernoff_points(period.pmf, period.first, periods.share, tail)
    if n_points.max(initial=1) > MOST_UNITS:
        raise FieldError("periods", f"such that demand stays below {MOST_UNITS:,}", int(n_points.max()))
    lengths = 1 << np.ceil(np.log2(np.maximum(n_points, np.diff(period.first)))).astype(np.int64)
    rows: list[Floats] = [np.ones(1)] * n_items
    for length in np.unique(lengths).tolist():
        alike = np.flatnonzero(lengths == length)
        step = max(1, BATCH_POINTS // length)
        for items in np.split(alike, range(step, alike.size, step)):
            share = periods.share[items] if periods.share.shape[0] > 1 else periods.share
            table = _powers(period.select(items), share, length)
            kept = kept_points(table, tail)
            for item, row, n_kept in zip(items.tolist(), table, kept.tolist(), strict=True):
                rows[item] = row[:n_kept] / row[:n_kept].sum()
    return ragged(rows, omitted_share=period.omitted_share * (periods.share.shape[1] - 1) + 2.0 * tail)


def _powers(period: DemandTable, share: Floats, length: int) -> Floats:
    """Dense distributions, shape (n_items, length), of as many periods as `share` says."""
    one = np.fft.rfft(period.dense(), n=length, axis=1)
    total = np.repeat(share[:, -1:].astype(np.complex128), one.shape[1], axis=1)
    if share.shape[0] < one.shape[0]:
        total = np.repeat(total, one.shape[0], axis=0)
    for n_periods in range(share.shape[1] - 2, -1, -1):
        total *= one
        if share[:, n_periods].any():
            total += share[:, n_periods, None]
    table = np.fft.irfft(total, n=length, axis=1)
    table[table < 1e-17] = 0.0
    return np.ascontiguousarray(table)


def _check_rows(n_items: int, periods: Periods) -> None:
    rows = periods.share.shape[0]
    if rows not in (1, n_items) and n_items != 1:
        raise FieldError("periods", f"one row or {n_items} rows", f"{rows} rows")
