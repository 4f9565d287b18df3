"""Inverse-CDF loops of the intake against NumPy's searches and pencil-and-paper cases."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.kernels.intake import draw_day_orders, draw_lines, pick_cell
from omsim.kernels.random import keyed_uniforms

SHARES = st.lists(st.floats(0, 10), min_size=1, max_size=12).filter(lambda shares: sum(shares) > 0.1)


@settings(deadline=None)
@given(SHARES, st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_cells_are_found_by_cumulative_share(shares: list[float], uniform: float):
    """The cell is the first whose cumulative share exceeds the uniform; one without share is never chosen."""
    cumulative = np.cumsum(shares) / sum(shares)
    cell = pick_cell(cumulative, uniform)
    assert cell == min(np.searchsorted(cumulative, uniform, side="right"), len(shares) - 1)
    assert shares[cell] > 0 or cell == len(shares) - 1


def test_orders_of_a_day_follow_their_uniforms():
    """Hour, second within it, region, lines and thinning are read off the order's four uniforms one by one."""
    n = 500
    entity = np.arange(1000, 1000 + n)
    weights = np.zeros(24)
    weights[[2, 9, 10, 23]] = 1, 4, 2, 1
    hours = np.cumsum(weights) / weights.sum()
    starts = np.arange(25) * 3600
    starts[3:] -= 3600  # the hour from 2 to 3 does not exist
    regions, baskets = np.array([0.3, 0.3, 1.0]), np.array([0.5, 1.0])
    arrived, region, n_lines = (np.empty(n, dtype=np.int64) for _ in range(3))
    kept = np.empty(n, dtype=np.bool_)
    draw_day_orders(
        7, 2, entity, 0.25, hours, starts, regions, baskets, np.array([1, 5]), arrived, region, n_lines, kept
    )
    for i in range(n):
        u_time, u_region, u_lines, u_keep = keyed_uniforms(7, 2, int(entity[i]), 0)
        hour = int(np.searchsorted(hours, u_time, side="right"))
        assert hour in (2, 9, 10, 23)
        assert starts[hour] <= arrived[i] < max(starts[hour + 1], starts[hour] + 1)
        into = (u_time - hours[hour - 1]) / (hours[hour] - hours[hour - 1])
        assert abs(arrived[i] - starts[hour] - into * (starts[hour + 1] - starts[hour])) <= 1
        assert region[i] == (0 if u_region < 0.3 else 2)
        assert n_lines[i] == (1 if u_lines < 0.5 else 5)
        assert kept[i] == (u_keep < 0.25)
    assert 0 < kept.sum() < n
    assert (arrived == 7200).any()


def test_lines_follow_their_channels_tables():
    """SKU and units come from the tables of the order's channel, line by line, whatever its neighbours."""
    entity, channel = np.array([5, 6, 7]), np.array([1, 0, 1])
    first_line = np.array([0, 2, 3, 40])
    sku, units = np.empty(40, dtype=np.int32), np.empty(40, dtype=np.int32)
    demand = (np.array([0, 1, 3]), np.array([1.0, 0.4, 1.0]), np.array([9, 4, 5]), np.array([0, 0, 1]))
    profiles = (np.array([0, 1, 3]), np.array([1.0, 0.7, 1.0]), np.array([1, 2, 6]))
    draw_lines(3, 8, entity, channel, first_line, *demand, *profiles, sku, units)
    for i in range(3):
        for line in range(first_line[i], first_line[i + 1]):
            u_sku, u_units, _, _ = keyed_uniforms(3, 8, int(entity[i]), int(line - first_line[i]))
            if channel[i] == 0:
                assert (sku[line], units[line]) == (9, 1)
            elif u_sku < 0.4:
                assert (sku[line], units[line]) == (4, 1)
            else:
                assert (sku[line], units[line]) == (5, 2 if u_units < 0.7 else 6)
    assert set(sku.tolist()) == {4, 5, 9}
    assert set(units.tolist()) == {1, 2, 6}
