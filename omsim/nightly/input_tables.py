"""What the nightly job is handed beside the model: the fields of its input tables, and their cells from files.

Owns which tables there are, what a legal value is and how large a table may be; cells are read by the model's own
strict readers. A database is read by `input_database`; what the tables mean for a night is `inputs`' work.
"""

from __future__ import annotations

from os.path import exists, isdir
from typing import TYPE_CHECKING

from omsim.errors import InvalidInputError, Problem
from omsim.model.csv_files import read_csv
from omsim.model.field_types import Field, TableSpec, count, ident
from omsim.model.files import nearest_sibling
from omsim.model.nearest import nearest_name

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.building import RawTable

MOST_ROWS = 30_000_000
MOST_CSV_BYTES = 4 * 1024**3

INPUT_TABLES: dict[str, TableSpec] = {
    spec.name: spec
    for spec in (
        TableSpec(
            name="stock_on_hand",
            meaning="what is on the shelves, and what customers wait for",
            fields=(
                Field(name="counted_on", kind="date", meaning="Evening of the count.", key=True),
                ident("site", "Site.", "sites.site", key=True),
                ident("sku", "SKU.", "skus.sku", key=True),
                count("on_hand_units", "Units on hand."),
                count("backordered_units", "Units customers wait for.", "0"),
            ),
        ),
        TableSpec(
            name="open_orders",
            meaning="purchase orders not yet received, a row a line; no rows = nothing is on order",
            optional=True,
            fields=(
                ident("purchase_order", "Purchase order, by its number.", key=True),
                ident("supplier", "Supplier.", "suppliers.supplier"),
                ident("site", "Site it goes to.", "sites.site", key=True),
                ident("sku", "SKU.", "skus.sku", key=True),
                count("units", "Units still to come.", low=1),
                Field(name="due_date", kind="date", meaning="Local day on which they are expected."),
                Field(
                    name="proposal",
                    kind="text",
                    meaning="Proposal of an earlier night the line was made from; empty = none.",
                    default="",
                ),
            ),
        ),
        TableSpec(
            name="history",
            meaning="units asked for by day; days and SKUs without a row were asked for nothing",
            fields=(
                Field(name="date", kind="date", meaning="Local day.", key=True),
                ident("site", "Site; empty = wherever it is carried.", "sites.site", key=True, default=""),
                ident("sku", "SKU.", "skus.sku", key=True),
                count("units", "Units asked for."),
                Field(
                    name="sold_out",
                    kind="flag",
                    meaning="true: the shelf was empty for part of the day, units are only a lower bound.",
                    default="false",
                ),
            ),
        ),
    )
}
REQUIRED = ("stock_on_hand", "open_orders")  # without the open orders everything on its way would be bought again


def read_input_files(folder: Path) -> dict[str, RawTable]:
    """Cells of the input tables of a folder, CSV or Parquet.

    Parameters
    ----------
    folder : path
        Holds ``stock_on_hand``, ``open_orders`` and perhaps ``history``.

    Raises
    ------
    InvalidInputError
        The folder or a required table is missing, a file cannot be read or is too large, rows have too few cells.
    """
    if not isdir(folder):
        rule = "is a file where a folder of inputs belongs" if exists(folder) else "is missing (a folder of inputs)"
        raise InvalidInputError((Problem(where=str(folder), rule=rule, nearest=nearest_sibling(folder)),))
    problems = _strange_files(folder)
    raw: dict[str, RawTable] = {}
    for name, spec in INPUT_TABLES.items():
        csv_path, parquet_path = folder / f"{name}.csv", folder / f"{name}.parquet"
        table: RawTable | None = None
        if csv_path.exists() and parquet_path.exists():
            problems.append(Problem(where=str(csv_path), rule=f"and {parquet_path.name} are both there; keep one"))
        elif csv_path.exists():
            if _fits(csv_path, problems):
                table = read_csv(csv_path, name, problems)
        elif parquet_path.exists():
            from omsim.model.parquet import read_parquet

            if _few_rows(parquet_path, problems):
                table = read_parquet(parquet_path, spec, problems)
        elif name in REQUIRED:
            rule = "is missing (a required table; one without rows says that there are none)"
            problems.append(Problem(where=str(csv_path), rule=rule))
        if table is not None:
            raw[name] = table
    if problems:
        raise InvalidInputError(tuple(problems))
    return raw


def _strange_files(folder: Path) -> list[Problem]:
    """Tables nobody reads, most likely a slip in the name."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        rule = f"cannot be read: {error.strerror or error}"
        raise InvalidInputError((Problem(where=str(folder), rule=rule),)) from error
    return [
        Problem(where=str(entry), rule="is not an input of a night", nearest=nearest_name(entry.stem, INPUT_TABLES))
        for entry in entries
        if entry.suffix in (".csv", ".parquet") and entry.stem not in INPUT_TABLES
    ]


def _fits(path: Path, problems: list[Problem]) -> bool:
    n_bytes = path.stat().st_size
    if n_bytes > MOST_CSV_BYTES:
        rule = f"must have at most {MOST_CSV_BYTES:,} bytes (Parquet holds more rows in less)"
        problems.append(Problem(where=str(path), rule=rule, got=f"{n_bytes:,}"))
    return n_bytes <= MOST_CSV_BYTES


def _few_rows(path: Path, problems: list[Problem]) -> bool:
    """Whether the footer promises a table that fits in memory; what is no Parquet at all is for the reader to tell."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        n_rows = int(pq.read_metadata(path).num_rows)
    except (pa.ArrowException, OSError):
        return True
    if n_rows > MOST_ROWS:
        rule = f"must have at most {MOST_ROWS:,} rows"
        problems.append(Problem(where=str(path), rule=rule, got=f"{n_rows:,}"))
    return n_rows <= MOST_ROWS
