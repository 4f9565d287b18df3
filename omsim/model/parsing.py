"""Cells to columns and back: what a text, or a typed value, means for each kind of field.

Owns the parsing of one column (all of it at once where every cell is right, cell by cell where one is not) and the text
a value is written as. Where cells come from and which file and row they stand in is the caller's knowledge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omsim.model.calendars import parse_weekdays, weekdays_text
from omsim.model.nearest import nearest_name

if TYPE_CHECKING:
    from omsim.model.business import Column
    from omsim.model.fields import Field

Cells = Sequence[object] | NDArray[np.generic]
TEXT_KINDS = ("id", "text", "choice")
FIRST_DATE, LAST_DATE = date(1900, 1, 1), date(2199, 12, 31)
LONGEST_TEXT = 10_000

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})(:00(\.0+)?)?")
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class CellError(Exception):
    """One cell breaks the rule of its field; its arguments are the rule, the value and the nearest valid one."""

    def __init__(self, rule: str, got: str = "", nearest: str = "") -> None:
        super().__init__(rule, got, nearest)
        self.rule, self.got, self.nearest = rule, got, nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCell:
    """Where a column breaks its field's rule."""

    row: int
    rule: str
    got: str = ""
    nearest: str = ""


def shown(value: object) -> str:
    """A value as messages show it: text in quotes, cut where it is long."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def number_rule(field: Field) -> str:
    """The rule a number of this field obeys, worded to follow its name.

    >>> from omsim.model.fields import Field
    >>> number_rule(Field(name="x", kind="share", meaning="", high=1))
    'must be between 0 and 1'
    """
    noun = "a whole number " if field.kind == "integer" else ""
    if field.above_low:
        upper = f" and at most {field.high:,.0f}" if field.high < 1000 else ""
        return f"must be {noun}> {field.low:g}{upper}"
    return f"must be {noun}between {_plain(field.low)} and {_plain(field.high)}"


def _plain(number: float) -> str:
    return f"{number:.0f}" if number == int(number) else f"{number:g}"


def parse_cell(field: Field, value: object) -> str | int | float | bool:
    """The value of one cell in the form its column holds.

    Parameters
    ----------
    field : Field
    value : object
        Text as in a CSV cell, or a typed value (int, float, bool, date, time) as in TOML or Parquet.

    Raises
    ------
    CellError
        The value breaks the field's rule.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        if field.default is None:
            raise CellError("must not be empty")
        return (
            _EMPTY[field.kind]
            if field.default == "" and field.kind in _EMPTY
            else _PARSE[field.kind](field, field.default)
        )
    return _PARSE[field.kind](field, value.strip() if isinstance(value, str) else value)


def parse_typed(field: Field, value: object) -> str | int | float | bool:
    """As `parse_cell`, for formats that know numbers from text: a number in quotes is refused."""
    if isinstance(value, str) and value and field.kind in ("integer", "number", "share", "flag"):
        noun = {"integer": "a whole number", "flag": "true or false"}.get(field.kind, "a number")
        raise CellError(f"must be {noun}, not text in quotes", shown(value))
    return parse_cell(field, value)


def _parse_text(field: Field, value: object) -> str:
    if not isinstance(value, str):
        raise CellError("must be text (in quotes)", shown(value))
    if _UNREADABLE.search(value):
        raise CellError("must be readable text, without control characters", shown(value))
    if len(value) > LONGEST_TEXT:
        raise CellError(f"must have at most {LONGEST_TEXT:,} characters", f"{len(value):,}")
    return value


def _parse_choice(field: Field, value: object) -> str:
    text = _parse_text(field, value)
    if text not in field.choices:
        rule = f"must be one of {', '.join(field.choices)}"
        raise CellError(rule, shown(value), nearest_name(text, field.choices))
    return text


def _parse_integer(field: Field, value: object) -> int:
    text = isinstance(value, str) and len(value) < 30 and _INTEGER.fullmatch(value)
    if not text and (isinstance(value, bool) or not isinstance(value, int | np.integer)):
        raise CellError(_number_hint(value, "must be a whole number"), shown(value))
    number: int = int(value)  # type: ignore[call-overload]
    _check_range(field, number, value)
    return number


def _parse_number(field: Field, value: object) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        number = float(value)
    elif isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        number = float(value) if abs(value) < 1e300 else np.inf  # type: ignore[operator]
    else:
        raise CellError(_number_hint(value, "must be a number"), shown(value))
    if not np.isfinite(number):
        raise CellError("must be a finite number", shown(value))
    _check_range(field, number, value)
    return number


