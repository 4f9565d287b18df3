"""From the inputs of a night to what it knows: the model, today's stock, what is on its way, what was asked for.

Owns the step from tables to arrays by cell (one SKU at one site). Files are read by `input_tables`, databases by
`input_database`, what the inputs must keep to stands in `input_rules`, the demand of a day is spread over the cells by
`input_history`; whether sound inputs may be trusted tonight is for `gates` to judge.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import InvalidInputError, Problem
from omsim.model.business import Table
from omsim.model.loading import load
from omsim.nightly.input_database import is_database, read_input_database
from omsim.nightly.input_history import (
    NO_HISTORY_NOTE,
    Asked,
    history_by_cell,
    learnt_by_simulation,
    orders_by_day,
    past_orders,
)
from omsim.nightly.input_rules import (
    Found,
    are,
    check_inputs,
    counted,
    own_inputs,
    parse_inputs,
    scope_problems,
    some,
)
from omsim.nightly.input_tables import read_input_files
from omsim.nightly.snapshot import LastNight, Snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from omsim.model.building import RawTable
    from omsim.model.business import Business

    Units = NDArray[np.int64]

MISSING_SHARE = 0.01  # of the cells that may be absent from the count; a shelf nobody counts is often empty


def read_snapshot(
    model: str | Path | Business,
    *,
    inputs: str | Path | None,
    as_of: date,
    last: LastNight | None = None,
    suppliers: Collection[str] = (),
    sites: Collection[str] = (),
    missing_share: float = MISSING_SHARE,
    seed: int = 1,
) -> Snapshot:
    """Read and check everything a night needs.

    Parameters
    ----------
    model : path or Business
        Model folder, or a scenario on one; or what was read of it.
    inputs : path, database URL or None
        Holds the tables of `INPUT_TABLES`. None: the model's own `stock`, `purchase_orders` and `history`, which speak
        of the evening before its start date.
    as_of : date
        The evening planned from.
    last : LastNight or None
        Its unconfirmed proposals count as on order until the open orders name them or their due date has passed.
    suppliers, sites : collection of str
        Only these are planned; empty = all.
    missing_share : float
        Largest share of the model's cells that may be absent from the count; they are taken as empty.
    seed : int
        Of the simulation demand is learnt from where there is no history.

    Returns
    -------
    Snapshot

    Raises
    ------
    InvalidInputError
        With every problem of the model, or of the inputs.
    """
    business = load(Path(model)) if isinstance(model, str | Path) else model
    last = last or LastNight()
    problems = scope_problems(business, suppliers, sites)
    if problems:
        raise InvalidInputError(tuple(problems))
    if inputs is None:
        found, source = (
            own_inputs(business, as_of),
            f"the model's own tables ({business.folder or business.settings.name})",
        )
    else:
        raw, source = _read(inputs, as_of)
        found = parse_inputs(business, raw)
        check_inputs(business, found, as_of, missing_share)
    if found.problems:
        raise InvalidInputError(tuple(found.problems))
    stock, orders = found.tables["stock_on_hand"], found.tables["open_orders"]
    on_hand, backordered, counted_on = _count(business, stock, found.notes)
    kept, on_order = _on_order(business, orders, last, as_of, found.notes)
    asked = _demand(business, found, as_of, seed)
    _note_orphans(business, asked, found.notes)
    planned = _narrowed(business, suppliers, sites)
    return Snapshot(
        business=_tonight(planned, on_hand, kept, as_of),
        as_of=as_of,
        on_hand_units=on_hand,
        on_order_units=on_order,
        backordered_units=backordered,
        history_units=asked.units,
        sold_out=asked.sold_out,
        first_day=asked.first_day,
        counted_on=counted_on or as_of,
        history_to=asked.last_day,
        source=source,
        digest=_digest(planned, as_of, on_hand, on_order, backordered, asked),
        notes=tuple(found.notes),
        confirmed=tuple(sorted({name for name in orders.texts("proposal") if name})),
    )


def _read(inputs: str | Path, as_of: date) -> tuple[dict[str, RawTable], str]:
    if isinstance(inputs, str) and is_database(inputs):
        return read_input_database(inputs, as_of)
    return read_input_files(Path(inputs)), str(inputs)


def _cell_rows(business: Business, sites: Sequence[str], skus: Sequence[str]) -> Units:
    """Row of `stock` of each pair; -1 where the model does not carry it."""
    stock = business["stock"]
    rows = {pair: row for row, pair in enumerate(zip(stock.texts("site"), stock.texts("sku"), strict=True))}
    return np.fromiter((rows.get(pair, -1) for pair in zip(sites, skus, strict=True)), dtype=np.int64, count=len(sites))


def _count(business: Business, stock: Table, notes: list[str]) -> tuple[Units, Units, date | None]:
    """On hand and backordered by cell at each one's newest count, and the newest day counted."""
    n_cells = len(business["stock"])
    on_hand, backordered = np.zeros(n_cells, dtype=np.int64), np.zeros(n_cells, dtype=np.int64)
    cell = _cell_rows(business, stock.texts("site"), stock.texts("sku"))
    strange = np.flatnonzero(cell < 0).tolist()
    if strange:
        names = some([f"{stock.texts('sku')[row]} at {stock.texts('site')[row]}" for row in strange])
        notes.append(f"stock at sites where the model does not carry the SKU, left out: {names}")
    day = stock.integers("counted_on")
    order = np.argsort(day, kind="stable")  # a later count overwrites an earlier one
    order = order[cell[order] >= 0]
    on_hand[cell[order]] = stock.integers("on_hand_units")[order]
    backordered[cell[order]] = stock.integers("backordered_units")[order]
    if not len(order):
        return on_hand, backordered, None
    newest = np.zeros(n_cells, dtype=np.int64)
    newest[cell[order]] = day[order]
    last = int(day[order[-1]])
    older = int(((newest > 0) & (newest < last)).sum())
    if older:
        oldest = date.fromordinal(int(newest[newest > 0].min()))
        notes.append(
            f"{counted(older, 'SKU')} at a site counted before {date.fromordinal(last)}, the oldest on {oldest}"
        )
    return on_hand, backordered, date.fromordinal(last)


