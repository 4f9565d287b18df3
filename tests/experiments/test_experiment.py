"""The life of an experiment: carried out, stored, found again, taken up where it stopped."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import experiment_work as work
import pytest

from omsim.errors import RunError
from omsim.experiments import replicate, reporting
from omsim.experiments.arms import Arm
from omsim.experiments.executors import Job, Task
from omsim.experiments.experiment import Experiment, carry_out, discard_if_empty, plan_experiment
from omsim.experiments.run_folder import folder_name, read_run, run_document, safe_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from omsim.experiments.replicate import Finished
    from omsim.model.business import Business


@pytest.fixture
def arms(corner_shop: Business) -> tuple[Arm, ...]:
    """Two arms of the same content."""
    return tuple(Arm(name=name, business=corner_shop) for name in ("as_is", "what/if"))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Task]:
    """The replications simulated since the test began; nothing is really simulated, no picture drawn."""
    made: list[Task] = []

    def simulate(job: Job, task: Task) -> Finished:
        made.append(task)
        return work.simulate(job, task)

    monkeypatch.setattr(replicate, "simulate", simulate)
    monkeypatch.setattr(reporting, "report_page", lambda _document, _finished: "<html></html>")
    return made


def run(arms: tuple[Arm, ...], out: Path, **options: object) -> Experiment:
    """Plan and do."""
    return carry_out(plan_experiment(arms, out=out, **{"replications": 3, **options}))  # type: ignore[arg-type]


def test_a_run_folder_holds_the_whole_answer(arms: tuple[Arm, ...], tmp_path: Path, calls: list[Task]) -> None:
    """Every file is there, the provenance says what was run, and no partial folder stays."""
    experiment = run(arms, tmp_path)
    folder = experiment.folder
    assert folder is not None
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    assert {path.name for path in folder.iterdir()} >= {"run.json", "kpis.csv", "report.html", "replications"}
    document = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert document["digest"] == experiment.digest
    assert document["replications"] == 3
    assert [arm["name"] for arm in document["arms"]] == ["as_is", "what/if"]
    assert document["versions"]["numpy"]
    assert len(calls) == 6
    otif = next(kpi for kpi in document["kpis"] if kpi["kpi"] == "otif" and not kpi["group"])
    assert otif["arms"]["as_is"]["mean"] == pytest.approx(0.91)
    assert otif["differences"]["what/if"]["mean"] == pytest.approx(-0.05)
    assert otif["differences"]["what/if"]["clear"]
    lines = (folder / "kpis.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + 2 * 3 * 4


def test_the_same_question_is_answered_from_the_folder(
    arms: tuple[Arm, ...], tmp_path: Path, calls: list[Task]
) -> None:
    """A repeat simulates nothing and gives the same KPIs; --rerun simulates all again."""
    first = run(arms, tmp_path)
    again = run(arms, tmp_path)
    assert len(calls) == 6
    assert again.computed == 0
    assert [one.kpis for one in again.finished[1]] == [one.kpis for one in first.finished[1]]
    assert run(arms, tmp_path, rerun=True).computed == 6
    assert len(list(tmp_path.iterdir())) == 1


def test_more_replications_are_added_to_those_stored(arms: tuple[Arm, ...], tmp_path: Path, calls: list[Task]) -> None:
    """Asking for five after three simulates two more of each arm; asking for two then, none."""
    run(arms, tmp_path)
    calls.clear()
    assert run(arms, tmp_path, replications=5).replications == 5
    assert sorted(calls) == [Task(0, 3), Task(0, 4), Task(1, 3), Task(1, 4)]
    fewer = run(arms, tmp_path, replications=2)
    assert (fewer.replications, fewer.computed) == (2, 0)


@pytest.mark.parametrize("option", [{"seed": 2}, {"engine": "process"}])
def test_another_question_has_another_folder(
    arms: tuple[Arm, ...], tmp_path: Path, calls: list[Task], option: dict[str, object]
) -> None:
    """Seed and engine are part of the identity."""
    assert run(arms, tmp_path).folder != run(arms, tmp_path, **option).folder
    assert len(calls) == 12


def test_an_interrupted_experiment_goes_on(
    arms: tuple[Arm, ...], tmp_path: Path, calls: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was finished before Ctrl-C is not simulated again, and the answer is that of an undisturbed run."""
    undisturbed = run(arms, tmp_path / "other")
    calls.clear()
    plan = plan_experiment(arms, replications=3, out=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        carry_out(plan, progress=interrupt_after(4))
    assert not plan.folder.exists()
    assert discard_if_empty(plan) == 4
    left = plan_experiment(arms, replications=3, out=tmp_path)
    assert len(left.tasks) == 2
    experiment = carry_out(left)
    assert len(calls) == 6
    assert [[one.kpis for one in arm] for arm in experiment.finished] == [
        [one.kpis for one in arm] for arm in undisturbed.finished
    ]
    assert [path.name for path in tmp_path.iterdir() if path.name != "other"] == [plan.folder.name]


def test_nothing_stays_of_an_experiment_that_finished_nothing(
    arms: tuple[Arm, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An experiment whose first replication fails leaves no folder."""
    monkeypatch.setattr(replicate, "simulate", work.stumble)
    plan = plan_experiment(arms, replications=3, out=tmp_path)
    with pytest.raises(RunError, match="nobody saw it coming"):
        carry_out(plan)
    assert discard_if_empty(plan) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_its_last_file_is_no_run(arms: tuple[Arm, ...], tmp_path: Path, calls: list[Task]) -> None:
    """run.json is what makes a folder a run; without it all is done again."""
    folder = run(arms, tmp_path).folder
    assert folder is not None
    os.remove(folder / "run.json")
    with pytest.raises(RunError, match="is not a run folder"):
        read_run(folder)
    assert run(arms, tmp_path).computed == 6


def test_a_damaged_replication_is_simulated_again(arms: tuple[Arm, ...], tmp_path: Path, calls: list[Task]) -> None:
    """A file that cannot be read counts as not finished."""
    folder = run(arms, tmp_path).folder
    assert folder is not None
    next((folder / "replications").glob("as_is.00001.json")).write_text("{", encoding="utf-8")
    with pytest.raises(RunError, match="1 of its 6 replications"):
        read_run(folder)
    assert run(arms, tmp_path).computed == 1


def test_a_stored_run_reads_back(arms: tuple[Arm, ...], tmp_path: Path, calls: list[Task]) -> None:
    """Replications survive the folder to the last bit, KPIs without a value included."""
    experiment = run(arms, tmp_path)
    assert experiment.folder is not None
    document, finished = read_run(experiment.folder)
    assert document["arms"] == run_document(experiment)["arms"]
    assert finished[1][2].kpis == experiment.finished[1][2].kpis
    assert finished[0][0].series.worst == experiment.finished[0][0].series.worst
    assert finished[0][0].series.flows.tolist() == [[7]]


def test_folder_names_are_safe(corner_shop: Business) -> None:
    """Names of any make become names any file system takes."""
    assert safe_name("../über uns?*") == "über_uns"
    assert len(safe_name("x" * 500)) == 80
    arms = [Arm(name="a/b", business=corner_shop), Arm(name="c", business=corner_shop)]
    assert folder_name(arms, "0123456789") == "a_b-vs-c-01234567"


def interrupt_after(n: int) -> Callable[[], None]:
    """A progress function that is Ctrl-C at its n-th call."""
    seen = []

    def advance() -> None:
        seen.append(None)
        if len(seen) == n:
            raise KeyboardInterrupt

    return advance
