"""How fast and how small a run is: ratios taken in one run, the process engine and SimPy being the peers.

The figures are in each benchmark's `extra_info`; the table in the README quotes them.
"""

import dataclasses
import gc
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import simpy

from omsim.analysis.measure import compute_kpis
from omsim.demand.arrivals import draw_intake
from omsim.kernels.queues import serve_fifo
from omsim.model.files import read_business
from omsim.model.templates.making import make_national
from omsim.sim.engine import run_once
from omsim.sim.plan import compile_plan
from omsim.sim.process.engine import run_process
from omsim.sim.window.engine import run_window


def of_days(business, days, warm_up_days=0):
    """The business over another horizon."""
    settings = dataclasses.replace(business.settings, horizon_days=days, warm_up_days=warm_up_days)
    return dataclasses.replace(business, settings=settings)


def seconds(call, times=1):
    """The least wall time of so many calls, and the last result."""
    best, result = np.inf, None
    for _ in range(times):
        result = None  # the last run's memory first
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
    return best, result


def test_national_week_against_one_process_an_order(benchmark, measuring):
    """Orders in, KPIs out: compiled windows at hourly cycles against one SimPy process an order, same records."""
    business = of_days(make_national(), 7)
    intake, plan = draw_intake(business, seed=1, replication=0), compile_plan(business)

    def answer(engine):
        return compute_kpis(engine(business, plan, intake, seed=1, replication=0), business)

    answer(run_window)  # compiled from here on
    window_s, _ = seconds(lambda: answer(run_window), times=9)
    process_s, _ = seconds(lambda: answer(run_process))
    gc.disable()  # no SimPy user does, but it spares the reference a walk over every order again and again
    try:
        process_without_collector_s, _ = seconds(lambda: answer(run_process))
    finally:
        gc.enable()
    benchmark.pedantic(answer, args=(run_window,), rounds=3)
    benchmark.extra_info.update(
        orders=intake.arrived_s.size,
        window_s=window_s,
        process_s=process_s,
        ratio=process_s / window_s,
        ratio_without_collector=process_without_collector_s / window_s,
    )
    assert window_s < process_s


def queue_in_simpy(arrivals_s, service_s, servers):
    """Mean wait of a queue, as a SimPy user writes it."""
    env = simpy.Environment()
    desk = simpy.Resource(env, capacity=servers)
    waits = []

    def customer(service):
        came = env.now
        with desk.request() as turn:
            yield turn
            waits.append(env.now - came)
            yield env.timeout(service)

    def door():
        for at, service in zip(arrivals_s, service_s, strict=True):
            yield env.timeout(at - env.now)
            env.process(customer(service))

    env.process(door())
    env.run()
    return sum(waits) / len(waits)


def test_queue_kernel_against_simpy(benchmark, measuring):
    """M/M/3 with a million customers: the FIFO kernel against a SimPy Resource on a tenth of the same customers."""
    rng = np.random.default_rng(0)
    n = 1_000_000
    arrivals = np.cumsum(rng.exponential(1000 / 2.4, n)).astype(np.int64)
    service = np.maximum(rng.exponential(1000, n), 1).astype(np.int64)
    calendar = (np.zeros(1, dtype=np.int64), np.full(1, 3, dtype=np.int64), int(arrivals[-1]) + 10**9)
    serve_fifo(arrivals[:10], service[:10], *calendar)
    kernel_s, start = seconds(lambda: serve_fifo(arrivals, service, *calendar), times=5)
    some = n // 10
    simpy_s, wait = seconds(lambda: queue_in_simpy(arrivals[:some].tolist(), service[:some].tolist(), 3))
    assert wait == pytest.approx((start - arrivals)[:some].mean())
    benchmark.pedantic(serve_fifo, args=(arrivals, service, *calendar), rounds=3)
    benchmark.extra_info.update(
        kernel_us_per_customer=kernel_s / n * 1e6,
        simpy_us_per_customer=simpy_s / some * 1e6,
        ratio=simpy_s / some / (kernel_s / n),
    )


def test_year_of_metro(benchmark, measuring, repo):
    """A simulated year, about a million orders, audited, on one core."""
    metro = of_days(read_business(repo / "models" / "metro"), 365, 14)
    run_once(of_days(metro, 5), seed=1)
    records = benchmark.pedantic(run_once, args=(metro,), kwargs={"seed": 1}, rounds=1)
    benchmark.extra_info["orders"] = records.orders.arrived_s.size


def test_cost_per_order_is_flat(benchmark, measuring, repo):
    """Microseconds an order from ten thousand to a million orders."""
    metro = read_business(repo / "models" / "metro")
    run_once(of_days(metro, 5), seed=1)
    for days in (4, 37, 365):
        spent, records = seconds(lambda days=days: run_once(of_days(metro, days), seed=1), times=2)
        n_orders = records.orders.arrived_s.size
        benchmark.extra_info[f"us_per_order_at_{n_orders}"] = spent / n_orders * 1e6
    benchmark.pedantic(run_once, args=(of_days(metro, 4),), kwargs={"seed": 1}, rounds=3)


PEAK = """
import dataclasses, sys
from pathlib import Path
from omsim.analysis.measure import measure
from omsim.model.files import read_business
from omsim.sim.engine import run_once
metro = read_business(sys.argv[1])
settings = dataclasses.replace(metro.settings, horizon_days=int(sys.argv[2]), warm_up_days=1)
business = dataclasses.replace(metro, settings=settings)
records = run_once(business, seed=1)
measure(records, business)
high_water = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(records.orders.arrived_s.size, int(high_water.split()[1]) * 1024)
"""


def test_memory_per_order(benchmark, measuring, repo):
    """Peak bytes an order takes beyond a fixed floor, records, audit and KPIs included: a line through four sizes."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process is read from /proc, which this system does not have")

    def peak(days):
        command = [sys.executable, "-c", PEAK, str(repo / "models" / "metro"), str(days)]
        return [
            int(word) for word in subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
        ]

    peak(4)
    orders, peaks = zip(*(peak(days) for days in (37, 182, 365, 730)), strict=True)
    bytes_per_order, floor = np.polyfit(orders, peaks, 1)
    benchmark.pedantic(peak, args=(4,), rounds=1)
    benchmark.extra_info.update(
        bytes_per_order=bytes_per_order, floor_mb=floor / 1e6, peaks_mb=[p / 1e6 for p in peaks]
    )
