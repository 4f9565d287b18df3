"""A scenario laid over a business: five operations on rows, windows and events, and the result checked again.

Owns what each operation means. The items apply in the order in which they are written; once a field has a windowed
change, later changes of that field join the windows (over all days), so that order keeps its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.errors import InvalidInputError, Problem
from omsim.model import checks
from omsim.model.building import parse_setting
from omsim.model.business import Array, Business, Column, Settings, Table, Window, changed, take
from omsim.model.fields import SETTINGS, TABLES, Field, TableSpec
from omsim.model.fields import table as spec_of
from omsim.model.nearest import nearest_name
from omsim.model.parsing import CellError, number_rule, parse_cell, parse_typed, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omsim.model.scenario import Change, Scenario

NUMERIC = ("integer", "number", "share")
Rows = NDArray[np.int64]


class _Refused(Exception):
    """An item cannot be applied; the arguments are key, rule, value and nearest name."""

    def __init__(self, key: tuple[str | int, ...], rule: str, got: str = "", nearest: str = "") -> None:
        super().__init__(key, rule, got, nearest)
        self.key, self.rule, self.got, self.nearest = key, rule, got, nearest


@dataclass(slots=True, kw_only=True)
class _State:
    """The business while items are being laid over it."""

    scenario: Scenario
    settings: Settings
    tables: dict[str, Table]
    windows: list[Window]
    window_places: list[str] = field(default_factory=list)
    touched: dict[str, str] = field(default_factory=dict)  # table -> place of the last item that changed it
    dropped: dict[tuple[str, str, str], str] = field(default_factory=dict)  # (table, column, id) -> place

    def day_values(self, table: str, column: str) -> NDArray[np.float64]:
        """Values by day, as `Business.by_day` would give them now."""
        business = Business(settings=self.settings, tables=self.tables, windows=tuple(self.windows))
        return business.by_day(table, column)


def apply_scenario(scenario: Scenario, business: Business) -> Business:
    """Lay a scenario over a business.

    Parameters
    ----------
    scenario : Scenario
    business : Business
        Not changed.

    Returns
    -------
    Business
        Checked like one read from files; its `base` is the business without any overlay.

    Raises
    ------
    InvalidInputError
        With every item that cannot be applied or, when all can, everything the result breaks.
    """
    state = _State(
        scenario=scenario, settings=business.settings, tables=dict(business.tables), windows=list(business.windows)
    )
    state.window_places = [""] * len(state.windows)
    problems: list[Problem] = []
    items: list[tuple[tuple[str | int, ...], Callable[[], None]]] = []
    for i, change in enumerate(scenario.changes):
        items.append((("change", i), lambda change=change, i=i: _apply(state, change, i)))  # type: ignore[misc]
    for i, event in enumerate(scenario.events):
        items.append((("event", i), lambda event=event, i=i: _insert(state, "events", event, ("event", i))))  # type: ignore[misc]
    for at, apply in items:
        try:
            apply()
        except _Refused as refused:
            key = (*at, *refused.key)
            name = ".".join(part for part in key if isinstance(part, str))
            problems.append(
                Problem(
                    where=scenario.place(*key),
                    field=name,
                    rule=refused.rule,
                    got=refused.got,
                    nearest=refused.nearest,
                )
            )
    problems = problems or _check_result(state)
    if problems:
        raise InvalidInputError(tuple(problems))
    return Business(
        settings=state.settings,
        tables=state.tables,
        windows=tuple(state.windows),
        base=business.base or business,
        defaults_used=business.defaults_used,
        folder=business.folder,
    )


def _apply(state: _State, change: Change, i: int) -> None:
    names = ["settings", *(spec.name for spec in TABLES)]
    if change.table not in names:
        raise _Refused(("table",), "must be a table", shown(change.table), nearest_name(change.table, names))
    place = state.scenario.place("change", i)
    if change.table == "settings":
        _change_setting(state, change)
    elif change.operation == "insert":
        _insert(state, change.table, change.row or {}, ("change", i), within=("row",))
    elif change.operation == "drop":
        _drop(state, change, _matching(state.tables[change.table], change), place)
    else:
        _change_cells(state, change, _matching(state.tables[change.table], change), place)
    state.touched[change.table] = place


def _change_setting(state: _State, change: Change) -> None:
    known = {spec.name: spec for spec in SETTINGS.fields}
    if change.operation in ("insert", "drop"):
        raise _Refused(("operation",), "must be set, add or scale for settings", shown(change.operation))
    if change.where:
        raise _Refused(("where",), "has no meaning for settings")
    if change.first_day or change.last_day:
        raise _Refused(("from",) if change.first_day else ("to",), "has no meaning for settings")
    name = change.column or ""
    if name not in known:
        nearest = next((full for full in known if full.partition(".")[2] == name), "") or nearest_name(name, known)
        raise _Refused(("column",), "must be a key of model.toml, with its section", shown(name), nearest)
    spec = known[name]
    key = name.partition(".")[2]
    try:
        if change.operation == "set":
            value = parse_setting(spec, change.value)
        else:
            _check_numeric(spec, change)
            old = np.array([float(getattr(state.settings, key))])
            after = changed(old, change.operation, float(change.value), whole=spec.kind == "integer").item()
            value = parse_setting(spec, int(after) if spec.kind == "integer" else after)
    except CellError as error:
        raise _Refused(("value",), error.rule, error.got, error.nearest) from error
    state.settings = replace(state.settings, **{key: value})  # type: ignore[arg-type]


def _check_numeric(spec: Field, change: Change) -> None:
    if spec.kind not in NUMERIC:
        raise _Refused(
            ("operation",), f"must be set for {spec.name} (its values are no numbers)", shown(change.operation)
        )
    value = change.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise _Refused(("value",), f"must be a finite number to {change.operation}", shown(value))


def _field(table: str, column: str, key: tuple[str | int, ...]) -> Field:
    spec = spec_of(table)
    for found in spec.fields:
        if found.name == column:
            return found
    nearest = nearest_name(column, (known.name for known in spec.fields))
    raise _Refused(key, f"must be a column of table {table}", shown(column), nearest)


def _matching(table: Table, change: Change) -> Rows:
    """Rows the selector means; refused where it, or one of its values, matches nothing."""
    mask = np.ones(len(table), dtype=np.bool_)
    for column, wanted in change.where.items():
        key = ("where", column)
        spec = _field(table.name, column, key)
        cells = table[column]
        values = wanted if isinstance(wanted, list) else [wanted]
        if not values:
            raise _Refused(key, "must not be an empty list")
        found = np.zeros(len(table), dtype=np.bool_)
        for value in values:
            try:
                parsed = parse_typed(spec, value)
            except CellError as error:
                raise _Refused(key, error.rule, error.got, error.nearest) from error
            if isinstance(cells, tuple):
                same = np.fromiter((cell == parsed for cell in cells), dtype=np.bool_, count=len(cells))
            else:
                same = np.isnan(cells) if parsed != parsed else cells == parsed
            if not same.any():
                nearest = nearest_name(str(parsed), set(cells)) if isinstance(cells, tuple) else ""
                rule = f"matches no row: no {column} of table {table.name} is"
                raise _Refused(key, rule + f" {shown(value)}", nearest=nearest)
            found |= same
        mask &= found
    if not mask.any():
        raise _Refused(("where",) if change.where else ("table",), f"matches no row of table {table.name}")
    return np.flatnonzero(mask).astype(np.int64)


def _change_cells(state: _State, change: Change, rows: Rows, place: str) -> None:
    table = state.tables[change.table]
    spec = _field(table.name, change.column or "", ("column",))
    cells = table[spec.name]
    windowed = bool(change.first_day or change.last_day)
    if windowed and not spec.windowed:
        key = ("from",) if change.first_day else ("to",)
        allowed = ", ".join(f"{known.name}.{one.name}" for known in TABLES for one in known.fields if one.windowed)
        raise _Refused(key, f"{table.name}.{spec.name} cannot change within a run; these can: {allowed}")
    if change.operation == "set":
        try:
            value = parse_typed(spec, change.value)
        except CellError as error:
            raise _Refused(("value",), error.rule, error.got, error.nearest) from error
    else:
        _check_numeric(spec, change)
        value = float(change.value)
    if isinstance(cells, tuple):
        chosen = set(rows.tolist())
        _put(state, table, spec, tuple(str(value) if row in chosen else cell for row, cell in enumerate(cells)))
        return
    if windowed or any((window.table, window.field) == (table.name, spec.name) for window in state.windows):
        _add_window(state, change, spec, rows, float(value), place)
        return
    after = cells.copy()
    if change.operation == "set":
        after[rows] = value
    else:
        old = np.asarray(cells[rows], dtype=np.float64)
        if np.isnan(old).all():
            raise _Refused(("column",), f"is empty in every row matched, nothing to {change.operation}")
        new = changed(old, change.operation, float(value), whole=spec.kind == "integer")
        _check_values(spec, change, new, lambda at: table.place(int(rows[at])))
        after[rows] = new
    _put(state, table, spec, after)


def _check_values(spec: Field, change: Change, values: NDArray[np.float64], place: Callable[[int], str]) -> None:
    out = (values < spec.low) | (values > spec.high) | np.isinf(values)
    if spec.above_low:
        out |= values == spec.low
    if out.any():
        at = int(np.flatnonzero(out)[0])
        what = f"makes {spec.name} {values[at]:g} at {place(at)} ({change.operation} {change.value})"
        raise _Refused(("value",), f"{what}; it {number_rule(spec)}")


def _put(state: _State, table: Table, spec: Field, cells: Column) -> None:
    state.tables[table.name] = replace(table, columns={**table.columns, spec.name: cells})


def _add_window(state: _State, change: Change, spec: Field, rows: Rows, value: float, place: str) -> None:
    if change.operation not in ("set", "add", "scale"):
        raise AssertionError(change.operation)
    window = Window(
        table=change.table,
        field=spec.name,
        rows=rows,
        operation=change.operation,
        value=value,
        first_day=(change.first_day or date.min).toordinal(),
        last_day=(change.last_day or date.max).toordinal(),
    )
    state.windows.append(window)
    state.window_places.append(place)
    table = state.tables[change.table]
    days = state.day_values(change.table, spec.name)
    try:
        _check_values(spec, change, days.max(axis=0), table.place)
        _check_values(spec, change, days.min(axis=0), table.place)
    except _Refused:
        state.windows.pop()
        state.window_places.pop()
        raise


def _drop(state: _State, change: Change, rows: Rows, place: str) -> None:
    table = state.tables[change.table]
    keep = np.setdiff1d(np.arange(len(table)), rows)
    new_row = np.full(len(table), -1, dtype=np.int64)
    new_row[keep] = np.arange(len(keep))
    columns = {name: take(cells, keep) for name, cells in table.columns.items()}
    lines = table.lines[keep] if len(table.lines) else table.lines
    state.tables[table.name] = replace(table, columns=columns, lines=lines)
    for spec in spec_of(table.name).fields:
        if spec.kind == "id":
            cells = table.texts(spec.name)
            state.dropped |= {(table.name, spec.name, cells[row]): place for row in rows.tolist()}
    for i, window in enumerate(state.windows):
        if window.table == table.name:
            left = new_row[window.rows]
            state.windows[i] = replace(window, rows=left[left >= 0])


def _insert(
    state: _State,
    name: str,
    row: Mapping[str, object],
    at: tuple[str | int, ...],
    within: tuple[str | int, ...] = (),
) -> None:
    spec: TableSpec = spec_of(name)
    table = state.tables[name]
    for column in row:
        _field(name, column, (*within, column))
    cells: dict[str, Column] = {}
    for one in spec.fields:
        try:
            value = parse_typed(one, row[one.name]) if one.name in row else parse_cell(one, None)
        except CellError as error:
            rule = error.rule if one.name in row else "is missing"
            raise _Refused((*within, one.name), rule, error.got, error.nearest) from error
        old = table[one.name]
        cells[one.name] = (*old, str(value)) if isinstance(old, tuple) else _appended(old, value)
    line, _ = state.scenario.places.get(at, (1, 1))
    lines = table.lines if len(table.lines) == len(table) else np.arange(1, len(table) + 1)
    state.tables[name] = replace(table, columns=cells, lines=np.append(lines, -line), overlay=str(state.scenario.path))
    state.touched[name] = state.scenario.place(*at)


def _appended(old: Array, value: object) -> Array:
    return np.concatenate([old, np.array([value], dtype=old.dtype)])


def _check_result(state: _State) -> list[Problem]:
    """What the whole overlay leaves broken, told at the item that last touched the table concerned."""
    tables = state.tables
    problems = _check_windows(state)
    dangling = checks.find_dangling(tables)
    lost: dict[tuple[str, str, str], list[str]] = {}
    for cell in dangling:
        if (cell.target, cell.column, cell.text) in state.dropped:
            users = lost.setdefault((cell.target, cell.column, cell.text), [])
            users.append(tables[cell.table].place(cell.row))
    for dropped, users in lost.items():
        more = f" and {len(users) - 1} more rows refer to" if len(users) > 1 else " refers to"
        rule = f"drops {dropped[1]} {dropped[2]!r}, which {users[0]}{more}"
        problems.append(Problem(where=state.dropped[dropped], field="change", rule=rule))
    rest = [cell for cell in dangling if (cell.target, cell.column, cell.text) not in lost]
    faults = checks.reference_problems(tables, rest)
    for name in state.touched.keys() & tables.keys():
        spec = spec_of(name)
        own = checks.check_keys(spec, tables[name])
        if not len(tables[name]) and not spec.optional:
            own.append(Problem(where=tables[name].file, rule="has no rows (a required table)"))
        if own:
            faults.setdefault(name, []).extend(own)
    broken = faults.keys() | {cell.table for cell in dangling}
    clean = {name: table for name, table in tables.items() if name not in broken}
    faults[""] = checks.check_between_tables(state.settings, clean, {"": "model.toml"})
    path = str(state.scenario.path)
    for name, found in faults.items():
        last = state.touched.get(name) or next(reversed(state.touched.values()), path)
        for fault in found:
            if fault.where.startswith(path):  # at a row this scenario inserted
                problems.append(fault)
                continue
            rule = " ".join(filter(None, ("leaves", f"{fault.where}:", fault.field, fault.rule)))
            problems.append(Problem(where=last, rule=rule, got=fault.got, nearest=fault.nearest))
    return problems


def _check_windows(state: _State) -> list[Problem]:
    first = state.settings.start_date.toordinal()
    last = first + state.settings.horizon_days - 1
    days = f"{state.settings.start_date} to {date.fromordinal(last)}"
    problems = [
        Problem(where=place, rule=f"has a window outside the simulated days ({days})")
        for window, place in zip(state.windows, state.window_places, strict=True)
        if place and (window.last_day < first or window.first_day > last)
    ]
    events = state.tables["events"]
    for row in np.flatnonzero(events.lines < 0).tolist() if len(events.lines) else []:
        start, end = int(events.integers("start")[row]), int(events.integers("end")[row])
        if end < first or start > last:
            rule = f"lies outside the simulated days ({days})"
            problems.append(
                Problem(where=events.place(row), field="event", rule=rule, got=str(date.fromordinal(start)))
            )
    return problems
