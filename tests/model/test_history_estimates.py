"""The estimates against slow, obvious oracles."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.model.history.estimates import (
    day_variation,
    estimate_season,
    match_returns,
    median_by,
    training_rows,
)
from omsim.model.history.fates import Fate, Period
from omsim.model.history.rows import Rows

DAY_S = 86_400
START = date(2024, 1, 1).toordinal()
START_S = (START - 719_163) * DAY_S


def make_rows(events):
    """Rows of (hour, customer or -1, sku, units)."""
    hour, customer, sku, units = (np.array(part, dtype=np.int64) for part in zip(*events, strict=True))
    n = len(events)
    return Rows(
        order=np.arange(n),
        order_names=tuple(map(str, range(n))),
        at_s=START_S + hour * 3600,
        sku=sku,
        sku_names=("a", "b", "c"),
        units=units,
        units_given=np.ones(n, dtype=np.bool_),
        price=np.ones(n),
        customer=customer,
        region=np.zeros(n, dtype=np.int64),
        region_names=("x",),
    )


def lags_one_by_one(events):
    """Lag in hours of each cancellation with an earlier sale, by looking at every sale."""
    lags = []
    for hour, customer, sku, units in events:
        if units < 0 <= customer:
            earlier = [h for h, c, s, u in events if u > 0 and (c, s) == (customer, sku) and h <= hour]
            if earlier:
                lags.append(hour - max(earlier))
    return lags


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(-1, 2), st.integers(0, 2), st.sampled_from([-2, -1, 1, 5])),
        min_size=1,
        max_size=40,
    ).filter(lambda events: any(units > 0 for *_, units in events))
)
@settings(deadline=None)
def test_cancellations_find_the_sale_a_clerk_would_find(events):
    """The latest earlier sale of the same customer and article, or none."""
    rows = make_rows(events)
    fates = np.where(rows.units > 0, Fate.SALE_TRAINING, Fate.RETURN_UNMATCHED).astype(np.int8)
    found = match_returns(rows, fates, 50.0)
    assert sorted(np.round(found.lag_days * 24).astype(int).tolist()) == sorted(lags_one_by_one(events))
    assert np.count_nonzero(fates == Fate.RETURN_MATCHED) == found.n_matched == len(lags_one_by_one(events))
    assert found.n_matched + found.n_unmatched == np.count_nonzero(rows.units < 0)
    assert found.share.max() <= 1
    assert found.mean_share == pytest.approx(np.sum(rows.units < 0) / training_rows(fates).size)


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-1e6, 1e6)), min_size=1, max_size=60))
@settings(deadline=None)
def test_medians_of_groups(pairs):
    """As NumPy's median, group by group; NaN for an empty group."""
    group = np.array([g for g, _ in pairs], dtype=np.int64)
    values = np.array([v for _, v in pairs])
    found = median_by(group, values, 6)
    for g in range(6):
        mine = values[group == g]
        if mine.size:
            assert found[g] == pytest.approx(np.median(mine))
        else:
            assert np.isnan(found[g])


@given(st.lists(st.integers(0, 24 * 60 - 1), min_size=1, max_size=200))
@settings(deadline=None)
def test_season_adds_up_to_the_orders_counted(hours):
    """Factors x weekday rates x hours give back the number of orders, whatever they are; weights have mean 1."""
    period = Period(since=START, until=START + 60, replay_from=START + 60)
    season = estimate_season(START_S + np.sort(np.array(hours)) * 3600, period, START + 59)
    assert season.expected.sum() == pytest.approx(len(hours))
    weekday = (np.arange(60) + START + 6) % 7
    rate = season.orders_per_day * season.hour_weight.mean(axis=1)
    assert (rate[weekday] * season.day_factor).sum() == pytest.approx(len(hours))
    assert season.hour_weight.mean() == pytest.approx(1)
    assert not season.day_factor[season.closed].any()


def test_day_variation_is_the_cv_that_made_the_days():
    """20,000 days of Poisson orders with a gamma day effect of 0.2 show 0.2; pure Poisson days show almost none."""
    rng = np.random.default_rng(0)
    mean = np.full(20_000, 60.0)
    counts = rng.poisson(mean * rng.gamma(25, 1 / 25, mean.size)).astype(float)
    assert day_variation(counts, mean) == pytest.approx(0.2, abs=0.01)
    assert day_variation(rng.poisson(mean).astype(float), mean) < 0.03
    assert day_variation(np.zeros(3), np.zeros(3)) == 0
