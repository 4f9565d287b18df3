"""Distributions as tables a kernel can read: equally likely cells, each holding its own conditional mean.

So a table's mean is the distribution's mean exactly, whatever the number of cells, and a draw is one look-up. Tables
are computed once a run with `scipy.special`; drawing is the kernels' work.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from omsim.kernels.random import EXPONENTIAL, FIXED, TABLE

N_CELLS = 4096

TASK_KIND = {"fixed": FIXED, "exponential": EXPONENTIAL, "lognormal": TABLE}


def fixed_factors() -> NDArray[np.float64]:
    """The factor 1, always; shape (N_CELLS,)."""
    return np.ones(N_CELLS)


def lognormal_factors(cv: float) -> NDArray[np.float64]:
    """Lognormal of mean 1 and coefficient of variation `cv`; shape (N_CELLS,)."""
    if cv <= 0:
        return fixed_factors()
    sigma = np.sqrt(np.log1p(cv**2))
    edge = special.ndtri(np.arange(N_CELLS + 1) / N_CELLS)
    cells: NDArray[np.float64] = np.diff(special.ndtr(edge - sigma)) * N_CELLS
    return cells


def gamma_factors(cv: float) -> NDArray[np.float64]:
    """Gamma of mean 1 and coefficient of variation `cv`; shape (N_CELLS,)."""
    if cv <= 0:
        return fixed_factors()
    shape = 1 / cv**2
    edge = special.gammaincinv(shape, np.arange(N_CELLS + 1) / N_CELLS)
    return np.asarray(np.diff(special.gammainc(shape + 1, edge)) * N_CELLS, dtype=np.float64)


def empirical_factors(values: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """A discrete distribution: each cell's mean over the part of it that the cell covers; shape (N_CELLS,).

    Parameters
    ----------
    values, shares : float64, shape (n,)
        Outcomes, and their relative shares (any scale, sum > 0).
    """
    order = np.argsort(values, kind="stable")
    cumulative = np.concatenate([[0.0], np.cumsum(shares[order])])
    cumulative /= cumulative[-1]
    integral = np.concatenate([[0.0], np.cumsum(values[order] * np.diff(cumulative))])
    cells: NDArray[np.float64] = np.diff(np.interp(np.arange(N_CELLS + 1) / N_CELLS, cumulative, integral)) * N_CELLS
    return cells


def lognormal_lag_s(median_days: float, sigma: float) -> NDArray[np.int64]:
    """Return lags in whole seconds at the cells' middles; lognormal with the given median; shape (N_CELLS,)."""
    middle = (np.arange(N_CELLS) + 0.5) / N_CELLS
    return np.maximum(np.floor(median_days * np.exp(sigma * special.ndtri(middle)) * 86_400), 1).astype(np.int64)
