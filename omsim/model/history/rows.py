"""Order lines as they come from a file: read as columns of codes and numbers, and checked.

Owns reading CSV and Parquet through a mapping and the complaints about cells. What a row *is* (a sale, a return,
nothing we can use) is `history_fates`' work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.errors import InvalidInputError, Problem
from omsim.model.nearest import nearest_name

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from omsim.model.history.mapping import HistoryMapping

    Codes = NDArray[np.int64]
    Mask = NDArray[np.bool_]

MOST = 1e9  # units or price of a line; more is a slip
SHOWN_PROBLEMS = 1000
NO_TIME = np.iinfo(np.int64).min
EPOCH_ORDINAL = 719_163  # date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Columns of an order-line file; codes are -1 where a cell is empty.

    Attributes
    ----------
    order, sku, customer, region : int64, shape (n,)
        Codes into the names beside them; customers need no names.
    at_s : int64, shape (n,)
        Local time in seconds since 1970 (smallest int64 = empty).
    units : int64, shape (n,)
    price : float64, shape (n,)
        Major currency unit; NaN = empty.
    units_given : bool, shape (n,)
    """

    order: Codes
    order_names: tuple[str, ...]
    at_s: NDArray[np.int64]
    sku: Codes
    sku_names: tuple[str, ...]
    units: NDArray[np.int64]
    units_given: Mask
    price: NDArray[np.float64]
    customer: Codes
    region: Codes
    region_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.order)

    @property
    def day(self) -> NDArray[np.int64]:
        """Proleptic ordinal of each row's local day, shape (n,); 0 where the time is empty."""
        return np.where(self.at_s == NO_TIME, 0, self.at_s // 86_400 + EPOCH_ORDINAL)


def read_rows(path: Path, mapping: HistoryMapping) -> Rows:
    """Read the mapped columns of an order-line file, CSV (every cell as text) or Parquet.

    Raises
    ------
    InvalidInputError
        The file cannot be read, lacks a column, is empty, or holds cells of the wrong type: all of it together.
    """
    wanted = {key: mapping[f"columns.{key}"] for key in ("order", "timestamp", "sku", "units", "price")}
    wanted |= {key: mapping[f"columns.{key}"] for key in ("customer", "region") if mapping[f"columns.{key}"]}
    arrow = _read_arrow(path, sorted(set(wanted.values())))
    n = arrow.num_rows
    if not n:
        raise InvalidInputError((Problem(where=str(path), rule="is empty (no order lines)"),))
    cells = _Cells(path, arrow, wanted)
    order, order_names = cells.texts("order")
    sku, raw_names = cells.texts("sku")
    sku, sku_names = _normalised(sku, raw_names, strip=mapping["skus.strip"], upper=mapping["skus.upper"])
    nobody = np.full(n, -1, dtype=np.int64)
    customer = cells.texts("customer")[0] if "customer" in wanted else nobody
    region, region_names = cells.texts("region") if "region" in wanted else (nobody * 0, ("everywhere",))
    units, units_given = cells.whole_numbers("units")
    rows = Rows(
        order=order,
        order_names=order_names,
        at_s=cells.moments("timestamp", mapping["source.timestamp_format"], mapping["source.time_zone"]),
        sku=sku,
        sku_names=sku_names,
        units=units,
        units_given=units_given,
        price=cells.numbers("price"),
        customer=customer,
        region=region,
        region_names=region_names,
    )
    if cells.problems:
        raise InvalidInputError(tuple(cells.problems))
    return rows


def _read_arrow(path: Path, columns: list[str]) -> Any:
    """The columns as an Arrow table."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    if not path.is_file():
        rule = "is a folder where a file belongs" if path.is_dir() else "is missing"
        raise InvalidInputError((Problem(where=str(path), rule=rule),))
    with path.open("rb") as file:
        parquet = file.read(4) == b"PAR1"
    problem: Problem
    try:
        if parquet:
            names = pa.parquet.read_schema(path).names
        else:
            names = _csv_header(path)
        problems = [
            Problem(where=str(path), field=name, rule="is missing (a column)", nearest=nearest_name(name, names))
            for name in columns
            if name not in names
        ]
        problems += [
            Problem(where=str(path), field=name, rule="is there twice (a column)")
            for name in columns
            if names.count(name) > 1
        ]
        if problems:
            if len(names) == 1 and ";" in names[0]:
                problems.append(Problem(where=f"{path}:1", rule="must have commas between its columns, not semicolons"))
            raise InvalidInputError(tuple(problems))
        if parquet:
            return pa.parquet.read_table(path, columns=columns, partitioning=None)
        return pa.csv.read_csv(
            path,
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                include_columns=columns, column_types={name: pa.string() for name in columns}, strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        kind = "Parquet file" if parquet else "CSV file in UTF-8"
        problem = Problem(where=str(path), rule=f"is not a readable {kind}: {reason}")
    raise InvalidInputError((problem,))


def _csv_header(path: Path) -> list[str]:
    import csv

    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file, strict=True), None)
    if header is None:
        raise InvalidInputError((Problem(where=str(path), rule="is empty"),))
    if any("\x00" in name for name in header):
        raise ValueError("it holds NUL bytes")
    return header


def _normalised(codes: Codes, names: tuple[str, ...], *, strip: bool, upper: bool) -> tuple[Codes, tuple[str, ...]]:
    """Article numbers written one way; those that become equal share a code."""
    written = []
    for name in names:
        text = name.strip() if strip else name
        written.append(text.upper() if upper else text)
    kept = {text: code for code, text in enumerate(dict.fromkeys(text for text in written if text))}
    recode = np.array([*(kept.get(text, -1) for text in written), -1], dtype=np.int64)
    return recode[codes], tuple(kept)


class _Cells:
    """Columns of an Arrow table as arrays, with the problems met."""

    def __init__(self, path: Path, arrow: Any, wanted: dict[str, str]) -> None:
        import pyarrow as pa
        import pyarrow.compute

        self.pa, self.pc = pa, pa.compute
        self.path, self.arrow, self.wanted = path, arrow, wanted
        self.problems: list[Problem] = []

    def _column(self, key: str) -> Any:
        column = self.arrow.column(self.wanted[key]).combine_chunks()
        if self.pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        return column

    def _report(self, key: str, bad: NDArray[np.int64], rule: str, shown: list[str]) -> None:
        """A problem for each bad row; the first thousand are enough to mend a file by."""
        for row, text in zip(bad[:SHOWN_PROBLEMS].tolist(), shown, strict=False):
            where = f"{self.path}: row {row + 1}"
            self.problems.append(Problem(where=where, field=self.wanted[key], rule=rule, got=text[:60]))
        if bad.size > SHOWN_PROBLEMS:
            where = f"{self.path}: row {bad[SHOWN_PROBLEMS] + 1}"
            more = Problem(where=where, field=self.wanted[key], rule=f"{rule} ({bad.size:,} rows break this)")
            self.problems.append(more)

    def _is_text(self, column: Any) -> bool:
        types = self.pa.types
        return bool(types.is_string(column.type) or types.is_large_string(column.type))

    def texts(self, key: str) -> tuple[Codes, tuple[str, ...]]:
        """Codes (-1 = empty) and their names, in order of first appearance."""
        column = self._column(key)
        types = self.pa.types
        if types.is_floating(column.type):  # whole numbers that a table with gaps stored as floats
            whole = self.pc.all(self.pc.equal(self.pc.floor(column), column)).as_py()
            column = column.cast(self.pa.int64()) if whole is not False else column
        if not self._is_text(column):
            if types.is_nested(column.type) or types.is_binary(column.type):
                self._report(key, np.zeros(1, dtype=np.int64), "must hold plain values", [str(column.type)])
                return np.full(len(column), -1, dtype=np.int64), ()
            column = column.cast(self.pa.string())
        encoded = column.dictionary_encode()
        codes = np.asarray(encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False), dtype=np.int64)
        names = encoded.dictionary.to_pylist()
        empty = [code for code, name in enumerate(names) if not name.strip()]
        if empty:
            codes = np.where(np.isin(codes, empty), -1, codes)
        return codes, tuple(names)

    def numbers(self, key: str) -> NDArray[np.float64]:
        """Finite numbers; NaN = empty."""
        column = self._column(key)
        if self._is_text(column):
            codes, names = self.texts(key)
            values = np.full(len(names) + 1, np.nan)
            wrong = np.zeros(len(names) + 1, dtype=np.bool_)
            for code, name in enumerate(names):
                if name.strip():
                    try:
                        values[code] = (
                            float(name) if re.fullmatch(r"\s*[+-]?[0-9.]+([eE][+-]?[0-9]+)?\s*", name) else np.nan
                        )
                    except ValueError:
                        values[code] = np.nan
                    wrong[code] = not np.abs(values[code]) <= MOST
            bad = np.flatnonzero(wrong[codes])
            rule = f"must be a number up to {MOST:,.0f}"
            self._report(key, bad, rule, [repr(names[codes[row]]) for row in bad[:SHOWN_PROBLEMS]])
            values[wrong] = np.nan
            return values[codes]
        if not self._is_number(column):
            self._report(key, np.zeros(1, dtype=np.int64), "must be a number", [str(column.type)])
            return np.zeros(len(column))
        given = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
        numbers = np.asarray(column.cast(self.pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
        bad = np.flatnonzero(given & ~np.isnan(numbers) & ~(np.abs(numbers) <= MOST))
        self._report(key, bad, f"must be a number up to {MOST:,.0f}", [str(numbers[row]) for row in bad])
        return np.where(np.abs(numbers) <= MOST, numbers, np.nan)

    def whole_numbers(self, key: str) -> tuple[NDArray[np.int64], Mask]:
        """Whole numbers, and which cells hold one."""
        numbers = self.numbers(key)
        given = ~np.isnan(numbers)
        values = np.where(given, numbers, 0)
        bad = np.flatnonzero(values != np.round(values))
        self._report(key, bad, "must be a whole number", [f"{values[row]:g}" for row in bad[:SHOWN_PROBLEMS]])
        values[bad] = 0
        return values.astype(np.int64), given

    def _is_number(self, column: Any) -> bool:
        types = self.pa.types
        return bool(types.is_integer(column.type) or types.is_floating(column.type) or types.is_decimal(column.type))

    def moments(self, key: str, text_format: str, time_zone: str) -> NDArray[np.int64]:
        """Local seconds since 1970; moments that name their zone are moved to `time_zone`."""
        column = self._column(key)
        types = self.pa.types
        if self._is_text(column):
            return self._parsed_moments(key, text_format, time_zone)
        if not (types.is_timestamp(column.type) or types.is_date(column.type)):
            self._report(key, np.zeros(1, dtype=np.int64), "must be a date and time", [str(column.type)])
            return np.zeros(len(column), dtype=np.int64)
        if types.is_timestamp(column.type) and column.type.tz:
            column = self.pc.local_timestamp(column.cast(self.pa.timestamp(column.type.unit, tz=time_zone)))
        seconds = column.cast(self.pa.timestamp("s"), safe=False).cast(self.pa.int64())
        return np.asarray(seconds.fill_null(int(NO_TIME)).to_numpy(zero_copy_only=False), dtype=np.int64)

    def _parsed_moments(self, key: str, text_format: str, time_zone: str) -> NDArray[np.int64]:
        import pandas as pd

        codes, names = self.texts(key)
        try:
            parsed = pd.DatetimeIndex(pd.to_datetime(list(names), format=text_format or "ISO8601", errors="coerce"))
        except ValueError as error:
            reason = str(error).splitlines()[0]
            rule = f"must be written one way: {reason}"
            self.problems.append(Problem(where=str(self.path), field=self.wanted[key], rule=rule))
            return np.zeros(len(codes), dtype=np.int64)
        if parsed.tz is not None:
            parsed = parsed.tz_convert(time_zone).tz_localize(None)
        seconds = np.append(parsed.as_unit("s").to_numpy().astype(np.int64), NO_TIME)
        bad = np.flatnonzero((codes >= 0) & (seconds[codes] == NO_TIME))
        rule = f"must be a date and time written {text_format or 'YYYY-MM-DD HH:MM[:SS]'}"
        self._report(key, bad, rule, [repr(names[codes[row]]) for row in bad[:SHOWN_PROBLEMS]])
        return seconds[codes]
