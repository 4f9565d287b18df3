"""The choice of methods: by score, class by class, and only beyond doubt."""

from __future__ import annotations

import numpy as np
import pytest

from omsim.demand.forecast.choosing import CANDIDATES, DEFAULT, FEWEST_JUDGED, choose_methods
from omsim.demand.forecast.classes import INTERMITTENT, LUMPY, SMOOTH
from omsim.demand.forecast.holdout import score_forecasts
from omsim.demand.lead_time import Periods, negative_binomial_demand, poisson_demand

TRUTH = 0.5


def mean_forecasts(means):
    """Forecasts that are Poisson with one mean a day by method."""

    def predict(known, method, rows):
        assert known.shape[0] == rows.size
        return poisson_demand(np.full(rows.size, means.get(method, means[DEFAULT])), Periods.fixed(10))

    return predict


def history(n_items=300):
    """Steady Poisson demand."""
    return np.random.default_rng(0).poisson(TRUTH, (n_items, 100))


def test_a_clearly_better_method_replaces_the_default_in_its_class_only():
    """The default is far off; the one candidate that is right is chosen where it may be, and told."""
    code = np.repeat(np.array([SMOOTH, INTERMITTENT, LUMPY], np.int8), 100)
    chosen, told = choose_methods(history(), code, mean_forecasts({DEFAULT: 3 * TRUTH, "tsb": TRUTH}), interval_days=10)
    assert chosen[INTERMITTENT] == chosen[LUMPY] == "tsb"
    assert "tsb" not in CANDIDATES[SMOOTH]
    assert chosen[SMOOTH] == DEFAULT
    assert "intermittent tsb" in told


def test_equals_do_not_replace_the_default():
    """A difference within its own doubt is none."""
    code = np.full(300, LUMPY, np.int8)
    means = {DEFAULT: TRUTH, "tsb": TRUTH * 1.001, "sba": TRUTH * 0.999}
    assert choose_methods(history(), code, mean_forecasts(means), interval_days=10)[0][LUMPY] == DEFAULT


@pytest.mark.parametrize(("n_items", "n_days"), [(FEWEST_JUDGED - 1, 100), (300, 39), (0, 100)])
def test_too_little_to_score_leaves_the_default(n_items, n_days):
    """Few items of a class, or few days, are judged by nobody."""
    code = np.full(n_items, LUMPY, np.int8)
    means = {DEFAULT: 9 * TRUTH, "tsb": TRUTH}
    chosen, told = choose_methods(history(n_items)[:, :n_days], code, mean_forecasts(means), interval_days=10)
    assert set(chosen.values()) == {DEFAULT}
    assert "too" in told


@pytest.mark.parametrize(("n_days", "expected"), [(219, DEFAULT), (220, "empirical")])
def test_observed_windows_need_a_long_history(n_days, expected):
    """With fewer than twenty intervals to look back on they cannot know a high quantile, however well they scored."""
    units = np.random.default_rng(0).poisson(TRUTH, (100, n_days))
    code = np.full(100, SMOOTH, np.int8)
    means = {DEFAULT: 3 * TRUTH, "empirical": TRUTH}
    assert choose_methods(units, code, mean_forecasts(means), interval_days=10)[0][SMOOTH] == expected


def test_a_narrow_forecast_is_not_chosen_for_a_lucky_score():
    """The right mean scores better than a wrong one, but much too narrow for what came: the default stays."""
    rng = np.random.default_rng(0)
    units = rng.negative_binomial(0.1, 0.1 / (0.1 + TRUTH), (300, 100))
    code = np.full(300, SMOOTH, np.int8)

    def predict(known, method, rows):
        if method == DEFAULT:
            return negative_binomial_demand(np.full(rows.size, 2 * TRUTH), np.full(rows.size, 20.0), Periods.fixed(10))
        return poisson_demand(np.full(rows.size, TRUTH), Periods.fixed(10))

    scores = score_forecasts(
        units, {name: lambda known, name=name: predict(known, name, code) for name in (DEFAULT, "poisson")},
        interval_days=10,
    )  # fmt: skip
    assert scores.row("all", "poisson")["coverage_share"] < 0.8
    assert scores.row("all", "poisson")["pinball"] < 0.9 * scores.row("all", DEFAULT)["pinball"]
    assert choose_methods(units, code, predict, interval_days=10)[0][SMOOTH] == DEFAULT
