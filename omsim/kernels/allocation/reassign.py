"""Orders on hold change places: the same units for the same orders, from fewer or cheaper sites.

Owns the two searches of Xu, Allgor & Graves (2009) over orders that wait between promise and release: *order swaps*,
which close one shipment of a split order by moving its pieces to other sites, with free stock or in exchange for what
another order holds there; and *SKU exchanges*, which move a single piece the same way. How orders were first sourced,
and which of them still wait, is decided elsewhere.
"""

from __future__ import annotations

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import (
    Batch,
    Cells,
    Choice,
    Classes,
    Flags,
    Ints,
    Lanes,
    Stock,
    unit_cost_cents,
    usable_units,
)
from omsim.kernels.allocation.choice_costs import one_piece_a_site
from omsim.kernels.allocation.reassign_moves import (
    CLASS,
    LANE,
    NEXT,
    NOWHERE,
    ORDER,
    PREVIOUS,
    SITE,
    SKU,
    UNITS,
    WEIGHT,
    close_shipment,
    find_partner,
    may_go,
    shift_piece,
)
from omsim.kernels.compiled import compiled


def reassign(
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    choice: Choice,
    *,
    most_passes: int = 4,
    most_partners: int = 200,
    exchange: bool = True,
) -> Choice:
    """Re-source orders on hold so that together they cost less.

    Parameters
    ----------
    batch, classes, lanes
        The orders that may still change, with what was asked, and their rules.
    stock : Stock
        Free units and room with the held pieces already taken; what the new choice takes or gives back changes it in
        place.
    choice : Choice
        Who serves them now. Not modified.
    most_passes : int
        Passes over all orders, >= 0; it ends sooner when a pass changes nothing.
    most_partners : int
        Pieces of a cell asked to trade places, >= 0, those held last first; 0 = free stock only.
    exchange : bool
        Whether single pieces are exchanged too, after the split orders have been tried.

    Returns
    -------
    Choice
        Every line keeps its units. It costs no more than before, and keeps every rule that `choice` kept.

    Raises
    ------
    FieldError
        A number of passes or partners below 0; pieces that are no columns of one length.

    Notes
    -----
    A move is made when shipments and units together cost less afterwards, or as much with fewer shipments. Pieces
    move whole. A partner goes where it is cheapest for it, most often where the first piece came from. Deterministic;
    O(passes * pieces * n_sites * most_partners) at worst.
    """
    for name, value in (("most_passes", most_passes), ("most_partners", most_partners)):
        if value < 0:
            raise FieldError(name, "at least 0", value)
    if not choice.line.shape == choice.site.shape == choice.units.shape:
        raise FieldError("choice", "columns of one length", (choice.line.size, choice.site.size, choice.units.size))
    n_orders, n_sites = batch.lane.size, stock.room.size
    order = np.searchsorted(batch.first_line, choice.line, side="right").astype(np.int64) - 1
    if choice.line.size == 0:
        return choice
    sku = batch.sku[choice.line]
    none = np.full(order.size, NOWHERE, dtype=np.int64)
    pieces = np.stack(
        [
            order,
            batch.lane[order],
            batch.order_class[order],
            sku,
            choice.units,
            stock.weight_g[sku],
            choice.site,
            none,
            none,
        ]
    )
    ranked = np.zeros((lanes.ranking.shape[0], n_sites), dtype=np.bool_)
    row, rank = np.nonzero(lanes.ranking >= 0)
    ranked[row, lanes.ranking[row, rank]] = True
    held = np.zeros((n_orders, n_sites), dtype=np.int32)
    np.add.at(held, (order, choice.site), 1)
    _change_places(
        pieces,
        np.searchsorted(order, np.arange(n_orders + 1)).astype(np.int64),
        held,
        (held > 0).sum(axis=1).astype(np.int64),
        np.full(stock.free_units.size, NOWHERE, dtype=np.int64),
        ranked,
        *(classes.allowed, classes.split_limit, classes.kept_units),
        *(lanes.shipment_cents, lanes.unit_cents, lanes.kg_cents),
        *(stock.cell_of, stock.free_units, stock.room),
        *(most_passes, most_partners, exchange),
    )
    return one_piece_a_site(Choice(choice.line, pieces[SITE], choice.units), n_sites)


