"""Work handed out in this process and in others."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import experiment_work as work
import pytest

from omsim.errors import AuditError, RunError
from omsim.experiments.executors import Job, Task, run_tasks, usable_cores

if TYPE_CHECKING:
    from omsim.model.business import Business

TASKS = [Task(0, replication) for replication in range(4)]


def test_one_job_stays_in_this_process(corner_shop: Business) -> None:
    """With one job everything happens here, in order."""
    job = Job(arms=(corner_shop,), seed=5, engine="window")
    done = list(run_tasks(work.where_it_ran, job, TASKS, jobs=1))
    assert [task for task, _ in done] == TASKS
    assert {process for _, (_, process) in done} == {os.getpid()}


def test_answers_do_not_depend_on_the_number_of_processes(corner_shop: Business) -> None:
    """Two processes give each task the answer one process gives it, whatever finishes first."""
    job = Job(arms=(corner_shop,), seed=5, engine="window")
    alone = {task: answer for task, (answer, _) in run_tasks(work.where_it_ran, job, TASKS, jobs=1)}
    spread = dict(run_tasks(work.where_it_ran, job, TASKS, jobs=2))
    assert {task: answer for task, (answer, _) in spread.items()} == alone
    assert os.getpid() not in {process for _, process in spread.values()}


def test_a_dead_worker_is_a_clear_error(corner_shop: Business) -> None:
    """A process that is killed ends the experiment with one line, not with a hang."""
    job = Job(arms=(corner_shop,), seed=5, engine="window")
    with pytest.raises(RunError, match="worker process died"):
        list(run_tasks(work.die, job, TASKS, jobs=2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_on_purpose_keep_their_words(corner_shop: Business, jobs: int) -> None:
    """An audit error crosses the process border with both its arguments."""
    job = Job(arms=(corner_shop,), seed=5, engine="window")
    with pytest.raises(AuditError, match=r"units by cell does not hold: \d against 0"):
        list(run_tasks(work.break_audit, job, TASKS, jobs=jobs))


@pytest.mark.parametrize("jobs", [1, 2])
def test_unforeseen_errors_name_the_replication(corner_shop: Business, jobs: int) -> None:
    """Whatever else goes wrong says in which replication of which model."""
    job = Job(arms=(corner_shop,), seed=5, engine="window")
    with pytest.raises(RunError, match=r"replication \d of corner_shop: ZeroDivisionError: nobody"):
        list(run_tasks(work.stumble, job, TASKS, jobs=jobs))


def test_no_processes_are_no_experiment(corner_shop: Business) -> None:
    """Zero jobs are refused."""
    with pytest.raises(RunError, match="at least 1 process"):
        list(run_tasks(work.die, Job(arms=(corner_shop,), seed=0, engine="window"), TASKS, jobs=0))


def test_usable_cores_are_counted() -> None:
    """There is at least the core this runs on."""
    assert 1 <= usable_cores() <= 4096
