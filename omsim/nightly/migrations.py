"""Versions of the nightly database: making it new, bringing older ones forward, refusing newer ones.

Owns the steps from each version to the next; each is one transaction, so that a killed step never happened. Their SQL
is written out and never changed once released: it must not follow `schema`, which shows the newest version only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, inspect, select, text

from omsim.errors import RunError
from omsim.nightly.crashpoints import crashpoint
from omsim.nightly.schema import metadata, schema_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Connection

    from omsim.nightly.database import Database

VERSION = 2
"""Of the database this omsim reads and writes."""

_MIGRATION_LOCK = 4_715_982_301  # of PostgreSQL, where two could otherwise make the tables at the same time

STEPS: Mapping[int, tuple[str, ...]] = {
    # From version 1: what was refused and what needs a decision are kept; proposals know what became of them.
    1: (
        """CREATE TABLE refusals (
            run_id {integer} NOT NULL REFERENCES runs (run_id),
            ordinal {integer} NOT NULL,
            site TEXT NOT NULL,
            sku TEXT NOT NULL,
            supplier TEXT NOT NULL,
            wanted_units {integer} NOT NULL,
            given_units {integer} NOT NULL,
            rule TEXT NOT NULL,
            cost_cents {integer} NOT NULL,
            reason TEXT NOT NULL,
            PRIMARY KEY (run_id, ordinal),
            CONSTRAINT refusals_wanted_units_check CHECK (wanted_units >= 0),
            CONSTRAINT refusals_given_units_check CHECK (given_units >= 0)
        ){strict}""",
        """CREATE TABLE decisions (
            run_id {integer} NOT NULL REFERENCES runs (run_id),
            ordinal {integer} NOT NULL,
            subject TEXT NOT NULL,
            amount_cents {integer} NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (run_id, ordinal)
        ){strict}""",
        """ALTER TABLE proposals ADD COLUMN state TEXT NOT NULL DEFAULT 'open'
            CONSTRAINT proposals_state_check
            CHECK (state IN ('open', 'confirmed', 'withdrawn', 'lapsed', 'rejected'))""",
        "ALTER TABLE proposals ADD COLUMN settled_by {integer} REFERENCES runs (run_id)",
        """UPDATE proposals SET state = 'withdrawn'
            WHERE run_id IN (SELECT run_id FROM runs WHERE state = 'superseded')""",
        """UPDATE proposals SET state = 'rejected'
            WHERE run_id IN (SELECT run_id FROM runs WHERE state = 'rejected')""",
        "CREATE INDEX proposals_open ON proposals (run_id) WHERE state = 'open'",
    ),
}


def find_version(database: Database) -> int:
    """Version of a database, 0 when it is empty.

    Raises
    ------
    RunError
        It holds tables that are not omsim's.
    """
    with database.reading() as connection:
        return _version(connection, database.label)


def require_current(database: Database) -> None:
    """Refuse a database that cannot be read without being changed.

    Raises
    ------
    RunError
        It is empty, of another version, or not omsim's.
    """
    version = find_version(database)
    if version == 0:
        raise RunError(database.label, "holds no nights yet")
    _refuse_newer(version, database.label)
    if version < VERSION:
        raise RunError(
            database.label,
            f"is of schema version {version}; the next night brings it to {VERSION}, then ask again",
        )


def bring_up_to_date(database: Database) -> None:
    """Make the tables of an empty database, or bring an older one forward, one transaction a version.

    Raises
    ------
    RunError
        The database is of a newer version, not omsim's, or cannot be written.
    """
    version = -1
    while version < VERSION:
        with database.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            version = _version(connection, database.label)
            _refuse_newer(version, database.label)
            if version == VERSION:
                return
            if version == 0:
                metadata.create_all(connection, checkfirst=False)
                reached = VERSION
                crashpoint("schema_created")
            else:
                _step(connection, version)
                reached = version + 1
                crashpoint("schema_migrated")
            now = datetime.now(UTC).isoformat(timespec="seconds")
            connection.execute(insert(schema_version).values(version=reached, recorded_at=now))
        version = reached


def _step(connection: Connection, version: int) -> None:
    words = (
        {"integer": "INTEGER", "real": "REAL", "date": "TEXT", "strict": " STRICT"}
        if connection.dialect.name == "sqlite"
        else {"integer": "BIGINT", "real": "DOUBLE PRECISION", "date": "DATE", "strict": ""}
    )
    for statement in STEPS[version]:
        connection.execute(text(statement.format(**words)))


def _version(connection: Connection, label: str) -> int:
    tables = set(inspect(connection).get_table_names())
    if "schema_version" in tables:
        found = connection.execute(select(func.max(schema_version.c.version))).scalar_one()
        return int(found or 0)
    foreign = sorted(tables if connection.dialect.name == "sqlite" else tables & set(metadata.tables))
    if foreign:
        raise RunError(label, f"is not a database of omsim: it holds the table {foreign[0]!r} but no schema version")
    return 0


def _refuse_newer(version: int, label: str) -> None:
    if version > VERSION:
        raise RunError(label, f"is of schema version {version}, newer than this omsim ({VERSION}): update it")
