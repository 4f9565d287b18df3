"""What a run leaves behind: columns of orders, lines, shipments, returns, contacts, purchases, losses and stock.

Owns the shape of the records only. Engines fill them, `audit` and `ledger` prove them, the KPIs of `analysis` read
them. Instants are whole seconds since the model's start (int32, `NEVER` = it has not happened by the horizon's end
unless stated otherwise), money is integer cents, stock is whole units.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from omsim.sim.sourcing.columns import SourcingColumns, SubstitutionColumns

Int = NDArray[np.integer]
Flags = NDArray[np.bool_]

NEVER = -1
MOST_WEIGHT_G = 2**31 - 1


def _no_numbers() -> Int:
    """A column a model has no use for."""
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderColumns:
    """One row an order, in order of arrival; ties keep the order of drawing.

    Attributes
    ----------
    arrived_s, validated_s, promise_s : int32, shape (n_orders,)
        Intake; end of validation (NEVER = still at the desk); promised delivery (NEVER = no promise was made).
    channel, region : int16, shape (n_orders,)
        Row in the model's `channels` and `regions`.
    allocated_s : int32, shape (n_orders,)
        First allocation attempt of all its lines (NEVER = none by the horizon's end, or rejected).
    rejected : bool, shape (n_orders,)
        Validation refused it (known at `validated_s`).
    first_line : int32, shape (n_orders + 1,)
        Order i owns lines first_line[i] to first_line[i + 1] - 1.
    n_shipments : int16, shape (n_orders,)
        Shipments created so far.
    """

    arrived_s: Int
    validated_s: Int
    allocated_s: Int
    promise_s: Int
    channel: Int
    region: Int
    rejected: Flags
    first_line: Int
    n_shipments: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineColumns:
    """One row an order line.

    A line that stock filled at once and whole, from one site, is told by these columns alone: all its units are in
    `shipment`. Any other line that was tried has a row in `ShortLineColumns`, so the common case stays small.

    Attributes
    ----------
    sku, units : int16 or int32, shape (n_lines,)
        What was ordered.
    shipment : int32, shape (n_lines,)
        Shipment of its first reserved units (-1 = none so far: never tried, rejected, waiting or lost). Further
        pieces of the line are in `PieceColumns`.
    """

    sku: Int
    units: Int
    shipment: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLineColumns:
    """One row a line that was *not* filled at once, whole and from one site; sorted by line.

    Units always add up: units of the line = reserved_units + cancelled_units + what still waits.

    Attributes
    ----------
    line : int32, shape (n_short,)
        The order line, strictly increasing.
    first_units : int32, shape (n_short,)
        Units reserved at the first attempt, over all sites.
    shipment_units : int32, shape (n_short,)
        Units of the line in its first shipment (`LineColumns.shipment`).
    reserved_units : int32, shape (n_short,)
        Units reserved in all, first attempt and later fills.
    cancelled_units : int32, shape (n_short,)
        Units lost at once (channel without backorders, or nobody carries the SKU) or cancelled after waiting.
    last_fill_s : int32, shape (n_short,)
        When its last units so far were reserved (NEVER = none were).
    cancelled_s : int32, shape (n_short,)
        When the rest was lost or cancelled (NEVER = it was not).
    cell : int32, shape (n_short,)
        Row of `stock` where it waited or waits (-1 = it never waited).
    """

    line: Int
    first_units: Int
    shipment_units: Int
    reserved_units: Int
    cancelled_units: Int
    last_fill_s: Int
    cancelled_s: Int
    cell: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentColumns:
    """One row a shipment: what one site picks, packs and tenders together for one order; one parcel.

    Attributes
    ----------
    order : int32, shape (n_shipments,)
    number : int16, shape (n_shipments,)
        0 for the order's first shipment, 1 for its second...
    site, service : int16, shape (n_shipments,)
        Service is -1 until tendered.
    released_s, picked_s, packed_s, tendered_s : int32, shape (n_shipments,)
        NEVER = not by the horizon's end.
    delivered_s : int32, shape (n_shipments,)
        Known at the tender, so it may lie beyond the horizon; NEVER = not tendered or lost.
    pick_s, pack_s : int32, shape (n_shipments,)
        Task times (0 until started); the task began at picked_s - pick_s, packed_s - pack_s.
    weight_g : int32, shape (n_shipments,)
        Actual weight, at most `MOST_WEIGHT_G`; with the empty cartons once tendered.
    price_cents : int32, shape (n_shipments,)
        What the carrier charges, fuel included (0 until tendered).
    units, lines : int32, shape (n_shipments,)
    rolled_over : int16, shape (n_shipments,)
        Tenders it was left behind at.
    lost, damaged : bool, shape (n_shipments,)
    carton, cartons, own_packages, packaging_cents : int32, shape (n_shipments,)
        Row of `cartons` of its biggest carton (-1 = none), parcels it makes, those of them in their own packaging,
        price of its cartons; -1 and zeros until tendered. Shape (0,) in a model without cartons, as the next ones.
    carton_mm3, filled_mm3 : int64, shape (n_shipments,)
        Inside of its cartons, and what the goods in them take of it.
    """

    order: Int
    number: Int
    site: Int
    service: Int
    released_s: Int
    picked_s: Int
    packed_s: Int
    tendered_s: Int
    delivered_s: Int
    pick_s: Int
    pack_s: Int
    weight_g: Int
    price_cents: Int
    units: Int
    lines: Int
    rolled_over: Int
    lost: Flags
    damaged: Flags
    carton: Int = field(default_factory=_no_numbers)
    cartons: Int = field(default_factory=_no_numbers)
    own_packages: Int = field(default_factory=_no_numbers)
    packaging_cents: Int = field(default_factory=_no_numbers)
    carton_mm3: Int = field(default_factory=_no_numbers)
    filled_mm3: Int = field(default_factory=_no_numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceColumns:
    """Second and later shipments of order lines; int32, shape (n_pieces,), in order of their making.

    The first piece of a line is its `LineColumns.shipment` (with all its units, or with
    `ShortLineColumns.shipment_units`).
    """

    line: Int
    shipment: Int
    units: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnColumns:
    """One row a returned piece (line x shipment): all its units come back together.

    `received_s`, `inspected_s` and `refunded_s` are NEVER when not reached by the horizon's end; `requested_s` is
    within it. `disposition` indexes `fields.DISPOSITIONS` (-1 = not inspected). `refund_cents` is what is owed.
    `damaged` marks returns of damaged parcels, which are never restocked.
    """

    line: Int
    shipment: Int
    units: Int
    site: Int
    requested_s: Int
    received_s: Int
    inspected_s: Int
    refunded_s: Int
    disposition: Int
    refund_cents: Int
    damaged: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactColumns:
    """One row a customer contact: when made, when an agent answered and closed it (NEVER = abandoned or open)."""

    order: Int
    reason: Int
    at_s: Int
    answered_s: Int
    closed_s: Int
    abandoned: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseColumns:
    """One row a purchase-order line; `receipt_s` is planned at ordering and may lie beyond the horizon.

    `ordered_s` is NEVER for what was open at the start: it was ordered before the run, which pays no order cost for it.
    """

    po: Int
    cell: Int
    supplier: Int
    units: Int
    ordered_s: Int
    receipt_s: Int
    cost_cents: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrinkageColumns:
    """One row a loss: units (at least one) found gone from a cell at a review; sorted by (at_s, cell)."""

    cell: Int
    units: Int
    at_s: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class StockColumns:
    """Stock by cell (row of the model's `stock`), int64, shape (n_cells,), and by day, int32, shape (n_days, n_cells).

    `on_hand_unit_s` integrates physical units over the counted time (after warm-up), `stocked_s` is the counted time
    with free (unreserved) stock above zero. `cycles` counts replenishment cycles (receipts of counted time), and
    `stockout_cycles` those in which free stock had run out before the receipt came. Daily columns are taken at each
    local midnight, the end of the day.
    """

    opening_units: Int
    received_units: Int
    restocked_units: Int
    shipped_units: Int
    shrunk_units: Int
    closing_units: Int
    reserved_units: Int
    backordered_units: Int
    on_order_units: Int
    on_hand_unit_s: Int
    stocked_s: Int
    cycles: Int
    stockout_cycles: Int
    daily_on_hand: Int
    daily_backordered: Int
    daily_on_order: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class StationColumns:
    """One row a station: a stage at a site (site -1 = central).

    Whole run: tasks started, busy seconds, seconds waited before them, staffed worker-seconds, and the integral of the
    queue length (for Little's law: queue_unit_s = wait_s of finished waits + wait so far of those still queueing).
    """

    stage: tuple[str, ...]
    site: Int
    tasks: Int
    busy_s: Int
    wait_s: Int
    staffed_s: Int
    queue_s: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderColumns:
    """One row a tender (site x pickup instant); slots and use per service, int64, shape (n_tenders, n_services).

    `demanded` counts the parcels whose cheapest feasible service it was; `status` is how the assignment was found
    ("trivial", "optimal", "feasible", "cheapest", or "fallback") and `fallback` why, when it was not what was asked.

    `unoffered` counts the parcels no service that picks up may carry, by its limits or by all the kilograms it takes.
    `slot_price_cents` (as `slots`) is what one slot more would have saved: exact at an optimum, 0 where everybody's
    cheapest fits or nothing is known.
    `contract_price_cents`, shape (n_tenders, n_contracts), is what a minimum of one parcel less would have saved.
    `objective_cents` is what the decision was judged by (with contracts also the rest of their period),
    `bound_cents` what no decision could have gone below.
    """

    at_s: Int
    site: Int
    parcels: Int
    held: Int
    slots: Int
    used: Int
    demanded: Int
    cost_cents: Int
    status: tuple[str, ...]
    fallback: tuple[str, ...]
    unoffered: Int = field(default_factory=_no_numbers)
    slot_price_cents: Int = field(default_factory=_no_numbers)
    contract_price_cents: Int = field(default_factory=_no_numbers)
    objective_cents: Int = field(default_factory=_no_numbers)
    bound_cents: Int = field(default_factory=_no_numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractColumns:
    """One row a contract x period within the horizon, by contract and day; int64, shape (n_periods,).

    `contract` is a row of the model's `contracts`; `first_day` and `last_day` are the local days simulated of the
    period, for which `minimum_parcels` and the tiers are scaled. `parcels` and `freight_cents` are the contract's,
    `all_parcels` those of every service. `tier` is how many tiers were reached; `rebate_cents` is credited and
    `shortfall_cents` charged at the period's end.
    """

    contract: Int = field(default_factory=_no_numbers)
    first_day: Int = field(default_factory=_no_numbers)
    last_day: Int = field(default_factory=_no_numbers)
    parcels: Int = field(default_factory=_no_numbers)
    all_parcels: Int = field(default_factory=_no_numbers)
    freight_cents: Int = field(default_factory=_no_numbers)
    minimum_parcels: Int = field(default_factory=_no_numbers)
    tier: Int = field(default_factory=_no_numbers)
    rebate_cents: Int = field(default_factory=_no_numbers)
    shortfall_cents: Int = field(default_factory=_no_numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecords:
    """Everything one replication leaves; a pure function of (model, scenario, seed, replication)."""

    engine: str
    seed: int
    replication: int
    horizon_s: int
    warm_up_s: int
    orders: OrderColumns
    lines: LineColumns
    short_lines: ShortLineColumns
    shipments: ShipmentColumns
    pieces: PieceColumns
    returns: ReturnColumns
    contacts: ContactColumns
    purchases: PurchaseColumns
    shrinkage: ShrinkageColumns
    stock: StockColumns
    stations: StationColumns
    tenders: TenderColumns
    substitutions: SubstitutionColumns
    sourcing: SourcingColumns
    contracts: ContractColumns = field(default_factory=ContractColumns)


def differences(one: RunRecords, other: RunRecords) -> list[str]:
    """Names of the columns in which two runs' records differ in any bit that matters (dtype aside).

    The engine's own name is not compared.
    """
    found = []
    for part in fields(RunRecords):
        if part.name == "engine":
            continue
        a, b = getattr(one, part.name), getattr(other, part.name)
        if isinstance(a, int):
            if a != b:
                found.append(part.name)
            continue
        for column in fields(a):
            x, y = getattr(a, column.name), getattr(b, column.name)
            if not np.array_equal(np.asarray(x), np.asarray(y)):
                found.append(f"{part.name}.{column.name}")
    return found
