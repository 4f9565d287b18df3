"""Keyed random numbers: a draw is a pure function of (seed, stream, entity, part), in any order, one or a million.

The generator is Philox4x64-10 (Salmon, Moraes, Dror & Shaw 2011), bit for bit the one in NumPy, so that
``numpy.random.Philox`` is its oracle. Owns the arithmetic; which stream belongs to what is told by `demand.rng`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled

_MULTIPLIER_0 = np.uint64(0xD2E7470EE14C6C93)
_MULTIPLIER_1 = np.uint64(0xCA5A826395121157)
_WEYL_0 = np.uint64(0x9E3779B97F4A7C15)
_WEYL_1 = np.uint64(0xBB67AE8584CAA73B)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_12 = np.uint64(12)

FIXED, EXPONENTIAL, TABLE = 0, 1, 2


@compiled
def _high_low(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The 128-bit product of two 64-bit numbers as (high, low) words."""
    a0, a1 = a & _LOW, a >> _32
    b0, b1 = b & _LOW, b >> _32
    w0 = a0 * b0
    t = a1 * b0 + (w0 >> _32)
    w1 = (t & _LOW) + a0 * b1
    return a1 * b1 + (t >> _32) + (w1 >> _32), (w1 << _32) | (w0 & _LOW)


@compiled
def keyed_words(
    seed: np.uint64, stream: np.uint64, entity: np.uint64, part: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Four 64-bit words of the block (entity, part) of a stream; all arguments uint64."""
    c0, c1, c2, c3 = entity, part, np.uint64(0), np.uint64(0)
    k0, k1 = seed, stream
    for _ in range(10):
        high0, low0 = _high_low(_MULTIPLIER_0, c0)
        high1, low1 = _high_low(_MULTIPLIER_1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0 = k0 + _WEYL_0
        k1 = k1 + _WEYL_1
    return c0, c1, c2, c3


@compiled
def open_unit(word: np.uint64) -> float:
    """A word as a number strictly between 0 and 1 (52 bits, cell midpoints, all exact)."""
    return (np.float64(word >> _12) + 0.5) * 2.220446049250313e-16


@compiled
def keyed_uniforms(seed: int, stream: int, entity: int, part: int) -> tuple[float, float, float, float]:
    """Four uniforms on (0, 1) of one (entity, part); the arguments are non-negative integers."""
    w0, w1, w2, w3 = keyed_words(np.uint64(seed), np.uint64(stream), np.uint64(entity), np.uint64(part))
    return open_unit(w0), open_unit(w1), open_unit(w2), open_unit(w3)


@compiled
def fill_uniforms(
    seed: int, stream: int, entity: NDArray[np.int64], part: NDArray[np.int64], out: NDArray[np.float64]
) -> None:
    """Write the four uniforms of every (entity[i], part[i]) into out, shape (n, 4)."""
    for i in range(entity.size):
        u0, u1, u2, u3 = keyed_uniforms(seed, stream, entity[i], part[i])
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = u0, u1, u2, u3


@compiled
def task_factor(kind: int, uniform: float, quantiles: NDArray[np.float64]) -> float:
    """Factor (mean 1) on a task's mean time, by inverse CDF.

    Parameters
    ----------
    kind : int
        FIXED (always 1), EXPONENTIAL, or TABLE (`quantiles` holds the mean of each equally likely cell).
    uniform : float
        In (0, 1).
    quantiles : float64, shape (n_cells,)
        Read for TABLE only.
    """
    if kind == FIXED:
        return 1.0
    if kind == EXPONENTIAL:
        return -math.log1p(-uniform)
    return float(quantiles[int(uniform * quantiles.size)])


@compiled
def site_factor(kind: NDArray[np.int64], quantiles: NDArray[np.float64], site: int, uniform: float) -> float:
    """As `task_factor`, for a site of a table of kinds, shape (n_sites,), and quantiles, shape (n_sites, n_cells)."""
    if kind[site] == FIXED:
        return 1.0
    if kind[site] == EXPONENTIAL:
        return -math.log1p(-uniform)
    return float(quantiles[site, int(uniform * quantiles.shape[1])])


@compiled
def task_seconds(mean_s: float, factor: float) -> int:
    """A task's whole seconds: rounded half up, never less than one."""
    return max(1, int(math.floor(mean_s * factor + 0.5)))
