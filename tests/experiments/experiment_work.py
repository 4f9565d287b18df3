"""Stand-ins for the simulation: work that worker processes can import by name, and finished replications made up."""

from __future__ import annotations

import os
import time
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from omsim.analysis.kpis import KpiTable
from omsim.analysis.series import N_BINS, RunSeries, WorstOrder
from omsim.errors import AuditError
from omsim.experiments.replicate import Finished
from omsim.kernels.outcome_columns import CAUSES

if TYPE_CHECKING:
    from omsim.experiments.executors import Job, Task

N_DAYS = 4


def made_up(replication: int, arm: int = 0) -> Finished:
    """A replication whose KPIs are a known function of its arm and number; nothing is simulated."""
    otif = 0.9 + 0.01 * replication - 0.05 * arm
    kpis = KpiTable(
        kpi=("otif", "otif", "cost_per_order", "backorder_wait"),
        group=("", "channel=web", "", ""),
        numerator=np.array([otif * 1000, 90.0, 5000.0 + 100 * arm, np.nan]),
        denominator=np.array([1000.0, 100.0, 10.0, 0.0]),
        value=np.array([otif, 0.9, 500.0 + 10 * arm, np.nan]),
    )
    days = np.arange(N_DAYS, dtype=np.int64)
    series = RunSeries(
        start_date=date(2026, 9, 28),
        warm_up_days=1,
        channels=("web", "store"),
        regions=("north",),
        sites=("dc",),
        services=("post", "swift"),
        arrived=days + 10,
        due=days,
        on_time=days,
        on_time_in_full=days,
        delivered=days,
        tendered=days,
        backlog=days,
        backordered_units=days * 0,
        stock_units=days + 100,
        stock_cents=np.full((N_DAYS, 1), 5000, dtype=np.int64),
        slots=np.zeros((N_DAYS, 2), dtype=np.int64),
        slots_used=np.ones((N_DAYS, 2), dtype=np.int64),
        cycle_times=np.ones(N_BINS, dtype=np.int64),
        flows=np.array([[7]], dtype=np.int64),
        misses=np.ones((2, len(CAUSES)), dtype=np.int64),
        worst=(
            WorstOrder(
                order=3,
                channel="web",
                region="north",
                arrived="2026-09-28 10:00",
                promised="2026-09-30 23:59",
                late_s=7200,
                delivered=True,
                cause=CAUSES[-1],
            ),
        ),
        fallbacks=(("time limit", 2),),
    )
    return Finished(
        replication=replication,
        kpis=kpis,
        series=series,
        audit=("units: 3 equalities, 0 broken",) if replication == 0 else (),
        orders=100 + replication,
        run_s=0.01,
    )


def simulate(job: Job, task: Task) -> Finished:
    """In the place of `replicate.simulate`."""
    return made_up(task.replication, task.arm)


def where_it_ran(job: Job, task: Task) -> tuple[int, int]:
    """Seed of the job and the process; a later task is done sooner."""
    time.sleep(0.02 * (4 - task.replication))
    return job.seed + task.replication, os.getpid()


def die(job: Job, task: Task) -> int:
    """End the process without a word, as a kernel short of memory does."""
    if task.replication == 1:
        os._exit(9)
    return task.replication


def break_audit(job: Job, task: Task) -> int:
    """Fail on purpose."""
    raise AuditError("units by cell", f"{task.replication} against 0")


def stumble(job: Job, task: Task) -> int:
    """Fail in a way nobody foresaw."""
    raise ZeroDivisionError("nobody saw it coming")
