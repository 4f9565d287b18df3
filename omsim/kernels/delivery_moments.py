"""Per-order moments from shipments: first and last delivery, what is missing, lost or damaged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled

Int = NDArray[np.integer]
Ints = NDArray[np.int64]


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
