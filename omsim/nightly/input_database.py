"""Input tables out of a database: the newest state a night may know, in one read transaction.

Owns the connection and what is asked of it; which columns there are is `input_tables`' knowledge, what their cells mean
the strict reader's. Nothing is ever written, and a database that is not there is not made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from omsim.errors import InvalidInputError, Problem
from omsim.model.building import RawTable
from omsim.model.nearest import nearest_name
from omsim.nightly.input_tables import INPUT_TABLES, MOST_ROWS, REQUIRED

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy import Connection, Engine, Select

    from omsim.model.field_types import TableSpec

DATED = {"stock_on_hand": "counted_on", "history": "date"}


def is_database(inputs: str) -> bool:
    """Whether the inputs are named by a database URL, and not by a folder.

    >>> is_database("postgresql://shop/wms"), is_database("inputs/today"), is_database("C:/inputs")
    (True, False, False)
    """
    return "://" in inputs


def without_password(url: str) -> str:
    """A database URL as it may be shown.

    >>> without_password("postgresql://planner:secret@db/wms")
    'postgresql://planner:***@db/wms'
    """
    import sqlalchemy as sa

    return sa.make_url(url).render_as_string(hide_password=True)


def read_input_database(url: str, as_of: date) -> tuple[dict[str, RawTable], str]:
    """Cells of the input tables of a database, rows dated after `as_of` left out; and its address without password.

    Raises
    ------
    InvalidInputError
        The database cannot be reached, or lacks a required table.
    """
    from sqlalchemy.exc import SQLAlchemyError

    engine, shown = _engine(url)
    try:
        with engine.connect() as connection:
            return _read_tables(connection, shown, as_of), shown
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0][:200]
        raise InvalidInputError((Problem(where=shown, rule=f"cannot be read: {reason}"),)) from error
    finally:
        engine.dispose()


def _engine(url: str) -> tuple[Engine, str]:
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        where = url.partition("://")[0] + "://..."  # the rest may hold a password
        raise InvalidInputError((Problem(where=where, rule="is no database URL (dialect://host/name)"),)) from error
    shown = parsed.render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite":
        file = Path(parsed.database or "")
        if not file.is_file():
            rule = "is a folder where a database belongs" if parsed.database and file.is_dir() else "is missing"
            raise InvalidInputError((Problem(where=shown, rule=f"{rule} (an SQLite database of inputs)"),))
        parsed = sa.make_url(f"sqlite:///{file.resolve().as_uri()}?mode=ro&uri=true")
    try:
        if parsed.get_backend_name() == "postgresql":
            if parsed.drivername == "postgresql":
                parsed = parsed.set(drivername="postgresql+psycopg")
            engine = sa.create_engine(parsed, isolation_level="REPEATABLE READ")
        else:
            engine = sa.create_engine(parsed)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        rule = f"needs a database driver that is not installed: {error}"
        raise InvalidInputError((Problem(where=shown, rule=rule),)) from error
    return engine, shown


def _read_tables(connection: Connection, shown: str, as_of: date) -> dict[str, RawTable]:
    import sqlalchemy as sa

    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET TRANSACTION READ ONLY"))
    elif connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")  # the driver itself begins none before a SELECT
    inspector = sa.inspect(connection)
    there = {*inspector.get_table_names(), *inspector.get_view_names()}
    problems = [
        Problem(where=shown, field=name, rule="is missing (a required table)", nearest=nearest_name(name, there))
        for name in REQUIRED
        if name not in there
    ]
    raw: dict[str, RawTable] = {}
    for name, spec in INPUT_TABLES.items():
        if name not in there:
            continue
        given = [column["name"] for column in inspector.get_columns(name)]
        if name in DATED and DATED[name] not in given:
            rule = "is missing (a required column)"
            problems.append(Problem(where=f"{shown} {name}", field=DATED[name], rule=rule))
            continue
        query = _query(spec, given, as_of)
        n_rows = connection.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0
        if n_rows > MOST_ROWS:
            rule = f"must have at most {MOST_ROWS:,} rows"
            problems.append(Problem(where=f"{shown} {name}", rule=rule, got=f"{n_rows:,}"))
            continue
        flags = {field.name for field in spec.fields if field.kind == "flag"}
        columns = _columns(connection, query, flags)
        raw[name] = RawTable(name=name, columns=columns, file=f"{shown} {name}")
    if problems:
        raise InvalidInputError(tuple(problems))
    return raw


def _query(spec: TableSpec, given: list[str], as_of: date) -> Select[Any]:
    """The known columns of a table, up to the night; other columns are the owner's own business."""
    import sqlalchemy as sa

    names = [field.name for field in spec.fields if field.name in given]
    table = sa.table(spec.name, *(sa.column(name) for name in names))
    query = sa.select(*table.columns)
    if spec.name not in DATED:
        return query
    day = table.columns[DATED[spec.name]]
    # As text too, for SQLite keeps dates so; ISO dates order alike either way. Rows without a date are for the reader
    # to refuse.
    limit = sa.literal(as_of.isoformat(), sa.Text())
    query = query.where(sa.or_(day.is_(None), sa.func.substr(sa.cast(day, sa.Text()), 1, 10) <= limit))
    if spec.name == "stock_on_hand" and {"site", "sku"} <= set(names):
        # Only the newest count of each SKU at each site: the table may keep every evening there was.
        newest = sa.func.max(day).over(partition_by=(table.columns["site"], table.columns["sku"]))
        inner = query.add_columns(newest.label("newest_count")).subquery()
        kept = [inner.columns[name] for name in names]
        query = sa.select(*kept).where(
            sa.or_(
                inner.columns[DATED[spec.name]].is_(None), inner.columns[DATED[spec.name]] == inner.columns.newest_count
            )
        )
    order = [column for column in query.selected_columns if column.name in spec.key]
    return query.order_by(*order) if order else query


def _columns(connection: Connection, query: Select[Any], flags: set[str]) -> dict[str, Any]:
    result = connection.execute(query, execution_options={"stream_results": True})
    names = list(result.keys())
    columns: dict[str, list[object]] = {name: [] for name in names}
    for part in result.partitions(50_000):
        for name, cells in zip(names, zip(*part, strict=True), strict=True):
            columns[name].extend(map(_flag if name in flags else _plain, cells))
    return columns


def _flag(cell: object) -> object:
    """SQLite keeps true and false as 1 and 0."""
    return bool(cell) if cell in (0, 1) else cell


def _plain(cell: object) -> object:
    """Whole numbers of a NUMERIC column as integers; all else as the driver gives it, for the reader to judge."""
    from decimal import Decimal

    if isinstance(cell, Decimal):
        return int(cell) if cell.is_finite() and cell == cell.to_integral_value() else float(cell)
    return cell
