"""Distributions over an interval against plain sums, closed forms and each other."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.policies import convolve_by_hand, expected_short, scaled
from scipy import special

from omsim.demand.lead_time import (
    Periods,
    convolved_demand,
    negative_binomial_demand,
    observed_demand,
    poisson_demand,
    read_distributions,
)
from omsim.errors import FieldError

weights = st.lists(st.integers(0, 9), min_size=1, max_size=7).filter(lambda row: sum(row) > 0)


@given(period=weights, share=weights)
@settings(deadline=None)
def test_convolution_equals_doing_it_by_hand(period, share):
    """Transforms give the distribution that convolving one period after the other gives."""
    table = convolved_demand(read_distributions([scaled(period)]), Periods.random(scaled(share)))
    expected = convolve_by_hand(scaled(period), scaled(share))
    row = table.row(0)
    np.testing.assert_allclose(row, expected[: row.size], atol=1e-13)
    assert expected[row.size :].sum() < 1e-12


@given(mean=st.floats(0.01, 40.0), extra=st.floats(0.0, 80.0), share=weights)
@settings(deadline=None)
def test_negative_binomial_moments_follow_the_random_sum(mean, extra, share):
    """Mean and variance over a random interval are E[N] m and E[N] v + Var[N] m^2."""
    periods = Periods.random(scaled(share))
    n = np.arange(len(share))
    mean_n = scaled(share) @ n
    variance_n = scaled(share) @ (n - mean_n) ** 2
    table = negative_binomial_demand(mean, mean + extra, periods)
    assert table.pmf.sum() == pytest.approx(1.0, abs=1e-12)
    # a geometric tail beyond the support: its share, times how far out it lies
    reach = 10.0 * table.pmf.size
    left_out = 10.0 * table.omitted_share
    assert table.mean()[0] == pytest.approx(mean_n * mean, rel=1e-8, abs=1e-9 + left_out * reach)
    variance = mean_n * (mean + extra) + variance_n * mean**2
    assert table.variance()[0] == pytest.approx(variance, rel=1e-8, abs=1e-9 + left_out * reach**2)


@pytest.mark.parametrize("mean", [0.01, 1.0, 7.3, 800.0, 20_000.0])
def test_poisson_terms_are_the_closed_form(mean):
    """Terms built outwards from the mode equal exp(k log m - m - log k!), and do not underflow."""
    row = poisson_demand(mean, Periods.fixed(1)).row(0)
    k = np.arange(row.size)
    closed = np.exp(k * math.log(mean) - mean - special.gammaln(k + 1))
    np.testing.assert_allclose(row, closed, rtol=1e-8, atol=1e-14)
    assert special.pdtrc(row.size - 1, mean) <= 1e-12


@pytest.mark.parametrize(("mean", "variance"), [(0.2, 0.9), (5.0, 5.01), (30.0, 400.0), (2.0, 500.0)])
def test_negative_binomial_terms_are_the_closed_form(mean, variance):
    """Terms equal the gamma-function formula, and no more than the stated tail is left out."""
    table = negative_binomial_demand(mean, variance, Periods.fixed(3))
    row, r, p = table.row(0), 3 * mean**2 / (variance - mean), mean / variance
    k = np.arange(row.size)
    closed = np.exp(
        special.gammaln(k + r) - special.gammaln(r) - special.gammaln(k + 1) + r * math.log(p) + k * math.log1p(-p)
    )
    np.testing.assert_allclose(row, closed, rtol=1e-7, atol=1e-14)
    assert special.betainc(row.size, r, 1 - p) <= table.omitted_share


def test_poisson_is_what_its_own_convolution_gives():
    """Seven periods at once equal one period convolved seven times, item by item, with random lead times as well."""
    mean = [0.3, 4.0, 11.0]
    for periods in (Periods.fixed([7, 2, 0]), Periods.random([0.1, 0.2, 0.0, 0.7])):
        direct = poisson_demand(mean, periods)
        convolved = convolved_demand(poisson_demand(mean, Periods.fixed(1)), periods)
        for item in range(3):
            a, b = direct.row(item), convolved.row(item)
            n = min(a.size, b.size)
            np.testing.assert_allclose(a[:n], b[:n], atol=1e-12)
            assert a[n:].sum() + b[n:].sum() < 1e-11


def test_one_item_of_a_table_is_the_single_item_call():
    """Neighbours in the table change nothing about an item."""
    periods = Periods.random([0.0, 0.5, 0.25, 0.25])
    table = negative_binomial_demand([3.0, 50.0, 0.0], [9.0, 60.0, 0.0], periods)
    alone = negative_binomial_demand(50.0, 60.0, periods)
    np.testing.assert_array_equal(table.row(1), alone.row(0))
    observed = read_distributions([[0.2, 0.8], [0.5, 0.0, 0.0, 0.5]])
    together, single = convolved_demand(observed, periods), convolved_demand(observed.select([1]), periods)
    np.testing.assert_allclose(together.row(1), single.row(0), atol=1e-15)


@given(row=weights, level=st.integers(-5, 12))
@settings(deadline=None)
def test_loss_and_cdf_equal_their_sums(row, level):
    """Expected short and left units and the cdf at any level equal the sums that define them."""
    pmf = scaled(row)
    table = read_distributions([pmf, [1.0]])
    assert table.expected_short_units(level)[0] == pytest.approx(expected_short(pmf, level), abs=1e-12)
    left = sum(p * max(level - k, 0) for k, p in enumerate(pmf))
    assert table.expected_left_units(level)[0] == pytest.approx(left, abs=1e-12)
    assert table.cdf(level)[0] == pytest.approx(sum(p for k, p in enumerate(pmf) if k <= level), abs=1e-12)


@given(row=weights, share=st.floats(0.001, 0.999))
@settings(deadline=None)
def test_quantile_is_the_smallest_level_that_holds_the_share(row, share):
    """The quantile's cdf reaches the share and the level below does not."""
    table = read_distributions([scaled(row)])
    level = int(table.quantile(share)[0])
    assert table.cdf(level)[0] >= share - 1e-11
    assert level == 0 or table.cdf(level - 1)[0] < share + 1e-11


