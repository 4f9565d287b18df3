"""Named random streams: which draw belongs to what, so that a change elsewhere never moves it.

value = f(seed, replication, purpose, entity, part). Owns the names and the coding of entities; the arithmetic is in
`kernels.random`. Common random numbers follow by construction: an order present in two arms of a what-if is the same
order, with the same luck.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.random import fill_uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_SEED = 1
"""Seed of a run when none is given."""

_DAY_BITS = 28  # orders of a channel and day: fewer than 2**28
_EXTRA_BIT = 47
_CHANNEL_BITS = 48


class Purpose(IntEnum):
    """What a draw is for. Numbers are part of every result: never renumber, only append."""

    DAY_ORDERS = 1  # entity: day, part: channel -> base count, day effect, extra count
    ORDER = 2  # entity: order -> time of day, region, number of lines, thinning
    LINE = 3  # entity: order, part: line -> SKU, units
    VALIDATION = 4  # entity: order -> looked at by hand, rejected, time
    SHIPMENT = 5  # entity: order, part: shipment -> pick, pack, transit, hour of delivery
    FATE = 6  # entity: order, part: shipment -> lost, damaged
    RETURN = 7  # entity: order, part: line x 4096 + shipment -> comes back, lag, inspection time, disposition
    PURCHASE = 8  # entity: day or cycle, part: site << 20 | supplier -> lead time
    SHRINKAGE = 9  # entity: day, part: cell -> units
    CONTACT = 10  # entity: order, part: reason -> made at all, delay, handling, patience
    REPLAY = 11  # entity: replayed order -> kept or copied under a demand factor
    SOURCING = 12  # entity: order, part: four sites each -> the site a plan's shares give its lines
    OUTLOOK = 13  # day -> demands that may come, by which stock is priced


def stream_key(replication: int, purpose: Purpose) -> int:
    """The second key word of a stream; the first is the seed."""
    return (replication << 16) | int(purpose)


def uniforms(
    seed: int,
    replication: int,
    purpose: Purpose,
    entity: NDArray[np.int64],
    part: NDArray[np.int64] | int = 0,
) -> NDArray[np.float64]:
    """Four uniforms on (0, 1) for each entity.

    Parameters
    ----------
    seed, replication : int
        Non-negative.
    entity : int64, shape (n,)
        Non-negative entity numbers.
    part : int64, shape (n,), or int
        Non-negative part within the entity.

    Returns
    -------
    float64, shape (n, 4)
    """
    entity = np.ascontiguousarray(entity, dtype=np.int64)
    parts = np.ascontiguousarray(np.broadcast_to(np.asarray(part, dtype=np.int64), entity.shape))
    out = np.empty((entity.size, 4))
    fill_uniforms(seed, stream_key(replication, purpose), entity, parts, out)
    return out


def order_entity(channel: int, day: int, number: NDArray[np.int64], *, extra: bool = False) -> NDArray[np.int64]:
    """Entity numbers of the generated orders of one channel and day.

    `extra` marks the orders a demand factor above one adds: they have numbers of their own, so that
    every order of the base demand keeps its own draws whatever the factor.
    """
    base = (channel << _CHANNEL_BITS) | (int(extra) << _EXTRA_BIT) | (day << _DAY_BITS)
    return np.int64(base) + number
