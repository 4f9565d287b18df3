"""What became of every parcel: milestones carried to its order, counts for its service, site and day.

The first of two passes; `order_outcomes` follows. Nothing here allocates by order: callers hand in what is filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.kernels.compiled import compiled
from omsim.kernels.outcome_columns import (
    D_TENDERED,
    DAMAGED,
    DAY_S,
    LOST,
    PENDING,
    V_DAMAGED,
    V_DUE,
    V_LOST,
    V_ON_TIME,
    V_PARCELS,
    V_PRICE,
    V_ROLLED,
    V_TRANSIT_S,
    V_TRANSITS,
    W_DUE,
    W_LINES,
    W_ON_TIME,
    W_PACK_S,
    W_PACKED,
    W_PICK_S,
    W_SHIPMENTS,
    W_UNITS,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Int = NDArray[np.integer]
    Flags = NDArray[np.bool_]


@compiled
def day_of(instant_s: int, day_start_s: Int) -> int:
    """Local day of an instant, from a guess of 24-hour days put right; clamped to the calendar."""
    n_days = day_start_s.size - 1
    day = min(max(instant_s // DAY_S, 0), n_days - 1)
    while day + 1 < n_days and instant_s >= day_start_s[day + 1]:
        day += 1
    while day > 0 and instant_s < day_start_s[day]:
        day -= 1
    return day


@compiled
def measure_parcels(
    order: Int,
    site: Int,
    service: Int,
    picked_s: Int,
    packed_s: Int,
    tendered_s: Int,
    delivered_s: Int,
    pick_s: Int,
    pack_s: Int,
    price_cents: Int,
    units: Int,
    lines: Int,
    rolled_over: Int,
    lost: Flags,
    damaged: Flags,
    promise_s: Int,
    channel: Int,
    region: Int,
    day_start_s: Int,
    warm_up_s: int,
    horizon_s: int,
    last_packed_s: Int,
    last_tendered_s: Int,
    last_delivered_s: Int,
    flags: Int,
    by_service: Int,
    by_site: Int,
    flows: Int,
    daily: Int,
    delivered_units: Int,
) -> None:
    """Carry each parcel's milestones to its order, and count it for its service, its site and its day.

    Parameters
    ----------
    order, site, ..., damaged : shape (n_shipments,)
        The columns of `ShipmentColumns`.
    promise_s, channel, region : shape (n_orders,)
    day_start_s : int64, shape (n_days + 1,)
    warm_up_s, horizon_s : int
        The counted time is [warm_up_s, horizon_s).
    last_packed_s, last_tendered_s, last_delivered_s : int32, shape (n_orders,), zeroed to -1
        Latest over the order's parcels; only meaningful where all of them got that far.
    flags : uint16, shape (n_orders,), zeroed
        Gets PENDING, LOST and DAMAGED.
    by_service, by_site, flows, daily : int64
        Counts; flows has shape (n_sites, n_regions).
    delivered_units : int64, shape (n_channels, n_hours)
        Units delivered undamaged in the counted time, by whole hours from delivery to the horizon.
    """
    for i in range(order.size):
        o = order[i]
        here = site[i]
        if picked_s[i] >= warm_up_s:
            by_site[here, W_LINES] += lines[i]
            by_site[here, W_UNITS] += units[i]
            by_site[here, W_PICK_S] += pick_s[i]
        if packed_s[i] >= warm_up_s:
            by_site[here, W_PACKED] += 1
            by_site[here, W_PACK_S] += pack_s[i]
        promise = promise_s[o]
        is_due = promise >= warm_up_s and promise < horizon_s and promise >= 0
        arrived = delivered_s[i] >= 0 and delivered_s[i] <= horizon_s and not lost[i]
        in_time = arrived and delivered_s[i] <= promise
        by_site[here, W_SHIPMENTS] += 1
        by_site[here, W_DUE] += is_due
        by_site[here, W_ON_TIME] += is_due and in_time
        last_packed_s[o] = max(last_packed_s[o], packed_s[i])
        if packed_s[i] < 0:
            last_packed_s[o] = horizon_s + 1  # one parcel still in the house keeps the order there
        if tendered_s[i] < 0:
            flags[o] |= PENDING
            last_tendered_s[o] = horizon_s + 1
            continue
        last_tendered_s[o] = max(last_tendered_s[o], tendered_s[i])
        daily[day_of(tendered_s[i], day_start_s), D_TENDERED] += 1
        if lost[i]:
            flags[o] |= LOST
        elif not arrived:
            flags[o] |= PENDING
        else:
            last_delivered_s[o] = max(last_delivered_s[o], delivered_s[i])
            if damaged[i]:
                flags[o] |= DAMAGED
            elif delivered_s[i] >= warm_up_s:
                delivered_units[channel[o], (horizon_s - delivered_s[i]) // 3600] += units[i]
        if tendered_s[i] < warm_up_s:
            continue
        flows[here, region[o]] += 1
        by = service[i]
        by_service[by, V_PARCELS] += 1
        by_service[by, V_PRICE] += price_cents[i]
        by_service[by, V_LOST] += lost[i]
        by_service[by, V_DAMAGED] += damaged[i]
        by_service[by, V_ROLLED] += rolled_over[i] > 0
        by_service[by, V_DUE] += is_due
        by_service[by, V_ON_TIME] += is_due and in_time
        if delivered_s[i] >= 0 and not lost[i]:
            by_service[by, V_TRANSITS] += 1
            by_service[by, V_TRANSIT_S] += delivered_s[i] - tendered_s[i]
