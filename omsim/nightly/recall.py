"""Reading nights back: what the last one left behind, a run's tables, all that is known of a SKU.

Owns queries. What was written and when is `store`'s.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, select

from omsim.errors import RunError
from omsim.nightly.database import open_database
from omsim.nightly.migrations import require_current
from omsim.nightly.night import NIGHT_TABLES, RunKey
from omsim.nightly.outcome import GateResult
from omsim.nightly.schema import night_tables, proposals, runs
from omsim.nightly.snapshot import LastNight

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Row

    from omsim.nightly.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """One attempt at a night as the database has it.

    Attributes
    ----------
    run_id, attempt : int
        Its number in the database, and among the attempts of its key.
    key : RunKey
        Of the night.
    state : str
        ``done``, ``rejected`` or ``superseded``.
    status : str
        ``ok`` or ``degraded``.
    digest, source : str
        Of its inputs.
    gates : tuple of GateResult
        How it was judged.
    facts : dict
        As in `Night`.
    folder : str
        Of its export files, below the out folder.
    """

    run_id: int
    attempt: int
    key: RunKey
    state: str
    status: str
    digest: str
    source: str
    gates: tuple[GateResult, ...]
    facts: dict[str, Any]
    folder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All a finished night has to say about a SKU.

    Attributes
    ----------
    run : StoredRun
        The night.
    tables : dict of table to list of rows
        Rows about the SKU of ``policies``, ``forecasts``, ``proposals`` and ``refusals``, a dict each; proposals with
        their ``state``. Beside them the ``purchase_orders`` of the proposals.
    """

    run: StoredRun
    tables: dict[str, list[dict[str, Any]]]


def find_attempts(database: Database, key: RunKey) -> list[StoredRun]:
    """Every attempt at a night, oldest first."""
    with database.reading() as connection:
        found = connection.execute(
            select(runs)
            .where(runs.c.as_of == key.as_of, runs.c.model == key.model, runs.c.scope == key.scope)
            .order_by(runs.c.attempt)
        )
        return [_stored(row) for row in found]


def read_last_night(database: Database, key: RunKey, *, lapse_days: int) -> LastNight:
    """What earlier nights left for this one.

    Levels, units and value are of the newest finished night of the same model and scope before it. Proposals are of
    every finished night of the model up to its date, whatever the scope, except those this night would supersede.

    Parameters
    ----------
    database : Database
        Of the newest schema.
    key : RunKey
        Of the night about to be planned.
    lapse_days : int
        Proposals older than this and still unconfirmed no longer count as on order.
    """
    with database.reading() as connection:
        unconfirmed: dict[str, tuple[str, str, int, date]] = {}
        lapsed: dict[str, tuple[str, str, int, date]] = {}
        of_key = and_(runs.c.as_of == key.as_of, runs.c.scope == key.scope)
        columns = (proposals.c.proposal, proposals.c.site, proposals.c.sku, proposals.c.units, proposals.c.due_date)
        opened = connection.execute(
            select(*columns, runs.c.as_of)
            .join(runs, runs.c.run_id == proposals.c.run_id)
            .where(
                proposals.c.state == "open",
                runs.c.state == "done",
                runs.c.model == key.model,
                runs.c.as_of <= key.as_of,
                ~of_key,
            )
            .order_by(runs.c.as_of, runs.c.run_id, proposals.c.ordinal)
        )
        oldest = key.as_of - timedelta(days=lapse_days)
        for name, *proposed, as_of in opened:
            (unconfirmed if as_of >= oldest else lapsed)[name] = tuple(proposed)
        newest = connection.execute(
            _done(key.model, key.scope).where(runs.c.as_of < key.as_of).order_by(runs.c.as_of.desc()).limit(1)
        ).first()
        if newest is None:
            return LastNight(unconfirmed=unconfirmed, lapsed=lapsed)
        policies = night_tables["policies"]
        levels = {
            (site, sku): (reorder_point, order_up_to)
            for site, sku, reorder_point, order_up_to in connection.execute(
                select(
                    policies.c.site, policies.c.sku, policies.c.reorder_point_units, policies.c.order_up_to_units
                ).where(policies.c.run_id == newest.run_id)
            )
        }
        units: dict[tuple[str, str], int] = {}
        value_cents = 0
        for site, sku, proposed_units, proposed_cents in connection.execute(
            select(proposals.c.site, proposals.c.sku, proposals.c.units, proposals.c.value_cents).where(
                proposals.c.run_id == newest.run_id
            )
        ):
            units[site, sku] = units.get((site, sku), 0) + proposed_units
            value_cents += proposed_cents
        return LastNight(
            as_of=newest.as_of,
            levels=levels,
            units=units,
            value_cents=value_cents,
            unconfirmed=unconfirmed,
            n_cells=len(levels),
            lapsed=lapsed,
        )


