"""The business as frozen columns: tables, settings, windows, and the whole.

Owns what a model *is* in memory. What a legal value is belongs to `fields`, getting it from text to `parsing`,
putting a business together to `building`, files to `files`, rules that span tables to `checks`, overlays to `overlay`.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from omsim.model import fields

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

Array: TypeAlias = NDArray[np.int64] | NDArray[np.float64] | NDArray[np.bool_]
Column: TypeAlias = tuple[str, ...] | Array
Operation: TypeAlias = Literal["set", "add", "scale"]

_EMPTY_LINES: NDArray[np.int64] = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """One table of a business, as columns.

    Attributes
    ----------
    name : str
        As in `fields.TABLES`.
    columns : mapping of str to column
        Every field of the table. ``id``, ``text`` and ``choice`` are tuples of str; ``integer`` int64; ``number`` and
        ``share`` float64 (NaN = empty); ``flag`` bool; ``date`` int64 proleptic ordinal; ``time`` int64 minutes of the
        day (-1 = empty, 1440 = 24:00); ``weekdays`` int64 bit mask, bit 0 = Monday. Arrays are read-only.
    file : str
        Where the rows came from.
    lines : int64, shape (n_rows,)
        Line in `file` on which each row begins; negative = minus the line of `overlay` that inserted the row.
    overlay : str
        Scenario file of inserted rows.
    """

    name: str
    columns: Mapping[str, Column]
    file: str = ""
    lines: NDArray[np.int64] = field(default_factory=lambda: _EMPTY_LINES)
    overlay: str = ""

    def __post_init__(self) -> None:
        for values in self.columns.values():
            if isinstance(values, np.ndarray):
                values.setflags(write=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_table, (self.name, dict(self.columns), self.file, self.lines, self.overlay)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, column: str) -> Column:
        return self.columns[column]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        if self.name != other.name or self.columns.keys() != other.columns.keys():
            return False
        return all(_equal(values, other.columns[column]) for column, values in self.columns.items())

    def __hash__(self) -> int:
        return hash((self.name, len(self)))

    def texts(self, column: str) -> tuple[str, ...]:
        """The id, text or choice column called `column`."""
        values = self.columns[column]
        if not isinstance(values, tuple):
            raise TypeError(f"{self.name}.{column} holds numbers, not text")
        return values

    def integers(self, column: str) -> NDArray[np.int64]:
        """The int64 column called `column`."""
        return self._array(column, np.int64)

    def numbers(self, column: str) -> NDArray[np.float64]:
        """The float64 column called `column`."""
        return self._array(column, np.float64)

    def flags(self, column: str) -> NDArray[np.bool_]:
        """The bool column called `column`."""
        return self._array(column, np.bool_)

    def _array(self, column: str, kind: type[Any]) -> NDArray[Any]:
        values = self.columns[column]
        if isinstance(values, tuple) or values.dtype != kind:
            raise TypeError(f"{self.name}.{column} does not hold {kind.__name__}")
        return values

    def place(self, row: int) -> str:
        """``file:line`` of a row, for messages."""
        if row >= len(self.lines):
            return f"{self.file or self.name}: row {row + 1}"
        line = int(self.lines[row])
        return f"{self.file}:{line}" if line >= 0 else f"{self.overlay}:{-line}"


def _rebuild_table(name: str, columns: dict[str, Column], file: str, lines: NDArray[np.int64], overlay: str) -> Table:
    return Table(name=name, columns=columns, file=file, lines=lines, overlay=overlay)


def _equal(left: Column, right: Column) -> bool:
    if isinstance(left, tuple) or isinstance(right, tuple):
        return isinstance(left, tuple) and isinstance(right, tuple) and left == right
    return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=left.dtype == np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The keys of `model.toml`; meanings, ranges and defaults are in `fields.SETTINGS`.

    Attributes carry the key's name without its section. Times are minutes of the local day.
    """

    name: str
    stands_for: str
    currency: str
    time_zone: str
    start_date: date
    horizon_days: int
    warm_up_days: int
    assumptions: tuple[str, ...]
    allocation_rule: str
    shadow_rules: str
    outlook_days: float
    cutoff_look_ahead: bool
    hold_minutes: int
    hold_reassign: bool
    sourcing_sites: int
    allocation_cycle_minutes: int
    release: str
    carrier_rule: str
    contract_rule: str
    most_fill_share: float
    promise_quantile: float
    backorder_rank: str
    refund_rule: str
    review_time: int
    review: str
    reorder: str
    aim: str
    unit_value_cents: int
    target_fill_rate: float
    budget_cents: int
    reforecast_days: int
    holding_rate_per_year: float
    late_penalty_cents: int
    unserved_unit_cents: int
    split_penalty_cents: int
    return_lag_median_days: float
    return_lag_sigma: float
    return_transit_days: int
    return_label_cents: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Window:
    """A change that holds for some days of a run.

    Attributes
    ----------
    table, field : str
        What changes.
    rows : int64, shape (n,)
        Row indices of the table.
    operation : str
        ``set``, ``add`` or ``scale``.
    value : float
        By how much, or to what.
    first_day, last_day : int
        Proleptic ordinals of the first and the last day, both included.
    """

    table: str
    field: str
    rows: NDArray[np.int64]
    operation: Operation
    value: float
    first_day: int
    last_day: int

    def __post_init__(self) -> None:
        self.rows.setflags(write=False)

    def content(self) -> tuple[object, ...]:
        """What tells windows apart, as plain values."""
        return (
            self.table,
            self.field,
            tuple(self.rows.tolist()),
            self.operation,
            float(self.value),
            self.first_day,
            self.last_day,
        )

    def __eq__(self, other: object) -> bool:
        return self.content() == other.content() if isinstance(other, Window) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.content())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Business:
    """A whole model: settings, every table, and what a scenario changes for a time.

    Attributes
    ----------
    settings : Settings
    tables : mapping of str to Table
        Every table of `fields.TABLES`; an absent optional one has no rows.
    windows : tuple of Window
        In the order in which they apply.
    base : Business or None
        The model before a scenario's overlay; None = this is the base.
    defaults_used : tuple of str
        One line for each default the files left to us.
    folder : str
        Where it was read from; empty = made in memory.

    Notes
    -----
    Two businesses are equal when settings, tables and windows are; where they were read from does not count.
    """

    settings: Settings
    tables: Mapping[str, Table]
    windows: tuple[Window, ...] = ()
    base: Business | None = None
    defaults_used: tuple[str, ...] = ()
    folder: str = ""
    _known: dict[object, Any] = field(default_factory=dict, init=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_business, (
            self.settings,
            dict(self.tables),
            self.windows,
            self.base,
            self.defaults_used,
            self.folder,
        )

    def __getitem__(self, table: str) -> Table:
        return self.tables[table]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Business):
            return NotImplemented
        return self is other or (
            self.settings == other.settings
            and self.windows == other.windows
            and dict(self.tables) == dict(other.tables)
        )

    def __hash__(self) -> int:
        return hash(self.digest())

    def index(self, table: str, column: str) -> Mapping[str, int]:
        """Row of each value of a text column: the first row where a value repeats."""
        known = ("index", table, column)
        if known not in self._known:
            texts = self.tables[table].texts(column)
            self._known[known] = dict(zip(reversed(texts), range(len(texts) - 1, -1, -1), strict=True))
        rows: dict[str, int] = self._known[known]
        return rows

    def codes(self, table: str, column: str) -> NDArray[np.int64]:
        """Row of the referred table for each row of a column that refers.

        Returns
        -------
        int64, shape (n_rows,), read-only
            The referred table's row (the first, where the value repeats there); -1 for an empty cell.

        Raises
        ------
        KeyError
            The column refers to nothing.
        """
        known = ("codes", table, column)
        if known not in self._known:
            refers = fields.table(table).field(column).refers
            if not refers:
                raise KeyError(f"{table}.{column} refers to no table")
            rows = self.index(*refers.split("."))
            texts = self.tables[table].texts(column)
            codes = np.fromiter((rows[text] if text else -1 for text in texts), dtype=np.int64, count=len(texts))
            codes.setflags(write=False)
            self._known[known] = codes
        found: NDArray[np.int64] = self._known[known]
        return found

    def by_day(self, table: str, column: str) -> NDArray[np.float64]:
        """A numeric column's value on each simulated day, with the windows applied in order.

        Returns
        -------
        float64, shape (n_days, n_rows), read-only
            Whole numbers where the field is an integer (rounded half up after each scale).
        """
        known = ("by_day", table, column)
        if known not in self._known:
            spec = fields.table(table).field(column)
            values = np.asarray(self.tables[table][column], dtype=np.float64)
            days = np.tile(values, (self.settings.horizon_days, 1))
            start = self.settings.start_date.toordinal()
            for window in self.windows:
                if (window.table, window.field) == (table, column):
                    _apply_window(days, window, start, whole=spec.kind == "integer")
            days.setflags(write=False)
            self._known[known] = days
        by_day: NDArray[np.float64] = self._known[known]
        return by_day

    def digest(self) -> str:
        """SHA-256 of the content, the same however the files were formatted (64 hex digits)."""
        if "digest" not in self._known:
            sha = hashlib.sha256()
            settings = sorted((key, str(value)) for key, value in asdict(self.settings).items())
            sha.update(repr(settings).encode())
            for name in sorted(self.tables):
                table = self.tables[name]
                for column in sorted(table.columns):
                    sha.update(f"\x1d{name}\x1e{column}\x1e{len(table)}\x1e".encode())
                    sha.update(_canonical(table.columns[column]))
            sha.update(repr([window.content() for window in self.windows]).encode())
            self._known["digest"] = sha.hexdigest()
        digest: str = self._known["digest"]
        return digest


