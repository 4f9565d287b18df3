"""Bulk drawing of orders and their lines from keyed uniforms and cumulative tables.

Owns the inverse-CDF loops. Which tables, which entities and which days belongs to `demand.arrivals`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.random import keyed_uniforms


@compiled
def pick_cell(cumulative: NDArray[np.float64], uniform: float) -> int:
    """Index of the first entry of a cumulative distribution above `uniform`; the last entry counts as 1."""
    low, high = 0, cumulative.size - 1
    while low < high:
        middle = (low + high) >> 1
        if cumulative[middle] > uniform:
            high = middle
        else:
            low = middle + 1
    return low


@compiled
def summed_poisson_quantile(uniform: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.int64]:
    """Smallest count whose Poisson CDF reaches `uniform`, for means up to some tens; 0 where the mean is 0.

    Parameters
    ----------
    uniform, mean : float64, shape (n,)

    Returns
    -------
    int64, shape (n,)
    """
    counts = np.zeros(uniform.size, dtype=np.int64)
    for i in range(uniform.size):
        share = math.exp(-mean[i])
        reached = share
        k = 0
        while reached < uniform[i] and share > 0.0:
            k += 1
            share *= mean[i] / k
            reached += share
        counts[i] = k
    return counts


@compiled
def draw_day_orders(
    seed: int,
    order_stream: int,
    entity: NDArray[np.int64],
    keep_share: float,
    hour_cumulative: NDArray[np.float64],
    hour_start_s: NDArray[np.int64],
    region_cumulative: NDArray[np.float64],
    basket_cumulative: NDArray[np.float64],
    basket_lines: NDArray[np.int64],
    arrived_s: NDArray[np.int64],
    region: NDArray[np.int64],
    n_lines: NDArray[np.int64],
    kept: NDArray[np.bool_],
) -> None:
    """Draw arrival second, region and number of lines of one channel's orders of one day.

    Parameters
    ----------
    entity : int64, shape (n,)
        Order entities; their block of `order_stream` gives time, region, lines, thinning.
    keep_share : float
        Orders whose fourth uniform is at or above it are thinned out (`kept` False).
    hour_cumulative : float64, shape (24,)
        Cumulative share of the day's orders by local hour.
    hour_start_s : int64, shape (25,)
        Start of each local hour and of the next day.
    region_cumulative, basket_cumulative : float64
        Cumulative shares; `basket_lines` gives the number of lines of each basket entry.
    arrived_s, region, n_lines, kept : shape (n,)
        Written.
    """
    for i in range(entity.size):
        u_time, u_region, u_lines, u_keep = keyed_uniforms(seed, order_stream, entity[i], 0)
        kept[i] = u_keep < keep_share
        hour = pick_cell(hour_cumulative, u_time)
        below = hour_cumulative[hour - 1] if hour > 0 else 0.0
        within = min((u_time - below) / (hour_cumulative[hour] - below), 1.0)
        length = hour_start_s[hour + 1] - hour_start_s[hour]
        arrived_s[i] = hour_start_s[hour] + min(int(math.floor(within * length)), max(length - 1, 0))
        region[i] = pick_cell(region_cumulative, u_region)
        n_lines[i] = basket_lines[pick_cell(basket_cumulative, u_lines)]


@compiled
def draw_lines(
    seed: int,
    line_stream: int,
    entity: NDArray[np.int64],
    channel: NDArray[np.int16],
    first_line: NDArray[np.int32],
    demand_first: NDArray[np.int64],
    demand_cumulative: NDArray[np.float64],
    demand_sku: NDArray[np.int64],
    demand_profile: NDArray[np.int64],
    profile_first: NDArray[np.int64],
    profile_cumulative: NDArray[np.float64],
    profile_units: NDArray[np.int64],
    sku: NDArray[np.int32],
    units: NDArray[np.int32],
) -> None:
    """Draw SKU and units of every line of some orders.

    Parameters
    ----------
    entity : int64, shape (n_orders,)
    channel : int16, shape (n_orders,)
    first_line : int32, shape (n_orders + 1,)
    demand_first : int64, shape (n_channels + 1,)
        Where each channel's rows begin in the demand columns (cumulative share within the channel).
    profile_first : int64, shape (n_profiles + 1,)
        Where each quantity profile's rows begin (cumulative share within the profile).
    sku, units : int32, shape (first_line[-1],)
        Written.
    """
    for i in range(entity.size):
        a, b = demand_first[channel[i]], demand_first[channel[i] + 1]
        cumulative = demand_cumulative[a:b]
        for line in range(first_line[i], first_line[i + 1]):
            u_sku, u_units, _, _ = keyed_uniforms(seed, line_stream, entity[i], line - first_line[i])
            row = a + pick_cell(cumulative, u_sku)
            profile = demand_profile[row]
            c, d = profile_first[profile], profile_first[profile + 1]
            sku[line] = demand_sku[row]
            units[line] = profile_units[c + pick_cell(profile_cumulative[c:d], u_units)]
