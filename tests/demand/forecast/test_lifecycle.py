"""Dying items, new items, and the pattern of the week."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from omsim.demand.forecast.compound import forecast_from_history
from omsim.demand.forecast.lifecycle import (
    NEW_DAYS,
    NEW_PRIOR_SALES,
    alive_shares,
    launch_chances,
    new_items,
    weekday_factors,
    with_launches,
)


def test_silence_means_more_of_an_item_that_sold_often():
    """Sixty quiet days: suspicious after daily sales, not after monthly ones; longer silence is more suspicious."""
    sold = np.zeros((40, 300), bool)
    sold[:20, :240] = True  # daily, then nothing: the deaths the hazard is learnt from
    sold[20:, 10:240:30] = True
    sold[30:, 250:300:30] = True  # these go on
    alive = alive_shares(sold, np.ones(300, bool))
    assert alive[0] < 0.01
    assert alive[20] > 0.3
    assert alive[30] > 0.8
    longer = alive_shares(sold[:, :295], np.ones(295, bool))
    assert longer[20] >= alive[20]


def test_alive_probability_is_calibrated():
    """Of items that may have died on a random day, as many are still alive as the probabilities say, high and low."""
    rng = np.random.default_rng(1)
    n_items, n_days, hazard = 4_000, 300, 0.003
    chance = rng.gamma(1.0, 0.1, (n_items, 1)).clip(0.01, 0.9)
    death = rng.geometric(hazard, (n_items, 1))
    sold = (rng.random((n_items, n_days)) < chance) & (np.arange(n_days) < death)
    seen = sold.any(axis=1)
    told = alive_shares(sold, np.ones(n_days, bool))
    truth = death[:, 0] > n_days
    for low, high in ((0.0, 0.2), (0.2, 0.8), (0.8, 1.01)):
        group = seen & (told >= low) & (told < high)
        assert group.sum() > 100
        assert truth[group].mean() == pytest.approx(told[group].mean(), abs=0.1)


def test_nothing_known_is_no_sign_of_death():
    """An item that never sold, one that sold today, an empty table."""
    sold = np.zeros((2, 50), bool)
    sold[1, -1] = True
    assert alive_shares(sold, np.ones(50, bool)).tolist() == [1.0, 1.0]
    assert alive_shares(np.zeros((0, 50), bool), np.ones(50, bool)).size == 0


def test_a_new_item_is_drawn_towards_other_launches():
    """Own days count as they are, the first weeks of all launches as two selling days."""
    n_days = 200
    rng = np.random.default_rng(2)
    start = np.concatenate((np.zeros(30), rng.integers(1, 150, 30), [n_days, n_days - 20])).astype(np.int64)
    sold = (rng.random((62, n_days)) < np.where(np.arange(62) < 30, 0.5, 0.1)[:, None]) & (
        np.arange(n_days) >= start[:, None]
    )
    sold[61, -20:] = False
    opened = np.ones(n_days, bool)
    assert np.flatnonzero(new_items(opened, start)).tolist() == [60, 61]
    made = launch_chances(sold, opened, start)
    assert made[60] == pytest.approx(0.1, abs=0.02)
    assert made[61] == pytest.approx(NEW_PRIOR_SALES / (20 + NEW_PRIOR_SALES / made[60]))
    grouped = launch_chances(sold, opened, start, np.arange(62) % 2)
    assert grouped[60] != made[60]


def test_with_few_launches_all_items_stand_for_them():
    """Two launches prove nothing; the pool is everyone."""
    rng = np.random.default_rng(3)
    sold = rng.random((40, 100)) < 0.3
    start = np.zeros(40, np.int64)
    sold[:2], start[:2] = False, 90
    made = launch_chances(sold, np.ones(100, bool), start)
    assert made[0] == pytest.approx(NEW_PRIOR_SALES / (10 + NEW_PRIOR_SALES / 0.3), rel=0.1)


def test_everything_is_new_in_a_short_history():
    """Nobody has been seen for long."""
    assert new_items(np.ones(NEW_DAYS - 1, bool), np.zeros(3, np.int64)).all()
    assert not new_items(np.ones(NEW_DAYS, bool), np.zeros(3, np.int64)).any()


def test_a_new_item_without_a_sale_sells_sizes_of_the_middle():
    """Typical size of the mean of those that sold, and the sizes of a like item's pool."""
    rng = np.random.default_rng(4)
    history = (rng.random((30, 90)) < 0.5) * rng.integers(1, 20, (30, 1))
    history[7] = 0
    made = forecast_from_history(history, first_day=date(2024, 1, 1), protection_days=1, seed=0)
    is_new = np.arange(30) == 7
    told = with_launches(made, np.full(30, 0.25), is_new)
    others = np.delete(made.typical_units, 7)
    assert told.sale_share[7] == 0.25
    assert told.typical_units[7] == pytest.approx(np.exp(np.log(others).mean()))
    assert told.pool_range[7, 1] > told.pool_range[7, 0]
    np.testing.assert_array_equal(np.delete(told.sale_share, 7), np.delete(made.sale_share, 7))


def test_a_weekday_pattern_is_found_where_there_is_one():
    """Twice as many sales on one weekday; without a pattern factors stay at 1; mean 1 over the week, day 0 tomorrow."""
    rng = np.random.default_rng(5)
    opened, ahead = np.ones(140, bool), np.ones(10)
    flat = rng.random((200, 140)) < 0.1
    np.testing.assert_allclose(weekday_factors(flat, opened, ahead), 1.0, atol=0.06)
    busy = rng.random((200, 140)) < np.where(np.arange(140) % 7 == 2, 0.2, 0.1)
    factor = weekday_factors(busy, opened, ahead)
    assert factor[:7].mean() == pytest.approx(1)
    assert factor[2] / np.delete(factor[:7], 2).mean() == pytest.approx(2.0, rel=0.1)
    assert factor[9] == factor[2]


def test_a_closed_weekday_has_factor_zero():
    """And the others make up for it, so that a week sells what it did."""
    opened = np.arange(70) % 7 != 5
    sold = np.random.default_rng(6).random((100, 70)) < 0.2 * opened
    open_share = (np.arange(7) != 5).astype(np.float64)
    factor = weekday_factors(sold, opened, open_share)
    assert factor[5] == 0
    np.testing.assert_allclose(np.delete(factor, 5), 7 / 6, rtol=0.08)
