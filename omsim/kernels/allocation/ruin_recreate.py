"""Ruin and recreate: take out a few orders that share a SKU, serve them again in another turn, keep what pays.

Owns the search over a whole choice. Each order is served again by its exact subproblem
(`omsim.kernels.allocation.order_subproblem`). The scheme is that of Schrimpf, Schneider, Stamm-Wilbrandt & Dueck
(2000), with a temperature that falls to nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import Choice
from omsim.kernels.allocation.choice_costs import cost_by_order, give_back, line_orders
from omsim.kernels.allocation.order_choice import checked_room_price
from omsim.kernels.allocation.order_scratch import cells_by_line, new_scratch
from omsim.kernels.allocation.order_subproblem import CHEAPEST_RULE, RELAXED, solve_orders
from omsim.kernels.compiled import compiled
from omsim.kernels.random import keyed_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.kernels.allocation.batch import Batch, Cells, Classes, Flags, Ints, Lanes, Stock

    Words = NDArray[np.uint64]

MOST_REMOVED = 8
"""Orders taken out in one move."""

MOST_DRAWN = 5
"""Orders drawn for the first of them; the one that has most to gain is taken."""

FIRST_HEAT_SHARE = 0.1
"""First temperature, as a share of the mean shipment."""


def ruin_and_recreate(
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    choice: Choice,
    unserved_cents: int,
    price_cents: Ints,
    *,
    moves: int,
    seed: int,
    room_price_cents: Ints | None = None,
    most_sites: int = 3,
) -> Choice:
    """Improve a choice for a batch by moves of ruin and recreate.

    Parameters
    ----------
    batch, classes, lanes
        As in `omsim.kernels.allocation.batch`.
    stock
        What the choice has left; changed in place to what the returned one leaves.
    choice
        Any choice that keeps the classes' rules.
    unserved_cents : int
        Cents for each unit not served, >= 0.
    price_cents, room_price_cents, most_sites
        As in `omsim.kernels.allocation.order_choice.choose_orders`, for serving orders again.
    moves : int
        >= 0; a move costs about as much as serving MOST_REMOVED orders twice.
    seed : int
        >= 0; same seed and moves, same choice.

    Returns
    -------
    Choice
        Never dearer than `choice`, prices left aside.

    Raises
    ------
    FieldError
        For prices of the wrong shape and numbers out of range.
    """
    return improve_choice(
        batch, classes, lanes, stock, choice, unserved_cents, price_cents, moves, seed, room_price_cents, most_sites
    )[0]


def improve_choice(
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    choice: Choice,
    unserved_cents: int,
    price_cents: Ints,
    moves: int,
    seed: int,
    room_price_cents: Ints | None,
    most_sites: int,
) -> tuple[Choice, int]:
    """As `ruin_and_recreate`, with the cents saved."""
    if moves < 0:
        raise FieldError("moves", "at least 0", moves)
    if seed < 0:
        raise FieldError("seed", "at least 0", seed)
    room_price = checked_room_price(stock, unserved_cents, price_cents, room_price_cents, most_sites)
    if moves == 0 or batch.sku.size == 0:
        return choice, 0
    order_of = line_orders(batch)
    per_line = np.minimum(batch.units, stock.room.size)
    slot_first = np.concatenate(([0], np.cumsum(per_line)))[batch.first_line]
    slots = np.zeros((3, slot_first[-1]), dtype=np.int64)
    used = np.bincount(order_of[choice.line], minlength=batch.lane.size)
    piece_first = np.cumsum(used) - used
    at = np.arange(choice.line.size) + np.repeat(slot_first[:-1] - piece_first, used)
    slots[:, at] = choice
    by_sku = np.argsort(batch.sku, kind="stable")
    sku_first = np.searchsorted(batch.sku[by_sku], np.arange(stock.weight_g.size + 1))
    heat = FIRST_HEAT_SHARE * float(lanes.shipment_cents.mean())
    cells, row_of = cells_by_line(batch, stock)
    scratch = new_scratch(batch, stock.room.size)
    whole_stock = give_back(batch, stock, choice)
    alone, none = np.zeros(batch.lane.size, dtype=np.int64), np.zeros(0, dtype=np.int64)
    solve_orders(
        np.arange(batch.lane.size), RELAXED, most_sites, unserved_cents, *batch, *classes, *lanes, cells, row_of,
        whole_stock.free_units, whole_stock.room, stock.weight_g, np.zeros_like(stock.free_units),
        np.zeros_like(stock.room), *scratch, np.zeros_like(stock.free_units), np.zeros_like(stock.room), alone, none,
        none, none,
    )  # fmt: skip
    saved_cents = run_moves(
        moves, np.uint64(seed), heat, order_of, order_of[by_sku], sku_first, slot_first, slots, used,
        cost_by_order(batch, lanes, stock, choice, unserved_cents), alone, most_sites, unserved_cents, *batch, *classes,
        *lanes, cells, row_of, stock.free_units, stock.room, stock.weight_g, price_cents, room_price,
        *scratch,
    )  # fmt: skip
    at = np.arange(used.sum()) + np.repeat(slot_first[:-1] - (np.cumsum(used) - used), used)
    return Choice(*slots[:, at]), int(saved_cents)


@compiled
def draw_below(state: Words, n: int) -> int:
    """A number below n from a xorshift generator (Marsaglia 2003); n well below 2^31."""
    x = state[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    state[0] = x
    return int(np.int64(x >> np.uint64(33)) % n)


@compiled
def change_stock(
    slots: Ints, begin: int, end: int, sign: int, row_of: Ints, cells: Cells, free_units: Ints, room: Ints, seen: Ints
) -> None:
    """Give an order's pieces back (sign 1) or take them again (-1); `seen` is all -1 before and after."""
    for p in range(begin, end):
        site = slots[1, p]
        free_units[cells[row_of[slots[0, p]], site]] += sign * slots[2, p]
        if seen[site] < 0:
            seen[site] = 1
            room[site] += sign
    for p in range(begin, end):
        seen[slots[1, p]] = -1


