"""Sold-out days: bounds replaced by draws that leave neither mean nor spread too small."""

from __future__ import annotations

import numpy as np
import pytest

from omsim.demand.forecast.censoring import demand_behind_sales
from omsim.errors import FieldError


def demands(name, rng, shape=(300, 200)):
    """Daily demand of a known law."""
    if name == "poisson":
        return rng.poisson(2.0, shape)
    if name == "negative binomial":
        return rng.negative_binomial(0.5, 0.1, shape)
    return (rng.random(shape) < 0.1) * rng.geometric(0.1, shape)


@pytest.mark.parametrize("name", ["poisson", "negative binomial", "intermittent"])
def test_mean_is_recovered_where_naive_rules_are_far_off(name):
    """Stock limits sales on many days: taking sales, or leaving those days out, loses a quarter; the draws 4 %."""
    rng = np.random.default_rng(1)
    demand = demands(name, rng)
    stock = rng.integers(0, 1 + int(np.quantile(demand, 0.97)), demand.shape)
    sales, out = np.minimum(demand, stock), demand >= stock
    assert sales.mean() < 0.75 * demand.mean()
    assert sales[~out].mean() < 0.75 * demand.mean()
    made = demand_behind_sales(sales, out, seed=3)
    assert made.mean() == pytest.approx(demand.mean(), rel=0.04)
    assert made.var() == pytest.approx(demand.var(), rel=0.35)


def test_draws_follow_kaplan_and_meier():
    """Over many seeds, the share of days with at most k is one less the product-limit estimate, computed by hand."""
    sales = np.array([[0, 1, 1, 2, 3, 3, 5, 2, 8, 0]])
    out = np.array([[0, 0, 1, 1, 0, 1, 0, 0, 0, 1]], dtype=bool)
    draws = np.concatenate([demand_behind_sales(sales, out, seed=seed) for seed in range(4_000)])
    beyond = 1.0
    for k in range(9):
        at_risk = (sales >= k).sum() - (out & (sales == k)).sum()  # a bound of k may be a demand of k or of more
        beyond *= 1 - (~out & (sales == k)).sum() / at_risk
        assert (draws > k).mean() == pytest.approx(beyond, abs=0.01)


def test_only_sold_out_days_change_and_never_downwards():
    """Sales stand where stock was left; a bound is kept as one; the seed decides."""
    rng = np.random.default_rng(2)
    sales, out = rng.poisson(1.5, (40, 60)), rng.random((40, 60)) < 0.3
    made = demand_behind_sales(sales, out, seed=1)
    assert (made[~out] == sales[~out]).all()
    assert (made >= sales).all()
    assert (made[out] > sales[out]).any()
    np.testing.assert_array_equal(demand_behind_sales(sales, out, seed=1), made)
    assert (demand_behind_sales(sales, out, seed=2) != made).any()


def test_an_item_always_sold_out_is_told_by_its_bounds_and_the_others():
    """Nothing of its own above its bounds: sizes go on as the pool's do, days without stock sell as often as theirs."""
    rng = np.random.default_rng(3)
    sales = (rng.random((50, 100)) < 0.4) * rng.geometric(0.25, (50, 100))
    out = np.zeros(sales.shape, bool)
    sales[0], out[0] = 0, True
    sales[1], out[1] = 3, True
    made = demand_behind_sales(sales, out, seed=0)
    assert 0 <= made[0].mean() < 4 * sales[2:].mean()
    assert made[1].min() >= 3
    assert made[1].mean() < 20


def test_closed_days_are_not_drawn_from():
    """Days that do not count say nothing of what a day with stock would have sold."""
    sales = np.tile([5, 0], 50)[None, :]
    out = np.zeros(sales.shape, bool)
    out[0, ::10] = True
    sales[0, ::10] = 0
    counted = np.tile([True, False], 50)
    made = demand_behind_sales(sales, out, counted=counted, seed=0)
    assert (made[out] == 5).all()


def test_flags_of_another_shape_are_refused():
    """Each day has its own flag."""
    with pytest.raises(FieldError, match="sold_out"):
        demand_behind_sales(np.ones((2, 5), np.int64), np.ones((2, 4), bool))
