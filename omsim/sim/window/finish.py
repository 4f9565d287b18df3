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
from omsim.sim.memory import give_back
from omsim.sim.records import (
    NEVER,
    ContactColumns,
    ContractColumns,
    LineColumns,
    OrderColumns,
    PieceColumns,
    ReturnColumns,
    RunRecords,
    ShipmentColumns,
    ShortLineColumns,
    StationColumns,
    StockColumns,
)
from omsim.sim.staffing import staffed_seconds, station_names
from omsim.sim.window import state as at
from omsim.sim.window.shipping import shipment_weights
from omsim.sim.window.tallies import (
    PackedRows,
    TenderRow,
    carton_columns,
    purchase_columns,
    shrinkage_columns,
    tender_columns,
)

if TYPE_CHECKING:
    from omsim.demand.arrivals import Intake
    from omsim.kernels.queues import StationState
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.purchasing import PurchaseLines
    from omsim.sim.sourcing.columns import SourcingColumns, SubstitutionColumns
    from omsim.sim.window.intake import Desk, Orders
    from omsim.sim.window.state import State

CONTACT_DESK = 1


@dataclass(slots=True, kw_only=True)
class Finished:
    """What a run leaves in memory when the clock stops; `make_records` lets go of what it has no more use for."""

    intake: Intake
    orders: Orders
    state: State
    stations: StationState
    review_desk: Desk
    purchases: list[tuple[int, PurchaseLines]]
    losses: list[NDArray[np.int64]]
    substitutions: SubstitutionColumns
    sourcing: SourcingColumns
    tenders: list[TenderRow]
    packed: list[PackedRows]
    contracts: ContractColumns
    daily_on_hand: NDArray[np.int32]
    daily_backordered: NDArray[np.int32]
    daily_on_order: NDArray[np.int32]


def make_records(business: Business, plan: Plan, run: Finished, *, seed: int, replication: int) -> RunRecords:
    """The records of a finished run."""
    horizon_s = plan.times.horizon_s
    _close_queues(plan, run)
    state = run.state = at.without_queues(run.state)
    give_back()
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
    weight_g = np.zeros(int(state.tally[at.SHIPMENTS]), dtype=np.int32)
    shipment_weights(
        plan.goods.weight_g, state.sku, state.units, state.line_shipment, state.pieces, state.short,
        int(state.tally[at.PIECES]), weight_g,
    )  # fmt: skip
    cartons = carton_columns(plan, run.packed, weight_g)
    lines, short_lines, pieces = _lines(state)
    shipments = _shipments(state, weight_g, cartons, horizon_s)
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
        purchases=purchase_columns(business, plan, run.purchases),
        shrinkage=shrinkage_columns(run.losses),
        substitutions=run.substitutions,
        sourcing=run.sourcing,
        stock=_stock(plan, run),
        stations=_stations(plan, run, desk),
        tenders=tender_columns(plan, run.tenders),
        contracts=run.contracts,
    )


def _shipments(
    state: State, weight_g: NDArray[np.int32], cartons: dict[str, NDArray[np.integer]], horizon_s: int
) -> ShipmentColumns:
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
        weight_g=weight_g,
        price_cents=ships[at.PRICE],
        units=ships[at.UNITS],
        lines=small[at.N_LINES],
        rolled_over=small[at.ROLLED],
        lost=small[at.FATE] == at.LOST,
        damaged=small[at.FATE] == at.DAMAGED,
        **cartons,
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
    order = np.lexsort((rows[at.R_LINE], rows[at.R_SHIPMENT], rows[at.R_REQUESTED]))
    for column in rows:  # one at a time and in place: a second copy of them all would be the run's peak
        column[:] = column[order]
    received, inspected = rows[at.R_RECEIVED], rows[at.R_INSPECTED]
    received[received >= horizon_s] = NEVER
    inspected[inspected > horizon_s] = NEVER
    rows[at.R_DISPOSITION, inspected == NEVER] = -1
    return ReturnColumns(
        line=rows[at.R_LINE],
        shipment=rows[at.R_SHIPMENT],
        units=rows[at.R_UNITS],
        site=rows[at.R_SITE],
        requested_s=rows[at.R_REQUESTED],
        received_s=received,
        inspected_s=inspected,
        refunded_s=(rows[at.R_REQUESTED], received, inspected)[plan.rules.refund_stage],
        disposition=rows[at.R_DISPOSITION],
        refund_cents=rows[at.R_UNITS] * plan.goods.price_cents[state.sku[rows[at.R_LINE]]],
        damaged=rows[at.R_DAMAGED] != 0,
    )


def open_orders(orders: OrderColumns, lines: LineColumns, short_lines: ShortLineColumns) -> NDArray[np.bool_]:
    """Whether some unit of each order is neither reserved nor cancelled (rejected orders: none); (n_orders,)."""
    still_open: NDArray[np.bool_] = (orders.allocated_s == NEVER) & ~orders.rejected
    waits = lines.units[short_lines.line] > short_lines.reserved_units + short_lines.cancelled_units
    still_open[np.searchsorted(orders.first_line, short_lines.line[waits], side="right") - 1] = True
    return still_open


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
        still_open=open_orders(orders, lines, short_lines),
        shipments=shipments,
        returns=returns,
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


def _close_queues(plan: Plan, run: Finished) -> None:
    """Count the time of those who still queue on the floor when the clock stops."""
    figures, horizon_s = run.stations.figures, plan.times.horizon_s
    ships, returns = run.state.ships, run.state.returns
    queues = (
        (ships[at.RELEASED], run.state.link),
        (ships[at.PICKED], run.state.link),
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


def _stations(plan: Plan, run: Finished, desk: Desk) -> StationColumns:
    """Figures of every station; the two central desks were solved apart from the floor."""
    figures = run.stations.figures
    for number, measured in enumerate((run.review_desk, desk)):
        figures[[TASKS, BUSY, WAIT, QUEUE_TIME], number] = measured
    names = station_names(plan.network.closed.shape[0])
    return StationColumns(
        stage=tuple(stage for stage, _ in names),
        site=np.array([site for _, site in names], dtype=np.int64),
        tasks=figures[TASKS],
        busy_s=figures[BUSY],
        wait_s=figures[WAIT],
        staffed_s=staffed_seconds(*plan.stations, plan.times.horizon_s),
        queue_s=figures[QUEUE_TIME],
    )
