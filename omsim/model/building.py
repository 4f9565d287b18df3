"""Columns of cells put together to a checked `Business`, every problem found on the way kept.

Owns the step from raw cells (of files, of templates, of history) to tables that obey the field table, and the checks of
one table: missing and unknown columns, lengths, keys. References and rules between tables are `checks`' work, files are
`files`'.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.errors import InvalidInputError, Problem
from omsim.model import checks
from omsim.model.business import Business, Column, Settings, Table
from omsim.model.fields import SETTINGS, TABLES, Field, TableSpec
from omsim.model.fields import table as spec_of
from omsim.model.nearest import nearest_name
from omsim.model.parsing import CellError, Cells, parse_cell, parse_column, parse_typed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """Cells of one table as they came in, not yet believed.

    Attributes
    ----------
    name, file : str
    columns : mapping of str to cells
        Equal lengths; text, typed values, or NumPy arrays.
    lines : int64, shape (n_rows,)
        Line of the file each row begins on; empty = row numbers are shown instead.
    """

    name: str
    columns: Mapping[str, Cells]
    file: str = ""
    lines: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


def build_business(
    settings: Mapping[str, object], tables: Mapping[str, Mapping[str, Cells]], *, folder: str = ""
) -> Business:
    """Build a checked business from values in memory, as if they had been read from files.

    Parameters
    ----------
    settings : mapping
        Dotted keys of `fields.SETTINGS` to values (``"model.start_date"``: date or text).
    tables : mapping of table name to mapping of column to cells
        Cells are texts, typed values, or NumPy arrays in the form `Table` holds. Missing columns take their default.
    folder : str
        Remembered only.

    Raises
    ------
    InvalidInputError
        With every problem found.
    """
    problems: list[Problem] = []
    raw = {}
    names = [spec.name for spec in TABLES]
    for name, columns in tables.items():
        if name not in names:
            problems.append(Problem(where=name, rule="is not a table", nearest=nearest_name(name, names)))
        else:
            raw[name] = RawTable(name=name, columns=columns, file=name)
    return assemble(dict(settings), raw, problems, folder=folder)


def assemble(
    settings: Mapping[str, object] | None,
    raw: Mapping[str, RawTable],
    problems: list[Problem],
    *,
    folder: str = "",
    settings_places: Mapping[str, str] | None = None,
    unread: frozenset[str] = frozenset(),
    partial: frozenset[str] = frozenset(),
) -> Business:
    """Parse and check everything, and raise all problems together with those found before.

    Parameters
    ----------
    settings : mapping of dotted key to value, or None
        None = they could not be read, which is among `problems`.
    raw : mapping of table name to RawTable
        Only the tables that are present.
    problems : list of Problem
        What the caller already found.
    settings_places : mapping of dotted key to ``file:line:column``
        For messages; "" is the file itself.
    unread : frozenset of str
        Tables whose file exists but could not be read: not reported again as missing.
    partial : frozenset of str
        Tables of which some rows could not be read: what refers to them cannot be judged.
    """
    places = settings_places or {"": "model.toml"}
    defaults: list[str] = []
    found: list[Problem] = []
    read_settings = None if settings is None else _parse_settings(settings, places, found, defaults)
    tables: dict[str, Table] = {}
    broken, unsure = set(unread | partial), set(unread | partial)
    for spec in TABLES:
        given = raw.get(spec.name)
        table_problems: list[Problem] = []
        if given is None:
            tables[spec.name] = empty_table(spec)
            if spec.name in unread:
                continue
            if spec.optional:
                defaults.append(f"{spec.name}: table absent, {spec.absent}")
            else:
                place = f"{folder}/{spec.name}.csv" if folder else spec.name
                table_problems.append(Problem(where=place, rule="is missing (a required table)"))
        else:
            tables[spec.name] = parse_table(spec, given, table_problems, defaults)
        wrong = {problem.field for problem in table_problems}
        if wrong & set(spec.key) or (table_problems and not len(tables[spec.name])):
            unsure.add(spec.name)
        else:
            table_problems += checks.check_keys(spec, tables[spec.name])
        if table_problems:
            broken.add(spec.name)
            found += table_problems
    dangling = checks.reference_problems(tables, checks.find_dangling(tables, unsure))
    found += [problem for table_problems in dangling.values() for problem in table_problems]
    broken.update(dangling)
    if read_settings is not None:
        clean = {name: table for name, table in tables.items() if name not in broken}
        found += checks.check_between_tables(read_settings, clean, places)
    problems = [*problems, *found]
    if problems or read_settings is None:
        raise InvalidInputError(tuple(problems))
    return Business(settings=read_settings, tables=tables, defaults_used=tuple(defaults), folder=folder)


def empty_table(spec: TableSpec, file: str = "") -> Table:
    """The table of `spec` without rows."""
    return Table(name=spec.name, columns={field.name: parse_column(field, ())[0] for field in spec.fields}, file=file)


def parse_table(spec: TableSpec, raw: RawTable, problems: list[Problem], defaults: list[str]) -> Table:
    """Parse one table's cells, appending its problems and the defaults it used; keys and references are not checked."""
    names = [field.name for field in spec.fields]
    file = raw.file or spec.name
    for name in raw.columns:
        if name not in names:
            problems.append(Problem(where=file, field=name, rule="is not a column", nearest=nearest_name(name, names)))
    lengths = {len(cells) for cells in raw.columns.values()}
    if len(lengths) > 1:
        problems.append(Problem(where=file, rule="columns have unequal lengths", got=str(sorted(lengths))))
        return empty_table(spec, file)
    n_rows = lengths.pop() if lengths else 0
    if not n_rows and not spec.optional:
        problems.append(Problem(where=file, rule="has no rows (a required table)"))
        return empty_table(spec, file)
    table = Table(name=spec.name, columns={}, file=file, lines=raw.lines)
    columns: dict[str, Column] = {}
    for field_ in spec.fields:
        cells = raw.columns.get(field_.name)
        if cells is None:
            if field_.default is None:
                problems.append(Problem(where=file, field=field_.name, rule="is missing (a required column)"))
                columns[field_.name] = parse_column(replace_default(field_), ("",) * n_rows)[0]
                continue
            defaults.append(f"{spec.name}.{field_.name}: column absent, {field_.default or 'empty'}")
            columns[field_.name] = parse_column(field_, ("",) * n_rows)[0]
            continue
        columns[field_.name], bad, n_defaults = parse_column(field_, cells)
        problems += [
            Problem(where=table.place(cell.row), field=field_.name, rule=cell.rule, got=cell.got, nearest=cell.nearest)
            for cell in bad
        ]
        if n_defaults:
            defaults.append(f"{spec.name}.{field_.name}: {n_defaults} of {n_rows} cells empty, {field_.default}")
    return replace(table, columns=columns)


