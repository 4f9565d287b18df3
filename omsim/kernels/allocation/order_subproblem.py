"""The subproblem of an order: given stock, room and prices, who serves it, at what cost, and a bound on that.

Owns the one kernel that lays orders out and decides them, one after the other. Orders that one site serves best are
settled on the spot; for the others it calls the search in `omsim.kernels.allocation.subsets`. Which orders, at which
prices, and what then happens is left to the callers: choice in turn, prices, ruin and recreate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.kernels.allocation.batch import unit_cost_cents
from omsim.kernels.allocation.order_scratch import (
    ALONE,
    BEST,
    CAP,
    CELL,
    CHOSEN,
    FEE,
    FIRST,
    ITEM,
    ITEMS,
    KIND,
    LAST,
    LINES,
    MIXED,
    NEED,
    NEXT,
    OF_CELL,
    OF_LINE,
    OF_SITE,
    OF_UNITS,
    PLAIN,
    RANKED,
    SAVED,
    SITE,
    SITES,
    WHOLE,
    WITHIN,
    WORTH,
)
from omsim.kernels.allocation.order_table import lay_out_whole, sort_by_worth
from omsim.kernels.allocation.subsets import add_sites, search_sets, searched_sites, write_pieces
from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Cells, Flags, Ints

CERTAIN_CENTS = 10**12
"""Worth of a unit that must be served: above any order's cost; units of an order x this must fit 64 bits."""

EACH_SITE_CENTS = 10**9
"""Fee of a site more where fewest count first: above any order's cost, 1,000 still below a unit's worth."""

CHEAPEST_RULE, FEWEST_RULE, RELAXED = 0, 1, 2
"""How orders are decided: least decision cost; most units from fewest sites; each as if it were alone, bounded from
below (whole lines that repeat a SKU may then share stock, and no site is added beyond the sets searched)."""


