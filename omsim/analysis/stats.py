"""How sure an answer is: means over replications with Student intervals, and differences paired by replication.

Owns the statistics of a handful of independent replications. Each replication gives one value of a KPI (a ratio or a
quantile of that run), and the interval is over those values; values are never pooled across replications.

Rules for small samples: one replication has a mean and no interval; a KPI without a value in some replications uses
those that have one (of a pair, both) and says how many were left out; below `FEW` replications the interval is given
and marked, since it leans on the values being near normal. Intervals hold for each KPI on its own, not for all at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from omsim.analysis.kpis import KpiTable

    Floats = NDArray[np.float64]

CONFIDENCE = 0.95
FEW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Mean of a quantity over replications.

    Attributes
    ----------
    mean : float
        NaN when no replication has a value.
    half_width : float
        Of the confidence interval; NaN when there is none.
    n : int
        Replications with a value.
    n_null : int
        Replications without one.
    """

    mean: float
    half_width: float
    n: int
    n_null: int

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return self.mean + self.half_width

    @property
    def note(self) -> str:
        """What a reader must know about this interval; empty = nothing."""
        parts = []
        if self.n == 0:
            parts.append("no value in any replication")
        elif self.n == 1:
            parts.append("one replication: no interval")
        elif self.n < FEW:
            parts.append(f"only {self.n} replications")
        if self.n and self.n_null:
            parts.append(f"no value in {self.n_null} of {self.n + self.n_null} replications")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Variant minus baseline, replication by replication.

    Attributes
    ----------
    baseline, variant : Estimate
        Over the replications in which both have a value.
    difference : Estimate
        Of variant minus baseline in the same replication.
    share_above, share_below : float
        Shares of the replications in which the variant is above, and below, the baseline.
    """

    baseline: Estimate
    variant: Estimate
    difference: Estimate
    share_above: float
    share_below: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves zero out."""
        return bool(self.difference.low > 0 or self.difference.high < 0)


def half_widths(values: ArrayLike, confidence: float = CONFIDENCE) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Means and half-widths of many quantities at once.

    Parameters
    ----------
    values : float64, shape (n_replications, n_quantities)
        NaN = no value.
    confidence : float in (0, 1)

    Returns
    -------
    mean, half_width : float64, shape (n_quantities,)
        NaN where no replication, or fewer than two, have a value.
    n : int64, shape (n_quantities,)
        Replications with a value.

    Notes
    -----
    Student's t with n - 1 degrees of freedom; two passes, so a spread that is tiny beside the mean keeps its digits.
    """
    values = np.asarray(values, dtype=np.float64)
    known = np.isfinite(values)
    n = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(known, values, 0.0).sum(axis=0) / n
        spread = np.where(known, values - mean, 0.0)
        variance = (spread**2).sum(axis=0) / (n - 1)
        quantile = stdtrit(np.maximum(n - 1, 1), 0.5 + confidence / 2)
        half_width = np.where(n > 1, quantile * np.sqrt(variance / n), np.nan)
    return mean, half_width, n


def estimate(values: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Mean of one quantity over replications; NaN = a replication without a value.

    >>> round(estimate([1.0, 2.0, 3.0]).half_width, 6)
    2.484138
    """
    column = np.asarray(values, dtype=np.float64).reshape(-1, 1)
    mean, half_width, n = half_widths(column, confidence)
    return Estimate(mean=float(mean[0]), half_width=float(half_width[0]), n=int(n[0]), n_null=len(column) - int(n[0]))


def paired_difference(baseline: ArrayLike, variant: ArrayLike, confidence: float = CONFIDENCE) -> Difference:
    """Variant minus baseline where replication i of both met the same random numbers.

    Raises
    ------
    ValueError
        The two do not have one value a replication each.
    """
    base = np.asarray(baseline, dtype=np.float64).ravel()
    other = np.asarray(variant, dtype=np.float64).ravel()
    if base.shape != other.shape:
        raise ValueError(f"{len(base)} replications of the baseline against {len(other)} of the variant")
    both = np.isfinite(base) & np.isfinite(other)
    base, other = np.where(both, base, np.nan), np.where(both, other, np.nan)
    gap = other - base
    n = int(np.count_nonzero(both))
    return Difference(
        baseline=estimate(base, confidence),
        variant=estimate(other, confidence),
        difference=estimate(gap, confidence),
        share_above=float(np.count_nonzero(gap > 0) / n) if n else float("nan"),
        share_below=float(np.count_nonzero(gap < 0) / n) if n else float("nan"),
    )


def values_of(tables: Sequence[KpiTable], kpi: str, group: str = "") -> Floats:
    """A KPI's value in each replication; float64, shape (n_replications,), NaN = none."""
    return np.array([table.get(kpi, group) if table.has(kpi, group) else np.nan for table in tables])


def estimate_kpi(tables: Sequence[KpiTable], kpi: str, group: str = "", confidence: float = CONFIDENCE) -> Estimate:
    """A KPI over replications."""
    return estimate(values_of(tables, kpi, group), confidence)


def compare_kpi(
    baseline: Sequence[KpiTable],
    variant: Sequence[KpiTable],
    kpi: str,
    group: str = "",
    confidence: float = CONFIDENCE,
) -> Difference:
    """A KPI's paired difference; replication i of both arms must have had the same seed."""
    return paired_difference(values_of(baseline, kpi, group), values_of(variant, kpi, group), confidence)
