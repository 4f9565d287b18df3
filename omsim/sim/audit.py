"""Identities every run must satisfy, exactly, checked from the records alone.

Owns the proof that nothing appeared or vanished. A broken identity is an `AuditError`: a defect, never a warning. The
detailed stock ledger (`ledger`) is a projection of the same records.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.errors import AuditError
from omsim.model.fields import DISPOSITIONS
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One identity, checked.

    Attributes
    ----------
    name : str
        What must be equal to what.
    compared : int
        How many equalities it stands for.
    broken : int
        How many of them fail.
    example : str
        The first failure in numbers; empty when none fails.
    """

    name: str
    compared: int
    broken: int
    example: str


def audit(records: RunRecords, business: Business) -> tuple[Identity, ...]:
    """Check every identity; none is skipped when one fails."""
    return tuple(
        _compare(name, np.atleast_1d(np.asarray(left)), np.atleast_1d(np.asarray(right)))
        for name, left, right in _identities(records, business)
    )


def check(records: RunRecords, business: Business) -> None:
    """Raise AuditError for the first broken identity."""
    for identity in audit(records, business):
        if identity.broken:
            raise AuditError(identity.name, f"{identity.broken} of {identity.compared}: {identity.example}")


def _compare(name: str, left: I64, right: I64) -> Identity:
    wrong = np.flatnonzero(left != right)
    example = f"at {wrong[0]}: {left[wrong[0]]} against {right[wrong[0]]}" if wrong.size else ""
    return Identity(name=name, compared=left.size, broken=wrong.size, example=example)


def cells_of_lines(records: RunRecords, business: Business, line: I64, shipment: I64) -> I64:
    """Row of `stock` each (line, shipment) draws on."""
    n_skus = len(business["skus"])
    cell_of = np.full(len(business["sites"]) * n_skus, -1, dtype=np.int64)
    stock = business["stock"]
    cell_of[business.codes("stock", "site") * n_skus + business.codes("stock", "sku")] = np.arange(len(stock))
    found: I64 = cell_of[records.shipments.site[shipment].astype(np.int64) * n_skus + records.lines.sku[line]]
    return found


def first_piece_units(records: RunRecords) -> NDArray[np.int32]:
    """Units of every line in its first shipment (0 where it has none); int32, shape (n_lines,)."""
    units = np.where(records.lines.shipment >= 0, records.lines.units, 0).astype(np.int32)
    units[records.short_lines.line] = records.short_lines.shipment_units
    return units


def _piece_blocks(records: RunRecords) -> Iterator[tuple[I64, I64, I64]]:
    """(line, shipment, units) of all shipped or reserved pieces, in blocks, so that memory stays low."""
    first_units = first_piece_units(records)
    block = 200_000
    for a in range(0, first_units.size, block):
        line = a + np.flatnonzero(records.lines.shipment[a : a + block] >= 0)
        yield line, records.lines.shipment[line].astype(np.int64), first_units[line].astype(np.int64)
    pieces = records.pieces
    yield pieces.line.astype(np.int64), pieces.shipment.astype(np.int64), pieces.units.astype(np.int64)