def test_observed_demand_counts_periods():
    """Each period counts alike, those without demand too."""
    table = observed_demand([[0, 0, 3, 1], [2, 2, 2, 2]])
    assert table.row(0).tolist() == [0.5, 0.25, 0.0, 0.25]
    assert table.row(1).tolist() == [0.0, 0.0, 1.0]
    assert table.dense().shape == (2, 4)
    assert table.plus_units(1).row(1).tolist() == [0.0, 0.0, 0.0, 1.0]


def test_a_huge_single_order_costs_its_own_row_only():
    """One item that once sold 80,995 does not widen the others, and its mean stays exact."""
    units = np.zeros((50, 270), dtype=np.int64)
    units[:, ::3] = 2
    units[7, 100] = 80_995
    table = convolved_demand(observed_demand(units), Periods.fixed(15))
    lengths = np.diff(table.first)
    assert lengths[7] > 80_995
    assert np.delete(lengths, 7).max() <= 31
    assert table.mean()[7] == pytest.approx(15 * units[7].mean(), rel=1e-9)


def test_protection_interval_follows_the_lead_time():
    """Lead time plus a review period moves the distribution of periods along by that much."""
    lead = Periods.random([0.25, 0.75])
    assert lead.plus(2).share.tolist() == [[0.0, 0.0, 0.25, 0.75]]
    assert lead.plus(2).mean().tolist() == [2.75]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: poisson_demand([1.0, math.nan], Periods.fixed(1)), "mean_units"),
        (lambda: poisson_demand([1.0, math.inf], Periods.fixed(1)), "mean_units"),
        (lambda: poisson_demand(-1.0, Periods.fixed(1)), "mean_units"),
        (lambda: poisson_demand(1e6, Periods.fixed(1000)), "mean_units"),
        (lambda: poisson_demand([1.0, 2.0], Periods.fixed([1, 2, 3])), "mean_units"),
        (lambda: poisson_demand("many", Periods.fixed(1)), "mean_units"),
        (lambda: negative_binomial_demand(3.0, 2.0, Periods.fixed(1)), "variance_units"),
        (lambda: negative_binomial_demand(0.0, 2.0, Periods.fixed(1)), "variance_units"),
        (lambda: negative_binomial_demand(3.0, math.nan, Periods.fixed(1)), "variance_units"),
        (lambda: Periods.fixed(-1), "periods"),
        (lambda: Periods.fixed(1.5), "periods"),
        (lambda: Periods.random([0.5, 0.6]), "periods"),
        (lambda: Periods.random([math.nan, 1.0]), "periods"),
        (lambda: read_distributions([[0.5, math.nan]]), "distribution"),
        (lambda: read_distributions([[]]), "distribution"),
        (lambda: observed_demand([[1.0, math.nan]]), "units"),
        (lambda: observed_demand([[-1, 1]]), "units"),
        (lambda: poisson_demand(1.0, Periods.fixed(1), tail=0.0), "tail"),
    ],
)
def test_unusable_numbers_are_refused_by_name(make, field):
    """Non-finite, negative, absurd or ill-shaped input is refused before anything is computed."""
    with pytest.raises(FieldError) as refused:
        make()
    assert refused.value.args[0] == field
