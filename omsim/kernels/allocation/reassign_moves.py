"""The moves of orders on hold: a piece goes to another site, alone, or because another piece makes way for it.

Owns the state of pieces while they move, the search for a partner, and the closing of one shipment. Which moves are
tried, and which are kept, is the business of `omsim.kernels.allocation.reassign`.
"""

from __future__ import annotations

import numpy as np

from omsim.kernels.allocation.batch import Cells, Flags, Ints, unit_cost_cents, usable_units
from omsim.kernels.compiled import compiled

ORDER, LANE, CLASS, SKU, UNITS, WEIGHT, SITE, NEXT, PREVIOUS = 0, 1, 2, 3, 4, 5, 6, 7, 8
"""Rows of `pieces`: what a piece is, where it is served from, and its neighbours in the list of its cell."""

NOWHERE = -1
NO_MOVE = np.iinfo(np.int64).max


@compiled
def shift_piece(
    piece: int,
    target: int,
    pieces: Ints,
    held: Cells,
    n_used: Ints,
    head: Ints,
    shipment_cents: Ints,
    unit_cents: Ints,
    kg_cents: Ints,
    cell_of: Cells,
    free_units: Ints,
    room: Ints,
) -> tuple[int, int]:
    """Move a piece to a site that has it; returns the cents and the shipments that come on top."""
    order, lane, sku = pieces[ORDER, piece], pieces[LANE, piece], pieces[SKU, piece]
    units, weight, site = pieces[UNITS, piece], pieces[WEIGHT, piece], pieces[SITE, piece]
    cents = unit_cost_cents(unit_cents, kg_cents, lane, target, weight)
    cents = units * (cents - unit_cost_cents(unit_cents, kg_cents, lane, site, weight))
    shipments = 0
    cell = cell_of[site, sku]
    ahead, behind = pieces[PREVIOUS, piece], pieces[NEXT, piece]
    if ahead >= 0:
        pieces[NEXT, ahead] = behind
    else:
        head[cell] = behind
    if behind >= 0:
        pieces[PREVIOUS, behind] = ahead
    free_units[cell] += units
    held[order, site] -= 1
    if held[order, site] == 0:
        room[site] += 1
        n_used[order] -= 1
        shipments -= 1
        cents -= shipment_cents[lane, site]
    cell = cell_of[target, sku]
    behind = head[cell]
    pieces[PREVIOUS, piece], pieces[NEXT, piece] = NOWHERE, behind
    if behind >= 0:
        pieces[PREVIOUS, behind] = piece
    head[cell] = piece
    free_units[cell] -= units
    if held[order, target] == 0:
        room[target] -= 1
        n_used[order] += 1
        shipments += 1
        cents += shipment_cents[lane, target]
    held[order, target] += 1
    pieces[SITE, piece] = target
    return cents, shipments


@compiled
def may_go(piece: int, target: int, pieces: Ints, ranked: Flags, allowed: Flags, cell_of: Cells) -> bool:
    """Whether a piece's order may be served there at all."""
    if target == pieces[SITE, piece] or cell_of[target, pieces[SKU, piece]] < 0:
        return False
    return bool(ranked[pieces[LANE, piece], target] and allowed[pieces[CLASS, piece], target])


