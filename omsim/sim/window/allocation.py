"""Compiled passes that give orders stock: the site walk, shipments, and backorders served when stock comes.

Owns reservations. Whoever calls makes room first: `allocate_until` stops before an order that might not fit and
says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.heaps import pop, push
from omsim.sim.sourcing.terms import UNLIMITED
from omsim.sim.window.rows import add_piece, add_to_shipment, new_shipment, new_short, release
from omsim.sim.window.state import (
    BACKORDERED,
    C_BACKORDERS,
    C_PARTIAL,
    C_RANK,
    C_SPLITS,
    CANCELLED,
    CANCELLED_AT,
    CELL,
    FIRST,
    HEAD,
    LINE,
    N_LINES,
    NEXT,
    OF_ORDER,
    PIECES,
    RESERVED,
    SHIPMENTS,
    SHORT,
    TAIL,
    TURN,
    UNITS,
    WAITING,
    Count,
    Guide,
    Int,
    State,
)
from omsim.sim.window.stock import reserve, unreserve

if TYPE_CHECKING:
    from omsim.kernels.queues import StationState

I8 = NDArray[np.int8]
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@compiled
def _one_site_for_all(
    cell_of: I32, ranking: I32, closed: Flags, region: int, day: int, free: I64, stock: I64,
    sku: Int, units: Int, first: int, last: int, at_s: int, warm_up_s: int,
) -> int:  # fmt: skip
    """Reserve lines first..last - 1 at the first ranked open site that has them all; the site, or -1."""
    for k in range(ranking.shape[1]):
        site = ranking[region, k]
        if site < 0:
            break
        if closed[site, day]:
            continue
        reached = first
        while reached < last:
            cell = cell_of[site, sku[reached]]
            if cell < 0 or free[cell] < units[reached]:
                break
            reserve(free, stock, cell, units[reached], at_s, warm_up_s)
            reached += 1
        if reached == last:
            return int(site)
        for line in range(first, reached):
            unreserve(free, stock, cell_of[site, sku[line]], units[line], at_s)
    return -1


@compiled
def _home_cell(cell_of: I32, ranking: I32, sku: int) -> int:
    """Cell of the first ranked site that carries the SKU; -1 = none does."""
    for k in range(ranking.size):
        if ranking[k] < 0:
            break
        cell = cell_of[ranking[k], sku]
        if cell >= 0:
            return int(cell)
    return -1


@compiled
def _wait_or_lose(guide: Guide, state: State, row: int, order: int, left: Count, at_s: int) -> None:
    """What stock did not fill of a short line waits at its home cell, or is lost."""
    cell = -1
    if guide.channel[C_BACKORDERS, state.channel[order]]:
        sku = state.sku[state.short[LINE, row]]
        cell = _home_cell(guide.cell_of, guide.ranking[state.region[order]], sku)
    if cell < 0:
        state.short[CANCELLED, row] = left
        state.short[CANCELLED_AT, row] = at_s
        return
    state.short[CELL, row] = cell
    state.stock[cell, BACKORDERED] += left
    state.tally[WAITING] += 1
    rank = 0 if guide.oldest_first else guide.channel[C_RANK, state.channel[order]]
    if state.waiting[HEAD, cell, rank] < 0:
        state.waiting[HEAD, cell, rank] = row
    else:
        state.short[NEXT, state.waiting[TAIL, cell, rank]] = row
    state.waiting[TAIL, cell, rank] = row


@compiled
def _walk_sites(guide: Guide, state: State, order: int, day: int, at_s: int, made: I64) -> None:
    """Serve the lines one by one, each walking the sites; `made` (by site) gets the order's shipments, -1 = none."""
    channel = state.channel[order]
    partial, limit = guide.channel[C_PARTIAL, channel], guide.channel[C_SPLITS, channel]
    ranking = guide.ranking[state.region[order]]
    made[:] = -1
    n_made = 0
    for line in range(state.first_line[order], state.first_line[order + 1]):
        left = np.int64(state.units[line])
        row = -1
        for k in range(ranking.size):
            site = ranking[k]
            if site < 0 or left == 0:
                break
            if guide.closed[site, day] or (made[site] < 0 and n_made >= limit):
                continue
            cell = guide.cell_of[site, state.sku[line]]
            if cell < 0:
                continue
            granted = min(state.free[cell], left)
            if granted <= 0 or (granted < left and not partial):
                continue
            if made[site] < 0:
                made[site] = new_shipment(
                    state.tally,
                    state.ships,
                    state.small,
                    state.piece,
                    state.rank,
                    order,
                    n_made,
                    site,
                    guide.channel[C_RANK, channel],
                    at_s,
                )
                n_made += 1
            reserve(state.free, state.stock, cell, granted, at_s, guide.warm_up_s)
            if granted == state.units[line]:
                state.line_shipment[line] = made[site]
                add_to_shipment(state.ships, state.small, made[site], granted)
            else:
                if row < 0:
                    row = new_short(state.tally, state.short, line, order)
                add_piece(
                    state.tally,
                    state.pieces,
                    state.short,
                    state.ships,
                    state.small,
                    state.piece,
                    row,
                    made[site],
                    granted,
                )
            left -= granted
        if left > 0 and row < 0:
            row = new_short(state.tally, state.short, line, order)
        if row >= 0:
            state.short[FIRST, row] = state.units[line] - left
            if left > 0:
                _wait_or_lose(guide, state, row, order, left, at_s)
    state.n_shipments[order] = n_made


