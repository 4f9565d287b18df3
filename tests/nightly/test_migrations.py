"""Databases of every age: older ones are brought forward with all they hold, newer and foreign ones refused."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy
from faults.reconciliation import read_rows
from nightly.old_databases import make_version_1
from nightly.small_nights import Wish, call_job

from omsim.errors import RunError
from omsim.nightly.database import Database, open_database
from omsim.nightly.migrations import STEPS, VERSION, bring_up_to_date, find_version, require_current
from omsim.nightly.recall import explain_sku

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import NewDatabases


@pytest.fixture
def database(new_database: NewDatabases, tmp_path: Path) -> Iterator[Database]:
    """An empty one."""
    with open_database(new_database(tmp_path), create=True) as opened:
        yield opened


def _address(database: Database) -> str:
    if database.file is not None:
        return str(database.file)
    return database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def _shape(database: Database) -> dict[str, Any]:
    """Tables with their columns, keys, checks and indexes, as the database itself tells them."""
    with database.reading() as connection:
        looked = sqlalchemy.inspect(connection)
        shape: dict[str, Any] = {}
        for table in looked.get_table_names():
            columns = [
                (column["name"], str(column["type"]), column["nullable"], str(column["default"]).partition("::")[0])
                for column in looked.get_columns(table)
            ]
            if database.file is None:
                checks = {check["name"]: _words(check["sqltext"]) for check in looked.get_check_constraints(table)}
            else:
                made = connection.exec_driver_sql("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).scalar_one()
                checks = _checks(made)
            keys = sorted(
                (key["constrained_columns"], key["referred_table"], key["referred_columns"])
                for key in looked.get_foreign_keys(table)
            )
            unique = {key["name"]: key["column_names"] for key in looked.get_unique_constraints(table)}
            indexes = {
                index["name"]: (
                    index["column_names"],
                    bool(index["unique"]),
                    _words(str((index.get("dialect_options") or {}).get(f"{connection.dialect.name}_where"))),
                )
                for index in looked.get_indexes(table)
            }
            primary = looked.get_pk_constraint(table)["constrained_columns"]
            shape[table] = (columns, checks, keys, unique, indexes, primary)
        if connection.dialect.name == "sqlite":
            strict = connection.exec_driver_sql("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'")
            shape["strict"] = {name for name, is_strict in strict if is_strict}
    return shape


def _checks(made: str) -> dict[str, str]:
    """Named checks of SQLite's own words for a table, up to the bracket that closes each."""
    found = {}
    for name, rest in re.findall(r"CONSTRAINT (\w+)\s+CHECK\s+\((.*?)(?=CONSTRAINT|$)", made, flags=re.DOTALL):
        depth = 1
        for place, sign in enumerate(rest):
            depth += {"(": 1, ")": -1}.get(sign, 0)
            if depth == 0:
                found[name] = _words(rest[:place])
                break
    return found


def _words(text: str) -> str:
    return " ".join(text.replace("(", " ").replace(")", " ").split()).lower()


def test_a_migrated_database_has_the_shape_of_a_new_one(
    database: Database, new_database: NewDatabases, tmp_path: Path
) -> None:
    """Columns, types, keys, checks and indexes; in SQLite every table strict."""
    bring_up_to_date(database)
    (tmp_path / "old").mkdir()
    address = new_database(tmp_path / "old")
    make_version_1(address)
    with open_database(address, create=False) as old:
        assert find_version(old) == 1
        bring_up_to_date(old)
        assert find_version(old) == VERSION
        assert _shape(old) == _shape(database)
    if database.file is not None:
        assert len(_shape(database)["strict"] - {"sqlite_schema"}) == len(_shape(database)) - 1


def test_there_is_a_step_from_every_version() -> None:
    """No older database is left behind."""
    assert sorted(STEPS) == list(range(1, VERSION))


