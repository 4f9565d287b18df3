"""The scratch array one order is laid out in, and how a batch's table of cells is turned for reading line by line.

Owns the layout only. An *item* is one SKU of an order: lines that repeat a SKU are one item, so that no unit is ever
counted twice. A *candidate* is a site that may serve the order, numbered in its lane's ranking. What is compared is the
*saving* against leaving everything unserved. All of it is one array, since a compiled call pays for each array it is
given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Batch, Cells, Ints, Stock

SAVED, WORTH, CAP, CELL = 0, 1, 2, 3
"""Planes by candidate and item: cents the candidate alone saves, cents a unit, units it can give, its cell."""

RANKED = 4
"""Plane by rank and item: candidates that carry the item, in the ranking's order or, sorted, dearest unit first."""

SO_FAR = 5
"""Plane by set size and item: cents the open set of that size saves on the item."""

LIVE, GAIN, AT_MOST, REACH, CHEAPEST, STATE = 6, 7, 8, 9, 10, 11
"""Planes by set size: candidates that may be added; what each adds net of its fee, exactly and at most; what it and all
later ones add at most; the least fee of it and all later ones; the state of the open set."""

VALUE, FEES, N_LIVE, NEXT_AT = 0, 1, 2, 3
"""Columns of STATE: net saving of the set, its fees, number of live candidates, the next of them to look into."""

SITES = 12
SITE, FEE, CHOSEN, BEST, ALONE = 0, 1, 2, 3, 4
"""Rows of SITES, by candidate: its site; cents for using it; 1 while in the set looked at, 2 when it gives; the best
set found (a list); cents it alone saves on all items."""

ITEMS = 13
NEED, KIND, FIRST, LAST, WITHIN = 0, 1, 2, 3, 4
"""Rows of ITEMS: units asked for, kind, first and last line (counted within the order), candidates that carry it."""

PLAIN, MIXED, WHOLE = 0, 1, 2
"""Kinds of items: one site serves it best; several sites may share it; several lines, each whole from one site."""

LINES = 14
NEXT, ITEM, GIVEN = 0, 1, 2
"""Rows of LINES: the next line of the same item or -1, the item, the candidate that serves it or -1."""

PACKING = 15
ORDERED, TRIED, KEPT, LEFT = 0, 1, 2, 3
"""Rows of PACKING: an item's lines, most units first; the option each tries; the candidate it goes to in the best
packing or -1; and by candidate, units left."""

OF_LINE, OF_SITE, OF_UNITS, OF_CELL = 0, 1, 2, 3
"""Rows of `pieces`: line within the order, site, units, cell."""


def new_scratch(batch: Batch, n_sites: int) -> tuple[Ints, Ints]:
    """Room for the largest order of a batch over so many sites: the planes, and its pieces."""
    most_lines = max(int(np.diff(batch.first_line).max(initial=0)), 1)
    scratch = np.zeros((PACKING + 1, max(n_sites + 1, 5), max(most_lines, n_sites, 4)), dtype=np.int64)
    return scratch, np.zeros((4, most_lines * max(n_sites, 1)), dtype=np.int64)


def cells_by_line(batch: Batch, stock: Stock) -> tuple[Cells, Ints]:
    """The cells a line may draw on, side by side in memory: a table (n_rows, n_sites) and the row of each line.

    A large batch turns the whole table of cells round, a small one gathers its own lines only.
    """
    n_lines, n_skus = batch.sku.size, stock.cell_of.shape[1]
    if 2 * n_lines > n_skus:
        return np.ascontiguousarray(stock.cell_of.T), batch.sku
    return np.ascontiguousarray(stock.cell_of[:, batch.sku].T), np.arange(n_lines, dtype=np.int64)
