"""Reorder policies for 10,000 items in one call, and stockpyl's single-item search beside them.

stockpyl pins other versions of our dependencies, so it runs under an interpreter of its own, named by the
environment variable OMSIM_STOCKPYL_PYTHON.
"""

import json
import os
import subprocess
import time

import numpy as np
import pytest

from omsim.demand.lead_time import Periods, convolved_demand, negative_binomial_demand, observed_demand, poisson_demand
from omsim.optimize.policies.base_stock import base_stock_for_fill_rate
from omsim.optimize.policies.min_max import solve_min_max

N_ITEMS = 10_000

STOCKPYL = """
import json, sys, time
from stockpyl.ss import s_s_discrete_exact
answers = []
for mean in json.load(sys.stdin):
    began = time.perf_counter()
    s, S, cost = s_s_discrete_exact(1, 9, 64, True, mean)
    answers.append([s, S, cost, time.perf_counter() - began])
json.dump(answers, sys.stdout)
"""


def test_min_max_of_ten_thousand_items(benchmark):
    """Exact least-cost (s, S), negative binomial demand, a week's lead time."""
    rng = np.random.default_rng(0)
    mean = rng.uniform(0.1, 50, N_ITEMS)
    variance = mean * rng.uniform(1, 4, N_ITEMS)
    day, after = (negative_binomial_demand(mean, variance, Periods.fixed(n)) for n in (1, 8))
    best = benchmark(solve_min_max, day, after, 64.0, rng.uniform(0.1, 1, N_ITEMS), 9.0)
    assert (best.reorder_point_units < best.order_up_to_units).all()


def test_base_stock_of_ten_thousand_items(benchmark):
    """Base stock for a unit fill rate of 95 %, random lead times."""
    mean = np.random.default_rng(0).uniform(0.1, 50, N_ITEMS)
    lead = Periods.random(np.full(15, 1 / 15))
    before, after = (poisson_demand(mean, periods) for periods in (lead, lead.plus(1)))
    assert (benchmark(base_stock_for_fill_rate, before, after, 0.95) > 0).all()


def test_observed_demand_over_random_lead_times(benchmark):
    """Observed days of 2,000 items convolved over up to two weeks."""
    units = np.random.default_rng(0).negative_binomial(0.5, 0.05, (2_000, 270))
    day = observed_demand(units)
    table = benchmark(convolved_demand, day, Periods.random(np.full(15, 1 / 15)))
    np.testing.assert_allclose(table.mean(), 7 * units.mean(axis=1), rtol=1e-8)


@pytest.mark.slow
def test_ten_thousand_items_against_one_of_stockpyl(benchmark):
    """Same items, same answers; 10,000 of ours take less time than a few of stockpyl's."""
    python = os.environ.get("OMSIM_STOCKPYL_PYTHON")
    if not python:
        pytest.skip("set OMSIM_STOCKPYL_PYTHON to an interpreter that has stockpyl")
    mean = np.resize(np.arange(10, 70), N_ITEMS).astype(np.float64)
    day = poisson_demand(mean, Periods.fixed(1))
    best = benchmark(solve_min_max, day, day, 64.0, 1.0, 9.0)  # compiled before the clock below starts
    began = time.perf_counter()
    solve_min_max(poisson_demand(mean, Periods.fixed(1)), day, 64.0, 1.0, 9.0)
    ours_s = time.perf_counter() - began
    asked = [0, 10, 20]
    done = subprocess.run(
        [python, "-c", STOCKPYL], input=json.dumps(mean[asked].tolist()), capture_output=True, text=True, check=True
    )
    answers = json.loads(done.stdout)
    for item, (low, top, cost, _) in zip(asked, answers, strict=True):
        assert (best.reorder_point_units[item], best.order_up_to_units[item]) == (low, top)
        assert best.cost_per_period[item] == pytest.approx(cost, rel=1e-6)
    theirs_s = float(np.mean([seconds for *_, seconds in answers]))
    ratio = theirs_s / (ours_s / N_ITEMS)
    benchmark.extra_info.update(ours_s_for_all=ours_s, stockpyl_s_for_one=theirs_s, ratio_per_item=ratio)
    assert ratio > 100
