"""Concave hulls against the definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis.strategies import integers, lists, tuples

from omsim.kernels.hulls import concave_steps


@settings(max_examples=200, deadline=None)
@given(moves=lists(tuples(integers(0, 6), integers(0, 6)), min_size=1, max_size=12))
def test_hull_holds_the_best_point_for_every_price(moves):
    """For any price on cost, the best hull point is as good as the best point of all."""
    cost, gain = np.cumsum(np.array([(0, 0), *moves], dtype=float), axis=0).T
    start, _, point, came_from = concave_steps(cost.reshape(1, -1), gain.reshape(1, -1))
    on_hull = np.concatenate((start, point))
    for price in (0.0, 0.05, 0.3, 0.5, 1.0, 1.7, 3.0, 50.0):
        worth = gain - price * cost
        assert worth[on_hull].max() == worth.max()
    slopes = (gain[point] - gain[came_from]) / (cost[point] - cost[came_from])
    assert (np.diff(slopes) < 0).all()
    assert (slopes > 0).all()
