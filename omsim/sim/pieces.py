"""Pieces: which units of which order line went into which shipment, and the cell of stock they came from.

Owns the one reading of `LineColumns`, `ShortLineColumns` and `PieceColumns` together, in blocks, so that memory stays
low; what the pieces prove is `audit`'s business, what they move `ledger`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

LINES_A_BLOCK = 32_768


def blocks(n_rows: int) -> Iterator[tuple[int, int]]:
    """Ranges [a, b) that cover n_rows rows, so that what is made on the way stays small."""
    for a in range(0, n_rows, LINES_A_BLOCK):
        yield a, min(a + LINES_A_BLOCK, n_rows)


def cell_numbers(business: Business) -> I32:
    """Row of `stock` of every SKU at every site, -1 where it is not carried; int32, shape (n_sites, n_skus)."""
    cell_of = np.full((len(business["sites"]), len(business["skus"])), -1, dtype=np.int32)
    cell_of[business.codes("stock", "site"), business.codes("stock", "sku")] = np.arange(len(business["stock"]))
    return cell_of


def first_piece_units(records: RunRecords, line: I64) -> I64:
    """Units of each of the given lines in its first shipment (0 where it has none); int64, shape (n,)."""
    units = np.where(records.lines.shipment[line] >= 0, records.lines.units[line], 0).astype(np.int64)
    short = records.short_lines
    row = np.minimum(np.searchsorted(short.line, line), max(short.line.size - 1, 0))
    if short.line.size:
        is_short = short.line[row] == line
        units[is_short] = short.shipment_units[row[is_short]]
    return units


def piece_blocks(records: RunRecords) -> Iterator[tuple[I64, I64, I32]]:
    """(line, shipment, units) of all pieces, reserved or shipped: first pieces by line, then the later ones as made."""
    lines, short, pieces = records.lines, records.short_lines, records.pieces
    for a in range(0, lines.shipment.size, LINES_A_BLOCK):
        units = lines.units[a : a + LINES_A_BLOCK].astype(np.int32)
        i, j = np.searchsorted(short.line, (a, a + LINES_A_BLOCK))
        units[short.line[i:j] - a] = short.shipment_units[i:j]
        some = np.flatnonzero(lines.shipment[a : a + LINES_A_BLOCK] >= 0)
        yield a + some, lines.shipment[a + some].astype(np.int64), units[some]
    yield pieces.line.astype(np.int64), pieces.shipment.astype(np.int64), pieces.units.astype(np.int32)


def units_of_pieces(records: RunRecords, line: I64, shipment: I64) -> I64:
    """Units of the piece of each line in each shipment, 0 where there is no such piece; int64, shape (n,)."""
    pieces = records.pieces
    units = np.where(records.lines.shipment[line] == shipment, first_piece_units(records, line), 0)
    if pieces.line.size:
        n_lines = records.lines.shipment.size
        key = pieces.shipment.astype(np.int64) * n_lines + pieces.line
        order = np.argsort(key, kind="stable")
        asked = shipment * n_lines + line
        row = order[np.minimum(np.searchsorted(key[order], asked), key.size - 1)]
        later = key[row] == asked
        units[later] = pieces.units[row[later]]
    return units
