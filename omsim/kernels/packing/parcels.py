"""From the lines of parcels to cartons: one where one holds all, several otherwise, none for what no carton takes.

Owns the compiled loop over parcels. Finding one carton is the business of `one_carton`, filling one that of `spaces`,
shapes and checks of columns that of `cartons`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.packing.one_carton import (
    BY_VOLUME,
    MOST_SINGLES,
    Boxes,
    Memory,
    by_falling_key,
    new_memory,
    one_carton,
)
from omsim.kernels.packing.spaces import BLOCKS, MOST_BLOCKS, TIGHT, fill_carton

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@compiled
def pack_batch(
    boxes: Boxes,
    by_size: Ints,
    wall: Ints,
    tare: Ints,
    sku_length: Ints,
    sku_width: Ints,
    sku_height: Ints,
    sku_weight: Ints,
    first_line: Ints,
    sku: Ints,
    units: Ints,
    placing: bool,
) -> tuple[Ints, Flags, Ints, Ints, Ints, Ints, Ints, Ints, Floats, Ints, Ints, Ints, Ints]:
    """Pack parcels, one after the other; see `omsim.kernels.packing.cartons.pack_parcels`.

    Parameters
    ----------
    boxes : Boxes
    by_size : int64, shape (n_cartons,)
        The cartons, biggest first.
    wall, tare : int64, shape (n_cartons,)
        Thickness and empty weight.
    sku_length, sku_width, sku_height, sku_weight : int64, shape (n_skus,)
    first_line : int64, shape (n_parcels + 1,)
    sku, units : int64, shape (n_lines,)
    placing : bool
        Whether to hand back where everything lies.

    Returns
    -------
    tuple
        The twelve columns of `PackedParcels`, and the blocks placed: carton within the parcel, line within the
        parcel, corner x, y, z, extents of a unit along x, y, z, units along x, y, z.
    """
    n_parcels = first_line.shape[0] - 1
    most_lines = int(np.int64(1))
    for i in range(n_parcels):
        most_lines = max(most_lines, first_line[i + 1] - first_line[i])
    memory = new_memory(most_lines)
    side, volume, weight, blocks = memory.side, memory.volume, memory.weight, memory.blocks
    length, width, height, _, _, _ = boxes
    count = np.empty(most_lines, dtype=np.int64)  # of each line still to be packed
    asked = np.empty(most_lines, dtype=np.int64)  # what one carton is to hold
    filled = np.empty((MOST_BLOCKS, 10), dtype=np.int64)

    first_carton = np.zeros(n_parcels + 1, dtype=np.int64)
    certified = np.zeros(n_parcels, dtype=np.bool_)
    least_carton = np.full(n_parcels, -1, dtype=np.int64)
    used = np.empty((n_parcels + 16, 6), dtype=np.int64)  # carton, weight, volume, longest, girth, end of contents
    share = np.empty(n_parcels + 16, dtype=np.float64)
    contents = np.empty((sku.shape[0] + 16, 2), dtype=np.int64)
    placed = np.empty((64 if placing else 0, 11), dtype=np.int64)
    n_used = n_contents = n_placed = 0

    for parcel in range(n_parcels):
        start = first_line[parcel]
        n = first_line[parcel + 1] - start
        for k in range(n):
            i = sku[start + k]
            side[k, 0], side[k, 1], side[k, 2] = sku_length[i], sku_width[i], sku_height[i]
            volume[k] = sku_length[i] * sku_width[i] * sku_height[i]
            weight[k] = sku_weight[i]
            count[k] = units[start + k]
            asked[k] = count[k]
        first_carton[parcel] = n_used
        carton, least, n_blocks = one_carton(boxes, n, asked, memory)
        if carton < 0:
            # what no carton takes goes by itself, and the rest is tried again
            apart = False
            for k in range(n):
                if count[k] > 0 and _first_to_take(boxes, by_size, k, memory) < 0:
                    asked[k] = 0
                    apart = True
            if apart:
                carton, least, n_blocks = one_carton(boxes, n, asked, memory)
        n_asked = 0
        for k in range(n):
            n_asked += min(asked[k], 1)
        certified[parcel] = n_asked == 0 or (carton >= 0 and carton == least)
        least_carton[parcel] = least if n_asked > 0 else -1
        number = 0
        while n_asked > 0:
            if carton < 0:
                carton, n_blocks = _next_of_several(boxes, by_size, n, asked, memory, filled)
            if n_used + 1 > used.shape[0]:
                used = _longer(used)
                share = np.concatenate((share, np.empty_like(share)))
            goods_g = goods_mm3 = 0
            for k in range(n):
                if asked[k] > 0:
                    if n_contents + 1 > contents.shape[0]:
                        contents = _longer(contents)
                    contents[n_contents, 0], contents[n_contents, 1] = start + k, asked[k]
                    n_contents += 1
                    count[k] -= asked[k]
                    goods_g += asked[k] * weight[k]
                    goods_mm3 += asked[k] * volume[k]
            if placing:
                for b in range(n_blocks):
                    if n_placed + 1 > placed.shape[0]:
                        placed = _longer(placed)
                    placed[n_placed, 0] = number
                    for j in range(10):
                        placed[n_placed, 1 + j] = blocks[b, j]
                    n_placed += 1
            walls = 2 * wall[carton]
            x, y, z = length[carton] + walls, width[carton] + walls, height[carton] + walls
            row = used[n_used]
            row[0], row[1], row[2] = carton, goods_g + tare[carton], x * y * z
            row[3], row[4], row[5] = x, x + 2 * (y + z), n_contents
            share[n_used] = goods_mm3 / (length[carton] * width[carton] * height[carton])
            n_used += 1
            number += 1
            n_asked = 0
            for k in range(n):
                asked[k] = 0
                if count[k] > 0 and _first_to_take(boxes, by_size, k, memory) >= 0:
                    asked[k] = count[k]
                    n_asked += 1
            if n_asked > 0:
                carton, _, n_blocks = one_carton(boxes, n, asked, memory)
        for k in range(n):
            for _ in range(count[k]):
                if n_used + 1 > used.shape[0]:
                    used = _longer(used)
                    share = np.concatenate((share, np.empty_like(share)))
                if n_contents + 1 > contents.shape[0]:
                    contents = _longer(contents)
                contents[n_contents, 0], contents[n_contents, 1] = start + k, 1
                n_contents += 1
                row = used[n_used]
                row[0], row[1], row[2] = -1, weight[k], volume[k]
                row[3], row[4], row[5] = side[k, 0], side[k, 0] + 2 * (side[k, 1] + side[k, 2]), n_contents
                share[n_used] = 1.0
                n_used += 1
    first_carton[n_parcels] = n_used
    first_content = np.zeros(n_used + 1, dtype=np.int64)
    for j in range(n_used):
        first_content[1 + j] = used[j, 5]
    return (
        first_carton,
        certified,
        least_carton,
        used[:n_used, 0].copy(),
        used[:n_used, 1].copy(),
        used[:n_used, 2].copy(),
        used[:n_used, 3].copy(),
        used[:n_used, 4].copy(),
        share[:n_used].copy(),
        first_content,
        contents[:n_contents, 0].copy(),
        contents[:n_contents, 1].copy(),
        placed[:n_placed].copy(),
    )


@compiled
def _longer(rows: Ints) -> Ints:
    """A table of twice the length, the same to begin with."""
    return np.concatenate((rows, np.empty_like(rows)))


@compiled
def _first_to_take(boxes: Boxes, turn: Ints, k: int, memory: Memory) -> int:
    """The first carton in an order that takes one unit of a kind; -1 = none does."""
    for c in turn:
        if _takes(boxes, c, k, memory):
            return int(c)
    return -1


@compiled
def _takes(boxes: Boxes, c: int, k: int, memory: Memory) -> bool:
    """Whether a carton takes one unit of a kind."""
    length, width, height, most_g, room_mm3, _ = boxes
    side, volume, weight, _, _, _, _, _, _, _, _, _ = memory
    if weight[k] > most_g[c]:
        return False
    if volume[k] == 0:
        return True
    return bool(
        side[k, 0] <= length[c] and side[k, 1] <= width[c] and side[k, 2] <= height[c] and volume[k] <= room_mm3[c]
    )


@compiled
def _next_of_several(boxes: Boxes, by_size: Ints, n: int, asked: Ints, memory: Memory, filled: Ints) -> tuple[int, int]:
    """Fill the biggest carton from what is asked, shrink it to the cheapest found to hold the same.

    `asked` becomes what is in it, and `memory.blocks` where it lies; the carton and its number of blocks come back.
    """
    length, width, height, most_g, room_mm3, by_cost = boxes
    side, volume, weight, left, turn, key, _, _, _, spaces, cut, blocks = memory
    by_volume = turn[BY_VOLUME]
    n_turn = n_units = int(np.int64(0))
    biggest = -1
    for k in range(n):
        if asked[k] > 0:
            if volume[k] > 0:
                by_volume[n_turn] = k
                key[k] = volume[k]
                n_turn += 1
                n_units = min(n_units + asked[k], MOST_SINGLES + 1)
            if biggest != by_size[0]:
                c = _first_to_take(boxes, by_size, k, memory)
                if biggest < 0 or room_mm3[c] > room_mm3[biggest]:
                    biggest = c
    by_falling_key(by_volume, n_turn, key)
    c = biggest
    n_filled = 0
    most = -1
    rules = (BLOCKS, TIGHT, BLOCKS)
    for attempt in range(3 if n_units <= MOST_SINGLES else 1):  # single units if they are few; back if they took less
        for k in range(n):
            left[k] = asked[k]
        n_filled = fill_carton(
            *(length[c], width[c], height[c], most_g[c], room_mm3[c], side, volume, weight, left),
            *(by_volume[:n_turn], rules[attempt], False, spaces, cut, filled),
        )
        inside = 0
        for k in range(n):
            inside += (asked[k] - left[k]) * volume[k]
        if attempt == 1 and inside >= most:
            break
        most = inside
    room_g = most_g[c]
    for k in range(n):
        if volume[k] > 0:
            asked[k] -= left[k]
            room_g -= asked[k] * weight[k]
    for k in range(n):
        if volume[k] == 0 and weight[k] > 0:
            asked[k] = min(asked[k], room_g // weight[k])
            room_g -= asked[k] * weight[k]
    smaller, _, n_blocks = one_carton(boxes, n, asked, memory)
    for c in by_cost:
        if c == smaller:
            return c, n_blocks
        if c == biggest:
            break
    for b in range(n_filled):
        for j in range(10):
            blocks[b, j] = filled[b, j]
    return biggest, n_filled