def read_run(database: Database, run_id: int) -> StoredRun:
    """One attempt.

    Raises
    ------
    RunError
        There is none of that number.
    """
    with database.reading() as connection:
        row = connection.execute(select(runs).where(runs.c.run_id == run_id)).first()
    if row is None:
        raise RunError(database.label, f"holds no run {run_id}")
    return _stored(row)


def read_newest(database: Database, model: str, scope: str) -> StoredRun | None:
    """The newest finished night of a model and scope, or None."""
    with database.reading() as connection:
        row = connection.execute(_done(model, scope).order_by(runs.c.as_of.desc()).limit(1)).first()
    return None if row is None else _stored(row)


def read_table(database: Database, run_id: int, name: str) -> dict[str, list[Any]]:
    """Columns of one table of a run, rows in the night's own order."""
    table = night_tables[name]
    with database.reading() as connection:
        found = connection.execute(
            select(*(table.c[column] for column in NIGHT_TABLES[name]))
            .where(table.c.run_id == run_id)
            .order_by(table.c.ordinal)
        ).all()
    columns = zip(*found, strict=True) if found else ((),) * len(NIGHT_TABLES[name])
    return {column: list(values) for column, values in zip(NIGHT_TABLES[name], columns, strict=True)}


def explain_sku(
    database: str, sku: str, *, site: str = "", model: str = "", scope: str = "", as_of: date | None = None
) -> Explanation:
    """What the newest finished night says about a SKU.

    Parameters
    ----------
    database : str
        Path or URL; it is not changed.
    sku : str
        Asked about.
    site, model, scope : str
        Narrow the question when not empty.
    as_of : date or None
        The night asked for; None for the newest.

    Raises
    ------
    RunError
        There is no such night, or it does not know the SKU; or the database cannot be read.
    """
    with open_database(database, create=False) as opened:
        require_current(opened)
        with opened.reading() as connection:
            asked = _done(model, scope)
            if as_of is not None:
                asked = asked.where(runs.c.as_of == as_of)
            row = connection.execute(asked.order_by(runs.c.as_of.desc(), runs.c.run_id.desc()).limit(1)).first()
            if row is None:
                night = f"night of {as_of}" if as_of else "night"
                raise RunError(opened.label, f"holds no finished {night}{f' of model {model!r}' if model else ''}")
            run = _stored(row)
            tables = {
                name: _about(connection, name, run.run_id, sku, site)
                for name in ("policies", "forecasts", "proposals", "refusals")
            }
            orders = night_tables["purchase_orders"]
            names = sorted({proposal["purchase_order"] for proposal in tables["proposals"]})
            tables["purchase_orders"] = [
                dict(found)
                for found in connection.execute(
                    select(*(orders.c[column] for column in NIGHT_TABLES["purchase_orders"]))
                    .where(orders.c.run_id == run.run_id, orders.c.purchase_order.in_(names))
                    .order_by(orders.c.ordinal)
                ).mappings()
            ]
        if not any(tables.values()):
            where = f" at site {site!r}" if site else ""
            raise RunError(opened.label, f"the night of {run.key} knows no SKU {sku!r}{where}")
        return Explanation(run=run, tables=tables)


def _about(connection: Connection, name: str, run_id: int, sku: str, site: str) -> list[dict[str, Any]]:
    table = night_tables[name]
    columns = [table.c[column] for column in NIGHT_TABLES[name]]
    if name == "proposals":
        columns.append(table.c.state)
    asked = select(*columns).where(table.c.run_id == run_id, table.c.sku == sku).order_by(table.c.ordinal)
    if site:
        asked = asked.where(table.c.site == site)
    return [dict(found) for found in connection.execute(asked).mappings()]


def _done(model: str, scope: str) -> Select[Any]:
    asked = select(runs).where(runs.c.state == "done")
    if model:
        asked = asked.where(runs.c.model == model)
    return asked.where(runs.c.scope == scope) if scope else asked


def _stored(row: Row[Any]) -> StoredRun:
    return StoredRun(
        run_id=row.run_id,
        attempt=row.attempt,
        key=RunKey(as_of=row.as_of, model=row.model, scope=row.scope),
        state=row.state,
        status=row.status,
        digest=row.digest,
        source=row.source,
        gates=tuple(GateResult(**gate) for gate in json.loads(row.gates)),
        facts=json.loads(row.facts),
        folder=row.folder,
    )
