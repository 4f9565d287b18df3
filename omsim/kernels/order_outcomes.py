"""What became of every order, from its lines and what `parcel_outcomes` left of its parcels.

Owns the sums behind the KPIs of `omsim.analysis`; what they are called, how they are divided and shown is decided
there, what orders cost in `order_money`. Nothing here allocates by order: callers hand in what is filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.kernels.compiled import compiled
from omsim.kernels.outcome_columns import (
    BY_ALLOCATION,
    BY_CANCEL,
    BY_CARRIER,
    BY_LOSS,
    BY_PROMISE,
    BY_STOCK,
    BY_TRANSIT,
    BY_VALIDATION,
    BY_WAREHOUSE,
    CANCELLED,
    CLOSED,
    COUNTED,
    D_ARRIVED,
    D_DELIVERED,
    D_DUE,
    D_LEFT,
    D_ON_TIME,
    D_OTIF,
    DAMAGED,
    DAY_S,
    DELIVERED,
    DUE,
    IN_FULL,
    LOST,
    ON_TIME,
    OPEN,
    PENDING,
    REJECTED,
    S_ARRIVED,
    S_CANCELLED_ORDERS,
    S_CANCELLED_UNITS,
    S_CYCLE_S,
    S_DECIDED,
    S_DELIVERED,
    S_DELIVERED_UNITS,
    S_DUE,
    S_FILLED_LINES,
    S_FILLED_ORDERS,
    S_FILLED_UNITS,
    S_FILLED_WAITS,
    S_IN_FULL,
    S_LOST_MARGIN,
    S_LOST_SALES,
    S_NO_PROMISE,
    S_ON_TIME,
    S_OPEN,
    S_OPEN_AGE_S,
    S_OPEN_UNITS,
    S_OPEN_WAITS,
    S_ORDERS,
    S_OTIF,
    S_PERFECT,
    S_REJECTED,
    S_SHIP_S,
    S_SHIPMENTS,
    S_SHIPPED,
    S_SHIPPED_ON_TIME,
    S_SPLIT,
    S_TRIED_LINES,
    S_TRIED_ORDERS,
    S_TRIED_UNITS,
    S_WAIT_S,
    S_WAITED_ORDERS,
    S_WAITED_UNITS,
    S_WITH_SHIPMENT,
    S_WITHIN_A_DAY,
    SHIPPED,
    SHIPPED_ON_TIME,
    TRIED,
    WAITED,
)
from omsim.kernels.parcel_outcomes import day_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Int = NDArray[np.integer]
    Flags = NDArray[np.bool_]


@compiled
def cause_of_miss(
    flags: int,
    arrived_s: int,
    validated_s: int,
    allocated_s: int,
    ship_by_s: int,
    last_packed_s: int,
    last_tendered_s: int,
) -> int:
    """First thing that went wrong with an order that was due and not delivered on time and in full.

    What stock and carriers did to the goods comes first; then the stage that let the last useful pickup
    (`ship_by_s`) pass.
    """
    if flags & LOST:
        return BY_LOSS
    if flags & CANCELLED:
        return BY_CANCEL
    if flags & WAITED:
        return BY_STOCK
    if ship_by_s <= arrived_s:
        return BY_PROMISE
    if validated_s < 0 or validated_s > ship_by_s:
        return BY_VALIDATION
    if allocated_s < 0 or allocated_s > ship_by_s:
        return BY_ALLOCATION
    if last_packed_s > ship_by_s:
        return BY_WAREHOUSE
    if last_tendered_s > ship_by_s:
        return BY_CARRIER
    return BY_TRANSIT


@compiled
def measure_orders(
    arrived_s: Int,
    validated_s: Int,
    allocated_s: Int,
    promise_s: Int,
    channel: Int,
    region: Int,
    rejected: Flags,
    first_line: Int,
    n_shipments: Int,
    line_sku: Int,
    line_units: Int,
    short_line: Int,
    short_first: Int,
    short_reserved: Int,
    short_cancelled: Int,
    short_filled_s: Int,
    short_cancelled_s: Int,
    short_cell: Int,
    margin_cents: Int,
    price_cents: Int,
    ship_by_s: Int,
    day_start_s: Int,
    warm_up_s: int,
    horizon_s: int,
    last_packed_s: Int,
    last_tendered_s: Int,
    last_delivered_s: Int,
    flags: Int,
    cause: Int,
    sums: Int,
    misses: Int,
    daily: Int,
) -> int:
    """Decide what became of each order and add it to its group's sums and its days' counts.

    Parameters
    ----------
    arrived_s, ..., n_shipments : shape (n_orders,); first_line has n_orders + 1
    line_sku, line_units : shape (n_lines,)
    short_* : shape (n_short,)
        Lines not filled at once, sorted by line.
    margin_cents, price_cents : int64, shape (n_skus,)
    ship_by_s : int64, shape (n_regions, n_days)
        Last pickup that still meets a promise for that day; negative = none.
    last_packed_s, last_tendered_s, last_delivered_s, flags
        As left by `measure_parcels`; flags are completed here.
    cause : uint8, shape (n_orders,), zeroed
        Index in CAUSES.
    sums : int64, shape (n_channels * n_regions, N_SUMS)
        Group of an order: channel * n_regions + region.
    misses : int64, shape (n_channels, len(CAUSES))
    daily : int64, shape (n_days, len(DAY_NAMES))

    Returns
    -------
    int
        Age of the oldest wait for stock still open at the horizon, seconds (0 = none).

    Notes
    -----
    One pass: O(n_orders + n_lines).
    """
    n_regions = ship_by_s.shape[0]
    s = 0  # next short line
    oldest_s = 0
    for i in range(arrived_s.size):
        counted = arrived_s[i] >= warm_up_s and arrived_s[i] < horizon_s
        group = channel[i] * n_regions + region[i]
        state = flags[i] | (COUNTED if counted else 0)
        tried = allocated_s[i] >= 0 and not rejected[i]
        all_units = 0
        for line in range(first_line[i], first_line[i + 1]):
            all_units += line_units[line]
        filled_units = all_units
        waiting_units = 0 if tried else all_units
        waited_units = 0
        cancelled_units = 0
        last_cancel_s = -1
        n_lines = first_line[i + 1] - first_line[i]
        short_lines = 0
        while s < short_line.size and short_line[s] < first_line[i + 1]:
            line = short_line[s]
            units = line_units[line]
            rest = units - short_reserved[s] - short_cancelled[s]
            short_lines += short_first[s] < units
            filled_units -= units - short_first[s]
            waiting_units += rest
            cancelled_units += short_cancelled[s]
            last_cancel_s = max(last_cancel_s, short_cancelled_s[s])
            if short_cell[s] >= 0:
                waited_units += units - short_first[s]
                if counted and rest == 0 and short_cancelled[s] == 0:
                    sums[group, S_FILLED_WAITS] += 1
                    sums[group, S_WAIT_S] += short_filled_s[s] - allocated_s[i]
                elif counted and rest > 0:
                    age_s = horizon_s - allocated_s[i]
                    sums[group, S_OPEN_WAITS] += 1
                    sums[group, S_OPEN_AGE_S] += age_s
                    sums[group, S_OPEN_UNITS] += rest
                    oldest_s = max(oldest_s, age_s)
            if counted and short_cancelled[s] > 0:
                sku = line_sku[line]
                sums[group, S_LOST_MARGIN] += short_cancelled[s] * margin_cents[sku]
                sums[group, S_LOST_SALES] += short_cancelled[s] * price_cents[sku]
            s += 1

        if rejected[i]:
            state |= REJECTED
        if tried:
            state |= TRIED
        if waited_units > 0:
            state |= WAITED
        if cancelled_units > 0:
            state |= CANCELLED
        closed = tried and waiting_units == 0
        has_parcels = n_shipments[i] > 0
        if closed:
            state |= CLOSED
        shipped = closed and has_parcels and last_tendered_s[i] <= horizon_s
        delivered = closed and has_parcels and not state & (PENDING | LOST)
        if shipped:
            state |= SHIPPED
        if delivered:
            state |= DELIVERED
            if cancelled_units == 0:
                state |= IN_FULL
        is_open = not rejected[i] and (not closed or state & PENDING != 0)
        if is_open:
            state |= OPEN

        promise = promise_s[i]
        has_day = promise >= 0 and promise < horizon_s and not rejected[i]
        if has_day:
            promise_day = day_of(max(promise - 1, 0), day_start_s)
            latest_s = ship_by_s[region[i], promise_day]
            in_time = delivered and last_delivered_s[i] <= promise
            otif = in_time and cancelled_units == 0
            due = promise >= warm_up_s
            if in_time:
                state |= ON_TIME
            if shipped and last_tendered_s[i] <= latest_s:
                state |= SHIPPED_ON_TIME
            if not otif:
                cause[i] = cause_of_miss(
                    state,
                    arrived_s[i],
                    validated_s[i],
                    allocated_s[i],
                    latest_s,
                    last_packed_s[i],
                    last_tendered_s[i],
                )
            daily[promise_day, D_DUE] += 1
            daily[promise_day, D_ON_TIME] += in_time
            daily[promise_day, D_OTIF] += otif
            if due:
                state |= DUE
                misses[channel[i], cause[i]] += 1
                sums[group, S_DUE] += 1
                sums[group, S_ON_TIME] += in_time
                sums[group, S_IN_FULL] += state & IN_FULL != 0
                sums[group, S_OTIF] += otif
                sums[group, S_PERFECT] += otif and not state & DAMAGED
                sums[group, S_SHIPPED_ON_TIME] += state & SHIPPED_ON_TIME != 0
                sums[group, S_WITHIN_A_DAY] += delivered and abs(last_delivered_s[i] - promise) <= DAY_S

        daily[day_of(arrived_s[i], day_start_s), D_ARRIVED] += 1
        if rejected[i]:
            daily[day_of(validated_s[i], day_start_s), D_LEFT] += 1
        elif shipped:
            daily[day_of(max(last_tendered_s[i], last_cancel_s), day_start_s), D_LEFT] += 1
        elif closed and not has_parcels:
            daily[day_of(last_cancel_s, day_start_s), D_LEFT] += 1
        if delivered:
            daily[day_of(last_delivered_s[i], day_start_s), D_DELIVERED] += 1
        else:
            last_delivered_s[i] = -1
        if not shipped:
            last_tendered_s[i] = -1
        flags[i] = state
        if not counted:
            continue

        sums[group, S_ARRIVED] += 1
        sums[group, S_DECIDED] += validated_s[i] >= 0
        if rejected[i]:
            sums[group, S_REJECTED] += 1
            continue
        sums[group, S_ORDERS] += 1
        sums[group, S_NO_PROMISE] += promise < 0
        sums[group, S_OPEN] += is_open
        if tried:
            sums[group, S_TRIED_ORDERS] += 1
            sums[group, S_FILLED_ORDERS] += short_lines == 0
            sums[group, S_TRIED_LINES] += n_lines
            sums[group, S_FILLED_LINES] += n_lines - short_lines
            sums[group, S_TRIED_UNITS] += all_units
            sums[group, S_FILLED_UNITS] += filled_units
            sums[group, S_WAITED_ORDERS] += waited_units > 0
            sums[group, S_WAITED_UNITS] += waited_units
            sums[group, S_CANCELLED_ORDERS] += cancelled_units > 0
            sums[group, S_CANCELLED_UNITS] += cancelled_units
        if delivered:
            sums[group, S_DELIVERED] += 1
            sums[group, S_CYCLE_S] += last_delivered_s[i] - arrived_s[i]
            sums[group, S_DELIVERED_UNITS] += all_units - cancelled_units
        if shipped:
            sums[group, S_SHIPPED] += 1
            sums[group, S_SHIP_S] += last_tendered_s[i] - arrived_s[i]
        if has_parcels:
            sums[group, S_WITH_SHIPMENT] += 1
            sums[group, S_SPLIT] += n_shipments[i] > 1
            sums[group, S_SHIPMENTS] += n_shipments[i]
    return oldest_s
