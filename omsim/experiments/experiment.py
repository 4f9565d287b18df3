"""An experiment: arms x replications, carried out once, kept in a run folder, taken up again where it stopped.

Owns the order in which things happen. What a replication is belongs to `replicate`, processes to `executors`, the run
folder's files to `run_folder`, whole-or-not-at-all to `atomic`.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from omsim.experiments import run_folder
from omsim.experiments.atomic import adopt_partial, left_overs, publish_folder
from omsim.experiments.executors import Job, Task
from omsim.experiments.provenance import experiment_digest
from omsim.experiments.replicate import DEFAULT_SEED, Finished, check_replications, run_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from omsim.experiments.arms import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Arms and their finished replications.

    Attributes
    ----------
    arms : tuple of Arm
        The first is the baseline of every comparison.
    finished : tuple of tuple of Finished
        By arm, then replication; all arms have the same replications.
    seed, engine
        As asked.
    digest : str
        Of everything the answer depends on, but for the number of replications.
    folder : Path or None
        Its run folder; None = kept in memory only.
    computed : int
        Replications simulated now; the others were stored.
    wall_s : float
        Seconds this took.
    """

    arms: tuple[Arm, ...]
    finished: tuple[tuple[Finished, ...], ...]
    seed: int
    engine: str
    digest: str
    folder: Path | None = None
    computed: int = 0
    wall_s: float = 0.0

    @property
    def replications(self) -> int:
        """Replications of each arm."""
        return len(self.finished[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an experiment still has to do; made by `plan_experiment`, done by `carry_out`.

    Attributes
    ----------
    tasks : tuple of Task
        Replications nobody has finished yet.
    found : mapping of Task to Finished
        Those that were.
    stored : bool
        A complete run folder holds everything asked for.
    """

    arms: tuple[Arm, ...]
    replications: int
    seed: int
    engine: str
    digest: str
    folder: Path
    tasks: tuple[Task, ...]
    found: Mapping[Task, Finished]
    stored: bool


def plan_experiment(
    arms: Sequence[Arm],
    *,
    replications: int,
    out: Path,
    seed: int = DEFAULT_SEED,
    engine: str = "window",
    rerun: bool = False,
) -> Plan:
    """Look for what is finished already; writes nothing.

    Parameters
    ----------
    arms : sequence of Arm
    replications : int
    out : Path
        Folder of run folders.
    rerun : bool
        Take nothing that is stored.
    """
    check_replications(replications)
    digest = experiment_digest(arms, seed=seed, engine=engine)
    folder = out / run_folder.folder_name(arms, digest)
    names = [arm.name for arm in arms]
    wanted = [Task(arm, replication) for arm in range(len(arms)) for replication in range(replications)]
    found: dict[Task, Finished] = {}
    stored = False
    if not rerun:
        kept = run_folder.read_replications(folder, names) if run_folder.is_complete(folder, digest) else {}
        stored = all(task in kept for task in wanted)
        left = {} if stored else run_folder.read_left_over(folder, digest, names)
        found = {**left, **kept}
    return Plan(
        arms=tuple(arms),
        replications=replications,
        seed=seed,
        engine=engine,
        digest=digest,
        folder=folder,
        tasks=tuple(task for task in wanted if task not in found),
        found=found,
        stored=stored,
    )


def carry_out(plan: Plan, *, jobs: int = 1, progress: Callable[[], None] = lambda: None) -> Experiment:
    """Simulate what a plan still needs and write its run folder.

    Interrupted, it leaves a partial folder with the finished replications, from which the next plan goes on.
    """
    began = time.perf_counter()
    if plan.stored:
        return replace(_experiment(plan, plan.found, computed=0), wall_s=time.perf_counter() - began)
    names = [arm.name for arm in plan.arms]
    partial = adopt_partial(plan.folder)
    run_folder.begin(partial, plan.digest)
    for task, finished in plan.found.items():
        run_folder.write_replication(partial, names, task, finished)
    if plan.folder.is_dir() and any(task.replication == 0 for task in plan.found):
        run_folder.copy_tables(plan.folder, partial)
    job = Job(
        arms=tuple(replace(arm.business, base=None) for arm in plan.arms),
        seed=plan.seed,
        engine=plan.engine,
        tables=run_folder.table_folders(partial, names),
    )

    def keep(task: Task, finished: Finished) -> None:
        run_folder.write_replication(partial, names, task, finished)
        progress()

    done = run_all(job, plan.tasks, jobs=jobs, keep=keep)
    experiment = _experiment(plan, {**plan.found, **done}, computed=len(done))
    experiment = replace(experiment, wall_s=time.perf_counter() - began)
    # More replications than asked for may be known from before; the folder keeps and reports them all.
    run_folder.finish(partial, experiment)
    publish_folder(partial, plan.folder)
    return experiment


def discard_if_empty(plan: Plan) -> int:
    """Remove this experiment's partial folder if nothing in it is finished; replications kept in it otherwise."""
    kept = 0
    for partial in left_overs(plan.folder):
        finished = len(list((partial / "replications").glob("*.json")))
        kept += finished
        if not finished:
            shutil.rmtree(partial, ignore_errors=True)
    return kept


def _experiment(plan: Plan, finished: Mapping[Task, Finished], *, computed: int) -> Experiment:
    return Experiment(
        arms=plan.arms,
        finished=tuple(
            tuple(finished[Task(arm, replication)] for replication in range(plan.replications))
            for arm in range(len(plan.arms))
        ),
        seed=plan.seed,
        engine=plan.engine,
        digest=plan.digest,
        folder=plan.folder,
        computed=computed,
    )
