"""Croston, SBA and TSB: the compiled tables against the formulas one step at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsim.demand.forecast.intermittent import CHANCE_WEIGHTS, SIZE_WEIGHTS, forecast_intermittent
from omsim.errors import FieldError
from omsim.kernels.intermittent import CROSTON, SBA, TSB, smoothing_errors


def croston_by_hand(units, alpha, beta):
    """Croston (1972): size z and interval p are smoothed when something sells; the forecast is z / p."""
    size = interval = None
    waited = 0
    for sold in units:
        waited += 1
        if sold:
            if size is None:
                size, interval = float(sold), float(waited)
            else:
                size = alpha * sold + (1 - alpha) * size
                interval = beta * waited + (1 - beta) * interval
            waited = 0
    return 0.0 if size is None else size / interval


def tsb_by_hand(units, alpha, beta):
    """Teunter, Syntetos & Babai (2011): chance d is smoothed each period, size z when something sells; d z."""
    size = chance = None
    for t, sold in enumerate(units):
        if size is None:
            if sold:
                size, chance = float(sold), 1.0 / (t + 1)
            continue
        chance = beta * (sold > 0) + (1 - beta) * chance
        if sold:
            size = alpha * sold + (1 - alpha) * size
    return 0.0 if size is None else chance * size


def by_hand(method, units, alpha, beta):
    """Each method's forecast; Syntetos & Boylan (2005) take half of beta off Croston's."""
    if method == "tsb":
        return tsb_by_hand(units, alpha, beta)
    return croston_by_hand(units, alpha, beta) * (1 - beta / 2 if method == "sba" else 1)


histories = st.lists(st.lists(st.sampled_from([0, 0, 0, 1, 2, 12]), min_size=9, max_size=9), min_size=1, max_size=5)
weights = st.floats(0.01, 1.0)


@given(histories, weights, weights, st.sampled_from(["croston", "sba", "tsb"]))
def test_tables_equal_the_recursion_by_hand(history, alpha, beta, method):
    """Every row of the table is what the formulas give step by step."""
    made = forecast_intermittent(np.array(history), method=method, size_weight=alpha, chance_weight=beta)
    expected = [by_hand(method, row, alpha, beta) for row in history]
    np.testing.assert_allclose(made.units_per_period, expected, rtol=1e-12)


@given(histories, st.sampled_from(["croston", "sba", "tsb"]), st.integers(1, 3))
def test_errors_equal_forecasting_from_every_origin(history, method, ahead):
    """What constants are chosen by is the mean squared error of forecasts made at each period since the first sale."""
    kinds = {"croston": CROSTON, "sba": SBA, "tsb": TSB}
    table = np.array(history)
    pairs = np.array([[0.1, 0.3], [0.5, 0.2]])
    told = smoothing_errors(table, np.ones(9, bool), kinds[method], pairs[:, 0].copy(), pairs[:, 1].copy(), ahead)
    for i, row in enumerate(history):
        for k, (alpha, beta) in enumerate(pairs):
            misses = [
                (ahead * by_hand(method, row[: t + 1], alpha, beta) - sum(row[t + 1 : t + 1 + ahead])) ** 2
                for t in range(9 - ahead)
                if any(row[: t + 1])
            ]
            assert told[i, k] == pytest.approx(np.mean(misses) if misses else 0.0, rel=1e-10, abs=1e-12)


def test_worked_example():
    """Sales of 4 in period 2 and 2 in period 5, constants 0.5: size 3, interval 2.5, chance 0.5 x 0.125 + 0.5."""
    history = np.array([[0, 4, 0, 0, 2]])
    rates = {
        name: float(forecast_intermittent(history, method=name, size_weight=0.5, chance_weight=0.5).units_per_period[0])
        for name in ("croston", "sba", "tsb")
    }
    assert rates == pytest.approx({"croston": 3 / 2.5, "sba": 0.75 * 3 / 2.5, "tsb": 3 * 0.5625})


def test_a_dying_item_dies_with_tsb_only():
    """Without a sale for half a year Croston still expects what it did, TSB next to nothing."""
    history = np.zeros((1, 300), np.int64)
    history[0, 3:100:4] = 6
    arguments = {"size_weight": 0.1, "chance_weight": 0.05}
    croston, tsb = (
        forecast_intermittent(history, method=m, **arguments).units_per_period[0] for m in ("croston", "tsb")
    )
    assert croston == pytest.approx(1.5, rel=0.05)
    assert tsb < 1e-3


def test_sba_is_nearly_unbiased_where_croston_is_not():
    """On steady intermittent demand Croston's mean is too high by about beta / 2, SBA's within three percent."""
    rng = np.random.default_rng(4)
    history = (rng.random((2_000, 400)) < 0.2) * rng.integers(1, 6, (2_000, 400))
    mean = 0.2 * 3.0
    bias = {
        name: forecast_intermittent(history, method=name, size_weight=0.2, chance_weight=0.2).units_per_period.mean()
        / mean
        - 1
        for name in ("croston", "sba", "tsb")
    }
    assert bias["croston"] > 0.06
    assert abs(bias["sba"]) < 0.03
    assert abs(bias["tsb"]) < 0.02


def test_periods_that_do_not_count_are_passed_over():
    """Closed days change nothing: the history without them gives the same."""
    history = np.array([[0, 3, 0, 0, 0, 2, 0, 1]])
    counted = np.array([True, True, False, True, False, True, False, True])
    for method in ("croston", "sba", "tsb"):
        arguments = {"method": method, "size_weight": 0.3, "chance_weight": 0.2}
        whole = forecast_intermittent(history, counted=counted, **arguments)
        short = forecast_intermittent(history[:, counted], **arguments)
        assert whole.units_per_period.tolist() == short.units_per_period.tolist()


def test_constants_are_chosen_by_what_demand_does():
    """Steady demand gets slow constants, a level that jumps faster ones; each item its own if asked."""
    rng = np.random.default_rng(1)
    steady = (rng.random((60, 300)) < 0.3) * rng.integers(1, 5, (60, 300))
    moving = (rng.random((60, 300)) < np.where(np.arange(300) // 40 % 2, 0.7, 0.05)) * 3
    slow = forecast_intermittent(steady, method="tsb", ahead_periods=5).chance_weight[0]
    fast = forecast_intermittent(moving, method="tsb", ahead_periods=5).chance_weight[0]
    assert slow <= sorted(CHANCE_WEIGHTS)[2]
    assert fast >= 2 * slow
    both = forecast_intermittent(np.vstack([steady, moving]), method="tsb", ahead_periods=5, each_item=True)
    assert both.chance_weight[60:].mean() > both.chance_weight[:60].mean()
    assert set(both.size_weight.tolist()) <= set(SIZE_WEIGHTS)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"history_units": np.array([1, 2])}, "history_units"),
        ({"history_units": np.array([[1, -2]])}, "history_units"),
        ({"history_units": np.array([[1.0, np.nan]])}, "history_units"),
        ({"history_units": np.array([[0.5]])}, "history_units"),
        ({"history_units": np.array([["a"]])}, "history_units"),
        ({"history_units": np.array([[2 * 10**9]])}, "history_units"),
        ({"method": "holt"}, "method"),
        ({"size_weight": 0.5}, "size_weight"),
        ({"size_weight": 0.5, "chance_weight": 1.5}, "chance_weight"),
        ({"counted": np.ones(3, bool)}, "counted"),
        ({"ahead_periods": 0}, "ahead_periods"),
    ],
)
def test_unusable_input_is_refused(wrong, field):
    """The error names the argument at fault."""
    with pytest.raises(FieldError, match=field):
        forecast_intermittent(**{"history_units": np.array([[1, 2]]), "method": "sba", **wrong})


def test_nothing_sold_and_no_items_are_forecast_as_nothing():
    """A rate of 0, not a division by it."""
    for method in ("croston", "sba", "tsb"):
        assert forecast_intermittent(np.zeros((2, 9), np.int64), method=method).units_per_period.tolist() == [0, 0]
        assert forecast_intermittent(np.zeros((0, 9), np.int64), method=method).units_per_period.size == 0
