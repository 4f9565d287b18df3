"""Whole plans of a night: what they cost order by order, and changes of one line that use the room left.

Owns the loops over all orders of a plan with the true cost of every order; pricing orders one by one is
`omsim.kernels.choice_pricing`. Arrays as in `omsim.kernels.choice_orders`; a plan is an option for each line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.choice_orders import order_cost
from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Index = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@compiled
def plan_costs(
    plan: Index,
    cost: Floats,
    amounts: Floats,
    ordered: Flags,
    order_first: Index,
    terms: Floats,
    freight_first: Index,
    freight_at: Floats,
    freight_mc: Floats,
    own: Floats,
    usage: Floats,
    n_used: Index,
) -> Floats:
    """Cost of every order of a plan, infinite where it breaks a rule of the order.

    Written: `own` the part that belongs to the order, not its lines; `usage`, shape (n_orders, 3), its amounts;
    `n_used` its lines that are not 0.
    """
    total = np.zeros(terms.shape[0])
    for o in range(terms.shape[0]):
        usage[o, :] = 0.0
        n_used[o] = 0
        for line in range(order_first[o], order_first[o + 1]):
            j = plan[line]
            total[o] += cost[j]
            n_used[o] += int(ordered[j])
            for r in range(3):
                usage[o, r] += amounts[j, r]
        steps = slice(freight_first[o], freight_first[o + 1])
        own[o] = order_cost(
            terms[o], freight_at[steps], freight_mc[steps], n_used[o], usage[o, 0], usage[o, 1], usage[o, 2]
        )
        total[o] += own[o]
    return total


@compiled
def change_of_cost(
    o: int,
    j: int,
    now: int,
    cost: Floats,
    amounts: Floats,
    ordered: Flags,
    terms: Floats,
    freight_first: Index,
    freight_at: Floats,
    freight_mc: Floats,
    own: Floats,
    usage: Floats,
    n_used: Index,
) -> tuple[float, float]:
    """Rise of the whole cost when a line of order o changes from option `now` to j, and the order's new own part."""
    steps = slice(freight_first[o], freight_first[o + 1])
    changed = order_cost(
        terms[o],
        freight_at[steps],
        freight_mc[steps],
        n_used[o] + int(ordered[j]) - int(ordered[now]),
        usage[o, 0] + amounts[j, 0] - amounts[now, 0],
        usage[o, 1] + amounts[j, 1] - amounts[now, 1],
        usage[o, 2] + amounts[j, 2] - amounts[now, 2],
    )
    return cost[j] - cost[now] + changed - own[o], changed


@compiled
def filling_changes(
    plan: Index,
    cost: Floats,
    amounts: Floats,
    ordered: Flags,
    option_first: Index,
    order_first: Index,
    terms: Floats,
    freight_first: Index,
    freight_at: Floats,
    freight_mc: Floats,
    own: Floats,
    usage: Floats,
    n_used: Index,
    order_site: Index,
    budget_room: float,
    storage_room: Floats,
    budget_price: float,
    storage_price: Floats,
) -> tuple[Index, Index, Floats]:
    """Changes of one line that lower the whole cost and fit by themselves, with their loss at the prices given.

    Returns
    -------
    order, option : int64, shape (n_changes,)
        The option names its line too: the change replaces what that line has.
    loss : float64, shape (n_changes,)
    """
    n_options = cost.size
    orders = np.empty(n_options, dtype=np.int64)
    options = np.empty(n_options, dtype=np.int64)
    losses = np.empty(n_options)
    n_changes = 0
    for o in range(terms.shape[0]):
        site = order_site[o]
        for line in range(order_first[o], order_first[o + 1]):
            now = plan[line]
            for j in range(option_first[line], option_first[line + 1]):
                more_value = amounts[j, 0] - amounts[now, 0]
                more_volume = amounts[j, 2] - amounts[now, 2]
                if j == now or more_value > budget_room or more_volume > storage_room[site]:
                    continue
                rise, _ = change_of_cost(
                    o, j, now, cost, amounts, ordered, terms, freight_first, freight_at, freight_mc, own, usage, n_used
                )
                if rise < 0.0:
                    orders[n_changes] = o
                    options[n_changes] = j
                    losses[n_changes] = rise + budget_price * more_value + storage_price[site] * more_volume
                    n_changes += 1
    return orders[:n_changes].copy(), options[:n_changes].copy(), losses[:n_changes].copy()


@compiled
def make_changes(
    plan: Index,
    cost: Floats,
    amounts: Floats,
    ordered: Flags,
    line_of: Index,
    terms: Floats,
    freight_first: Index,
    freight_at: Floats,
    freight_mc: Floats,
    own: Floats,
    usage: Floats,
    n_used: Index,
    order_site: Index,
    budget_room: float,
    storage_room: Floats,
    orders: Index,
    options: Index,
    in_turn: Index,
) -> float:
    """Make changes in turn where they still lower the cost and fit; plan and sums are changed. Returns the saving."""
    saved = 0.0
    for at in in_turn:
        o, j = orders[at], options[at]
        site = order_site[o]
        now = plan[line_of[j]]
        more_value = amounts[j, 0] - amounts[now, 0]
        more_volume = amounts[j, 2] - amounts[now, 2]
        if j == now or more_value > budget_room or more_volume > storage_room[site]:
            continue
        rise, changed = change_of_cost(
            o, j, now, cost, amounts, ordered, terms, freight_first, freight_at, freight_mc, own, usage, n_used
        )
        if rise < 0.0:
            plan[line_of[j]] = j
            own[o] = changed
            n_used[o] += int(ordered[j]) - int(ordered[now])
            for r in range(3):
                usage[o, r] += amounts[j, r] - amounts[now, r]
            budget_room -= more_value
            storage_room[site] -= more_volume
            saved -= rise
    return saved
