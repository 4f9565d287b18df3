"""Sourcing by walking a list of sites, the way most open order systems do it, for whole batches.

Owns the three walks: along the lane's ranking (nearest, or any fixed order), the first site that can serve everything,
and most stock first. They look at one order at a time and at no price: what weighs cost, or several orders against
each other, lives beside this file.
"""

from __future__ import annotations

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import Batch, Cells, Choice, Classes, Flags, Ints, Lanes, Stock, usable_units
from omsim.kernels.compiled import compiled

NEAREST = RANKED = 0
"""Lines in turn, each along the lane's ranking: nearest first, or a fixed order, as the ranking was made."""
FIRST_COMPLETE = 1
"""The first ranked site that can serve every line whole serves all; if there is none, as RANKED."""
MOST_STOCK = 2
"""Lines in turn, each at the site where most of it may be taken first; equal ones by ranking."""
_RULES = (RANKED, FIRST_COMPLETE, MOST_STOCK)


def walk_sites(
    batch: Batch, classes: Classes, lanes: Lanes, stock: Stock, rule: int, *, planned: Ints | None = None
) -> Choice:
    """Serve a batch of orders, one after the other, each by walking its sites.

    Parameters
    ----------
    batch, classes, lanes
        Orders are served in the order of the batch.
    stock
        `free_units` and `room` are taken from in place.
    rule : int
        RANKED (or NEAREST, the same rule), FIRST_COMPLETE or MOST_STOCK.
    planned : int64, shape (n_lines,), optional
        The site each line asks before all others, as a plan says; NO_SITE = none. It should be in the ranking.

    Returns
    -------
    Choice
        Never takes more than a class may take of a cell, nor more shipments than a site has room for.

    Raises
    ------
    FieldError
        If there is no such rule, or `planned` does not have one site a line.

    Notes
    -----
    A site serves what is free of what remains (partial classes), or all that remains or nothing. An order uses at most
    `split_limit` sites; one already used stays usable and needs no more room. Of an order of a complete class whose
    walk leaves a unit unserved nothing is taken, although another choice of sites might have served all of it.
    O(n_lines * n_sites), with MOST_STOCK O(n_lines * n_sites^2).
    """
    if rule not in _RULES:
        raise FieldError("rule", f"one of RANKED, FIRST_COMPLETE, MOST_STOCK ({_RULES})", rule)
    if planned is None:
        planned = np.empty(0, dtype=np.int64)
    elif planned.shape != batch.units.shape:
        raise FieldError("planned", f"one site for each of the {batch.units.size} lines", planned.shape)
    return Choice(
        *_walk_batch(
            *(batch.first_line, batch.sku, batch.units, batch.lane, batch.order_class),
            *(classes.allowed, classes.split_limit, classes.partial, classes.complete, classes.kept_units),
            lanes.ranking,
            *(stock.cell_of, stock.free_units, stock.room),
            rule,
            planned,
        )
    )


@compiled
def one_site_for_all(
    sku: Ints,
    units: Ints,
    first: int,
    last: int,
    order_class: int,
    kept_units: Ints,
    cell_of: Cells,
    free_units: Ints,
    site: int,
) -> bool:
    """Take lines `first` to `last` - 1 whole from a site, or nothing if it cannot serve them all.

    A SKU on several lines needs their units together.
    """
    served = first
    while served < last:
        cell = cell_of[site, sku[served]]
        if cell < 0 or usable_units(free_units, kept_units, order_class, cell) < units[served]:
            break
        free_units[cell] -= units[served]
        served += 1
    if served == last:
        return True
    for line in range(first, served):
        free_units[cell_of[site, sku[line]]] += units[line]
    return False


@compiled
def _most_stock_first(
    ranking: Ints, sku: int, order_class: int, kept_units: Ints, cell_of: Cells, free_units: Ints, turn: Ints
) -> int:
    """Write into `turn` the ranked sites that may give units of a SKU, most first; returns how many."""
    n = 0
    for k in range(ranking.size):
        site = ranking[k]
        if site < 0:
            break
        cell = cell_of[site, sku]
        if cell < 0:
            continue
        usable = usable_units(free_units, kept_units, order_class, cell)
        if usable == 0:
            continue
        place = n
        while place > 0:
            ahead = turn[place - 1]
            if usable_units(free_units, kept_units, order_class, cell_of[ahead, sku]) >= usable:
                break
            turn[place] = ahead
            place -= 1
        turn[place] = site
        n += 1
    return n


