"""The finished book as columns: what a run leaves, in the order of rows the records promise.

Owns the translation only; every number was settled while the clock ran.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.sim.contacts import draw_calls
from omsim.sim.process.desk import ContactDesk
from omsim.sim.process.shop import shifts_of
from omsim.sim.records import (
    MOST_WEIGHT_G,
    NEVER,
    ContactColumns,
    ContractColumns,
    LineColumns,
    OrderColumns,
    PieceColumns,
    PurchaseColumns,
    ReturnColumns,
    RunRecords,
    ShipmentColumns,
    ShortLineColumns,
    ShrinkageColumns,
    StationColumns,
    StockColumns,
    TenderColumns,
)
from omsim.sim.staffing import staffed_seconds, station_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.process.book import Book
    from omsim.sim.process.entities import PurchaseLine
    from omsim.sim.process.shop import Shop


def record_run(
    business: Business, intake: Intake, shop: Shop, contracts: ContractColumns, *, seed: int, replication: int
) -> RunRecords:
    """Close the book of a run whose clock has reached the horizon; the contact desk is run over it here."""
    book = shop.book
    orders, shipments, returns = order_columns(book, shop), shipment_columns(book, shop), return_columns(book, shop)
    short_lines = short_line_columns(book)
    calls = draw_calls(
        business,
        seed=seed,
        replication=replication,
        horizon_s=shop.horizon_s,
        entity=intake.entity,
        orders=orders,
        still_open=open_units(book) > 0,
        shipments=shipments,
        returns=returns,
    )
    contact = station_number("contact", -1, len(shop.sites))
    desk = ContactDesk(calls, shifts_of(shop.plan, contact), shop.horizon_s)
    desk.run()
    for station in shop.stations:
        station.close()
    shop.stations[contact] = desk.agents
    return RunRecords(
        engine="process",
        seed=seed,
        replication=replication,
        horizon_s=shop.horizon_s,
        warm_up_s=shop.warm_up_s,
        orders=orders,
        lines=LineColumns(sku=_int32(book.sku), units=_int32(book.units), shipment=_int32(book.line_shipment)),
        short_lines=short_lines,
        shipments=shipments,
        pieces=piece_columns(book),
        returns=returns,
        contacts=ContactColumns(
            order=calls.order.astype(np.int32),
            reason=calls.reason.astype(np.int16),
            at_s=calls.at_s.astype(np.int32),
            answered_s=_int32(desk.answered_s),
            closed_s=_int32(desk.closed_s),
            abandoned=np.array(desk.abandoned, dtype=np.bool_),
        ),
        purchases=purchase_columns(business, book, shop),
        shrinkage=shrinkage_columns(book),
        stock=stock_columns(book, shop),
        stations=station_columns(shop),
        tenders=tender_columns(book, shop),
        substitutions=book.substitutions,
        sourcing=book.sourcing,
        contracts=contracts,
    )


def order_columns(book: Book, shop: Shop) -> OrderColumns:
    """The orders."""
    day = np.array(book.promise_day, dtype=np.int64)
    ends = np.array(shop.day_start_s)[day + 1] - 1
    return OrderColumns(
        arrived_s=_int32(book.arrived_s),
        validated_s=_int32(book.validated_s),
        allocated_s=_int32(book.allocated_s),
        promise_s=np.where(day < 0, NEVER, ends).astype(np.int32),
        channel=np.array(book.channel, dtype=np.int16),
        region=np.array(book.region, dtype=np.int16),
        rejected=np.array(book.rejected, dtype=np.bool_),
        first_line=_int32(book.first_line),
        n_shipments=np.array(book.n_shipments, dtype=np.int16),
    )


def open_units(book: Book) -> NDArray[np.int64]:
    """Units of each order neither reserved nor cancelled; int64, shape (n_orders,)."""
    left = [0 if shipment >= 0 else units for shipment, units in zip(book.line_shipment, book.units, strict=True)]
    for line, short in book.short_lines.items():
        left[line] = book.units[line] - short.reserved_units - short.cancelled_units
    total = np.concatenate([[0], np.cumsum(left, dtype=np.int64)])
    first = np.array(book.first_line)
    return np.asarray(total[first[1:]] - total[first[:-1]], dtype=np.int64)


def short_line_columns(book: Book) -> ShortLineColumns:
    """The lines not filled at once, by line."""
    lines = sorted(book.short_lines)
    return ShortLineColumns(line=_int32(lines), **_attributes([book.short_lines[line] for line in lines], _SHORT))


def shipment_columns(book: Book, shop: Shop) -> ShipmentColumns:
    """The shipments, as made; without columns on cartons where the model has none."""
    made = book.shipments
    packed = [shipment.packed for shipment in made] if shop.plan.packaging.cartons.cost_cents.size else []
    return ShipmentColumns(
        lines=_int32([len(shipment.pieces) for shipment in made]),
        weight_g=_int32([min(shipment.weight_g + shipment.packed.tare_g, MOST_WEIGHT_G) for shipment in made]),
        number=np.array([shipment.number for shipment in made], dtype=np.int16),
        site=np.array([shipment.site for shipment in made], dtype=np.int16),
        service=np.array([shipment.service for shipment in made], dtype=np.int16),
        rolled_over=np.array([shipment.rolled_over for shipment in made], dtype=np.int16),
        lost=np.array([shipment.lost for shipment in made], dtype=np.bool_),
        damaged=np.array([shipment.damaged for shipment in made], dtype=np.bool_),
        carton_mm3=_int64([one.carton_mm3 for one in packed]),
        filled_mm3=_int64([one.filled_mm3 for one in packed]),
        **_attributes(packed, ("carton", "cartons", "own_packages", "packaging_cents")),
        **_attributes(made, _SHIPMENT),
    )


def piece_columns(book: Book) -> PieceColumns:
    """Second and later pieces of lines, by shipment and line."""
    pieces = sorted(book.later_pieces, key=lambda piece: (piece[1], piece[0]))
    line, shipment, units = np.array(pieces, dtype=np.int32).reshape(-1, 3).T
    return PieceColumns(line=line, shipment=shipment, units=units)


def return_columns(book: Book, shop: Shop) -> ReturnColumns:
    """What came back, by request, shipment and line."""
    rows = sorted(book.returned, key=lambda row: (row.requested_s, row.shipment.row, row.piece.line))
    price = shop.plan.goods.price_cents.tolist()
    return ReturnColumns(
        line=_int32([row.piece.line for row in rows]),
        shipment=_int32([row.shipment.row for row in rows]),
        units=_int32([row.piece.units for row in rows]),
        site=np.array([row.shipment.site for row in rows], dtype=np.int16),
        refund_cents=_int64([row.piece.units * price[book.sku[row.piece.line]] for row in rows]),
        damaged=np.array([row.shipment.damaged for row in rows], dtype=np.bool_),
        **_attributes(rows, ("requested_s", "received_s", "inspected_s", "refunded_s", "disposition")),
    )


def purchase_columns(business: Business, book: Book, shop: Shop) -> PurchaseColumns:
    """The purchase-order lines, which were made by purchase order and cell."""
    unit_cost = shop.plan.goods.unit_cost_cents.tolist()
    table = business["price_breaks"]
    columns = (
        business.codes("price_breaks", "supplier"),
        business.codes("price_breaks", "sku"),
        table.integers("from_units"),
        table.integers("unit_cost_cents"),
    )
    breaks: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for supplier, sku, from_units, cents in zip(*(column.tolist() for column in columns), strict=True):
        breaks.setdefault((supplier, sku), []).append((from_units, cents))

    def paid_cents(line: PurchaseLine) -> int:
        """Cost of a line's goods: all units at the price of the highest break they reach."""
        each: int = unit_cost[line.cell.sku]
        for from_units, cents in sorted(breaks.get((line.supplier, line.cell.sku), ())):
            if line.units >= from_units:
                each = cents
        return line.units * each

    return PurchaseColumns(
        po=_int32([line.po for line in book.purchases]),
        cell=_int32([line.cell.number for line in book.purchases]),
        supplier=_int32([line.supplier for line in book.purchases]),
        units=_int32([line.units for line in book.purchases]),
        ordered_s=_int32([line.ordered_s for line in book.purchases]),
        receipt_s=_int64([line.receipt_s for line in book.purchases]),
        cost_cents=_int64([paid_cents(line) for line in book.purchases]),
    )


