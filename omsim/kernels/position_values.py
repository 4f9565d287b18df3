"""What a position is worth under an (s, S) policy, and which quantities of a line are worth considering.

Owns the loops behind `omsim.optimize.reorder.values`. Demand comes as the ragged tables of
`omsim.kernels.distributions`. Inputs are checked by the callers; the kernels trust them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled
from omsim.kernels.distributions import loss_at, loss_of
from omsim.kernels.inventory import renewal_terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

MOST_TERMS = 40_000_000  # of one item's recursion; beyond it the quadratic the values tend to takes over


@compiled
def relative_values(
    period_pmf: Floats,
    period_first: Units,
    after_pmf: Floats,
    after_first: Units,
    reorder_point: Units,
    order_up_to: Units,
    fixed: Floats,
    hold: Floats,
    penalty: Floats,
    horizon: Floats,
    at_first: Units,
    at_units: Units,
) -> Floats:
    """Expected cost of a horizon that begins at given positions just after ordering.

    With g the long-run cost per period of the policy, ``H(y) = G(y) - g + E[v(y - D)]``, ``v(x) = K + H(S)`` for
    ``x <= s`` and ``H(x)`` above, ``H(S) = 0``; the answer is ``g * horizon + H(y)``. At or below s the next position
    is S whatever the demand, so H is in closed form there; above s it depends on lower positions only (dividing by the
    probability that anything is sold).

    Parameters
    ----------
    period_pmf, period_first, after_pmf, after_first
        Demand between reviews, and until the next order can be used.
    reorder_point, order_up_to : int64, shape (n_items,)
        s < S.
    fixed, hold, penalty : float64, shape (n_items,)
        Cost of an order; of a unit held, and of a unit owed, at a period's end.
    horizon : float64, shape (n_items,)
        Periods.
    at_first : int64, shape (n_items + 1,)
        Where each item's positions begin in `at_units`.
    at_units : int64, shape (n_positions,)
        Any order.

    Returns
    -------
    float64, shape (n_positions,)
        What never sells is charged for the whole horizon where it rests above s.
    """
    answer = np.zeros(at_units.size)
    for i in range(period_first.size - 1):
        start, stop = at_first[i], at_first[i + 1]
        if start == stop:
            continue
        own = period_pmf[period_first[i] : period_first[i + 1]]
        loss = loss_of(after_pmf[after_first[i] : after_first[i + 1]])
        mean = loss[0]
        h, p = hold[i], penalty[i]
        s, top = reorder_point[i], order_up_to[i]
        idle = own[0] >= 1.0
        if idle:
            rate = h * (top - mean) + (h + p) * loss_at(loss, top)
        else:
            visits = renewal_terms(own, top - s)
            rate = fixed[i]
            for j in range(top - s):
                rate += visits[j] * (h * (top - j - mean) + (h + p) * loss_at(loss, top - j))
            rate /= visits.sum()
        highest = s
        for at in range(start, stop):
            highest = max(highest, at_units[at])
        used = np.flatnonzero(own)
        n_steps = min(highest - s, max(4096, MOST_TERMS // used.size))
        if idle:
            n_steps = 0
        value = np.zeros(n_steps + 1)  # value[n] is H(s + n), for n >= 1
        if n_steps > 0:
            sells = 1.0 - own[0]
            beyond = sells  # P(demand >= n)
            for n in range(1, n_steps + 1):
                total = h * (s + n - mean) + (h + p) * loss_at(loss, s + n) - rate + fixed[i] * beyond
                for k in used:
                    if k >= n:
                        break
                    if k > 0:
                        total += own[k] * value[n - k]
                value[n] = total / sells
                if n < own.size:
                    beyond = max(beyond - own[n], 0.0)
                else:
                    beyond = 0.0
        demand = 0.0
        square = 0.0
        for k in used:
            demand += own[k] * k
            square += own[k] * k * k
        for at in range(start, stop):
            y = at_units[at]
            if y <= s:
                relative = h * (y - mean) + (h + p) * loss_at(loss, y) - rate + fixed[i]
            elif idle:
                relative = (h * (y - mean) + (h + p) * loss_at(loss, y) - rate) * horizon[i]
            elif y - s <= n_steps:
                relative = value[y - s]
            else:
                curve = h / (2.0 * demand)
                slope = (curve * square - h * mean - rate) / demand
                last = s + n_steps
                relative = value[n_steps] + curve * (y * y - last * last) + slope * (y - last)
            answer[at] = rate * horizon[i] + relative
    return answer


@compiled
def candidate_quantities(
    position: Units,
    pack: Units,
    least: Units,
    most: Units,
    must: Units,
    reorder_point: Units,
    order_up_to: Units,
    reach: Units,
    break_first: Units,
    break_at: Units,
    most_options: int,
) -> tuple[Units, Units]:
    """Quantities of each line worth considering, rising, as a ragged table (first, units).

    0 (unless the line must be ordered); every legal multiple of the pack up to `reach` beyond what restores the
    order-up-to level if that is few enough; else a spread of them, dense up to the level and thin above, always with
    the smallest, those on both sides of the level, the first at each price break, and the highest looked at. `least`
    is the smallest legal quantity, `must` non-zero where the line must be ordered, `most` below `least` where nothing
    can be.
    """
    n_lines = position.size
    table = np.zeros((n_lines, most_options), dtype=np.int64)
    count = np.zeros(n_lines, dtype=np.int64)
    slots = np.zeros(4 * most_options + 64, dtype=np.int64)
    for i in range(n_lines):
        if must[i] == 0:
            count[i] = 1
        room = most_options - count[i]
        unit = pack[i]
        low = -(-least[i] // unit)
        high = most[i] // unit
        if high < low or room < 1:
            continue
        want = max(order_up_to[i] - position[i], 0)
        far = min(max(-(-(want + reach[i]) // unit), low), high)
        n = 0
        if far - low + 1 <= room:
            for multiple in range(low, far + 1):
                slots[n] = multiple
                n += 1
        else:
            level = min(max(want // unit, low), far)
            fixed_ones = 3
            slots[0], slots[1], slots[2] = low, level, min(level + 1, far)
            n = fixed_ones
            for b in range(break_first[i], break_first[i + 1]):
                first = -(-break_at[b] // unit)
                if low < first <= high and n < room - 2 and first <= 4 * far + 4:
                    slots[n] = first
                    n += 1
            left = room - n
            dense = (2 * left) // 3 if level > low else 0
            if far <= level + 1:
                dense = left
            for j in range(1, dense + 1):
                slots[n] = low + (j * (level - low)) // (dense + 1)
                n += 1
            thin = left - dense
            for j in range(1, thin + 1):
                slots[n] = level + (j * (far - level)) // thin
                n += 1
        chosen = np.unique(slots[:n])
        for j in range(min(chosen.size, room)):
            table[i, count[i]] = chosen[j] * unit
            count[i] += 1
        for b in range(break_first[i], break_first[i + 1]):  # breaks beyond the reach of a short list
            first = -(-break_at[b] // unit) * unit
            if (
                count[i] < most_options
                and table[i, count[i] - 1] < first <= high * unit
                and first <= 4 * far * unit + 4
            ):
                table[i, count[i]] = first
                count[i] += 1
    first_of = np.zeros(n_lines + 1, dtype=np.int64)
    first_of[1:] = np.cumsum(count)
    units = np.zeros(first_of[-1], dtype=np.int64)
    for i in range(n_lines):
        units[first_of[i] : first_of[i + 1]] = table[i, : count[i]]
    return first_of, units