@compiled
def pick_orders(
    state: Words,
    order_of: Ints,
    order_by_sku: Ints,
    sku_first: Ints,
    cost_of: Ints,
    alone_of: Ints,
    first_line: Ints,
    sku: Ints,
    group: Ints,
) -> int:
    """Orders to take out, about MOST_REMOVED that share SKUs, in random turn, into `group`; returns their number.

    The first is the one of MOST_DRAWN that costs most beyond what it would cost alone.
    """
    group[0] = order_of[draw_below(state, order_of.size)]
    for _ in range(MOST_DRAWN - 1):
        other = order_of[draw_below(state, order_of.size)]
        if cost_of[other] - alone_of[other] > cost_of[group[0]] - alone_of[group[0]]:
            group[0] = other
    n = 1
    for _ in range(3):  # SKUs tried, of any order already taken
        source = group[draw_below(state, n)]
        n_lines = first_line[source + 1] - first_line[source]
        shared = sku[first_line[source] + draw_below(state, n_lines)]
        begin, n_here = sku_first[shared], sku_first[shared + 1] - sku_first[shared]
        start = draw_below(state, n_here)
        for k in range(min(n_here, 2 * group.size)):
            other = order_by_sku[begin + (start + k) % n_here]
            known = False
            for g in range(n):
                known = known or group[g] == other
            if not known:
                group[n] = other
                n += 1
                if n == group.size:
                    break
        if n == group.size:
            break
    for g in range(n - 1, 0, -1):
        swap = draw_below(state, g + 1)
        group[g], group[swap] = group[swap], group[g]
    return n


