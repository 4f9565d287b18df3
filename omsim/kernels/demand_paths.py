"""Sampled daily demand: uniforms in, whole units out.

Owns how one uniform becomes one SKU-day of compound demand (sells or not, whose order size, rounding). What the
parameters are is decided by :mod:`omsim.demand.forecast.compound`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@compiled
def compound_paths(
    uniform: Floats,
    sale_share: Floats,
    open_share: Floats,
    rate_factor: Floats,
    size_factor: Floats,
    own_share: Floats,
    own_range: Index,
    pool_range: Index,
    typical_units: Floats,
    size_units: Floats,
    size_ratio: Floats,
    cumulative_weight: Floats,
) -> NDArray[np.int32]:
    """Turn one uniform a day into the day's units, by inverse CDF, digit after digit of the same uniform.

    Parameters
    ----------
    uniform : float64, shape (n_sku, n_paths, n_days)
        In [0, 1).
    sale_share : float64, shape (n_sku,)
        Probability that the SKU sells on an open day.
    open_share : float64, shape (n_days,)
        Probability that the day is open.
    rate_factor, size_factor : float64, shape (n_sku, n_paths)
        What each path multiplies the selling probability and the sizes by.
    own_share : float64, shape (n_sku,)
        Probability that the size comes from the SKU's own days rather than from the pool.
    own_range, pool_range : int64, shape (n_sku, 2)
        First and past-the-last size record of the SKU, and of its pool.
    typical_units : float64, shape (n_sku,)
        What a pooled size ratio is multiplied by.
    size_units, size_ratio : float64, shape (n_records,)
        Units of each selling day on record, and the same relative to its SKU's typical day.
    cumulative_weight : float64, shape (n_records + 1,)
        Running sum of record weights, from 0.

    Returns
    -------
    int32, shape (n_sku, n_paths, n_days)
        Units asked for; at least 1 on a selling day, the size's fraction rounded up with its own probability.
    """
    n_sku, n_paths, n_days = uniform.shape
    paths = np.zeros((n_sku, n_paths, n_days), np.int32)
    for sku in range(n_sku):
        for path in range(n_paths):
            chance = sale_share[sku] * rate_factor[sku, path]
            for day in range(n_days):
                sells = min(1.0, chance * open_share[day])
                if uniform[sku, path, day] >= sells:
                    continue
                rest = uniform[sku, path, day] / sells
                own = rest < own_share[sku]
                if own:
                    rest /= own_share[sku]
                    first, last = own_range[sku, 0], own_range[sku, 1]
                else:
                    rest = (rest - own_share[sku]) / (1.0 - own_share[sku])
                    first, last = pool_range[sku, 0], pool_range[sku, 1]
                low = cumulative_weight[first]
                mark = low + rest * (cumulative_weight[last] - low)
                record = first + np.searchsorted(cumulative_weight[first + 1 : last], mark, side="right")
                base = cumulative_weight[record]
                fraction = (mark - base) / (cumulative_weight[record + 1] - base)
                size = size_units[record] if own else size_ratio[record] * typical_units[sku]
                units = np.floor(size * size_factor[sku, path] + min(fraction, 0.999999))
                paths[sku, path, day] = np.int32(min(max(units, 1.0), 1e9))
    return paths
