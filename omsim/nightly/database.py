"""Opening the nightly database: a SQLite file by default, PostgreSQL by URL; every failure one clear line.

Owns addresses, connections, transactions and the wording of what databases complain about. Tables are `schema`'s,
versions `migrations`'.

SQLite is used with a rollback journal (DELETE) and synchronous=EXTRA. A write-ahead log would let readers in during a
commit, but a night commits once, in a second or two, and readers wait for that; in exchange there is one file to copy
and back up, it may lie on a network drive, it is not exposed to the fault of resetting a write-ahead log that SQLite
versions before 3.51.3 have, and EXTRA also syncs the folder after the journal is gone, so that what was acknowledged
is there after a power cut.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from omsim.errors import FieldError, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL, Connection, Engine

BUSY_TIMEOUT_S = 30.0
"""How long one transaction waits for another's to end."""

_OLDEST_SQLITE = (3, 37, 0)  # strict tables
_SQLITE_HEADER = b"SQLite format 3\x00"
_WRITES = "omsim_writes"

# SQLite's own names of result codes, by their beginning.
_SQLITE_WORDS: tuple[tuple[str, str], ...] = (
    ("SQLITE_FULL", "the disk is full; nothing was written"),
    ("SQLITE_READONLY", "is read-only"),
    ("SQLITE_PERM", "may not be opened (permission denied)"),
    ("SQLITE_CANTOPEN", "cannot be opened (is it missing, or the folder not writable?)"),
    ("SQLITE_BUSY", "is locked by another program; nothing was written"),
    ("SQLITE_LOCKED", "is locked by another program; nothing was written"),
    ("SQLITE_NOTADB", "is not a SQLite database"),
    ("SQLITE_CORRUPT", "is damaged; restore it from a backup"),
    ("SQLITE_IOERR", "the disk failed or is full; nothing was written"),
)
# PostgreSQL's SQLSTATE codes, by their beginning.
_POSTGRES_WORDS: tuple[tuple[str, str], ...] = (
    ("53100", "the server's disk is full; nothing was written"),
    ("53300", "the server has no connection left"),
    ("25006", "is read-only"),
    ("3D000", "the server has no database of that name"),
    ("28", "the server refused the user name or password"),
    ("42501", "the user may not do that there"),
    ("55P03", "is locked by another program; nothing was written"),
    ("57P", "the server is shutting down or starting"),
    ("58", "the server's disk failed"),
    ("XX", "is damaged; restore it from a backup"),
    ("08", "the connection to the server was lost"),
)


class WrittenByAnother(Exception):
    """A row that may exist once was written by another process in the meantime."""


class MissingDatabaseError(RunError):
    """The file is not there, or the folder it should be in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A nightly database; used with `with`, which closes its connections at the end.

    Attributes
    ----------
    engine : Engine
        Of SQLAlchemy.
    label : str
        What messages call it: the file's path, or the URL without its password.
    file : Path or None
        Of SQLite.
    """

    engine: Engine
    label: str
    file: Path | None

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *failure: object) -> None:
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the database; changes nothing."""
        with self.translated(), self.engine.connect() as connection:
            if self.file is None:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of what is done with the connection is committed, or nothing."""
        with self.translated(), self.engine.execution_options(**{_WRITES: True}).begin() as connection:
            yield connection

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what the database complains about into one clear line.

        Raises
        ------
        RunError
            With the database's name and what is wrong with it.
        WrittenByAnother
            A row that may exist once is there already.
        """
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if isinstance(error, IntegrityError) and _is_duplicate(cause):
                raise WrittenByAnother(str(cause)) from error
            raise RunError(self.label, _words(cause)) from error


def open_database(address: str, *, create: bool) -> Database:
    """Prepare a database for use; it is first touched by the first transaction.

    Parameters
    ----------
    address : str
        Path of a SQLite file, or a URL: ``sqlite:///file.db``, ``postgresql://user:password@host/name``.
    create : bool
        Whether a missing SQLite file may be made.

    Raises
    ------
    FieldError
        It is neither.
    MissingDatabaseError
        The file or its folder.
    RunError
        The driver is missing, or the file is none.
    """
    if "://" not in address:
        return _open_sqlite(Path(address), create=create)
    try:
        url = sqlalchemy.make_url(address)
    except (ArgumentError, ValueError):  # the latter of a port that is no number; what may be a password is not shown
        raise FieldError("database", "a path or a URL", f"{address.partition('://')[0]}://...") from None
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite":
        return _open_sqlite(Path(url.database or ""), create=create)
    if kind in ("postgresql", "postgres"):
        return _open_postgres(url.set(drivername="postgresql+psycopg"))
    raise FieldError("database", "a SQLite file or a postgresql:// URL", url.render_as_string())


def _open_sqlite(file: Path, *, create: bool) -> Database:
    if str(file) in ("", ".", ":memory:"):
        raise FieldError("database", "a file that outlives the night", str(file))
    if not file.parent.is_dir():
        raise MissingDatabaseError(str(file), f"its folder {file.parent} is missing")
    if file.is_dir():
        raise RunError(str(file), "is a folder, not a database")
    if file.exists() and file.stat().st_size > 0 and _first_bytes(file) != _SQLITE_HEADER:
        raise RunError(str(file), "is not a SQLite database")  # SQLite would take a very short file for an empty one
    if not create and not file.exists():
        raise MissingDatabaseError(str(file), "is missing; it is made by the first night")
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise RunError(str(file), f"needs SQLite 3.37 or newer, this Python has {sqlite3.sqlite_version}")
    # mode=rw also for readers: the journal of a killed writer must be rolled back before anything may be read.
    address = f"{file.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            for pragma in ("foreign_keys=ON", "journal_mode=DELETE", "synchronous=EXTRA", "fullfsync=ON"):
                connection.execute(f"PRAGMA {pragma}").close()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    engine = sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The driver would begin late and deferred: two writers could both read first and fail in the middle.
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return Database(engine=engine, label=str(file), file=file)


def _open_postgres(url: URL) -> Database:
    label = url.render_as_string(hide_password=True)
    if not url.database:
        raise FieldError("database", "a URL that ends in the name of a database", label)
    try:
        engine = sqlalchemy.create_engine(url, pool_size=2, pool_pre_ping=True, connect_args={"connect_timeout": 10})
    except ImportError as error:
        raise RunError(label, 'needs the PostgreSQL driver: pip install "omsim[postgres]"') from error

    @event.listens_for(engine, "connect")
    def patience(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        connection.commit()

    return Database(engine=engine, label=label, file=None)


def _first_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(len(_SQLITE_HEADER))
    except OSError as error:
        raise RunError(str(file), f"cannot be read ({error.strerror})") from error


def _is_duplicate(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.Error):
        return cause.sqlite_errorname in ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
    return getattr(cause, "sqlstate", None) == "23505"


def _words(cause: BaseException | None) -> str:
    said = " ".join(str(cause).split())
    if isinstance(cause, sqlite3.Error):
        table, code = _SQLITE_WORDS, getattr(cause, "sqlite_errorname", "")
    else:
        table, code = _POSTGRES_WORDS, getattr(cause, "sqlstate", None) or ""
        if not code and type(cause).__name__ == "OperationalError":
            return f"the server cannot be reached ({said})"
    for beginning, words in table:
        if code.startswith(beginning):
            return f"{words} ({said})"
    return said or type(cause).__name__