@compiled
def solve_orders(
    orders: Ints,
    rule: int,
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
    taken_units: Ints,
    taken_room: Ints,
    cost_of: Ints,
    of_line: Ints,
    of_site: Ints,
    of_units: Ints,
) -> tuple[int, int, int]:
    """Decide orders in turn.

    What is given is taken from `free_units` and `room` and written to the columns of a `Choice`; under RELAXED it is
    only added to `taken_units` and `taken_room`, and stock, room and columns are left alone. `cost_of` receives each
    order's cost, unless it is empty.

    Returns
    -------
    n_pieces : int
        Pieces written.
    cost_cents : int
        Shipments, units and units not served, without prices.
    bound_cents : int
        Under RELAXED, the least that the decisions can cost, prices included.
    """
    n_pieces, cost_cents, bound_cents = 0, 0, 0
    keeping = kept_units.shape[1] > 0
    relaxed = rule == RELAXED
    each_site_cents = EACH_SITE_CENTS if rule == FEWEST_RULE else 0
    for order in orders:
        cost_before = cost_cents
        first, end = first_line[order], first_line[order + 1]
        lane, k = lane_of[order], class_of[order]
        partial, complete = partial_of[k], complete_of[k]
        worth_cents = CERTAIN_CENTS if complete or rule == FEWEST_RULE else unserved_cents

        # candidate sites, in the ranking's order
        n_candidates = 0
        for r in range(ranking.shape[1]):
            site = ranking[lane, r]
            if site < 0:
                break
            if allowed[k, site] and room[site] > 0:
                scratch[SITES, SITE, n_candidates] = site
                scratch[SITES, FEE, n_candidates] = (
                    shipment_cents[lane, site] + room_price_cents[site] + each_site_cents
                )
                scratch[SITES, CHOSEN, n_candidates] = 0
                scratch[SITES, ALONE, n_candidates] = 0
                n_candidates += 1

        # items: lines of one SKU together
        merging = partial or not relaxed
        n_items, total_units = 0, 0
        for line in range(first, end):
            at = line - first
            total_units += units[line]
            scratch[LINES, NEXT, at] = -1
            known = n_items
            if merging:
                known = 0
                while known < n_items and sku[first + scratch[ITEMS, FIRST, known]] != sku[line]:
                    known += 1
            scratch[LINES, ITEM, at] = known
            if known == n_items:
                scratch[ITEMS, NEED, known] = units[line]
                scratch[ITEMS, KIND, known] = PLAIN
                scratch[ITEMS, FIRST, known] = at
                n_items += 1
            else:
                scratch[ITEMS, NEED, known] += units[line]
                scratch[LINES, NEXT, scratch[ITEMS, LAST, known]] = at
                if not partial:
                    scratch[ITEMS, KIND, known] = WHOLE
            scratch[ITEMS, LAST, known] = at
        nothing_cents = total_units * unserved_cents

        # what each candidate can save on each item
        all_saved, useful, simple = 0, 0, True
        for i in range(n_items):
            need = scratch[ITEMS, NEED, i]
            line = first + scratch[ITEMS, FIRST, i]
            row, weight = row_of[line], weight_g[sku[line]]
            whole_only = scratch[ITEMS, KIND, i] == PLAIN and not partial
            carrying, dearest, best, together = 0, 0, 0, 0
            short = False
            for c in range(n_candidates):
                site = scratch[SITES, SITE, c]
                cell = cells[row, site]
                scratch[SAVED, c, i] = 0
                scratch[CAP, c, i] = 0
                if cell < 0:
                    continue
                cap = free_units[cell]
                if keeping:
                    cap -= kept_units[k, cell]
                if cap <= 0 or (whole_only and cap < need):
                    continue
                worth = worth_cents - unit_cost_cents(unit_cents, kg_cents, lane, site, weight) - price_cents[cell]
                if worth <= 0:
                    continue
                if cap < need:
                    short = True
                else:
                    cap = need
                saving = cap * worth
                scratch[WORTH, c, i] = worth
                scratch[CAP, c, i] = cap
                scratch[CELL, c, i] = cell
                scratch[SAVED, c, i] = saving
                scratch[SITES, ALONE, c] += saving
                dearest = max(dearest, worth)
                best = max(best, saving)
                together += saving
                scratch[RANKED, carrying, i] = c
                carrying += 1
            scratch[ITEMS, WITHIN, i] = carrying
            if scratch[ITEMS, KIND, i] == WHOLE:
                simple = False
                most, n_lines = lay_out_whole(i, first, units, scratch)
                all_saved += most
                useful += n_lines
            elif short and carrying > 1:
                scratch[ITEMS, KIND, i] = MIXED
                sort_by_worth(i, scratch)
                all_saved += min(need * dearest, together)
                useful += min(carrying, need)
            elif carrying > 0:
                all_saved += best
                useful += 1

        # one site
        reach = min(split_limit[k], min(useful, n_candidates))
        largest = min(reach, most_sites)
        value, size, beyond = 0, 0, 0
        least_fee, second_fee = all_saved, all_saved
        for c in range(n_candidates):
            fee = scratch[SITES, FEE, c]
            saving = scratch[SITES, ALONE, c] - fee
            if saving > 0:
                if saving > value:
                    value, size = saving, 1
                    scratch[SITES, BEST, 0] = c
                if fee < least_fee:
                    least_fee, second_fee = fee, least_fee
                elif fee < second_fee:
                    second_fee = fee
        alone = reach <= 1 or value >= all_saved - least_fee - second_fee

        # or several
        if not alone:
            largest = searched_sites(n_candidates, largest)
            value, size, beyond = search_sets(first, n_items, n_candidates, largest, reach, all_saved, units, scratch)
        for d in range(size):
            scratch[SITES, CHOSEN, scratch[SITES, BEST, d]] = 1
        if size == largest < reach and not relaxed:
            size = add_sites(first, n_items, n_candidates, size, reach, units, scratch)

        # who gives what
        n, served, worth = 0, 0, 0
        if size == 1 and simple:
            c = scratch[SITES, BEST, 0]
            scratch[SITES, CHOSEN, c] = 2
            for at in range(end - first):
                i = scratch[LINES, ITEM, at]
                take = min(units[first + at], scratch[CAP, c, i])
                if take > 0:
                    scratch[CAP, c, i] -= take
                    pieces[OF_LINE, n] = at
                    pieces[OF_SITE, n] = scratch[SITES, SITE, c]
                    pieces[OF_UNITS, n] = take
                    pieces[OF_CELL, n] = scratch[CELL, c, i]
                    worth += take * scratch[WORTH, c, i]
                    served += take
                    n += 1
        elif size > 0:
            n, served, worth = write_pieces(first, end, n_items, size, units, scratch, pieces)
        decision_cents = served * worth_cents - worth + (total_units - served) * unserved_cents
        for d in range(size):
            c = scratch[SITES, BEST, d]
            if scratch[SITES, CHOSEN, c] == 2:
                decision_cents += scratch[SITES, FEE, c] - each_site_cents
        bound_cents += min(nothing_cents, total_units * worth_cents - max(value, beyond))
        cost_cents += decision_cents
        if complete and (served < total_units or (rule != FEWEST_RULE and decision_cents >= nothing_cents)):
            cost_cents += nothing_cents - decision_cents
            n, size = 0, 0

        # take it
        for d in range(size):
            c = scratch[SITES, BEST, d]
            if scratch[SITES, CHOSEN, c] == 2:
                cost_cents -= room_price_cents[scratch[SITES, SITE, c]]
                if relaxed:
                    taken_room[scratch[SITES, SITE, c]] += 1
                else:
                    room[scratch[SITES, SITE, c]] -= 1
        for p in range(n):
            take, cell = pieces[OF_UNITS, p], pieces[OF_CELL, p]
            cost_cents -= take * price_cents[cell]
            if relaxed:
                taken_units[cell] += take
            else:
                free_units[cell] -= take
                of_line[n_pieces] = first + pieces[OF_LINE, p]
                of_site[n_pieces] = pieces[OF_SITE, p]
                of_units[n_pieces] = take
                n_pieces += 1
        if cost_of.size > 0:
            cost_of[order] = cost_cents - cost_before
    return n_pieces, cost_cents, bound_cents
