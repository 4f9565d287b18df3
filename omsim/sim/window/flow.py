"""Compiled passes of the floor: picking, packing and inspection of every site up to a control instant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.queues import StationState, advance_station, arrive
from omsim.kernels.random import keyed_uniforms, task_factor, task_seconds
from omsim.sim.window.state import (
    BACK,
    M_INSPECT_UNIT,
    NUMBER,
    ORDER,
    PACK_TASK,
    PACKED,
    PICK,
    PICK_TASK,
    PICKED,
    PUT_AWAY,
    R_DAMAGED,
    R_DISPOSITION,
    R_INSPECTED,
    R_LINE,
    R_LINK,
    R_RECEIVED,
    R_SHIPMENT,
    R_SITE,
    R_TASK,
    R_UNITS,
    RELEASED,
    Guide,
    State,
)

if TYPE_CHECKING:
    from omsim.sim.plan import Stations

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Floats = NDArray[np.float64]

SCRAP = 3
RETURN_SHIFT = 4096
"""A return's part within its order: line position x 4096 + shipment number."""


@compiled
def _before(returns: I32, a: int, b: int) -> bool:
    """Whether return `a` reaches its site before `b`; ties by shipment, then line."""
    if returns[R_RECEIVED, a] != returns[R_RECEIVED, b]:
        return bool(returns[R_RECEIVED, a] < returns[R_RECEIVED, b])
    if returns[R_SHIPMENT, a] != returns[R_SHIPMENT, b]:
        return bool(returns[R_SHIPMENT, a] < returns[R_SHIPMENT, b])
    return bool(returns[R_LINE, a] < returns[R_LINE, b])


@compiled
def send_back(state: State, row: int) -> None:
    """Put a return on its way to the site."""
    heap, size = state.heap, state.tally[BACK]
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if not _before(state.returns, row, heap[parent]):
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = row
    state.tally[BACK] = size + 1


@compiled
def _next_back(state: State) -> int:
    """Take the return that arrives first off the way."""
    heap, size = state.heap, state.tally[BACK] - 1
    top, row = heap[0], heap[size]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and _before(state.returns, heap[child + 1], heap[child]):
            child += 1
        if not _before(state.returns, heap[child], row):
            break
        heap[at] = heap[child]
        at = child
    heap[at] = row
    state.tally[BACK] = size
    return int(top)


@compiled
def _return_draws(state: State, row: int, seed: int, stream: int) -> tuple[float, float, float, float]:
    s = state.returns[R_SHIPMENT, row]
    order = state.ships[ORDER, s]
    position = state.returns[R_LINE, row] - state.first_line[order]
    part = np.int64(position) * RETURN_SHIFT + state.small[NUMBER, s]
    return keyed_uniforms(seed, stream, state.entity[order], part)


@compiled
def _dispose(group: I64, shares_of_group: Floats, state: State, row: int, seed: int, stream: int) -> None:
    """Decide what becomes of inspected goods; restocked ones wait for the next cycle."""
    if state.returns[R_DAMAGED, row]:
        state.returns[R_DISPOSITION, row] = SCRAP
        return
    shares = shares_of_group[group[state.sku[state.returns[R_LINE, row]]]]
    _, _, _, u = _return_draws(state, row, seed, stream)
    choice = 0
    while choice < shares.size - 1 and u >= shares[choice]:
        choice += 1
    state.returns[R_DISPOSITION, row] = choice
    if choice == 0:
        state.put_away[state.tally[PUT_AWAY]] = row
        state.tally[PUT_AWAY] += 1


@compiled
def advance_floor(
    guide: Guide,
    capacity: Stations,
    group: I64,
    shares_of_group: Floats,
    state: State,
    stations: StationState,
    until_s: int,
    seed: int,
    return_stream: int,
) -> None:
    """Everything on the floor up to `until_s`: starts before it, completions at or before it.

    Picked shipments go to packing, packed ones to the dock, inspected returns to their disposition.

    Parameters
    ----------
    group : int64, shape (n_skus,)
    shares_of_group : float64, shape (n_groups, 4)
        Cumulative shares of the dispositions of each group of SKUs.
    """
    ships, returns, done = state.ships, state.returns, state.scratch
    first, change_s, people = capacity
    n_sites = guide.closed.shape[0]
    link, ranks, alike = state.link, state.rank, state.rank[:0]
    while state.tally[BACK] > 0 and returns[R_RECEIVED, state.heap[0]] < until_s:
        row = _next_back(state)
        site = returns[R_SITE, row]
        _, _, u, _ = _return_draws(state, row, seed, return_stream)
        factor = task_factor(guide.task_kind[site], u, guide.task_table[site])
        returns[R_TASK, row] = task_seconds(returns[R_UNITS, row] * guide.mean_s[M_INSPECT_UNIT, site], factor)
        arrive(stations.pending, PICK + 2 * n_sites + site, row, returns[R_LINK])
    for site in range(n_sites):
        k = PICK + site
        n = advance_station(
            stations, k, until_s, first, change_s, people, ships[RELEASED], ships[PICK_TASK], ranks, link,
            ships[PICKED], done,
        )  # fmt: skip
        k += n_sites
        for i in range(n):
            arrive(stations.pending, k, done[i], link)
        n = advance_station(
            stations, k, until_s, first, change_s, people, ships[PICKED], ships[PACK_TASK], alike, link,
            ships[PACKED], done,
        )  # fmt: skip
        for i in range(n):
            link[done[i]] = state.dock[site]
            state.dock[site] = done[i]
        k += n_sites
        n = advance_station(
            stations, k, until_s, first, change_s, people, returns[R_RECEIVED], returns[R_TASK], alike,
            returns[R_LINK], returns[R_INSPECTED], done,
        )  # fmt: skip
        for i in range(n):
            _dispose(group, shares_of_group, state, done[i], seed, return_stream)


@compiled
def put_at_dock(state: State, site: int, out: I32) -> int:
    """Empty the dock of a site into `out`; returns how many shipments stood there."""
    n = 0
    s = state.dock[site]
    while s >= 0:
        out[n] = s
        n += 1
        s = state.link[s]
    state.dock[site] = -1
    return n
