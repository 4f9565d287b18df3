"""Money by order or by group of orders, added up in whole 1/3600 cents.

Owns the loops over parcels and orders; rates, returns, contacts and shared costs are `omsim.analysis.costs`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled
from omsim.kernels.outcome_columns import (
    C_LATE,
    C_PACK,
    C_PARCEL,
    C_PICK,
    C_SPLIT,
    CLOSED,
    COUNTED,
    DUE,
    LOST,
    ON_TIME,
    PER_CENT,
    REJECTED,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Int = NDArray[np.integer]
    Flags = NDArray[np.bool_]


@compiled
def add_parcel_costs(
    order: Int,
    number: Int,
    site: Int,
    picked_s: Int,
    packed_s: Int,
    tendered_s: Int,
    pick_s: Int,
    pack_s: Int,
    price_cents: Int,
    slot_of_order: Int,
    wage_cents_per_hour: Int,
    split_cents: int,
    warm_up_s: int,
    costs: Int,
) -> None:
    """Add what each parcel cost in the counted time to the slot of its order, in 1/3600 cent.

    Wages are whole (seconds times cents an hour are 1/3600 cents) and fall due when the task ends, the carrier's price
    and the penalty of a further parcel at its tender. `costs` is int64, shape (n_slots, len(COST_NAMES)).
    """
    for i in range(order.size):
        slot = slot_of_order[order[i]]
        wage = wage_cents_per_hour[site[i]]
        if picked_s[i] >= warm_up_s:
            costs[slot, C_PICK] += np.int64(pick_s[i]) * wage
        if packed_s[i] >= warm_up_s:
            costs[slot, C_PACK] += np.int64(pack_s[i]) * wage
        if tendered_s[i] >= warm_up_s:
            costs[slot, C_PARCEL] += np.int64(price_cents[i]) * PER_CENT
            if number[i] > 0:
                costs[slot, C_SPLIT] += split_cents * PER_CENT


@compiled
def add_penalties(
    flags: Int, promise_s: Int, n_shipments: Int, slot_of_order: Int, late_cents: int, horizon_s: int, costs: Int
) -> None:
    """Add the goodwill of late and lost orders, in 1/3600 cent.

    An order due in the counted time is late when something that was not cancelled had not arrived by the promise; one
    cancelled as a whole is not late (its margin is lost instead). An order without a promise to break costs the same
    when a parcel of it is lost; it counts when it arrived in the counted time.
    """
    for i in range(flags.size):
        if flags[i] & REJECTED:
            continue
        gone = flags[i] & CLOSED and n_shipments[i] == 0
        late = flags[i] & DUE and not flags[i] & ON_TIME and not gone
        promised = promise_s[i] >= 0 and promise_s[i] < horizon_s
        if late or (flags[i] & LOST and flags[i] & COUNTED and not promised):
            costs[slot_of_order[i], C_LATE] += late_cents * PER_CENT


@compiled
def add_goods_shipped(
    line_sku: Int,
    line_units: Int,
    line_shipment: Int,
    short_line: Int,
    short_shipment_units: Int,
    piece_line: Int,
    piece_shipment: Int,
    piece_units: Int,
    site: Int,
    tendered_s: Int,
    unit_cost_cents: Int,
    warm_up_s: int,
    cents: Int,
) -> None:
    """Add the cost of all units tendered from `warm_up_s` on to their sites; `cents` is int64, shape (n_sites,)."""
    s = 0
    for line in range(line_sku.size):
        units = line_units[line]
        if s < short_line.size and short_line[s] == line:
            units = short_shipment_units[s]
            s += 1
        shipment = line_shipment[line]
        if shipment >= 0 and tendered_s[shipment] >= warm_up_s:
            cents[site[shipment]] += units * unit_cost_cents[line_sku[line]]
    for piece in range(piece_line.size):
        shipment = piece_shipment[piece]
        if tendered_s[shipment] >= warm_up_s:
            cents[site[shipment]] += piece_units[piece] * unit_cost_cents[line_sku[piece_line[piece]]]