@compiled
def _walk_batch(
    first_line: Ints,
    sku: Ints,
    units: Ints,
    lane: Ints,
    order_class: Ints,
    allowed: Flags,
    split_limit: Ints,
    partial: Flags,
    complete: Flags,
    kept_units: Ints,
    ranking: Ints,
    cell_of: Cells,
    free_units: Ints,
    room: Ints,
    rule: int,
    planned: Ints,
) -> tuple[Ints, Ints, Ints]:
    """The walk of `walk_sites`, on plain arrays: line, site and units of the pieces."""
    n_orders, n_sites = first_line.size - 1, allowed.shape[1]
    size = units.size + n_sites
    piece_line = np.empty(size, dtype=np.int64)
    piece_site = np.empty(size, dtype=np.int64)
    piece_units = np.empty(size, dtype=np.int64)
    used_by = np.full(n_sites, -1, dtype=np.int64)  # the last order that used a site
    turn = np.empty(n_sites, dtype=np.int64)
    start = -1 if planned.size > 0 else 0
    n = 0
    for order in range(n_orders):
        first, last = first_line[order], first_line[order + 1]
        k = order_class[order]
        sites = ranking[lane[order]]
        if n + (last - first) * n_sites > size:
            size = 2 * size + (last - first) * n_sites
            piece_line, piece_site, piece_units = (
                _longer(piece_line, n, size),
                _longer(piece_site, n, size),
                _longer(piece_units, n, size),
            )
        if rule == FIRST_COMPLETE:
            alone = -1
            for s in range(sites.size):
                site = sites[s]
                if site < 0:
                    break
                if (
                    allowed[k, site]
                    and room[site] > 0
                    and one_site_for_all(sku, units, first, last, k, kept_units, cell_of, free_units, site)
                ):
                    alone = site
                    break
            if alone >= 0:
                for line in range(first, last):
                    piece_line[n], piece_site[n], piece_units[n] = line, alone, units[line]
                    n += 1
                if last > first:
                    room[alone] -= 1
                continue
        before, n_used, missing = n, 0, False
        for line in range(first, last):
            left = units[line]
            n_turn = sites.size
            if rule == MOST_STOCK:
                n_turn = _most_stock_first(sites, sku[line], k, kept_units, cell_of, free_units, turn)
            for s in range(start, n_turn):
                if s < 0:  # a site asked twice has nothing more to give
                    site = planned[line]
                    if site < 0:
                        continue
                else:
                    site = turn[s] if rule == MOST_STOCK else sites[s]
                if site < 0 or left == 0:
                    break
                if not allowed[k, site]:
                    continue
                if used_by[site] != order and (n_used >= split_limit[k] or room[site] <= 0):
                    continue
                cell = cell_of[site, sku[line]]
                if cell < 0:
                    continue
                granted = min(usable_units(free_units, kept_units, k, cell), left)
                if granted <= 0 or (granted < left and not partial[k]):
                    continue
                if used_by[site] != order:
                    used_by[site] = order
                    n_used += 1
                    room[site] -= 1
                free_units[cell] -= granted
                left -= granted
                piece_line[n], piece_site[n], piece_units[n] = line, site, granted
                n += 1
            if left > 0:
                missing = True
                if complete[k]:
                    break
        if missing and complete[k]:
            while n > before:
                n -= 1
                site = piece_site[n]
                free_units[cell_of[site, sku[piece_line[n]]]] += piece_units[n]
                if used_by[site] == order:
                    used_by[site] = -1
                    room[site] += 1
    return piece_line[:n].copy(), piece_site[:n].copy(), piece_units[:n].copy()


@compiled
def _longer(column: Ints, n: int, size: int) -> Ints:
    """The first n entries of a column, with room for `size`."""
    grown = np.empty(size, dtype=np.int64)
    grown[:n] = column[:n]
    return grown
