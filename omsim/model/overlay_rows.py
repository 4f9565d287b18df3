"""Rows a scenario drops, inserts, or copies from others with some cells changed.

Owns the three operations on whole rows; changes within rows are `overlay`'s work.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from omsim.model.business import Column, take
from omsim.model.fields import TableSpec
from omsim.model.fields import table as spec_of
from omsim.model.overlay_state import Refused, RowNumbers, State, field_of
from omsim.model.parsing import CellError, parse_cell, parse_typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omsim.model.scenario import Change


def drop_rows(state: State, rows: RowNumbers, name: str, place: str) -> None:
    """Take rows out of a table; `place` is told where something else still refers to them."""
    table = state.tables[name]
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


def insert_row(
    state: State,
    name: str,
    row: Mapping[str, object],
    at: tuple[str | int, ...],
    within: tuple[str | int, ...] = (),
) -> None:
    """Append one row, its other cells at their defaults; `at` is the item, `within` the key its cells stand under."""
    spec: TableSpec = spec_of(name)
    table = state.tables[name]
    for column in row:
        field_of(name, column, (*within, column))
    cells: dict[str, Column] = {}
    for one in spec.fields:
        try:
            value = parse_typed(one, row[one.name]) if one.name in row else parse_cell(one, None)
        except CellError as error:
            rule = error.rule if one.name in row else "is missing"
            raise Refused((*within, one.name), rule, error.got, error.nearest) from error
        old = table[one.name]
        cells[one.name] = _appended(old, [value])
    line, _ = state.scenario.places.get(at, (1, 1))
    lines = table.lines if len(table.lines) == len(table) else np.arange(1, len(table) + 1)
    state.tables[name] = replace(table, columns=cells, lines=np.append(lines, -line), overlay=str(state.scenario.path))
    state.touched[name] = state.scenario.place(*at)


def copy_rows(state: State, change: Change, rows: RowNumbers, i: int) -> None:
    """Append the rows matched, with the cells of `row` in place of their own; windows on a row hold for its copy."""
    table, new = state.tables[change.table], change.row or {}
    for column in new:
        field_of(table.name, column, ("row", column))
    columns: dict[str, Column] = {}
    for one in spec_of(table.name).fields:
        old = table[one.name]
        if one.name not in new:
            columns[one.name] = _appended(old, take(old, rows))
            continue
        try:
            value = parse_typed(one, new[one.name])
        except CellError as error:
            raise Refused(("row", one.name), error.rule, error.got, error.nearest) from error
        columns[one.name] = _appended(old, [value] * len(rows))
    line, _ = state.scenario.places.get(("change", i), (1, 1))
    lines = table.lines if len(table.lines) == len(table) else np.arange(1, len(table) + 1)
    state.tables[table.name] = replace(
        table, columns=columns, lines=np.append(lines, np.full(len(rows), -line)), overlay=str(state.scenario.path)
    )
    for at, window in enumerate(state.windows):
        if window.table == table.name:
            copies = len(table) + np.flatnonzero(np.isin(rows, window.rows))
            state.windows[at] = replace(window, rows=np.append(window.rows, copies))


def _appended(old: Column, more: Column | list[object]) -> Column:
    if isinstance(old, tuple):
        return (*old, *(str(value) for value in more))
    return np.concatenate([old, np.asarray(more, dtype=old.dtype)])
