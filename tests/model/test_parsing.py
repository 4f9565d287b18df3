"""Cells: what each kind of field accepts, refuses and writes."""

from __future__ import annotations

import math
from datetime import date, datetime, time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsim.model.fields import Field
from omsim.model.parsing import CellError, cell_text, column_texts, parse_cell, parse_column, parse_typed


def field(kind: str, default: str | None = None, **more: object) -> Field:
    """A field of one kind."""
    return Field(name="x", kind=kind, meaning="", default=default, **{"high": 1000, **more})


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "12", 12),
        ("integer", " +7 ", 7),
        ("number", "1.5", 1.5),
        ("number", ".5", 0.5),
        ("number", "1e2", 100.0),
        ("flag", "TRUE", True),
        ("flag", "false", False),
        ("date", "2026-02-28", date(2026, 2, 28).toordinal()),
        ("time", "9:05", 545),
        ("time", "09:05:00", 545),
        ("time", "24:00", 1440),
        ("weekdays", "Mon-Fri", 31),
        ("id", " 012 ", "012"),
        ("id", "NA", "NA"),
        ("id", "null", "null"),
        ("id", "1e5", "1e5"),
        ("id", "商品", "商品"),
    ],
)
def test_right_cells(kind, text, value):
    """Texts people write are read as they mean them."""
    assert parse_cell(field(kind), text) == value
    assert parse_column(field(kind), [text, text])[1] == []


@pytest.mark.parametrize(
    ("kind", "text", "rule"),
    [
        ("integer", "12.5", "must be a whole number"),
        ("integer", "12.0", "must be a whole number"),
        ("integer", "1e3", "must be a whole number"),
        ("integer", "1_000", "must be a whole number"),
        ("integer", "0x10", "must be a whole number"),
        ("integer", "1,5", "must be a whole number with a decimal point and no thousands separators"),
        ("integer", "-1", "must be a whole number between 0 and 1000"),
        ("integer", "9" * 40, "must be a whole number"),
        ("integer", "1001", "must be a whole number between 0 and 1000"),
        ("integer", "١٢", "must be a whole number"),
        ("number", "1,5", "must be a number with a decimal point and no thousands separators"),
        ("number", "nan", "must be a number that is finite"),
        ("number", "-inf", "must be a number that is finite"),
        ("number", "1e999", "must be a finite number"),
        ("number", "1_0", "must be a number"),
        ("number", "abc", "must be a number"),
        ("number", "-0.1", "must be between 0 and 1000"),
        ("share", "1.5", "must be between 0 and 1"),
        ("flag", "yes", "must be true or false"),
        ("date", "28.02.2026", "must be a date written YYYY-MM-DD"),
        ("date", "20260228", "must be a date written YYYY-MM-DD"),
        ("date", "2026-02-30", "must be a day of the calendar"),
        ("date", "0026-02-28", "must be between 1900-01-01 and 2199-12-31"),
        ("time", "25:00", "must be a time of day written HH:MM"),
        ("time", "24:01", "must be a time of day written HH:MM"),
        ("time", "9", "must be a time of day written HH:MM"),
        ("time", "09:05:30", "must be a time of day written HH:MM"),
        ("weekdays", "Monday", "must name weekdays, such as Mon-Fri or Mon Wed Sat"),
        ("id", "a\x00b", "must be readable text, without control characters"),
        ("id", "", "must not be empty"),
        ("integer", "  ", "must not be empty"),
    ],
)
def test_wrong_cells(kind, text, rule):
    """Each wrong cell is refused with the rule it breaks, alone and inside a column."""
    spec = field(kind, high=1 if kind == "share" else 1000)
    with pytest.raises(CellError) as caught:
        parse_cell(spec, text)
    assert caught.value.rule == rule
    good = {"flag": "true", "date": "2026-01-01", "time": "10:00", "weekdays": "Mon"}.get(kind, "1")
    _, bad, _ = parse_column(spec, [good, text, good, text])
    assert [(cell.row, cell.rule) for cell in bad] == [(1, rule), (3, rule)]


def test_choice_names_the_nearest():
    """A slip in a choice is answered with the word it was meant to be."""
    spec = field("choice", choices=("fixed", "exponential"))
    with pytest.raises(CellError) as caught:
        parse_cell(spec, "exponental")
    assert caught.value.nearest == "exponential"


