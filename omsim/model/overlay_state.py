"""A business while a scenario is being laid over it, which rows an item means, and what refusing one says.

Owns what all operations share. What they do is `overlay_rows`' and `overlay`'s work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.model.business import Business, Settings, Table, Window
from omsim.model.fields import Field
from omsim.model.fields import table as spec_of
from omsim.model.nearest import nearest_name
from omsim.model.parsing import CellError, parse_typed, shown

if TYPE_CHECKING:
    from omsim.model.scenario import Change, Scenario

RowNumbers = NDArray[np.int64]


class Refused(Exception):
    """An item cannot be applied; the arguments are key, rule, value and nearest name."""

    def __init__(self, key: tuple[str | int, ...], rule: str, got: str = "", nearest: str = "") -> None:
        super().__init__(key, rule, got, nearest)
        self.key, self.rule, self.got, self.nearest = key, rule, got, nearest


@dataclass(slots=True, kw_only=True)
class State:
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


def field_of(table: str, column: str, key: tuple[str | int, ...]) -> Field:
    """The column of a table an item names; `key` is where it names it."""
    spec = spec_of(table)
    for found in spec.fields:
        if found.name == column:
            return found
    nearest = nearest_name(column, (known.name for known in spec.fields))
    raise Refused(key, f"must be a column of table {table}", shown(column), nearest)


def matching_rows(table: Table, change: Change) -> RowNumbers:
    """Rows the selector means; refused where it, or one of its values, matches nothing."""
    mask = np.ones(len(table), dtype=np.bool_)
    for column, wanted in change.where.items():
        key = ("where", column)
        spec = field_of(table.name, column, key)
        cells = table[column]
        values = wanted if isinstance(wanted, list) else [wanted]
        if not values:
            raise Refused(key, "must not be an empty list")
        found = np.zeros(len(table), dtype=np.bool_)
        for value in values:
            try:
                parsed = parse_typed(spec, value)
            except CellError as error:
                raise Refused(key, error.rule, error.got, error.nearest) from error
            if isinstance(cells, tuple):
                same = np.fromiter((cell == parsed for cell in cells), dtype=np.bool_, count=len(cells))
            else:
                same = np.isnan(cells) if parsed != parsed else cells == parsed
            if not same.any():
                nearest = nearest_name(str(parsed), set(cells)) if isinstance(cells, tuple) else ""
                rule = f"matches no row: no {column} of table {table.name} is"
                raise Refused(key, rule + f" {shown(value)}", nearest=nearest)
            found |= same
        mask &= found
    if not mask.any():
        raise Refused(("where",) if change.where else ("table",), f"matches no row of table {table.name}")
    return np.flatnonzero(mask).astype(np.int64)
