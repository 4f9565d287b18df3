"""A window run that looks at one order on its way: the same run to the bit, with a record of what was seen.

Owns the looking; what a run does is `engine`'s, what was seen is kept by `sim.watching`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError
from omsim.sim.parcels import DockParcels
from omsim.sim.watching import FillSeen, OrderSeen, Piece, TenderSeen, TradeSeen, TrySeen
from omsim.sim.window.engine import WindowRun
from omsim.sim.window.finish import make_records
from omsim.sim.window.state import (
    CANCELLED,
    CELL,
    HEAD,
    IN_SHIPMENT,
    LINE,
    NEXT,
    OF_ORDER,
    OF_SHORT,
    ORDER,
    PIECE_UNITS,
    PIECES,
    RESERVED,
    SHIPMENTS,
    SHORT,
    SITE,
    TURN,
)

if TYPE_CHECKING:
    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.decisions import TenderDecision
    from omsim.sim.plan import Plan
    from omsim.sim.planning import ReorderPlanner
    from omsim.sim.records import RunRecords
    from omsim.sim.sourcing.hold import Pieces
    from omsim.sim.sourcing.rules import Answer
    from omsim.sim.window.sourcing import BatchSourcing

I64 = NDArray[np.int64]


def run_watched(
    business: Business,
    plan: Plan,
    intake: Intake,
    seen: OrderSeen,
    *,
    seed: int,
    replication: int,
    planner: ReorderPlanner | None = None,
) -> RunRecords:
    """Simulate one replication as `engine.run_window` does, and write into `seen` what becomes of its order.

    Raises
    ------
    FieldError
        The run has no such order.
    """
    n_orders = intake.arrived_s.size
    if not 0 <= seen.order < n_orders:
        raise FieldError("order", f"from 0 to {n_orders - 1:,}" if n_orders else "of a run that has orders", seen.order)
    run = _WatchedRun(business, plan, intake, seen, seed, replication, planner)
    run.play()
    finished = run.finished()
    del run
    return make_records(business, plan, finished, seed=seed, replication=replication)


class _WatchedRun(WindowRun):
    """One replication under way, and an order in it that is looked at."""

    def __init__(
        self,
        business: Business,
        plan: Plan,
        intake: Intake,
        seen: OrderSeen,
        seed: int,
        replication: int,
        planner: ReorderPlanner | None,
    ) -> None:
        super().__init__(business, plan, intake, seed, replication, planner)
        self._seen = seen
        turns = np.flatnonzero(self.state.queue == seen.order)
        self._turn = int(turns[0]) if turns.size and self.sourcing is None else -1
        self._due_s = int(self.orders.allocated_s[seen.order])
        self._free, self._room = self.state.free[:0], self.room
        self._held: frozenset[Piece] = frozenset()
        if self.sourcing is not None:
            self.sourcing.desk.watch = self._see_decision

    def _allocate(self, until_s: int) -> None:
        """As the engine, but in three steps where the order's turn comes: those before, itself, the others."""
        if self.state.tally[TURN] <= self._turn and self._due_s <= until_s:
            queue = self.state.queue
            self._allocate_first(queue[: self._turn], until_s)
            free = self.state.free.copy()
            before = int(self.state.tally[SHIPMENTS]), int(self.state.tally[PIECES])
            self._allocate_first(queue[: self._turn + 1], until_s)
            self.state = self.state._replace(queue=queue)
            self._seen.tries.append(
                TrySeen(
                    at_s=self._due_s,
                    orders=1,
                    before=0,
                    free_units=free,
                    earlier_units=np.zeros_like(free),
                    later_units=np.zeros_like(free),
                    room=self.room.copy(),
                    earlier_shipments=np.zeros_like(self.room),
                    later_shipments=np.zeros_like(self.room),
                    pieces=tuple(sorted(self._pieces_made(*before))),
                    sku=self._skus(),
                    status="in_turn",
                    fallback="",
                )
            )
        super()._allocate(until_s)

    def _allocate_first(self, queue: NDArray[np.int32], until_s: int) -> None:
        self.state = self.state._replace(queue=queue)
        super()._allocate(until_s)

    def _source(self, sourcing: BatchSourcing, number: int, instant: int) -> None:
        day = int(np.searchsorted(self.plan.times.day_start_s, instant, side="right")) - 1
        self._free, self._room = self.state.free.copy(), sourcing.desk.room(day).copy()
        self._held = self._on_hold(sourcing)
        before = int(self.state.tally[SHIPMENTS]), int(self.state.tally[PIECES])
        super()._source(sourcing, number, instant)
        if self._held:
            after = self._on_hold(sourcing) or frozenset(self._pieces_made(*before))
            if after != self._held:
                told = (tuple(sorted(pieces)) for pieces in (self._held, after))
                self._seen.trades.append(TradeSeen(at_s=instant, before=next(told), after=next(told)))

    def _see_decision(self, pieces: Pieces, tried: I64, answer: Answer) -> None:
        """What a cycle of the batch path decided, if the order was tried."""
        turn = np.flatnonzero(tried == self._seen.order)
        if not turn.size:
            return
        place = np.empty(self.state.arrived_s.size, dtype=np.int64)
        place[tried] = np.arange(tried.size)
        order_at, cell = place[pieces.order], self.plan.network.cell_of[pieces.site, self.state.sku[pieces.line]]
        n_sites = self._room.size
        taken, shipped = [], []
        for some in (order_at < turn[0], order_at > turn[0]):
            taken.append(np.zeros_like(self._free))
            np.add.at(taken[-1], cell[some], pieces.units[some])
            used = np.unique(order_at[some] * n_sites + pieces.site[some]) % n_sites
            shipped.append(np.bincount(used, minlength=n_sites))
        mine = pieces.order == self._seen.order
        first = self._lines()[0]
        lines = np.concatenate([[0], np.cumsum(np.diff(self.state.first_line)[tried])])
        rows = slice(int(lines[turn[0]]), int(lines[turn[0] + 1]))
        found = tuple(
            Piece(line - first, site, units)
            for line, site, units in zip(
                *(column[mine].tolist() for column in (pieces.line, pieces.site, pieces.units)), strict=True
            )
        )
        self._held = frozenset(found)
        self._seen.tries.append(
            TrySeen(
                at_s=int(self.env.now),
                orders=tried.size,
                before=int(turn[0]),
                free_units=self._free,
                earlier_units=taken[0],
                later_units=taken[1],
                room=self._room,
                earlier_shipments=shipped[0],
                later_shipments=shipped[1],
                pieces=found,
                sku=self._skus(),
                status=answer.status,
                fallback=answer.fallback,
                worth_cents=answer.worth_cents,
                shares=None if answer.shares is None else answer.shares[rows].copy(),
            )
        )

    def _fill(self) -> None:
        waiting = self._queued()
        super()._fill()
        now = int(self.env.now)
        for row, free, ahead, wanted, reserved in waiting:
            given = int(self.state.short[RESERVED, row]) - reserved
            cell, line = int(self.state.short[CELL, row]), int(self.state.short[LINE, row]) - self._lines()[0]
            self._seen.fills.append(
                FillSeen(
                    at_s=now, line=line, cell=cell, free_units=free, ahead_units=ahead, wanted_units=wanted,
                    given_units=given,
                )
            )  # fmt: skip

    def _queued(self) -> list[tuple[int, int, int, int, int]]:
        """Lines of the order that wait in queues about to be served: row, free, ahead, wanted, reserved so far."""
        short, state = self.state.short, self.state
        n_short = int(state.tally[SHORT])
        found = []
        for mine in np.flatnonzero(short[OF_ORDER, :n_short] == self._seen.order).tolist():
            cell = int(short[CELL, mine])
            if cell < 0 or not self.touched[cell]:
                continue
            ahead = 0
            for rank in range(state.waiting.shape[2]):
                row = int(state.waiting[HEAD, cell, rank])
                while row not in (-1, mine):
                    ahead += self._wanted_units(row)
                    row = int(short[NEXT, row])
                if row == mine:
                    wanted = self._wanted_units(row)
                    found.append((mine, int(state.free[cell]), ahead, wanted, int(short[RESERVED, mine])))
                    break
        return found

    def _wanted_units(self, row: int) -> int:
        short = self.state.short
        return int(self.state.units[short[LINE, row]]) - int(short[RESERVED, row]) - int(short[CANCELLED, row])

    def _look(
        self, at_s: int, site: int, shipments: NDArray[np.int32], parcels: DockParcels, decision: TenderDecision
    ) -> None:
        mine = np.flatnonzero(self.state.ships[ORDER, shipments] == self._seen.order)
        if not mine.size:
            return
        day = int(np.searchsorted(self.plan.times.day_start_s, at_s, side="right")) - 1
        slots = self.plan.tariff.slots[day, site]
        sent = decision.service >= 0
        weight_g = parcels.weight_g if decision.packed is None else parcels.weight_g + decision.packed.tare_g
        used_g = np.zeros(slots.size, dtype=np.int64)
        np.add.at(used_g, decision.service[sent], weight_g[sent])
        for at in mine.tolist():
            self._seen.tenders.append(
                TenderSeen(
                    at_s=at_s,
                    site=site,
                    day=day,
                    shipment=int(shipments[at]),
                    parcels=one_parcel(parcels, at),
                    n_parcels=shipments.size,
                    service=int(decision.service[at]),
                    price_cents=int(decision.price_cents[at]),
                    slots=slots.copy(),
                    used=decision.used.copy(),
                    used_g=used_g,
                    slot_price_cents=decision.slot_price_cents.copy(),
                    contract_price_cents=decision.contract_price_cents.copy(),
                    status=decision.status,
                    fallback=decision.fallback,
                )
            )

    def _lines(self) -> tuple[int, int]:
        """The order's first line, and the one behind its last."""
        first = self.state.first_line
        return int(first[self._seen.order]), int(first[self._seen.order + 1])

    def _skus(self) -> tuple[int, ...]:
        return tuple(int(sku) for sku in self.state.sku[slice(*self._lines())])

    def _on_hold(self, sourcing: BatchSourcing) -> frozenset[Piece]:
        held = sourcing.desk.on_hold()
        rows, first = np.flatnonzero(held.order == self._seen.order).tolist(), self._lines()[0]
        return frozenset(Piece(int(held.line[i]) - first, int(held.site[i]), int(held.units[i])) for i in rows)

    def _pieces_made(self, n_shipments: int, n_pieces: int) -> list[Piece]:
        """The order's units in shipments made since there were so many shipments and pieces."""
        state, (first, last) = self.state, self._lines()
        made = range(n_shipments, int(state.tally[SHIPMENTS]))
        whole = [(line, int(state.line_shipment[line])) for line in range(first, last)]
        found = [
            Piece(line - first, int(state.small[SITE, s]), int(state.units[line])) for line, s in whole if s in made
        ]
        for at in range(n_pieces, int(state.tally[PIECES])):
            line = int(state.short[LINE, state.pieces[OF_SHORT, at]])
            if first <= line < last:
                s = int(state.pieces[IN_SHIPMENT, at])
                found.append(Piece(line - first, int(state.small[SITE, s]), int(state.pieces[PIECE_UNITS, at])))
        return found


def one_parcel(parcels: DockParcels, at: int) -> DockParcels:
    """One shipment of a dock, by itself."""
    first, last = parcels.first_line[at : at + 2].tolist()
    measured = [column[at : at + 1].copy() for column in parcels[:6]]
    contents = np.array([0, last - first], dtype=np.int64)
    return DockParcels._make([*measured, contents, parcels.sku[first:last].copy(), parcels.units[first:last].copy()])