def _rebuild_business(
    settings: Settings,
    tables: dict[str, Table],
    windows: tuple[Window, ...],
    base: Business | None,
    defaults_used: tuple[str, ...],
    folder: str,
) -> Business:
    return Business(
        settings=settings, tables=tables, windows=windows, base=base, defaults_used=defaults_used, folder=folder
    )


def _apply_window(days: NDArray[np.float64], window: Window, start: int, *, whole: bool) -> None:
    first, last = max(window.first_day - start, 0), min(window.last_day - start + 1, len(days))
    if first >= last:
        return
    block = np.ix_(np.arange(first, last), window.rows)
    days[block] = changed(days[block], window.operation, window.value, whole=whole)


def changed(values: NDArray[np.float64], operation: str, value: float, *, whole: bool) -> NDArray[np.float64]:
    """Values after one operation; rounded half up where the field is a whole number.

    >>> changed(np.array([5.0, 2.0]), "scale", 0.5, whole=True).tolist()
    [3.0, 1.0]
    """
    if operation == "set":
        return np.full_like(values, value)
    after = values + value if operation == "add" else values * value
    return np.floor(after + 0.5) if whole else after


def _canonical(values: Column) -> bytes:
    if isinstance(values, tuple):
        return "\x1f".join(values).encode()
    if values.dtype == np.float64:
        plain = values + 0.0  # one zero, and one bit pattern for every NaN
        plain[np.isnan(plain)] = np.nan
        return plain.astype("<f8").tobytes()
    return values.astype("<i8").tobytes()


def take(column: Column, rows: Sequence[int] | NDArray[np.int64]) -> Column:
    """The cells of a column at some rows."""
    if isinstance(column, tuple):
        return tuple(column[row] for row in rows)
    return column[np.asarray(rows, dtype=np.int64)]
