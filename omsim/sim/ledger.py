"""The stock ledger: every unit's way from account to account, entry by entry, as a projection of the records.

Owns the accounts and their entries. Each entry takes units of one cell out of one account and puts them into another,
so nothing can appear or vanish in it; whether the records bear it out is `audit`'s proof.

=========  =====================================================================
account    what is in it
=========  =====================================================================
opening    where the opening stock comes from: minus what was there at the start
supplier   where purchases come from: minus what was received
on_hand    in the building, free or reserved
customer   tendered and not asked back: on the way or delivered
lost       tendered and lost on the way
returning  asked back: on the way, or waiting for inspection
inspected  inspected, to be on hand again at the next allocation cycle
refurbish  inspected and sent there; `liquidate` and `scrap` likewise
shrinkage  found gone at a review
=========  =====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from omsim.model.fields import DISPOSITIONS
from omsim.sim.cycles import allocation_cycles, restocking_instants, run_calendar
from omsim.sim.pieces import cell_numbers, piece_blocks
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Entry = TypeVar("Entry", np.int8, np.int32)

ACCOUNTS = (
    "opening",
    "supplier",
    "on_hand",
    "customer",
    "lost",
    "returning",
    "inspected",
    "refurbish",
    "liquidate",
    "scrap",
    "shrinkage",
)
REFERENCES = ("stock", "purchases", "shipments", "returns", "shrinkage")
"""Columns of the records in which `reference` is a row, by `reference_kind`; the rows of stock are the cells."""

_OPENING, _SUPPLIER, _ON_HAND, _CUSTOMER, _LOST, _RETURNING, _INSPECTED = range(7)
_SHRINKAGE = ACCOUNTS.index("shrinkage")
_STOCK, _PURCHASES, _SHIPMENTS, _RETURNS, _LOSSES = range(5)
_AFTER_INSPECTION = np.array(
    [_INSPECTED if name == "restock" else ACCOUNTS.index(name) for name in DISPOSITIONS], dtype=np.int8
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLedger:
    """One row an entry, each of shape (n_entries,), in order of time.

    Within a second: opening stock, inspections, receipts, restocks, shrinkage, tenders, requests of returns (as
    `SPECIFICATION.md` orders them); entries of one kind by reference, those of a shipment by line.

    Attributes
    ----------
    at_s : int32
        When.
    cell : int32
        Whose units: row of the model's `stock`.
    source, target : int8
        Where the units leave and where they arrive; index into `ACCOUNTS`.
    units : int32
        How many, at least one.
    reference_kind : int8
        Which columns tell why; index into `REFERENCES`.
    reference : int32
        Row there.
    """

    at_s: I32
    cell: I32
    source: I8
    target: I8
    units: I32
    reference_kind: I8
    reference: I32


def stock_ledger(records: RunRecords, business: Business) -> StockLedger:
    """Every movement of stock the records tell of.

    Notes
    -----
    Two sorts of the entries, of which there is about one a line; 19 bytes an entry, about thrice that while at it.
    """
    parts = list(_entries(records, business))
    whole = {field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(StockLedger)}
    parts.clear()
    order = np.argsort(whole["at_s"], kind="stable")
    return StockLedger(**{name: column[order] for name, column in whole.items()})


def balances(ledger: StockLedger, n_cells: int) -> I64:
    """What is in each account in the end: what came in less what went out; int64, shape (n_accounts, n_cells)."""
    balance, units = np.zeros(len(ACCOUNTS) * n_cells, dtype=np.int64), ledger.units.astype(np.int64)
    np.add.at(balance, ledger.target * np.int64(n_cells) + ledger.cell, units)
    np.subtract.at(balance, ledger.source * np.int64(n_cells) + ledger.cell, units)
    return balance.reshape(len(ACCOUNTS), n_cells)


def _part(
    at_s: NDArray[np.integer] | int,
    cell: NDArray[np.integer],
    source: NDArray[np.integer] | int,
    target: NDArray[np.integer] | int,
    units: NDArray[np.integer],
    reference_kind: int,
    reference: NDArray[np.integer],
) -> StockLedger:
    def column(values: NDArray[np.integer] | int, dtype: type[Entry]) -> NDArray[Entry]:
        return np.broadcast_to(np.asarray(values, dtype=dtype), units.shape)

    return StockLedger(
        at_s=column(at_s, np.int32),
        cell=column(cell, np.int32),
        source=column(source, np.int8),
        target=column(target, np.int8),
        units=column(units, np.int32),
        reference_kind=column(reference_kind, np.int8),
        reference=column(reference, np.int32),
    )


def _entries(records: RunRecords, business: Business) -> Iterator[StockLedger]:
    """The kinds of entries, in their order within a second."""
    cell_of = cell_numbers(business)
    opening = records.stock.opening_units
    some = np.flatnonzero(opening)
    yield _part(0, some, _OPENING, _ON_HAND, opening[some], _STOCK, some)

    returns = records.returns
    back = cell_of[returns.site, records.lines.sku[returns.line]]
    done = np.flatnonzero(returns.inspected_s != NEVER)
    goes_to = _AFTER_INSPECTION[returns.disposition[done]]
    yield _part(returns.inspected_s[done], back[done], _RETURNING, goes_to, returns.units[done], _RETURNS, done)

    purchases = records.purchases
    come = np.flatnonzero(purchases.receipt_s < records.horizon_s)
    yield _part(
        purchases.receipt_s[come], purchases.cell[come], _SUPPLIER, _ON_HAND, purchases.units[come], _PURCHASES, come
    )

    cycle_s = allocation_cycles(business, run_calendar(business))
    restock_s = restocking_instants(returns.inspected_s[done], cycle_s)
    again = (goes_to == _INSPECTED) & (restock_s != NEVER)
    row = done[again]
    yield _part(restock_s[again], back[row], _INSPECTED, _ON_HAND, returns.units[row], _RETURNS, row)

    losses = records.shrinkage
    yield _part(losses.at_s, losses.cell, _ON_HAND, _SHRINKAGE, losses.units, _LOSSES, np.arange(losses.cell.size))

    yield _tendered(records, cell_of)
    asked = np.arange(returns.line.size)
    yield _part(returns.requested_s, back, _CUSTOMER, _RETURNING, returns.units, _RETURNS, asked)


def _tendered(records: RunRecords, cell_of: I32) -> StockLedger:
    """What left with carriers: one entry a piece, by shipment and line."""
    ships = records.shipments
    parts = []
    for line, shipment, units in piece_blocks(records):
        left = ships.tendered_s[shipment] != NEVER
        parts.append(np.stack((line[left], shipment[left], units[left])).astype(np.int32))
    line, shipment, units = np.concatenate(parts, axis=1)
    order = np.lexsort((line, shipment))
    line, shipment, units = line[order], shipment[order], units[order]
    return _part(
        ships.tendered_s[shipment],
        cell_of[ships.site[shipment], records.lines.sku[line]],
        _ON_HAND,
        np.where(ships.lost[shipment], _LOST, _CUSTOMER),
        units,
        _SHIPMENTS,
        shipment,
    )
