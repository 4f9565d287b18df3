"""What is wrong with a database is said in one clear line, whichever way it fails."""

from __future__ import annotations

import os
import sqlite3
import sys
from typing import TYPE_CHECKING

import pytest
from faults.reconciliation import read_files
from nightly.small_nights import Wish, call_job

from omsim.errors import FieldError, OmsimError, RunError
from omsim.nightly import database as module
from omsim.nightly.database import MissingDatabaseError, WrittenByAnother, open_database
from omsim.nightly.migrations import bring_up_to_date
from omsim.nightly.recall import explain_sku

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import NewDatabases


def _refused(address: str, folder: Path) -> str:
    """What the job says of it; no export file is written."""
    with pytest.raises(OmsimError) as refused:
        call_job(Wish(database=address, out=str(folder / "out")), folder / "out")
    assert read_files(folder / "out") == {}
    said = str(refused.value)
    assert "\n" not in said
    assert refused.value.exit_code in (1, 3)
    return said


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A mistyped path does not make folders."""
    said = _refused(str(tmp_path / "mistyped" / "nights.db"), tmp_path)
    assert f"its folder {tmp_path / 'mistyped'} is missing" in said
    assert not (tmp_path / "mistyped").exists()


def test_a_missing_file_is_not_made_by_asking(tmp_path: Path) -> None:
    """Only a night makes a database."""
    with pytest.raises(MissingDatabaseError, match="is missing; it is made by the first night"):
        explain_sku(str(tmp_path / "nights.db"), "007")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """Said at once."""
    assert "is a folder, not a database" in _refused(str(tmp_path), tmp_path)


@pytest.mark.parametrize("content", [b"not a database, but long enough to look like a file of some kind. " * 20, b"x"])
def test_another_file_is_no_database(tmp_path: Path, content: bytes) -> None:
    """It is left as it was."""
    file = tmp_path / "nights.db"
    file.write_bytes(content)
    assert "is not a SQLite database" in _refused(str(file), tmp_path)
    assert file.read_bytes() == content


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    """Zeroes in the middle of a database that holds a night."""
    file = tmp_path / "nights.db"
    wish = Wish(database=str(file), out=str(tmp_path / "good"), as_of="2026-11-21")
    call_job(wish, tmp_path / "good")
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * 4096 * 8 + whole[9 * 4096 :])
    assert "is damaged; restore it from a backup" in _refused(str(file), tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="drops root's rights as Linux has it")
def test_a_database_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    """By a user who may only read it."""
    file = tmp_path / "nights.db"
    with open_database(str(file), create=True) as made:
        bring_up_to_date(made)
    file.chmod(0o444)
    tmp_path.chmod(0o555)
    folder = tmp_path
    while folder != folder.parent and os.geteuid() == 0:  # so that another user gets there at all
        folder.chmod(folder.stat().st_mode | 0o055)
        folder = folder.parent
    child = os.fork()
    if child == 0:  # pragma: no cover - in the child
        code = 99
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            with open_database(str(file), create=True) as opened:
                bring_up_to_date(opened)
                with opened.writing() as connection:
                    connection.exec_driver_sql("DELETE FROM runs")
        except RunError as error:
            code = 0 if "is read-only" in str(error) else 98
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    tmp_path.chmod(0o755)


def _delete_all(opened: module.Database) -> None:
    with opened.writing() as connection:
        connection.exec_driver_sql("DELETE FROM outbox")
        connection.exec_driver_sql("DELETE FROM runs")


def test_a_locked_database_is_named(
    new_database: NewDatabases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program holds it longer than a transaction waits."""
    monkeypatch.setattr(module, "BUSY_TIMEOUT_S", 0.2)
    address = new_database(tmp_path)
    with open_database(address, create=True) as first, open_database(address, create=True) as second:
        bring_up_to_date(first)
        lock = "PRAGMA user_version" if first.file is not None else "LOCK TABLE runs IN ACCESS EXCLUSIVE MODE"
        with first.writing() as held:
            held.exec_driver_sql(lock)
            with pytest.raises(RunError, match="is locked by another program; nothing was written"):
                _delete_all(second)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (
            "mysql://user:secret@host/shop",
            "database must be a SQLite file or a postgresql:// URL, got 'mysql://user:***@host",
        ),
        ("postgresql://user:secret@host:port/shop", "database must be a path or a URL, got 'postgresql://...'"),
        ("postgresql://user:secret@host", "database must be a URL that ends in the name of a database"),
        ("sqlite://", "database must be a file that outlives the night"),
        ("sqlite:///:memory:", "database must be a file that outlives the night"),
        (":memory:", "database must be a file that outlives the night"),
        ("", "database must be a file that outlives the night"),
    ],
)
def test_addresses_that_are_none_are_refused(address: str, words: str) -> None:
    """With what would be one, and without showing a password."""
    pytest.importorskip("psycopg")
    with pytest.raises(FieldError) as refused:
        open_database(address, create=True)
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Without the password."""
    pytest.importorskip("psycopg")
    said = _refused(f"postgresql://user:secret@/shop?host={tmp_path}", tmp_path)
    assert "the server cannot be reached" in said
    assert "secret" not in said


def test_a_server_without_that_database_is_named(postgres_url: str, tmp_path: Path) -> None:
    """A mistyped name."""
    said = _refused(postgres_url.replace("/postgres?", "/mistyped?"), tmp_path)
    assert 'database "mistyped" does not exist' in said


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(RunError, match=r'pip install "omsim\[postgres\]"'):
        open_database("postgresql://host/shop", create=True)


def test_a_row_that_is_there_already_is_no_failure_of_the_database(new_database: NewDatabases, tmp_path: Path) -> None:
    """It says that another process was first; other broken rules are failures."""
    with open_database(new_database(tmp_path), create=True) as opened:
        bring_up_to_date(opened)
        row = "INSERT INTO schema_version VALUES (2, 'again')"
        with pytest.raises(WrittenByAnother), opened.writing() as connection:
            connection.exec_driver_sql(row)
        with pytest.raises(RunError), opened.writing() as connection:
            connection.exec_driver_sql("INSERT INTO outbox VALUES (99, 0, 'a', '', 0, '', 0)")


def test_a_committed_transaction_is_synced_to_the_disk(tmp_path: Path) -> None:
    """The journal and the syncing the module promises are those in force."""
    with open_database(str(tmp_path / "nights.db"), create=True) as opened, opened.reading() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["delete", 3, 1]


def test_sqlite_too_old_for_strict_tables_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than a syntax error."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    with pytest.raises(RunError, match=r"needs SQLite 3\.37 or newer"):
        open_database(str(tmp_path / "nights.db"), create=True)