def replace_default(field_: Field) -> Field:
    """The field with a legal default, to stand in for a required column that is missing."""
    text = {
        "id": "", "text": "", "choice": (field_.choices or ("",))[0], "flag": "false", "date": "2000-01-01",
        "time": "00:00", "weekdays": "Mon-Sun",
    }.get(field_.kind, f"{max(field_.low, 1):.0f}")  # fmt: skip
    return replace(field_, default=text)


def _parse_settings(
    given: Mapping[str, object], places: Mapping[str, str], problems: list[Problem], defaults: list[str]
) -> Settings | None:
    """The settings, or None where one is bad; problems and used defaults are appended."""
    known = {field.name: field for field in SETTINGS.fields}
    file = places.get("", "")
    for key in given:
        if key not in known:
            nearest = nearest_name(key, known)
            if not nearest:  # right key, wrong or missing section
                nearest = next((name for name in known if name.partition(".")[2] == key.rpartition(".")[2]), "")
            problems.append(Problem(where=places.get(key, file), field=key, rule="is not a key", nearest=nearest))
    values: dict[str, object] = {}
    before = len(problems)
    for name, field_ in known.items():
        value = given.get(name)
        if name not in given:
            if field_.default is None:
                problems.append(Problem(where=file, field=name, rule="is missing (a required key)"))
                continue
            if field_.default:
                defaults.append(f"{name}: absent, {field_.default}")
        try:
            values[name.partition(".")[2]] = parse_setting(field_, value)
        except CellError as error:
            problems.append(
                Problem(where=places.get(name, file), field=name, rule=error.rule, got=error.got, nearest=error.nearest)
            )
    if len(problems) > before:
        return None
    return Settings(**values)  # type: ignore[arg-type]


def parse_setting(field_: Field, value: object) -> object:
    """A setting's value as `Settings` holds it; CellError where it breaks the field's rule."""
    if field_.name == "model.assumptions":
        lines = value.splitlines() if isinstance(value, str) else [] if value is None else value
        if not isinstance(lines, list | tuple) or not all(isinstance(line, str) for line in lines):
            raise CellError("must be text, or a list of texts", shown(value))
        cleaned = [str(parse_cell(field_, part)) for line in lines for part in line.splitlines()]
        return tuple(line for line in cleaned if line)
    parsed = parse_typed(field_, value)
    return date.fromordinal(int(parsed)) if field_.kind == "date" else parsed


def replace_columns(business: Business, table: str, columns: Mapping[str, Cells]) -> Business:
    """A business in which some columns of one table are others, checked again as a whole.

    Parameters
    ----------
    business : Business
    table : str
    columns : mapping of column to cells
        One cell per row of the table; texts, typed values or arrays.

    Raises
    ------
    InvalidInputError
        The new values break a rule.
    """
    spec = spec_of(table)
    old = business[table]
    problems: list[Problem] = []
    raw = RawTable(name=table, columns={**old.columns, **columns}, file=old.file or table, lines=old.lines)
    new = replace(parse_table(spec, raw, problems, []), overlay=old.overlay)
    problems = problems or checks.check_keys(spec, new)
    if not problems:
        return checked(replace(business, tables={**business.tables, table: new}))
    raise InvalidInputError(tuple(problems))


def checked(business: Business) -> Business:
    """The business itself, once its references and the rules between its tables hold; InvalidInputError otherwise."""
    tables = business.tables
    dangling = checks.reference_problems(tables, checks.find_dangling(tables))
    problems = [problem for found in dangling.values() for problem in found]
    clean = {name: table for name, table in tables.items() if name not in dangling}
    place = f"{business.folder}/model.toml" if business.folder else "model.toml"
    problems += checks.check_between_tables(business.settings, clean, {"": place})
    if problems:
        raise InvalidInputError(tuple(problems))
    return business
