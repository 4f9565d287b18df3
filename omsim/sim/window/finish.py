"""From a finished window run to its records: rows put in their order, what lies beyond the horizon taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.queues import (
    BUSY,
    HEAD,
    NOT_STARTED,
    QUEUE_TIME,
    QUEUED,
    QUEUED_SINCE,
    TASKS,
    WAIT,
    serve_with_patience,
)
from omsim.sim.contacts import draw_calls
from omsim.sim.records import (
    NEVER,
    ContactColumns,
    LineColumns,
    OrderColumns,
    PieceColumns,
    PurchaseColumns,
    ReturnColumns,
    RunRecords,
    ShipmentColumns,
    ShortLineColumns,
    StationColumns,
    StockColumns,
    TenderColumns,
)
from omsim.sim.staffing import staffed_seconds, station_names
from omsim.sim.window import state as at

if TYPE_CHECKING:
    from omsim.demand.arrivals import Intake
    from omsim.kernels.queues import StationState
    from omsim.model.business import Business
    from omsim.sim.decisions import TenderDecision
    from omsim.sim.plan import Plan
    from omsim.sim.purchasing import PurchaseLines
    from omsim.sim.window.intake import Desk, Orders
    from omsim.sim.window.state import State

CONTACT_DESK = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a run leaves in memory when the clock stops."""

    intake: Intake
    orders: Orders
    state: State
    stations: StationState
    review_desk: Desk
    purchases: list[tuple[int, PurchaseLines]]
    tenders: list[tuple[int, int, int, TenderDecision]]
    daily_on_hand: NDArray[np.int32]
    daily_backordered: NDArray[np.int32]
    daily_on_order: NDArray[np.int32]


def make_records(business: Business, plan: Plan, run: Finished, *, seed: int, replication: int) -> RunRecords:
    """The records of a finished run."""
    state, horizon_s = run.state, plan.times.horizon_s
    orders = OrderColumns(
        arrived_s=run.intake.arrived_s,
        validated_s=run.orders.validated_s,
        allocated_s=run.orders.allocated_s,
        promise_s=run.orders.promise_s,
        channel=run.intake.channel,
        region=run.intake.region,
        rejected=run.orders.rejected,
        first_line=run.intake.first_line,
        n_shipments=state.n_shipments,
    )
    lines, short_lines, pieces = _lines(state)
    shipments = _shipments(state, horizon_s)
    returns = _returns(plan, state)
    contacts, desk = _contacts(
        business, plan, run.intake.entity, orders, lines, short_lines, shipments, returns, seed, replication
    )
    return RunRecords(
        engine="window",
        seed=seed,
        replication=replication,
        horizon_s=horizon_s,
        warm_up_s=plan.times.warm_up_s,
        orders=orders,
        lines=lines,
        short_lines=short_lines,
        shipments=shipments,
        pieces=pieces,
        returns=returns,
        contacts=contacts,
        purchases=purchase_columns(plan, run.purchases),
        stock=_stock(plan, run),
        stations=_stations(plan, run, desk),
        tenders=tender_columns(plan, run.tenders),
    )


def _shipments(state: State, horizon_s: int) -> ShipmentColumns:
    n = int(state.tally[at.SHIPMENTS])
    ships, small = state.ships[:, :n], state.small[:, :n]
    for task, done in ((at.PICK_TASK, at.PICKED), (at.PACK_TASK, at.PACKED)):
        ships[task, ships[done] == NEVER] = 0  # not started: its start would have set when it is done
        ships[done, ships[done] > horizon_s] = NEVER
    return ShipmentColumns(
        order=ships[at.ORDER],
        number=small[at.NUMBER],
        site=small[at.SITE],
        service=small[at.SERVICE],
        released_s=ships[at.RELEASED],
        picked_s=ships[at.PICKED],
        packed_s=ships[at.PACKED],
        tendered_s=ships[at.TENDERED],
        delivered_s=ships[at.DELIVERED],
        pick_s=ships[at.PICK_TASK],
        pack_s=ships[at.PACK_TASK],
        weight_g=ships[at.WEIGHT],
        price_cents=ships[at.PRICE],
        units=ships[at.UNITS],
        lines=ships[at.N_LINES],
        rolled_over=small[at.ROLLED],
        lost=small[at.FATE] == at.LOST,
        damaged=small[at.FATE] == at.DAMAGED,
    )


