"""Sourcing in batches, in columns: what the sourcing desk decides becomes reservations, short lines and shipments.

Owns how the window engine does as it is told; what is decided is `sim.sourcing`'s work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.sim.records import NEVER
from omsim.sim.sourcing.desk import SourcingDesk
from omsim.sim.window.rows import ship_sourced
from omsim.sim.window.state import (
    BACKORDERED,
    CANCELLED,
    CANCELLED_AT,
    CELL,
    FIRST,
    FREE_SINCE,
    HEAD,
    LAST_FILL,
    LINE,
    NEXT,
    OF_ORDER,
    RESERVED,
    SHORT,
    STOCKED,
    TAIL,
    WAITING,
    with_room,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.purchasing import PurchaseLines
    from omsim.sim.sourcing.columns import SourcingColumns, SubstitutionColumns
    from omsim.sim.sourcing.hold import Pieces
    from omsim.sim.sourcing.left_over import LeftOver
    from omsim.sim.window.intake import Orders
    from omsim.sim.window.state import Guide, State

I64 = NDArray[np.int64]


class BatchSourcing:
    """The window engine's side of the sourcing desk.

    Parameters
    ----------
    business, plan, intake, seed, replication
        As `SourcingDesk` takes them.
    orders : Orders
    queue : int32, shape (n_tried,)
        Orders in turn of allocation.

    Attributes
    ----------
    desk : SourcingDesk
    """

    def __init__(
        self,
        business: Business,
        plan: Plan,
        intake: Intake,
        orders: Orders,
        queue: NDArray[np.int32],
        *,
        seed: int,
        replication: int,
    ) -> None:
        self._plan, self._queue, self._validated_s = plan, queue, orders.validated_s
        day = np.searchsorted(plan.times.day_start_s, orders.promise_s, side="right") - 1
        promise_day = np.where(orders.promise_s >= 0, day, -1)
        self.desk = SourcingDesk(
            business, plan, intake, seed=seed, replication=replication, promise_day=promise_day.astype(np.int64)
        )
        self._ends = np.searchsorted(orders.allocated_s[queue], plan.times.cycle_s, side="right")
        self._row_of_line = np.full(intake.sku.size, -1, dtype=np.int32)
        self._freed = np.zeros(0, dtype=np.int64)

    def source(
        self, guide: Guide, state: State, number: int, now_s: int, due: Mapping[int, Sequence[PurchaseLines]]
    ) -> State:
        """Decide at a cycle (its number counts from 0) and ship what may go; returns the state with room for it.

        `due` holds the purchase-order lines still to come, by instant.
        """

        def available_units(until_s: int) -> I64:
            units = state.free - state.stock[:, BACKORDERED]
            for lines in (lines for instant, parts in due.items() if instant <= until_s for lines in parts):
                np.add.at(units, lines.cell, lines.units)
            return units

        new = self._queue[self._ends[number - 1] if number else 0 : self._ends[number]].astype(np.int64)
        decided = self.desk.decide(now_s, new, self._validated_s[new].astype(np.int64), state.free, available_units)
        pieces = decided.pieces
        _reserve(self._plan, state, self._cells_of(state, pieces), pieces.units, now_s)
        state = self._leave_over(guide, state, decided.left, now_s)
        row = self._row_of_line[decided.again]
        state.short[RESERVED, row] = state.units[decided.again]
        state.short[LAST_FILL, row] = now_s
        np.subtract.at(state.stock[:, BACKORDERED], state.short[CELL, row], state.units[decided.again].astype(np.int64))
        cell, units = self.desk.trade(now_s, state.free)
        _reserve(self._plan, state, cell[units > 0], units[units > 0], now_s)
        self._freed = cell[units < 0]
        _give_back(state, self._freed, -units[units < 0], now_s)
        return self.ship(guide, state, self.desk.release(now_s), now_s)

    def ship(self, guide: Guide, state: State, pieces: Pieces, released_s: int) -> State:
        """Make shipments of reserved pieces; those on hold at the end are released NEVER."""
        n = pieces.line.size
        row = self._row_of_line[pieces.line].astype(np.int64)
        parts = np.flatnonzero((row < 0) & (pieces.units < state.units[pieces.line]))
        lines, first = np.unique(pieces.line[parts], return_index=True)  # served at once and whole, but from several
        state = with_room(state, shipments=n, short=lines.size, pieces=n)
        rows = self._new_short(
            state, pieces.order[parts[first]], lines, state.units[lines], pieces.sourced_s[parts[first]]
        )
        state.short[CELL, rows] = -1
        row = self._row_of_line[pieces.line].astype(np.int64)
        ship_sourced(guide, state, pieces.order, pieces.line, pieces.site, pieces.units, row, released_s)
        return state

    def close(self, guide: Guide, state: State) -> tuple[State, SubstitutionColumns, SourcingColumns]:
        """The state with shipments of all that is still on hold, never released; and what the desk did."""
        return (self.ship(guide, state, self.desk.on_hold(), NEVER), *self.desk.records())

    def room(self, now_s: int) -> I64:
        """Shipments every site may still take on the day of a second; taken from in place."""
        return self.desk.room(int(np.searchsorted(self._plan.times.day_start_s, now_s, side="right")) - 1)

    def reopen(self, state: State, touched: NDArray[np.bool_], now_s: int) -> None:
        """Mark the cells to look at again: those of sites with new room today, and those a trade gave units back to."""
        for site in self.desk.reopened_sites(now_s):
            cells = np.flatnonzero(self._plan.cells.site == site)
            touched[cells[state.stock[cells, BACKORDERED] > 0]] = True
        touched[self._freed] = True
        self._freed = self._freed[:0]

    def give_up(self, state: State, now_s: int) -> None:
        """Cancel the orders that have waited whole for too long."""
        for order in self.desk.give_up(now_s).tolist():
            line = np.arange(state.first_line[order], state.first_line[order + 1])
            row = self._row_of_line[line]
            state.short[CANCELLED, row] = state.units[line]
            state.short[CANCELLED_AT, row] = now_s
            np.subtract.at(state.stock[:, BACKORDERED], state.short[CELL, row], state.units[line].astype(np.int64))

    def _cells_of(self, state: State, pieces: Pieces) -> I64:
        cells: I64 = self._plan.network.cell_of[pieces.site, state.sku[pieces.line]].astype(np.int64)
        return cells

    def _new_short(self, state: State, order: I64, line: I64, first_units: NDArray[np.integer], at_s: I64 | int) -> I64:
        """Rows of lines that stock does not fill at once, whole and from one site."""
        n = line.size
        rows = int(state.tally[SHORT]) + np.arange(n)
        state.tally[SHORT] += n
        state.short[:, rows] = 0
        state.short[LINE, rows] = line
        state.short[OF_ORDER, rows] = order
        state.short[FIRST, rows] = first_units
        state.short[RESERVED, rows] = first_units
        state.short[LAST_FILL, rows] = np.where(first_units > 0, at_s, NEVER)
        state.short[CANCELLED_AT, rows] = NEVER
        state.short[NEXT, rows] = -1
        self._row_of_line[line] = rows
        return rows

    def _leave_over(self, guide: Guide, state: State, left: LeftOver, now_s: int) -> State:
        """Let the rests of lines wait, in the queues of cells or with their whole orders, or lose them."""
        state = with_room(state, short=left.line.size)
        rows = self._new_short(state, left.order, left.line, left.served_units, now_s)
        lost = left.cell < 0
        state.short[CELL, rows] = left.cell
        state.short[CANCELLED, rows[lost]] = left.left_units[lost]
        state.short[CANCELLED_AT, rows[lost]] = now_s
        np.add.at(state.stock[:, BACKORDERED], left.cell[~lost], left.left_units[~lost])
        queues = ~lost & ~left.whole
        state.tally[WAITING] += int(queues.sum())
        ranks = self._plan.channels.rank[state.channel[left.order[queues]]]
        if guide.oldest_first:
            ranks[:] = 0
        for row, cell, rank in zip(rows[queues].tolist(), left.cell[queues].tolist(), ranks.tolist(), strict=True):
            last = state.waiting[TAIL, cell, rank]
            if last < 0:
                state.waiting[HEAD, cell, rank] = row
            else:
                state.short[NEXT, last] = row
            state.waiting[TAIL, cell, rank] = row
        return state


def _give_back(state: State, cell: I64, units: I64, now_s: int) -> None:
    """Free reserved units of distinct cells."""
    state.stock[cell[state.free[cell] == 0], FREE_SINCE] = now_s
    state.free[cell] += units


def _reserve(plan: Plan, state: State, cell: I64, units: I64, now_s: int) -> None:
    """Take free units of many cells at once, in any number of pieces."""
    cells, of_piece = np.unique(cell, return_inverse=True)
    taken = np.zeros(cells.size, dtype=np.int64)
    np.add.at(taken, of_piece, units)
    state.free[cells] -= taken
    emptied = cells[state.free[cells] == 0]
    since = np.maximum(state.stock[emptied, FREE_SINCE], plan.times.warm_up_s)
    state.stock[emptied, STOCKED] += np.maximum(now_s - since, 0)
