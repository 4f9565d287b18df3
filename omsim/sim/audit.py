"""Identities every run must satisfy, exactly, checked from the records alone.

Owns the proof that nothing appeared or vanished. A broken identity is an `AuditError`: a defect, never a warning. What
it proves of stock, midnight by midnight, are the running sums of the entries that `ledger` lists one by one.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.errors import AuditError
from omsim.model.fields import DISPOSITIONS
from omsim.sim.audit_shipping import shipping_identities
from omsim.sim.audit_sourcing import sourcing_identities
from omsim.sim.cycles import allocation_cycles, restocking_instants, run_calendar
from omsim.sim.pieces import blocks, cell_numbers, piece_blocks, units_of_pieces
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

Int = NDArray[np.integer]
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


def _compare(name: str, left: Int, right: Int) -> Identity:
    left, right = left.reshape(-1), right.reshape(-1)
    wrong = np.flatnonzero(left != right)
    example = f"at {wrong[0]}: {left[wrong[0]]} against {right[wrong[0]]}" if wrong.size else ""
    return Identity(name=name, compared=left.size, broken=wrong.size, example=example)


def _identities(records: RunRecords, business: Business) -> Iterator[tuple[str, Int | int, Int | int]]:
    stock, ships, short, returns = records.stock, records.shipments, records.short_lines, records.returns
    first_line = records.orders.first_line
    cell_of = cell_numbers(business)
    calendar = run_calendar(business)
    n_cells = stock.opening_units.size
    midnight_s = calendar.day_start_s[1:].astype(np.int32)
    on_hand = np.zeros((midnight_s.size, n_cells), dtype=np.int32)
    reserved = np.zeros(n_cells, dtype=np.int32)
    in_shipment = np.zeros(ships.order.size, dtype=np.int32)
    n_in_shipment = np.zeros(ships.order.size, dtype=np.int32)
    short_pieces = np.zeros(short.line.size, dtype=np.int32)
    wrong_order = 0
    for line, shipment, units in piece_blocks(records):
        cell = cell_of[ships.site[shipment], records.lines.sku[line]]
        left = ships.tendered_s[shipment] != NEVER
        day = np.searchsorted(midnight_s, ships.tendered_s[shipment[left]])
        _move(on_hand, day, cell[left], -units[left])
        np.add.at(reserved, cell[~left], units[~left])
        np.add.at(in_shipment, shipment, units)
        np.add.at(n_in_shipment, shipment, np.ones(shipment.size, dtype=np.int32))
        row = np.searchsorted(short.line, line)
        is_short = row < short.line.size
        is_short[is_short] = short.line[row[is_short]] == line[is_short]
        np.add.at(short_pieces, row[is_short], units[is_short])
        order = ships.order[shipment]
        wrong_order += int(((line < first_line[order]) | (line >= first_line[order + 1])).sum())
    shipped = -on_hand.sum(axis=0, dtype=np.int64)

    yield (
        "opening + received + restocked = shipped + shrunk + closing, by site and SKU",
        stock.opening_units + stock.received_units + stock.restocked_units,
        stock.shipped_units + stock.shrunk_units + stock.closing_units,
    )
    yield "units shipped by cell = units of tendered shipments", stock.shipped_units, shipped
    yield "units reserved by cell = units of shipments not yet tendered", stock.reserved_units, reserved
    yield "no stock is negative", (stock.daily_on_hand < 0).sum(), 0
    yield "reserved stock is on hand", (stock.reserved_units > stock.closing_units).sum(), 0
    bought = records.purchases
    come = bought.receipt_s < records.horizon_s
    yield (
        "units received by cell = purchase lines due",
        stock.received_units,
        _sums(bought.cell[come], bought.units[come], n_cells),
    )
    yield (
        "units on order by cell = purchase lines not yet due",
        stock.on_order_units,
        _sums(bought.cell[~come], bought.units[~come], n_cells),
    )
    yield (
        "units bought by cell = received + still on order",
        _sums(bought.cell, bought.units, n_cells),
        stock.received_units + stock.on_order_units,
    )
    opened = bought.ordered_s == NEVER
    yield (
        "units open at the start by cell = the model's purchase orders",
        _sums(bought.cell[opened], bought.units[opened], n_cells),
        _sums(_open_cells(business, cell_of), business["purchase_orders"].integers("units"), n_cells),
    )
    losses = records.shrinkage
    yield (
        "units shrunk by cell = losses found at reviews",
        stock.shrunk_units,
        _sums(losses.cell, losses.units, n_cells),
    )
    restock_s = restocking_instants(returns.inspected_s, allocation_cycles(business, calendar))
    again = (returns.disposition == DISPOSITIONS.index("restock")) & (restock_s != NEVER)
    back = cell_of[returns.site[again], records.lines.sku[returns.line[again]]]
    yield (
        "units restocked by cell = returns inspected for it before the last allocation cycle",
        stock.restocked_units,
        _sums(back, returns.units[again], n_cells),
    )
    on_hand[0] += stock.opening_units.astype(np.int32)
    _move(on_hand, np.searchsorted(midnight_s, bought.receipt_s[come]), bought.cell[come], bought.units[come])
    _move(on_hand, np.searchsorted(midnight_s, losses.at_s), losses.cell, -losses.units)
    _move(on_hand, np.searchsorted(midnight_s, restock_s[again]), back, returns.units[again])
    np.cumsum(on_hand, axis=0, out=on_hand)
    yield "stock on hand at every midnight = what the ledger's entries so far leave", stock.daily_on_hand, on_hand
    accounted = (records.lines.shipment >= 0).astype(np.int8)
    accounted[short.line] = 1
    tried = np.repeat((records.orders.allocated_s != NEVER).astype(np.int8), np.diff(first_line))
    yield "lines of orders that were tried = lines in a shipment or told as short", accounted, tried
    yield "units reserved of a short line = its pieces", short.reserved_units, short_pieces
    waiting = records.lines.units[short.line] - short.reserved_units - short.cancelled_units
    yield "no line is over-served", (waiting < 0).sum(), 0
    waits = waiting > 0
    yield (
        "units backordered by cell = units of lines that wait there",
        stock.backordered_units,
        _sums(short.cell[waits], waiting[waits], n_cells),
    )
    yield "units of a shipment = its pieces", ships.units, in_shipment
    yield "lines of a shipment = its pieces", ships.lines, n_in_shipment
    yield "pieces belong to their shipment's order", wrong_order, 0
    yield (
        "shipments of an order = its shipment count",
        records.orders.n_shipments,
        _shipments_by_order(records),
    )
    yield from _time_identities(records)
    yield from _return_identities(records)
    yield from shipping_identities(records, business)
    yield from sourcing_identities(records, business)


def _move(on_hand: NDArray[np.int32], day: Int, cell: Int, units: Int) -> None:
    """Add units (negative: take them) to what each day changes in each cell."""
    np.add.at(on_hand.reshape(-1), day * np.int64(on_hand.shape[1]) + cell, units.astype(np.int32, copy=False))


def _sums(cell: Int, units: Int, n_cells: int) -> I64:
    """Units added up by cell; int64, shape (n_cells,)."""
    total = np.zeros(n_cells, dtype=np.int64)
    np.add.at(total, cell, units.astype(np.int64))
    return total


def _open_cells(business: Business, cell_of: Int) -> Int:
    """Cell of each row of the model's purchase orders."""
    return cell_of[business.codes("purchase_orders", "site"), business.codes("purchase_orders", "sku")]


