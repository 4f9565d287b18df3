"""Proofs that goods cannot go into a carton, whoever packs it.

Owns what holds for every packing; that goods do fit is shown by placing them (`spaces`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled

Ints = NDArray[np.int64]

MOST_PAIRED = 24
"""Kinds compared with each other, those first in the order given: the work is quadratic."""


@compiled
def pair_rules_out(length: int, width: int, height: int, side: Ints, count: Ints, turn: Ints, extent: Ints) -> bool:
    """Whether two of the units cannot be in the carton together.

    Parameters
    ----------
    length, width, height : int
        Inside, longest first.
    side : int64, shape (n_kinds, 3)
        Longest first; each kind fits by itself.
    count : int64, shape (n_kinds,)
        Units of each kind.
    turn : int64, shape (n_turn,)
        Kinds to compare, big ones first.
    extent : int64, shape (>= n_turn, 3)
        Working memory.

    Notes
    -----
    Two boxes that do not overlap are apart along some axis, and there their extents add up to at most the carton's.
    The least extent of a unit along an axis is its shortest side whose two others fit across.
    """
    n = min(turn.shape[0], MOST_PAIRED)
    for t in range(n):
        k = turn[t]
        a, b, c = side[k, 0], side[k, 1], side[k, 2]
        extent[t, 0] = _least_extent(a, b, c, width, height)
        extent[t, 1] = _least_extent(a, b, c, length, height)
        extent[t, 2] = _least_extent(a, b, c, length, width)
        for u in range(t + 1 if count[k] > 1 else t):
            if (
                extent[t, 0] + extent[u, 0] > length
                and extent[t, 1] + extent[u, 1] > width
                and extent[t, 2] + extent[u, 2] > height
            ):
                return True
    return False


@compiled
def _least_extent(a: int, b: int, c: int, across: int, up: int) -> int:
    """Shortest side along an axis whose other two fit into across x up (a >= b >= c, across >= up)."""
    if a <= across and b <= up:
        return c
    if a <= across and c <= up:
        return b
    return a


MOST_WEIGHED = 32
"""Kinds the weighing looks at; leaving some out only weakens it."""

N_SCALES = 4
_UNIT = 6  # lengths are counted in sixths, so that halves and thirds of a carton's side are whole

MOST_TURNED = 6
"""Units of which all ways to turn them are tried together."""

MOST_STEPS = 600
"""Turns tried before that proof is given up."""


@compiled
def _scaled(scale: int, extent: int, room: int) -> int:
    """What an extent counts of 6 x `room`, so that what fits side by side never counts for more.

    Scale 0: its length. Scale k: k-ths of the room, as many as it has whole (k + 1)-ths of it; its length where these
    are whole without rest.
    """
    if scale == 0:
        return _UNIT * extent
    parts = (scale + 1) * extent
    if parts % room == 0:
        return _UNIT * extent
    return (_UNIT // scale) * room * (parts // room)


@compiled
def weighing_rules_out(length: int, width: int, height: int, side: Ints, count: Ints, turn: Ints, scaled: Ints) -> bool:
    """Whether the units count for more than the carton's volume, on scales on which nothing that fits can.

    Parameters
    ----------
    length, width, height, side, count, turn
        As `pair_rules_out`.
    scaled : int64, shape (MOST_WEIGHED, 3, N_SCALES, 3)
        Working memory.

    Notes
    -----
    On every axis a dual feasible function stretches long extents and shrinks short ones (Fekete and Schepers 2004);
    products of them bound volume as the plain lengths do. A unit counts for as little as any turn that fits allows.
    """
    n = min(turn.shape[0], MOST_WEIGHED)
    room = np.array((length, width, height))
    for t in range(n):
        for axis in range(3):
            for scale in range(N_SCALES):
                for i in range(3):
                    scaled[t, axis, scale, i] = _scaled(scale, side[turn[t], i], room[axis])
    most = (_UNIT * length) * (_UNIT * width) * (_UNIT * height)
    for sx in range(N_SCALES):
        for sy in range(N_SCALES):
            for sz in range(N_SCALES):
                total = np.int64(0)
                for t in range(n):
                    k = turn[t]
                    least = np.int64(2**62)
                    for rotation in range(6):
                        i, j, h = _turned(rotation)
                        if side[k, i] <= length and side[k, j] <= width and side[k, h] <= height:
                            least = min(least, scaled[t, 0, sx, i] * scaled[t, 1, sy, j] * scaled[t, 2, sz, h])
                    if least > 0 and count[k] > (most - total) // least:
                        return True
                    total += count[k] * least
    return False


@compiled
def _turned(rotation: int) -> tuple[int, int, int]:
    """Which sides of a unit lie along x, y and z."""
    if rotation == 0:
        return 0, 1, 2
    if rotation == 1:
        return 1, 0, 2
    if rotation == 2:
        return 0, 2, 1
    if rotation == 3:
        return 1, 2, 0
    if rotation == 4:
        return 2, 0, 1
    return 2, 1, 0


@compiled
def turning_rules_out(length: int, width: int, height: int, side: Ints, count: Ints, turn: Ints, lain: Ints) -> bool:
    """Whether the biggest units cannot lie together, however each is turned.

    Parameters
    ----------
    length, width, height, side, count, turn
        As `pair_rules_out`.
    lain : int64, shape (MOST_TURNED, 5)
        Working memory: kind, rotation, extents along x, y, z.

    Notes
    -----
    With all turns fixed, two units are apart along an axis where their extents add up to no more than the carton's; if
    three can be apart in pairs along one and the same axis only, all three must fit there in a row. For up to three
    units that decides; of more, other obstacles are not seen.
    """
    n = 0
    for t in range(turn.shape[0]):
        for _ in range(min(count[turn[t]], MOST_TURNED)):
            if n < MOST_TURNED:
                lain[n, 0] = turn[t]
                n += 1
    depth = int(np.int64(0))
    lain[0, 1] = -1
    for _ in range(MOST_STEPS):
        # the next turn of the unit at this depth, or back
        rotation = lain[depth, 1] + 1
        if rotation == 6:
            if depth == 0:
                return True
            depth -= 1
            continue
        lain[depth, 1] = rotation
        k = lain[depth, 0]
        if (side[k, 0] == side[k, 1] and (rotation == 1 or rotation == 3 or rotation == 5)) or (
            side[k, 1] == side[k, 2] and (rotation == 2 or rotation >= 4)
        ):
            continue
        i, j, h = _turned(rotation)
        lain[depth, 2], lain[depth, 3], lain[depth, 4] = side[k, i], side[k, j], side[k, h]
        if lain[depth, 2] > length or lain[depth, 3] > width or lain[depth, 4] > height:
            continue
        if _turns_clash(lain, depth, length, width, height):
            continue
        if depth == n - 1:
            return False
        depth += 1
        # equal units are taken in rising turns: exchanging them changes nothing
        lain[depth, 1] = lain[depth - 1, 1] - 1 if lain[depth, 0] == lain[depth - 1, 0] else -1
    return False


@compiled
def _turns_clash(lain: Ints, last: int, length: int, width: int, height: int) -> bool:
    """Whether the last of the turned units cannot lie with one, or two, of those before it."""
    for u in range(last):
        apart = _apart(lain, u, last, length, width, height)
        if apart == 0:
            return True
        for v in range(u):
            # along which axes alone each pair can be apart, as bits
            either = apart | _apart(lain, v, last, length, width, height) | _apart(lain, u, v, length, width, height)
            if either == 1:
                clash = lain[u, 2] + lain[v, 2] + lain[last, 2] > length
            elif either == 2:
                clash = lain[u, 3] + lain[v, 3] + lain[last, 3] > width
            elif either == 4:
                clash = lain[u, 4] + lain[v, 4] + lain[last, 4] > height
            else:
                clash = False
            if clash:
                return True
    return False


@compiled
def _apart(lain: Ints, u: int, v: int, length: int, width: int, height: int) -> int:
    """Axes along which two turned units can be apart: 1 x, 2 y, 4 z, added up."""
    axes = 0
    if lain[u, 2] + lain[v, 2] <= length:
        axes += 1
    if lain[u, 3] + lain[v, 3] <= width:
        axes += 2
    if lain[u, 4] + lain[v, 4] <= height:
        axes += 4
    return axes
