"""When orders are complete, and the contacts they give cause to; what a cause is, `sim.contacts` says."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.random import keyed_uniforms

Int = NDArray[np.integer]
Ints = NDArray[np.int64]

NO_PATIENCE_LIMIT_S = 1 << 40


@compiled
def completion_s(still_open: NDArray[np.bool_], order: Int, delivered_s: Int) -> NDArray[np.int32]:
    """When the last parcel of each order is delivered; -1 = something is open, not tendered, or lost.

    Parameters
    ----------
    still_open : bool, shape (n_orders,)
    order, delivered_s : integers, shape (n_shipments,)
        delivered_s < 0 = not tendered, or lost.

    Returns
    -------
    int32, shape (n_orders,)
        0 for orders without shipments and nothing open.
    """
    done = np.zeros(still_open.size, dtype=np.int32)
    for i in range(done.size):
        if still_open[i]:
            done[i] = -1
    for s in range(order.size):
        i = order[s]
        if delivered_s[s] < 0:
            done[i] = -1
        elif done[i] >= 0:
            done[i] = max(done[i], delivered_s[s])
    return done


@compiled
def draw_contacts(
    seed: int,
    stream: int,
    reason: int,
    concerned: Ints,
    cause_s: Ints,
    entity: Ints,
    share: float,
    delay_s: float,
    handle_s: float,
    patience_s: float,
    until_s: int,
    out: Ints,
) -> int:
    """Write (made, order, reason, handling, patience) of the orders that make contact before `until_s`.

    Parameters
    ----------
    concerned, cause_s : int64, shape (n,)
        Orders with cause, and when it arose.
    entity : int64, shape (n_orders,)
    share : float
        Share of them that make contact.
    delay_s, handle_s, patience_s : float
        Means of exponential times; NaN patience = they wait for ever.
    out : int64, shape (5, n)

    Returns
    -------
    int
        How many columns of `out` were written.
    """
    n = 0
    for i in range(concerned.size):
        order = concerned[i]
        u_share, u_delay, u_handle, u_patience = keyed_uniforms(seed, stream, entity[order], reason)
        if u_share >= share:
            continue
        made_s = cause_s[i] + int(math.floor(-math.log1p(-u_delay) * delay_s))
        if made_s >= until_s:
            continue
        out[0, n] = made_s
        out[1, n] = order
        out[2, n] = reason
        out[3, n] = max(1, int(math.floor(-math.log1p(-u_handle) * handle_s + 0.5)))
        out[4, n] = NO_PATIENCE_LIMIT_S
        if not math.isnan(patience_s):
            out[4, n] = int(math.floor(-math.log1p(-u_patience) * patience_s))
        n += 1
    return n