def _lines(state: State) -> tuple[LineColumns, ShortLineColumns, PieceColumns]:
    """Lines, short lines by line, and their pieces but for each line's first."""
    short = state.short[:, : int(state.tally[at.SHORT])]
    pieces = state.pieces[:, : int(state.tally[at.PIECES])]
    line = short[at.LINE, pieces[at.OF_SHORT]]
    order = np.argsort(line, kind="stable")  # within a line in order of making
    line, shipment, units = line[order], pieces[at.IN_SHIPMENT, order], pieces[at.PIECE_UNITS, order]
    short = short[:, np.argsort(short[at.LINE], kind="stable")]
    first = np.diff(line, prepend=-1) != 0
    state.line_shipment[line[first]] = shipment[first]
    first_units = np.zeros(short.shape[1], dtype=np.int32)
    first_units[np.searchsorted(short[at.LINE], line[first])] = units[first]
    later = np.flatnonzero(~first)
    later = later[np.lexsort((line[later], shipment[later]))]
    return (
        LineColumns(sku=state.sku, units=state.units, shipment=state.line_shipment),
        ShortLineColumns(
            line=short[at.LINE],
            first_units=short[at.FIRST],
            shipment_units=first_units,
            reserved_units=short[at.RESERVED],
            cancelled_units=short[at.CANCELLED],
            last_fill_s=short[at.LAST_FILL],
            cancelled_s=short[at.CANCELLED_AT],
            cell=short[at.CELL],
        ),
        PieceColumns(line=line[later], shipment=shipment[later], units=units[later]),
    )


def _returns(plan: Plan, state: State) -> ReturnColumns:
    horizon_s = plan.times.horizon_s
    rows = state.returns[:, : int(state.tally[at.RETURNS])]
    rows = rows[:, np.lexsort((rows[at.R_LINE], rows[at.R_SHIPMENT], rows[at.R_REQUESTED]))]
    received = np.where(rows[at.R_RECEIVED] < horizon_s, rows[at.R_RECEIVED], NEVER)
    inspected = np.where(rows[at.R_INSPECTED] <= horizon_s, rows[at.R_INSPECTED], NEVER)
    return ReturnColumns(
        line=rows[at.R_LINE],
        shipment=rows[at.R_SHIPMENT],
        units=rows[at.R_UNITS],
        site=rows[at.R_SITE],
        requested_s=rows[at.R_REQUESTED],
        received_s=received,
        inspected_s=inspected,
        refunded_s=(rows[at.R_REQUESTED], received, inspected)[plan.rules.refund_stage],
        disposition=np.where(inspected == NEVER, -1, rows[at.R_DISPOSITION]),
        refund_cents=rows[at.R_UNITS] * plan.goods.price_cents[state.sku[rows[at.R_LINE]]],
        damaged=rows[at.R_DAMAGED] != 0,
    )


def open_units(orders: OrderColumns, lines: LineColumns, short_lines: ShortLineColumns) -> NDArray[np.int64]:
    """Units of each order neither reserved nor cancelled (rejected orders: none); int64, shape (n_orders,)."""
    waiting = np.zeros(orders.arrived_s.size, dtype=np.int64)
    order_of_short = np.searchsorted(orders.first_line, short_lines.line, side="right") - 1
    open_short = lines.units[short_lines.line] - short_lines.reserved_units - short_lines.cancelled_units
    np.add.at(waiting, order_of_short, open_short)
    untried = np.flatnonzero((orders.allocated_s == NEVER) & ~orders.rejected)
    first = orders.first_line
    for order in untried.tolist():
        waiting[order] = lines.units[first[order] : first[order + 1]].sum()
    return waiting


def _contacts(
    business: Business,
    plan: Plan,
    entity: NDArray[np.int64],
    orders: OrderColumns,
    lines: LineColumns,
    short_lines: ShortLineColumns,
    shipments: ShipmentColumns,
    returns: ReturnColumns,
    seed: int,
    replication: int,
) -> tuple[ContactColumns, Desk]:
    """Who made contact, and how the desk coped."""
    horizon_s = plan.times.horizon_s
    calls = draw_calls(
        business,
        seed=seed,
        replication=replication,
        horizon_s=horizon_s,
        entity=entity,
        orders=orders,
        open_units=open_units(orders, lines, short_lines),
        shipments=shipments,
        returns=returns,
        return_order=shipments.order[returns.shipment].astype(np.int64),
    )
    a, b = plan.stations.first[CONTACT_DESK], plan.stations.first[CONTACT_DESK + 1]
    start = serve_with_patience(
        calls.at_s,
        calls.handle_s,
        calls.patience_s,
        plan.stations.change_s[a:b],
        plan.stations.people[a:b],
        horizon_s,
    )
    answered = start != NOT_STARTED
    closed = np.where(answered & (start + calls.handle_s <= horizon_s), start + calls.handle_s, NEVER)
    gives_up = calls.at_s + calls.patience_s
    abandoned = ~answered & (gives_up < horizon_s)
    left_queue = np.where(answered, start, np.where(abandoned, gives_up, horizon_s))
    wait = (left_queue - calls.at_s)[answered | abandoned]
    desk = (
        int(answered.sum()),
        int(calls.handle_s[answered].sum()),
        int(wait.sum()),
        int((left_queue - calls.at_s).sum()),
    )
    return (
        ContactColumns(
            order=calls.order.astype(np.int32),
            reason=calls.reason.astype(np.int8),
            at_s=calls.at_s.astype(np.int32),
            answered_s=start.astype(np.int32),
            closed_s=closed.astype(np.int32),
            abandoned=abandoned,
        ),
        desk,
    )


