"""Forecasts from history: what is learnt, what is refused, and that a slice of paths is a slice."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from omsim.demand.forecast.compound import ForecastSettings, draw_paths, forecast_from_history
from omsim.demand.supplier_lead_times import rescaled_lead_times
from omsim.errors import FieldError

FIRST_DAY = date(2023, 12, 1)


def forecast(units_by_day, **arguments):
    """A forecast of the history with a 15-day protection interval."""
    return forecast_from_history(
        np.asarray(units_by_day), **{"first_day": FIRST_DAY, "protection_days": 15, "seed": 5, **arguments}
    )


def lumpy(n_items=60, n_days=270, seed=1):
    """Histories of items that sell on a third of the days, in heavy-tailed sizes of their own scale."""
    rng = np.random.default_rng(seed)
    scale = np.exp(rng.normal(1.0, 1.0, (n_items, 1)))
    sizes = np.ceil(scale * np.exp(rng.normal(0.0, 1.0, (n_items, n_days)))).astype(np.int64)
    return sizes * (rng.random((n_items, n_days)) < 0.35)


def test_level_of_steady_demand_is_recovered():
    """On demand that does not change, the forecast sells as much as the history did."""
    history = lumpy()
    paths = draw_paths(forecast(history), 0, 60, n_paths=256)
    assert paths.mean() == pytest.approx(history.mean(), rel=0.08)
    assert (paths > 0).mean() == pytest.approx((history > 0).mean(), rel=0.08)


def test_a_slice_drawn_alone_is_the_slice_of_the_whole():
    """Item 17's paths do not depend on who else is drawn; the seed decides them."""
    made = forecast(lumpy())
    whole = draw_paths(made, 0, 60, n_paths=32)
    np.testing.assert_array_equal(draw_paths(made, 17, 23, n_paths=32), whole[17:23])
    other = draw_paths(forecast(lumpy(), seed=6), 0, 60, n_paths=32)
    assert (other != whole).any()


def test_nothing_after_the_history_is_needed_and_horizon_is_as_asked():
    """A forecast runs a quarter ahead unless told otherwise, longer for long protection intervals."""
    assert forecast(lumpy()).horizon_days == 91
    assert forecast(lumpy(), protection_days=30).horizon_days == 180
    assert draw_paths(forecast(lumpy(), horizon_days=20), 0, 2, n_paths=4).shape == (2, 4, 20)


def test_recent_weeks_count_for_more_than_old_ones():
    """Of two items with equal totals the one that sells lately is expected to sell more."""
    history = np.zeros((2, 270), np.int64)
    history[0, 10:130:3] = 4
    history[1, 140:260:3] = 4
    rising = forecast(history, open_days=np.ones(270, bool)).sale_share
    assert rising[1] > 2 * rising[0] > 0


def test_last_years_season_next_to_the_horizon_counts():
    """Days of last December speak for this autumn; the same days in spring do not."""
    history = lumpy(n_days=274)
    history[:2] = 0
    history[0, :20] = 3  # December, the horizon being September to November
    history[1, [0, *range(120, 139)]] = 3  # on sale in December too
    share = forecast(history).sale_share
    without = forecast(history, settings=ForecastSettings(season_share=0.0)).sale_share
    assert share[0] > 2 * without[0]
    assert share[1] < without[1]
    assert share[0] > share[1]


def test_a_season_the_history_does_not_reach_changes_nothing():
    """With four months of history there is no season to speak of, and its share goes to the long run."""
    history = lumpy(n_days=121)
    with_season = forecast(history).sale_share
    without = forecast(history, settings=ForecastSettings(season_share=0.0)).sale_share
    np.testing.assert_allclose(with_season, without, rtol=0.02)


def test_one_enormous_day_is_believed_in_part_and_shared_with_neighbours():
    """An item's one bulk order is not repeated at its own frequency; similar items may get one too."""
    history = lumpy()
    item = int(np.argsort(history.sum(axis=1))[30])
    history[item, 200] = 20_000
    before, after = history[:, :200].max(axis=1), draw_paths(forecast(history), 0, 60, n_paths=256)
    assert 0 < after[item].mean() < history[item].mean()
    neighbours = np.delete(after.max(axis=(1, 2)) > 20 * np.maximum(before, 1), item)
    assert neighbours.any()