def _on_order(
    business: Business, orders: Table, last: LastNight, as_of: date, notes: list[str]
) -> tuple[dict[str, Sequence[str] | Units], Units]:
    """The model's `purchase_orders` of tonight, and units on order by cell."""
    n_cells = len(business["stock"])
    on_order = np.zeros(n_cells, dtype=np.int64)
    names = list(orders.texts("purchase_order"))
    sites, skus, suppliers = (list(orders.texts(column)) for column in ("site", "sku", "supplier"))
    units, due = orders.integers("units").tolist(), orders.integers("due_date").tolist()
    tomorrow = as_of.toordinal() + 1
    late = [row for row, day in enumerate(due) if day < tomorrow]
    if late:
        shown = some([f"{names[row]} (due {date.fromordinal(due[row])})" for row in late])
        notes.append(f"{counted(len(late), 'open order line')} overdue, expected tomorrow: {shown}")
    taken = set(orders.texts("proposal"))
    passed = 0
    supplier_of = dict(
        zip(
            zip(business["stock"].texts("site"), business["stock"].texts("sku"), strict=True),
            business["stock"].texts("supplier"),
            strict=True,
        )
    )
    unconfirmed = 0
    for proposal, (site, sku, n_units, day) in sorted(last.unconfirmed.items()):
        if proposal in taken or (site, sku) not in supplier_of:
            continue
        if day.toordinal() < tomorrow:  # long here, or never sent: either way not on its way
            passed += 1
            continue
        unconfirmed += 1
        names.append(proposal)
        sites.append(site)
        skus.append(sku)
        suppliers.append(supplier_of[site, sku])
        units.append(n_units)
        due.append(day.toordinal())
    if unconfirmed:
        notes.append(
            f"{counted(unconfirmed, 'proposal')} of earlier nights not yet among the open orders, counted as on order"
        )
    if last.lapsed:
        n = len(last.lapsed)
        notes.append(f"{counted(n, 'proposal')} of long ago never came up among the open orders: taken as dropped")
    if passed:
        notes.append(
            f"{counted(passed, 'proposal')} of earlier nights never came up among the open orders and {are(passed)} "
            "past due: counted as received or dropped"
        )
    cell = _cell_rows(business, sites, skus)
    strange = np.flatnonzero(cell < 0).tolist()
    if strange:
        shown = some([f"{skus[row]} at {sites[row]}" for row in strange])
        notes.append(f"open orders to sites where the model does not carry the SKU, left out: {shown}")
    kept = np.flatnonzero(cell >= 0)
    np.add.at(on_order, cell[kept], np.array(units, dtype=np.int64)[kept])
    at = kept.tolist()
    return {
        "purchase_order": tuple(names[row] for row in at),
        "site": tuple(sites[row] for row in at),
        "sku": tuple(skus[row] for row in at),
        "supplier": tuple(suppliers[row] for row in at),
        "units": np.array([units[row] for row in at], dtype=np.int64),
        "due_date": np.maximum(np.array([due[row] for row in at], dtype=np.int64), tomorrow),
    }, on_order


