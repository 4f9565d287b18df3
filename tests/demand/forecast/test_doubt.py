"""The doubt about the level: learnt where demand says so, the prior where it is silent, coverage right in each case."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from omsim.demand.forecast.classes import CLASSES, INTERMITTENT, LUMPY, SMOOTH
from omsim.demand.forecast.compound import ForecastSettings
from omsim.demand.forecast.doubt import (
    DOUBTS,
    JUDGED_OF_CLASS,
    PRIOR_SCALE,
    SCALES,
    SCORED,
    judged_rows,
    learn_scales,
    posterior_scale,
    prior_scales,
)
from omsim.demand.forecast.item_tables import Past, demand_chances, full_sigma, make_tables
from omsim.demand.forecast.predictive import predict_demand

FIRST_DAY = date(2024, 1, 1)
FULL = full_sigma(ForecastSettings())
AHEAD_DAYS = 11


def predict(history, **arguments):
    """A prediction of ten days of lead time and one of review."""
    given = {"first_day": FIRST_DAY, "before_days": np.eye(AHEAD_DAYS)[[-1]], "review_days": 1, **arguments}
    return predict_demand(history, **given)


def steady(rng, n_items, n_days):
    """Brisk items that never change: negative binomial every day."""
    mean = np.exp(rng.uniform(1, 3, (n_items, 1)))
    return rng.negative_binomial(2.0, 2.0 / (2.0 + mean), (n_items, n_days))


def lumpy(rng, n_items, n_days):
    """Rare demand in sizes of their own, never changing."""
    chance = rng.uniform(0.08, 0.4, (n_items, 1))
    return (rng.random((n_items, n_days)) < chance) * np.ceil(rng.lognormal(1.0, 0.9, (n_items, n_days))).astype(int)


def drifting(rng, n_items, n_days):
    """Steady items whose level is drawn anew, log standard deviation 0.5, each time as many days as are forecast."""
    fresh = np.exp(rng.normal(-0.125, 0.5, (n_items, -(-n_days // AHEAD_DAYS))))
    level = np.repeat(fresh, AHEAD_DAYS, axis=1)[:, -n_days:]
    mean = level * np.exp(rng.uniform(1, 3, (n_items, 1)))
    return rng.negative_binomial(2.0, 2.0 / (2.0 + mean))


def covered(table, demand, share):
    """Mean chance of demand within a quantile, its own step shared so that an honest forecast scores `share`."""
    low, high = table.cdf(demand - 1), table.cdf(demand)
    return float(np.clip((share - low) / np.maximum(high - low, 1e-12), 0, 1).mean())


@pytest.mark.parametrize("method", ["auto", "compound", "negative_binomial"])
@pytest.mark.parametrize("kind", [steady, lumpy, drifting])
def test_upper_quantiles_hold_what_they_promise(kind, method):
    """Demand steady, lumpy or drifting lies within the 90, 95 and 98 % quantiles about as often as it should."""
    history = kind(np.random.default_rng(1), 500, 231)
    made = predict(history[:, :-AHEAD_DAYS], method=method)
    demand = history[:, -AHEAD_DAYS:].sum(axis=1)
    for share, slack in ((0.9, 0.045), (0.95, 0.035), (0.98, 0.02)):
        assert covered(made.after, demand, share) == pytest.approx(share, abs=slack)


def test_steady_demand_needs_little_doubt_and_drifting_much():
    """Learnt scales tell them apart; an item alone says less, and lies nearer the prior."""
    learnt = {}
    for kind in (steady, drifting):
        made = predict(kind(np.random.default_rng(2), 200, 220), method="compound")
        learnt[kind] = made.doubt_sigma[made.demand_class <= 1].mean() / FULL
        assert "doubt of the level learnt on the last 2 x 11 days" in made.source
    assert learnt[steady] < 0.25
    assert learnt[drifting] > 0.7
    alone = predict(steady(np.random.default_rng(2), 1, 220), method="compound").doubt_sigma[0] / FULL
    assert learnt[steady] + 0.1 < alone < 0.8


@pytest.mark.parametrize("n_days", [1, 20, 43])
def test_a_short_history_gets_the_prior(n_days):
    """Fewer than four intervals: the documented doubt by class, and the words say so."""
    made = predict(steady(np.random.default_rng(3), 40, n_days), method="compound")
    expected = np.array([PRIOR_SCALE[code] for code in made.demand_class.tolist()]) * FULL
    np.testing.assert_allclose(made.doubt_sigma, expected)
    assert "too short to learn it" in made.source


def test_a_given_doubt_is_used_as_it_is():
    """A number for all or one each; methods without a doubt have none."""
    history = steady(np.random.default_rng(4), 20, 200)
    wide = predict(history, method="compound", doubt_sigma=0.8)
    narrow = predict(history, method="compound", doubt_sigma=np.zeros(20))
    assert (wide.doubt_sigma == 0.8).all()
    assert (wide.after.quantile(0.98) > 1.5 * narrow.after.quantile(0.98)).all()
    assert (predict(history, method="poisson", doubt_sigma=0.8).doubt_sigma == 0).all()


def test_settings_without_doubt_leave_nothing_to_scale():
    """Scales multiply what the settings say."""
    sure = ForecastSettings(rate_sigma=0.0, size_sigma=0.0)
    made = predict(drifting(np.random.default_rng(5), 60, 220), method="compound", settings=sure)
    assert (made.doubt_sigma == 0).all()


def past_of(units):
    """Items always on sale in a shop that never closes."""
    return Past(
        units=units,
        first_day=FIRST_DAY,
        open_days=np.ones(units.shape[1], bool),
        on_sale_from=np.zeros(units.shape[0], np.int64),
        group=None,
        settings=ForecastSettings(),
        seed=0,
        weekdays=True,
    )


@pytest.mark.parametrize("method", SCORED)
def test_scored_chances_are_those_of_the_tables(method):
    """The probability of demand above the usual is the table's own; below, that of no more than the usual."""
    units = lumpy(np.random.default_rng(6), 30, 120)
    demand = np.random.default_rng(7).integers(0, 60, 30)
    chances, mean = demand_chances(past_of(units), 9, demand, (0.0, 1.0))[method]
    names = np.full(30, method, dtype=object)
    usual = make_tables(
        past_of(units), np.eye(9)[[-1]], 1, np.full(30, "compound", dtype=object), np.zeros(30), 1e-9
    ).after.quantile(0.5)
    for row, sigma in enumerate((0.0, FULL)):
        table = make_tables(past_of(units), np.eye(9)[[-1]], 1, names, np.full(30, sigma), 1e-9).after
        exact = table.cdf(demand) - table.cdf(demand - 1)
        expected = np.where(demand > usual, exact, table.cdf(usual))
        np.testing.assert_allclose(chances[row], expected, rtol=1e-3, atol=1e-6)
        if row == 0:
            np.testing.assert_allclose(mean, table.mean(), rtol=0.01, atol=0.01)


