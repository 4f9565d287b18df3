"""Find the one carton that holds all of a parcel: the cheapest into which a packer puts everything.

Owns which cartons are tried, in which orders the units go in, and when trying is given up because a proof says so.
Placing is the business of `spaces`, proving of `bounds`, several cartons that of `parcels`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.packing.bounds import (
    MOST_TURNED,
    MOST_WEIGHED,
    N_SCALES,
    pair_rules_out,
    turning_rules_out,
    weighing_rules_out,
)
from omsim.kernels.packing.spaces import BLOCKS, LOW, MOST_BLOCKS, MOST_SPACES, NEAR, TIGHT, fill_carton

Ints = NDArray[np.int64]

PLENTY = 2**61
"""Volumes and weights are counted up to here: more than any carton takes, and two of them still add up."""

MOST_SINGLES = 24
"""With more units than this, equal ones are placed as blocks only."""

BY_VOLUME = 0
BY_FACE = 1
BY_LENGTH = 2
MIXED = 3
"""Orders in which units go, each falling: volume, the biggest face, the longest side; from MIXED on the volume after it
was varied by up to three times."""

N_ORDERS = MIXED + 3

ATTEMPTS = (
    (BY_FACE, TIGHT),
    (BY_VOLUME, NEAR),
    (BY_LENGTH, TIGHT),
    (BY_VOLUME, TIGHT),
    (MIXED, TIGHT),
    (MIXED + 1, TIGHT),
    (MIXED + 2, NEAR),
    (BY_VOLUME, LOW),
    (BY_VOLUME, BLOCKS),
    (BY_FACE, BLOCKS),
)
"""How a carton is tried, one after the other, until all is in."""

N_FIRST = 3
"""So many attempts are made before the dearer proofs that none can succeed."""


class Boxes(NamedTuple):
    """Cartons from inside, int64, shape (n_cartons,).

    Attributes
    ----------
    length, width, height
        mm, longest first.
    most_g, room_mm3
        Weight and volume of goods one may hold.
    by_cost
        The cartons, cheapest first, the smaller of equally cheap ones first.
    """

    length: Ints
    width: Ints
    height: Ints
    most_g: Ints
    room_mm3: Ints
    by_cost: Ints


class Memory(NamedTuple):
    """The kinds of unit in hand and working memory; see where they are used.

    Attributes
    ----------
    side : int64, shape (n_kinds, 3)
        mm, longest first.
    volume, weight : int64, shape (n_kinds,)
        Of one unit.
    left, turn, key, extent, scaled, lain, spaces, cut
        Working memory.
    blocks : int64, shape (MOST_BLOCKS, 10)
        What was placed, as `fill_carton` says.
    """

    side: Ints
    volume: Ints
    weight: Ints
    left: Ints
    turn: Ints
    key: Ints
    extent: Ints
    scaled: Ints
    lain: Ints
    spaces: Ints
    cut: Ints
    blocks: Ints


@compiled
def new_memory(n: int) -> Memory:
    """Room for parcels of up to n kinds of unit."""
    return Memory(
        np.empty((n, 3), dtype=np.int64),
        np.empty(n, dtype=np.int64),
        np.empty(n, dtype=np.int64),
        np.empty(n, dtype=np.int64),
        np.empty((N_ORDERS, n), dtype=np.int64),
        np.empty(n, dtype=np.int64),
        np.empty((n, 3), dtype=np.int64),
        np.empty((MOST_WEIGHED, 3, N_SCALES, 3), dtype=np.int64),
        np.empty((MOST_TURNED, 5), dtype=np.int64),
        np.empty((MOST_SPACES, 6), dtype=np.int64),
        np.empty((MOST_SPACES, 6), dtype=np.int64),
        np.empty((MOST_BLOCKS, 10), dtype=np.int64),
    )


@compiled
def times(units: int, one: int) -> int:
    """What units add up to, counted up to PLENTY."""
    if one > 0 and units > PLENTY // one:
        return PLENTY
    return units * one


@compiled
def by_falling_key(turn: Ints, n: int, key: Ints) -> None:
    """Sort the first n kinds of `turn` by falling key; of equal ones the earlier line goes first."""
    for i in range(1, n):
        k = turn[i]
        j = i
        while j > 0 and key[turn[j - 1]] < key[k]:
            turn[j] = turn[j - 1]
            j -= 1
        turn[j] = k


@compiled
def _order_by(turn: Ints, order: int, n: int, side: Ints, volume: Ints, key: Ints) -> None:
    """Put the first n kinds of turn[BY_VOLUME] into turn[order] as its meaning says."""
    if order == BY_VOLUME:
        return
    for t in range(n):
        k = turn[BY_VOLUME, t]
        turn[order, t] = k
        if order == BY_FACE:
            key[k] = side[k, 0] * side[k, 1]
        elif order == BY_LENGTH:
            key[k] = side[k, 0]
        else:
            key[k] = (volume[k] >> 8) * (64 + (t * 7919 + order * 104729) % 128)
    by_falling_key(turn[order], n, key)


@compiled
def one_carton(boxes: Boxes, n: int, asked: Ints, memory: Memory) -> tuple[int, int, int]:
    """Find one carton for all that is asked.

    Parameters
    ----------
    boxes : Boxes
    n : int
        Kinds of unit, of which `memory` holds side, volume and weight.
    asked : int64, shape (>= n,)
        Units of each.
    memory : Memory
        `blocks` becomes what lies where.

    Returns
    -------
    tuple of int
        The first carton by cost found to hold all, the first not ruled out, the number of blocks. -1 where there is
        none.
    """
    length, width, height, most_g, room_mm3, by_cost = boxes
    side, volume, weight, left, turn, key, extent, scaled, lain, spaces, cut, blocks = memory
    total_mm3 = total_g = longest = middle = shortest = n_turn = n_units = int(np.int64(0))
    for k in range(n):
        if asked[k] > 0:
            total_g = min(total_g + times(asked[k], weight[k]), PLENTY)
            if volume[k] > 0:
                total_mm3 = min(total_mm3 + times(asked[k], volume[k]), PLENTY)
                n_units = min(n_units + asked[k], PLENTY)
                longest = max(longest, side[k, 0])
                middle = max(middle, side[k, 1])
                shortest = max(shortest, side[k, 2])
                turn[BY_VOLUME, n_turn] = k
                key[k] = volume[k]
                n_turn += 1
    ordered = False
    n_ordered = 0
    least = -1
    for c in by_cost:
        if total_g > most_g[c] or total_mm3 > room_mm3[c]:
            continue
        if longest > length[c] or middle > width[c] or shortest > height[c]:
            continue
        if n_units <= 1:
            if n_units == 1:
                row = blocks[0]
                row[0] = k = turn[BY_VOLUME, 0]
                row[1] = row[2] = row[3] = 0
                row[4], row[5], row[6] = side[k, 0], side[k, 1], side[k, 2]
                row[7] = row[8] = row[9] = 1
            return c, c, n_units
        if not ordered:
            by_falling_key(turn[BY_VOLUME], n_turn, key)
            ordered = True
        if pair_rules_out(length[c], width[c], height[c], side, asked, turn[BY_VOLUME, :n_turn], extent):
            continue
        hopeless = False
        for attempt in range(len(ATTEMPTS)):
            order, rule = ATTEMPTS[attempt]
            if attempt == N_FIRST and (
                turning_rules_out(length[c], width[c], height[c], side, asked, turn[BY_VOLUME, :n_turn], lain)
                or weighing_rules_out(length[c], width[c], height[c], side, asked, turn[BY_VOLUME, :n_turn], scaled)
            ):
                hopeless = True
                break
            if rule != BLOCKS and n_units > MOST_SINGLES:
                continue
            if attempt >= n_ordered:
                n_ordered = attempt + 1
                _order_by(turn, order, n_turn, side, volume, key)
            for k in range(n):
                left[k] = asked[k]
            n_blocks = fill_carton(
                *(length[c], width[c], height[c], most_g[c], room_mm3[c], side, volume, weight, left),
                *(turn[order, :n_turn], rule, True, spaces, cut, blocks),
            )
            if n_blocks >= 0:
                return c, c if least < 0 else least, n_blocks
        if least < 0 and not hopeless:
            least = c
    return -1, least, 0
