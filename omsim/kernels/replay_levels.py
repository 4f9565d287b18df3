"""Daily demand replayed under base-stock levels that are planned anew as time goes by.

Owns the day-by-day recursion of :mod:`omsim.kernels.replay` for levels that change: a level that rises is ordered up
to at once, one that falls lets stock run down, nothing is sent back. Where the levels come from, and what was known
when they were set, is :mod:`omsim.experiments.replanning`'s.

The day, in order: what was due arrives; the day's demand is served as far as stock goes and the rest is lost; stock is
counted (end of day); an order brings the inventory position up to the level of that evening's plan. An order placed
after the demand of day ``t`` with a lead time of ``L`` days arrives before the demand of day ``t + L``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError
from omsim.kernels.compiled import compiled

Units = NDArray[np.int64]


@compiled
def _replay(daily_demand: Units, levels: Units, plan_of_evening: Units, lead_time_days: Units) -> tuple[Units, Units]:
    n_sku, n_days = daily_demand.shape
    shared_lead = lead_time_days.shape[0] == 1
    served = np.zeros((n_sku, n_days), np.int64)
    on_hand_units = np.zeros((n_sku, n_days), np.int64)
    arriving = np.zeros(n_days, np.int64)
    for sku in range(n_sku):
        row = 0 if shared_lead else sku
        on_hand = levels[sku, 0]
        on_order = np.int64(0)
        arriving[:] = 0
        for day in range(n_days):
            on_hand += arriving[day]
            on_order -= arriving[day]
            served[sku, day] = min(daily_demand[sku, day], on_hand)
            on_hand -= served[sku, day]
            on_hand_units[sku, day] = on_hand
            ordered = levels[sku, plan_of_evening[day]] - on_hand - on_order
            if ordered > 0:
                on_order += ordered
                due = day + lead_time_days[row, day]
                if due < n_days:
                    arriving[due] += ordered
    return served, on_hand_units


def replay_changing_levels(
    daily_demand: Units, levels: Units, plan_of_evening: Units, lead_time_days: int | Units
) -> tuple[Units, Units]:
    """Replay daily demand under base-stock levels that change from plan to plan, with lost sales and partial fills.

    Parameters
    ----------
    daily_demand : int64, shape (n_sku, n_days)
        Units asked for, >= 0.
    levels : int64, shape (n_sku, n_plans)
        Order-up-to level of each SKU in each plan, >= 0; that of the first plan is also its opening stock.
    plan_of_evening : int64, shape (n_days,)
        Plan (column of `levels`) that orders are placed by in the evening of each day.
    lead_time_days : int, or int64 of shape (n_days,) or (n_sku, n_days)
        Lead time of the order placed on each day, >= 1: one for all, one per day, or one per SKU and day.

    Returns
    -------
    served_units : int64, shape (n_sku, n_days)
        Units served of each day's demand.
    on_hand_units : int64, shape (n_sku, n_days)
        End-of-day stock on hand.

    Raises
    ------
    FieldError
        A shape does not fit, or a value is out of range.

    Notes
    -----
    O(n_sku n_days) time and memory. With one plan it is :func:`omsim.kernels.replay.replay_base_stock`.

    Examples
    --------
    >>> demand = np.array([[3, 3, 3, 0]])
    >>> served, on_hand = replay_changing_levels(demand, np.array([[4, 6]]), np.array([0, 1, 1, 1]), 2)
    >>> served.tolist(), on_hand.tolist()  # 3 ordered on day 0; up to 6 on day 1: 3 more, usable on day 3
    ([[3, 1, 3, 0]], [[1, 0, 0, 3]])
    """
    if daily_demand.ndim != 2 or daily_demand.shape[1] == 0:
        raise FieldError("daily_demand", "of shape (n_sku, n_days >= 1)", daily_demand.shape)
    n_sku, n_days = daily_demand.shape
    if levels.ndim != 2 or levels.shape[0] != n_sku or levels.shape[1] == 0:
        raise FieldError("levels", f"of shape ({n_sku}, n_plans >= 1)", levels.shape)
    if plan_of_evening.shape != (n_days,):
        raise FieldError("plan_of_evening", f"of shape ({n_days},)", plan_of_evening.shape)
    last_plan = levels.shape[1] - 1
    if int(plan_of_evening.min()) < 0 or int(plan_of_evening.max()) > last_plan:
        got = (int(plan_of_evening.min()), int(plan_of_evening.max()))
        raise FieldError("plan_of_evening", f"within 0 .. {last_plan}", got)
    lead = np.atleast_2d(np.asarray(lead_time_days, dtype=np.int64))
    if lead.shape == (1, 1):
        lead = np.full((1, n_days), lead[0, 0])
    if lead.shape not in {(1, n_days), (n_sku, n_days)}:
        raise FieldError("lead_time_days", f"one number, ({n_days},) or ({n_sku}, {n_days})", lead.shape)
    for field, values, least in (("daily_demand", daily_demand, 0), ("levels", levels, 0), ("lead_time_days", lead, 1)):
        if values.size and int(values.min()) < least:
            raise FieldError(field, f">= {least}", int(values.min()))
    return _replay(daily_demand.astype(np.int64), levels.astype(np.int64), plan_of_evening.astype(np.int64), lead)
