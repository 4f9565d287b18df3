"""Levels for a table of items: aims kept, bounds proved, and the price on stock at work."""

from __future__ import annotations

from datetime import date
from itertools import product

import numpy as np
import pytest

from omsim.demand.forecast.compound import forecast_from_history
from omsim.errors import FieldError
from omsim.optimize.reorder.levels import check_level_plan, choose_levels, level_curves, set_levels

FORTNIGHT = np.eye(15)[14]
AROUND_A_WEEK = np.array([0.0, 0.1, 0.0, 0.1, 0.1, 0.1, 0.2, 0.2, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.1])


@pytest.fixture(scope="module")
def forecast():
    """Forty items with lumpy histories."""
    rng = np.random.default_rng(2)
    sizes = np.ceil(np.exp(rng.normal(1.5, 1.0, (40, 200)))).astype(np.int64)
    history = sizes * (rng.random((40, 200)) < rng.uniform(0.05, 0.6, (40, 1)))
    return forecast_from_history(history, first_day=date(2024, 1, 1), protection_days=15, seed=3)


@pytest.fixture(scope="module")
def value_cents():
    """Prices between 20 cents and 20 units of money."""
    return np.exp(np.random.default_rng(4).uniform(3.0, 7.6, 40)).astype(np.int64)


@pytest.mark.parametrize("lead", [FORTNIGHT, AROUND_A_WEEK])
def test_budget_is_kept_and_prediction_is_what_the_paths_say(forecast, value_cents, lead):
    """The plan stays within its budget, close to it, and an independent pass over the paths agrees."""
    plan = set_levels(forecast, value_cents, lead_time_days=lead, budget_cents=400_000)
    assert 0.98 * 400_000 < plan.predicted_stock_value_cents <= 400_000
    fill_rate, stock_value = check_level_plan(plan, forecast, value_cents, lead_time_days=lead)
    assert plan.predicted_fill_rate == pytest.approx(fill_rate, abs=1e-9)
    assert plan.predicted_stock_value_cents == pytest.approx(stock_value, abs=1)
    assert 0 <= plan.gap < 0.005
    assert plan.multiplier > 0


@pytest.mark.parametrize("target", [0.0, 0.5, 0.9, 0.99, 0.999_999_999])
def test_fill_target_is_reached_at_little_more_than_the_bound(forecast, value_cents, target):
    """The plan reaches its target on the paths and says how far from the least stock it can be."""
    plan = set_levels(forecast, value_cents, lead_time_days=FORTNIGHT, target_fill_rate=target)
    assert plan.predicted_fill_rate >= target - 1e-12
    assert check_level_plan(plan, forecast, value_cents, lead_time_days=FORTNIGHT)[0] >= target - 1e-9
    assert 0 <= plan.gap < 0.02


def test_more_money_never_fills_less_and_is_worth_ever_less(forecast, value_cents):
    """Along the frontier fill rises and the multiplier falls."""
    curves = level_curves(forecast, value_cents, lead_time_days=FORTNIGHT)
    plans = [choose_levels(curves, budget_cents=budget) for budget in range(0, 2_000_000, 100_000)]
    assert (np.diff([plan.predicted_fill_rate for plan in plans]) >= 0).all()
    assert (np.diff([plan.multiplier for plan in plans]) <= 0).all()
    assert plans[0].levels.sum() == 0
    everything = choose_levels(curves, budget_cents=10**15)
    assert everything.predicted_fill_rate == pytest.approx(1.0)
    assert everything.multiplier == 0
    assert everything.gap == 0


