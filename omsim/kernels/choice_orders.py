"""Purchase orders priced one by one: the least an order can cost at given prices, and good orders that keep its rules.

Owns the loops behind `omsim.optimize.reorder.order_pricing`. An order is a run of lines, a line a run of options;
``option`` arrays hold each option's cost (milli-cents) and its three amounts: value in cents, weight in g, volume
in mm3. All are whole numbers held as float64, so sums are exact below 2^53. Inputs are checked by the callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Index = NDArray[np.int64]

VALUE, WEIGHT, VOLUME = 0, 1, 2
FIXED, MIN_VALUE, MIN_WEIGHT, TRUCK_COST, TRUCK_G, TRUCK_MM3, MOST_TRUCKS = 0, 1, 2, 3, 4, 5, 6
"""Columns of `terms`, float64, shape (n_orders, 7); costs in milli-cents, 0 as in `PurchaseOrders`."""

_CYCLES = 4
_HALVINGS = 40
_MOST_WIDENINGS = 10  # prices beyond a million times the average slope would drown costs in rounding
_MOST_ROUNDS = 30
_ROUNDING = 1e-15  # for each line of the sums


@compiled
def trucks_needed(terms: Floats, weight: float, volume: float) -> float:
    """Trucks that carry this much."""
    needed = 0.0
    if terms[TRUCK_G] > 0.0:
        needed = float(-(-int(weight) // int(terms[TRUCK_G])))
    if terms[TRUCK_MM3] > 0.0:
        needed = max(needed, float(-(-int(volume) // int(terms[TRUCK_MM3]))))
    return needed


@compiled
def order_cost(
    terms: Floats, freight_at: Floats, freight_mc: Floats, n_used: int, value: float, weight: float, volume: float
) -> float:
    """Fixed cost, freight and trucks of an order; infinite where it breaks a rule. `n_used` lines are not 0."""
    if n_used == 0:
        return 0.0
    if value < terms[MIN_VALUE] or weight < terms[MIN_WEIGHT]:
        return np.inf
    trucks = trucks_needed(terms, weight, volume)
    if terms[MOST_TRUCKS] > 0.0 and trucks > terms[MOST_TRUCKS]:
        return np.inf
    freight = 0.0
    for step in range(freight_at.size):
        if value >= freight_at[step]:
            freight = freight_mc[step]
    return float(terms[FIXED] + trucks * terms[TRUCK_COST] + freight)


@compiled
def relaxed_choice(
    base: Floats, amounts: Floats, option_first: Index, low: int, high: int, q: Floats, choice: Index, usage: Floats
) -> float:
    """Each line's option of least base + q x amounts: a total no greater than the sum, with choice and usage."""
    usage[:] = 0.0
    total = 0.0
    size = 0.0
    for line in range(low, high):
        least = np.inf
        best = option_first[line]
        for j in range(option_first[line], option_first[line + 1]):
            priced = base[j] + q[0] * amounts[j, 0] + q[1] * amounts[j, 1] + q[2] * amounts[j, 2]
            if priced < least:
                least = priced
                best = j
        choice[line - low] = best
        total += least
        size += abs(base[best])
        for r in range(3):
            usage[r] += amounts[best, r]
            size += abs(q[r]) * amounts[best, r]
    return total - size * _ROUNDING * (high - low + 8)


@compiled
def box_penalty(q: Floats, least: Floats, most: Floats) -> float:
    """What the prices q take off the total for amounts kept between `least` and `most`."""
    penalty = 0.0
    for r in range(3):
        if q[r] > 0.0:
            penalty += q[r] * most[r]
        elif q[r] < 0.0:
            penalty += q[r] * least[r]
    return float(penalty * (1.0 + 1e-15)) if penalty > 0.0 else float(penalty * (1.0 - 1e-15))


