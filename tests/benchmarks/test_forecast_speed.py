"""Predictive demand of 100,000 items: the three tables of a night, and the recursions for intermittent demand."""

from __future__ import annotations

import resource
from datetime import date

import numpy as np
import pytest

from omsim.demand.forecast.intermittent import forecast_intermittent
from omsim.demand.forecast.predictive import predict_demand

N_ITEMS, N_DAYS = 100_000, 300
FORTNIGHT = np.eye(15)[[14]]
MOST_GB = 1.0  # beyond the history itself


def catalogue(n_items=N_ITEMS):
    """Mostly slow items in sizes of their own; int64, shape (n_items, 300)."""
    rng = np.random.default_rng(0)
    history = np.zeros((n_items, N_DAYS), np.int64)
    for first in range(0, n_items, 10_000):
        shape = (min(10_000, n_items - first), N_DAYS)
        chance = np.exp(rng.normal(-2.5, 1.2, (shape[0], 1))).clip(0, 0.95)
        typical = np.exp(rng.normal(0.5, 0.6, (shape[0], 1)))
        sizes = np.ceil(typical * np.exp(rng.normal(0, 0.7, shape)))
        history[first : first + shape[0]] = (rng.random(shape) < chance) * sizes
    return history


@pytest.fixture(scope="module")
def history(request):
    """One catalogue for all benchmarks of the module; a small one when nothing is measured."""
    return catalogue(N_ITEMS if request.config.getoption("benchmark_enable") else 500)


def peak_gb():
    """Most memory the process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


@pytest.mark.parametrize("method", ["compound", "auto", "negative_binomial", "tsb"])
def test_tables_of_a_night(benchmark, history, method):
    """A sure fortnight and daily review, for every item."""
    arguments = {"first_day": date(2025, 1, 1), "before_days": FORTNIGHT, "review_days": 1, "method": method}
    predict_demand(history[:500], **arguments)  # compiles
    held = peak_gb()
    made = benchmark.pedantic(predict_demand, (history,), arguments, rounds=1)
    assert made.after.n_items == history.shape[0]
    assert made.mean_units_per_day.mean() == pytest.approx(history.mean(), rel=0.1)
    if method == "compound":  # the first: a peak only ever rises
        benchmark.extra_info["gigabytes more"] = peak_gb() - held
        assert peak_gb() - held < MOST_GB


def test_tables_with_random_lead_times(benchmark, history):
    """Lead times of one to four weeks, each day alike."""
    share = np.concatenate((np.zeros(7), np.full(22, 1 / 22)))
    arguments = {"first_day": date(2025, 1, 1), "before_days": share, "review_days": 7, "method": "compound"}
    predict_demand(history[:500], **arguments)
    made = benchmark.pedantic(predict_demand, (history,), arguments, rounds=1)
    assert made.after.n_items == history.shape[0]


@pytest.mark.parametrize("method", ["croston", "sba", "tsb"])
def test_recursions(benchmark, history, method):
    """Given constants: the recursion alone."""
    arguments = {"method": method, "size_weight": 0.1, "chance_weight": 0.05}
    forecast_intermittent(history[:10], **arguments)
    made = benchmark.pedantic(forecast_intermittent, (history,), arguments, rounds=3)
    assert made.units_per_period.mean() == pytest.approx(history.mean(), rel=0.2)


def test_recursions_with_constants_of_each_item(benchmark, history):
    """Twenty-five pairs of constants tried on every item."""
    arguments = {"method": "tsb", "each_item": True, "ahead_periods": 15}
    forecast_intermittent(history[:10], **arguments)
    made = benchmark.pedantic(forecast_intermittent, (history,), arguments, rounds=1)
    assert np.unique(made.size_weight).size > 1