@compiled
def _change_places(
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
    most_passes: int,
    most_partners: int,
    exchange: bool,
) -> int:
    """Make all moves, in place; the number of passes made."""
    n_orders, n_sites, n_pieces = n_used.size, room.size, pieces.shape[1]
    for piece in range(n_pieces):
        cell = cell_of[pieces[SITE, piece], pieces[SKU, piece]]
        behind = head[cell]
        pieces[NEXT, piece] = behind
        if behind >= 0:
            pieces[PREVIOUS, behind] = piece
        head[cell] = piece
    most_pieces = 0
    for order in range(n_orders):
        most_pieces = max(most_pieces, first[order + 1] - first[order])
    moved = np.empty((2, 2 * most_pieces), dtype=np.int64)
    n_passes = 0
    while n_passes < most_passes:
        n_passes += 1
        changed = False
        for order in range(n_orders):
            while n_used[order] > 1:
                best, best_cents, best_shipments = -1, 0, 0
                for way in range(2 * n_sites + 1):  # close a site, or gather at one; the last: do what was best
                    final = way == 2 * n_sites
                    if final and best < 0:
                        break
                    chosen = best if final else way
                    closing, target = (chosen, NOWHERE) if chosen < n_sites else (NOWHERE, chosen - n_sites)
                    if closing >= 0 and held[order, closing] == 0:
                        continue
                    if target >= 0 and n_used[order] == 2 and held[order, target] > 0:
                        continue  # the same as closing the other
                    done, cents, shipments, n_moved = close_shipment(
                        order, closing, target, moved, most_partners, pieces, first, held, n_used, head, ranked,
                        allowed, split_limit, kept_units, shipment_cents, unit_cents, kg_cents, cell_of, free_units,
                        room,
                    )  # fmt: skip
                    better = done and (cents < best_cents or (cents == best_cents and shipments < best_shipments))
                    if final:
                        better = done and (cents < 0 or (cents == 0 and shipments < 0))
                        if better:
                            changed = True
                            break
                        best = -1
                    elif better:
                        best, best_cents, best_shipments = way, cents, shipments
                    for back in range(n_moved - 1, -1, -1):
                        shift_piece(
                            moved[0, back], moved[1, back], pieces, held, n_used, head, shipment_cents, unit_cents,
                            kg_cents, cell_of, free_units, room,
                        )  # fmt: skip
                if best < 0:
                    break
        if exchange:
            for piece in range(n_pieces):
                order, row, lane = pieces[ORDER, piece], pieces[CLASS, piece], pieces[LANE, piece]
                units, weight, at = pieces[UNITS, piece], pieces[WEIGHT, piece], pieces[SITE, piece]
                empties = held[order, at] == 1
                now = units * unit_cost_cents(unit_cents, kg_cents, lane, at, weight)
                if empties:
                    now += shipment_cents[lane, at]
                best_site, best_partner, best_partner_site, best_cents = NOWHERE, NOWHERE, NOWHERE, 0
                for site in range(n_sites):
                    if not may_go(piece, site, pieces, ranked, allowed, cell_of):
                        continue
                    cents = units * unit_cost_cents(unit_cents, kg_cents, lane, site, weight) - now
                    new = held[order, site] == 0
                    if new:
                        cents += shipment_cents[lane, site]
                        if (n_used[order] if empties else n_used[order] + 1) > split_limit[row]:
                            continue
                    if cents >= best_cents:
                        continue
                    partner, partner_site = NOWHERE, NOWHERE
                    enough = usable_units(free_units, kept_units, row, cell_of[site, pieces[SKU, piece]])
                    if enough < units or (new and room[site] <= 0):
                        partner, partner_site, extra = find_partner(
                            piece, site, most_partners, pieces, held, n_used, head, ranked, allowed, split_limit,
                            kept_units, shipment_cents, unit_cents, kg_cents, cell_of, free_units, room,
                        )  # fmt: skip
                        if partner < 0 or cents + extra >= best_cents:
                            continue
                        cents += extra
                    best_site, best_partner, best_partner_site, best_cents = site, partner, partner_site, cents
                if best_site >= 0:
                    changed = True
                    if best_partner >= 0:
                        shift_piece(
                            best_partner, best_partner_site, pieces, held, n_used, head, shipment_cents, unit_cents,
                            kg_cents, cell_of, free_units, room,
                        )  # fmt: skip
                    shift_piece(
                        piece, best_site, pieces, held, n_used, head, shipment_cents, unit_cents, kg_cents, cell_of,
                        free_units, room,
                    )  # fmt: skip
        if not changed:
            break
    return n_passes
