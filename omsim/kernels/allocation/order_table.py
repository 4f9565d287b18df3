"""What several sites together can save on one item of an order, and the bounds for items that are not simple.

Owns the items that more than one site or line has a part in; an order is laid out in
`omsim.kernels.allocation.order_subproblem`, arrays as in `omsim.kernels.allocation.order_scratch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.kernels.allocation.order_scratch import (
    ALONE,
    CAP,
    CHOSEN,
    FIRST,
    ITEMS,
    LINES,
    NEED,
    NEXT,
    RANKED,
    SAVED,
    SITES,
    WITHIN,
    WORTH,
)
from omsim.kernels.allocation.whole_lines import whole_saving
from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Ints


@compiled
def sort_by_worth(i: int, scratch: Ints) -> None:
    """Put the candidates that carry item i in order, dearest unit first, equal ones as they were."""
    for r in range(1, scratch[ITEMS, WITHIN, i]):
        c, at = scratch[RANKED, r, i], r
        while at > 0 and scratch[WORTH, scratch[RANKED, at - 1, i], i] < scratch[WORTH, c, i]:
            scratch[RANKED, at, i] = scratch[RANKED, at - 1, i]
            at -= 1
        scratch[RANKED, at, i] = c


@compiled
def mixed_saving(i: int, scratch: Ints) -> int:
    """Cents saved on an item that the chosen candidates share, dearest units first."""
    left = scratch[ITEMS, NEED, i]
    total = 0
    for r in range(scratch[ITEMS, WITHIN, i]):
        c = scratch[RANKED, r, i]
        if scratch[SITES, CHOSEN, c] > 0:
            take = min(left, scratch[CAP, c, i])
            total += take * scratch[WORTH, c, i]
            left -= take
            if left == 0:
                break
    return total


@compiled
def lay_out_whole(
    i: int,
    first: int,
    units: Ints,
    scratch: Ints,
) -> tuple[int, int]:
    """Correct what each candidate alone saves on an item packed whole; returns the most all can save, and its lines."""
    sort_by_worth(i, scratch)
    for r in range(scratch[ITEMS, WITHIN, i]):
        c = scratch[RANKED, r, i]
        scratch[SITES, CHOSEN, c] = 1
        saving = whole_saving(i, first, units, scratch)
        scratch[SITES, CHOSEN, c] = 0
        scratch[SITES, ALONE, c] += saving - scratch[SAVED, c, i]
        scratch[SAVED, c, i] = saving
    most, n_lines, line = 0, 0, scratch[ITEMS, FIRST, i]
    while line >= 0:
        for r in range(scratch[ITEMS, WITHIN, i]):
            if scratch[CAP, scratch[RANKED, r, i], i] >= units[first + line]:
                most += units[first + line] * scratch[WORTH, scratch[RANKED, r, i], i]
                break
        n_lines += 1
        line = scratch[LINES, NEXT, line]
    return most, n_lines
