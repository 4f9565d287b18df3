"""(r, Q) under continuous review for many items: the searches for least cost, on whole units and on a normal scale.

Owns the loops behind `omsim.optimize.policies.continuous_review` (two kinds of shortage charge) and `normal_review`
(with its fill rates). Inputs are checked by the callers; the kernels trust them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled
from omsim.kernels.distributions import loss_at, loss_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

NEVER = -1  # quantity of an item for which no order at all is cheapest
ENDLESS = -2  # quantity of an item whose search was given up


@compiled
def level_costs(
    low: int, high: int, hold: float, penalty: float, charge: float, loss: Floats, reaches: Floats
) -> Floats:
    """Cost of a position ``low .. high`` per period: held, owed, and charged when a customer finds nothing.

    ``reaches[y]`` is P(demand >= y); below 0 it is 1, beyond the support 0.
    """
    cost = np.empty(high - low + 1)
    for place in range(cost.size):
        level = low + place
        met = 1.0 if level < 0 else (reaches[level] if level < reaches.size else 0.0)
        cost[place] = hold * (level - loss[0]) + (hold + penalty) * loss_at(loss, level) + charge * met
    return cost


@compiled
def cheapest_window(cost: Floats, fixed: float, per_unit: float) -> tuple[int, int, float]:
    """Window of `cost` with the least ``fixed + sum(cost - per_unit)``: first place, length and that sum."""
    best_first, best_size, best_sum = 0, 1, np.inf
    first, total = 0, 0.0
    for place in range(cost.size):
        if total > 0.0 or place == 0:
            first, total = place, 0.0
        total += cost[place] - per_unit
        if total < best_sum:
            best_first, best_size, best_sum = first, place - first + 1, total
    return best_first, best_size, best_sum + fixed


@compiled
def search_unit_orders(
    pmf: Floats,
    first: Units,
    fixed: Floats,
    hold: Floats,
    penalty: Floats,
    charge: Floats,
    most_units: int,
) -> tuple[Units, Units, Floats]:
    """Cost-optimal (r, Q) of every item, one unit a customer.

    Parameters
    ----------
    pmf, first
        Demand of the lead time.
    fixed, charge : float64, shape (n_items,)
        Cost of an order, and of a unit not filled at once, each times the demand rate.
    hold, penalty : float64, shape (n_items,)
        Per unit held, and owed, for a period; hold > 0, penalty or charge > 0.
    most_units : int
        Give up on an item whose levels worth looking at are more than this.

    Returns
    -------
    reorder_point, quantity : int64, shape (n_items,)
        Quantity is NEVER or ENDLESS where there is no answer.
    cost : float64, shape (n_items,)

    Notes
    -----
    The cost of (r, Q) is the mean cost of the positions r + 1 .. r + Q plus ``fixed / Q``. With a charge by the unit
    the cost of a position may have several dips, so the cheapest positions need not be neighbours. But no best window
    begins or ends with a position dearer than its own mean: that bounds the positions to look at. Among them the
    window is found by guessing its cost, taking the window that beats the guess by most (one pass), and guessing its
    cost next, until none beats it; this ends after a handful of passes with the exact optimum (Dinkelbach 1967).
    """
    n_items = first.size - 1
    reorder_point = np.zeros(n_items, dtype=np.int64)
    quantity = np.ones(n_items, dtype=np.int64)
    cost = np.zeros(n_items)
    for i in range(n_items):
        own = pmf[first[i] : first[i + 1]]
        loss = loss_of(own)
        reaches = np.zeros(own.size)
        beyond = 0.0
        for level in range(own.size - 1, -1, -1):
            beyond += own[level]
            reaches[level] = min(beyond, 1.0)
        h, p, mean = hold[i], penalty[i], loss[0]
        within = level_costs(0, own.size, h, p, charge[i], loss, reaches)
        best = int(np.argmin(within))
        # a first guess: as many positions as an economic quantity has, from the cheapest on
        economic = math.sqrt(2.0 * fixed[i] / h)
        if economic > most_units:
            quantity[i], cost[i] = ENDLESS, np.nan
            continue
        units = max(1, int(economic))
        guess = fixed[i] / units + level_costs(best, best + units - 1, h, p, charge[i], loss, reaches).mean()
        if p <= 0.0 and guess >= charge[i]:
            guess = charge[i]  # never ordering costs this
        # positions at which the cost is below the guess lie between these two
        low, high = best, best
        for level in range(own.size + 1):
            if within[level] < guess:
                low = min(low, level)
                high = max(high, level)
        if p > 0.0 and low == 0:
            low = min(0, int(math.floor(mean - (guess - charge[i]) / p)))
        if high == own.size:
            high = max(high, int(math.ceil(mean + guess / h)))
        if high - low > 4 * most_units:
            quantity[i], cost[i] = ENDLESS, np.nan
            continue
        costs = level_costs(low, high, h, p, charge[i], loss, reaches)
        quantity[i] = NEVER
        while True:
            place, size, gain = cheapest_window(costs, fixed[i], guess)
            if quantity[i] != NEVER and gain >= -1e-13 * size * guess:
                break
            if quantity[i] == NEVER and p <= 0.0 and gain >= 0.0 and guess >= charge[i]:
                break
            guess = (fixed[i] + costs[place : place + size].sum()) / size
            reorder_point[i], quantity[i] = low + place - 1, size
        cost[i] = guess if quantity[i] != NEVER else np.nan
    return reorder_point, quantity, cost


@compiled
def normal_loss(z: float) -> float:
    """E[(Z - z)+] of a standard normal Z."""
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) - z * 0.5 * math.erfc(z / math.sqrt(2.0))


@compiled
def normal_second_loss(z: float) -> float:
    """Integral of `normal_loss` from z on."""
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return 0.5 * ((z * z + 1.0) * 0.5 * math.erfc(z / math.sqrt(2.0)) - z * density)


@compiled
def crossing(start: float, hold: float, penalty: float, cost: float) -> float:
    """Where ``hold * z + (hold + penalty) * normal_loss(z)`` meets `cost`, by Newton's method from outside."""
    z = start
    for _ in range(200):
        beyond = 0.5 * math.erfc(z / math.sqrt(2.0))
        slope = hold - (hold + penalty) * beyond
        if slope == 0.0:
            break
        following = z - (hold * z + (hold + penalty) * normal_loss(z) - cost) / slope
        if abs(following - z) <= 1e-14 * max(1.0, abs(z)):
            return following
        z = following
    return z