@compiled
def box_dual(
    base: Floats,
    amounts: Floats,
    option_first: Index,
    low: int,
    high: int,
    least: Floats,
    most: Floats,
    slopes: Floats,
    q: Floats,
    choice: Index,
    usage: Floats,
) -> float:
    """Lower bound on the cost of options whose amounts lie between `least` and `most`; prices q at entry and exit.

    Each price in turn is set, by bisection, where the amount it steers meets its limit. `choice` and `usage` are those
    of the best prices, q too.
    """
    best_q = np.zeros(3)
    best = relaxed_choice(base, amounts, option_first, low, high, best_q, choice, usage)
    best_choice = choice.copy()
    best_usage = usage.copy()
    if q[0] != 0.0 or q[1] != 0.0 or q[2] != 0.0:
        value = relaxed_choice(base, amounts, option_first, low, high, q, choice, usage) - box_penalty(q, least, most)
        if value > best:
            best = value
            best_q[:] = q
            best_choice[:] = choice
            best_usage[:] = usage
        else:
            q[:] = 0.0
            choice[:] = best_choice
            usage[:] = best_usage
    for _ in range(_CYCLES):
        before = best
        for r in range(3):
            if slopes[r] <= 0.0 or (least[r] <= 0.0 and most[r] == np.inf):
                continue
            if usage[r] >= least[r] and usage[r] <= most[r] and q[r] == 0.0:
                continue
            start = q[r]
            q[r] = 0.0
            value = relaxed_choice(base, amounts, option_first, low, high, q, choice, usage)
            value -= box_penalty(q, least, most)
            if value > best:
                best = value
                best_q[:] = q
                best_choice[:] = choice
                best_usage[:] = usage
            if usage[r] > most[r]:
                sign, target = 1.0, most[r]
            elif usage[r] < least[r]:
                sign, target = -1.0, least[r]
            else:
                continue
            inner = 0.0  # here the limit is still broken
            outer = abs(start) if start * sign > 0.0 else slopes[r]
            tries = 0
            while tries < _MOST_WIDENINGS:
                q[r] = sign * outer
                value = relaxed_choice(base, amounts, option_first, low, high, q, choice, usage)
                value -= box_penalty(q, least, most)
                if value > best:
                    best = value
                    best_q[:] = q
                    best_choice[:] = choice
                    best_usage[:] = usage
                if (usage[r] - target) * sign <= 0.0:
                    break
                inner = outer
                outer *= 4.0
                tries += 1
            for _ in range(_HALVINGS):
                if outer - inner <= 1e-7 * outer:
                    break
                middle = (inner + outer) / 2.0
                q[r] = sign * middle
                value = relaxed_choice(base, amounts, option_first, low, high, q, choice, usage)
                value -= box_penalty(q, least, most)
                if value > best:
                    best = value
                    best_q[:] = q
                    best_choice[:] = choice
                    best_usage[:] = usage
                if (usage[r] - target) * sign > 0.0:
                    inner = middle
                else:
                    outer = middle
            q[r] = sign * outer  # the side that keeps the limit
            relaxed_choice(base, amounts, option_first, low, high, q, choice, usage)
        if best - before <= 1e-9 * abs(best):
            break
    q[:] = best_q
    choice[:] = best_choice
    usage[:] = best_usage
    return best


@compiled
def excess(usage: Floats, least: Floats, most: Floats) -> float:
    """How far amounts lie outside their limits, as shares of the limits."""
    outside = 0.0
    for r in range(3):
        if usage[r] > most[r]:
            outside += (usage[r] - most[r]) / max(most[r], 1.0)
        elif usage[r] < least[r]:
            outside += (least[r] - usage[r]) / max(least[r], 1.0)
    return outside


@compiled
def repair_order(
    base: Floats,
    amounts: Floats,
    option_first: Index,
    low: int,
    high: int,
    least: Floats,
    most: Floats,
    choice: Index,
    usage: Floats,
) -> bool:
    """Bring amounts within their limits by the moves that cost least for the excess they remove."""
    trial = np.zeros(3)
    for _ in range(4 * (high - low) + 8):
        outside = excess(usage, least, most)
        if outside <= 0.0:
            return True
        best_rate = np.inf
        best = -1
        best_line = -1
        for line in range(low, high):
            now = choice[line - low]
            for j in range(option_first[line], option_first[line + 1]):
                if j == now:
                    continue
                for r in range(3):
                    trial[r] = usage[r] + amounts[j, r] - amounts[now, r]
                removed = outside - excess(trial, least, most)
                if removed <= 1e-12:
                    continue
                loss = base[j] - base[now]
                rate = loss / removed if loss > 0.0 else loss * removed
                if rate < best_rate:
                    best_rate = rate
                    best = j
                    best_line = line
        if best < 0:
            return False
        now = choice[best_line - low]
        for r in range(3):
            usage[r] += amounts[best, r] - amounts[now, r]
        choice[best_line - low] = best
    return excess(usage, least, most) <= 0.0


@compiled
def improve_order(
    base: Floats,
    amounts: Floats,
    ordered: NDArray[np.bool_],
    option_first: Index,
    low: int,
    high: int,
    terms: Floats,
    freight_at: Floats,
    freight_mc: Floats,
    choice: Index,
    usage: Floats,
) -> float:
    """Go round the lines, each taking its best option given the others, while the order's whole cost falls.

    Returns that cost; infinite when the order breaks a rule at entry and no change of one line mends it.
    """
    n_used = 0
    lines = 0.0
    for line in range(low, high):
        n_used += int(ordered[choice[line - low]])
        lines += base[choice[line - low]]
    own = order_cost(terms, freight_at, freight_mc, n_used, usage[0], usage[1], usage[2])
    for _ in range(_MOST_ROUNDS):
        changed_any = False
        slack = 1e-9 * abs(lines) + 1e-3
        for line in range(low, high):
            now = choice[line - low]
            best_total = lines + own
            best = now
            best_own = own
            for j in range(option_first[line], option_first[line + 1]):
                if j == now:
                    continue
                changed = order_cost(
                    terms,
                    freight_at,
                    freight_mc,
                    n_used + int(ordered[j]) - int(ordered[now]),
                    usage[0] + amounts[j, 0] - amounts[now, 0],
                    usage[1] + amounts[j, 1] - amounts[now, 1],
                    usage[2] + amounts[j, 2] - amounts[now, 2],
                )
                total = lines + base[j] - base[now] + changed
                if total < best_total - slack or (best_total == np.inf and total < np.inf):
                    best_total = total
                    best = j
                    best_own = changed
            if best != now:
                changed_any = True
                lines += base[best] - base[now]
                n_used += int(ordered[best]) - int(ordered[now])
                for r in range(3):
                    usage[r] += amounts[best, r] - amounts[now, r]
                choice[line - low] = best
                own = best_own
        if not changed_any:
            break
    return lines + own