@pytest.mark.parametrize(
    ("kind", "default", "value"),
    [("integer", "5", 5), ("time", "", -1), ("text", "", ""), ("flag", "true", True), ("weekdays", "Sat Sun", 96)],
)
def test_empty_cells_take_the_default(kind, default, value):
    """An empty cell, blank or None, stands for the field's default."""
    column, bad, n_defaults = parse_column(field(kind, default), ["", None, "  "])
    assert [*column] == [value] * 3
    assert not bad
    assert n_defaults == (3 if default else 0)


def test_empty_number_without_value_is_nan():
    """A number whose default is empty reads as NaN and is written as nothing."""
    spec = field("number", "")
    column, bad, _ = parse_column(spec, ["1.5", ""])
    assert math.isnan(column[1])
    assert column_texts(spec, column) == ["1.5", ""]
    assert not bad


def test_above_low_is_open():
    """A range that is open at its lower end refuses the end itself."""
    with pytest.raises(CellError, match="must be > 0"):
        parse_cell(field("number", above_low=True, high=1e9), "0")
    assert parse_column(field("number", above_low=True), ["1", "0"])[1][0].row == 1


def test_typed_values_of_other_formats():
    """TOML and Parquet bring numbers, dates and times as such; text is no number there, and true is not 1."""
    assert parse_typed(field("integer"), 3) == 3
    assert parse_typed(field("number"), 3) == 3.0
    assert parse_typed(field("date"), date(2026, 1, 1)) == date(2026, 1, 1).toordinal()
    assert parse_typed(field("time"), time(9, 5)) == 545
    for kind, value in (
        ("integer", "3"),
        ("integer", True),
        ("integer", 3.0),
        ("number", float("nan")),
        ("number", True),
        ("flag", 1),
        ("id", 12),
        ("date", datetime(2026, 1, 1, 5)),
        ("integer", [1]),
    ):
        with pytest.raises(CellError):
            parse_typed(field(kind), value)


def test_mixed_types_in_a_column_are_not_confused():
    """1, 1.0 and true are equal in Python and different in a table."""
    _, bad, _ = parse_column(field("integer"), [1, True, 1.0])
    assert [cell.row for cell in bad] == [1, 2]


@pytest.mark.parametrize(
    ("kind", "array", "n_bad"),
    [
        ("integer", np.array([1, 2], dtype=np.int32), 0),
        ("integer", np.array([1, -2]), 1),
        ("integer", np.array([1.0, 2.0]), 2),
        ("number", np.array([1, 2]), 0),
        ("number", np.array([1.0, np.nan]), 1),
        ("number", np.array([1.0, np.inf]), 1),
        ("flag", np.array([True, False]), 0),
        ("date", np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]"), 0),
        ("date", np.array([740_000, 1]), 2),
        ("time", np.array([0, 1440]), 0),
        ("time", np.array([0, 1441]), 2),
    ],
)
def test_arrays_are_checked_like_cells(kind, array, n_bad):
    """Arrays pass in their own form and are refused where a value is out of range."""
    _, bad, _ = parse_column(field(kind), array)
    assert len(bad) == n_bad


@given(st.lists(st.floats(-1e9, 1e9, allow_nan=False)))
def test_numbers_read_back_exactly(values):
    """Every float written is the same float when read."""
    spec = field("number", low=-1e9, high=1e9)
    column = np.array(values, dtype=np.float64)
    again, bad, _ = parse_column(spec, column_texts(spec, column))
    np.testing.assert_array_equal(again, column)
    assert not bad


@given(st.lists(st.integers(-1000, 1000)))
def test_fast_and_slow_paths_agree(values):
    """A column parsed at once equals its cells parsed one by one."""
    spec = field("integer", low=-500, high=500)
    column, bad, _ = parse_column(spec, list(map(str, values)))
    wrong = {cell.row for cell in bad}
    assert wrong == {row for row, value in enumerate(values) if abs(value) > 500}
    assert [int(column[row]) for row in range(len(values)) if row not in wrong] == [
        value for value in values if abs(value) <= 500
    ]


def test_cell_text_of_each_kind():
    """Values are written the way people read them."""
    written = [
        cell_text(field("time"), 1440),
        cell_text(field("date"), date(2026, 9, 28).toordinal()),
        cell_text(field("weekdays"), 31),
        cell_text(field("flag"), True),
        cell_text(field("number"), 0.1),
    ]
    assert written == ["24:00", "2026-09-28", "Mon-Fri", "true", "0.1"]
