"""Parquet tables: the one module of the model that opens and writes them, importing pyarrow only then.

Owns the step between Arrow columns and raw cells; meaning is `parsing`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.errors import Problem
from omsim.model.building import RawTable
from omsim.model.parsing import Cells, column_texts

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Table
    from omsim.model.fields import TableSpec


def read_parquet(path: Path, spec: TableSpec, problems: list[Problem]) -> RawTable | None:
    """Read the cells of a Parquet table; None (and a problem) where the file cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.is_dir():
        problems.append(Problem(where=str(path), rule="is a folder where a file belongs"))
        return None
    try:
        arrow = pq.read_table(path, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        problems.append(Problem(where=str(path), rule=f"is not a readable Parquet file: {reason}"))
        return None
    names = arrow.column_names
    for name in sorted({name for name in names if names.count(name) > 1}):
        problems.append(Problem(where=str(path), field=name, rule="is there twice"))
    if len(set(names)) < len(names):
        return None
    kinds = {field.name: field.kind for field in spec.fields}
    columns: dict[str, Cells] = {}
    for name in names:
        column = arrow.column(name)
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            problems.append(Problem(where=str(path), field=name, rule="must hold plain values", got=str(column.type)))
            return None
        columns[name] = _cells(pa, column, kinds.get(name, "text"))
    return RawTable(name=spec.name, columns=columns, file=str(path))


def _cells(pa: Any, column: Any, kind: str) -> Cells:
    """Cells of one Arrow column: arrays where they are numbers throughout, otherwise Python values."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type):
        if kind == "text" and not column.null_count:
            moments: np.ndarray[Any, Any] = column.to_numpy().astype("datetime64[s]")
            return [text.replace("T", " ") for text in np.datetime_as_string(moments).tolist()]
        cells: list[object] = column.to_pylist()
        return cells
    is_number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if not column.null_count:
        if (is_number and kind in ("integer", "number", "share")) or pa.types.is_boolean(column.type):
            array: np.ndarray[Any, Any] = column.to_numpy()
            return array
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            words = column.combine_chunks().dictionary_encode()
            if isinstance(words, pa.ChunkedArray):
                words = words.combine_chunks()
            known: list[object] = words.dictionary.to_pylist()  # one object a word: millions of rows share few of them
            return list(map(known.__getitem__, words.indices.to_numpy().tolist()))
    values: list[object] = column.to_pylist()
    return values


def write_parquet(path: Path, spec: TableSpec, table: Table) -> None:
    """Write a table as Parquet; numbers as numbers, dates, times and weekdays as the texts a CSV would hold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {}
    for field in spec.fields:
        values = table[field.name]
        if isinstance(values, tuple):
            columns[field.name] = pa.array(values, type=pa.string())
        elif field.kind in ("integer", "number", "share", "flag"):
            columns[field.name] = pa.array(values)
        else:
            columns[field.name] = pa.array(column_texts(field, values), type=pa.string())
    pq.write_table(pa.table(columns), path, compression="zstd")