@compiled
def run_moves(
    moves: int,
    seed: np.uint64,
    heat: float,
    order_of: Ints,
    order_by_sku: Ints,
    sku_first: Ints,
    slot_first: Ints,
    slots: Ints,
    used: Ints,
    cost_of: Ints,
    alone_of: Ints,
    most_sites: int,
    unserved_cents: int,
    first_line: Ints,
    sku: Ints,
    units: Ints,
    lane_of: Ints,
    class_of: Ints,
    allowed: Flags,
    split_limit: Ints,
    partial_of: Flags,
    complete_of: Flags,
    kept_units: Ints,
    ranking: Ints,
    shipment_cents: Ints,
    unit_cents: Ints,
    kg_cents: Ints,
    cells: Cells,
    row_of: Ints,
    free_units: Ints,
    room: Ints,
    weight_g: Ints,
    price_cents: Ints,
    room_price_cents: Ints,
    scratch: Ints,
    pieces: Ints,
) -> int:
    """Run moves over the pieces kept in `slots` (line, site, units; an order's from slot_first, `used` of them).

    `slots`, `used`, `cost_of`, `free_units` and `room` are left as the best state found. Returns the cents saved.
    """
    state = np.empty(1, dtype=np.uint64)
    state[0] = keyed_words(seed, np.uint64(0), np.uint64(0), np.uint64(0))[0] | np.uint64(1)
    n_orders = lane_of.size
    group = np.empty(min(MOST_REMOVED, n_orders), dtype=np.int64)
    most = 0
    for order in range(n_orders):
        most = max(most, slot_first[order + 1] - slot_first[order])
    fresh = np.empty((3, most * group.size), dtype=np.int64)
    fresh_cost = np.empty(n_orders, dtype=np.int64)
    none = np.empty(0, dtype=np.int64)
    seen = np.full(room.size, -1, dtype=np.int64)
    kept_slots, kept_used = slots.copy(), used.copy()  # the best state, of orders changed since
    changed = np.zeros(n_orders, dtype=np.int64)
    changed_orders = np.empty(n_orders, dtype=np.int64)
    n_changed, above, saved = 0, 0, 0  # `above`: cents the present state costs beyond the best
    for move in range(moves):
        n = pick_orders(state, order_of, order_by_sku, sku_first, cost_of, alone_of, first_line, sku, group)
        before = 0
        for g in range(n):
            order = group[g]
            begin = slot_first[order]
            change_stock(slots, begin, begin + used[order], 1, row_of, cells, free_units, room, seen)
            before += cost_of[order]
        n_fresh, after, _ = solve_orders(
            group[:n], CHEAPEST_RULE, most_sites, unserved_cents, first_line, sku, units, lane_of, class_of, allowed,
            split_limit, partial_of, complete_of, kept_units, ranking, shipment_cents, unit_cents, kg_cents, cells,
            row_of, free_units, room, weight_g, price_cents, room_price_cents, scratch, pieces, none, none, fresh_cost,
            fresh[0], fresh[1], fresh[2],
        )  # fmt: skip
        temperature = heat * (1.0 - (move + 1) / moves)
        uniform = (draw_below(state, 2**31 - 1) + 0.5) / 2147483647.0
        at = 0
        if after - before > -temperature * math.log(uniform):
            for g in range(n):  # no: undo
                order = group[g]
                end = at
                while end < n_fresh and order_of[fresh[0, end]] == order:
                    end += 1
                change_stock(fresh, at, end, 1, row_of, cells, free_units, room, seen)
                at = end
            for g in range(n):
                order = group[g]
                begin = slot_first[order]
                change_stock(slots, begin, begin + used[order], -1, row_of, cells, free_units, room, seen)
            continue
        for g in range(n):
            order = group[g]
            begin = slot_first[order]
            if changed[order] == 0:
                changed[order] = 1
                changed_orders[n_changed] = order
                n_changed += 1
                kept_used[order] = used[order]
                for p in range(begin, begin + used[order]):
                    kept_slots[0, p], kept_slots[1, p], kept_slots[2, p] = slots[0, p], slots[1, p], slots[2, p]
            p = begin
            while at < n_fresh and order_of[fresh[0, at]] == order:
                slots[0, p], slots[1, p], slots[2, p] = fresh[0, at], fresh[1, at], fresh[2, at]
                at += 1
                p += 1
            used[order] = p - begin
            cost_of[order] = fresh_cost[order]
        above += after - before
        if above < 0:
            saved -= above
            above = 0
            for k in range(n_changed):
                changed[changed_orders[k]] = 0
            n_changed = 0
    for k in range(n_changed):
        order = changed_orders[k]
        begin = slot_first[order]
        change_stock(slots, begin, begin + used[order], 1, row_of, cells, free_units, room, seen)
    for k in range(n_changed):
        order = changed_orders[k]
        begin = slot_first[order]
        used[order] = kept_used[order]
        for p in range(begin, begin + used[order]):
            slots[0, p], slots[1, p], slots[2, p] = kept_slots[0, p], kept_slots[1, p], kept_slots[2, p]
        change_stock(slots, begin, begin + used[order], -1, row_of, cells, free_units, room, seen)
    return saved
