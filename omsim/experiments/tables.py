"""The records of one replication as Parquet tables that people and other programs can read.

Owns the tables' columns: names instead of row numbers, null instead of NEVER. Seconds count from the model's start,
the local midnight of its start date. What the records mean is `sim.records`'.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.model.fields import CONTACT_REASONS, DISPOSITIONS
from omsim.sim.ledger import ACCOUNTS, REFERENCES, stock_ledger
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords


def write_tables(records: RunRecords, business: Business, folder: Path) -> None:
    """Write every table of a run's records into `folder`, created if need be."""
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    tables = {**build_tables(records, business), "money_ledger": build_money_ledger(records, business)}
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", compression="zstd")


def build_money_ledger(records: RunRecords, business: Business) -> pa.Table:
    """What each order cost, in cents with their fractions; components add up to every cost KPI exactly."""
    import pyarrow as pa

    from omsim.analysis.costs import order_costs
    from omsim.analysis.outcomes import derive_outcomes
    from omsim.kernels.outcome_columns import COST_NAMES

    costs = order_costs(records, business, derive_outcomes(records, business))
    components = {f"{name}_cents": costs.cents(name) for name in COST_NAMES}
    return pa.table({"order": np.arange(len(costs.counted), dtype=np.int32), "counted": costs.counted, **components})


