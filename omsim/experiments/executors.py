"""Where replications run: in this process, or spread over worker processes.

Owns how work is handed out and how its failures are worded. What a piece of work does is `replicate`'s; results are
keyed by (arm, replication), so they are the same whatever the number of processes and the order they finish in.
"""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from omsim.errors import OmsimError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from omsim.model.business import Business

Result = TypeVar("Result")


class Task(NamedTuple):
    """One replication of one arm of an experiment; both count from 0."""

    arm: int
    replication: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What every task of an experiment shares; sent to each worker process once.

    Attributes
    ----------
    arms : tuple of Business
        The models compared, in the order `Task.arm` counts them.
    seed : int
        Seed of all random streams.
    engine : str
        "window" or "process".
    tables : tuple of Path
        Folder by arm that receives the record tables of replication 0; empty = they are not kept.
    """

    arms: tuple[Business, ...]
    seed: int
    engine: str
    tables: tuple[Path, ...] = ()


def usable_cores() -> int:
    """Cores this process may use: affinity and control-group limits respected."""
    from joblib import cpu_count

    return int(cpu_count())


def is_compiled() -> bool:
    """Whether machine code of the engine's kernels is on this disk already."""
    from omsim.kernels.compiled import machine_code_folder
    from omsim.sim import window

    return any(Path(machine_code_folder(Path(window.__file__).with_name("allocation.py"))).rglob("*.nbi"))


def run_tasks(
    work: Callable[[Job, Task], Result], job: Job, tasks: Sequence[Task], *, jobs: int
) -> Iterator[tuple[Task, Result]]:
    """Do every task, giving each result as soon as it is there.

    Parameters
    ----------
    work : function of (job, task)
        A module-level function; its result must be small, as it travels between processes.
    job : Job
    tasks : sequence of Task
    jobs : int
        Worker processes; 1 = everything happens in this one, in order.

    Yields
    ------
    (Task, Result)
        In any order when jobs > 1.

    Raises
    ------
    RunError
        A replication failed in a way omsim does not know, or its process died.
    OmsimError
        Whatever else `work` raised on purpose, unchanged.
    """
    if jobs < 1:
        raise RunError("experiment", f"needs at least 1 process, got {jobs}")
    if jobs == 1 or len(tasks) == 1:
        for task in tasks:
            yield task, _guarded(work, job, task)
        return
    yield from _in_processes(work, job, tasks, min(jobs, len(tasks)))


def _in_processes(
    work: Callable[[Job, Task], Result], job: Job, tasks: Sequence[Task], jobs: int
) -> Iterator[tuple[Task, Result]]:
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import BrokenProcessPool

    # The job goes to each process once, at its start; tasks themselves are two integers.
    parallel = Parallel(
        n_jobs=jobs,
        backend="loky",
        return_as="generator_unordered",
        pre_dispatch="all",
        batch_size=1,
        initializer=_receive,
        initargs=(pickle.dumps((work, job), protocol=pickle.HIGHEST_PROTOCOL),),
    )
    done = 0
    try:
        for task, result in parallel(delayed(_work_here)(task) for task in tasks):
            done += 1
            yield task, result
    except BrokenProcessPool as error:
        why = (
            f"a worker process died after {done} of {len(tasks)} replications "
            "(killed, or out of memory: fewer --jobs need less of it)"
        )
        raise RunError("experiment", why) from error


_received: list[tuple[Callable[[Job, Task], object], Job]] = []  # in worker processes only: the work and its job


def _receive(sent: bytes) -> None:
    import signal

    # The keyboard's interrupt reaches every process of the terminal; the parent alone decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _received[:] = [pickle.loads(sent)]


def _work_here(task: Task) -> tuple[Task, object]:
    work, job = _received[0]
    return task, _guarded(work, job, task)


def _guarded(work: Callable[[Job, Task], Result], job: Job, task: Task) -> Result:
    try:
        return work(job, task)
    except OmsimError:
        raise
    except Exception as error:
        what = f"replication {task.replication} of {job.arms[task.arm].settings.name}"
        raise RunError(what, f"{type(error).__name__}: {error}") from error
