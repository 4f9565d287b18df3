"""Per-order moments from shipments, and the contacts they give cause to; what a cause is, `sim.contacts` says."""

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
def order_moments(
    n_orders: int, order: Int, tendered_s: Int, delivered_s: Int, lost: NDArray[np.bool_], damaged: NDArray[np.bool_]
) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    """Gather shipments by order.

    Returns
    -------
    first_delivery_s, last_delivery_s : int64, shape (n_orders,)
        -1 = nothing was tendered to be delivered.
    undelivered : int64, shape (n_orders,)
        Shipments not tendered, or lost.
    lost_tender_s, damaged_s : int64, shape (n_orders,)
        Earliest tender of a lost parcel, earliest delivery of a damaged one; -1 = none.
    """
    first = np.full(n_orders, -1, dtype=np.int64)
    last = np.full(n_orders, -1, dtype=np.int64)
    undelivered = np.zeros(n_orders, dtype=np.int64)
    lost_at = np.full(n_orders, -1, dtype=np.int64)
    damaged_at = np.full(n_orders, -1, dtype=np.int64)
    for s in range(order.size):
        i = order[s]
        if delivered_s[s] < 0:
            undelivered[i] += 1
            if lost[s] and (lost_at[i] < 0 or tendered_s[s] < lost_at[i]):
                lost_at[i] = tendered_s[s]
            continue
        if first[i] < 0 or delivered_s[s] < first[i]:
            first[i] = delivered_s[s]
        last[i] = max(last[i], delivered_s[s])
        if damaged[s] and (damaged_at[i] < 0 or delivered_s[s] < damaged_at[i]):
            damaged_at[i] = delivered_s[s]
    return first, last, undelivered, lost_at, damaged_at


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
    concerned : int64, shape (n,)
        Orders with cause; `cause_s` and `entity` are by order.
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
        made_s = cause_s[order] + int(math.floor(-math.log1p(-u_delay) * delay_s))
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
