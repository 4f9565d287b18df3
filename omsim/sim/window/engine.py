"""The window engine's clock: SimPy carries the control instants, compiled passes do what lies between them.

Owns which instant does what; the passes are in `allocation`, `flow`, `stock` and `shipping`, the records in `finish`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import simpy
from numpy.typing import NDArray

from omsim.demand.rng import Purpose, stream_key
from omsim.kernels.allocation.batch import nothing_kept
from omsim.kernels.queues import empty_stations
from omsim.model.calendars import Calendar
from omsim.sim.clock import Turn, at, call_at
from omsim.sim.contract_book import ContractBook
from omsim.sim.decisions import decide_tender
from omsim.sim.plan import BEYOND_DAYS, Plan
from omsim.sim.purchasing import PurchaseLines, opening_lines, place_orders, shrinkage_by_day
from omsim.sim.sourcing.columns import no_sourcing
from omsim.sim.sourcing.terms import UNLIMITED
from omsim.sim.window.allocation import allocate_until, fill_waiting
from omsim.sim.window.finish import Finished, make_records
from omsim.sim.window.flow import advance_floor, put_at_dock
from omsim.sim.window.intake import receive_orders
from omsim.sim.window.rows import release
from omsim.sim.window.shipping import dock_parcels, ship_parcels, shipping_guide_of
from omsim.sim.window.state import (
    BACKORDERED,
    ON_HAND,
    ON_ORDER,
    SHIPMENTS,
    SHRUNK,
    WAITING,
    empty_state,
    guide_of,
    with_room,
)
from omsim.sim.window.stock import (
    close_books,
    lose_patience,
    put_away_receipts,
    put_away_returns,
    review_positions,
    shrink,
)
from omsim.sim.window.tallies import PackedRows, TenderRow, packed_rows, tender_row

if TYPE_CHECKING:
    from collections.abc import Generator

    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.decisions import TenderDecision
    from omsim.sim.parcels import DockParcels
    from omsim.sim.planning import ReorderPlanner
    from omsim.sim.records import RunRecords
    from omsim.sim.window.sourcing import BatchSourcing

I64 = NDArray[np.int64]


def run_window(
    business: Business,
    plan: Plan,
    intake: Intake,
    *,
    seed: int,
    replication: int,
    planner: ReorderPlanner | None = None,
) -> RunRecords:
    """Simulate one replication by windows; see `SPECIFICATION.md` for what happens."""
    run = WindowRun(business, plan, intake, seed, replication, planner)
    run.play()
    finished = run.finished()
    del run  # its queues may go while the records are made
    return make_records(business, plan, finished, seed=seed, replication=replication)


class WindowRun:
    """One replication under way."""

    def __init__(
        self,
        business: Business,
        plan: Plan,
        intake: Intake,
        seed: int,
        replication: int,
        planner: ReorderPlanner | None,
    ) -> None:
        self.plan, self.seed, self.replication = plan, seed, replication
        self.rule = business.settings.carrier_rule
        self.calendar = Calendar(
            business.settings.time_zone, business.settings.start_date, plan.times.n_days + BEYOND_DAYS
        )
        orders, queue, self.review_desk = receive_orders(
            plan, self.calendar, intake, seed=seed, replication=replication
        )
        self.intake, self.orders = intake, orders
        self.state = empty_state(plan, intake, orders, queue)
        n_cells, n_sites = plan.cells.site.size, plan.network.closed.shape[0]
        self.sourcing: BatchSourcing | None = None
        self.kept_units, self.room = nothing_kept(plan.channels.rank.size), np.full(n_sites, 2 * UNLIMITED)
        if plan.rules.batches:
            from omsim.sim.window.sourcing import BatchSourcing  # its rules take a while to load

            self.sourcing = BatchSourcing(business, plan, intake, orders, queue, seed=seed, replication=replication)
            self.state = self.state._replace(sku=self.sourcing.desk.sku)
            self.kept_units = self.sourcing.desk.kept_units
        self.guide, self.shipping_guide = guide_of(plan), shipping_guide_of(plan)
        self.stations = empty_stations(plan.stations.first, plan.stations.people, plan.channels.n_ranks)
        self.streams = {
            purpose: stream_key(replication, purpose) for purpose in (Purpose.SHIPMENT, Purpose.FATE, Purpose.RETURN)
        }
        self.touched = np.zeros(n_cells, dtype=np.bool_)
        self.any_touched = False
        self.made = np.empty(n_sites, dtype=np.int64)
        self.ordered_cell = np.empty(n_cells, dtype=np.int64)
        self.ordered_units = np.empty(n_cells, dtype=np.int64)
        self.due: dict[int, list[PurchaseLines]] = {}
        self.purchases: list[tuple[int, PurchaseLines]] = []
        self.losses: list[I64] = []
        self.tenders: list[TenderRow] = []
        self.packed: list[PackedRows] = []
        self.contracts = ContractBook(plan)
        self.daily = {name: np.empty((plan.times.n_days, n_cells), np.int32) for name in ("hand", "back", "order")}
        self.advanced_s = 0
        self.planner = planner
        self.env = simpy.Environment()
        self._expect(opening_lines(plan))
        self.n_po = int(plan.open_orders.po[-1]) + 1 if plan.open_orders.po.size else 0

    def play(self) -> None:
        """Carry every control instant, the last midnight being the horizon itself."""
        times = self.plan.times
        self.env.process(self._cycles())
        self.env.process(self._reviews())
        self.env.process(self._cutoffs())
        self.env.process(self._midnights())
        self.env.run(until=at(self.env, times.horizon_s, Turn.STARTS))

    def finished(self) -> Finished:
        """What the records are made of."""
        substitutions, sourced = no_sourcing()
        if self.sourcing is not None:
            self.state, substitutions, sourced = self.sourcing.close(self.guide, self.state)
        times = self.plan.times
        close_books(self.state.free, self.state.stock, self.plan.cells.opening, times.warm_up_s, times.horizon_s)
        return Finished(
            intake=self.intake,
            orders=self.orders,
            state=self.state,
            stations=self.stations,
            review_desk=self.review_desk,
            purchases=self.purchases,
            losses=self.losses,
            substitutions=substitutions,
            sourcing=sourced,
            tenders=self.tenders,
            packed=self.packed,
            contracts=self.contracts.settle(),
            daily_on_hand=self.daily["hand"],
            daily_backordered=self.daily["back"],
            daily_on_order=self.daily["order"],
        )

    def _advance(self, *, past_allocation: bool = False) -> None:
        """Bring the floor, and in immediate release the allocations before this second, up to now.

        `past_allocation`: this second's turn to allocate has come or gone, so its own orders are tried as well.
        """
        now = int(self.env.now)
        immediate = self.plan.rules.immediate
        if now != self.advanced_s:
            if immediate:
                self._allocate(now - 1)
            advance_floor(
                self.guide,
                self.plan.stations,
                self.plan.goods.disposition_group,
                self.plan.goods.disposition,
                self.state,
                self.stations,
                now,
                self.seed,
                self.streams[Purpose.RETURN],
            )
            self.advanced_s = now
        if immediate and past_allocation:
            self._allocate(now)

    def _allocate(self, until_s: int) -> None:
        stream = self.streams[Purpose.SHIPMENT]
        while not allocate_until(self.guide, self.state, self.stations, until_s, self.seed, stream, self.made):
            n_sites = self.made.size
            first = self.state.first_line
            most = int(np.diff(first).max(initial=1))
            self.state = with_room(
                self.state, shipments=max(n_sites, 1024), short=max(most, 1024), pieces=max(most * n_sites, 1024)
            )

    def _cycles(self) -> Generator[simpy.Event]:
        for number, instant in enumerate(self.plan.times.cycle_s.tolist()):
            yield at(self.env, instant, Turn.RESTOCKS)
            self._advance()
            self._restock()
            yield at(self.env, instant, Turn.ALLOCATION)
            if self.sourcing is None:
                self._allocate(instant)
            else:
                self._source(self.sourcing, number, instant)
            if self.plan.rules.continuous:
                yield at(self.env, instant, Turn.REVIEW)
                day = int(np.searchsorted(self.plan.times.day_start_s, instant, side="right")) - 1
                self._order(day, number)

    def _source(self, sourcing: BatchSourcing, number: int, instant: int) -> None:
        """Decide for all orders of a cycle together, and release what may go."""
        before = int(self.state.tally[SHIPMENTS])
        self.state = sourcing.source(self.guide, self.state, number, instant, self.due)
        release(self.guide, self.state, self.stations, before, self.seed, self.streams[Purpose.SHIPMENT])

    def _restock(self) -> None:
        put_away_returns(self.guide, self.state, int(self.env.now), self.touched)
        if self.sourcing is not None:
            self.sourcing.reopen(self.state, self.touched, int(self.env.now))
        self._fill_soon()

    def _fill_soon(self) -> None:
        """Serve backorders from what came in, once everything of this second has come in."""
        if not self.any_touched and self.touched.any():
            self.any_touched = True
            call_at(self.env, int(self.env.now), Turn.BACKORDERS, self._fill)

    def _fill(self) -> None:
        self.any_touched = False
        waiting = int(self.state.tally[WAITING])
        if not waiting:
            self.touched[:] = False
            return
        self.state = with_room(self.state, shipments=waiting, pieces=waiting)
        if self.sourcing is not None:
            self.room = self.sourcing.room(int(self.env.now))
        fill_waiting(
            self.guide,
            self.state,
            self.stations,
            self.touched,
            self.kept_units,
            self.room,
            int(self.env.now),
            self.seed,
            self.streams[Purpose.SHIPMENT],
        )

    def _reviews(self) -> Generator[simpy.Event]:
        for day, instant in enumerate(self.plan.times.review_s.tolist()):
            yield at(self.env, instant, Turn.PATIENCE)
            self._advance(past_allocation=True)
            lose_patience(self.guide, self.state, instant)
            if self.sourcing is not None:
                self.sourcing.give_up(self.state, instant)
            wanted = shrinkage_by_day(self.plan, day, seed=self.seed, replication=self.replication)
            if wanted.any():
                before = self.state.stock[:, SHRUNK].copy()
                shrink(
                    self.state.free,
                    self.state.stock,
                    wanted,
                    instant,
                    self.plan.times.warm_up_s,
                    self.plan.times.horizon_s,
                )
                gone = self.state.stock[:, SHRUNK] - before
                cell = np.flatnonzero(gone)
                self.losses.append(np.stack((cell, gone[cell], np.full(cell.size, instant))))
            if not self.plan.rules.continuous:
                yield at(self.env, instant, Turn.REVIEW)
                self._order(day, day)

    def _order(self, day: int, occasion: int) -> None:
        """Review positions and send the purchase orders."""
        now = int(self.env.now)
        cell, units = self._wanted(day)
        if not cell.size:
            return
        lines = place_orders(
            self.plan,
            self.calendar,
            cell=cell,
            units=units,
            at_s=now,
            day=day,
            occasion=occasion,
            first_po=self.n_po,
            seed=self.seed,
            replication=self.replication,
        )
        self.n_po = int(lines.po[-1]) + 1
        self.purchases.append((now, lines))
        self._expect(lines)

    def _expect(self, lines: PurchaseLines) -> None:
        """Put away purchase-order lines when they come."""
        for instant in np.unique(lines.receipt_s).tolist():
            if instant >= self.plan.times.horizon_s:
                break
            come = lines.receipt_s == instant
            if instant not in self.due:
                self.due[instant] = []
                call_at(self.env, instant, Turn.RECEIPTS, self._receive)
            self.due[instant].append(
                PurchaseLines(
                    po=lines.po[come], cell=lines.cell[come], units=lines.units[come], receipt_s=lines.receipt_s[come]
                )
            )

    def _wanted(self, day: int) -> tuple[I64, I64]:
        """Cells and units the planner orders, or, without one or while it knows too little, the policies."""
        stock = self.state.stock
        if self.planner is not None:
            planned = self.planner.orders(day, self.state.free, stock[:, ON_ORDER], stock[:, BACKORDERED])
            if planned is not None:
                cell, units = planned
                stock[cell, ON_ORDER] += units
                return cell, units
        n = review_positions(self.plan, self.state.free, stock, day, self.ordered_cell, self.ordered_units)
        return self.ordered_cell[:n].copy(), self.ordered_units[:n].copy()

    def _receive(self) -> None:
        self._advance()
        now = int(self.env.now)
        for lines in self.due.pop(now):
            put_away_receipts(
                self.state.free,
                self.state.stock,
                lines.cell,
                lines.units,
                now,
                self.plan.times.warm_up_s,
                self.plan.times.horizon_s,
                self.touched,
            )
        self._fill_soon()

    def _cutoffs(self) -> Generator[simpy.Event]:
        times = self.plan.times
        for instant, site in zip(times.cutoff_s.tolist(), times.cutoff_site.tolist(), strict=True):
            yield at(self.env, instant, Turn.TENDER)
            self._advance(past_allocation=True)
            self._tender(instant, site)

    def _tender(self, at_s: int, site: int) -> None:
        plan = self.plan
        out = self.state.scratch
        shipments = np.sort(out[: put_at_dock(self.state, site, out)])
        parcels, n_lines = dock_parcels(plan, self.state, shipments)
        day = int(np.searchsorted(plan.times.day_start_s, at_s, side="right")) - 1
        decision = decide_tender(plan, self.rule, parcels, site=site, day=day, book=self.contracts)
        self._look(at_s, site, shipments, parcels, decision)
        self.contracts.take(site, day, decision)
        self.tenders.append(tender_row(at_s, site, plan.tariff.slots[day, site], decision))
        if decision.packed is not None:
            self.packed.append(packed_rows(shipments, decision.packed, decision.service))
        if shipments.size:
            self.state = with_room(self.state, returns=int(n_lines))
            ship_parcels(
                self.shipping_guide,
                self.state,
                shipments,
                decision.service,
                decision.price_cents,
                at_s,
                day,
                self.seed,
                self.streams[Purpose.SHIPMENT],
                self.streams[Purpose.FATE],
                self.streams[Purpose.RETURN],
            )

    def _look(
        self, at_s: int, site: int, shipments: NDArray[np.int32], parcels: DockParcels, decision: TenderDecision
    ) -> None:
        """Let whoever watches see a tender (`watched`); nobody does in a plain run."""

    def _midnights(self) -> Generator[simpy.Event]:
        stock = self.state.stock
        for day, instant in enumerate(self.plan.times.day_start_s[1 : self.plan.times.n_days + 1].tolist()):
            yield at(self.env, instant, Turn.MIDNIGHT)
            self._advance(past_allocation=True)
            self.daily["hand"][day] = stock[:, ON_HAND]
            self.daily["back"][day] = stock[:, BACKORDERED]
            self.daily["order"][day] = stock[:, ON_ORDER]
