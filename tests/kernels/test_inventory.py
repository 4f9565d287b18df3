"""The compiled inventory kernels give what the same source gives uncompiled, and what sums give."""

import numpy as np
import pytest
from oracles.policies import expected_short

from omsim.demand.lead_time import Periods, negative_binomial_demand, poisson_demand
from omsim.kernels import distributions, inventory

PMF = np.array([0.1, 0.4, 0.2, 0.0, 0.3, 1.0, 0.7, 0.3])
FIRST = np.array([0, 5, 6, 8])


def test_loss_table_is_the_sum_at_every_level():
    """The loss table equals E[(D - level)+] at 0, 1, 2, ... and continues linearly below, with nothing above."""
    loss = distributions.loss_of(PMF[:5])
    assert loss.tolist() == pytest.approx([expected_short(PMF[:5], level) for level in range(5)])
    assert distributions.loss_at(loss, -3) == pytest.approx(loss[0] + 3)
    assert distributions.loss_at(loss, 5) == 0.0


def test_renewal_terms_are_expected_visits():
    """m(j) counts visits to j units sold: the coefficients of 1 / (1 - p(z))."""
    own = np.array([0.25, 0.5, 0.25])
    visits = inventory.renewal_terms(own, 4)
    power, expected = np.array([1.0]), np.zeros(4)
    for _ in range(200):
        expected[: power[:4].size] += power[:4]
        power = np.convolve(power, own)
    assert visits.tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize("kernel", ["demand_moments", "share_within", "units_beyond", "smallest_level"])
def test_distribution_kernels_agree_with_their_source(kernel):
    """Compiled and plain Python runs of a kernel give equal columns."""
    extra = {
        "share_within": (np.array([1, 0, 9]),),
        "units_beyond": (np.array([1, -2, 9]),),
        "smallest_level": (np.array([0.3, 0.5, 0.3]),),
    }.get(kernel, ())
    function = getattr(distributions, kernel)
    plain = getattr(function, "py_func", function)
    np.testing.assert_array_equal(function(PMF, FIRST, *extra), plain(PMF, FIRST, *extra))


def test_policy_searches_agree_with_their_source():
    """Compiled and plain Python searches return the same policies and costs, to the bit for whole numbers."""
    lead = Periods.fixed(2)
    day = poisson_demand([0.0, 0.7, 6.0], Periods.fixed(1))
    after = negative_binomial_demand([0.0, 0.7, 6.0], [0.0, 1.0, 9.0], lead.plus(1))
    costs = (np.array([9.0, 9.0, 20.0]), np.ones(3), np.array([4.0, 19.0, 9.0]))
    tables = (day.pmf, day.first, after.pmf, after.first)
    for function in (inventory.search_min_max, inventory.search_order_quantity):
        plain = getattr(function, "py_func", function)
        compiled, uncompiled = function(*tables, *costs, 1 << 20), plain(*tables, *costs, 1 << 20)
        np.testing.assert_array_equal(compiled[:2], uncompiled[:2])
        np.testing.assert_allclose(compiled[2], uncompiled[2], rtol=1e-12)


def test_search_gives_up_rather_than_run_on():
    """A spread beyond the limit is reported as not a number, not searched for ever."""
    day = poisson_demand([5.0], Periods.fixed(1))
    one = np.ones(1)
    for function in (inventory.search_min_max, inventory.search_order_quantity):
        assert np.isnan(function(day.pmf, day.first, day.pmf, day.first, 1e12 * one, one, one, 1_000)[2]).all()