@compiled
def allocate_until(
    guide: Guide, state: State, stations: StationState, until_s: int, seed: int, stream: int, made: I64
) -> bool:
    """Try every order whose allocation instant is at or before `until_s`, in turn.

    Returns
    -------
    bool
        False = stopped before an order that might not fit in the columns; make room and call again.
    """
    n_sites = guide.closed.shape[0]
    # Plain names for what every order reads: attributes of a tuple cost a counted reference at each use.
    tally, queue, allocated_s, first_line, region = (
        state.tally, state.queue, state.allocated_s, state.first_line, state.region,
    )  # fmt: skip
    sku, units, line_shipment, free, stock = state.sku, state.units, state.line_shipment, state.free, state.stock
    ships, small, n_shipments, channel_of = state.ships, state.small, state.n_shipments, state.channel
    piece, ranks = state.piece, state.rank
    cell_of, ranking, closed, channel = guide.cell_of, guide.ranking, guide.closed, guide.channel
    day_start_s, warm_up_s, fewest_splits = guide.day_start_s, guide.warm_up_s, guide.fewest_splits
    room, short_room, piece_room = ships.shape[1], state.short.shape[1], state.pieces.shape[1]
    day = 0
    turn = tally[TURN]
    before = tally[SHIPMENTS]
    fits = True
    while turn < queue.size:
        order = queue[turn]
        at_s = allocated_s[order]
        if at_s > until_s:
            break
        first, last = first_line[order], first_line[order + 1]
        if (
            tally[SHIPMENTS] + n_sites > room
            or tally[SHORT] + last - first > short_room
            or tally[PIECES] + (last - first) * n_sites > piece_room
        ):
            fits = False
            break
        if day == 0 or day_start_s[day + 1] <= at_s:
            day = np.searchsorted(day_start_s, at_s, side="right") - 1
        site = -1
        if fewest_splits:
            site = _one_site_for_all(
                cell_of, ranking, closed, region[order], day, free, stock, sku, units, first, last, at_s, warm_up_s
            )
        if site >= 0:
            rank = channel[C_RANK, channel_of[order]]
            s = new_shipment(tally, ships, small, piece, ranks, order, 0, site, rank, at_s)
            asked: Count = np.int64(0)
            for line in range(first, last):
                line_shipment[line] = s
                asked += np.int64(units[line])
            ships[UNITS, s] = asked
            small[N_LINES, s] = last - first
            n_shipments[order] = 1
        else:
            _walk_sites(guide, state, order, day, at_s, made)
        turn += 1
    tally[TURN] = turn
    release(guide, state, stations, before, seed, stream)
    return fits


