"""The compiled target and continuous-review kernels give what the same source gives uncompiled, and what loops give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsim.demand.lead_time import Periods, negative_binomial_demand, poisson_demand
from omsim.kernels import inventory_continuous, inventory_targets
from omsim.optimize.policies.stock_position import min_max_drop, order_quantity_drop


@given(
    steps=st.lists(st.floats(0, 3), min_size=1, max_size=12),
    slope=st.sampled_from([0.0, 1.0]),
    size=st.integers(1, 15),
    top=st.integers(-20, 30),
)
def test_even_drops_need_no_loop(steps, slope, size, top):
    """The mean over an even drop by sums kept beforehand equals the mean by the loop, wherever the window lies."""
    wrong = np.cumsum(steps[::-1])[::-1].copy()
    from_here = np.append(np.cumsum(wrong[::-1])[::-1], 0.0)
    own = np.full(size, 1.0 / size)
    quick = inventory_targets.mean_wrong(own, True, wrong, from_here, slope, top)
    slow = inventory_targets.mean_wrong(own, False, wrong, from_here, slope, top)
    by_hand = sum(
        (wrong[0] - slope * (y + 1) if y < -1 else (wrong[y + 1] if y + 1 < wrong.size else 0.0)) / size
        for y in range(top - size + 1, top + 1)
    )
    assert quick == pytest.approx(by_hand, abs=1e-9)
    assert slow == pytest.approx(by_hand, abs=1e-9)


@given(
    steps=st.lists(st.floats(0, 3), min_size=1, max_size=12),
    slope=st.sampled_from([0.0, 1.0]),
    weights=st.lists(st.integers(1, 5), min_size=1, max_size=9),
    share=st.floats(0.01, 1.5),
)
def test_smallest_top_is_the_first_that_is_allowed(steps, slope, weights, share):
    """The top found by bisection is the first, going up one by one, whose mean is allowed."""
    wrong = np.cumsum(steps[::-1])[::-1].copy()
    own = np.array(weights) / sum(weights)
    if wrong[0] <= 0:
        return
    allowed = share * wrong[0] if slope else min(share, 0.99) * wrong[0]
    found = inventory_targets.smallest_top(own, wrong, slope, allowed)
    means = [inventory_targets.mean_wrong(own, False, wrong, wrong, slope, top) for top in (found - 1, found)]
    assert means[1] <= allowed + 1e-9
    assert means[0] > allowed - 1e-9


def test_target_searches_agree_with_their_source():
    """Compiled and plain Python searches return the same levels."""
    before, after = (poisson_demand([0.0, 0.7, 6.0], Periods.fixed(n)) for n in (2, 3))
    day = poisson_demand([0.0, 0.7, 6.0], Periods.fixed(1))
    for drop in (order_quantity_drop([1, 4, 9], 3), min_max_drop(day, [1, 4, 9])):
        own, table = (drop.pmf, drop.first), (after.pmf, after.first)
        calls = {
            "search_top_for_fill": (*own, before.pmf, before.first, *table, np.full(3, 0.9)),
            "search_top_for_share": (*own, *table, np.full(3, 0.9)),
            "search_top_for_owed": (*own, *table, np.full(3, 0.5)),
            "share_beyond": (np.array([0, 3, 20]), *own, *table),
        }
        for name, arguments in calls.items():
            function = getattr(inventory_targets, name)
            plain = getattr(function, "py_func", function)
            np.testing.assert_allclose(function(*arguments), plain(*arguments), rtol=1e-12)


def test_continuous_review_searches_agree_with_their_source():
    """Compiled and plain Python searches return the same pairs and costs."""
    lead_time = negative_binomial_demand([0.7, 6.0], [1.0, 9.0], Periods.fixed(2))
    function = inventory_continuous.search_unit_orders
    plain = getattr(function, "py_func", function)
    arguments = (lead_time.pmf, lead_time.first, np.array([9.0, 80.0]), np.ones(2), np.full(2, 4.0), np.ones(2), 1000)
    for compiled, uncompiled in zip(function(*arguments), plain(*arguments), strict=True):
        np.testing.assert_allclose(compiled, uncompiled, rtol=1e-12)
    function = inventory_continuous.search_normal_orders
    plain = getattr(function, "py_func", function)
    arguments = (np.full(2, 9.0), np.array([0.0, 3.0]), np.full(2, 40.0), np.ones(2), np.full(2, 4.0), np.full(2, 0.84))
    for compiled, uncompiled in zip(function(*arguments), plain(*arguments), strict=True):
        np.testing.assert_allclose(compiled, uncompiled, rtol=1e-10)


def test_search_gives_up_rather_than_run_on():
    """An order cost that asks for more units than allowed gives no cost and says so in the quantity."""
    lead_time = poisson_demand([5.0], Periods.fixed(1))
    _, quantity, cost = inventory_continuous.search_unit_orders(
        lead_time.pmf, lead_time.first, np.array([1e12]), np.ones(1), np.ones(1), np.zeros(1), 1000
    )
    assert quantity[0] == inventory_continuous.ENDLESS
    assert np.isnan(cost[0])
