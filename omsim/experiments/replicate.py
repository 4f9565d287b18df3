"""Replications: the same model under independent random numbers, and what is kept of each.

Owns one finished replication (`Finished`), how it is made and how it reads and writes as JSON. Spreading the work is
`executors`', folders are `store`'s, intervals are `analysis.stats`'.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.analysis.kpis import KpiTable
from omsim.analysis.series import RunSeries, WorstOrder
from omsim.errors import RunError
from omsim.experiments.executors import Job, Task, run_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

DEFAULT_SEED = 1
PROCESS_START_S = 2.0  # until a worker process has imported what it needs
_AXES = ("channels", "regions", "sites", "services")  # of a series: tuples of names; its other lists are arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What is kept of one replication.

    Attributes
    ----------
    replication : int
    kpis : KpiTable
    series : RunSeries
        By day.
    audit : tuple of str
        The identities checked, in words; of replication 0 only, as every run is checked for the same ones.
    orders : int
        Orders simulated.
    run_s : float
        Wall seconds of the simulation; no part of the answer.
    """

    replication: int
    kpis: KpiTable
    series: RunSeries
    audit: tuple[str, ...]
    orders: int
    run_s: float


def replicate(
    business: Business,
    *,
    replications: int = 10,
    seed: int = DEFAULT_SEED,
    jobs: int = 1,
    engine: str = "window",
    progress: Callable[[], None] = lambda: None,
) -> tuple[Finished, ...]:
    """Simulate a model under independent random numbers.

    Parameters
    ----------
    business : Business
    replications : int
        At least 1; two are needed for an interval.
    seed : int
        Replication k of a seed is the same whatever else is asked for, and the same in every arm of a comparison.
    jobs : int
        Processes; the result does not depend on it.
    engine : str
        "window" or "process".
    progress : function
        Called after each replication.

    Returns
    -------
    tuple of Finished
        In order of replication.

    Raises
    ------
    AuditError
        A conservation identity does not hold.
    RunError
        A replication failed otherwise.
    """
    job = Job(arms=(business,), seed=seed, engine=engine)
    tasks = [Task(0, replication) for replication in range(check_replications(replications))]
    done = run_all(job, tasks, jobs=jobs, keep=lambda _task, _finished: progress())
    return tuple(done[task] for task in tasks)


def run_all(
    job: Job, tasks: Iterable[Task], *, jobs: int, keep: Callable[[Task, Finished], None]
) -> dict[Task, Finished]:
    """Do tasks, in this process or in several; `keep` sees each as soon as it is finished.

    The first is done here. On a fresh installation that compiles the engine once, not in every process; and it tells
    whether the others are worth the start of more processes. The answer does not depend on it.
    """
    todo = list(tasks)
    done: dict[Task, Finished] = {}

    def do(part: list[Task], jobs: int) -> None:
        for task, finished in run_tasks(simulate, job, part, jobs=jobs):
            keep(task, finished)
            done[task] = finished

    began = time.perf_counter()
    do(todo[:1], 1)
    saved_s = (time.perf_counter() - began) * (len(todo) - 1) * (1 - 1 / max(jobs, 1))
    do(todo[1:], jobs if saved_s > PROCESS_START_S else 1)
    return done


def simulate(job: Job, task: Task) -> Finished:
    """Run one replication and reduce it to what is kept; the tables of replication 0 go to `job.tables`."""
    from omsim.analysis.measure import measure
    from omsim.sim.engine import run_once

    business = job.arms[task.arm]
    began = time.perf_counter()
    records = run_once(business, seed=job.seed, replication=task.replication, engine=job.engine)
    run_s = time.perf_counter() - began
    if job.tables and task.replication == 0:
        from omsim.experiments.tables import write_tables

        write_tables(records, business, job.tables[task.arm])
    kpis, series = measure(records, business)
    return Finished(
        replication=task.replication,
        kpis=kpis,
        series=series,
        audit=audit_lines(records, business) if task.replication == 0 else (),
        orders=len(records.orders.arrived_s),
        run_s=run_s,
    )


def audit_lines(records: RunRecords, business: Business) -> tuple[str, ...]:
    """The identities a run satisfies, in words; `run_once` has refused the run otherwise."""
    from omsim.sim.audit import audit

    return tuple(
        f"{identity.name}: {identity.compared:,} equalities, {identity.broken} broken"
        for identity in audit(records, business)
    )


def check_replications(replications: int) -> int:
    """The number of replications, if it is one."""
    if replications < 1:
        raise RunError("experiment", f"needs at least 1 replication, got {replications}")
    return replications


def finished_as_json(finished: Finished) -> dict[str, Any]:
    """A replication as a JSON object; NaN is null."""
    kpis = finished.kpis
    return {
        "replication": finished.replication,
        "orders": finished.orders,
        "run_s": finished.run_s,
        "audit": list(finished.audit),
        "kpis": {
            "kpi": list(kpis.kpi),
            "group": list(kpis.group),
            "numerator": _plain(kpis.numerator),
            "denominator": _plain(kpis.denominator),
            "value": _plain(kpis.value),
        },
        "series": _series_as_json(finished.series),
    }


def finished_from_json(content: Mapping[str, Any]) -> Finished:
    """The replication that `finished_as_json` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        It did not.
    """
    kpis = content["kpis"]
    return Finished(
        replication=int(content["replication"]),
        kpis=KpiTable(
            kpi=tuple(kpis["kpi"]),
            group=tuple(kpis["group"]),
            numerator=_floats(kpis["numerator"]),
            denominator=_floats(kpis["denominator"]),
            value=_floats(kpis["value"]),
        ),
        series=_series_from_json(content["series"]),
        audit=tuple(content["audit"]),
        orders=int(content["orders"]),
        run_s=float(content["run_s"]),
    )


def _series_as_json(series: RunSeries) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for field in fields(series):
        value = getattr(series, field.name)
        if isinstance(value, np.ndarray):
            content[field.name] = value.tolist()
        elif isinstance(value, date):
            content[field.name] = value.isoformat()
        elif field.name == "worst":
            content[field.name] = [asdict(order) for order in value]
        else:
            content[field.name] = value
    return content


def _series_from_json(content: Mapping[str, Any]) -> RunSeries:
    values: dict[str, Any] = {}
    for field in fields(RunSeries):
        value = content[field.name]
        if field.name == "start_date":
            values[field.name] = date.fromisoformat(value)
        elif field.name == "worst":
            values[field.name] = tuple(WorstOrder(**order) for order in value)
        elif field.name == "fallbacks":
            values[field.name] = tuple((why, count) for why, count in value)
        elif not isinstance(value, list):
            values[field.name] = value
        elif field.name in _AXES:
            values[field.name] = tuple(value)
        else:
            values[field.name] = np.array(value, dtype=np.int64)
    return RunSeries(**values)


def _plain(values: Any) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in np.asarray(values, dtype=np.float64).tolist()]


def _floats(values: list[float | None]) -> Any:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