@compiled
def fill_waiting(
    guide: Guide,
    state: State,
    stations: StationState,
    touched: Flags,
    kept_units: I64,
    room: I64,
    at_s: int,
    seed: int,
    stream: int,
) -> None:
    """Serve the queues of the touched cells, cell by cell; one new shipment an order and site. Clears `touched`.

    The columns need room for one shipment and one piece per waiting line.

    Parameters
    ----------
    kept_units : int64, shape (n_channels, n_cells), or (n_channels, 0)
        What each channel must leave for others; no columns = nothing.
    room : int64, shape (n_sites,)
        Shipments each site may still make (`UNLIMITED` or more: as many as it likes); taken from in place.
    """
    n_sites = guide.closed.shape[0]
    most = state.tally[WAITING]
    fill_row = np.empty(most, dtype=np.int64)
    fill_units = np.empty(most, dtype=np.int64)
    fill_key = np.empty(most, dtype=np.int64)
    stopped = np.zeros(guide.channel.shape[1], dtype=np.bool_)
    n = 0
    for cell in range(touched.size):
        if not touched[cell]:
            continue
        touched[cell] = False
        blocked = False
        stopped[:] = False  # channels for which there is only what is kept for others
        site = guide.cell_site[cell]
        for rank in range(state.waiting.shape[2]):
            before = -1
            row = state.waiting[HEAD, cell, rank]
            while row >= 0 and not blocked:
                after = state.short[NEXT, row]
                order = state.short[OF_ORDER, row]
                channel = state.channel[order]
                free = state.free[cell]
                if free <= 0:
                    blocked = True
                    break
                if stopped[channel]:
                    before, row = row, after
                    continue
                wanted = state.units[state.short[LINE, row]] - state.short[RESERVED, row] - state.short[CANCELLED, row]
                usable = free
                if kept_units.shape[1] > 0:
                    usable = max(free - kept_units[channel, cell], 0)
                units = min(usable, wanted)
                if units < wanted and not guide.channel[C_PARTIAL, channel]:
                    units = np.int64(0)
                if units > 0:
                    key = np.int64(order) * n_sites + site
                    if room[site] < UNLIMITED:
                        i = 0
                        while i < n and fill_key[i] != key:
                            i += 1
                        if i == n:  # the first of its order here
                            if room[site] <= 0:
                                blocked = True
                                break
                            room[site] -= 1
                    reserve(state.free, state.stock, cell, units, at_s, guide.warm_up_s)
                    state.stock[cell, BACKORDERED] -= units
                    fill_row[n], fill_units[n], fill_key[n] = row, units, key
                    n += 1
                if units == wanted:
                    state.tally[WAITING] -= 1
                    if before < 0:
                        state.waiting[HEAD, cell, rank] = after
                    else:
                        state.short[NEXT, before] = after
                    if after < 0:
                        state.waiting[TAIL, cell, rank] = before
                    row = after
                    continue
                left = free - units
                if left <= 0 or (left < wanted and not guide.channel[C_PARTIAL, channel]):
                    blocked = True  # there is too little, whoever it is kept for
                else:
                    stopped[channel] = True
                    before, row = row, after
    if n == 0:
        return
    heap = np.empty(n, dtype=np.int64)  # fills by (order, site), then in order of filling
    size = 0
    for i in range(n):
        size = push(heap, size, fill_key[i] * n + i)
    before = state.tally[SHIPMENTS]
    leader = np.empty(n, dtype=np.int64)  # the first fill of the same order and site
    known, i_known = np.int64(-1), np.int64(0)
    while size > 0:
        key, i = heap[0] // n, heap[0] % n
        size = pop(heap, size)
        if key != known:
            known, i_known = key, i
        leader[i] = i_known
    shipment = np.empty(n, dtype=np.int64)
    for i in range(n):
        row = fill_row[i]
        if leader[i] == i:
            order = state.short[OF_ORDER, row]
            shipment[i] = new_shipment(
                state.tally, state.ships, state.small, state.piece, state.rank, order, state.n_shipments[order],
                guide.cell_site[state.short[CELL, row]], guide.channel[C_RANK, state.channel[order]], at_s,
            )  # fmt: skip
            state.n_shipments[order] += 1
        add_piece(
            state.tally,
            state.pieces,
            state.short,
            state.ships,
            state.small,
            state.piece,
            row,
            shipment[leader[i]],
            fill_units[i],
        )
    release(guide, state, stations, before, seed, stream)
