"""Which stock serves which order: allocation, backorders and how long they wait.

Owns the walk over the sites, the queue of waiting lines and restocking; buying is `purchasing`'s work. A shipment made
here goes its own way at once.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from omsim.sim.process.entities import Piece, Shipment, ShortLine
from omsim.sim.process.moments import ALLOCATION, BACKORDER_FILLS, PATIENCE, RESTOCKS, Moment
from omsim.sim.process.shipments import carry_shipment
from omsim.sim.process.stock import Cell, WaitingLine
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from simpy.events import Event, ProcessGenerator

    from omsim.sim.process.shop import Shop, Terms
    from omsim.sim.process.sourcing import BatchSourcing
    from omsim.sim.process.tenders import Docks


class Warehouse:
    """Allocation and what waits for stock.

    Parameters
    ----------
    shop : Shop
    docks : Docks
        Where shipments end up when packed.
    """

    def __init__(self, shop: Shop, docks: Docks) -> None:
        self.shop, self._docks = shop, docks
        self._cycles: list[int] = shop.plan.times.cycle_s.tolist()
        self._out_until_s: list[int] = shop.plan.times.out_until_s.tolist()
        self._batches: dict[int, list[tuple[int, Event]]] = {}
        self._touched: set[int] = set()
        self._lines_waited = 0
        self._cells_waited_at: set[int] = set()
        self._sourcing: BatchSourcing | None = None
        if shop.desk is not None:
            from omsim.sim.process.sourcing import BatchSourcing

            self._sourcing = BatchSourcing(shop, self, shop.desk)
        if not shop.plan.rules.immediate:
            shop.env.process(self._allocate_at_cycles())
        shop.env.process(self._restock_at_cycles())
        shop.env.process(self._lose_patience())

    def allocation_of(self, order: int) -> Event:
        """The event of an order's allocation: at the next cycle, or now unless the system is out."""
        allocated = self.shop.env.event()
        self._batch(self._allocation_instant()).append((order, allocated))
        return allocated

    def _allocation_instant(self) -> int:
        """In `at_cycle`, one batch collects until the cycle comes: it is kept under NEVER."""
        if not self.shop.plan.rules.immediate:
            return NEVER
        now = self.shop.now
        return self._out_until_s[self.shop.day_of(now)] or now

    def _batch(self, instant_s: int) -> list[tuple[int, Event]]:
        if instant_s not in self._batches:
            self._batches[instant_s] = []
            if NEVER < instant_s < self.shop.horizon_s:
                moment = Moment(self.shop.env, instant_s, ALLOCATION)
                moment.callbacks.append(lambda _: self._allocate_batch(instant_s))
        return self._batches[instant_s]

    def _allocate_at_cycles(self) -> ProcessGenerator:
        for cycle_s in self._cycles:
            yield Moment(self.shop.env, cycle_s, ALLOCATION)
            self._allocate_batch(NEVER)

    def _allocate_batch(self, instant_s: int) -> None:
        """Allocate the orders of one instant: by channel priority, then as validated, then by number."""
        shop, book = self.shop, self.shop.book
        batch = self._batches.pop(instant_s, [])
        if self._sourcing is not None:
            self._sourcing.source([order for order, _ in batch])
            for _, allocated in batch:
                allocated.succeed()
            return
        batch.sort(key=lambda entry: (shop.terms_of(entry[0]).rank, book.validated_s[entry[0]], entry[0]))
        day = shop.day_of(shop.now)
        for order, allocated in batch:
            self._allocate(order, day)
            allocated.succeed()

    def _allocate(self, order: int, day: int) -> None:
        shop, book, terms = self.shop, self.shop.book, self.shop.terms_of(order)
        book.allocated_s[order] = shop.now
        ranked = shop.ranking[book.region[order]]
        sites = [site for site in ranked if not shop.closed[site][day]]
        lines = book.lines_of(order)
        whole = self._serves_all(sites, lines) if shop.plan.rules.fewest_splits else None
        reserved = self._reserve(lines, sites if whole is None else [whole], terms)
        parcels: dict[int, list[Piece]] = {}
        for pieces in reserved:
            for piece in pieces:
                parcels.setdefault(piece.cell.site, []).append(piece)
        shipments = {site: self.ship(order, site, pieces) for site, pieces in parcels.items()}
        for line, pieces in zip(lines, reserved, strict=True):
            for piece in pieces:
                book.record_piece(piece, shipments[piece.cell.site])
            if len(pieces) != 1 or pieces[0].units < book.units[line]:
                self._leave_over(order, line, pieces, ranked, terms)

    def _serves_all(self, sites: list[int], lines: range) -> int | None:
        """The first site that has every line of an order free and whole."""
        book = self.shop.book
        wanted: Counter[int] = Counter()
        for line in lines:
            wanted[book.sku[line]] += book.units[line]
        for site in sites:
            carried = self.shop.cell_at[site]
            for sku, units in wanted.items():
                cell = carried[sku]
                if cell is None or cell.free < units:
                    break
            else:
                return site
        return None

    def _reserve(self, lines: range, sites: list[int], terms: Terms) -> list[list[Piece]]:
        """Reserve what the sites have, line by line; a list of pieces for each line, in the order of the walk."""
        book = self.shop.book
        used: set[int] = set()
        reserved: list[list[Piece]] = []
        for line in lines:
            sku, remains = book.sku[line], book.units[line]
            pieces: list[Piece] = []
            for site in sites:
                cell = self.shop.cell_at[site][sku]
                if cell is None or (site not in used and len(used) >= terms.split_limit):
                    continue
                units = self._served(cell, remains, terms)
                if units:
                    cell.reserve(units)
                    used.add(site)
                    pieces.append(Piece(line, cell, units))
                    remains -= units
                    if not remains:
                        break
            reserved.append(pieces)
        return reserved

    @staticmethod
    def _served(cell: Cell, units: int, terms: Terms) -> int:
        """Units a cell gives to a line that asks for so many: what is free, or all or nothing for whole lines."""
        return Warehouse._served_of(cell.free, units, terms)

    @staticmethod
    def _served_of(free: int, units: int, terms: Terms) -> int:
        """What of so many free units a line that asks for so many gets."""
        if free >= units:
            return units
        return free if terms.partial else 0

    def _leave_over(self, order: int, line: int, pieces: list[Piece], ranked: list[int], terms: Terms) -> None:
        """Let the rest of a line wait where the SKU is carried, or lose it."""
        shop, sku = self.shop, self.shop.book.sku[line]
        filled = sum(piece.units for piece in pieces)
        rest = shop.book.units[line] - filled
        carriers = (shop.cell_at[site][sku] for site in ranked)
        cell = next((cell for cell in carriers if cell), None) if terms.backorders and rest else None
        if cell:
            self.begin_wait(cell, order, line, rest)
        lost = 0 if cell else rest
        shop.book.short_lines[line] = ShortLine(
            first_units=filled,
            shipment_units=pieces[0].units if pieces else 0,
            reserved_units=filled,
            cancelled_units=lost,
            last_fill_s=shop.now if filled else NEVER,
            cancelled_s=shop.now if lost else NEVER,
            cell=cell.number if cell else -1,
        )

    def begin_wait(self, cell: Cell, order: int, line: int, units: int) -> None:
        """Let the rest of a line wait in a cell's queue."""
        self._lines_waited += 1
        priority = 0 if self.shop.plan.rules.oldest_first else self.shop.terms_of(order).rank
        cell.begin_wait((priority, self._lines_waited), WaitingLine(order, line, units))
        self._cells_waited_at.add(cell.number)

    def ship(self, order: int, site: int, pieces: list[Piece], *, released: bool = True) -> Shipment:
        """Make a shipment of reserved pieces and send it on its way now; unreleased, it stays where it is."""
        shop, book = self.shop, self.shop.book
        goods = [(book.sku[piece.line], piece.units) for piece in pieces]
        shipment = Shipment(
            row=len(book.shipments),
            order=order,
            number=book.n_shipments[order],
            site=site,
            released_s=shop.now if released else NEVER,
            pieces=pieces,
            units=sum(units for _, units in goods),
            weight_g=sum(shop.weight_g[sku] * units for sku, units in goods),
            volume_mm3=sum(shop.volume_mm3[sku] * units for sku, units in goods),
            picked_up=shop.env.event(),
        )
        book.shipments.append(shipment)
        book.n_shipments[order] += 1
        if released:
            shop.env.process(carry_shipment(shop, self._docks, shipment))
        return shipment

    def touch(self, cell: Cell) -> None:
        """Units came: serve who waits for them, after all of this second's stock is in."""
        if not self._touched:
            Moment(self.shop.env, self.shop.now, BACKORDER_FILLS).callbacks.append(self._fill_backorders)
        self._touched.add(cell.number)

    def _restock_at_cycles(self) -> ProcessGenerator:
        for cycle_s in self._cycles:
            yield Moment(self.shop.env, cycle_s, RESTOCKS)
            for cell, units in self.shop.to_shelve:
                cell.restock(units)
                self.touch(cell)
            self.shop.to_shelve.clear()
            if self._sourcing is not None:
                self._sourcing.reopen()

    def _fill_backorders(self, _: Event) -> None:
        """Serve the queues of the cells touched, cell by cell; an order's fills from one site are one shipment."""
        shop = self.shop
        parcels: dict[tuple[int, int], list[Piece]] = {}
        room = self._sourcing.room() if self._sourcing is not None else None
        for number in sorted(self._touched):
            self._fill_cell(shop.cells[number], parcels, room)
        self._touched.clear()
        for (order, site), pieces in parcels.items():
            shipment = self.ship(order, site, pieces)
            for piece in pieces:
                short = shop.book.short_lines[piece.line]
                short.shipment_units = short.shipment_units or piece.units
                short.reserved_units += piece.units
                short.last_fill_s = shop.now
                shop.book.record_piece(piece, shipment)

    def _fill_cell(
        self, cell: Cell, parcels: dict[tuple[int, int], list[Piece]], room: NDArray[np.int64] | None
    ) -> None:
        """Serve the queue of a cell, until there is nothing left to give, or no room for one more shipment."""
        shop = self.shop
        stopped: set[int] = set()  # channels for which there is only what is kept for others
        for waiting in cell.waiting_in_turn if cell.free > 0 else ():
            if cell.free <= 0:
                break
            channel, terms, wanted = shop.book.channel[waiting.order], shop.terms_of(waiting.order), waiting.units
            if channel in stopped:
                continue
            kept = self._sourcing.kept_units(channel, cell.number) if self._sourcing is not None else 0
            units = self._served_of(max(cell.free - kept, 0), wanted, terms)
            if units:
                if room is not None and (waiting.order, cell.site) not in parcels:
                    if room[cell.site] <= 0:
                        break
                    room[cell.site] -= 1
                cell.fill(waiting, units)
                parcels.setdefault((waiting.order, cell.site), []).append(Piece(waiting.line, cell, units))
            if units < wanted:
                if not self._served_of(cell.free, wanted - units, terms):
                    break
                stopped.add(channel)
        cell.drop_filled()

    def _lose_patience(self) -> ProcessGenerator:
        """Cancel, at each review, what has waited longer than its customer would."""
        shop = self.shop
        for review_s in shop.plan.times.review_s.tolist():
            if review_s >= shop.horizon_s:
                return
            yield Moment(shop.env, review_s, PATIENCE)
            for number in sorted(self._cells_waited_at):
                for waiting in shop.cells[number].give_up(self._has_had_enough):
                    short = shop.book.short_lines[waiting.line]
                    short.cancelled_units += waiting.units
                    short.cancelled_s = shop.now
                if not shop.cells[number].waiting_in_turn:
                    self._cells_waited_at.discard(number)
            if self._sourcing is not None:
                self._sourcing.give_up()

    def close(self) -> None:
        """Tell, at the horizon, what only the end tells."""
        if self._sourcing is not None:
            self._sourcing.close()

    def _has_had_enough(self, waiting: WaitingLine) -> bool:
        patience_s = self.shop.terms_of(waiting.order).patience_s
        return 0 <= patience_s <= self.shop.now - self.shop.book.arrived_s[waiting.order]
