"""Rules a model must keep beyond single cells: unique keys, references that lead somewhere, and sense between tables.

Every check returns problems and raises nothing, so that all of them reach the planner together. What makes sense is
written in the five modules imported here; this module decides which of them can run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omsim.errors import Problem
from omsim.model import demand_checks, fulfilment_checks, parcel_checks, purchase_checks, sourcing_checks
from omsim.model.fields import TABLES, TableSpec
from omsim.model.nearest import nearest_name
from omsim.model.parsing import cell_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from omsim.model.business import Settings, Table

MOST_NEAREST = 40  # looking for near names is slow, and nobody reads more
CHECKS = (
    *demand_checks.CHECKS,
    *sourcing_checks.CHECKS,
    *fulfilment_checks.CHECKS,
    *parcel_checks.CHECKS,
    *purchase_checks.CHECKS,
)


def check_keys(spec: TableSpec, table: Table) -> list[Problem]:
    """Rows that repeat the key of an earlier one."""
    if not spec.key:
        return []
    columns = [table[name] for name in spec.key]
    plain = [column if isinstance(column, tuple) else column.tolist() for column in columns]
    keys = plain[0] if len(plain) == 1 else list(zip(*plain, strict=True))
    if len(set(keys)) == len(table):
        return []
    problems = []
    first: dict[object, int] = {}
    for row, key in enumerate(keys):
        if key in first:
            cells = [cell_text(spec.field(name), column[row]) for name, column in zip(spec.key, columns, strict=True)]
            shown = ", ".join(cells)
            rule = f"repeats the key of {table.place(first[key])}"
            problems.append(Problem(where=table.place(row), field=", ".join(spec.key), rule=rule, got=repr(shown)))
        first.setdefault(key, row)
    return problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Dangling:
    """A cell that refers to an id which is not there."""

    table: str
    row: int
    field: str
    target: str
    column: str
    text: str


def find_dangling(tables: Mapping[str, Table], unsure: Collection[str] = ()) -> list[Dangling]:
    """References that lead nowhere, in table and row order; targets not wholly read (`unsure`) are left out."""
    found = []
    for spec in TABLES:
        table = tables[spec.name]
        for field in spec.fields:
            target, _, column = field.refers.partition(".")
            if not target or not len(table) or target in unsure:
                continue
            texts = table.texts(field.name)
            missing = set(texts) - set(tables[target].texts(column)) - {""}
            if missing:
                found += [
                    Dangling(table=spec.name, row=row, field=field.name, target=target, column=column, text=text)
                    for row, text in enumerate(texts)
                    if text in missing
                ]
    return found


def reference_problems(tables: Mapping[str, Table], cells: Iterable[Dangling]) -> dict[str, list[Problem]]:
    """Dangling cells as problems by table, each with the nearest valid name."""
    problems: dict[str, list[Problem]] = {}
    nearest: dict[tuple[str, str], str] = {}
    for cell in cells:
        known = (cell.target, cell.text)
        if known not in nearest and len(nearest) < MOST_NEAREST:
            nearest[known] = nearest_name(cell.text, set(tables[cell.target].texts(cell.column)))
        problems.setdefault(cell.table, []).append(
            Problem(
                where=tables[cell.table].place(cell.row),
                field=cell.field,
                rule=f"must be a {cell.column} of table {cell.target}",
                got=repr(cell.text),
                nearest=nearest.get(known, ""),
            )
        )
    return problems


def check_between_tables(settings: Settings, tables: Mapping[str, Table], places: Mapping[str, str]) -> list[Problem]:
    """What settings and tables must agree on.

    Parameters
    ----------
    settings : Settings
    tables : mapping of str to Table
        Only those without problems of their own: a check that needs another waits until that is mended.
    places : mapping of dotted key to ``file:line:column``
        Of the settings; "" is the file.
    """
    problems: list[Problem] = []
    for needs, check in CHECKS:
        if all(name in tables for name in needs):
            problems += check(settings, tables, places)
    return problems
