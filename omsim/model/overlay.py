"""A scenario laid over a business: operations on rows, windows and events, and the result checked again.

Owns which item does what, and changes of cells; whole rows come and go in `overlay_rows`. The items apply in the order
in which they are written; once a field has a windowed change, later changes of that field join the windows (over all
days), so that order keeps its meaning.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.errors import InvalidInputError, Problem
from omsim.model import checks
from omsim.model.building import parse_setting
from omsim.model.business import Business, Column, Table, Window, changed
from omsim.model.fields import SETTINGS, TABLES, Field
from omsim.model.fields import table as spec_of
from omsim.model.nearest import nearest_name
from omsim.model.overlay_rows import copy_rows, drop_rows, insert_row
from omsim.model.overlay_state import Refused, RowNumbers, State, field_of, matching_rows
from omsim.model.parsing import CellError, number_rule, parse_typed, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from omsim.model.scenario import Change, Scenario

NUMERIC = ("integer", "number", "share")


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
    state = State(
        scenario=scenario, settings=business.settings, tables=dict(business.tables), windows=list(business.windows)
    )
    state.window_places = [""] * len(state.windows)
    problems: list[Problem] = []
    items: list[tuple[tuple[str | int, ...], Callable[[], None]]] = []
    for i, change in enumerate(scenario.changes):
        items.append((("change", i), lambda change=change, i=i: _apply(state, change, i)))  # type: ignore[misc]
    for i, event in enumerate(scenario.events):
        items.append((("event", i), lambda event=event, i=i: insert_row(state, "events", event, ("event", i))))  # type: ignore[misc]
    for at, apply in items:
        try:
            apply()
        except Refused as refused:
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


def _apply(state: State, change: Change, i: int) -> None:
    names = ["settings", *(spec.name for spec in TABLES)]
    if change.table not in names:
        raise Refused(("table",), "must be a table", shown(change.table), nearest_name(change.table, names))
    place = state.scenario.place("change", i)
    if change.table == "settings":
        _change_setting(state, change)
    elif change.operation == "insert":
        insert_row(state, change.table, change.row or {}, ("change", i), within=("row",))
    elif change.operation == "drop":
        drop_rows(state, matching_rows(state.tables[change.table], change), change.table, place)
    elif change.operation == "copy":
        copy_rows(state, change, matching_rows(state.tables[change.table], change), i)
    else:
        _change_cells(state, change, matching_rows(state.tables[change.table], change), place)
    state.touched[change.table] = place


def _change_setting(state: State, change: Change) -> None:
    known = {spec.name: spec for spec in SETTINGS.fields}
    if change.operation in ("insert", "drop", "copy"):
        raise Refused(("operation",), "must be set, add or scale for settings", shown(change.operation))
    if change.where:
        raise Refused(("where",), "has no meaning for settings")
    if change.first_day or change.last_day:
        raise Refused(("from",) if change.first_day else ("to",), "has no meaning for settings")
    name = change.column or ""
    if name not in known:
        nearest = next((full for full in known if full.partition(".")[2] == name), "") or nearest_name(name, known)
        raise Refused(("column",), "must be a key of model.toml, with its section", shown(name), nearest)
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
        raise Refused(("value",), error.rule, error.got, error.nearest) from error
    state.settings = replace(state.settings, **{key: value})  # type: ignore[arg-type]


def _check_numeric(spec: Field, change: Change) -> None:
    if spec.kind not in NUMERIC:
        raise Refused(
            ("operation",), f"must be set for {spec.name} (its values are no numbers)", shown(change.operation)
        )
    value = change.value
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e15:
        raise Refused(("value",), f"must be a finite number to {change.operation}", shown(value))


def _change_cells(state: State, change: Change, rows: RowNumbers, place: str) -> None:
    table = state.tables[change.table]
    spec = field_of(table.name, change.column or "", ("column",))
    cells = table[spec.name]
    windowed = bool(change.first_day or change.last_day)
    if windowed and not spec.windowed:
        key = ("from",) if change.first_day else ("to",)
        allowed = ", ".join(f"{known.name}.{one.name}" for known in TABLES for one in known.fields if one.windowed)
        raise Refused(key, f"{table.name}.{spec.name} cannot change within a run; these can: {allowed}")
    if change.operation == "set":
        try:
            value = parse_typed(spec, change.value)
        except CellError as error:
            raise Refused(("value",), error.rule, error.got, error.nearest) from error
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
            raise Refused(("column",), f"is empty in every row matched, nothing to {change.operation}")
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
        raise Refused(("value",), f"{what}; it {number_rule(spec)}")


def _put(state: State, table: Table, spec: Field, cells: Column) -> None:
    state.tables[table.name] = replace(table, columns={**table.columns, spec.name: cells})


def _add_window(state: State, change: Change, spec: Field, rows: RowNumbers, value: float, place: str) -> None:
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
    except Refused:
        state.windows.pop()
        state.window_places.pop()
        raise


def _check_result(state: State) -> list[Problem]:
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


def _check_windows(state: State) -> list[Problem]:
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
