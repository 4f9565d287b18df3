"""Exponential smoothing by statsmodels: what it gives, what it hands on, and its absence."""

from __future__ import annotations

import importlib
from datetime import date

import numpy as np
import pytest

from omsim.demand.forecast.predictive import predict_demand
from omsim.errors import FieldError

WEEK = np.eye(8)[[7]]


def predict(history, **arguments):
    """A prediction by ets for a week's lead time and daily review."""
    return predict_demand(
        history, first_day=date(2024, 1, 1), before_days=WEEK, review_days=1, method="ets", seed=1, **arguments
    )


def test_level_of_a_smooth_item_is_recovered_and_a_constant_one_handed_on():
    """Poisson demand of 20 a day; an item without variation gets the named fallback; the seed decides."""
    pytest.importorskip("statsmodels")
    history = np.vstack([np.random.default_rng(0).poisson(20.0, (2, 70)), np.full((1, 70), 3)])
    made = predict(history)
    assert made.method == ("ets", "ets", "negative_binomial")
    np.testing.assert_allclose(made.after.mean()[:2], 160.0, rtol=0.1)
    assert made.after.mean()[2] == pytest.approx(24, rel=0.2)
    np.testing.assert_allclose(np.add.reduceat(made.after.pmf, made.after.first[:-1]), 1.0)
    np.testing.assert_array_equal(predict(history).after.pmf, made.after.pmf)


def test_a_weekly_pattern_is_followed():
    """Demand on one weekday only: the lead time that ends before it sees next to none."""
    pytest.importorskip("statsmodels")
    rng = np.random.default_rng(1)
    history = rng.poisson(np.where(np.arange(84) % 7 == 6, 40.0, 2.0), (1, 84))
    made = predict_demand(
        history, first_day=date(2024, 1, 1), before_days=np.eye(7)[[6]], review_days=1, method="ets", seed=1
    )
    assert made.before.mean()[0] == pytest.approx(12, abs=6)
    assert made.after.mean()[0] == pytest.approx(52, abs=8)


def test_without_statsmodels_the_error_says_what_to_install(monkeypatch):
    """A clear line instead of an import error."""

    def refuse(name, *rest):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(FieldError, match=r"omsim\[ets\]"):
        predict(np.ones((1, 30), np.int64))
