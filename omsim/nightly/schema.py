"""The tables of the nightly database, the same in SQLite and PostgreSQL.

Owns columns, keys and checks of the newest version. How older files get there is `migrations`' work, opening them
`database`'s, what the rows mean `night`'s.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    REAL,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from omsim.nightly.night import NIGHT_TABLES

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

    from omsim.nightly.night import Kind


class IsoDate(TypeDecorator[date]):
    """A date: DATE in PostgreSQL, ISO 8601 text in SQLite, whose strict tables know no dates."""

    impl = Date
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Type of the column in this kind of database."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Date())

    def process_bind_param(self, value: date | None, dialect: Dialect) -> Any:
        """What is sent to the database."""
        return value.isoformat() if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> date | None:
        """What comes back of it."""
        return date.fromisoformat(value) if isinstance(value, str) else value


INTEGER: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")  # 64 bits in both
REAL_NUMBER: TypeEngine[float] = Double().with_variant(REAL(), "sqlite")
_TYPES: dict[Kind, Any] = {"text": Text(), "integer": INTEGER, "real": REAL_NUMBER, "date": IsoDate()}

# What the database itself refuses, whoever writes. Levels and money gained may be negative; what is counted may not.
_AT_LEAST: dict[str, dict[str, int]] = {
    "purchase_orders": dict.fromkeys(
        (
            "units",
            "value_cents",
            "weight_g",
            "volume_mm3",
            "trucks",
            "order_cost_cents",
            "freight_cents",
            "truck_cost_cents",
        ),
        0,
    )
    | {"lines": 1},
    "proposals": dict.fromkeys(
        ("unit_cost_cents", "value_cents", "on_hand_units", "on_order_units", "backordered_units"), 0
    )
    | {"units": 1},
    "policies": dict.fromkeys(("on_hand_units", "on_order_units", "backordered_units"), 0),
    "refusals": {"wanted_units": 0, "given_units": 0},
}
_ONE_OF: dict[str, dict[str, tuple[str, ...]]] = {
    "policies": {"change": ("kept", "new", "raised", "lowered", "refused")},
}

RUN_STATES = ("done", "rejected", "superseded")
PROPOSAL_STATES = ("open", "confirmed", "withdrawn", "lapsed", "rejected")
STATUSES = ("ok", "degraded")

metadata = MetaData()


def _one_of(table: str, column: str, values: tuple[str, ...]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{table}_{column}_check")


def _table(name: str, *parts: Any) -> Table:
    return Table(name, metadata, *parts, sqlite_strict=True)


schema_version = _table(
    "schema_version",
    Column("version", INTEGER, primary_key=True, autoincrement=False),
    Column("recorded_at", Text, nullable=False),
)

runs = _table(
    "runs",
    Column("run_id", INTEGER, primary_key=True, autoincrement=False),
    Column("as_of", IsoDate, nullable=False),
    Column("model", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("attempt", INTEGER, nullable=False),
    Column("state", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("gates", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("folder", Text, nullable=False),
    Column("recorded_at", Text, nullable=False),
    UniqueConstraint("as_of", "model", "scope", "attempt", name="runs_attempt_key"),
    CheckConstraint("attempt >= 1", name="runs_attempt_check"),
    _one_of("runs", "state", RUN_STATES),
    _one_of("runs", "status", STATUSES),
)
Index(
    "runs_done_once",
    runs.c.as_of,
    runs.c.model,
    runs.c.scope,
    unique=True,
    sqlite_where=text("state = 'done'"),
    postgresql_where=text("state = 'done'"),
)

outbox = _table(
    "outbox",
    Column("run_id", INTEGER, ForeignKey("runs.run_id"), primary_key=True, autoincrement=False),
    Column("ordinal", INTEGER, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("content", Text, nullable=False),  # of documents; tables are made from their rows
    Column("sent", INTEGER, nullable=False),
    Column("digest", Text, nullable=False),
    Column("n_bytes", INTEGER, nullable=False),
    UniqueConstraint("run_id", "name", name="outbox_name_key"),
    CheckConstraint("sent IN (0, 1)", name="outbox_sent_check"),
)


def _night_table(name: str) -> Table:
    columns: list[Any] = [
        Column("run_id", INTEGER, ForeignKey("runs.run_id"), primary_key=True, autoincrement=False),
        Column("ordinal", INTEGER, primary_key=True, autoincrement=False),
    ]
    checks: list[Any] = []
    for column, kind in NIGHT_TABLES[name].items():
        columns.append(Column(column, _TYPES[kind], nullable=False))
        if kind == "real":  # refuses infinities, and the NaN that PostgreSQL would take for the largest of all numbers
            checks.append(CheckConstraint(f"{column} BETWEEN -1e300 AND 1e300", name=f"{name}_{column}_check"))
    for column, least in _AT_LEAST.get(name, {}).items():
        checks.append(CheckConstraint(f"{column} >= {least}", name=f"{name}_{column}_check"))
    for column, values in _ONE_OF.get(name, {}).items():
        checks.append(_one_of(name, column, values))
    if name == "proposals":
        columns += [
            Column("state", Text, nullable=False, server_default="open"),
            Column("settled_by", INTEGER, ForeignKey("runs.run_id")),  # the run that found it no longer open
        ]
        checks += [UniqueConstraint("proposal", name="proposals_proposal_key"), _one_of(name, "state", PROPOSAL_STATES)]
    return _table(name, *columns, *checks)


night_tables: dict[str, Table] = {name: _night_table(name) for name in NIGHT_TABLES}
"""The tables of `NIGHT_TABLES`, each row with its run and its place in the night's own order."""

proposals = night_tables["proposals"]
Index(
    "proposals_open",
    proposals.c.run_id,
    sqlite_where=text("state = 'open'"),
    postgresql_where=text("state = 'open'"),
)
