"""Base stock replayed against known daily demand: levels in, units filled and stock held out.

Owns the day-by-day recursion of a daily-review base-stock rule with lost sales, for one level per SKU on one history
(`replay_base_stock`) and for many levels per SKU on many sampled paths (`base_stock_curves`). Where levels come from
is :mod:`omsim.optimize.reorder.levels`; orders with cutoffs, returns and several sites are the simulator's business.

The day, in order: what was due arrives; the day's demand is served as far as stock goes and the rest is lost; stock is
counted (end of day); an order brings the inventory position back to the level. An order placed after the demand of day
``t`` with a lead time of ``L`` days arrives before the demand of day ``t + L``: the protection interval is ``L + 1``
days. Orders may overtake each other. Every SKU opens with its level on hand and nothing on order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError
from omsim.kernels.compiled import compiled

Units = NDArray[np.int64]


@compiled
def _replay(daily_demand: Units, levels: Units, lead_time_days: Units) -> tuple[Units, Units]:
    n_sku, n_days = daily_demand.shape
    shared_lead = lead_time_days.shape[0] == 1
    filled = np.zeros(n_sku, np.int64)
    unit_days = np.zeros(n_sku, np.int64)
    arriving = np.zeros(n_days, np.int64)
    for sku in range(n_sku):
        row = 0 if shared_lead else sku
        on_hand = levels[sku]
        arriving[:] = 0
        for day in range(n_days):
            on_hand += arriving[day]
            served = min(daily_demand[sku, day], on_hand)
            on_hand -= served
            filled[sku] += served
            unit_days[sku] += on_hand
            due = day + lead_time_days[row, day]
            if due < n_days:
                arriving[due] += served  # position was at the level: the order equals what was served
    return filled, unit_days


def replay_base_stock(
    daily_demand: Units, levels: Units, lead_time_days: int | Units
) -> tuple[Units, NDArray[np.float64]]:
    """Replay daily demand under base-stock levels with lost sales and partial fills.

    Parameters
    ----------
    daily_demand : int64, shape (n_sku, n_days)
        Units asked for, >= 0.
    levels : int64, shape (n_sku,)
        Order-up-to level of each SKU, >= 0; also its opening stock.
    lead_time_days : int, or int64 of shape (n_days,) or (n_sku, n_days)
        Lead time of the order placed on each day, >= 1: one for all, one per day, or one per SKU and day.

    Returns
    -------
    filled_units : int64, shape (n_sku,)
        Units served over the horizon.
    mean_on_hand_units : float64, shape (n_sku,)
        Mean end-of-day stock on hand.

    Raises
    ------
    FieldError
        A shape does not fit, or a value is negative (lead times: below 1).

    Notes
    -----
    O(n_sku n_days) time, O(n_days) memory beyond the inputs.

    Examples
    --------
    >>> filled, on_hand = replay_base_stock(np.array([[3, 3, 3, 0]]), np.array([4]), 2)
    >>> filled.tolist(), on_hand.tolist()  # 3 + 1 served, 3 arrive on day 2, 1 on day 3
    ([7], [0.5])
    """
    if daily_demand.ndim != 2 or daily_demand.shape[1] == 0:
        raise FieldError("daily_demand", "of shape (n_sku, n_days >= 1)", daily_demand.shape)
    n_sku, n_days = daily_demand.shape
    if levels.shape != (n_sku,):
        raise FieldError("levels", f"of shape ({n_sku},)", levels.shape)
    lead = np.atleast_2d(np.asarray(lead_time_days, dtype=np.int64))
    if lead.shape == (1, 1):
        lead = np.full((1, n_days), lead[0, 0])
    if lead.shape not in {(1, n_days), (n_sku, n_days)}:
        raise FieldError("lead_time_days", f"one number, ({n_days},) or ({n_sku}, {n_days})", lead.shape)
    for field, values, least in (("daily_demand", daily_demand, 0), ("levels", levels, 0), ("lead_time_days", lead, 1)):
        if values.size and int(values.min()) < least:
            raise FieldError(field, f">= {least}", int(values.min()))
    filled, unit_days = _replay(daily_demand.astype(np.int64), levels.astype(np.int64), lead)
    return filled, unit_days / n_days


@compiled
def base_stock_curves(paths: NDArray[np.int32], levels: Units, lead_time_days: Units) -> tuple[Units, Units]:
    """Simulate every level of every SKU on every sampled path of daily demand.

    Parameters
    ----------
    paths : int32, shape (n_sku, n_paths, n_days)
        Daily demand, >= 0.
    levels : int64, shape (n_sku, n_levels)
        Levels to try, ascending along each row, >= 0.
    lead_time_days : int64, shape (n_paths, n_days)
        Lead time of the order placed on each day of each path, >= 1.

    Returns
    -------
    filled_units, on_hand_unit_days : int64, shape (n_sku, n_levels)
        Sums over paths and days; both never fall as the level rises (true pathwise for base stock).

    Notes
    -----
    A level that covers a path's greatest outstanding demand loses nothing on it, so its sums follow in closed form;
    only the levels below are stepped day by day. At most O(n_sku n_paths n_levels n_days).
    """
    n_sku, n_paths, n_days = paths.shape
    n_levels = levels.shape[1]
    filled = np.zeros((n_sku, n_levels), np.int64)
    unit_days = np.zeros((n_sku, n_levels), np.int64)
    arriving = np.zeros(n_days, np.int64)
    for sku in range(n_sku):
        for path in range(n_paths):
            total = np.int64(0)
            outstanding = np.int64(0)
            outstanding_days = np.int64(0)
            covers_all = np.int64(0)
            for day in range(n_days):
                outstanding -= arriving[day]
                arriving[day] = 0
                asked = np.int64(paths[sku, path, day])
                total += asked
                outstanding += asked
                covers_all = max(covers_all, outstanding)
                outstanding_days += outstanding
                due = day + lead_time_days[path, day]
                if due < n_days:
                    arriving[due] += asked
            for index in range(n_levels):
                level = levels[sku, index]
                if level >= covers_all:
                    filled[sku, index] += total
                    unit_days[sku, index] += level * n_days - outstanding_days
                    continue
                on_hand = level
                served_total = np.int64(0)
                held = np.int64(0)
                for day in range(n_days):
                    on_hand += arriving[day]
                    arriving[day] = 0
                    served = min(np.int64(paths[sku, path, day]), on_hand)
                    if served > 0:
                        on_hand -= served
                        served_total += served
                        due = day + lead_time_days[path, day]
                        if due < n_days:
                            arriving[due] += served
                    held += on_hand
                filled[sku, index] += served_total
                unit_days[sku, index] += held
    return filled, unit_days


@compiled
def peak_outstanding(paths: NDArray[np.int32], lead_time_days: Units) -> Units:
    """Least level that would lose nothing on any path of a SKU.

    Parameters
    ----------
    paths : int32, shape (n_sku, n_paths, n_days)
    lead_time_days : int64, shape (n_paths, n_days)
        As in `base_stock_curves`.

    Returns
    -------
    int64, shape (n_sku,)
        Greatest number of units asked for and not yet replaced, over days and paths.
    """
    n_sku, n_paths, n_days = paths.shape
    most = np.zeros(n_sku, np.int64)
    arriving = np.zeros(n_days, np.int64)
    for sku in range(n_sku):
        for path in range(n_paths):
            outstanding = np.int64(0)
            for day in range(n_days):
                outstanding += np.int64(paths[sku, path, day]) - arriving[day]
                arriving[day] = 0
                most[sku] = max(most[sku], outstanding)
                due = day + lead_time_days[path, day]
                if due < n_days:
                    arriving[due] += paths[sku, path, day]
    return most