def purchase_columns(plan: Plan, purchases: list[tuple[int, PurchaseLines]]) -> PurchaseColumns:
    """All purchase-order lines, as sent."""

    def column(name: str) -> NDArray[np.int64]:
        parts = [getattr(lines, name) for _, lines in purchases]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    cell, units = column("cell"), column("units")
    sent = [np.full(lines.po.size, at_s, dtype=np.int64) for at_s, lines in purchases]
    return PurchaseColumns(
        po=column("po"),
        cell=cell,
        supplier=plan.cells.supplier[cell],
        units=units,
        ordered_s=np.concatenate(sent) if sent else np.zeros(0, dtype=np.int64),
        receipt_s=column("receipt_s"),
        cost_cents=units * plan.goods.unit_cost_cents[plan.cells.sku[cell]],
    )


def tender_columns(plan: Plan, tenders: list[tuple[int, int, int, TenderDecision]]) -> TenderColumns:
    """Every cutoff's tender: (instant, site, day, decision)."""
    n_services = plan.tariff.slots.shape[1]

    def by_service(rows: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        return np.stack(rows) if rows else np.zeros((0, n_services), dtype=np.int64)

    return TenderColumns(
        at_s=np.array([at_s for at_s, *_ in tenders], dtype=np.int64),
        site=np.array([site for _, site, *_ in tenders], dtype=np.int64),
        parcels=np.array([decision.service.size for *_, decision in tenders], dtype=np.int64),
        held=np.array([(decision.service < 0).sum() for *_, decision in tenders], dtype=np.int64),
        slots=by_service([plan.tariff.slots[day] for _, _, day, _ in tenders]),
        used=by_service([decision.used for *_, decision in tenders]),
        demanded=by_service([decision.demanded for *_, decision in tenders]),
        cost_cents=np.array([decision.cost_cents for *_, decision in tenders], dtype=np.int64),
        status=tuple(decision.status for *_, decision in tenders),
        fallback=tuple(decision.fallback for *_, decision in tenders),
    )


def _stock(plan: Plan, run: Finished) -> StockColumns:
    stock = run.state.stock
    return StockColumns(
        opening_units=plan.cells.opening,
        received_units=stock[:, at.RECEIVED_UNITS],
        restocked_units=stock[:, at.RESTOCKED],
        shipped_units=stock[:, at.SHIPPED],
        shrunk_units=stock[:, at.SHRUNK],
        closing_units=stock[:, at.ON_HAND],
        reserved_units=stock[:, at.ON_HAND] - run.state.free,
        backordered_units=stock[:, at.BACKORDERED],
        on_order_units=stock[:, at.ON_ORDER],
        on_hand_unit_s=stock[:, at.HAND_TIME],
        stocked_s=stock[:, at.STOCKED],
        cycles=stock[:, at.CYCLES],
        stockout_cycles=stock[:, at.STOCKOUTS],
        daily_on_hand=run.daily_on_hand,
        daily_backordered=run.daily_backordered,
        daily_on_order=run.daily_on_order,
    )


def _stations(plan: Plan, run: Finished, desk: Desk) -> StationColumns:
    """Figures of every station; the two central desks were solved apart from the floor."""
    figures, horizon_s = run.stations.figures, plan.times.horizon_s
    ships, returns = run.state.ships, run.state.returns
    queues = (
        (ships[at.RELEASED], ships[at.LINK]),
        (ships[at.PICKED], ships[at.LINK]),
        (returns[at.R_RECEIVED], returns[at.R_LINK]),
    )
    n_sites = plan.network.closed.shape[0]
    for station in range(2, figures.shape[1]):
        ready_s, link = queues[(station - 2) // n_sites]
        queue_s = figures[QUEUED, station] * (horizon_s - figures[QUEUED_SINCE, station])
        task = int(run.stations.pending[HEAD, station])
        while task >= 0:  # arrived since the station last looked
            queue_s += max(horizon_s - int(ready_s[task]), 0)
            task = int(link[task])
        figures[QUEUE_TIME, station] += queue_s
    for number, measured in enumerate((run.review_desk, desk)):
        figures[[TASKS, BUSY, WAIT, QUEUE_TIME], number] = measured
    names = station_names(n_sites)
    return StationColumns(
        stage=tuple(stage for stage, _ in names),
        site=np.array([site for _, site in names], dtype=np.int64),
        tasks=figures[TASKS],
        busy_s=figures[BUSY],
        wait_s=figures[WAIT],
        staffed_s=staffed_seconds(*plan.stations, horizon_s),
        queue_s=figures[QUEUE_TIME],
    )