def test_a_version_1_database_keeps_all_it_holds(database: Database, tmp_path: Path) -> None:
    """The night of version 1 is still there, its proposals have the state that follows, and its files are written."""
    address = _address(database)
    make_version_1(address)
    outcome = call_job(Wish(database=address, out=str(tmp_path / "out"), sold_units=5), tmp_path / "out")
    assert (outcome.state, outcome.finished_runs) == ("done", 1)
    rows = read_rows(address)
    assert [(run["run_id"], run["state"]) for run in rows["runs"]] == [
        (1, "superseded"),
        (2, "done"),
        (3, "rejected"),
        (4, "done"),
    ]
    assert [(line["proposal"], line["state"], line["units"]) for line in rows["proposals"][:3]] == [
        ("P-1", "withdrawn", 88),
        ("P-2", "open", 90),
        ("P-3", "rejected", 5),
    ]
    assert rows["forecasts"][0]["protection_days"] == 3.3
    assert outcome.draft is not None
    assert set(outcome.draft.last.unconfirmed) == {"P-2"}
    assert outcome.draft.last.levels == {("north", "sku,00"): (40, 100)}
    folder = tmp_path / "out" / "2026-11-20--corner-shop-da97360b--all--2"
    assert sorted(path.name for path in folder.iterdir()) == [
        "manifest.json",
        "proposals.csv",
        "proposals.parquet",
        "summary.html",
    ]
    assert 'P-2,PO-2,birch,north,"sku,00",90' in (folder / "proposals.csv").read_text()


def test_readers_do_not_migrate(database: Database) -> None:
    """Asking an older database changes nothing: it says what to do."""
    address = _address(database)
    make_version_1(address)
    with pytest.raises(RunError, match=rf"schema version 1; the next night brings it to {VERSION}"):
        explain_sku(address, "007")
    with pytest.raises(RunError, match="schema version 1"):
        call_job(Wish(database=address, out="nowhere", dry_run=True), Path("nowhere"))
    assert find_version(database) == 1


def test_a_newer_database_is_refused(database: Database, tmp_path: Path) -> None:
    """By every way in, with both versions named, and unchanged."""
    bring_up_to_date(database)
    with database.writing() as connection:
        connection.exec_driver_sql(f"INSERT INTO schema_version VALUES ({VERSION + 1}, 'tomorrow')")
    address = _address(database)
    words = rf"schema version {VERSION + 1}, newer than this omsim \({VERSION}\)"
    with pytest.raises(RunError, match=words):
        call_job(Wish(database=address, out=str(tmp_path / "out")), tmp_path / "out")
    with pytest.raises(RunError, match=words):
        explain_sku(address, "007")
    assert all(rows == [] for rows in read_rows(address).values())


def test_a_foreign_database_is_refused(database: Database) -> None:
    """Tables of somebody else's are not touched."""
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE runs (id INTEGER)")
    with pytest.raises(RunError, match="not a database of omsim: it holds the table 'runs'"):
        bring_up_to_date(database)


def test_an_empty_database_has_no_nights(database: Database) -> None:
    """Nothing to explain yet."""
    bring_up = find_version(database)
    assert bring_up == 0
    with pytest.raises(RunError, match="holds no nights yet"):
        require_current(database)


def test_a_step_that_fails_leaves_the_old_version(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step is one transaction: half a step is none."""
    make_version_1(_address(database))
    monkeypatch.setitem(STEPS, 1, (*STEPS[1], "INSERT INTO nowhere VALUES (1)"))  # type: ignore[arg-type]
    with pytest.raises(RunError, match="nowhere"):
        bring_up_to_date(database)
    assert find_version(database) == 1
    monkeypatch.undo()
    bring_up_to_date(database)
    assert find_version(database) == VERSION


@pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
def test_strict_tables_refuse_what_sqlite_would_bend(database: Database) -> None:
    """Text in a column of integers, and the NULL that SQLite makes of NaN."""
    bring_up_to_date(database)
    assert database.file is not None
    with sqlite3.connect(database.file) as plain:
        for value in ("'many'", "NULL", "1.5"):
            with pytest.raises(sqlite3.IntegrityError, match=r"cannot store|NOT NULL"):
                plain.execute(f"INSERT INTO decisions VALUES (1, 0, 'a', {value}, 'b')")
    plain.close()