def _demand(business: Business, found: Found, as_of: date, seed: int) -> Asked:
    table = found.tables["history"]
    if not len(table):
        table = business["history"]
        if len(table):
            found.notes.append("the inputs hold no history; the model's own is used")
    if len(table) and bool((table.integers("date") <= as_of.toordinal()).any()):
        return history_by_cell(business, table, as_of, found.notes)
    past = past_orders(business["orders"], as_of)
    if len(past):
        found.notes.append("no history of demand: the model's own past orders are used")
        return history_by_cell(business, orders_by_day(past), as_of, found.notes)
    if not len(business["demand"]):
        place = business["orders"].file or business.folder
        rule = f"must hold an order on or before {as_of}: there is no history and no table demand to learn from"
        raise InvalidInputError((Problem(where=place, rule=rule),))
    found.notes.append(NO_HISTORY_NOTE)
    return learnt_by_simulation(business, as_of, seed=seed)


def _note_orphans(business: Business, asked: Asked, notes: list[str]) -> None:
    """What sells and has nobody to buy it from."""
    stock = business["stock"]
    total = asked.units.sum(axis=1)
    bought = np.array([bool(name) for name in stock.texts("supplier")], dtype=np.bool_)
    orphans = np.flatnonzero((total > 0) & ~bought)
    if len(orphans):
        orphans = orphans[np.argsort(-total[orphans], kind="stable")]
        names = some([f"{stock.texts('sku')[row]} at {stock.texts('site')[row]}" for row in orphans.tolist()])
        n = len(orphans)
        notes.append(f"{counted(n, 'SKU')} that sell{'s' if n == 1 else ''} has no supplier, never reordered: {names}")


def _narrowed(business: Business, suppliers: Collection[str], sites: Collection[str]) -> Business:
    """The business in which only the cells of the scope have a supplier, hence a plan."""
    if not suppliers and not sites:
        return business
    stock = business["stock"]
    planned = [
        (not suppliers or supplier in suppliers) and (not sites or site in sites)
        for supplier, site in zip(stock.texts("supplier"), stock.texts("site"), strict=True)
    ]
    columns = {
        **stock.columns,
        "supplier": tuple(n if p else "" for n, p in zip(stock.texts("supplier"), planned, strict=True)),
        "policy": tuple(n if p else "none" for n, p in zip(stock.texts("policy"), planned, strict=True)),
    }
    narrowed = replace(stock, columns=columns)
    return replace(business, tables={**business.tables, "stock": narrowed})


def _tonight(business: Business, on_hand: Units, orders: Mapping[str, Sequence[str] | Units], as_of: date) -> Business:
    """The business of tomorrow morning; orders to be replayed after tonight are a future no night knows."""
    tables = dict(business.tables)
    tables["stock"] = replace(tables["stock"], columns={**tables["stock"].columns, "on_hand_units": on_hand})
    tables["purchase_orders"] = Table(name="purchase_orders", columns=dict(orders))  # type: ignore[arg-type]
    tables["orders"] = past_orders(tables["orders"], as_of)
    settings = replace(business.settings, start_date=as_of + timedelta(days=1))
    return replace(business, settings=settings, tables=tables, base=None)


def _digest(business: Business, as_of: date, on_hand: Units, on_order: Units, backordered: Units, asked: Asked) -> str:
    """SHA-256 of everything read."""
    sha = hashlib.sha256(f"{as_of}/{business.digest()}/{asked.first_day}/{asked.units.shape}".encode())
    flat = asked.units.ravel()
    days = np.flatnonzero(flat)
    for part in (on_hand, on_order, backordered, days, flat[days]):
        sha.update(part.astype("<i8").tobytes())
    sha.update(np.packbits(asked.sold_out).tobytes())
    return sha.hexdigest()
