"""Lost sales under periodic review, exactly: average-cost value iteration over stock on hand and orders on the way.

Owns the state space and the sweeps; `omsim.optimize.policies.lost_sales` owns the policies. A state is the stock on
hand ``x[0]`` after the period's arrival and the orders ``x[1] .. x[lead - 1]`` on the way, next to arrive first. The
orders are the digits of one number in base ``n_orders`` (an order is 0 .. n_orders - 1), so tables have shape
(top + 1, n_orders ** (lead - 1)); states of more than `top` units in all are not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]


@compiled
def units_on_the_way(n_orders: int, n_pipes: int) -> Units:
    """Sum of the digits of 0 .. n_pipes - 1 in base `n_orders`: units on the way, int64, shape (n_pipes,)."""
    total = np.zeros(n_pipes, dtype=np.int64)
    for pipe in range(n_pipes):
        rest = pipe
        while rest > 0:
            total[pipe] += rest % n_orders
            rest //= n_orders
    return total


@compiled
def expected_next(value: Floats, pmf: Floats, tail: Floats, stock: int, arriving: int, pipe: int) -> float:
    """Expected `value` of the next state: what demand leaves of `stock`, and `arriving`; tail[n] is P(demand >= n)."""
    total = 0.0
    most = min(stock, pmf.size)
    for units in range(most):
        total += pmf[units] * value[stock - units + arriving, pipe]
    if stock < tail.size:
        total += tail[stock] * value[arriving, pipe]
    return total


@compiled
def look_ahead(value: Floats, pmf: Floats, tail: Floats, n_orders: int, top: int) -> Floats:
    """Expected value of the next state by state and order, inf where the total would exceed `top`.

    Returns
    -------
    float64, shape (top + 1, n_pipes, n_orders)
    """
    n_pipes = value.shape[1]
    total = units_on_the_way(n_orders, n_pipes)
    table = np.full((top + 1, n_pipes, n_orders), np.inf)
    for stock in range(top + 1):
        for pipe in range(n_pipes):
            for order in range(min(n_orders, top - stock - total[pipe] + 1)):
                full = pipe * n_orders + order
                table[stock, pipe, order] = expected_next(value, pmf, tail, stock, full // n_pipes, full % n_pipes)
    return table


@compiled
def iterate_optimal(
    pmf: Floats, tail: Floats, cost: Floats, n_orders: int, n_pipes: int, tolerance: float, most_sweeps: int
) -> tuple[Units, float, float]:
    """Value iteration for the least average cost; `cost[x]` is the period's cost with x units on hand.

    Returns
    -------
    order : int64, shape (top + 1, n_pipes)
        What to order; the smallest of equally good orders, -1 in states not used.
    low, high : float
        The least average cost lies between; the orders cost at most `high`.
    """
    top = cost.size - 1
    total = units_on_the_way(n_orders, n_pipes)
    value = np.zeros((top + 1, n_pipes))
    new = np.zeros((top + 1, n_pipes))
    order = np.full((top + 1, n_pipes), -1, dtype=np.int64)
    low = -np.inf
    high = np.inf
    for _ in range(most_sweeps):
        low_now = np.inf
        high_now = -np.inf
        for stock in range(top + 1):
            for pipe in range(n_pipes):
                room = top - stock - total[pipe]
                if room < 0:
                    continue
                best = np.inf
                chosen = 0
                for units in range(min(n_orders, room + 1)):
                    full = pipe * n_orders + units
                    trial = expected_next(value, pmf, tail, stock, full // n_pipes, full % n_pipes)
                    if units == 0 or trial < best - 1e-13 * abs(best):
                        best = trial
                        chosen = units
                best += cost[stock]
                change = best - value[stock, pipe]
                low_now = min(low_now, change)
                high_now = max(high_now, change)
                new[stock, pipe] = best
                order[stock, pipe] = chosen
        low = max(low, low_now)
        high = high_now
        if high - low <= tolerance:
            break
        _blend(value, new)
    return order, low, high


@compiled
def iterate_policy(
    order: Units, pmf: Floats, tail: Floats, cost: Floats, n_orders: int, tolerance: float, most_sweeps: int
) -> tuple[float, float]:
    """Average cost of a policy; `order` as `iterate_optimal` returns it, totals within top. Returns (low, high)."""
    top = cost.size - 1
    n_pipes = order.shape[1]
    total = units_on_the_way(n_orders, n_pipes)
    value = np.zeros((top + 1, n_pipes))
    new = np.zeros((top + 1, n_pipes))
    low = -np.inf
    high = np.inf
    for _ in range(most_sweeps):
        low_now = np.inf
        high_now = -np.inf
        for stock in range(top + 1):
            for pipe in range(n_pipes):
                if stock + total[pipe] > top:
                    continue
                full = pipe * n_orders + order[stock, pipe]
                then = cost[stock] + expected_next(value, pmf, tail, stock, full // n_pipes, full % n_pipes)
                change = then - value[stock, pipe]
                low_now = min(low_now, change)
                high_now = max(high_now, change)
                new[stock, pipe] = then
        low = max(low, low_now)
        high = min(high, high_now)
        if high - low <= tolerance:
            break
        _blend(value, new)
    return low, high


@compiled
def _blend(value: Floats, new: Floats) -> None:
    """Move `value` most of the way to `new`, less the value of the empty state: no cycling, no growth."""
    base = new[0, 0]
    for row in range(value.shape[0]):
        for column in range(value.shape[1]):
            value[row, column] = 0.05 * value[row, column] + 0.95 * (new[row, column] - base)