def shrinkage_columns(book: Book) -> ShrinkageColumns:
    """What vanished, which was found by review and cell."""
    cell, units, at_s = np.array(book.shrunk, dtype=np.int32).reshape(-1, 3).T
    return ShrinkageColumns(cell=cell, units=units, at_s=at_s)


def stock_columns(book: Book, shop: Shop) -> StockColumns:
    """The cells at the horizon and at every midnight."""
    cells = shop.cells
    for cell in cells:
        cell.count()
    daily = np.array(book.daily, dtype=np.int32).reshape(len(book.daily), 3, len(cells))
    return StockColumns(
        opening_units=shop.plan.cells.opening.copy(),
        received_units=_int64([cell.received for cell in cells]),
        restocked_units=_int64([cell.restocked for cell in cells]),
        shipped_units=_int64([cell.shipped for cell in cells]),
        shrunk_units=_int64([cell.shrunk for cell in cells]),
        closing_units=_int64([cell.on_hand for cell in cells]),
        reserved_units=_int64([cell.reserved for cell in cells]),
        backordered_units=_int64([cell.backordered for cell in cells]),
        on_order_units=_int64([cell.on_order for cell in cells]),
        on_hand_unit_s=_int64([cell.on_hand_unit_s for cell in cells]),
        stocked_s=_int64([cell.stocked_s for cell in cells]),
        cycles=_int64([cell.cycles for cell in cells]),
        stockout_cycles=_int64([cell.stockout_cycles for cell in cells]),
        daily_on_hand=daily[:, 0],
        daily_backordered=daily[:, 1],
        daily_on_order=daily[:, 2],
    )


