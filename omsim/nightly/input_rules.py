"""Whether the inputs of a night make sense, among themselves and beside the model.

Owns the rules and their sentences: names that lead somewhere, rows told once, dates a night can know, a count that
covers the model. Single cells are judged by the field table, what sound inputs mean is `inputs`' work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import Problem
from omsim.model import checks
from omsim.model.building import empty_table, parse_table
from omsim.model.business import Table
from omsim.model.nearest import nearest_name
from omsim.model.purchase_checks import check_history
from omsim.nightly.input_tables import INPUT_TABLES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from omsim.model.building import RawTable
    from omsim.model.business import Business
    from omsim.model.field_types import TableSpec

LONGEST_HISTORY_DAYS = 3_653  # a history that reaches back further has a wrong date in it
NAMED = 3  # examples in a note


@dataclass(slots=True)
class Found:
    """The tables of a night, parsed, and what was noticed on the way."""

    tables: dict[str, Table]
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def parse_inputs(business: Business, raw: Mapping[str, RawTable]) -> Found:
    """Cells to columns, keys and names checked; a table that is absent has no rows."""
    found = Found(tables={})
    for name, spec in INPUT_TABLES.items():
        if name not in raw:
            found.tables[name] = empty_table(spec)
            continue
        problems: list[Problem] = []
        table = parse_table(spec, raw[name], problems, [])
        found.tables[name] = table
        if not {problem.field for problem in problems} & {*spec.key, ""}:
            problems += _repeated(spec, table)
            problems += _unknown_names(business, spec, table)
        found.problems += problems
    if "history" in raw and not found.problems:
        found.problems += check_history(business.settings, found.tables, {})
    return found


def _repeated(spec: TableSpec, table: Table) -> list[Problem]:
    """Rows that repeat a key; the slow search that names both rows only where there are any."""
    code = np.zeros(len(table), dtype=np.int64)
    for name in spec.key:
        column = table[name]
        if isinstance(column, tuple):
            numbers = {text: number for number, text in enumerate(dict.fromkeys(column))}
            values = np.fromiter(map(numbers.__getitem__, column), dtype=np.int64, count=len(column))
        else:
            values = column.astype(np.int64)
            values = values - values.min(initial=0)
        code = code * (int(values.max(initial=0)) + 1) + values
    code.sort()
    return checks.check_keys(spec, table) if (code[1:] == code[:-1]).any() else []


def _unknown_names(business: Business, spec: TableSpec, table: Table) -> list[Problem]:
    problems = []
    for column in spec.fields:
        target, _, key = column.refers.partition(".")
        if not target:
            continue
        known = set(business[target].texts(key))
        texts = table.texts(column.name)
        unknown = set(texts) - known - {""}
        if not unknown:
            continue
        nearest = {text: nearest_name(text, known) for text in sorted(unknown)[: checks.MOST_NEAREST]}
        problems += [
            Problem(
                where=table.place(row),
                field=column.name,
                rule=f"must be a {key} of the model's table {target}",
                got=repr(text),
                nearest=nearest.get(text, ""),
            )
            for row, text in enumerate(texts)
            if text in unknown
        ]
    return problems


def check_inputs(business: Business, found: Found, as_of: date, missing_share: float) -> None:
    """Dates the night can know, and a count that covers the model."""
    stock, history = found.tables["stock_on_hand"], found.tables["history"]
    if len(history) == 0 and history.file:
        found.problems.append(Problem(where=history.file, rule="has no rows"))
    earliest = as_of.toordinal() - LONGEST_HISTORY_DAYS
    for table, column in ((stock, "counted_on"), (history, "date")):
        days = table.integers(column)
        for row in np.flatnonzero(days > as_of.toordinal()).tolist():
            rule = f"must not be after the night planned (as of {as_of})"
            found.problems.append(_dated(table, column, row, rule))
        for row in np.flatnonzero(days < earliest).tolist():
            rule = f"must be within ten years of the night (from {date.fromordinal(earliest)} on)"
            found.problems.append(_dated(table, column, row, rule))
    if found.problems:
        return
    suppliers = set(business["stock"].texts("supplier"))
    idle = sorted(set(found.tables["open_orders"].texts("supplier")) - suppliers)
    if idle:
        found.notes.append(f"open orders from {some(idle)}, of whom the model buys nothing any more")
    cells = business["stock"]
    told = set(zip(stock.texts("site"), stock.texts("sku"), strict=True))
    absent = [pair for pair in zip(cells.texts("site"), cells.texts("sku"), strict=True) if pair not in told]
    if not absent:
        return
    names = some([f"{sku} at {site}" for site, sku in absent])
    if len(absent) > missing_share * len(cells):
        rule = (
            f"must speak of every SKU at a site of the model but for {missing_share:.3g} of them; "
            f"{len(absent):,} of {len(cells):,} are absent: {names}"
        )
        found.problems.append(Problem(where=stock.file, rule=rule))
    else:
        found.notes.append(f"{counted(len(absent), 'SKU')} at a site absent from the count, taken as empty: {names}")


def _dated(table: Table, column: str, row: int, rule: str) -> Problem:
    got = str(date.fromordinal(int(table.integers(column)[row])))
    return Problem(where=table.place(row), field=column, rule=rule, got=got)


def own_inputs(business: Business, as_of: date) -> Found:
    """The model's own tables as if they had been handed in: stock of the evening before its start date."""
    stock, orders, history = (business[name] for name in ("stock", "purchase_orders", "history"))
    evening = business.settings.start_date - timedelta(days=1)
    tables = {
        "stock_on_hand": Table(
            name="stock_on_hand",
            columns={
                "counted_on": np.full(len(stock), evening.toordinal(), dtype=np.int64),
                "site": stock["site"],
                "sku": stock["sku"],
                "on_hand_units": stock["on_hand_units"],
                "backordered_units": np.zeros(len(stock), dtype=np.int64),
            },
            file=stock.file,
            lines=stock.lines,
        ),
        "open_orders": Table(
            name="open_orders",
            columns={**orders.columns, "proposal": ("",) * len(orders)},
            file=orders.file,
            lines=orders.lines,
        ),
        "history": history,
    }
    found = Found(tables=tables)
    if evening > as_of:
        rule = f"must not be after the day that follows the night planned (as of {as_of}): its stock is of {evening}"
        place = f"{business.folder}/model.toml" if business.folder else "model.toml"
        problem = Problem(where=place, field="model.start_date", rule=rule, got=str(business.settings.start_date))
        found.problems.append(problem)
    later = int((history.integers("date") > as_of.toordinal()).sum())
    if later:
        found.notes.append(f"{counted(later, 'row')} of history after {as_of} left out")
    return found


def scope_problems(business: Business, suppliers: Collection[str], sites: Collection[str]) -> list[Problem]:
    """Suppliers and sites asked for that the model does not have."""
    problems = []
    for option, given, known in (
        ("--supplier", suppliers, business["suppliers"].texts("supplier")),
        ("--site", sites, business["sites"].texts("site")),
    ):
        table = option.removeprefix("--") + "s"
        problems += [
            Problem(where=option, rule=f"must be in table {table}", got=repr(name), nearest=nearest_name(name, known))
            for name in given
            if name not in known
        ]
    return problems


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def counted(count: int, noun: str) -> str:
    """A number of things: "1 row", "2 rows"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def are(count: int) -> str:
    """The verb that fits a number."""
    return "is" if count == 1 else "are"