def _number_hint(value: object, rule: str) -> str:
    if isinstance(value, str):
        if value.lower().lstrip("+-") in ("nan", "inf", "infinity"):
            return f"{rule} that is finite"
        if re.fullmatch(r"[+-]?[0-9]+(,[0-9]+)+(\.[0-9]*)?", value):
            return f"{rule} with a decimal point and no thousands separators"
    return rule


def _check_range(field: Field, number: float, value: object) -> None:
    if number < field.low or number > field.high or (field.above_low and number == field.low):
        raise CellError(number_rule(field), shown(value))


def _parse_flag(field: Field, value: object) -> bool:
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "false"):  # spreadsheets write them in capitals
        return value.lower() == "true"
    raise CellError("must be true or false", shown(value))


def _parse_date(field: Field, value: object) -> int:
    day: date | None = None
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            day = date.fromisoformat(value)
        except ValueError as error:
            raise CellError("must be a day of the calendar", shown(value)) from error
    elif isinstance(value, datetime):
        day = value.date() if value.time() == time() else None
    elif isinstance(value, date):
        day = value
    elif isinstance(value, np.datetime64) and not np.isnat(value):
        return _parse_date(field, value.astype("datetime64[s]").astype(datetime))
    if day is None:
        raise CellError("must be a date written YYYY-MM-DD", shown(value))
    if not FIRST_DATE <= day <= LAST_DATE:
        raise CellError(f"must be between {FIRST_DATE} and {LAST_DATE}", shown(str(day)))
    return day.toordinal()


def _parse_time(field: Field, value: object) -> int:
    if isinstance(value, time) and not (value.second or value.microsecond):
        return value.hour * 60 + value.minute
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match:
        hour, minute = int(match[1]), int(match[2])
        if minute < 60 and hour * 60 + minute <= 1440:
            return hour * 60 + minute
    raise CellError("must be a time of day written HH:MM", shown(str(value)))


def _parse_weekdays(field: Field, value: object) -> int:
    try:
        if isinstance(value, str):
            return parse_weekdays(value)
    except ValueError:
        pass
    raise CellError("must name weekdays, such as Mon-Fri or Mon Wed Sat", shown(value))


_PARSE: dict[str, Callable[[Field, object], str | int | float | bool]] = {
    "id": _parse_text,
    "text": _parse_text,
    "choice": _parse_choice,
    "integer": _parse_integer,
    "number": _parse_number,
    "share": _parse_number,
    "flag": _parse_flag,
    "date": _parse_date,
    "time": _parse_time,
    "weekdays": _parse_weekdays,
}
_EMPTY: dict[str, str | int | float | bool] = {
    "id": "",
    "text": "",
    "choice": "",
    "number": float("nan"),
    "share": float("nan"),
    "time": -1,
}
_DTYPES = {"integer": np.int64, "number": np.float64, "share": np.float64, "flag": np.bool_}


def parse_column(field: Field, cells: Cells) -> tuple[Column, list[BadCell], int]:
    """Parse all cells of a column.

    Parameters
    ----------
    field : Field
    cells : sequence of str, of typed values, or a NumPy array
        Shape (n_rows,). None and blank text are empty cells.

    Returns
    -------
    column : Column
        In the form `Table` holds; a bad cell holds the field's lowest legal value.
    bad : list of BadCell
        In row order; empty when every cell is right.
    n_defaults : int
        How many empty cells took the default.

    Notes
    -----
    Each different value is parsed once, so a column costs little more than finding its different values.
    """
    if isinstance(cells, np.ndarray):
        array = _from_array(field, cells)
        if array is not None:
            return array, [], 0
        cells = cells.astype("datetime64[s]").tolist() if cells.dtype.kind == "M" else cells.tolist()
    types = set(map(type, cells))
    if types == {str} and field.kind in ("integer", "number", "share"):
        fast = _from_digits(field, cells)  # type: ignore[arg-type]
        if fast is not None:
            return fast, [], 0
    if types == {str} and field.kind in ("id", "text") and _is_plain_text(field, set(cells)):  # type: ignore[arg-type]
        return tuple(cells), [], 0
    keys = cells if len(types) < 2 else [(type(value), value) for value in cells]  # True, 1 and 1.0 are equal
    parsed: dict[object, str | int | float | bool] = {}
    errors: dict[object, CellError] = {}
    defaults = set()
    for key, value in dict(zip(keys, cells, strict=True)).items():
        if field.default and (value is None or (isinstance(value, str) and not value.strip())):
            defaults.add(key)
        try:
            parsed[key] = parse_cell(field, value)
        except CellError as error:
            errors[key] = error
            parsed[key] = _placeholder(field)
    bad = []
    if errors:
        bad = [
            BadCell(row=row, rule=errors[key].rule, got=errors[key].got, nearest=errors[key].nearest)
            for row, key in enumerate(keys)
            if key in errors
        ]
    n_defaults = sum(key in defaults for key in keys) if defaults else 0
    if field.kind in TEXT_KINDS:
        return tuple(map(parsed.__getitem__, keys)), bad, n_defaults  # type: ignore[arg-type]
    return np.array([parsed[key] for key in keys], dtype=_DTYPES.get(field.kind, np.int64)), bad, n_defaults