@compiled
def search_normal_orders(
    mean: Floats, sd: Floats, fixed: Floats, hold: Floats, penalty: Floats, best_z: Floats
) -> tuple[Floats, Floats, Floats]:
    """Cost-optimal (r, Q) of every item on a normal scale.

    Parameters
    ----------
    mean, sd : float64, shape (n_items,)
        Demand of the lead time; sd >= 0.
    fixed : float64, shape (n_items,)
        Cost of an order times the demand rate, >= 0.
    hold, penalty : float64, shape (n_items,)
        > 0.
    best_z : float64, shape (n_items,)
        The normal quantile of ``penalty / (hold + penalty)``: the cheapest position, standardised.

    Returns
    -------
    reorder_point, quantity, cost : float64, shape (n_items,)

    Notes
    -----
    At the optimum the two ends of the window cost as much as the policy (Zheng 1992). So one number is sought, the
    cost c, at which the area between c and the cost of a position equals the order cost. The area is convex and
    rising in c, with the window's width as slope: Newton's method from above comes down to c without overshooting.
    """
    n_items = mean.size
    reorder_point = np.zeros(n_items)
    quantity = np.zeros(n_items)
    cost = np.zeros(n_items)
    for i in range(n_items):
        h, p = hold[i], penalty[i]
        if sd[i] <= 0.0:
            level = math.sqrt(2.0 * fixed[i] * h * p / (h + p))
            reorder_point[i], quantity[i] = mean[i] - level / p, level / p + level / h
            cost[i] = level
            continue
        area = fixed[i] / (sd[i] * sd[i])
        least = h * best_z[i] + (h + p) * normal_loss(best_z[i])
        level = least + math.sqrt(2.0 * area * h * p / (h + p))
        left, right = best_z[i], best_z[i]
        if area > 0.0:
            for _ in range(200):
                left = crossing(-level / p, h, p, level)
                right = crossing(level / h, h, p, level)
                below = 0.5 * h * (right * right - left * left)
                below += (h + p) * (normal_second_loss(left) - normal_second_loss(right))
                step = (level * (right - left) - below - area) / (right - left)
                level -= step
                if abs(step) <= 1e-13 * level:
                    break
        reorder_point[i] = mean[i] + sd[i] * left
        quantity[i] = sd[i] * (right - left)
        cost[i] = sd[i] * level
    return reorder_point, quantity, cost


@compiled
def search_normal_fill(quantity: Floats, allowed: Floats, shrink: Floats, one_term: bool) -> Floats:
    """Standardised reorder point at which the units short of a cycle are `allowed`, for each item.

    Parameters
    ----------
    quantity : float64, shape (n_items,)
        What a cycle covers: with `shrink` 1 the order quantity, and owed before its arrival is
        ``normal_loss(z + quantity)``; otherwise 0, and owed before is ``shrink * normal_loss(z')`` with the same level
        in units of a standard deviation `shrink` times as large, moved up by `quantity`.
    allowed : float64, shape (n_items,)
        Units short a cycle may have, > 0.
    shrink : float64, shape (n_items,)
        Standard deviation of demand before the cycle, relative to after it; 0 < shrink <= 1.
    one_term : bool
        Ignore what is owed before the cycle.
    """
    found = np.zeros(quantity.size)
    for i in range(quantity.size):
        low, high = -1.0, 1.0
        farthest = -100.0 - 4.0 * max(quantity[i], allowed[i])  # the loss is linear long before
        while short_of_normal(low, quantity[i], shrink[i], one_term) < allowed[i] and low > farthest:
            low *= 2.0
        while short_of_normal(high, quantity[i], shrink[i], one_term) > allowed[i]:
            high *= 2.0
        while True:
            middle = 0.5 * (low + high)
            if middle in (low, high):
                break
            if short_of_normal(middle, quantity[i], shrink[i], one_term) > allowed[i]:
                low = middle
            else:
                high = middle
        found[i] = high
    return found


@compiled
def short_of_normal(z: float, quantity: float, shrink: float, one_term: bool) -> float:
    """Units short in a cycle, in standard deviations of demand after it; see `search_normal_fill`."""
    short = normal_loss(z)
    if not one_term and shrink > 0.0:
        short -= shrink * normal_loss((z + quantity) / shrink)
    elif not one_term:
        short -= max(0.0, -(z + quantity))
    return short