def test_the_scale_follows_the_scores_and_keeps_to_the_prior_without():
    """No items: the prior; many with one mind: theirs; a thousand of one origin count no more than the cap."""
    assert posterior_scale([np.zeros((len(SCALES), 0))], 0.5) == 0.5
    liking = -4.0 * np.abs(np.array(SCALES) - 1.5)[:, None]
    few = posterior_scale([np.repeat(liking, 2, axis=1)], 0.5)
    many = posterior_scale([np.repeat(liking, 20, axis=1)], 0.5)
    assert 0.5 < few < many
    assert many == pytest.approx(1.5, abs=0.05)
    assert posterior_scale([np.repeat(liking, 1_000, axis=1)], 0.5) == pytest.approx(many, rel=1e-9)


def test_items_are_judged_class_by_class():
    """All of a small class, a hundred of a large one, in order."""
    code = np.repeat(np.array([LUMPY, SMOOTH], np.int8), (5_000, 7))
    rows = judged_rows(code)
    assert (np.diff(rows) > 0).all()
    assert (code[rows] == SMOOTH).sum() == 7
    assert (code[rows] == LUMPY).sum() <= JUDGED_OF_CLASS


def test_each_class_learns_its_own_scale():
    """Scores of one class move no other; a class nobody is of keeps the prior; Croston's family never goes below it."""
    code = np.repeat(np.array([SMOOTH, INTERMITTENT], np.int8), 50)

    def chances(known, rows, demand):
        taste = np.where(code[rows] == SMOOTH, 1.5, 0.0)
        table = np.exp(-8.0 * np.abs(np.array(SCALES)[:, None] - taste))
        return dict.fromkeys(SCORED, (table, np.ones(rows.size)))

    scales, told = learn_scales(np.ones((100, 80), np.int64), code, chances, interval_days=10)
    assert set(scales) == set(DOUBTS)
    assert scales["compound"][SMOOTH] > 1.4
    assert scales["negative_binomial"][INTERMITTENT] < 0.1
    assert scales["compound"][LUMPY] == PRIOR_SCALE[LUMPY]
    assert (scales["croston"] >= prior_scales()).all()
    assert CLASSES[SMOOTH] in told
    assert CLASSES[LUMPY] not in told
