"""Parcels at one tender, in bulk: telling alike parcels apart from different ones, and taking room in turn.

Owns the loops behind `omsim.optimize.carriers` that see single parcels; the optimum itself is found there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]

NOT_OFFERED = np.iinfo(np.int64).max
HASH_PRIME = 2**31 - 1
HASH_FACTOR = 1_103_515_245


@compiled
def option_table(cost_cents: Cents, offered: NDArray[np.bool_], hold_cents: Cents) -> tuple[Cents, np.int64, np.int64]:
    """Prices of all options, the last to wait, and the lowest and highest of those offered.

    Parameters
    ----------
    cost_cents : int64, shape (n_parcels, n_services)
    offered : bool, shape (n_parcels, n_services)
    hold_cents : int64, shape (n_parcels,)

    Returns
    -------
    int64, shape (n_parcels, n_services + 1)
        `NOT_OFFERED` where an option is closed.
    lowest, highest : int64
        0 without parcels.
    """
    n_parcels, n_services = cost_cents.shape
    prices = np.empty((n_parcels, n_services + 1), dtype=np.int64)
    lowest = highest = hold_cents[0] if n_parcels else np.int64(0)
    for p in range(n_parcels):
        for s in range(n_services):
            if offered[p, s]:
                cents = cost_cents[p, s]
                prices[p, s] = cents
                lowest, highest = min(lowest, cents), max(highest, cents)
            else:
                prices[p, s] = NOT_OFFERED
        cents = hold_cents[p]
        prices[p, n_services] = cents
        lowest, highest = min(lowest, cents), max(highest, cents)
    return prices, lowest, highest


@compiled
def alike_rows(rows: Cents) -> tuple[Units, Units]:
    """Number the distinct rows of a table in the order they first appear.

    Parameters
    ----------
    rows : int64, shape (n_rows, n_columns)

    Returns
    -------
    of_row : int64, shape (n_rows,)
        Number of each row's class.
    first_row : int64, shape (n_classes,)
        The first row of each class.

    Notes
    -----
    Open addressing on a hash, every match compared in full: O(n_rows * n_columns), several times faster than sorting
    whole rows.
    """
    n_rows, n_columns = rows.shape
    size = 16
    while size < 2 * n_rows:
        size *= 2
    table = np.full(size, -1, dtype=np.int64)
    of_row = np.empty(n_rows, dtype=np.int64)
    first_row = np.empty(n_rows, dtype=np.int64)
    n_classes = 0
    for i in range(n_rows):
        mixed = 17
        for j in range(n_columns):  # both factors stay below 2^31: no overflow, compiled or not
            mixed = (mixed * HASH_FACTOR + rows[i, j] % HASH_PRIME) % HASH_PRIME
        slot = mixed & (size - 1)
        while True:
            known = table[slot]
            if known < 0:
                table[slot] = n_classes
                first_row[n_classes] = i
                of_row[i] = n_classes
                n_classes += 1
                break
            same = True
            for j in range(n_columns):
                if rows[first_row[known], j] != rows[i, j]:
                    same = False
                    break
            if same:
                of_row[i] = known
                break
            slot = (slot + 1) & (size - 1)
    return of_row, first_row[:n_classes].copy()


@compiled
def take_in_turn(price_cents: Cents, slots: Units, turn: Units) -> Units:
    """Give each parcel in turn its cheapest option that still has room.

    Parameters
    ----------
    price_cents : int64, shape (n_parcels, n_options)
        `NOT_OFFERED` where an option is closed to a parcel. The last option is to wait, which always has room.
    slots : int64, shape (n_options - 1,)
        Room of the others, >= 0. Not modified.
    turn : int64, shape (n_parcels,)
        Parcels in the order they choose.

    Returns
    -------
    int64, shape (n_parcels,)
        Option of each parcel; the lowest number among equally cheap ones.
    """
    room = slots.copy()
    last = price_cents.shape[1] - 1
    chosen = np.full(price_cents.shape[0], last, dtype=np.int64)
    for parcel in turn:
        cheapest = price_cents[parcel, last]
        option = last
        for s in range(last - 1, -1, -1):
            if room[s] > 0 and price_cents[parcel, s] <= cheapest and price_cents[parcel, s] != NOT_OFFERED:
                cheapest = price_cents[parcel, s]
                option = s
        if option < last:
            room[option] -= 1
        chosen[parcel] = option
    return chosen


@compiled
def cheapest_moves(price_cents: Cents, chosen: Units) -> Cents:
    """Least extra cost of moving some one parcel from option a to option b.

    Parameters
    ----------
    price_cents : int64, shape (n_parcels, n_options)
        `NOT_OFFERED` where an option is closed to a parcel.
    chosen : int64, shape (n_parcels,)
        Option of each parcel, one offered to it.

    Returns
    -------
    int64, shape (n_options, n_options)
        `NOT_OFFERED` where no parcel can make the move.
    """
    n_options = price_cents.shape[1]
    move = np.full((n_options, n_options), NOT_OFFERED, dtype=np.int64)
    for parcel in range(price_cents.shape[0]):
        a = chosen[parcel]
        now = price_cents[parcel, a]
        for b in range(n_options):
            if b != a and price_cents[parcel, b] != NOT_OFFERED:
                extra = price_cents[parcel, b] - now
                if extra < move[a, b]:
                    move[a, b] = extra
    return move


@compiled
def cheapest_plan_moves(price_cents: Cents, plan: Units) -> Cents:
    """As `cheapest_moves`, for rows that stand for several parcels and are spread over options.

    Parameters
    ----------
    price_cents, plan : int64, shape (n_rows, n_options)
        `NOT_OFFERED` where an option is closed; parcels of each row on each option.

    Returns
    -------
    int64, shape (n_options, n_options)
    """
    n_options = price_cents.shape[1]
    move = np.full((n_options, n_options), NOT_OFFERED, dtype=np.int64)
    for row in range(price_cents.shape[0]):
        for a in range(n_options):
            if plan[row, a] > 0:
                now = price_cents[row, a]
                for b in range(n_options):
                    if b != a and price_cents[row, b] != NOT_OFFERED and price_cents[row, b] - now < move[a, b]:
                        move[a, b] = price_cents[row, b] - now
    return move


@compiled
def cheapest_class_moves(arc_class: Units, arc_option: Units, arc_cost: Cents, flow: Units, n_options: int) -> Cents:
    """Least extra cost of moving one parcel of some class from option a to option b, as `cheapest_moves`.

    Parameters
    ----------
    arc_class, arc_option, arc_cost : int64, shape (n_arcs,)
        What each class may choose, sorted by class.
    flow : int64, shape (n_arcs,)
        Parcels of the class on the option.
    n_options : int

    Returns
    -------
    int64, shape (n_options, n_options)
    """
    move = np.full((n_options, n_options), NOT_OFFERED, dtype=np.int64)
    begin = 0
    while begin < arc_class.size:
        end = begin
        while end < arc_class.size and arc_class[end] == arc_class[begin]:
            end += 1
        for i in range(begin, end):
            if flow[i] > 0:
                a = arc_option[i]
                for k in range(begin, end):
                    b = arc_option[k]
                    extra = arc_cost[k] - arc_cost[i]
                    if b != a and extra < move[a, b]:
                        move[a, b] = extra
        begin = end
    return move


@compiled
def least_detours(step_cents: Cents) -> Cents:
    """Cost of the cheapest way between all pairs of nodes (Floyd-Warshall); `NOT_OFFERED` where there is none.

    Parameters
    ----------
    step_cents : int64, shape (n_nodes, n_nodes)
        Cost of a direct step, `NOT_OFFERED` where there is none; the diagonal is 0.

    Returns
    -------
    int64, shape (n_nodes, n_nodes)
        A negative diagonal entry says that a cycle through the node costs less than nothing.
    """
    way = step_cents.copy()
    n_nodes = way.shape[0]
    for via in range(n_nodes):
        for a in range(n_nodes):
            if way[a, via] != NOT_OFFERED:
                for b in range(n_nodes):
                    if way[via, b] != NOT_OFFERED and way[a, via] + way[via, b] < way[a, b]:
                        way[a, b] = way[a, via] + way[via, b]
        for a in range(n_nodes):
            if way[a, a] < 0:  # proved; going on would only double the numbers
                return way
    return way
