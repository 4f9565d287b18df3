"""Lines of one SKU in one order, each served whole from one site or not at all: a small packing, solved by search.

Owns that packing only. Rare (an order must name a SKU twice in a class without partial lines), so it may take its time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.kernels.allocation.order_scratch import (
    CAP,
    CHOSEN,
    FIRST,
    ITEMS,
    KEPT,
    LEFT,
    LINES,
    NEXT,
    ORDERED,
    PACKING,
    RANKED,
    SITES,
    TRIED,
    WITHIN,
    WORTH,
)
from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Ints

MOST_STEPS = 20_000
"""Steps after which a packing keeps the best found: seven lines over four sites are always searched to the end."""


@compiled
def whole_saving(
    i: int,
    first: int,
    units: Ints,
    scratch: Ints,
) -> int:
    """Most cents saved on item i by packing its lines whole into the chosen candidates.

    Row KEPT of PACKING then holds, for the line at the same place of row ORDERED, the candidate it goes to or -1. Depth
    first, most units and dearest unit first; exact up to MOST_STEPS.
    """
    n_lines, line, units_left = 0, scratch[ITEMS, FIRST, i], 0
    while line >= 0:
        at = n_lines
        while at > 0 and units[first + scratch[PACKING, ORDERED, at - 1]] < units[first + line]:
            scratch[PACKING, ORDERED, at] = scratch[PACKING, ORDERED, at - 1]
            at -= 1
        scratch[PACKING, ORDERED, at] = line
        units_left += units[first + line]
        n_lines += 1
        line = scratch[LINES, NEXT, line]
    n_options, dearest = scratch[ITEMS, WITHIN, i], 0
    for r in range(n_options):
        c = scratch[RANKED, r, i]
        scratch[PACKING, LEFT, c] = scratch[CAP, c, i]
        if scratch[SITES, CHOSEN, c] > 0:
            dearest = max(dearest, scratch[WORTH, c, i])
    best, value, depth, steps = 0, 0, 0, 0
    for at in range(n_lines):
        scratch[PACKING, TRIED, at] = -1
        scratch[PACKING, KEPT, at] = -1
    while depth >= 0:
        if depth == n_lines:
            if value > best:
                best = value
                for at in range(n_lines):
                    r = scratch[PACKING, TRIED, at]
                    scratch[PACKING, KEPT, at] = scratch[RANKED, r, i] if r < n_options else -1
            depth -= 1
            continue
        asked = units[first + scratch[PACKING, ORDERED, depth]]
        r = scratch[PACKING, TRIED, depth]
        if r < 0:  # entering: can the rest still beat the best?
            units_left -= asked
            if steps > MOST_STEPS or value + (asked + units_left) * dearest <= best:
                units_left += asked
                depth -= 1
                continue
        elif r < n_options:  # leaving an option
            c = scratch[RANKED, r, i]
            scratch[PACKING, LEFT, c] += asked
            value -= asked * scratch[WORTH, c, i]
        r += 1
        while r < n_options:
            c = scratch[RANKED, r, i]
            if scratch[SITES, CHOSEN, c] > 0 and scratch[PACKING, LEFT, c] >= asked:
                break
            r += 1
        steps += 1
        if r > n_options:
            scratch[PACKING, TRIED, depth] = -1
            units_left += asked
            depth -= 1
            continue
        scratch[PACKING, TRIED, depth] = r
        if r < n_options:
            c = scratch[RANKED, r, i]
            scratch[PACKING, LEFT, c] -= asked
            value += asked * scratch[WORTH, c, i]
        depth += 1
        if depth < n_lines:
            scratch[PACKING, TRIED, depth] = -1
    return best