def _return_identities(records: RunRecords) -> Iterator[tuple[str, Int | int, Int | int]]:
    """Only what customers hold comes back, and once."""
    returns, ships = records.returns, records.shipments
    line, shipment = returns.line.astype(np.int64), returns.shipment.astype(np.int64)
    yield "units of a return = its piece's", returns.units, units_of_pieces(records, line, shipment)
    yield "no piece comes back twice", np.unique(shipment * records.lines.units.size + line).size, line.size
    delivered_s = ships.delivered_s[shipment]
    yield "returns follow delivery", ((delivered_s == NEVER) | (returns.requested_s < delivered_s)).sum(), 0


def _shipments_by_order(records: RunRecords) -> Int:
    """Shipments of each order, counted; int16, in blocks, for index arrays are widened as they are used."""
    counted = np.zeros(records.orders.arrived_s.size, dtype=np.int16)
    for a, b in blocks(records.shipments.order.size):
        np.add.at(counted, records.shipments.order[a:b], np.ones(b - a, dtype=np.int16))
    return counted


def _time_identities(records: RunRecords) -> Iterator[tuple[str, Int | int, Int | int]]:
    """Nothing happens before what it needs; Little's law at every station."""
    ships, orders, stations = records.shipments, records.orders, records.stations
    early = sum(
        int(((ships.released_s[a:b] < orders.validated_s[ships.order[a:b]]) & (ships.released_s[a:b] != NEVER)).sum())
        for a, b in blocks(ships.order.size)
    )
    yield "released after validation", early, 0
    chain = ("released_s", "picked_s", "packed_s", "tendered_s", "delivered_s")
    for earlier, later in itertools.pairwise(chain):
        a, b = getattr(ships, earlier), getattr(ships, later)
        yield f"{later} after {earlier}", ((b != NEVER) & ((a == NEVER) | (b < a))).sum(), 0
    rejected = orders.rejected
    yield "rejected orders ship nothing", orders.n_shipments[rejected].sum(), 0
    queueing = np.zeros(stations.queue_s.size, dtype=np.int64)
    ships_still = {
        "pick": (ships.released_s, (ships.released_s != NEVER) & (ships.pick_s == 0)),
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