def test_no_choice_of_candidate_levels_beats_the_bound(forecast, value_cents):
    """Over all combinations of a few items' levels, none within the budget fills more than the gap allows."""
    three = forecast_from_history(
        np.random.default_rng(9).poisson(0.8, (3, 90)) * np.array([[1], [3], [9]]),
        first_day=date(2024, 1, 1),
        protection_days=8,
        seed=1,
    )
    value = np.array([700, 150, 90])
    curves = level_curves(three, value, lead_time_days=AROUND_A_WEEK, n_paths=16, n_levels=14)
    columns = np.array(list(product(range(14), repeat=3)))
    filled = curves.filled_units_per_day[np.arange(3), columns].sum(axis=1)
    cost = curves.stock_value_cents[np.arange(3), columns].sum(axis=1)
    demand = curves.demand_units_per_day.sum()
    for budget in (500, 1_500, 3_000, 6_000):
        plan = choose_levels(curves, budget_cents=budget)
        best = filled[cost <= budget].max() / demand
        assert plan.predicted_fill_rate <= best + 1e-12
        assert best * (1 - plan.gap) <= plan.predicted_fill_rate + 1e-12
    for target in (0.5, 0.8, 0.95):
        plan = choose_levels(curves, target_fill_rate=target)
        least = cost[filled >= target * demand - 1e-9].min()
        assert least * (1 - 1e-9) - 1 <= plan.predicted_stock_value_cents
        assert plan.predicted_stock_value_cents * (1 - plan.gap) <= least + 1


def test_the_dearer_of_two_equal_items_gets_less_stock():
    """Equal demand, a price ten times higher: a lower level, at every budget in between."""
    history = np.tile(np.random.default_rng(5).poisson(2.0, 120), (2, 1))
    made = forecast_from_history(history, first_day=date(2024, 1, 1), protection_days=15, seed=2)
    curves = level_curves(made, np.array([100, 1_000]), lead_time_days=FORTNIGHT)
    for budget in (1_000, 5_000, 10_000):
        cheap, dear = choose_levels(curves, budget_cents=budget).levels.tolist()
        assert cheap > dear


def test_longer_and_more_variable_lead_times_cost_fill(forecast, value_cents):
    """The same budget fills less when supply is slower, or as slow on average but uncertain."""
    fills = [
        set_levels(forecast, value_cents, lead_time_days=lead, budget_cents=300_000).predicted_fill_rate
        for lead in (np.eye(30)[7], FORTNIGHT, np.eye(30)[28])
    ]
    assert fills[0] > fills[1] > fills[2]


def test_an_empty_table_has_an_empty_plan():
    """No items: nothing to stock, nothing asked for, nothing lost."""
    made = forecast_from_history(np.zeros((0, 40), np.int64), first_day=date(2024, 1, 1), protection_days=15, seed=2)
    plan = set_levels(made, np.zeros(0, np.int64), lead_time_days=FORTNIGHT, budget_cents=100)
    assert plan.levels.size == 0
    assert plan.predicted_fill_rate == 1.0


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"budget_cents": None}, "exactly one"),
        ({"target_fill_rate": 0.9}, "exactly one"),
        ({"budget_cents": -1}, "budget_cents"),
        ({"budget_cents": None, "target_fill_rate": 1.0}, "target_fill_rate"),
        ({"budget_cents": None, "target_fill_rate": float("nan")}, "target_fill_rate"),
        ({"value_cents": np.ones(3, np.int64)}, "value_cents"),
        ({"value_cents": np.zeros(40, np.int64)}, "value_cents"),
        ({"lead_time_days": np.array([0.5, 0.4])}, "lead_time_days"),
        ({"lead_time_days": np.array([np.nan, 1.0])}, "lead_time_days"),
        ({"lead_time_days": np.zeros(0)}, "lead_time_days"),
    ],
)
def test_unusable_aims_and_inputs_are_refused(forecast, value_cents, changes, field):
    """The error names the argument at fault."""
    arguments = {"value_cents": value_cents, "lead_time_days": FORTNIGHT, "budget_cents": 1_000, **changes}
    with pytest.raises(FieldError, match=field):
        set_levels(forecast, arguments.pop("value_cents"), **arguments)
