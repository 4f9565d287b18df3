"""Tables that stand for distributions: exact means, near variances, quantiles in the right cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from omsim.sim.distributions import (
    N_CELLS,
    empirical_factors,
    fixed_factors,
    gamma_factors,
    lognormal_factors,
    lognormal_lag_s,
)

SHAPES = {"gamma": gamma_factors, "lognormal": lognormal_factors}


def law(shape: str, cv: float):
    """SciPy's distribution of mean 1."""
    if shape == "gamma":
        return stats.gamma(1 / cv**2, scale=cv**2)
    sigma = np.sqrt(np.log1p(cv**2))
    return stats.lognorm(sigma, scale=np.exp(-(sigma**2) / 2))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cv", [0.05, 0.3, 0.7, 1.0, 1.6])
def test_tables_have_the_laws_moments_and_quantiles(shape: str, cv: float):
    """Mean 1 exactly, variance a little below the law's, each cell between its quantiles."""
    table, exact = SHAPES[shape](cv), law(shape, cv)
    assert table.shape == (N_CELLS,)
    assert table.mean() == pytest.approx(1, abs=1e-9)
    assert 0.93 * cv**2 < table.var() <= cv**2 * (1 + 1e-9)
    edges = exact.ppf(np.arange(N_CELLS + 1) / N_CELLS)
    assert (table >= edges[:-1] * (1 - 1e-6) - 1e-12).all()
    assert (table <= edges[1:] * (1 + 1e-6)).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_no_variation_is_the_factor_one(shape: str):
    """A coefficient of variation of 0 is a fixed time."""
    np.testing.assert_array_equal(SHAPES[shape](0.0), fixed_factors())
    assert fixed_factors().tolist() == [1.0] * N_CELLS


OUTCOMES = st.lists(
    st.tuples(st.floats(0, 50), st.floats(0.01, 9)), min_size=1, max_size=12, unique_by=lambda outcome: outcome[0]
)


@given(OUTCOMES)
def test_empirical_tables_keep_mean_and_shares(outcomes: list[tuple[float, float]]):
    """The mean is the sample's; each value fills as many cells as its share, but for two shared with neighbours."""
    values, shares = (np.array(column) for column in zip(*outcomes, strict=True))
    table = empirical_factors(values, shares)
    shares = shares / shares.sum()
    assert table.mean() == pytest.approx(values @ shares, rel=1e-9, abs=1e-9)
    assert (np.diff(table) >= -1e-6).all()
    for value, share in zip(values, shares, strict=True):
        assert (
            abs(np.isclose(table, value, rtol=1e-6, atol=1e-9).sum() - share * N_CELLS)
            <= 2 + 2 * (np.isclose(values, value, rtol=1e-5, atol=1e-8).sum() - 1) * N_CELLS
        )


def test_return_lags_are_lognormal_in_whole_seconds():
    """The median in the middle; sigma in the logarithm; at least a second; no spread, no variation."""
    lag_s = lognormal_lag_s(7.0, 0.9)
    assert lag_s.dtype == np.int64
    assert (np.diff(lag_s) >= 0).all()
    assert np.median(lag_s) == pytest.approx(7 * 86_400, rel=1e-3)
    assert np.log(lag_s).std() == pytest.approx(0.9, rel=0.01)
    assert set(lognormal_lag_s(2.0, 0.0).tolist()) == {2 * 86_400}
    assert lognormal_lag_s(1e-9, 0.5).min() == 1
