"""What is in a run folder, and how it reads back.

Owns names and contents of the files under `runs/<name>-<digest>/`. Writing them whole is `atomic`'s; when they are
written, `experiment`'s. `run.json` is written last: a folder without it is not a run.
"""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from omsim.errors import RunError
from omsim.experiments.atomic import left_overs, read_json, write_json, write_text
from omsim.experiments.executors import Task
from omsim.experiments.provenance import machine, versions
from omsim.experiments.replicate import finished_as_json, finished_from_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from omsim.experiments.arms import Arm
    from omsim.experiments.experiment import Experiment
    from omsim.experiments.replicate import Finished

SCHEMA_VERSION = 1
RUN_FILE = "run.json"
BEGUN_FILE = "begun.json"
KPI_FILE = "kpis.csv"
REPORT_FILE = "report.html"
LONGEST_NAME = 80


def folder_name(arms: Sequence[Arm], digest: str) -> str:
    """Name of an experiment's run folder: a scenario answered against its own model goes by the scenario's name."""
    names = [arm.name for arm in arms]
    base = arms[-1].business.base
    if len(arms) == 2 and base is not None and base == arms[0].business:
        names = names[-1:]
    return f"{safe_name('-vs-'.join(names))}-{digest[:8]}"


def safe_name(name: str) -> str:
    """The name with what file systems or shells may not like replaced, and no longer than they allow.

    >>> safe_name("peak season/+60 %")
    'peak_season_60'
    """
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:LONGEST_NAME] or "run"


def arm_folders(names: Sequence[str]) -> list[str]:
    """A folder name for each arm, all different."""
    names = [safe_name(name) for name in names]
    return [name if names.count(name) == 1 else f"{name}-{at}" for at, name in enumerate(names)]


def is_complete(folder: Path, digest: str) -> bool:
    """Whether the folder is a finished run of this very experiment."""
    try:
        return bool(read_json(folder / RUN_FILE)["digest"] == digest)
    except (RunError, KeyError):
        return False


def begin(partial: Path, digest: str) -> None:
    """Mark a partial folder with the experiment it belongs to; content of another one is dropped."""
    try:
        same = read_json(partial / BEGUN_FILE).get("digest") == digest
    except RunError:
        same = False
    if not same:
        for entry in partial.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            else:
                entry.unlink()
    (partial / "replications").mkdir(exist_ok=True)
    write_json(partial / BEGUN_FILE, {"digest": digest})


def read_left_over(folder: Path, digest: str, names: Sequence[str]) -> dict[Task, Finished]:
    """Replications that an interrupted process finished for this folder."""
    for partial in left_overs(folder):
        try:
            if read_json(partial / BEGUN_FILE).get("digest") != digest:
                continue
        except RunError:
            continue
        found = read_replications(partial, names)
        if found:
            return found
    return {}


def read_run(folder: Path) -> tuple[dict[str, Any], tuple[tuple[Finished, ...], ...]]:
    """A finished run as stored: the content of `run.json`, and its replications by arm.

    Raises
    ------
    RunError
        The folder is no run, or a part of it is gone.
    """
    if not (folder / RUN_FILE).is_file():
        raise RunError(str(folder), f"is not a run folder (it has no {RUN_FILE})")
    document = read_json(folder / RUN_FILE)
    try:
        names = [str(arm["name"]) for arm in document["arms"]]
        wanted = [Task(arm, one) for arm in range(len(names)) for one in range(document["replications"])]
    except (KeyError, TypeError) as error:
        raise RunError(str(folder / RUN_FILE), f"is not what omsim writes ({error})") from error
    kept = read_replications(folder, names)
    missing = sum(task not in kept for task in wanted)
    if missing:
        raise RunError(str(folder), f"{missing} of its {len(wanted)} replications are gone or cannot be read")
    return document, tuple(
        tuple(kept[Task(arm, one)] for one in range(document["replications"])) for arm in range(len(names))
    )


def replication_file(folder: Path, names: Sequence[str], task: Task) -> Path:
    """Where a replication is kept."""
    return folder / "replications" / f"{arm_folders(names)[task.arm]}.{task.replication:05d}.json"


def write_replication(folder: Path, names: Sequence[str], task: Task, finished: Finished) -> None:
    """Keep a finished replication."""
    write_json(replication_file(folder, names, task), finished_as_json(finished))


def read_replications(folder: Path, names: Sequence[str]) -> dict[Task, Finished]:
    """Every replication kept in a folder; a file that cannot be read counts as not finished."""
    found = {}
    for arm, name in enumerate(arm_folders(names)):
        for path in sorted((folder / "replications").glob(f"{glob_safe(name)}.[0-9]*.json")):
            try:
                finished = finished_from_json(read_json(path))
            except (RunError, KeyError, TypeError, ValueError):
                continue
            found[Task(arm, finished.replication)] = finished
    return found


def glob_safe(name: str) -> str:
    """The name for use in a pattern."""
    import glob

    return glob.escape(name)


def table_folders(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Where each arm's record tables go."""
    return tuple(folder / "tables" / name for name in arm_folders(names))


def copy_tables(source: Path, partial: Path) -> None:
    """Take over the record tables of an earlier run of the same experiment."""
    if (source / "tables").is_dir():
        shutil.copytree(source / "tables", partial / "tables", dirs_exist_ok=True)


def finish(partial: Path, experiment: Experiment) -> None:
    """Write KPIs, report and, last, the provenance."""
    from omsim.analysis.export import kpis_csv
    from omsim.experiments.reporting import report_page

    tables = [[one.kpis for one in finished] for finished in experiment.finished]
    document = run_document(experiment)
    write_text(partial / KPI_FILE, kpis_csv({arm.name: own for arm, own in zip(experiment.arms, tables, strict=True)}))
    write_text(partial / REPORT_FILE, report_page(document, experiment.finished))
    (partial / BEGUN_FILE).unlink(missing_ok=True)
    write_json(partial / RUN_FILE, document)


def run_document(experiment: Experiment) -> dict[str, Any]:
    """The content of `run.json`."""
    from omsim.experiments.reporting import kpi_documents

    return {
        "schema_version": SCHEMA_VERSION,
        "digest": experiment.digest,
        "seed": experiment.seed,
        "engine": experiment.engine,
        "replications": experiment.replications,
        "arms": [
            {
                "name": arm.name,
                "source": arm.source,
                "question": arm.question,
                "changes": list(arm.changes),
                "marks": [list(mark) for mark in arm.marks],
                "stands_for": arm.business.settings.stands_for,
                "digest": arm.business.digest(),
                "start_date": arm.business.settings.start_date.isoformat(),
                "time_zone": arm.business.settings.time_zone,
                "currency": arm.business.settings.currency,
                "defaults_used": list(arm.business.defaults_used),
                "assumptions": list(arm.business.settings.assumptions),
                "audit": list(finished[0].audit),
                "orders": [one.orders for one in finished],
                "run_s": [round(one.run_s, 3) for one in finished],
                "fallbacks": [[why, count] for why, count in finished[0].series.fallbacks],
            }
            for arm, finished in zip(experiment.arms, experiment.finished, strict=True)
        ],
        "kpis": kpi_documents(experiment),
        "versions": versions(),
        "machine": machine(),
        "wall_s": round(experiment.wall_s, 3),
        "computed_replications": experiment.computed,
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
