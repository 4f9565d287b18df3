"""What sourcing in batches costs a whole run: metro's six weeks by rule, against the walk order by order."""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from omsim.demand.arrivals import draw_intake
from omsim.model.loading import load
from omsim.model.sourcing_tables import SOURCING_RULES
from omsim.sim.plan import compile_plan
from omsim.sim.window.engine import run_window

RULES = [rule for rule in SOURCING_RULES if rule != "nearest"]


def test_metro_by_rule(benchmark, measuring, repo):
    """Six weeks, 114,000 orders in a thousand batches; `fewest_splits` is the compiled walk without batches."""
    metro = load(repo / "models" / "metro")
    intake = draw_intake(metro, seed=1, replication=0)
    benchmark.extra_info["orders"] = intake.arrived_s.size

    def run(rule, hold_minutes=0):
        settings = dataclasses.replace(metro.settings, allocation_rule=rule, hold_minutes=hold_minutes)
        business = dataclasses.replace(metro, settings=settings)
        return run_window(business, compile_plan(business), intake, seed=1, replication=0)

    for rule, hold_minutes in (*((rule, 0) for rule in RULES), ("fewest_splits", 120), ("fewest_splits", 480)):
        best = np.inf
        for _ in range(1 if rule == "batch_optimum" else 4):
            start = time.perf_counter()
            told = run(rule, hold_minutes)
            best = min(best, time.perf_counter() - start)
        name = f"{rule} held {hold_minutes} min" if hold_minutes else rule
        benchmark.extra_info[f"{name}: s"] = best
        benchmark.extra_info[f"{name}: parcels an order"] = told.shipments.order.size / intake.arrived_s.size
    told = benchmark.pedantic(run, args=("cheapest",), rounds=3)
    assert told.shipments.order.size > 0.9 * intake.arrived_s.size
