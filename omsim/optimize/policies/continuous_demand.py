"""Demand on a continuous scale, normal, lognormal or gamma, for many items at once, with its loss functions.

Owns the closed forms. The classes answer the same questions as `omsim.demand.lead_time.DemandTable` (items, mean,
variance, quantile, expected units short and left), so a policy that asks only those takes either. Whole-unit demand is
better served by a table: a rounded normal level is off most where stock matters most, on slow movers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from omsim.demand.checked import checked_column
from omsim.errors import FieldError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]


def standard_normal_loss(z: ArrayLike) -> Floats:
    """E[(Z - z)+] of a standard normal Z, to twelve digits also far out.

    Parameters
    ----------
    z : float, any shape

    Returns
    -------
    float64, same shape

    Notes
    -----
    ``phi(z) - z (1 - Phi(z))`` cancels for large z; written with the scaled complementary error function the factor
    exp(-z*z/2) is taken out, and what is left cancels to 1 / z^2 at most.
    """
    value = np.asarray(z, dtype=np.float64)
    size = np.minimum(np.abs(value), 40.0)  # beyond it the density is 0 in double precision
    density = np.exp(-0.5 * size * size) / np.sqrt(2.0 * np.pi)
    scaled = 1.0 - size * np.sqrt(np.pi / 2.0) * special.erfcx(size / np.sqrt(2.0))
    upper = density * scaled
    return np.asarray(np.where(value >= 0.0, upper, upper - value), dtype=np.float64)


def standard_normal_second_loss(z: ArrayLike) -> Floats:
    """E[((Z - z)+)^2] / 2 of a standard normal Z: the integral of the loss function beyond z."""
    value = np.minimum(np.asarray(z, dtype=np.float64), 40.0)  # beyond it nothing is left in double precision
    density = np.exp(-0.5 * value * value) / np.sqrt(2.0 * np.pi)
    half = 0.5 * ((value * value + 1.0) * special.ndtr(-value) - value * density)
    return np.asarray(np.maximum(half, 0.0), dtype=np.float64)


def interval_moments(
    mean_units: ArrayLike, variance_units: ArrayLike, mean_periods: ArrayLike, variance_periods: ArrayLike = 0.0
) -> tuple[Floats, Floats]:
    """Mean and variance of demand over a (random) number of independent periods.

    Parameters
    ----------
    mean_units, variance_units : float, shape (n_items,) or one number
        Demand of one period.
    mean_periods, variance_periods : float, shape (n_items,) or one number
        Length of the interval; of a lead time L with every period reviewed, newsvendor models take L + 1 periods.

    Returns
    -------
    mean, variance : float64, shape (n_items,)

    Examples
    --------
    >>> mean, variance = interval_moments(20, 36, 5, 4)
    >>> mean.tolist(), round(float(variance[0]) ** 0.5, 6)
    ([100.0], 42.190046)
    """
    n_items = max(np.size(column) for column in (mean_units, variance_units, mean_periods, variance_periods))
    mean = checked_column("mean_units", mean_units, n_items)
    variance = checked_column("variance_units", variance_units, n_items)
    periods = checked_column("mean_periods", mean_periods, n_items)
    spread = checked_column("variance_periods", variance_periods, n_items)
    return mean * periods, variance * periods + mean * mean * spread


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalDemand:
    """Normal demand of many items.

    Attributes
    ----------
    mean_units, sd_units : float64, shape (n_items,)
        Mean; standard deviation >= 0, where 0 is a demand known for certain.
    """

    mean_units: Floats
    sd_units: Floats

    @classmethod
    def of(cls, mean_units: ArrayLike, sd_units: ArrayLike) -> NormalDemand:
        """Check and take numbers or columns."""
        n_items = max(np.size(mean_units), np.size(sd_units))
        return cls(
            mean_units=checked_column("mean_units", mean_units, n_items, least=-1e15),
            sd_units=checked_column("sd_units", sd_units, n_items),
        )

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.mean_units.size

    def mean(self) -> Floats:
        """Mean units, shape (n_items,)."""
        return self.mean_units.copy()

    def variance(self) -> Floats:
        """Variance of units, shape (n_items,)."""
        return self.sd_units**2

    def cdf(self, level_units: ArrayLike) -> Floats:
        """Probability that demand is at most the level."""
        level = _levels(level_units, self.n_items)
        known = self.sd_units <= 0.0
        sd = np.where(known, 1.0, self.sd_units)
        return np.where(known, level >= self.mean_units, special.ndtr((level - self.mean_units) / sd))

    def quantile(self, share: ArrayLike) -> Floats:
        """Level that demand stays within with probability `share`, in (0, 1)."""
        return self.mean_units + self.sd_units * special.ndtri(_share(share, self.n_items))

    def expected_short_units(self, level_units: ArrayLike) -> Floats:
        """E[(D - level)+], shape (n_items,)."""
        level = _levels(level_units, self.n_items)
        known = self.sd_units <= 0.0
        sd = np.where(known, 1.0, self.sd_units)
        random = sd * standard_normal_loss((level - self.mean_units) / sd)
        return np.where(known, np.maximum(self.mean_units - level, 0.0), random)

    def expected_left_units(self, level_units: ArrayLike) -> Floats:
        """E[(level - D)+], shape (n_items,)."""
        level = _levels(level_units, self.n_items)
        return NormalDemand(mean_units=-self.mean_units, sd_units=self.sd_units).expected_short_units(-level)


@dataclass(frozen=True, slots=True, kw_only=True)
class LognormalDemand:
    """Lognormal demand of many items: its logarithm is normal.

    Attributes
    ----------
    log_mean, log_sd : float64, shape (n_items,)
        Mean and standard deviation (> 0) of the logarithm.
    """

    log_mean: Floats
    log_sd: Floats

    @classmethod
    def of(cls, log_mean: ArrayLike, log_sd: ArrayLike) -> LognormalDemand:
        """Check and take numbers or columns of the logarithm's mean and standard deviation."""
        n_items = max(np.size(log_mean), np.size(log_sd))
        return cls(
            log_mean=checked_column("log_mean", log_mean, n_items, least=-100.0, most=100.0),
            log_sd=checked_column("log_sd", log_sd, n_items, most=10.0, open_ends=True),
        )

    @classmethod
    def of_units(cls, mean_units: ArrayLike, sd_units: ArrayLike) -> LognormalDemand:
        """Check and take the mean and standard deviation of the units themselves, both > 0."""
        n_items = max(np.size(mean_units), np.size(sd_units))
        mean = checked_column("mean_units", mean_units, n_items, open_ends=True)
        sd = checked_column("sd_units", sd_units, n_items, open_ends=True)
        log_variance = np.log1p((sd / mean) ** 2)
        return cls.of(np.log(mean) - 0.5 * log_variance, np.sqrt(log_variance))

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.log_mean.size

    def mean(self) -> Floats:
        """Mean units, shape (n_items,)."""
        return np.exp(self.log_mean + 0.5 * self.log_sd**2)

    def variance(self) -> Floats:
        """Variance of units, shape (n_items,)."""
        return self.mean() ** 2 * np.expm1(self.log_sd**2)

    def cdf(self, level_units: ArrayLike) -> Floats:
        """Probability that demand is at most the level."""
        return special.ndtr(self._z(level_units))

    def quantile(self, share: ArrayLike) -> Floats:
        """Level that demand stays within with probability `share`, in (0, 1)."""
        return np.exp(self.log_mean + self.log_sd * special.ndtri(_share(share, self.n_items)))

    def expected_short_units(self, level_units: ArrayLike) -> Floats:
        """E[(D - level)+], shape (n_items,)."""
        level, z = _levels(level_units, self.n_items), self._z(level_units)
        above = self.mean() * special.ndtr(self.log_sd - z) - np.maximum(level, 0.0) * special.ndtr(-z)
        return np.where(level > 0.0, np.maximum(above, 0.0), self.mean() - level)

    def expected_left_units(self, level_units: ArrayLike) -> Floats:
        """E[(level - D)+], shape (n_items,)."""
        level, z = _levels(level_units, self.n_items), self._z(level_units)
        below = np.maximum(level, 0.0) * special.ndtr(z) - self.mean() * special.ndtr(z - self.log_sd)
        return np.maximum(below, 0.0)

    def _z(self, level_units: ArrayLike) -> Floats:
        level = _levels(level_units, self.n_items)
        return np.where(level > 0.0, (np.log(np.where(level > 0.0, level, 1.0)) - self.log_mean) / self.log_sd, -np.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class GammaDemand:
    """Gamma demand of many items, e.g. over a lead time: never below 0, skewed as demand is.

    Attributes
    ----------
    shape, scale_units : float64, shape (n_items,)
        Both > 0; mean = shape * scale, variance = mean * scale.
    """

    shape: Floats
    scale_units: Floats

    @classmethod
    def of_units(cls, mean_units: ArrayLike, sd_units: ArrayLike) -> GammaDemand:
        """Check and take the mean and standard deviation of the units, both > 0."""
        n_items = max(np.size(mean_units), np.size(sd_units))
        mean = checked_column("mean_units", mean_units, n_items, open_ends=True)
        sd = checked_column("sd_units", sd_units, n_items, open_ends=True)
        return cls(shape=(mean / sd) ** 2, scale_units=sd * (sd / mean))

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.shape.size

    def mean(self) -> Floats:
        """Mean units, shape (n_items,)."""
        return self.shape * self.scale_units

    def variance(self) -> Floats:
        """Variance of units, shape (n_items,)."""
        return np.asarray(self.shape * self.scale_units**2, dtype=np.float64)

    def cdf(self, level_units: ArrayLike) -> Floats:
        """Probability that demand is at most the level."""
        return np.asarray(special.gammainc(self.shape, self._scaled(level_units)), dtype=np.float64)

    def quantile(self, share: ArrayLike) -> Floats:
        """Level that demand stays within with probability `share`, in (0, 1)."""
        scaled = special.gammaincinv(self.shape, _share(share, self.n_items))
        return np.asarray(self.scale_units * scaled, dtype=np.float64)

    def expected_short_units(self, level_units: ArrayLike) -> Floats:
        """E[(D - level)+], shape (n_items,)."""
        level, x = _levels(level_units, self.n_items), self._scaled(level_units)
        above = self.mean() * special.gammaincc(self.shape + 1.0, x) - level * special.gammaincc(self.shape, x)
        return np.where(level > 0.0, np.maximum(above, 0.0), self.mean() - level)

    def expected_left_units(self, level_units: ArrayLike) -> Floats:
        """E[(level - D)+], shape (n_items,)."""
        level, x = _levels(level_units, self.n_items), self._scaled(level_units)
        below = level * special.gammainc(self.shape, x) - self.mean() * special.gammainc(self.shape + 1.0, x)
        return np.asarray(np.maximum(below, 0.0), dtype=np.float64)

    def _scaled(self, level_units: ArrayLike) -> Floats:
        return np.maximum(_levels(level_units, self.n_items), 0.0) / self.scale_units


def _levels(level_units: ArrayLike, n_items: int) -> Floats:
    return checked_column("level_units", level_units, n_items, least=-1e15)


def _share(share: ArrayLike, n_items: int) -> Floats:
    column = checked_column("share", share, n_items, most=1.0, open_ends=True)
    if column.size != n_items:
        raise FieldError("share", f"one number or {n_items} of them", column.size)
    return column