@compiled
def find_partner(
    piece: int,
    target: int,
    most_partners: int,
    pieces: Ints,
    held: Cells,
    n_used: Ints,
    head: Ints,
    ranked: Flags,
    allowed: Flags,
    split_limit: Ints,
    kept_units: Ints,
    shipment_cents: Ints,
    unit_cents: Ints,
    kg_cents: Ints,
    cell_of: Cells,
    free_units: Ints,
    room: Ints,
) -> tuple[int, int, int]:
    """The piece at the target that makes way most cheaply for `piece`, where it goes, and the cents that costs.

    The units of `piece` count as free where it is now, and so does its shipment if it is the last piece of it.
    """
    own, sku, units = pieces[ORDER, piece], pieces[SKU, piece], pieces[UNITS, piece]
    origin, own_class = pieces[SITE, piece], pieces[CLASS, piece]
    wanted, left_cell = cell_of[target, sku], cell_of[origin, sku]
    leaves = held[own, origin] == 1
    needs_room = held[own, target] == 0 and room[target] <= 0
    best, best_site, best_cents = NOWHERE, NOWHERE, NO_MOVE
    free_units[left_cell] += units
    partner, asked = head[wanted], 0
    while partner >= 0 and asked < most_partners:
        order, lane, row = pieces[ORDER, partner], pieces[LANE, partner], pieces[CLASS, partner]
        theirs, weight = pieces[UNITS, partner], pieces[WEIGHT, partner]
        asked += 1
        empties = held[order, target] == 1
        free_units[wanted] += theirs
        enough = usable_units(free_units, kept_units, own_class, wanted) >= units
        free_units[wanted] -= theirs
        if order != own and enough and (empties or not needs_room):
            now = theirs * unit_cost_cents(unit_cents, kg_cents, lane, target, weight)
            if empties:
                now += shipment_cents[lane, target]
            for site in range(room.size):
                if not may_go(partner, site, pieces, ranked, allowed, cell_of):
                    continue
                if usable_units(free_units, kept_units, row, cell_of[site, sku]) < theirs:
                    continue
                cents = theirs * unit_cost_cents(unit_cents, kg_cents, lane, site, weight) - now
                if held[order, site] == 0:
                    cents += shipment_cents[lane, site]
                    open_room = room[site] + 1 if site == origin and leaves else room[site]
                    n_sites = n_used[order] if empties else n_used[order] + 1
                    if open_room <= 0 or n_sites > split_limit[row]:
                        continue
                if cents < best_cents:
                    best, best_site, best_cents = partner, site, cents
        partner = pieces[NEXT, partner]
    free_units[left_cell] -= units
    return best, best_site, best_cents


@compiled
def close_shipment(
    order: int,
    closing: int,
    target: int,
    moved: Ints,
    most_partners: int,
    pieces: Ints,
    first: Ints,
    held: Cells,
    n_used: Ints,
    head: Ints,
    ranked: Flags,
    allowed: Flags,
    split_limit: Ints,
    kept_units: Ints,
    shipment_cents: Ints,
    unit_cents: Ints,
    kg_cents: Ints,
    cell_of: Cells,
    free_units: Ints,
    room: Ints,
) -> tuple[bool, int, int, int]:
    """Move an order's pieces at `closing` to its other sites, or (closing < 0) all its pieces to `target`.

    Each piece takes the cheapest way, given those moved before. Returns whether all could go, the cents and shipments
    on top, and the number of moves written to `moved` (piece, former site).
    """
    cents, shipments, n_moved = 0, 0, 0
    for piece in range(first[order], first[order + 1]):
        at, lane, units = pieces[SITE, piece], pieces[LANE, piece], pieces[UNITS, piece]
        if at == target or (closing >= 0 and at != closing):
            continue
        best_site, best_partner, best_partner_site, best_cents = NOWHERE, NOWHERE, NOWHERE, NO_MOVE
        for site in range(room.size):
            if closing >= 0 and (site == closing or held[order, site] == 0):
                continue
            if closing < 0 and site != target:
                continue
            if not may_go(piece, site, pieces, ranked, allowed, cell_of):
                continue
            price = units * unit_cost_cents(unit_cents, kg_cents, lane, site, pieces[WEIGHT, piece])
            partner, partner_site = NOWHERE, NOWHERE
            enough = usable_units(free_units, kept_units, pieces[CLASS, piece], cell_of[site, pieces[SKU, piece]])
            if enough < units or (held[order, site] == 0 and room[site] <= 0):
                partner, partner_site, extra = find_partner(
                    piece, site, most_partners, pieces, held, n_used, head, ranked, allowed, split_limit, kept_units,
                    shipment_cents, unit_cents, kg_cents, cell_of, free_units, room,
                )  # fmt: skip
                if partner < 0:
                    continue
                price += extra
            if price < best_cents:
                best_site, best_partner, best_partner_site, best_cents = site, partner, partner_site, price
        if best_site < 0:
            return False, cents, shipments, n_moved
        for turn in range(2):
            mover, goal = (best_partner, best_partner_site) if turn == 0 else (piece, best_site)
            if mover >= 0:
                moved[0, n_moved], moved[1, n_moved] = mover, pieces[SITE, mover]
                n_moved += 1
                more, sent = shift_piece(
                    mover, goal, pieces, held, n_used, head, shipment_cents, unit_cents, kg_cents, cell_of, free_units,
                    room,
                )  # fmt: skip
                cents += more
                shipments += sent
    return True, cents, shipments, n_moved
