"""Intervals: the textbook formula, what they cover, and the rules for few or missing values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from analysis.small_records import made_records
from model.small_models import small_business

from omsim.analysis.measure import compute_kpis
from omsim.analysis.stats import compare_kpi, estimate, estimate_kpi, half_widths, paired_difference


def test_half_width_is_students():
    """Ten values give the half-width of a printed t table (2.262 at 9 degrees of freedom)."""
    values = np.arange(10.0)
    expected = 2.262157 * values.std(ddof=1) / math.sqrt(10)
    assert estimate(values).half_width == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [2, 5, 30])
def test_intervals_cover_as_often_as_they_say(n):
    """Of 20,000 samples of normal values about 95 in a hundred intervals hold the true mean."""
    values = np.random.default_rng(1).normal(7.0, 3.0, (n, 20_000))
    mean, half_width, _ = half_widths(values)
    covered = np.mean(np.abs(mean - 7.0) <= half_width)
    assert covered == pytest.approx(0.95, abs=0.006)


def test_pairing_narrows_a_difference_of_like_things():
    """Common noise falls out of a paired difference and stays in the arms."""
    rng = np.random.default_rng(2)
    common = rng.normal(0, 10, 20)
    found = paired_difference(common, common + 1 + rng.normal(0, 0.1, 20))
    assert found.difference.mean == pytest.approx(1, abs=0.1)
    assert found.difference.half_width < 0.1 < found.baseline.half_width
    assert found.clear
    assert found.share_above == 1


def test_paired_intervals_cover_the_true_difference():
    """Differences of skewed values, ten at a time, are covered nearly as often as promised."""
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(2000):
        base = rng.exponential(1.0, 10)
        gap = paired_difference(base, base + rng.gamma(4.0, 0.5, 10)).difference
        hits += gap.low <= 2.0 <= gap.high
    assert 0.91 < hits / 2000 < 0.97


def test_one_replication_has_no_interval_and_says_so():
    """A single value is a mean without a half-width, and a difference without a verdict."""
    one = estimate([4.0])
    assert (one.mean, one.n) == (4.0, 1)
    assert math.isnan(one.half_width)
    assert one.note == "one replication: no interval"
    pair = paired_difference([1.0], [2.0])
    assert pair.difference.mean == 1.0
    assert not pair.clear


def test_missing_values_are_left_out_and_counted():
    """NaN replications do not enter the mean; pairs need both sides."""
    found = estimate([1.0, math.nan, 3.0])
    assert (found.mean, found.n, found.n_null) == (2.0, 2, 1)
    assert "no value in 1 of 3" in found.note
    pair = paired_difference([1.0, math.nan, 3.0], [2.0, 2.0, math.nan])
    assert (pair.difference.mean, pair.difference.n, pair.baseline.mean) == (1.0, 1, 1.0)
    nothing = estimate([math.nan])
    assert math.isnan(nothing.mean)
    assert nothing.note == "no value in any replication"


def test_equal_values_have_a_half_width_of_zero():
    """Without any spread the interval is a point, also far from zero."""
    assert estimate([1e9, 1e9, 1e9]).half_width == 0


def test_pairs_must_match():
    """Arms of different length are refused."""
    with pytest.raises(ValueError, match="3 replications of the baseline against 2"):
        paired_difference([1.0, 2.0, 3.0], [1.0, 2.0])


def test_kpis_are_estimated_over_tables():
    """A KPI's estimate is that of its values in the tables, ratio or quantile alike."""
    business = small_business()
    tables = [compute_kpis(made_records(business, 150, 0, replication), business) for replication in range(4)]
    for kpi in ("otif", "cycle_time_p90"):
        values = [table.get(kpi) for table in tables]
        assert estimate_kpi(tables, kpi).mean == pytest.approx(np.mean(values))
    assert compare_kpi(tables, tables, "otif").difference.half_width == 0
