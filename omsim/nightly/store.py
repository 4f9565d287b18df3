"""Keeping a night: its run, tables and outbox in one transaction, or not at all.

Owns what is written and when. Reading nights back is `recall`'s work, the files made of them `outbox`'s.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from omsim.nightly.crashpoints import crashpoint
from omsim.nightly.night import NIGHT_TABLES
from omsim.nightly.schema import night_tables, outbox, proposals, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from omsim.nightly.database import Database
    from omsim.nightly.night import Night, RunKey
    from omsim.nightly.outcome import GateResult
    from omsim.nightly.snapshot import LastNight

MANIFEST = "manifest.json"
SUMMARY = "summary.html"

_CHUNK_ROWS = 10_000


def write_attempt(
    database: Database,
    key: RunKey,
    attempt: int,
    *,
    night: Night | None,
    gates: Sequence[GateResult],
    last: LastNight,
    digest: str,
    source: str,
    confirmed: Iterable[str] = (),
    summary: str = "",
) -> int:
    """Write an attempt at a night in one transaction: accepted when every gate passed, else rejected.

    An accepted one supersedes what was done under the same key: that stays, its open proposals withdrawn.

    Parameters
    ----------
    database : Database
        Of the newest schema.
    key, attempt : RunKey, int
        The attempt must be the next one of its key.
    night : Night or None
        As `records.finish_night` made it; None when a gate said no before planning.
    gates, last, digest, source
        How it was judged, what it knew.
    confirmed : proposals
        Of earlier nights, which the purchasing system has taken over.
    summary : str
        HTML, sent with the tables.

    Returns
    -------
    int
        The run's number.

    Raises
    ------
    WrittenByAnother
        Another process wrote this attempt, or finished this night, in the meantime.
    RunError
        The database failed; nothing was written.
    """
    accepted = night is not None and all(gate.passed for gate in gates)
    with database.writing() as connection:
        crashpoint("transaction_begun")
        run_id = int(connection.execute(select(func.coalesce(func.max(runs.c.run_id), 0) + 1)).scalar_one())
        if accepted:
            _supersede(connection, key, run_id)
        connection.execute(
            insert(runs).values(
                run_id=run_id,
                as_of=key.as_of,
                model=key.model,
                scope=key.scope,
                attempt=attempt,
                state="done" if accepted else "rejected",
                status="ok" if night is None else night.status,
                digest=digest,
                source=source,
                gates=json.dumps([asdict(gate) for gate in gates], allow_nan=False),
                facts=json.dumps(dict(night.facts) if night is not None else {}, allow_nan=False, sort_keys=True),
                folder=folder_name(key, attempt, accepted=accepted),
                recorded_at=datetime.now(UTC).isoformat(timespec="seconds"),
            )
        )
        crashpoint("run_written")
        if night is not None:
            extra: dict[str, dict[str, Any]] = {} if accepted else {"proposals": {"state": "rejected"}}
            for name in NIGHT_TABLES:
                _insert_table(connection, run_id, name, night.tables[name], extra.get(name, {}))
                crashpoint("table_written")
        _settle(connection, run_id, confirmed, "confirmed", from_states=("open", "lapsed", "withdrawn"))
        if accepted:
            _settle(connection, run_id, last.lapsed, "lapsed", from_states=("open",))
        _fill_outbox(connection, run_id, night, summary)
        crashpoint("before_commit")
    crashpoint("committed")
    return run_id


def folder_name(key: RunKey, attempt: int, *, accepted: bool) -> str:
    """Folder of an attempt's export files, below the out folder; distinct for distinct keys."""
    name = "--".join((key.as_of.isoformat(), slug(key.model), slug(key.scope), str(attempt)))
    return name if accepted else f"rejected/{name}"


def slug(text: str) -> str:
    """A text as part of a file's name; texts that differ only in what files cannot be called stay different."""
    safe = re.sub(r"[^A-Za-z0-9._]+|-{2,}", "-", text).strip(".-")[:40].strip(".-")  # without the "--" between parts
    return safe if safe == text and safe else f"{safe or 'x'}-{sha256(text.encode()).hexdigest()[:8]}"


def _supersede(connection: Connection, key: RunKey, run_id: int) -> None:
    done = connection.execute(
        select(runs.c.run_id).where(
            runs.c.as_of == key.as_of, runs.c.model == key.model, runs.c.scope == key.scope, runs.c.state == "done"
        )
    ).scalar()
    if done is None:
        return
    connection.execute(update(runs).where(runs.c.run_id == done).values(state="superseded"))
    connection.execute(
        update(proposals).where(proposals.c.run_id == done, proposals.c.state == "open").values(state="withdrawn")
    )


def _insert_table(
    connection: Connection, run_id: int, name: str, columns: Mapping[str, Sequence[Any]], extra: Mapping[str, Any]
) -> None:
    names = tuple(columns)
    fixed = {"run_id": run_id, **extra}
    numbered = enumerate(zip(*columns.values(), strict=True))
    while chunk := list(islice(numbered, _CHUNK_ROWS)):
        rows = [{**fixed, "ordinal": ordinal, **dict(zip(names, values, strict=True))} for ordinal, values in chunk]
        connection.execute(insert(night_tables[name]), rows)


def _settle(
    connection: Connection, run_id: int, names: Iterable[str], state: str, *, from_states: tuple[str, ...]
) -> None:
    """Say of proposals what became of them; those it was said of before are left alone, so that it is said once."""
    ordered = sorted(set(names))
    for start in range(0, len(ordered), 500):
        connection.execute(
            update(proposals)
            .where(proposals.c.proposal.in_(ordered[start : start + 500]), proposals.c.state.in_(from_states))
            .values(state=state, settled_by=run_id)
        )


def _fill_outbox(connection: Connection, run_id: int, night: Night | None, summary: str) -> None:
    files: list[tuple[str, str]] = []
    if night is not None:
        files += [(f"{name}.{kind}", "") for name in NIGHT_TABLES for kind in ("csv", "parquet")]
        files += [(SUMMARY, summary)] if summary else []
    files.append((MANIFEST, ""))  # last: where it is, all the others are
    connection.execute(
        insert(outbox),
        [
            {
                "run_id": run_id,
                "ordinal": ordinal,
                "name": name,
                "content": content,
                "sent": 0,
                "digest": "",
                "n_bytes": 0,
            }
            for ordinal, (name, content) in enumerate(files)
        ],
    )
