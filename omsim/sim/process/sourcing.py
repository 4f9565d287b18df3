"""Sourcing in batches, order by order: what the sourcing desk decides becomes reservations, waits and shipments.

Owns how the warehouse does as it is told; what is decided is `sim.sourcing`'s work.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from omsim.sim.process.entities import Piece, ShortLine
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.sim.process.shop import Shop
    from omsim.sim.process.warehouse import Warehouse
    from omsim.sim.sourcing.desk import SourcingDesk
    from omsim.sim.sourcing.hold import Pieces
    from omsim.sim.sourcing.left_over import LeftOver

    Ints = NDArray[np.int64]


class BatchSourcing:
    """The warehouse's side of the sourcing desk.

    Parameters
    ----------
    shop : Shop
    warehouse : Warehouse
        Makes the shipments and lets lines wait.
    desk : SourcingDesk
    """

    def __init__(self, shop: Shop, warehouse: Warehouse, desk: SourcingDesk) -> None:
        self._shop, self._warehouse, self._desk = shop, warehouse, desk
        self._freed: list[int] = []

    def source(self, orders: list[int]) -> None:
        """Decide for the orders of a cycle, and release what may go."""
        shop, book = self._shop, self._shop.book
        decided = self._desk.decide(
            shop.now,
            np.array(orders, dtype=np.int64),
            np.array([book.validated_s[order] for order in orders], dtype=np.int64),
            np.array([cell.free for cell in shop.cells], dtype=np.int64),
            self._available_until,
        )
        for line in decided.changed.tolist():
            book.sku[line] = int(self._desk.sku[line])
        for order in decided.tried.tolist():
            book.allocated_s[order] = shop.now
        for piece in self._reserved(decided.pieces):
            piece.cell.reserve(piece.units)
        self._leave_over(decided.left)
        for line in decided.again.tolist():
            short = book.short_lines[line]
            short.reserved_units, short.last_fill_s = book.units[line], shop.now
            shop.cells[short.cell].settle(book.units[line])
        free = np.array([cell.free for cell in shop.cells], dtype=np.int64)
        for number, units in zip(*(column.tolist() for column in self._desk.trade(shop.now, free)), strict=True):
            shop.cells[number].reserve(units)
            if units < 0:
                self._freed.append(number)
        self.ship(self._desk.release(shop.now))

    def close(self) -> None:
        """Tell, at the horizon, what is still on hold, and what the desk did."""
        self.ship(self._desk.on_hold(), released=False)
        self._shop.book.substitutions, self._shop.book.sourcing = self._desk.records()

    def ship(self, pieces: Pieces, *, released: bool = True) -> None:
        """Make shipments of pieces reserved before: one an order and site, in the order of the pieces."""
        book = self._shop.book
        rows = list(zip(self._reserved(pieces), pieces.order.tolist(), pieces.sourced_s.tolist(), strict=True))
        for order, of_order in groupby(rows, key=lambda row: row[1]):
            parcels: dict[int, list[Piece]] = {}
            served: dict[int, list[Piece]] = {}
            first_s = NEVER
            for piece, _, sourced_s in of_order:
                first_s = sourced_s
                parcels.setdefault(piece.cell.site, []).append(piece)
                served.setdefault(piece.line, []).append(piece)
            shipments = {
                site: self._warehouse.ship(order, site, parts, released=released) for site, parts in parcels.items()
            }
            for line, parts in served.items():
                if line not in book.short_lines and len(parts) > 1:
                    units = book.units[line]
                    book.short_lines[line] = ShortLine(
                        first_units=units,
                        shipment_units=0,
                        reserved_units=units,
                        cancelled_units=0,
                        last_fill_s=first_s,
                        cancelled_s=NEVER,
                        cell=-1,
                    )
                for piece in parts:
                    if line in book.short_lines:
                        short = book.short_lines[line]
                        short.shipment_units = short.shipment_units or piece.units
                    book.record_piece(piece, shipments[piece.cell.site])

    def reopen(self) -> None:
        """Look again at cells of sites with new room today, and at those a trade gave units back to."""
        shop = self._shop
        reopened = set(self._desk.reopened_sites(shop.now).tolist())
        for cell in shop.cells if reopened else ():
            if cell.site in reopened and cell.backordered:
                self._warehouse.touch(cell)
        for number in self._freed:
            self._warehouse.touch(shop.cells[number])
        self._freed.clear()

    def room(self) -> Ints:
        """Shipments every site may still take today."""
        return self._desk.room(self._shop.day_of(self._shop.now))

    def kept_units(self, channel: int, cell: int) -> int:
        """Units of a cell that a channel must leave for others."""
        kept = self._desk.kept_units
        return int(kept[channel, cell]) if kept.shape[1] else 0

    def give_up(self) -> None:
        """Cancel the orders that have waited whole for too long."""
        shop, book = self._shop, self._shop.book
        for order in self._desk.give_up(shop.now).tolist():
            for line in book.lines_of(order):
                short = book.short_lines[line]
                short.cancelled_units, short.cancelled_s = book.units[line], shop.now
                shop.cells[short.cell].settle(book.units[line])

    def _available_until(self, until_s: int) -> Ints:
        """Units of each cell free or due until a second, less those waited for."""
        shop = self._shop
        units = np.array([cell.free - cell.backordered for cell in shop.cells], dtype=np.int64)
        for line in shop.book.purchases:
            if shop.now < line.receipt_s <= until_s and line.receipt_s < shop.horizon_s:
                units[line.cell.number] += line.units
        return units

    def _reserved(self, pieces: Pieces) -> list[Piece]:
        shop = self._shop
        found = []
        for line, site, units in zip(pieces.line.tolist(), pieces.site.tolist(), pieces.units.tolist(), strict=True):
            cell = shop.cell_at[site][shop.book.sku[line]]
            assert cell is not None
            found.append(Piece(line, cell, units))
        return found

    def _leave_over(self, left: LeftOver) -> None:
        """Let the rests of lines wait, in the queues of cells or with their whole orders, or lose them."""
        shop = self._shop
        for order, line, filled, rest, number, whole in zip(*(column.tolist() for column in left), strict=True):
            if number >= 0 and whole:
                shop.cells[number].owe(rest)
            elif number >= 0:
                self._warehouse.begin_wait(shop.cells[number], order, line, rest)
            lost = 0 if number >= 0 else rest
            shop.book.short_lines[line] = ShortLine(
                first_units=filled,
                shipment_units=0,
                reserved_units=filled,
                cancelled_units=lost,
                last_fill_s=shop.now if filled else NEVER,
                cancelled_s=shop.now if lost else NEVER,
                cell=number,
            )