def _identities(records: RunRecords, business: Business) -> Iterator[tuple[str, I64 | int, I64 | int]]:
    stock, ships, short, returns = records.stock, records.shipments, records.short_lines, records.returns
    n_cells = stock.opening_units.size
    shipped, reserved = np.zeros(n_cells, dtype=np.int64), np.zeros(n_cells, dtype=np.int64)
    in_shipment = np.zeros(ships.order.size, dtype=np.int64)
    n_in_shipment = np.zeros(ships.order.size, dtype=np.int64)
    short_pieces = np.zeros(short.line.size, dtype=np.int64)
    wrong_order = 0
    for line, shipment, units in _piece_blocks(records):
        cell = cells_of_lines(records, business, line, shipment)
        left = ships.tendered_s[shipment] != NEVER
        np.add.at(shipped, cell[left], units[left])
        np.add.at(reserved, cell[~left], units[~left])
        np.add.at(in_shipment, shipment, units)
        np.add.at(n_in_shipment, shipment, 1)
        row = np.searchsorted(short.line, line)
        is_short = row < short.line.size
        is_short[is_short] = short.line[row[is_short]] == line[is_short]
        np.add.at(short_pieces, row[is_short], units[is_short])
        order = np.searchsorted(records.orders.first_line, line, side="right") - 1
        wrong_order += int((order != ships.order[shipment]).sum())

    opening = stock.opening_units + stock.received_units + stock.restocked_units
    yield (
        "opening + received + restocked = shipped + shrunk + closing, by site and SKU",
        opening,
        (stock.shipped_units + stock.shrunk_units + stock.closing_units),
    )
    yield "units shipped by cell = units of tendered shipments", stock.shipped_units, shipped
    yield "units reserved by cell = units of shipments not yet tendered", stock.reserved_units, reserved
    yield "no stock is negative", (stock.daily_on_hand < 0).sum(), 0
    yield "reserved stock is on hand", (stock.reserved_units > stock.closing_units).sum(), 0
    received = records.purchases.receipt_s < records.horizon_s
    yield (
        "units received by cell = purchase lines due",
        stock.received_units,
        np.bincount(
            records.purchases.cell[received], weights=records.purchases.units[received], minlength=n_cells
        ).astype(np.int64),
    )
    yield (
        "units on order by cell = purchase lines not yet due",
        stock.on_order_units,
        np.bincount(
            records.purchases.cell[~received], weights=records.purchases.units[~received], minlength=n_cells
        ).astype(np.int64),
    )
    yield "units reserved of a short line = its pieces", short.reserved_units, short_pieces
    waiting = records.lines.units[short.line] - short.reserved_units - short.cancelled_units
    yield "no line is over-served", (waiting < 0).sum(), 0
    waits = waiting > 0
    yield (
        "units backordered by cell = units of lines that wait there",
        stock.backordered_units,
        np.bincount(short.cell[waits], weights=waiting[waits], minlength=n_cells).astype(np.int64),
    )
    yield "units of a shipment = its pieces", ships.units, in_shipment
    yield "lines of a shipment = its pieces", ships.lines, n_in_shipment
    yield "pieces belong to their shipment's order", wrong_order, 0
    yield (
        "shipments of an order = its shipment count",
        records.orders.n_shipments,
        np.bincount(ships.order, minlength=records.orders.arrived_s.size),
    )
    yield from _time_identities(records)
    restocked = np.zeros(n_cells, dtype=np.int64)
    back = np.flatnonzero(returns.disposition == DISPOSITIONS.index("restock"))
    cell = cells_of_lines(records, business, returns.line[back].astype(np.int64), returns.shipment[back])
    np.add.at(restocked, cell, returns.units[back])
    yield "units restocked <= units inspected for restock, by cell", (stock.restocked_units > restocked).sum(), 0
    yield "parcels tendered = slots used", int((ships.tendered_s != NEVER).sum()), int(records.tenders.used.sum())
    yield "no pickup takes more than its slots", (records.tenders.used > records.tenders.slots).sum(), 0
    paid = ships.price_cents[ships.tendered_s != NEVER].sum(dtype=np.int64)
    yield "carrier prices paid = tender costs", int(paid), int(records.tenders.cost_cents.sum())


def _time_identities(records: RunRecords) -> Iterator[tuple[str, I64 | int, I64 | int]]:
    """Nothing happens before what it needs; Little's law at every station."""
    ships, orders, stations = records.shipments, records.orders, records.stations
    order = ships.order
    yield "released after validation", (ships.released_s < orders.validated_s[order]).sum(), 0
    chain = ("released_s", "picked_s", "packed_s", "tendered_s", "delivered_s")
    for earlier, later in itertools.pairwise(chain):
        a, b = getattr(ships, earlier), getattr(ships, later)
        yield f"{later} after {earlier}", ((b != NEVER) & ((a == NEVER) | (b < a))).sum(), 0
    rejected = orders.rejected
    yield "rejected orders ship nothing", orders.n_shipments[rejected].sum(), 0
    queueing = np.zeros(stations.queue_s.size, dtype=np.int64)
    ships_still = {
        "pick": (ships.released_s, (ships.pick_s == 0)),
        "pack": (ships.picked_s, (ships.picked_s != NEVER) & (ships.pack_s == 0)),
    }
    for row, (stage, site) in enumerate(zip(stations.stage, stations.site, strict=True)):
        if stage in ships_still:
            ready, waits = ships_still[stage]
            here = waits & (ships.site == site)
            queueing[row] = (records.horizon_s - ready[here].astype(np.int64)).sum()
    floor = np.array([stage in ships_still for stage in stations.stage])
    yield (
        "Little: queue integral = waits ended + waits going on, at pick and pack",
        stations.queue_s[floor],
        (stations.wait_s + queueing)[floor],
    )
    yield "people are never busier than the tasks they started", (stations.busy_s < stations.tasks).sum(), 0
