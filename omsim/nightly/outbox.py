"""The export files of a night, made from the database until each is there.

Owns files and what is marked sent. A crash between the two makes the same file again: a receiver sees each at least
once, and knows a proposal it has met by its name. Which files a run has is `store`'s doing.

::

    OUT/2026-11-22--metro--all--1/   proposals.csv, proposals.parquet, ..., summary.html, manifest.json (last)
    OUT/rejected/...              the same of nights a gate stopped
    OUT/current                   -> folder of the newest finished night (`current_SCOPE` of one with a scope)
"""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import asdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from omsim.errors import RunError
from omsim.experiments.atomic import left_overs, sync_folder, write_bytes
from omsim.nightly.crashpoints import crashpoint
from omsim.nightly.night import NIGHT_TABLES
from omsim.nightly.recall import find_attempts, read_newest, read_run, read_table
from omsim.nightly.schema import outbox
from omsim.nightly.store import MANIFEST, slug

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from omsim.nightly.database import Database
    from omsim.nightly.recall import StoredRun

_FILE_PLACES = {"written": "file_written", "synced": "file_synced", "renamed": "file_renamed"}


def finish_unsent(database: Database, out: Path) -> list[int]:
    """Write the files of every run that has unsent ones; the runs' numbers, oldest first.

    Raises
    ------
    RunError
        A file cannot be written; what is not marked sent is tried again by the next night.
    """
    with database.reading() as connection:
        waiting = connection.execute(
            select(outbox.c.run_id).where(outbox.c.sent == 0).distinct().order_by(outbox.c.run_id)
        ).scalars()
        found = [int(run_id) for run_id in waiting]
    for run_id in found:
        export_run(database, run_id, out)
    return found


def finish_damaged(database: Database, out: Path) -> list[int]:
    """Write again the files of every run of which one is missing or not what was written; the runs' numbers."""
    with database.reading() as connection:
        sent = connection.execute(select(outbox).where(outbox.c.sent == 1).order_by(outbox.c.run_id)).all()
    folders = {run_id: out / read_run(database, run_id).folder for run_id in dict.fromkeys(row.run_id for row in sent)}
    damaged = list(
        dict.fromkeys(row.run_id for row in sent if not _is_whole(folders[row.run_id] / row.name, row.digest))
    )
    for run_id in damaged:
        export_run(database, run_id, out)
    return damaged


def export_run(database: Database, run_id: int, out: Path) -> Path:
    """Write every file of a run, then mark them sent; its folder."""
    run = read_run(database, run_id)
    folder = out / run.folder
    with database.reading() as connection:
        waiting = connection.execute(select(outbox).where(outbox.c.run_id == run_id).order_by(outbox.c.ordinal)).all()
    facts_of: dict[str, dict[str, Any]] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sync_folder(folder.parent)
        tables = (name for row in waiting if (name := row.name.partition(".")[0]) in NIGHT_TABLES)
        rows_of = {}
        for name in dict.fromkeys(tables):
            columns = read_table(database, run_id, name)
            rows_of[name] = len(next(iter(columns.values())))
            for kind, made in (("csv", _as_csv(columns)), ("parquet", _as_parquet(name, columns))):
                facts_of[f"{name}.{kind}"] = _write(folder / f"{name}.{kind}", made) | {"rows": rows_of[name]}
        for row in waiting:
            if row.content:
                facts_of[row.name] = _write(folder / row.name, row.content.encode())
        manifest = json.dumps(_manifest(database, run, facts_of), indent=1, ensure_ascii=False, allow_nan=False)
        facts_of[MANIFEST] = _write(folder / MANIFEST, manifest.encode() + b"\n")
    except OSError as error:
        why = f"cannot be written ({error.strerror}); the night is in the database, the next call completes its files"
        raise RunError(str(error.filename or folder), why) from error
    crashpoint("files_exported")
    with database.writing() as connection:
        connection.execute(
            update(outbox)
            .where(outbox.c.run_id == run_id, outbox.c.name == bindparam("file"))
            .values(sent=1, digest=bindparam("sha256"), n_bytes=bindparam("bytes")),
            [{"file": name, "sha256": fact["sha256"], "bytes": fact["bytes"]} for name, fact in facts_of.items()],
        )
    crashpoint("marked_sent")
    return folder


def point_current(database: Database, out: Path, model: str, scope: str) -> Path | None:
    """Let ``current`` show the newest finished night whose files are in this folder; that night's folder."""
    newest = read_newest(database, model, scope)
    if newest is None or not (out / newest.folder / MANIFEST).is_file():
        return None
    pointer = out / ("current" if scope == "all" else f"current_{slug(scope)}")
    target = newest.folder
    beside = pointer.with_name(f"{pointer.name}.partial-{os.getpid()}")
    try:
        for left in left_overs(pointer):
            left.unlink()
        if os.name == "nt":  # symbolic links need rights there that a nightly job seldom has
            write_bytes(pointer.with_suffix(".txt"), target.encode())
        elif not (pointer.is_symlink() and os.readlink(pointer) == target):
            os.symlink(target, beside)
            crashpoint("pointer_written")
            os.replace(beside, pointer)
            sync_folder(out)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise RunError(str(pointer), f"cannot be written ({error.strerror}); the next call sets it") from error
    crashpoint("pointer_moved")
    return out / target


def _write(file: Path, content: bytes) -> dict[str, Any]:
    crashpoint("file_begun")
    for left in left_overs(file):
        left.unlink()
    write_bytes(file, content, passed=lambda step: crashpoint(_FILE_PLACES[step]))  # type: ignore[arg-type]
    return {"sha256": sha256(content).hexdigest(), "bytes": len(content)}


def _is_whole(file: Path, digest: str) -> bool:
    try:
        return sha256(file.read_bytes()).hexdigest() == digest
    except OSError:
        return False


def _as_csv(columns: dict[str, list[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def _as_parquet(name: str, columns: dict[str, list[Any]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    types: dict[str, pa.DataType] = {
        "text": pa.string(),
        "integer": pa.int64(),
        "real": pa.float64(),
        "date": pa.date32(),
    }
    schema = pa.schema([pa.field(column, types[kind], nullable=False) for column, kind in NIGHT_TABLES[name].items()])
    made = io.BytesIO()
    parquet.write_table(pa.Table.from_pydict(columns, schema=schema), made)
    return made.getvalue()


def _manifest(database: Database, run: StoredRun, facts_of: dict[str, dict[str, Any]]) -> dict[str, Any]:
    superseded = [
        found.attempt
        for found in find_attempts(database, run.key)
        if found.state == "superseded" and found.attempt < run.attempt
    ]
    return {
        "schema_version": 1,
        "as_of": run.key.as_of.isoformat(),
        "model": run.key.model,
        "scope": run.key.scope,
        "attempt": run.attempt,
        "accepted": run.state != "rejected",
        # Their proposals are withdrawn, except those the purchasing system had taken over.
        "supersedes_attempts": [] if run.state == "rejected" else superseded,
        "status": run.status,
        "inputs": {"source": run.source, "sha256": run.digest},
        "gates": [asdict(gate) for gate in run.gates],
        "files": facts_of,
    }
