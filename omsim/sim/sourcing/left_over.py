"""What a batch leaves unserved: where the rests of its lines wait, or that they are lost.

Owns that choice, and what a channel may take of a cell. Who waits is remembered by `desk` and the engines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.allocation.batch import NO_SITE

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Batch, Cells, Choice, Stock
    from omsim.sim.sourcing.terms import SourcingTerms

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class LeftOver(NamedTuple):
    """Lines of orders tried for the first time of which units are left over; shape (n,), in turn.

    Attributes
    ----------
    order, line : int64
    served_units, left_units : int64
    cell : int64
        Where the rest waits, -1 = it is lost.
    whole : bool
        It waits with its whole order, outside the queue of the cell.
    """

    order: Ints
    line: Ints
    served_units: Ints
    left_units: Ints
    cell: Ints
    whole: Flags


def nothing_left() -> LeftOver:
    """No rests."""
    nothing = np.zeros(0, dtype=np.int64)
    return LeftOver(nothing, nothing, nothing, nothing, nothing, nothing.astype(np.bool_))


class Rests:
    """Places the rests of lines.

    Parameters
    ----------
    terms : SourcingTerms
    cell_of : int32, shape (n_sites, n_skus)
        -1 = not carried.
    """

    def __init__(self, terms: SourcingTerms, cell_of: Cells) -> None:
        self._terms, self._cell_of = terms, cell_of

    def usable(self, free_units: Ints, channel: Ints, cell: Ints) -> Ints:
        """Units each channel may take of each cell (0 where there is no cell); shape as `cell`."""
        units, kept = free_units[cell], self._terms.classes.kept_units
        if kept.shape[1]:
            units = units - kept[channel, cell]
        some: Ints = np.where(cell >= 0, np.maximum(units, 0), 0)
        return some

    def place(
        self, batch: Batch, served: Ints, choice: Choice, short: Flags, region: Ints, ranking: Ints, stock: Stock
    ) -> LeftOver:
        """Where the rests of orders go, after a batch was served.

        Parameters
        ----------
        batch : Batch
        served : int64, shape (n_lines,)
            Units of each line in `choice`.
        choice : Choice
        short : bool, shape (n_orders,)
            Orders whose rests are placed.
        region : int64, shape (n_orders,)
        ranking : int64, shape (n_regions, n_ranked)
            Sites open today.
        stock : Stock
            What is left.

        Returns
        -------
        LeftOver
            Orders and lines by their place in the batch.
        """
        of_line = np.repeat(np.arange(short.size), np.diff(batch.first_line))
        some = np.flatnonzero(short[of_line] & (served < batch.units))
        if not some.size:
            return nothing_left()
        terms, order, sku = self._terms, of_line[some], batch.sku[some]
        channel, rest = batch.order_class[order], batch.units[some] - served[some]
        home = self._first_carrying(terms.ranking[region[order]], channel, sku)
        complete = terms.classes.complete[channel]
        stays = np.ones(short.size, dtype=np.bool_)  # complete orders that can wait: each line somewhere
        np.logical_and.at(stays, order, terms.backorders[channel] & (home >= 0))
        cell = np.where(terms.backorders[channel], home, -1)
        if terms.limited.any():
            used = np.zeros((short.size, stock.room.size), dtype=np.bool_)
            used[of_line[choice.line], choice.site] = True
            wanted = np.where(terms.classes.partial[channel], 1, rest)
            full = self._first_full(ranking[region[order]], channel, sku, wanted, used[order], stock)
            cell = np.where(full >= 0, full, cell)
        cell = np.where(complete, np.where(stays[order], home, -1), cell)
        return LeftOver(order, some, served[some], rest, cell, complete & (cell >= 0))

    def _first_carrying(self, ranking: Ints, channel: Ints, sku: Ints) -> Ints:
        """Cell of the first ranked site that carries each SKU and that its channel may draw on, -1 = none does."""
        found = np.full(sku.size, -1, dtype=np.int64)
        for site in ranking.T[::-1]:
            here = (site != NO_SITE) & self._terms.classes.allowed[channel, site]
            cell = np.where(here, self._cell_of[site, sku], -1)
            found = np.where(cell >= 0, cell, found)
        return found

    def _first_full(self, ranking: Ints, channel: Ints, sku: Ints, wanted: Ints, used: Flags, stock: Stock) -> Ints:
        """Cell of the first ranked site that could serve each line if it had room, -1 = none could."""
        found = np.full(sku.size, -1, dtype=np.int64)
        row = np.arange(sku.size)
        for site in ranking.T[::-1]:
            here = (site != NO_SITE) & self._terms.classes.allowed[channel, site]
            here &= (stock.room[site] <= 0) & ~used[row, site]
            cell = np.where(here, self._cell_of[site, sku], -1)
            found = np.where(self.usable(stock.free_units, channel, cell) >= wanted, cell, found)
        return found
