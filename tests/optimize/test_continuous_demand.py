"""Loss functions of every demand: closed forms and tables against quadrature."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from omsim.demand.lead_time import Periods, negative_binomial_demand, poisson_demand
from omsim.errors import FieldError
from omsim.optimize.policies.continuous_demand import (
    GammaDemand,
    LognormalDemand,
    NormalDemand,
    interval_moments,
    standard_normal_loss,
    standard_normal_second_loss,
)


def beyond(survival, level, upper):
    """E[(D - level)+] as the area under the survival function."""
    return integrate.quad(survival, level, upper, limit=400, epsabs=1e-13, epsrel=1e-11)[0]


@given(mean=st.floats(-20, 80), sd=st.floats(0.1, 30), level=st.floats(-60, 120))
@settings(max_examples=60)
def test_normal_losses_are_areas(mean, sd, level):
    """Units short and left of a normal are the areas above and below its distribution function."""
    demand = NormalDemand.of([mean], [sd])
    law = stats.norm(mean, sd)
    upper = max(level, mean + 40 * sd)
    assert demand.expected_short_units(level)[0] == pytest.approx(beyond(law.sf, level, upper), rel=1e-8, abs=1e-10)
    left = beyond(lambda x: law.cdf(-x), -level, max(-level, 40 * sd - mean))
    assert demand.expected_left_units(level)[0] == pytest.approx(left, rel=1e-8, abs=1e-10)


@given(z=st.floats(-8, 8))
@settings(max_examples=60)
def test_second_normal_loss_is_the_area_under_the_first(z):
    """The second-order loss is the integral of the first from z on."""
    area = integrate.quad(lambda x: float(standard_normal_loss(x)), z, 40, limit=400, epsabs=1e-14)[0]
    assert float(standard_normal_second_loss(z)) == pytest.approx(area, rel=1e-7, abs=1e-12)


def test_normal_loss_far_out_keeps_its_digits():
    """At 8, 20, 29.9, 30.1 and 35 deviations the loss agrees with quadrature scaled by the density, to nine digits."""
    for z in (8.0, 20.0, 29.9, 30.1, 35.0):
        scaled = integrate.quad(lambda t, z=z: t * np.exp(-z * t - 0.5 * t * t), 0, 60 / z, epsrel=1e-12)[0]
        exact = scaled * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
        assert float(standard_normal_loss(z)) == pytest.approx(exact, rel=1e-9, abs=0)


@pytest.mark.parametrize(
    ("demand", "law"),
    [
        (LognormalDemand.of([1.0], [0.7]), stats.lognorm(0.7, scale=np.e)),
        (GammaDemand.of_units([6.0], [4.0]), stats.gamma((6 / 4) ** 2, scale=16 / 6)),
    ],
)
def test_skewed_losses_are_areas(demand, law):
    """Lognormal and gamma: moments, quantiles and both losses against the library's law and quadrature."""
    assert demand.mean()[0] == pytest.approx(law.mean())
    assert demand.variance()[0] == pytest.approx(law.var())
    for level in (-1.0, 0.0, 0.5, 3.0, 12.0, 40.0):
        assert demand.cdf(level)[0] == pytest.approx(law.cdf(level), abs=1e-14)
        short = beyond(law.sf, max(level, 0.0), 600.0) + max(-level, 0.0)
        assert demand.expected_short_units(level)[0] == pytest.approx(short, rel=1e-6, abs=1e-8)
        left = demand.expected_left_units(level)[0]
        assert left - demand.expected_short_units(level)[0] == pytest.approx(level - law.mean(), abs=1e-9)
        assert left >= 0.0
    for share in (0.01, 0.5, 0.99):
        assert demand.quantile(share)[0] == pytest.approx(law.ppf(share))


def test_units_give_the_lognormal_its_moments():
    """A lognormal taken by mean and deviation of its units has them."""
    demand = LognormalDemand.of_units([12.0, 3.0], [5.0, 9.0])
    assert demand.mean().tolist() == pytest.approx([12.0, 3.0])
    assert np.sqrt(demand.variance()).tolist() == pytest.approx([5.0, 9.0])


@given(mean=st.floats(0.01, 60), ratio=st.floats(1.0, 6.0), level=st.integers(-5, 150))
@settings(max_examples=80)
def test_table_losses_are_areas(mean, ratio, level):
    """Units short of Poisson and negative binomial tables are the area under the survival function, step by step."""
    if ratio < 1.01:
        table, law = poisson_demand(mean, Periods.fixed(1)), stats.poisson(mean)
    else:
        table = negative_binomial_demand(mean, mean * ratio, Periods.fixed(1))
        law = stats.nbinom(mean / (ratio - 1), 1 / ratio)
    steps = np.arange(level, max(level, table.row(0).size) + 50)
    assert table.expected_short_units(level)[0] == pytest.approx(law.sf(steps).sum(), rel=1e-7, abs=1e-9)
    assert table.cdf(level)[0] == pytest.approx(law.cdf(level), abs=1e-11)


def test_known_demand_has_no_spread():
    """A normal of deviation 0 is short by exactly what is missing."""
    demand = NormalDemand.of([10.0, 10.0], [0.0, 0.0])
    assert demand.expected_short_units([7.0, 12.0]).tolist() == [3.0, 0.0]
    assert demand.expected_left_units([7.0, 12.0]).tolist() == [0.0, 2.0]
    assert demand.quantile(0.9).tolist() == [10.0, 10.0]
    assert demand.cdf([9.9, 10.0]).tolist() == [0.0, 1.0]


def test_interval_moments_are_those_of_random_sums():
    """Mean and variance over a random number of periods, against a table that convolves them."""
    share = [0.1, 0.2, 0.3, 0.4]
    table = negative_binomial_demand([2.0], [5.0], Periods.random(share))
    counts = np.arange(4)
    mean_periods = float(counts @ share)
    mean, variance = interval_moments(2.0, 5.0, mean_periods, float(counts**2 @ share) - mean_periods**2)
    assert table.mean()[0] == pytest.approx(mean[0])
    assert table.variance()[0] == pytest.approx(variance[0])


@pytest.mark.parametrize("sd", [-1.0, float("nan"), float("inf")])
def test_impossible_deviations_are_refused(sd):
    """A deviation below 0 or not finite is named."""
    with pytest.raises(FieldError, match="sd_units"):
        NormalDemand.of([1.0], [sd])
