"""Comparisons in memory: alternatives under common random numbers, for notebooks and programs.

Owns the one call that needs no run folder. The command line keeps its experiments through `experiment`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from omsim.errors import RunError
from omsim.experiments.arms import arms_of
from omsim.experiments.executors import Job, Task
from omsim.experiments.experiment import Experiment
from omsim.experiments.provenance import experiment_digest
from omsim.experiments.replicate import DEFAULT_SEED, check_replications, run_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from omsim.analysis.summary import HeadlineRow
    from omsim.model.business import Business


def compare(
    businesses: Mapping[str, Business],
    *,
    replications: int = 10,
    seed: int = DEFAULT_SEED,
    jobs: int = 1,
    engine: str = "window",
    progress: Callable[[], None] = lambda: None,
) -> Experiment:
    """Simulate alternatives under the same random numbers.

    Parameters
    ----------
    businesses : mapping of name to Business
        The first is the baseline.
    replications : int
        Of each; two are needed for an interval.
    seed, jobs, engine, progress
        As in `replicate`.

    Returns
    -------
    Experiment
        Without a folder; `compared` and `kpi_frame` read it.

    Raises
    ------
    RunError
        Nothing to compare, or a replication failed.
    """
    if not businesses:
        raise RunError("comparison", "needs at least one model")
    arms = arms_of(businesses)
    tasks = [Task(arm, one) for arm in range(len(arms)) for one in range(check_replications(replications))]
    began = time.perf_counter()
    job = Job(arms=tuple(businesses.values()), seed=seed, engine=engine)
    done = run_all(job, tasks, jobs=jobs, keep=lambda _task, _finished: progress())
    return Experiment(
        arms=arms,
        finished=tuple(tuple(done[Task(arm, one)] for one in range(replications)) for arm in range(len(arms))),
        seed=seed,
        engine=engine,
        digest=experiment_digest(arms, seed=seed, engine=engine),
        computed=len(done),
        wall_s=time.perf_counter() - began,
    )


def compared(experiment: Experiment, kpis: Sequence[str] | None = None, group: str = "") -> list[HeadlineRow]:
    """KPIs of all arms side by side, each arm paired with the first; by default those a planner sees first."""
    from omsim.analysis.registry import HEADLINE
    from omsim.analysis.summary import headline

    tables = [[one.kpis for one in finished] for finished in experiment.finished]
    return headline(tables, kpis=HEADLINE if kpis is None else kpis, group=group)


def kpi_frame(experiment: Experiment, kpis: Sequence[str] | None = None, group: str = "") -> pd.DataFrame:
    """The same as text in a data frame: one row a KPI, value by arm, difference and interval by later arm."""
    import pandas as pd

    currency = experiment.arms[0].business.settings.currency
    rows = []
    for row in compared(experiment, kpis, group):
        cells = {"KPI": row.kpi.name}
        for at, arm in enumerate(experiment.arms):
            cells[arm.name] = row.value_text(at, currency)
            if at:
                cells[f"{arm.name}: difference"] = row.difference_text(at, currency)
                cells[f"{arm.name}: 95 % interval"] = row.difference_interval_text(at, currency)
                cells[f"{arm.name}: verdict"] = row.verdict(at) or ""
        rows.append(cells)
    return pd.DataFrame(rows).set_index("KPI")