def test_closed_weekdays_stay_closed():
    """A shop that never opens on one weekday is forecast to sell nothing on it."""
    history = lumpy(n_days=280)
    history[:, 3::7] = 0
    paths = draw_paths(forecast(history), 0, 60, n_paths=8)
    weekday = (280 + np.arange(paths.shape[2])) % 7
    assert paths[:, :, weekday == 3].sum() == 0
    assert all(paths[:, :, weekday == other].sum() > 0 for other in (0, 1, 2, 4, 5, 6))


def test_an_item_that_never_sold_is_forecast_to_sell_nothing():
    """No sale on record gives no demand, and does not disturb the others."""
    history = lumpy()
    history[7] = 0
    paths = draw_paths(forecast(history), 0, 60, n_paths=8)
    assert paths[7].sum() == 0
    assert (np.delete(paths.sum(axis=(1, 2)), 7) > 0).all()


def test_an_empty_table_and_an_empty_history_are_forecast_as_nothing():
    """No items, or items that sold nothing at all, are not an error."""
    assert draw_paths(forecast(np.zeros((0, 60), np.int64)), 0, 0, n_paths=4).shape == (0, 4, 91)
    assert draw_paths(forecast(np.zeros((3, 60), np.int64)), 0, 3, n_paths=4).sum() == 0


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"protection_days": 0}, "protection_days"),
        ({"protection_days": 200}, "units_by_day"),
        ({"units_by_day": np.array([1, 2, 3])}, "units_by_day"),
        ({"units_by_day": np.full((2, 60), -1)}, "units_by_day"),
        ({"seed": -1}, "seed"),
        ({"horizon_days": 0}, "horizon_days"),
        ({"open_days": np.ones(5, bool)}, "open_days"),
    ],
)
def test_unusable_history_is_refused(arguments, field):
    """The error names the argument at fault."""
    with pytest.raises(FieldError, match=field):
        forecast(**{"units_by_day": lumpy(), **arguments})


@pytest.mark.parametrize(
    "wrong",
    [
        {"recent_days": 0.0},
        {"rate_sigma": float("nan")},
        {"season_share": 0.7},
        {"recent_share": -0.1},
        {"pool_neighbours": 0},
    ],
)
def test_impossible_settings_are_refused(wrong):
    """Each setting knows its range."""
    with pytest.raises(FieldError, match=next(iter(wrong))):
        ForecastSettings(**wrong)


@pytest.mark.parametrize("arguments", [(0, 61, 4), (-1, 3, 4), (0, 60, 6), (0, 60, 0)])
def test_paths_outside_the_table_or_of_an_odd_number_are_refused(arguments):
    """A slice must lie within the items and paths come in fours."""
    first, last, n_paths = arguments
    with pytest.raises(FieldError):
        draw_paths(forecast(lumpy()), first, last, n_paths=n_paths)


def test_lead_times_keep_their_shape_at_another_mean():
    """Stretching keeps the coefficient of variation; whole days, at least one, cost little of the mean."""
    observed = np.random.default_rng(3).gamma(2.24, 48.0, 3_000) + 1
    share = rescaled_lead_times(observed, mean_days=14.0)
    days = np.arange(share.size)
    mean = float(share @ days)
    cv = float(np.sqrt(share @ (days - mean) ** 2)) / mean
    assert share.sum() == pytest.approx(1.0)
    assert share[0] == 0
    assert mean == pytest.approx(14.0, abs=0.1)
    assert cv == pytest.approx(observed.std() / observed.mean(), rel=0.02)


@pytest.mark.parametrize(("observed", "mean"), [([], 14.0), ([3.0, 0.0], 14.0), ([3.0], 0.5), ([3.0], float("nan"))])
def test_unusable_lead_times_are_refused(observed, mean):
    """No deliveries, a lead time of nothing, or a mean below a day."""
    with pytest.raises(FieldError):
        rescaled_lead_times(np.array(observed), mean_days=mean)
