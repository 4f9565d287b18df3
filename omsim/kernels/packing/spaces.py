"""Fill one carton: units go to corners of the largest empty boxes that are left (maximal empty spaces).

Owns the placing. Which carton is tried, and how often, is decided in `parcels`.

A carton starts as one empty space. Whatever is placed cuts every space it touches into the up to six largest boxes
that remain beside it; boxes within others, and those into which no remaining unit fits, are dropped. So a unit put
into a space overlaps nothing and sticks out nowhere, and no other check is needed. Equal units may go as a block,
side by side: the work then grows with the number of lines, not of units.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled

Ints = NDArray[np.int64]

MOST_SPACES = 192
"""Beyond this many, further spaces are forgotten: safe, as a space not used stays empty."""

MOST_BLOCKS = 1024
"""Placements in one carton; units beyond them go into another one."""

WINDOW = 8
"""How many kinds of unit, in their order, are compared where the biggest block goes first."""

TIGHT = 0
"""Units in their order; each where the least gap is left beside it."""
LOW = 1
"""Units in their order; each where its top is lowest, then nearest the corner."""
NEAR = 2
"""Units in their order; each where the sum of its far corner's coordinates is least."""
BLOCKS = 3
"""The block of equal units of the greatest volume first."""


@compiled
def fill_carton(
    length: int,
    width: int,
    height: int,
    room_g: int,
    room_mm3: int,
    side: Ints,
    volume: Ints,
    weight: Ints,
    left: Ints,
    turn: Ints,
    rule: int,
    whole: bool,
    spaces: Ints,
    cut: Ints,
    blocks: Ints,
) -> int:
    """Put units of several kinds into an empty carton.

    Parameters
    ----------
    length, width, height : int
        Inside, mm.
    room_g, room_mm3 : int
        Weight and volume of goods it may hold.
    side : int64, shape (n_kinds, 3)
        mm, longest first, >= 1.
    volume, weight : int64, shape (n_kinds,)
        mm3 and g of one unit.
    left : int64, shape (n_kinds,)
        Units to be placed. What is placed is taken off.
    turn : int64, shape (n_turn,)
        The kinds to place, in the order in which they go.
    rule : int
        TIGHT, LOW, NEAR or BLOCKS.
    whole : bool
        All or nothing: stop at the first unit that finds no place.
    spaces, cut : int64, shape (MOST_SPACES, 6)
        Working memory.
    blocks : int64, shape (MOST_BLOCKS, 10)
        What was placed: kind; corner x, y, z; extents of a unit along x, y, z; units along x, y, z.

    Returns
    -------
    int
        Number of blocks; -1 if `whole` and not all fitted.
    """
    spaces[0, 0] = spaces[0, 1] = spaces[0, 2] = 0
    spaces[0, 3] = length
    spaces[0, 4] = width
    spaces[0, 5] = height
    n_spaces = int(np.int64(1))  # a plain 1 would be a type of its own, and all it is handed to compiled twice
    n_blocks = 0
    first = 0  # kinds before it are done
    n_turn = turn.shape[0]
    while first < n_turn:
        last = first + 1
        if rule == BLOCKS:
            last = min(first + WINDOW, n_turn)
        best_key = np.int64(2**62)
        found = False
        kind = ex = ey = ez = nx = ny = nz = at = 0
        for t in range(first, last):
            k = turn[t]
            most = left[k]
            if weight[k] > 0:
                most = min(most, room_g // weight[k])
            most = min(most, room_mm3 // volume[k])
            if most <= 0:
                continue
            a, b, c = side[k, 0], side[k, 1], side[k, 2]
            one = most == 1 or rule != BLOCKS
            for s in range(n_spaces):
                sx = spaces[s, 3] - spaces[s, 0]
                sy = spaces[s, 4] - spaces[s, 1]
                sz = spaces[s, 5] - spaces[s, 2]
                for rotation in range(6):
                    if rotation == 0:
                        dx, dy, dz = a, b, c
                    elif rotation == 1:
                        if a == b:
                            continue
                        dx, dy, dz = b, a, c
                    elif rotation == 2:
                        if b == c:
                            continue
                        dx, dy, dz = a, c, b
                    elif rotation == 3:
                        if a == b:
                            continue
                        dx, dy, dz = b, c, a
                    elif rotation == 4:
                        if b == c:
                            continue
                        dx, dy, dz = c, a, b
                    else:
                        if a == b or b == c:
                            continue
                        dx, dy, dz = c, b, a
                    if dx > sx or dy > sy or dz > sz:
                        continue
                    mx = my = mz = 1
                    if not one:
                        mz = min(sz // dz, most)
                        my = min(sy // dy, most // mz)
                        mx = min(sx // dx, most // (mz * my))
                    if rule == LOW:
                        key = ((spaces[s, 2] + dz) << 40) + ((spaces[s, 1] + dy) << 20) + spaces[s, 0] + dx
                    elif rule == NEAR:
                        key = spaces[s, 0] + dx + spaces[s, 1] + dy + spaces[s, 2] + dz
                    elif rule == TIGHT:
                        key = _tightness(sx - dx, sy - dy, sz - dz)
                    else:
                        key = -(mx * my * mz) * volume[k]
                    if not found or key < best_key:
                        found = True
                        best_key = key
                        kind, at = k, s
                        ex, ey, ez = dx, dy, dz
                        nx, ny, nz = mx, my, mz
        if not found or n_blocks == blocks.shape[0]:
            if whole:
                return -1
            first = last
            continue
        x, y, z = spaces[at, 0], spaces[at, 1], spaces[at, 2]
        row = blocks[n_blocks]
        row[0] = kind
        row[1], row[2], row[3] = x, y, z
        row[4], row[5], row[6] = ex, ey, ez
        row[7], row[8], row[9] = nx, ny, nz
        n_blocks += 1
        units = nx * ny * nz
        left[kind] -= units
        room_g -= units * weight[kind]
        room_mm3 -= units * volume[kind]
        while first < n_turn and left[turn[first]] == 0:
            first += 1
        if first == n_turn:
            break
        least = side[turn[first], 2]
        for t in range(first + 1, n_turn):
            if left[turn[t]] > 0:
                least = min(least, side[turn[t], 2])
        n_spaces = _cut_spaces(spaces, n_spaces, cut, x, y, z, x + ex * nx, y + ey * ny, z + ez * nz, least)
    return n_blocks


@compiled
def _tightness(gap_x: int, gap_y: int, gap_z: int) -> int:
    """Least gap first, then the middle one, then the widest, as one number."""
    low, high = min(gap_x, gap_y, gap_z), max(gap_x, gap_y, gap_z)
    return (low << 40) + ((gap_x + gap_y + gap_z - low - high) << 20) + high


@compiled
def _cut_spaces(
    spaces: Ints, n_spaces: int, cut: Ints, x: int, y: int, z: int, far_x: int, far_y: int, far_z: int, least: int
) -> int:
    """Take a box out of the empty spaces; those thinner than `least` are dropped. Returns how many there are now."""
    kept = n_cut = int(np.int64(0))
    for s in range(n_spaces):
        if (
            spaces[s, 0] >= far_x
            or spaces[s, 3] <= x
            or spaces[s, 1] >= far_y
            or spaces[s, 4] <= y
            or spaces[s, 2] >= far_z
            or spaces[s, 5] <= z
        ):
            thin = (
                spaces[s, 3] - spaces[s, 0] < least
                or spaces[s, 4] - spaces[s, 1] < least
                or spaces[s, 5] - spaces[s, 2] < least
            )
            if not thin:
                if kept < s:
                    for j in range(6):
                        spaces[kept, j] = spaces[s, j]
                kept += 1
        else:
            for j in range(6):
                cut[n_cut, j] = spaces[s, j]
            n_cut += 1
    whole_ones = kept
    for s in range(n_cut):
        x0, y0, z0, x1, y1, z1 = cut[s, 0], cut[s, 1], cut[s, 2], cut[s, 3], cut[s, 4], cut[s, 5]
        if x1 - x0 < least or y1 - y0 < least or z1 - z0 < least:
            continue
        if x - x0 >= least:
            kept = _add_space(spaces, whole_ones, kept, x0, y0, z0, x, y1, z1)
        if x1 - far_x >= least:
            kept = _add_space(spaces, whole_ones, kept, far_x, y0, z0, x1, y1, z1)
        if y - y0 >= least:
            kept = _add_space(spaces, whole_ones, kept, x0, y0, z0, x1, y, z1)
        if y1 - far_y >= least:
            kept = _add_space(spaces, whole_ones, kept, x0, far_y, z0, x1, y1, z1)
        if z - z0 >= least:
            kept = _add_space(spaces, whole_ones, kept, x0, y0, z0, x1, y1, z)
        if z1 - far_z >= least:
            kept = _add_space(spaces, whole_ones, kept, x0, y0, far_z, x1, y1, z1)
    return kept


@compiled
def _add_space(
    spaces: Ints, whole_ones: int, n_spaces: int, x0: int, y0: int, z0: int, x1: int, y1: int, z1: int
) -> int:
    """Add a space unless one there holds it; drop those it holds, of which none is among the first `whole_ones`."""
    for s in range(n_spaces):
        if (
            spaces[s, 0] <= x0
            and spaces[s, 1] <= y0
            and spaces[s, 2] <= z0
            and spaces[s, 3] >= x1
            and spaces[s, 4] >= y1
            and spaces[s, 5] >= z1
        ):
            return n_spaces
    kept = whole_ones
    for s in range(whole_ones, n_spaces):
        if not (
            spaces[s, 0] >= x0
            and spaces[s, 1] >= y0
            and spaces[s, 2] >= z0
            and spaces[s, 3] <= x1
            and spaces[s, 4] <= y1
            and spaces[s, 5] <= z1
        ):
            if kept < s:
                for j in range(6):
                    spaces[kept, j] = spaces[s, j]
            kept += 1
    if kept < spaces.shape[0]:
        spaces[kept, 0], spaces[kept, 1], spaces[kept, 2] = x0, y0, z0
        spaces[kept, 3], spaces[kept, 4], spaces[kept, 5] = x1, y1, z1
        kept += 1
    return kept
