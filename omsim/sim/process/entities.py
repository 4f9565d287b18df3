"""What a run makes: pieces, shipments, short lines, returned pieces, purchase lines and tenders, as plain objects.

Owns their shape while the run goes on; `recording` turns them into columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from simpy.events import Event

    from omsim.sim.decisions import TenderDecision
    from omsim.sim.process.stock import Cell


class Piece(NamedTuple):
    """Units of one order line reserved in one cell, for one shipment."""

    line: int
    cell: Cell
    units: int


class Cartons(NamedTuple):
    """What one shipment is packed in; as in `parcels.PackedShipments`."""

    carton: int
    cartons: int
    own_packages: int
    packaging_cents: int
    tare_g: int
    carton_mm3: int
    filled_mm3: int


NO_CARTONS = Cartons(-1, 0, 0, 0, 0, 0, 0)


@dataclass(slots=True, kw_only=True)
class Shipment:
    """What one site picks, packs and tenders together for one order.

    Attributes
    ----------
    row : int
        Number of the shipment in the run, in order of making.
    order, number : int
        Its order, and which of the order's shipments it is, from 0.
    picked_up : Event
        Fires when a carrier has taken it.
    """

    row: int
    order: int
    number: int
    site: int
    released_s: int
    pieces: list[Piece]
    units: int
    weight_g: int
    volume_mm3: int
    picked_up: Event
    picked_s: int = NEVER
    packed_s: int = NEVER
    tendered_s: int = NEVER
    delivered_s: int = NEVER
    pick_s: int = 0
    pack_s: int = 0
    service: int = -1
    price_cents: int = 0
    rolled_over: int = 0
    lost: bool = False
    damaged: bool = False
    packed: Cartons = NO_CARTONS


@dataclass(slots=True, kw_only=True)
class ShortLine:
    """A line that stock did not fill at once, whole and from one site; as in `records.ShortLineColumns`."""

    first_units: int
    shipment_units: int
    reserved_units: int
    cancelled_units: int
    last_fill_s: int
    cancelled_s: int
    cell: int


@dataclass(slots=True, kw_only=True)
class ReturnedPiece:
    """A piece on its way back."""

    shipment: Shipment
    piece: Piece
    requested_s: int
    received_s: int = NEVER
    inspected_s: int = NEVER
    refunded_s: int = NEVER
    disposition: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseLine:
    """Units of one cell bought with one purchase order."""

    po: int
    cell: Cell
    supplier: int
    units: int
    ordered_s: int
    receipt_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tender:
    """One cutoff of one site and what was decided at it."""

    at_s: int
    site: int
    day: int
    parcels: int
    decision: TenderDecision