def station_columns(shop: Shop) -> StationColumns:
    """The stations, in order of number."""
    return StationColumns(
        stage=tuple(stage for stage, _ in shop.names),
        site=np.array([site for _, site in shop.names], dtype=np.int16),
        tasks=_int64([station.tasks for station in shop.stations]),
        busy_s=_int64([station.busy_s for station in shop.stations]),
        wait_s=_int64([station.wait_s for station in shop.stations]),
        staffed_s=staffed_seconds(*shop.plan.stations, shop.horizon_s),
        queue_s=_int64([station.queue_s for station in shop.stations]),
    )


def tender_columns(book: Book, shop: Shop) -> TenderColumns:
    """The tenders, by instant and site."""
    rows = book.tenders
    slots, n_contracts = shop.plan.tariff.slots, shop.plan.contracts.covers.shape[0]

    def by_service(values: Sequence[NDArray[np.int64]], n_columns: int = slots.shape[2]) -> NDArray[np.int64]:
        return np.array(values, dtype=np.int64).reshape(len(rows), n_columns)

    return TenderColumns(
        at_s=_int32([row.at_s for row in rows]),
        site=np.array([row.site for row in rows], dtype=np.int16),
        parcels=_int32([row.parcels for row in rows]),
        held=_int32([int((row.decision.service < 0).sum()) for row in rows]),
        slots=by_service([slots[row.day, row.site] for row in rows]),
        used=by_service([row.decision.used for row in rows]),
        demanded=by_service([row.decision.demanded for row in rows]),
        cost_cents=_int64([row.decision.cost_cents for row in rows]),
        status=tuple(row.decision.status for row in rows),
        fallback=tuple(row.decision.fallback for row in rows),
        unoffered=_int64([row.decision.unoffered for row in rows]),
        slot_price_cents=by_service([row.decision.slot_price_cents for row in rows]),
        contract_price_cents=by_service([row.decision.contract_price_cents for row in rows], n_contracts),
        objective_cents=_int64([row.decision.objective_cents for row in rows]),
        bound_cents=_int64([row.decision.bound_cents for row in rows]),
    )


_SHORT = (
    "first_units",
    "shipment_units",
    "reserved_units",
    "cancelled_units",
    "last_fill_s",
    "cancelled_s",
    "cell",
)
_SHIPMENT = (
    "order",
    "released_s",
    "picked_s",
    "packed_s",
    "tendered_s",
    "delivered_s",
    "pick_s",
    "pack_s",
    "price_cents",
    "units",
)


def _attributes(rows: Sequence[object], names: Iterable[str]) -> dict[str, Any]:
    """Attributes of the same name as int32 columns."""
    return {name: _int32([getattr(row, name) for row in rows]) for name in names}


def _int32(values: list[int]) -> NDArray[np.int32]:
    return np.array(values, dtype=np.int32)


def _int64(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)
