"""Compiled steps that add rows: shipments, their pieces, short lines; and put shipments before the pickers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.queues import StationState, arrive
from omsim.kernels.random import keyed_uniforms, site_factor, task_seconds
from omsim.sim.window.state import (
    C_RANK,
    CANCELLED,
    CANCELLED_AT,
    CELL,
    DELIVERED,
    FATE,
    FINE,
    FIRST,
    IN_SHIPMENT,
    LAST_FILL,
    LINE,
    M_PACK_ORDER,
    M_PACK_UNIT,
    M_PICK_LINE,
    M_PICK_ORDER,
    M_PICK_UNIT,
    N_LINES,
    NEXT,
    NEXT_PIECE,
    NUMBER,
    OF_ORDER,
    OF_SHORT,
    ORDER,
    PACK_TASK,
    PACKED,
    PICK,
    PICK_TASK,
    PICKED,
    PIECE_UNITS,
    PIECES,
    PRICE,
    RELEASED,
    RESERVED,
    ROLLED,
    SERVICE,
    SHIPMENTS,
    SHORT,
    SITE,
    TENDERED,
    UNITS,
    Guide,
    State,
)

I8 = NDArray[np.int8]
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@compiled
def new_shipment(
    tally: I64, ships: I32, small: I16, piece: I32, ranks: I8, order: int, number: int, site: int, rank: int, at_s: int
) -> int:
    """Begin a shipment of an order at a site; returns its number."""
    s = tally[SHIPMENTS]
    tally[SHIPMENTS] = s + 1
    ships[ORDER, s] = order
    ships[RELEASED, s] = at_s
    ships[PICKED, s] = -1
    ships[PACKED, s] = -1
    ships[TENDERED, s] = -1
    ships[DELIVERED, s] = -1
    ships[PRICE, s] = 0
    ships[UNITS, s] = 0
    small[NUMBER, s] = number
    small[SITE, s] = site
    small[SERVICE, s] = -1
    small[ROLLED, s] = 0
    small[FATE, s] = FINE
    small[N_LINES, s] = 0
    piece[s] = -1
    ranks[s] = rank
    return int(s)


@compiled
def add_to_shipment(ships: I32, small: I16, s: int, units: int) -> None:
    """Count one more line of a shipment."""
    ships[UNITS, s] += units
    small[N_LINES, s] += 1


@compiled
def add_piece(
    tally: I64, pieces: I32, short: I32, ships: I32, small: I16, piece: I32, row: int, s: int, units: int
) -> None:
    """Reserve units of a short line in a shipment."""
    put_piece(tally, pieces, ships, small, piece, row, s, units)
    short[RESERVED, row] += units
    short[LAST_FILL, row] = ships[RELEASED, s]


@compiled
def put_piece(tally: I64, pieces: I32, ships: I32, small: I16, piece: I32, row: int, s: int, units: int) -> None:
    """Put units of a short line, reserved before, into a shipment."""
    p = tally[PIECES]
    tally[PIECES] = p + 1
    pieces[OF_SHORT, p] = row
    pieces[IN_SHIPMENT, p] = s
    pieces[PIECE_UNITS, p] = units
    pieces[NEXT_PIECE, p] = piece[s]
    piece[s] = p
    add_to_shipment(ships, small, s, units)


@compiled
def ship_sourced(
    guide: Guide,
    state: State,
    order: I64,
    line: I64,
    site: I64,
    units: I64,
    row: I64,
    released_s: int,
) -> None:
    """Make shipments of pieces that are reserved: one an order and site, in the order of the pieces.

    The columns need room for one shipment and one piece for each.

    Parameters
    ----------
    order, line, site, units : int64, shape (n_pieces,)
        An order's pieces stand together.
    row : int64, shape (n_pieces,)
        Row of the short line; -1 = the piece is the whole line.
    """
    made = np.empty(guide.closed.shape[0], dtype=np.int64)
    for i in range(order.size):
        if i == 0 or order[i] != order[i - 1]:
            made[:] = -1
        s = made[site[i]]
        if s < 0:
            rank = guide.channel[C_RANK, state.channel[order[i]]]
            s = new_shipment(
                state.tally, state.ships, state.small, state.piece, state.rank, order[i], state.n_shipments[order[i]],
                site[i], rank, released_s,
            )  # fmt: skip
            made[site[i]] = s
            state.n_shipments[order[i]] += 1
        if row[i] < 0:
            state.line_shipment[line[i]] = s
            add_to_shipment(state.ships, state.small, s, units[i])
        else:
            put_piece(state.tally, state.pieces, state.ships, state.small, state.piece, row[i], s, units[i])


@compiled
def release(guide: Guide, state: State, stations: StationState, first_made: int, seed: int, stream: int) -> None:
    """Draw how long the shipments made since `first_made` take, and put them before the pickers of their sites."""
    ships, small, entity, link, pending = state.ships, state.small, state.entity, state.link, stations.pending
    mean_s, task_kind, task_table = guide.mean_s, guide.task_kind, guide.task_table
    for s in range(first_made, state.tally[SHIPMENTS]):
        site = small[SITE, s]
        u_pick, u_pack, _, _ = keyed_uniforms(seed, stream, entity[ships[ORDER, s]], small[NUMBER, s])
        mean = mean_s[M_PICK_ORDER, site] + small[N_LINES, s] * mean_s[M_PICK_LINE, site]
        mean += ships[UNITS, s] * mean_s[M_PICK_UNIT, site]
        ships[PICK_TASK, s] = task_seconds(mean, site_factor(task_kind, task_table, site, u_pick))
        mean = mean_s[M_PACK_ORDER, site] + ships[UNITS, s] * mean_s[M_PACK_UNIT, site]
        ships[PACK_TASK, s] = task_seconds(mean, site_factor(task_kind, task_table, site, u_pack))
        arrive(pending, PICK + site, s, link)


@compiled
def new_short(tally: I64, short: I32, line: int, order: int) -> int:
    """Begin the row of a line that was not filled at once and whole; returns its number."""
    row = tally[SHORT]
    tally[SHORT] = row + 1
    short[LINE, row] = line
    short[OF_ORDER, row] = order
    short[FIRST, row] = 0
    short[RESERVED, row] = 0
    short[CANCELLED, row] = 0
    short[LAST_FILL, row] = -1
    short[CANCELLED_AT, row] = -1
    short[CELL, row] = -1
    short[NEXT, row] = -1
    return int(row)