def _is_plain_text(field: Field, texts: set[str]) -> bool:
    """Whether every text stands for itself: nothing empty, to be trimmed, unreadable or too long."""
    return (
        (("" not in texts) or field.default == "")
        and all(text == text.strip() for text in texts)
        and not _UNREADABLE.search("".join(texts))
        and (not texts or max(map(len, texts)) <= LONGEST_TEXT)
    )


def _from_digits(field: Field, cells: Sequence[str]) -> NDArray[np.int64] | NDArray[np.float64] | None:
    """The column when every cell is a plain number in range, None when one is not."""
    whole = field.kind == "integer"
    if not set("".join(cells)) <= set("0123456789+-" if whole else "0123456789+-.eE"):
        return None
    try:
        values: NDArray[Any] = np.array(list(map(int if whole else float, cells)), dtype=_DTYPES[field.kind])
    except (ValueError, OverflowError):
        return None
    return values if _in_range(field, values) else None


def _in_range(field: Field, values: NDArray[np.int64] | NDArray[np.float64]) -> bool:
    if not values.size:
        return True
    low, high = values.min(), values.max()
    return bool(
        np.isfinite(low) and low >= field.low and high <= field.high and not (field.above_low and low == field.low)
    )


def _from_array(field: Field, cells: NDArray[np.generic]) -> Column | None:
    """The column when an array already holds it in its own form (or in whole numbers for a number), None otherwise."""
    code = cells.dtype.kind
    if field.kind == "flag" and code == "b":
        return cells.astype(np.bool_)
    if field.kind == "integer" and code in "iu" and cells.dtype != np.uint64:
        whole = cells.astype(np.int64)
        return whole if _in_range(field, whole) else None
    if field.kind in ("number", "share") and code in "iuf":
        numbers = cells.astype(np.float64)
        given = numbers[~np.isnan(numbers)] if field.default == "" else numbers
        return numbers if _in_range(field, given) else None
    span = {
        "date": (FIRST_DATE.toordinal(), LAST_DATE.toordinal()),
        "time": (-1 if field.default == "" else 0, 1440),
        "weekdays": (1, 127),
    }.get(field.kind)
    if span and code == "i" and (not cells.size or (span[0] <= int(cells.min()) and int(cells.max()) <= span[1])):
        return cells.astype(np.int64)
    return None


def _placeholder(field: Field) -> str | int | float | bool:
    """Something legal in place of a bad cell, so that the rest can still be checked."""
    if field.kind in TEXT_KINDS:
        return ""
    if field.kind == "date":
        return FIRST_DATE.toordinal()
    return {"flag": False, "time": 0, "weekdays": 127}.get(field.kind, field.low)


def cell_text(field: Field, value: object) -> str:
    """The text a value of a column is written as; `parse_cell` reads it back equal.

    >>> from omsim.model.fields import Field
    >>> cell_text(Field(name="x", kind="time", meaning=""), 545)
    '09:05'
    >>> cell_text(Field(name="x", kind="number", meaning=""), 2.0)
    '2'
    """
    return column_texts(field, (value,) if isinstance(value, str) else np.array([value]))[0]


def column_texts(field: Field, column: Column) -> list[str]:
    """The texts of a whole column, in row order."""
    if isinstance(column, tuple):
        return list(column)
    values = column.tolist()
    if field.kind == "integer":
        return list(map(str, values))
    if field.kind in ("number", "share"):
        return [_number_text(value) for value in values]
    written = {value: _TEXT[field.kind](value) for value in set(values)}
    return [written[value] for value in values]


def _number_text(value: float) -> str:
    if value != value:
        return ""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)


_TEXT: dict[str, Callable[[int], str]] = {
    "flag": lambda value: "true" if value else "false",
    "date": lambda value: date.fromordinal(value).isoformat(),
    "time": lambda value: "" if value < 0 else f"{value // 60:02d}:{value % 60:02d}",
    "weekdays": weekdays_text,
}
