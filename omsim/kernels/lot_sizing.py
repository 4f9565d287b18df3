"""Kernels of dynamic lot sizing: the optimal plan of each item, and the classic rules, item by item.

Owns the arithmetic; `omsim.optimize.policies.lot_sizing` says what the plans mean and checks the input. Tables are
C-contiguous, shape (n_items, n_periods); `holding` is charged on what is left at the end of a period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

SILVER_MEAL = 0
LEAST_UNIT_COST = 1
PART_PERIOD = 2
ORDER_PERIODS = 3
NEAREST_QUANTITY = 4

_SAME = 1e-12  # relative; costs closer than this are a tie, which the longer window wins


@compiled
def optimal_lots(demand: Units, order_cost: Floats, holding: Floats, unit_cost: Floats, orders: Units) -> Floats:
    """Fill `orders` with the plan of least cost of each item; returns its cost, float64, shape (n_items,).

    Backward recursion over windows (t, u): an order in t covers t .. u - 1. A period without demand may also be passed
    without a window. Among ties the plan of fewer, longer windows is taken.
    """
    n_items, n_periods = demand.shape
    total_cost = np.zeros(n_items)
    best = np.zeros(n_periods + 1)
    until = np.zeros(n_periods + 1, dtype=np.int64)
    for item in range(n_items):
        best[n_periods] = 0.0
        for t in range(n_periods - 1, -1, -1):
            if demand[item, t] == 0:
                least = best[t + 1]
                end = -(t + 1)  # minus marks a window without an order
            else:
                least = np.inf
                end = t + 1
            units = 0.0
            held_for = 0.0  # cost of holding a unit from t to the period at hand
            cost = order_cost[item, t]
            for u in range(t, n_periods):
                wanted = demand[item, u]
                if wanted > 0:
                    cost += wanted * (unit_cost[item, t] + held_for)
                    units += wanted
                held_for += holding[item, u]
                if units > 0.0:
                    trial = cost + best[u + 1]
                    if trial <= least + _SAME * abs(least):
                        least = trial
                        end = u + 1
            best[t] = least
            until[t] = end
        total_cost[item] = best[0]
        t = 0
        while t < n_periods:
            end = until[t]
            if end < 0:
                orders[item, t] = 0
                t = -end
                continue
            units_ordered = 0
            for u in range(t, end):
                orders[item, u] = 0
                units_ordered += demand[item, u]
            orders[item, t] = units_ordered
            t = end
    return total_cost


@compiled
def ruled_lots(demand: Units, order_cost: Floats, holding: Floats, rule: int, parameter: Floats, orders: Units) -> None:
    """Fill `orders` with the plan of a rule that looks forward from each order and never back.

    `parameter`, shape (n_items,): the economic order quantity for `NEAREST_QUANTITY`, the periods of an order for
    `ORDER_PERIODS`, else unused.
    """
    n_items, n_periods = demand.shape
    for item in range(n_items):
        t = 0
        while t < n_periods:
            orders[item, t] = 0
            if demand[item, t] == 0:
                t += 1
                continue
            fixed = order_cost[item, t]
            units = demand[item, t]
            held = 0.0
            held_for = 0.0
            end = t + 1
            for u in range(t + 1, n_periods):
                if rule == ORDER_PERIODS:
                    if u - t >= parameter[item]:
                        break
                    units += demand[item, u]
                    end = u + 1
                    continue
                held_for += holding[item, u - 1]
                more = demand[item, u]
                held_then = held + held_for * more
                if rule == SILVER_MEAL:
                    stop = (fixed + held_then) / (u - t + 1) > (fixed + held) / (u - t) * (1.0 + _SAME)
                elif rule == LEAST_UNIT_COST:
                    stop = (fixed + held_then) / (units + more) > (fixed + held) / units * (1.0 + _SAME)
                elif rule == PART_PERIOD:
                    stop = held_then > fixed and held_then - fixed >= fixed - held
                else:
                    stop = units + more > parameter[item] and units + more - parameter[item] >= parameter[item] - units
                if stop:
                    break
                held = held_then
                units += more
                end = u + 1
            for u in range(t, end):
                orders[item, u] = 0
            orders[item, t] = units
            t = end
