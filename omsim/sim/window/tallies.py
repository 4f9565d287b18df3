"""Records of what the clock decided, row by row: purchase orders, losses, tenders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.sim.parcels import PackedShipments
from omsim.sim.purchase_cost import goods_cost_cents
from omsim.sim.records import MOST_WEIGHT_G, NEVER, PurchaseColumns, ShrinkageColumns, TenderColumns

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.decisions import TenderDecision
    from omsim.sim.plan import Plan
    from omsim.sim.purchasing import PurchaseLines


_CARTON_TYPES = dict.fromkeys(("carton", "cartons", "own_packages", "packaging_cents"), np.int32)


class TenderRow(NamedTuple):
    """One tender, without its parcels; see `records.TenderColumns`."""

    at_s: int
    site: int
    parcels: int
    held: int
    slots: NDArray[np.int64]
    used: NDArray[np.int64]
    demanded: NDArray[np.int64]
    cost_cents: int
    status: str
    fallback: str
    unoffered: int
    slot_price_cents: NDArray[np.int64]
    contract_price_cents: NDArray[np.int64]
    objective_cents: int
    bound_cents: int


class PackedRows(NamedTuple):
    """What the shipments that left with one tender were packed in."""

    shipment: NDArray[np.int32]
    packed: PackedShipments


def tender_row(at_s: int, site: int, slots: NDArray[np.int64], decision: TenderDecision) -> TenderRow:
    """What is kept of a tender's decision: two numbers a parcel would be a tenth of a run's memory."""
    return TenderRow(
        at_s=at_s,
        site=site,
        parcels=decision.service.size,
        held=int((decision.service < 0).sum()),
        slots=slots,
        used=decision.used,
        demanded=decision.demanded,
        cost_cents=decision.cost_cents,
        status=decision.status,
        fallback=decision.fallback,
        unoffered=decision.unoffered,
        slot_price_cents=decision.slot_price_cents,
        contract_price_cents=decision.contract_price_cents,
        objective_cents=decision.objective_cents,
        bound_cents=decision.bound_cents,
    )


def packed_rows(shipments: NDArray[np.int32], packed: PackedShipments, service: NDArray[np.int64]) -> PackedRows:
    """What is kept of a tender's cartons: those of the shipments that left."""
    sent = np.flatnonzero(service >= 0)
    narrow = {name: column[sent].astype(_CARTON_TYPES.get(name, np.int64)) for name, column in packed._asdict().items()}
    return PackedRows(shipments[sent], PackedShipments(**narrow))


def carton_columns(plan: Plan, rows: list[PackedRows], weight_g: NDArray[np.int32]) -> dict[str, NDArray[np.integer]]:
    """Columns of shipments on their cartons, none in a model without; `weight_g` is made heavier by them."""
    if not plan.packaging.cartons.cost_cents.size:
        return {}
    columns: dict[str, NDArray[np.integer]] = {
        name: np.zeros(weight_g.size, dtype=_CARTON_TYPES.get(name, np.int64))
        for name in PackedShipments._fields
        if name != "tare_g"
    }
    columns["carton"] -= 1
    for shipment, packed in rows:
        for name, column in columns.items():
            column[shipment] = getattr(packed, name)
        heavy_g = weight_g[shipment] + packed.tare_g.astype(np.int64)
        weight_g[shipment] = np.minimum(heavy_g, MOST_WEIGHT_G)
    return columns


def purchase_columns(business: Business, plan: Plan, purchases: list[tuple[int, PurchaseLines]]) -> PurchaseColumns:
    """All purchase-order lines: those open at the start, then the others as sent."""
    opening = plan.open_orders

    def column(name: str) -> NDArray[np.int64]:
        return np.concatenate([getattr(opening, name), *(getattr(lines, name) for _, lines in purchases)])

    cell, units = column("cell"), column("units")
    before = opening.po.size
    sent = [np.full(lines.po.size, at_s, dtype=np.int64) for at_s, lines in purchases]
    supplier = np.concatenate([opening.supplier, plan.cells.supplier[cell[before:]]])
    return PurchaseColumns(
        po=column("po"),
        cell=cell,
        supplier=supplier,
        units=units,
        ordered_s=np.concatenate([np.full(before, NEVER, dtype=np.int64), *sent]),
        receipt_s=column("receipt_s"),
        cost_cents=goods_cost_cents(business, cell=cell, supplier=supplier, units=units),
    )


def shrinkage_columns(losses: list[NDArray[np.int64]]) -> ShrinkageColumns:
    """What vanished: (cells, units, instants) of every review."""
    nothing = np.zeros((3, 0), dtype=np.int32)
    cell, units, at_s = np.concatenate([nothing, *losses], axis=1, dtype=np.int32)
    return ShrinkageColumns(cell=cell, units=units, at_s=at_s)


def tender_columns(plan: Plan, tenders: list[TenderRow]) -> TenderColumns:
    """Every cutoff's tender."""
    n_services, n_contracts = plan.tariff.slots.shape[2], plan.contracts.covers.shape[0]

    def numbers(name: str) -> NDArray[np.int64]:
        return np.array([getattr(row, name) for row in tenders], dtype=np.int64)

    def by_service(name: str) -> NDArray[np.int64]:
        return numbers(name).reshape(len(tenders), n_services)

    return TenderColumns(
        at_s=numbers("at_s"),
        site=numbers("site"),
        parcels=numbers("parcels"),
        held=numbers("held"),
        slots=by_service("slots"),
        used=by_service("used"),
        demanded=by_service("demanded"),
        cost_cents=numbers("cost_cents"),
        status=tuple(row.status for row in tenders),
        fallback=tuple(row.fallback for row in tenders),
        unoffered=numbers("unoffered"),
        slot_price_cents=by_service("slot_price_cents"),
        contract_price_cents=numbers("contract_price_cents").reshape(len(tenders), n_contracts),
        objective_cents=numbers("objective_cents"),
        bound_cents=numbers("bound_cents"),
    )
