"""The exact choice of sites for one order laid out in scratch: a search over sets, pruned by what a site still adds.

Owns the search, the greedy rest beyond the largest set searched, and the pieces of the set found. Laying out is the
business of `omsim.kernels.allocation.order_table`.

What a set of sites saves on an order grows ever more slowly as sites are added (it is submodular, as in uncapacitated
facility location; Nemhauser, Wolsey & Fisher 1978), so a site whose further saving does not exceed its fee can be
dropped from everything below. Items packed whole (`whole_lines`) are only subadditive; for them the saving of the site
alone stands in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.kernels.allocation.order_scratch import (
    AT_MOST,
    BEST,
    CAP,
    CELL,
    CHEAPEST,
    CHOSEN,
    FEE,
    FEES,
    FIRST,
    GAIN,
    GIVEN,
    ITEM,
    ITEMS,
    KEPT,
    KIND,
    LINES,
    LIVE,
    MIXED,
    N_LIVE,
    NEXT,
    NEXT_AT,
    OF_CELL,
    OF_LINE,
    OF_SITE,
    OF_UNITS,
    ORDERED,
    PACKING,
    PLAIN,
    RANKED,
    REACH,
    SAVED,
    SITE,
    SITES,
    SO_FAR,
    STATE,
    VALUE,
    WHOLE,
    WITHIN,
    WORTH,
)
from omsim.kernels.allocation.order_table import mixed_saving
from omsim.kernels.allocation.whole_lines import whole_saving
from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Ints


MOST_SETS = 2**16
"""Sets of sites searched for one order: some hundredths of a second at worst, however many sites there are."""


@compiled
def searched_sites(n_candidates: int, most_sites: int) -> int:
    """Sites of the largest sets that are searched: at most `most_sites`, fewer where the sets would be too many.

    All sets of 16 sites, those of three among 73, pairs among 361.
    """
    n_sets, ways, size = 1, 1, 0
    while size < most_sites:
        ways = ways * (n_candidates - size) // (size + 1)
        n_sets += ways
        if n_sets > MOST_SETS:
            break
        size += 1
    return max(size, 1)


@compiled
def item_saving(
    i: int,
    first: int,
    units: Ints,
    scratch: Ints,
) -> int:
    """Cents saved on a mixed or whole item by the chosen candidates."""
    if scratch[ITEMS, KIND, i] == MIXED:
        return mixed_saving(i, scratch)
    return whole_saving(i, first, units, scratch)


@compiled
def search_sets(
    first: int,
    n_items: int,
    n_candidates: int,
    largest: int,
    useful: int,
    all_saved: int,
    units: Ints,
    scratch: Ints,
) -> tuple[int, int, int]:
    """Best set of at most `largest` candidates, into row BEST of SITES.

    Depth first in the ranking's order, so that among equally good sets the smallest wins, then the first in rank.

    Returns
    -------
    value : int
        Cents the set saves net of its fees, 0 for none.
    size : int
    open_value : int
        No set of more than `largest` and at most `useful` candidates saves more; 0 where there is none such.
    """
    best, best_size, open_value, depth = 0, 0, 0, 0
    scratch[STATE, 0, VALUE], scratch[STATE, 0, FEES], scratch[STATE, 0, NEXT_AT] = 0, 0, 0
    for i in range(n_items):
        scratch[SO_FAR, 0, i] = 0
    entering = True
    while True:
        if entering:
            entering = False
            value, fees = scratch[STATE, depth, VALUE], scratch[STATE, depth, FEES]
            source = n_candidates if depth == 0 else scratch[STATE, depth - 1, N_LIVE]
            n_live = 0
            for q in range(0 if depth == 0 else scratch[STATE, depth - 1, NEXT_AT], source):
                c = q if depth == 0 else scratch[LIVE, depth - 1, q]
                more, at_most = 0, 0
                for i in range(n_items):
                    if scratch[ITEMS, KIND, i] == PLAIN:
                        added = max(scratch[SAVED, c, i] - scratch[SO_FAR, depth, i], 0)
                        more += added
                        at_most += added
                    else:
                        scratch[SITES, CHOSEN, c] = 1
                        added = item_saving(i, first, units, scratch)
                        scratch[SITES, CHOSEN, c] = 0
                        added -= scratch[SO_FAR, depth, i]
                        more += added
                        at_most += scratch[SAVED, c, i] if scratch[ITEMS, KIND, i] == WHOLE else added
                fee = scratch[SITES, FEE, c]
                if at_most <= fee:
                    continue
                scratch[LIVE, depth, n_live] = c
                scratch[GAIN, depth, n_live] = more - fee
                scratch[AT_MOST, depth, n_live] = at_most - fee
                n_live += 1
                reached = value + more - fee
                if reached > best or (reached == best and depth + 1 < best_size):
                    best, best_size = reached, depth + 1
                    for d in range(depth):
                        scratch[SITES, BEST, d] = scratch[LIVE, d, scratch[STATE, d, NEXT_AT] - 1]
                    scratch[SITES, BEST, depth] = c
            scratch[STATE, depth, N_LIVE] = n_live
            scratch[STATE, depth, NEXT_AT] = 0
            reach, cheapest = 0, 0
            for q in range(n_live - 1, -1, -1):
                fee = scratch[SITES, FEE, scratch[LIVE, depth, q]]
                if q < n_live - 1 and depth + 1 == largest < useful:
                    beyond = min(value + scratch[AT_MOST, depth, q] + reach, all_saved - fees - fee - cheapest)
                    open_value = max(open_value, beyond)
                reach += scratch[AT_MOST, depth, q]
                cheapest = fee if q == n_live - 1 else min(cheapest, fee)
                scratch[REACH, depth, q] = reach
                scratch[CHEAPEST, depth, q] = cheapest
        at = scratch[STATE, depth, NEXT_AT]
        if depth + 1 >= largest or at + 1 >= scratch[STATE, depth, N_LIVE]:
            if depth == 0:
                break
            depth -= 1
            scratch[SITES, CHOSEN, scratch[LIVE, depth, scratch[STATE, depth, NEXT_AT] - 1]] = 0
            continue
        scratch[STATE, depth, NEXT_AT] = at + 1
        c = scratch[LIVE, depth, at]
        fees = scratch[STATE, depth, FEES] + scratch[SITES, FEE, c]
        beyond = min(
            scratch[STATE, depth, VALUE] + scratch[AT_MOST, depth, at] + scratch[REACH, depth, at + 1],
            all_saved - fees - scratch[CHEAPEST, depth, at + 1],
        )
        if beyond < best or (beyond == best and depth + 2 >= best_size):
            continue
        scratch[STATE, depth + 1, VALUE] = scratch[STATE, depth, VALUE] + scratch[GAIN, depth, at]
        scratch[STATE, depth + 1, FEES] = fees
        scratch[SITES, CHOSEN, c] = 1
        for i in range(n_items):
            if scratch[ITEMS, KIND, i] == PLAIN:
                scratch[SO_FAR, depth + 1, i] = max(scratch[SO_FAR, depth, i], scratch[SAVED, c, i])
            else:
                scratch[SO_FAR, depth + 1, i] = item_saving(i, first, units, scratch)
        depth += 1
        entering = True
    return best, best_size, open_value


@compiled
def add_sites(
    first: int,
    n_items: int,
    n_candidates: int,
    size: int,
    most: int,
    units: Ints,
    scratch: Ints,
) -> int:
    """Go on from the best set by adding the site that gains most, while one gains and there may be more; the new size.

    The best set's candidates are marked chosen before and after.
    """
    while size < most:
        best_gain, best_c = 0, -1
        for i in range(n_items):
            scratch[SO_FAR, 0, i] = 0
            if scratch[ITEMS, KIND, i] == PLAIN:
                for d in range(size):
                    scratch[SO_FAR, 0, i] = max(scratch[SO_FAR, 0, i], scratch[SAVED, scratch[SITES, BEST, d], i])
            else:
                scratch[SO_FAR, 0, i] = item_saving(i, first, units, scratch)
        for c in range(n_candidates):
            if scratch[SITES, CHOSEN, c] > 0:
                continue
            gain = -scratch[SITES, FEE, c]
            scratch[SITES, CHOSEN, c] = 1
            for i in range(n_items):
                if scratch[ITEMS, KIND, i] == PLAIN:
                    gain += max(scratch[SAVED, c, i] - scratch[SO_FAR, 0, i], 0)
                else:
                    gain += item_saving(i, first, units, scratch) - scratch[SO_FAR, 0, i]
            scratch[SITES, CHOSEN, c] = 0
            if gain > best_gain:
                best_gain, best_c = gain, c
        if best_c < 0:
            break
        scratch[SITES, BEST, size] = best_c
        scratch[SITES, CHOSEN, best_c] = 1
        size += 1
    return size


@compiled
def write_pieces(
    first: int,
    end: int,
    n_items: int,
    size: int,
    units: Ints,
    scratch: Ints,
    pieces: Ints,
) -> tuple[int, int, int]:
    """Write who serves what from the best set, line by line; uses up CAP and marks the candidates that give.

    Returns
    -------
    n_pieces : int
    served_units : int
    worth_cents : int
        What the units served are worth in all.
    """
    n, served, worth = 0, 0, 0
    for i in range(n_items):
        if scratch[ITEMS, KIND, i] == WHOLE:
            whole_saving(i, first, units, scratch)
            at, line = 0, scratch[ITEMS, FIRST, i]
            while line >= 0:
                at += 1
                line = scratch[LINES, NEXT, line]
            for k in range(at):
                scratch[LINES, GIVEN, scratch[PACKING, ORDERED, k]] = scratch[PACKING, KEPT, k]
        elif scratch[ITEMS, KIND, i] == PLAIN:
            best_c, best = -1, 0
            for d in range(size):
                c = scratch[SITES, BEST, d]
                if scratch[SAVED, c, i] > best:
                    best_c, best = c, scratch[SAVED, c, i]
            line = scratch[ITEMS, FIRST, i]
            while line >= 0:
                scratch[LINES, GIVEN, line] = best_c
                line = scratch[LINES, NEXT, line]
    for line in range(end - first):
        i = scratch[LINES, ITEM, line]
        left = units[first + line]
        mixed = scratch[ITEMS, KIND, i] == MIXED
        for r in range(scratch[ITEMS, WITHIN, i] if mixed else 1):
            c = scratch[RANKED, r, i] if mixed else scratch[LINES, GIVEN, line]
            if c < 0 or scratch[SITES, CHOSEN, c] == 0:
                continue
            take = min(left, scratch[CAP, c, i])
            if take == 0:
                continue
            scratch[CAP, c, i] -= take
            scratch[SITES, CHOSEN, c] = 2
            left -= take
            pieces[OF_LINE, n] = line
            pieces[OF_SITE, n] = scratch[SITES, SITE, c]
            pieces[OF_UNITS, n] = take
            pieces[OF_CELL, n] = scratch[CELL, c, i]
            worth += take * scratch[WORTH, c, i]
            served += take
            n += 1
            if left == 0:
                break
    return n, served, worth
