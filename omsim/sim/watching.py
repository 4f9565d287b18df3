"""What was seen of one order while a run went on: stock when its turn came, fills of what waited, tenders.

Owns the record only. The looking is done by `window.watched`, and changes nothing; what it means is told by
`experiments.explain`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from omsim.sim.parcels import DockParcels

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Piece(NamedTuple):
    """Units of a line of the order (numbered from 0 within it) from a site."""

    line: int
    site: int
    units: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrySeen:
    """The order tried at an allocation.

    Attributes
    ----------
    at_s : int
    orders, before : int
        Orders decided with it, itself included; those of them in turn before it. 1 and 0 where orders are tried one by
        one.
    free_units, earlier_units, later_units : int64, shape (n_cells,)
        Free before the decision; of that, what the orders before and behind it got.
    room, earlier_shipments, later_shipments : int64, shape (n_sites,)
        Shipments each site could take before the decision, and those of the orders before and behind it.
    pieces : tuple of Piece
        What it got.
    sku : tuple of int
        What its lines asked for then, substitutes in place.
    status, fallback : str
        How the decision was found, as in `records.SourcingColumns`.
    worth_cents : int64, shape (n_cells,), or None
        What a unit of each cell was worth to later orders, where the rule counts that.
    shares : float64, shape (n_lines, n_sites), or None
        Chances a plan gave each site for its lines, where the rule draws by them.
    """

    at_s: int
    orders: int
    before: int
    free_units: Ints
    earlier_units: Ints
    later_units: Ints
    room: Ints
    earlier_shipments: Ints
    later_shipments: Ints
    pieces: tuple[Piece, ...]
    sku: tuple[int, ...]
    status: str
    fallback: str
    worth_cents: Ints | None = None
    shares: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FillSeen:
    """Stock came to a cell where a line of the order waits.

    Attributes
    ----------
    at_s, line, cell : int
    free_units : int
        Before anybody was served.
    ahead_units : int
        Wanted by those in the queue before it.
    wanted_units, given_units : int
    """

    at_s: int
    line: int
    cell: int
    free_units: int
    ahead_units: int
    wanted_units: int
    given_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeSeen:
    """The order changed sites while it was on hold."""

    at_s: int
    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TenderSeen:
    """A tender at which a shipment of the order stood.

    Attributes
    ----------
    at_s, site, day : int
    shipment : int
        Row of the run's shipments.
    parcels : DockParcels
        The shipment alone.
    n_parcels : int
        Shipments at the tender.
    service, price_cents : int
        What was decided for it; -1 and 0 = left for the next pickup.
    slots, used, used_g, slot_price_cents : int64, shape (n_services,)
        Of the whole tender.
    contract_price_cents : int64, shape (n_contracts,)
    status, fallback : str
        As in `records.TenderColumns`.
    """

    at_s: int
    site: int
    day: int
    shipment: int
    parcels: DockParcels
    n_parcels: int
    service: int
    price_cents: int
    slots: Ints
    used: Ints
    used_g: Ints
    slot_price_cents: Ints
    contract_price_cents: Ints
    status: str
    fallback: str


@dataclass(slots=True, kw_only=True, eq=False)
class OrderSeen:
    """Everything seen of one order, in order of time; a run that watches fills it.

    Attributes
    ----------
    order : int
        Row of the run's orders.
    """

    order: int
    tries: list[TrySeen] = field(default_factory=list)
    fills: list[FillSeen] = field(default_factory=list)
    trades: list[TradeSeen] = field(default_factory=list)
    tenders: list[TenderSeen] = field(default_factory=list)
