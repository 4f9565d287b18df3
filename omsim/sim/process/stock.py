"""One cell of stock (a SKU at a site) and the lines that wait for it.

Owns the units and their integrals over time; who gets them is decided by `warehouse`, how many are bought by
`purchasing`.
"""

from __future__ import annotations

from heapq import heapify, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from simpy import Environment


class WaitingLine:
    """What an order line still waits for at a cell."""

    __slots__ = ("line", "order", "units")

    def __init__(self, order: int, line: int, units: int) -> None:
        self.order = order
        self.line = line
        self.units = units


class Cell:
    """Units of one SKU at one site.

    Attributes
    ----------
    number, site, sku : int
        Row in the model's `stock`, and what it says.
    on_hand, reserved, on_order, backordered : int
        Now: in the building; promised to shipments not yet gone; bought and not arrived; waited for.
    received, restocked, shipped, shrunk : int
        So far, from the start.
    on_hand_unit_s, stocked_s : int
        Integrals of `on_hand`, and of free stock being above zero, over counted time.
    cycles, stockout_cycles : int
        Receipts in counted time, and those that came when nothing was free.
    """

    __slots__ = (
        "_counted_s",
        "_env",
        "_queue",
        "backordered",
        "cycles",
        "number",
        "on_hand",
        "on_hand_unit_s",
        "on_order",
        "received",
        "reserved",
        "restocked",
        "shipped",
        "shrunk",
        "site",
        "sku",
        "stocked_s",
        "stockout_cycles",
    )

    def __init__(self, env: Environment, *, number: int, site: int, sku: int, opening: int, warm_up_s: int) -> None:
        self.number, self.site, self.sku = number, site, sku
        self.on_hand = opening
        self.reserved = self.on_order = self.backordered = 0
        self.received = self.restocked = self.shipped = self.shrunk = 0
        self.on_hand_unit_s = self.stocked_s = self.cycles = self.stockout_cycles = 0
        self._env = env
        self._counted_s = warm_up_s
        self._queue: list[tuple[int, int, WaitingLine]] = []

    @property
    def free(self) -> int:
        """Units on hand that nobody has been promised."""
        return self.on_hand - self.reserved

    @property
    def position(self) -> int:
        """The inventory position that reorder policies read."""
        return self.on_hand - self.reserved + self.on_order - self.backordered

    def count(self) -> None:
        """Bring the integrals up to now; called before every change of units, and at the end."""
        now = int(self._env.now)
        seconds = now - self._counted_s
        if seconds > 0:
            self.on_hand_unit_s += self.on_hand * seconds
            if self.on_hand > self.reserved:
                self.stocked_s += seconds
            self._counted_s = now

    def reserve(self, units: int) -> None:
        """Promise free units to a shipment."""
        self.count()
        self.reserved += units

    def ship(self, units: int) -> None:
        """Hand reserved units to the carrier."""
        self.count()
        self.on_hand -= units
        self.reserved -= units
        self.shipped += units

    def receive(self, units: int) -> None:
        """Put away bought units."""
        self.count()
        self.on_hand += units
        self.on_order -= units
        self.received += units

    def restock(self, units: int) -> None:
        """Put returned units back on the shelf."""
        self.count()
        self.on_hand += units
        self.restocked += units

    def shrink(self, units: int) -> None:
        """Lose free units."""
        self.count()
        self.on_hand -= units
        self.shrunk += units

    def begin_wait(self, rank: tuple[int, int], waiting: WaitingLine) -> None:
        """Put a line into the queue; ranks are distinct and the lowest is served first."""
        self.backordered += waiting.units
        heappush(self._queue, (*rank, waiting))

    @property
    def waiting_in_turn(self) -> list[WaitingLine]:
        """The lines that wait, the one to be served first first."""
        return [waiting for _, _, waiting in sorted(self._queue)]

    def fill(self, waiting: WaitingLine, units: int) -> None:
        """Reserve units for a line that waits."""
        self.reserve(units)
        self.settle(units)
        waiting.units -= units

    def drop_filled(self) -> None:
        """Take the lines that wait for no more out of the queue."""
        if any(not waiting.units for _, _, waiting in self._queue):
            self._queue = [entry for entry in self._queue if entry[2].units]
            heapify(self._queue)

    def owe(self, units: int) -> None:
        """Count units waited for outside the queue, by an order that waits whole."""
        self.backordered += units

    def settle(self, units: int) -> None:
        """Count units as waited for no more."""
        self.backordered -= units

    def give_up(self, leaves: Callable[[WaitingLine], bool]) -> list[WaitingLine]:
        """Take the lines that leave out of the queue and return them."""
        gone = [waiting for _, _, waiting in self._queue if leaves(waiting)]
        if gone:
            self._queue = [entry for entry in self._queue if not leaves(entry[2])]
            heapify(self._queue)
            self.backordered -= sum(waiting.units for waiting in gone)
        return gone
