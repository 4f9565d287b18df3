"""CSV tables: strict reading with true line numbers, and writing that reads back the same.

Owns cells and lines; what a cell means belongs to `parsing`, which columns there are to `building`.

A cell of text that a spreadsheet would take for a formula is written behind an apostrophe, and read back without it:
one apostrophe before ``= + - @`` (or before apostrophes followed by one of these) is not part of the text.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import InvalidInputError, Problem
from omsim.model.building import RawTable
from omsim.model.parsing import TEXT_KINDS, column_texts
from omsim.model.text_files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from omsim.model.business import Table
    from omsim.model.fields import TableSpec

_FORMULA = re.compile(r"'*[=+\-@]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?")


def read_csv(path: Path, name: str, problems: list[Problem]) -> RawTable | None:
    """Read the cells of a CSV table; None (and problems) where rows cannot be told apart.

    Rows with a wrong number of cells are reported and left out; blank lines are no rows.
    """
    try:
        text = read_text(path)
    except InvalidInputError as error:
        problems += error.problems
        return None
    if not text.strip():
        problems.append(Problem(where=str(path), rule="is empty"))
        return None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    begins: list[int] = []
    line = 1
    try:
        if '"' not in text:  # then every row is a line
            rows = list(reader)
            begins = list(range(1, len(rows) + 1))
        else:
            for row in reader:
                rows.append(row)
                begins.append(line)
                line = reader.line_num + 1
    except csv.Error as error:
        rule = f"is not valid CSV: {error}"
        if "end of data" in str(error):
            rule = "has a quote that is never closed"
        problems.append(Problem(where=f"{path}:{line}", rule=rule))
        return None
    if [] in rows:  # blank lines
        begins = [begin for begin, row in zip(begins, rows, strict=True) if row]
        rows = [row for row in rows if row]
    header = [cell.strip() for cell in rows[0]]
    if not _check_header(header, f"{path}:{begins[0]}", problems):
        return None
    widths = set(map(len, rows[1:]))
    if len(widths) == 1 and widths != {len(header)}:
        rule = f"must name {widths.pop()} columns, as many as every row below has cells"
        problems.append(Problem(where=f"{path}:{begins[0]}", rule=rule, got=str(len(header))))
        return None
    if widths and widths != {len(header)}:
        rows, begins = _whole_rows(rows, begins, path, problems)
    columns: dict[str, Sequence[str]] = {}
    for column, cells in zip(header, zip(*rows, strict=True), strict=True):
        columns[column] = _unguarded(cells[1:]) if "'" in text else cells[1:]
    return RawTable(name=name, columns=columns, file=str(path), lines=np.array(begins[1:], dtype=np.int64))


def _check_header(header: list[str], where: str, problems: list[Problem]) -> bool:
    if len(header) == 1:
        for sign, noun in ((";", "semicolons"), ("\t", "tabs")):
            if sign in header[0]:
                problems.append(Problem(where=where, rule=f"has {noun} between its columns, where commas belong"))
                return False
    before = len(problems)
    seen: set[str] = set()
    for number, column in enumerate(header, start=1):
        if not column:
            problems.append(Problem(where=where, rule=f"column {number} has no name"))
        elif column in seen:
            problems.append(Problem(where=where, field=column, rule="is there twice"))
        seen.add(column)
    return len(problems) == before


def _whole_rows(
    rows: list[list[str]], lines: list[int], path: Path, problems: list[Problem]
) -> tuple[list[list[str]], list[int]]:
    width = len(rows[0])
    kept, kept_lines = [], []
    for row, line in zip(rows, lines, strict=True):
        if len(row) == width:
            kept.append(row)
            kept_lines.append(line)
            continue
        hint = ""
        if len(row) == 1 and ";" in row[0]:
            hint = " (semicolons where commas belong?)"
        rule = f"must have {width} cells, as the first line has{hint}"
        problems.append(Problem(where=f"{path}:{line}", rule=rule, got=str(len(row))))
    return kept, kept_lines


def _unguarded(cells: Sequence[str]) -> Sequence[str]:
    return [cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell for cell in cells]


def guarded(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would run it as a formula.

    >>> guarded("=1+1"), guarded("'=1"), guarded("-5"), guarded("blue")
    ("'=1+1", "''=1", '-5', 'blue')
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def csv_text(spec: TableSpec, table: Table) -> str:
    """A table as CSV text with Unix line ends; every field of the table is a column."""
    columns = []
    for field in spec.fields:
        texts = column_texts(field, table[field.name])
        columns.append([guarded(text) for text in texts] if field.kind in TEXT_KINDS else texts)
    return written({field.name: column for field, column in zip(spec.fields, columns, strict=True)})


def written(columns: Mapping[str, Sequence[str]]) -> str:
    """Columns of text as CSV text."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue()
