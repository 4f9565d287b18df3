"""A second, deliberately plain reading of what nights leave behind: rows by SQL, files by their bytes.

Shares no query with `omsim.nightly`.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from datetime import date
from typing import TYPE_CHECKING, Any

from nightly.small_nights import TARGET_UNITS

if TYPE_CHECKING:
    from pathlib import Path

TABLES = (
    "runs",
    "outbox",
    "purchase_orders",
    "proposals",
    "policies",
    "forecasts",
    "refusals",
    "decisions",
)
Rows = dict[str, list[dict[str, Any]]]


def read_rows(database: str) -> Rows:
    """Every row of every table, without the clock's; dates as text, so that both kinds of database read the same."""
    if database.startswith("postgresql"):
        return _read_postgres(database)
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        connection.row_factory = sqlite3.Row
        rows = {table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")] for table in TABLES}
    connection.close()
    return _ordered(rows)


def _read_postgres(database: str) -> Rows:
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(database, row_factory=dict_row) as connection:
        return _ordered({table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES})


def _ordered(rows: Rows) -> Rows:
    for table in rows.values():
        for row in table:
            row.pop("recorded_at", None)
            row.update({column: value.isoformat() for column, value in row.items() if isinstance(value, date)})
        table.sort(key=lambda row: (row["run_id"], row.get("ordinal", 0)))
    return rows


def read_files(out: Path) -> dict[str, bytes | str]:
    """Every file below a folder by its bytes, links by where they show; locks and databases left out."""
    found: dict[str, bytes | str] = {}
    for place, folders, files in os.walk(out):
        for name in [*folders, *files]:
            path = os.path.join(place, name)
            shown = os.path.relpath(path, out)
            if os.path.islink(path):
                found[shown] = f"-> {os.readlink(path)}"
            elif name in files and not name.endswith(".lock"):
                with open(path, "rb") as file:
                    found[shown] = file.read()
    return found


def check_sense(rows: Rows) -> None:
    """What must hold of any nights whatever, interrupted or not."""
    done = Counter((run["as_of"], run["model"], run["scope"]) for run in rows["runs"] if run["state"] == "done")
    assert set(done.values()) <= {1}
    names = [line["proposal"] for line in rows["proposals"]]
    assert len(names) == len(set(names))
    assert all(file["sent"] == 1 for file in rows["outbox"])
    # All that was proposed and stands, with what was on hand at first, is the target and what was sold: nothing lost,
    # nothing doubled.
    state = {run["run_id"]: run["state"] for run in rows["runs"]}
    standing = Counter[tuple[str, str]]()
    for line in rows["proposals"]:
        assert (line["state"] in ("open", "confirmed")) == (state[line["run_id"]] == "done")
        if state[line["run_id"]] == "done":
            standing[line["site"], line["sku"]] += line["units"]
    newest = max(line["run_id"] for line in rows["proposals"] if state[line["run_id"]] == "done")
    for line in rows["proposals"]:
        if line["run_id"] == newest:
            assert standing[line["site"], line["sku"]] + line["on_hand_units"] == TARGET_UNITS
