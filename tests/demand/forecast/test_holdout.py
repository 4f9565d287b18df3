"""Scores against sums by hand, and honest forecasts scoring as honest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.policies import scaled

from omsim.demand.forecast.holdout import (
    central_parts,
    item_scores,
    naive_rules,
    pinball_losses,
    score_forecasts,
)
from omsim.demand.lead_time import Periods, negative_binomial_demand, poisson_demand, ragged, read_distributions
from omsim.errors import FieldError


def true_poisson(history):
    """What the histories of these tests are drawn from."""
    return poisson_demand(np.full(history.shape[0], 0.4), Periods.fixed(10))


def poisson_history(n_items=400, n_days=80):
    """Steady demand of 0.4 a day."""
    return np.random.default_rng(0).poisson(0.4, (n_items, n_days))


@given(row=st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any), demand=st.integers(0, 12))
def test_pinball_is_its_definition(row, demand):
    """Q (y - x) where short, (1 - q) (x - y) where over, x the quantile."""
    pmf = scaled(row)
    table = read_distributions([pmf])
    told = pinball_losses(table, np.array([demand]), (0.3, 0.9))[0]
    for loss, q in zip(told, (0.3, 0.9), strict=True):
        level = int(np.flatnonzero(np.cumsum(pmf) >= q - 1e-12)[0])
        assert loss == pytest.approx(q * (demand - level) if demand > level else (1 - q) * (level - demand))


def test_the_best_forecast_by_pinball_is_the_true_quantile():
    """Levels off the true ones cost more, on average."""
    demand = np.random.default_rng(1).poisson(4.0, 20_000)
    truth = poisson_demand(np.full(20_000, 4.0), Periods.fixed(1))
    low, high = (poisson_demand(np.full(20_000, mean), Periods.fixed(1)) for mean in (2.5, 6.0))
    best = pinball_losses(truth, demand, (0.5, 0.9)).mean(axis=0)
    assert (pinball_losses(low, demand, (0.5, 0.9)).mean(axis=0) > best).all()
    assert (pinball_losses(high, demand, (0.5, 0.9)).mean(axis=0) > best).all()


@pytest.mark.parametrize("mean", [0.05, 0.7, 30.0])
def test_an_honest_forecast_covers_nine_in_ten_even_where_most_demand_is_zero(mean):
    """Edges count in part; a forecast too narrow covers less."""
    demand = np.random.default_rng(2).negative_binomial(1.0, 1 / (1 + mean), 40_000)
    honest = negative_binomial_demand(np.full(40_000, mean), mean + mean**2, Periods.fixed(1))
    assert central_parts(honest, demand).mean() == pytest.approx(0.9, abs=0.01)
    if mean > 0.1:
        assert central_parts(poisson_demand(np.full(40_000, mean), Periods.fixed(1)), demand).mean() < 0.87


def test_demand_thought_impossible_is_not_covered():
    """Beyond the support the forecast was wrong; a certainty that comes true was right for its central part."""
    table = ragged([np.array([0.0, 1.0])] * 2)
    assert central_parts(table, np.array([1, 5])).tolist() == pytest.approx([0.9, 0.0])


def test_scores_are_the_means_of_their_items():
    """Rows by class and method, from losses computed one item and origin at a time."""
    history = poisson_history(60, 60)
    seen = []

    def rule(known):
        seen.append(known.shape[1])
        return true_poisson(known)

    scores = score_forecasts(history, {"true": rule}, interval_days=10, n_origins=3, quantiles=(0.5, 0.9))
    assert seen == [30, 40, 50]
    asked = np.stack([history[:, t : t + 10].sum(axis=1) for t in (30, 40, 50)])
    losses = np.zeros((3, 60, 2))
    for k, t in enumerate((30, 40, 50)):
        for i in range(60):
            scale = max(1.0, history[i, :t].mean() * 10)
            losses[k, i] = pinball_losses(true_poisson(history[[i]]), asked[k, [i]], (0.5, 0.9))[0] / scale
    row = scores.demand_class.index("all")
    np.testing.assert_allclose(scores.pinball[row], losses.mean(axis=(0, 1)))
    assert scores.bias_share[row] == pytest.approx(3 * 60 * 4 / asked.sum() - 1)
    assert scores.n_items[row] == 60
    own = [i for i, group in enumerate(scores.demand_class) if group != "all" and scores.method[i] == "true"]
    assert scores.n_items[own].sum() == 60
    assert scores.row("all", "true")["pinball"] == pytest.approx(losses.mean())
    with pytest.raises(FieldError, match="method"):
        scores.row("all", "false")


def test_truth_beats_naive_rules():
    """The law the demand was drawn from scores best, covers nine in ten and has no bias."""
    scores = score_forecasts(poisson_history(), {"true": true_poisson}, interval_days=10)
    truth, last, mean = (scores.row("all", name) for name in ("true", "last interval", "mean, Poisson"))
    assert truth["pinball"] < mean["pinball"] < last["pinball"]
    assert truth["coverage_share"] == pytest.approx(0.9, abs=0.02)
    assert abs(truth["bias_share"]) < 0.04


def test_last_year_is_a_rule_once_there_is_one():
    """It repeats the interval that lies 52 weeks back."""
    history = np.arange(400)[None, :]
    assert set(naive_rules(history[:, :300], 10)) == {"last interval", "mean, Poisson"}
    rules = naive_rules(history, 10)
    assert rules["last year"](history).mean().tolist() == [float(sum(range(36, 46)))]
    assert rules["last interval"](history).mean().tolist() == [float(sum(range(390, 400)))]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"interval_days": 0}, "interval_days"),
        ({"interval_days": 30}, "history_units"),
        ({"n_origins": 0}, "n_origins"),
        ({"quantiles": (0.5, 1.0)}, "quantiles"),
        ({"history_units": np.zeros((0, 80), np.int64)}, "history_units"),
    ],
)
def test_unusable_input_is_refused(wrong, field):
    """The error names the argument at fault."""
    arguments = {"history_units": poisson_history(5), "forecasters": {}, "interval_days": 10, "n_origins": 3, **wrong}
    with pytest.raises(FieldError, match=field):
        item_scores(**arguments)
