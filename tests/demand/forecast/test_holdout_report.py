"""Rows for the nightly report: what they say, on how much, and when there are none."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest

from omsim.demand.forecast.predictive import predict_demand
from omsim.demand.forecast.report import holdout_rows
from omsim.errors import FieldError

NIGHT = {"first_day": date(2024, 1, 1), "before_days": np.eye(8)[[-1]], "review_days": 1}
FIELDS = {
    "demand_class", "n_items", "name", "method", "ours", "interval_days", "n_origins", "pinball",
    "pinball_share", "coverage_share", "bias_share",
}  # fmt: skip


def history(n_items=120, n_days=140, seed=0):
    """Brisk items and slow ones, by turns."""
    rng = np.random.default_rng(seed)
    chance = np.where(np.arange(n_items) % 2, 0.95, 0.2)[:, None]
    return (rng.random((n_items, n_days)) < chance) * rng.geometric(0.4, (n_items, n_days))


def test_rows_are_plain_and_set_the_forecast_beside_naive_rules():
    """Every class with every rule, all first, ready for JSON; classes add up; the forecast is worth having."""
    units = history()
    made = predict_demand(units, **NIGHT)
    rows = holdout_rows(units, methods=made.method, doubt_sigma=made.doubt_sigma, **NIGHT)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert all(set(row) == FIELDS for row in rows)
    assert [row["name"] for row in rows[:3]] == ["forecast", "last interval", "mean, Poisson"]
    assert [row["ours"] for row in rows[:3]] == [True, False, False]
    own = {row["demand_class"]: row for row in rows if row["ours"]}
    assert sum(row["n_items"] for name, row in own.items() if name != "all") == own["all"]["n_items"] == 120
    assert own["all"]["pinball_share"] < 0.97
    assert own["all"]["coverage_share"] == pytest.approx(0.9, abs=0.05)
    assert own["all"]["method"] == "compound"
    assert own["all"]["interval_days"] == 8
    best = min(row["pinball"] for row in rows[1:3])
    assert own["all"]["pinball_share"] == pytest.approx(own["all"]["pinball"] / best)


def test_a_year_of_history_adds_last_year():
    """The same days a year ago are a rule where there are any."""
    units = history(20, 400)
    rows = holdout_rows(units, methods="compound", doubt_sigma=0.2, **NIGHT)
    assert "last year" in {row["name"] for row in rows}


def test_only_so_many_items_are_looked_at_and_methods_are_named():
    """Evenly spread; a class says which methods its items have, the commonest first."""
    methods = np.where(np.arange(120) % 3 == 0, "negative_binomial", "compound").tolist()
    rows = holdout_rows(history(), methods=methods, doubt_sigma=0.2, most_items=50, **NIGHT)
    assert rows[0]["n_items"] == 40
    assert rows[0]["method"] == "negative_binomial"
    whole = holdout_rows(history(), methods=methods, doubt_sigma=0.2, **NIGHT)
    assert whole[0]["method"] == "compound, negative_binomial"


def test_without_enough_to_hide_there_are_no_rows():
    """Too short a history, or nobody, is not an error; nothing asked for has no bias."""
    assert holdout_rows(history(n_days=23), methods="compound", doubt_sigma=0.2, **NIGHT) == []
    assert holdout_rows(np.zeros((0, 90), np.int64), methods=(), doubt_sigma=0.2, **NIGHT) == []
    still = holdout_rows(np.zeros((3, 90), np.int64), methods="compound", doubt_sigma=0.2, **NIGHT)
    assert still[0]["bias_share"] is None
    assert still[0]["pinball_share"] is None


def test_sold_out_days_are_estimated_before_they_are_scored():
    """Sales cut by stock: told of it, the forecast is scored on the demand behind them, not on the sales."""
    units = history()
    stock = np.random.default_rng(1).integers(0, 4, units.shape)
    cut, out = np.minimum(units, stock), units >= stock
    told = holdout_rows(cut, methods="compound", doubt_sigma=0.2, sold_out=out, **NIGHT)
    untold = holdout_rows(cut, methods="compound", doubt_sigma=0.2, **NIGHT)
    assert told[0]["pinball"] != untold[0]["pinball"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"methods": "auto"}, "methods"),
        ({"methods": ["compound"]}, "methods"),
        ({"most_items": 0}, "most_items"),
        ({"n_origins": 0}, "n_origins"),
        ({"doubt_sigma": -1.0}, "doubt_sigma"),
        ({"doubt_sigma": [0.1, 0.2]}, "doubt_sigma"),
    ],
)
def test_unusable_input_is_refused(wrong, field):
    """The error names the argument at fault."""
    given = {"methods": "compound", "doubt_sigma": 0.1, **NIGHT, **wrong}
    with pytest.raises(FieldError, match=field):
        holdout_rows(history(20), **given)
