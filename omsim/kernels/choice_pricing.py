"""All purchase orders at given prices of budget and storage: a lower bound and a good plan for each.

Owns the walk over an order's cases (empty, or used with its goods' value in one freight interval and a number of
trucks); the single steps are `omsim.kernels.choice_orders`. Inputs are checked by the callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.choice_orders import (
    FIXED,
    MIN_VALUE,
    MIN_WEIGHT,
    MOST_TRUCKS,
    TRUCK_COST,
    TRUCK_G,
    TRUCK_MM3,
    box_dual,
    improve_order,
    repair_order,
    trucks_needed,
)
from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Index = NDArray[np.int64]
    Flags = NDArray[np.bool_]


EMPTY, PLACED, INTERVAL = 1, 2, 3
"""What may be asked of an order when it is priced."""


@compiled
def price_orders(
    which: Index,
    cost: Floats,
    amounts: Floats,
    ordered: Flags,
    option_first: Index,
    order_first: Index,
    terms: Floats,
    freight_first: Index,
    freight_at: Floats,
    freight_mc: Floats,
    value_price: float,
    volume_price: Floats,
    make_plans: bool,
    status: Index,
    bound: Floats,
    used: Floats,
    plan: Index,
    plan_cost: Floats,
) -> None:
    """Bound every order's cost at prices of value and volume, and find a plan near the bound if asked.

    Parameters
    ----------
    which : int64
        Orders to price.
    cost, amounts, ordered : shape (n_options,), (n_options, 3), (n_options,)
        Own cost of each option; value, weight, volume; whether it orders anything.
    option_first, order_first : int64
        Options of each line; lines of each order.
    terms, freight_first, freight_at, freight_mc
        See `omsim.kernels.choice_orders`.
    value_price, volume_price : float, float64 (n_orders,)
        Added to the cost for every cent of goods and every mm3.
    make_plans : bool
        Whether `plan` and `plan_cost` are wanted.
    status : int64, shape (n_orders,)
        0: as is best; `EMPTY`: the order is not placed; `PLACED`: it is; ``INTERVAL + k``: it is, with the value of its
        goods in freight interval k. Bounds keep to it; plans are looked for around it.
    bound, used : float64, shape (n_orders,), (n_orders, 3)
        Written: no legal order costs less; amounts where the bound is taken. Infinite when there is no legal order.
    plan, plan_cost : int64 (n_lines,), float64 (n_orders,)
        Written: option of each line of a legal order, and its cost at these prices; infinite when none was found.

    Notes
    -----
    Trucks: the bound is convex in their number n, and the prices found at n bound every other number along a straight
    line; so two neighbours, one on each side of the turn, bound all.
    """
    q = np.zeros(3)
    usage = np.zeros(3)
    lightest = np.zeros(3)
    heaviest = np.zeros(3)
    slopes = np.zeros(3)
    least = np.zeros(3)
    most = np.zeros(3)
    base = np.zeros(cost.size)
    for o in which:
        low, high = order_first[o], order_first[o + 1]
        own = terms[o]
        steps = slice(freight_first[o], freight_first[o + 1])
        own_at, own_mc = freight_at[steps], freight_mc[steps]
        for j in range(option_first[low], option_first[high]):
            base[j] = cost[j] + value_price * amounts[j, 0] + volume_price[o] * amounts[j, 2]
        spread = reach_of_order(base, amounts, option_first, low, high, lightest, heaviest)
        for r in range(3):
            slopes[r] = max(spread, 1.0) / (heaviest[r] - lightest[r]) if heaviest[r] > lightest[r] else 0.0
        empty_cost = 0.0
        for line in range(low, high):
            empty_cost += np.inf if ordered[option_first[line]] else base[option_first[line]]
        if status[o] >= PLACED:
            empty_cost = np.inf
        choice = np.zeros(high - low, dtype=np.int64)
        plan_cost[o] = np.inf
        if make_plans:
            if plan[low] >= 0:  # what is there already is one more candidate
                usage[:] = 0.0
                for line in range(low, high):
                    choice[line - low] = plan[line]
                    for r in range(3):
                        usage[r] += amounts[plan[line], r]
                plan_cost[o] = improve_order(
                    base, amounts, ordered, option_first, low, high, own, own_at, own_mc, choice, usage
                )
                plan[low:high] = choice
            if empty_cost < plan_cost[o]:
                plan_cost[o] = empty_cost
                plan[low:high] = option_first[low:high]
        bound[o] = empty_cost
        used[o, :] = 0.0
        counted = (own[TRUCK_G] > 0.0 or own[TRUCK_MM3] > 0.0) and (own[TRUCK_COST] > 0.0 or own[MOST_TRUCKS] > 0.0)
        for interval in range(0 if status[o] == EMPTY else own_at.size + 1):
            if status[o] >= INTERVAL and interval != status[o] - INTERVAL:
                continue
            least[0], least[1], least[2] = own[MIN_VALUE], own[MIN_WEIGHT], 0.0
            most[:] = np.inf
            fixed = own[FIXED]
            if interval > 0:
                least[0] = max(least[0], own_at[interval - 1])
                fixed += own_mc[interval - 1]
            if interval < own_at.size:
                most[0] = own_at[interval] - 1.0
            if most[0] < max(least[0], lightest[0]) or heaviest[0] < least[0] or heaviest[1] < least[1]:
                continue
            q[:] = 0.0
            value = fixed + box_dual(base, amounts, option_first, low, high, least, most, slopes, q, choice, usage)
            if value >= bound[o] and (not make_plans or value >= plan_cost[o]):
                continue  # trucks only add to it
            fewest = trucks_needed(own, max(least[1], lightest[1]), lightest[2])
            above = max(trucks_needed(own, usage[1], usage[2]), fewest)
            if own[MOST_TRUCKS] > 0.0 and counted:
                if fewest > own[MOST_TRUCKS]:
                    continue
                above = own[MOST_TRUCKS] if own[TRUCK_COST] <= 0.0 else min(above, own[MOST_TRUCKS])
            free = value + fewest * own[TRUCK_COST] * counted
            below = fewest - 1.0
            bound_above, bound_below = np.inf, np.inf
            used_above, used_below = usage.copy(), usage.copy()
            n = above
            while True:  # `above` bounds every number of trucks from it on, `below` every number up to it
                if counted:
                    if own[TRUCK_G] > 0.0:
                        most[1] = n * own[TRUCK_G]
                    if own[TRUCK_MM3] > 0.0:
                        most[2] = n * own[TRUCK_MM3]
                    value = fixed + n * own[TRUCK_COST]
                    value += box_dual(base, amounts, option_first, low, high, least, most, slopes, q, choice, usage)
                if make_plans and value < plan_cost[o]:
                    trial, trial_usage = choice.copy(), usage.copy()
                    repair_order(base, amounts, option_first, low, high, least, most, trial, trial_usage)
                    total = improve_order(
                        base, amounts, ordered, option_first, low, high, own, own_at, own_mc, trial, trial_usage
                    )
                    if total < plan_cost[o]:
                        plan_cost[o] = total
                        plan[low:high] = trial
                for r in range(3):
                    usage[r] = min(max(usage[r], least[r]), most[r])
                gain = own[TRUCK_COST]
                if own[TRUCK_G] > 0.0:
                    gain -= max(q[1], 0.0) * own[TRUCK_G]
                if own[TRUCK_MM3] > 0.0:
                    gain -= max(q[2], 0.0) * own[TRUCK_MM3]
                if not counted:
                    bound_above = value
                elif n == above and bound_above == np.inf:
                    bound_above = value
                    used_above[:] = usage
                    if gain < 0.0 and n < own[MOST_TRUCKS]:
                        bound_above = free  # not reached with prices in order; true all the same
                    if gain < 0.0 or own[TRUCK_COST] <= 0.0:
                        break  # the most there are: it bounds all fewer as well
                elif gain >= 0.0:
                    above, bound_above = n, value
                    used_above[:] = usage
                else:
                    below, bound_below = n, value
                    used_below[:] = usage
                if not counted or above - below <= 1.0:
                    break
                n = np.floor((above + below) / 2.0)
            if min(bound_above, bound_below) < bound[o]:
                bound[o] = min(bound_above, bound_below)
                used[o] = used_above if bound_above <= bound_below else used_below


@compiled
def reach_of_order(
    base: Floats, amounts: Floats, option_first: Index, low: int, high: int, lightest: Floats, heaviest: Floats
) -> float:
    """Least and most of each amount an order can have, and the width of what its lines can cost."""
    lightest[:] = 0.0
    heaviest[:] = 0.0
    spread = 0.0
    for line in range(low, high):
        begin, end = option_first[line], option_first[line + 1]
        spread += base[begin:end].max() - base[begin:end].min()
        for r in range(3):
            lightest[r] += amounts[begin:end, r].min()
            heaviest[r] += amounts[begin:end, r].max()
    return spread