def build_tables(records: RunRecords, business: Business) -> Mapping[str, pa.Table]:
    """The tables of a run by name: orders, lines, shipments, pieces, returns, contacts, purchases, tenders, ..."""
    import pyarrow as pa

    def name(codes: NDArray[Any], names: Sequence[str]) -> pa.Array:
        absent = np.asarray(codes) < 0
        indices = pa.array(np.where(absent, 0, codes).astype(np.int32), mask=absent)
        return pa.DictionaryArray.from_arrays(indices, pa.array(list(names), pa.string()))

    def when(seconds: NDArray[Any]) -> pa.Array:
        seconds = np.asarray(seconds)
        return pa.array(seconds, mask=seconds == NEVER)

    def texts(table: str, column: str) -> tuple[str, ...]:
        return business[table].texts(column)

    skus, sites, services = texts("skus", "sku"), texts("sites", "site"), texts("services", "service")
    stock_site, stock_sku = business.codes("stock", "site"), business.codes("stock", "sku")
    orders, lines, shipments, pieces = records.orders, records.lines, records.shipments, records.pieces
    returns, contacts, purchases = records.returns, records.contacts, records.purchases
    stock, stations, tenders = records.stock, records.stations, records.tenders
    ledger = stock_ledger(records, business)
    n_orders = len(orders.arrived_s)
    n_lines_of = np.diff(orders.first_line)
    line_order = np.repeat(np.arange(n_orders, dtype=np.int32), n_lines_of)
    n_lines = len(lines.units)
    short = records.short_lines
    # A line that was tried and is not short was filled at once and whole (see `LineColumns`).
    filled = np.where(np.repeat(orders.allocated_s, n_lines_of) != NEVER, lines.units, 0)
    n_days, n_cells = stock.daily_on_hand.shape
    n_tenders, n_services = tenders.slots.shape
    n_contracts = len(business["contracts"])

    def cell_site(cells: NDArray[Any]) -> pa.Array:
        return name(np.where(cells >= 0, stock_site[cells], -1), sites)

    def cell_sku(cells: NDArray[Any]) -> pa.Array:
        return name(np.where(cells >= 0, stock_sku[cells], -1), skus)

    def spread(values: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
        others[short.line] = values
        return others

    def whole(values: NDArray[Any]) -> NDArray[Any]:
        return spread(values, filled.copy())

    cartons: dict[str, Any] = {}
    if shipments.carton.size:
        names = ("cartons", "own_packages", "packaging_cents", "carton_mm3", "filled_mm3")
        cartons = {"carton": name(shipments.carton, texts("cartons", "carton"))}
        cartons |= {column: getattr(shipments, column) for column in names}
    sourcing = records.sourcing
    cells = np.arange(n_cells)
    columns: dict[str, dict[str, Any]] = {
        "orders": {
            "order": np.arange(n_orders, dtype=np.int32),
            "channel": name(orders.channel, texts("channels", "channel")),
            "region": name(orders.region, texts("regions", "region")),
            "arrived_s": when(orders.arrived_s),
            "validated_s": when(orders.validated_s),
            "allocated_s": when(orders.allocated_s),
            "rejected": orders.rejected,
            "promise_s": when(orders.promise_s),
            "shipments": orders.n_shipments,
        },
        "lines": {
            "order": line_order,
            "sku": name(lines.sku, skus),
            "units": lines.units,
            "first_units": whole(short.first_units),
            "reserved_units": whole(short.reserved_units),
            "cancelled_units": spread(short.cancelled_units, np.zeros(n_lines, dtype=np.int32)),
            "last_fill_s": when(spread(short.last_fill_s, np.repeat(orders.allocated_s, n_lines_of))),
            "cancelled_s": when(spread(short.cancelled_s, np.full(n_lines, NEVER, dtype=np.int32))),
            "waited_at": cell_site(spread(short.cell, np.full(n_lines, -1, dtype=np.int32))),
            "shipment": when(lines.shipment),
            "shipment_units": whole(short.shipment_units),
        },
        "shipments": {
            "order": shipments.order,
            "number": shipments.number,
            "site": name(shipments.site, sites),
            "service": name(shipments.service, services),
            "released_s": when(shipments.released_s),
            "picked_s": when(shipments.picked_s),
            "packed_s": when(shipments.packed_s),
            "tendered_s": when(shipments.tendered_s),
            "delivered_s": when(shipments.delivered_s),
            "pick_s": shipments.pick_s,
            "pack_s": shipments.pack_s,
            "weight_g": shipments.weight_g,
            "price_cents": shipments.price_cents,
            "units": shipments.units,
            "lines": shipments.lines,
            "rolled_over": shipments.rolled_over,
            "lost": shipments.lost,
            "damaged": shipments.damaged,
            **cartons,
        },
        "pieces": {"line": pieces.line, "shipment": pieces.shipment, "units": pieces.units},
        "returns": {
            "line": returns.line,
            "shipment": returns.shipment,
            "site": name(returns.site, sites),
            "units": returns.units,
            "requested_s": when(returns.requested_s),
            "received_s": when(returns.received_s),
            "inspected_s": when(returns.inspected_s),
            "refunded_s": when(returns.refunded_s),
            "disposition": name(returns.disposition, DISPOSITIONS),
            "refund_cents": returns.refund_cents,
            "damaged": returns.damaged,
        },
        "contacts": {
            "order": contacts.order,
            "reason": name(contacts.reason, CONTACT_REASONS),
            "at_s": when(contacts.at_s),
            "answered_s": when(contacts.answered_s),
            "closed_s": when(contacts.closed_s),
            "abandoned": contacts.abandoned,
        },
        "purchases": {
            "purchase_order": purchases.po,
            "site": cell_site(purchases.cell),
            "sku": cell_sku(purchases.cell),
            "supplier": name(purchases.supplier, texts("suppliers", "supplier")),
            "units": purchases.units,
            "ordered_s": when(purchases.ordered_s),
            "receipt_s": when(purchases.receipt_s),
            "cost_cents": purchases.cost_cents,
        },
        "tenders": {
            "at_s": np.repeat(tenders.at_s, n_services),
            "site": name(np.repeat(tenders.site, n_services), sites),
            "service": name(np.tile(np.arange(n_services), n_tenders), services),
            "parcels": np.repeat(tenders.parcels, n_services),
            "held": np.repeat(tenders.held, n_services),
            "slots": tenders.slots.ravel(),
            "used": tenders.used.ravel(),
            "demanded": tenders.demanded.ravel(),
            "slot_price_cents": tenders.slot_price_cents.ravel(),
            "unoffered": np.repeat(tenders.unoffered, n_services),
            "cost_cents": np.repeat(tenders.cost_cents, n_services),
            "objective_cents": np.repeat(tenders.objective_cents, n_services),
            "bound_cents": np.repeat(tenders.bound_cents, n_services),
            "status": np.repeat(np.array(tenders.status, dtype=object), n_services),
            "fallback": np.repeat(np.array(tenders.fallback, dtype=object), n_services),
        },
        "substitutions": {
            "line": records.substitutions.line,
            "asked_sku": name(records.substitutions.asked_sku, skus),
        },
        "sourcing": {
            "at_s": sourcing.at_s,
            "orders": sourcing.orders,
            "lines": sourcing.lines,
            "cost_cents": sourcing.cost_cents,
            "bound_cents": when(sourcing.bound_cents),
            "status": np.array(sourcing.status, dtype=object),
            "fallback": np.array(sourcing.fallback, dtype=object),
            "moved": sourcing.moved,
        },
        "contracts": {
            "contract": name(records.contracts.contract, texts("contracts", "contract")),
            **{
                column.name: getattr(records.contracts, column.name)
                for column in fields(records.contracts)
                if column.name != "contract"
            },
        },
        "contract_prices": {
            "at_s": np.repeat(tenders.at_s, n_contracts),
            "site": name(np.repeat(tenders.site, n_contracts), sites),
            "contract": name(np.tile(np.arange(n_contracts), n_tenders), texts("contracts", "contract")),
            "minimum_price_cents": tenders.contract_price_cents.ravel(),
        },
        "stock_daily": {
            "day": np.repeat(np.arange(n_days, dtype=np.int32), n_cells),
            "site": cell_site(np.tile(cells, n_days)),
            "sku": cell_sku(np.tile(cells, n_days)),
            "on_hand_units": stock.daily_on_hand.ravel(),
            "backordered_units": stock.daily_backordered.ravel(),
            "on_order_units": stock.daily_on_order.ravel(),
        },
        "stock_ledger": {
            "at_s": ledger.at_s,
            "site": cell_site(ledger.cell),
            "sku": cell_sku(ledger.cell),
            "units": ledger.units,
            "source": name(ledger.source, ACCOUNTS),
            "target": name(ledger.target, ACCOUNTS),
            "reference_table": name(ledger.reference_kind, REFERENCES),
            "reference_row": ledger.reference,
        },
        "shrinkage": {
            "site": cell_site(records.shrinkage.cell),
            "sku": cell_sku(records.shrinkage.cell),
            "units": records.shrinkage.units,
            "at_s": records.shrinkage.at_s,
        },
        "stock_balance": {
            "site": cell_site(cells),
            "sku": cell_sku(cells),
            **{
                f"{part}_units": getattr(stock, f"{part}_units")
                for part in ("opening", "received", "restocked", "shipped", "shrunk", "closing", "reserved")
            },
            "backordered_units": stock.backordered_units,
            "on_order_units": stock.on_order_units,
        },
        "stations": {
            "stage": list(stations.stage),
            "site": name(stations.site, sites),
            "tasks": stations.tasks,
            "busy_s": stations.busy_s,
            "wait_s": stations.wait_s,
            "staffed_s": stations.staffed_s,
            "queue_s": stations.queue_s,
        },
    }
    return {table: pa.table(content) for table, content in columns.items()}
