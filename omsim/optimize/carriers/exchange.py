"""Whether any exchange of parcels lowers the cost of an assignment, and what one unit more of anything is worth.

Owns the exchange graph: options, contracts and free room as nodes; a step is one parcel's worth of flow. An assignment
is optimal exactly when no cycle of steps costs less than nothing (Klein 1967), and the cheapest ways through a limit
are its price. No solver is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.kernels.tender import NOT_OFFERED, least_detours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]


class Limits(NamedTuple):
    """Where an assignment stands against its limits; costs may be in any unit, the same for all.

    Attributes
    ----------
    used, slots : int64, shape (n_blocks, n_services)
    home : int64, shape (n_services,)
        Smallest contract of each service, -1 = none.
    parent : int64, shape (n_contracts,)
        The contract around each, -1 = none.
    one_more, one_fewer : list of int
        What one parcel more or fewer in a contract costs beyond the prices, its lowest and highest counts aside.
    at_least, at_most : list of bool
        Whether the contract stands at the first parcel of its tier, at the last its highest share allows.
    """

    used: Units
    slots: Units
    home: Units
    parent: Units
    one_more: list[int]
    one_fewer: list[int]
    at_least: list[bool]
    at_most: list[bool]


class Exchange(NamedTuple):
    """The proof, and the cheapest ways it rests on.

    Attributes
    ----------
    optimal : bool
    slot_price : int64, shape (n_blocks, n_services)
        What one more slot would save.
    out_price, in_price : list of int or None, one for each contract
        Cost of the cheapest way to take one parcel out of a contract (into it), its own step aside; None = no way.
    """

    optimal: bool
    slot_price: Cents
    out_price: list[int | None]
    in_price: list[int | None]


def find_exchanges(moves: Cents, limits: Limits) -> Exchange:
    """Prove an assignment optimal, or not, from its cheapest single moves.

    Parameters
    ----------
    moves : int64, shape (n_options, n_options)
        Cost of the cheapest move of one parcel between options: service s of block b is b * n_services + s, the last
        option is to wait. `NOT_OFFERED` where there is none.
    limits : Limits
    """
    n_blocks, n_services = limits.used.shape
    waits, n_contracts = n_blocks * n_services, limits.parent.size
    free = waits + 1 + n_contracts
    step = np.full((free + 1, free + 1), NOT_OFFERED, dtype=np.int64)
    step[: waits + 1, : waits + 1] = moves
    step[waits, free] = step[free, waits] = 0
    into = np.where(limits.home < 0, free, waits + 1 + limits.home)
    above = np.where(limits.parent < 0, free, waits + 1 + limits.parent)
    for block in range(n_blocks):
        services = block * n_services + np.arange(n_services)
        room = limits.used[block] < limits.slots[block]
        step[services[room], into[room]] = 0  # a pickup with room may take one more
        step[into, services] = 0  # and any may give one up
    for at in range(n_contracts):
        node = waits + 1 + at
        if not limits.at_most[at]:
            step[node, above[at]] = limits.one_more[at]
        if not limits.at_least[at]:
            step[above[at], node] = limits.one_fewer[at]
    np.fill_diagonal(step, 0)
    way = least_detours(step)
    optimal = bool((np.diagonal(way) >= 0).all())
    slot_price = np.zeros((n_blocks, n_services), dtype=np.int64)
    out_price: list[int | None] = [None] * n_contracts
    in_price: list[int | None] = [None] * n_contracts
    if optimal:
        for block in range(n_blocks):
            slot_price[block] = -way[into, block * n_services + np.arange(n_services)]
        for at in range(n_contracts):
            node = waits + 1 + at
            out_price[at] = _known(way[node, above[at]])
            in_price[at] = _known(way[above[at], node])
    return Exchange(optimal, slot_price, out_price, in_price)


def _known(cost: np.int64) -> int | None:
    return None if cost == NOT_OFFERED else int(cost)
