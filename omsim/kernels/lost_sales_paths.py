"""Lost sales under periodic review on sampled demand: what base stock costs, and the search for level and cap.

Owns the loops behind `omsim.optimize.policies.lost_sales_tables`. Every candidate of an item meets the same demand, so
candidates differ by what they do, not by luck. Demand tables are ragged, as in `omsim.kernels.distributions`.
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
def draw_units(own: Floats, uniform: Floats, out: Units) -> None:
    """Fill `out` with demand whose share within is just above each uniform number (inverse transform)."""
    within = np.cumsum(own)
    most = own.size - 1
    for n in range(uniform.size):
        low = 0
        high = most
        wanted = uniform[n] * within[most]
        while low < high:
            middle = (low + high) // 2
            if within[middle] > wanted:
                high = middle
            else:
                low = middle + 1
        out[n] = low


@compiled
def run_base_stock(
    demand: Units, lead: int, level: int, cap: int, hold: float, penalty: float, n_skipped: int, pipe: Units
) -> tuple[float, float]:
    """Average cost a period, and share of units lost, of capped base stock from the level on hand.

    Each period: what was ordered `lead` periods ago arrives (with lead 0 what is ordered now), an order is placed,
    demand comes. `pipe` is room for `lead` numbers. The first `n_skipped` periods do not count.
    """
    pipe[:] = 0
    stock = level
    total = level
    left = 0
    lost = 0
    asked = 0
    at = 0
    for n in range(demand.size):
        if lead > 0:
            stock += pipe[at]
        order = min(level - total, cap)
        total += order
        if lead > 0:
            pipe[at] = order
            at += 1
            if at == lead:
                at = 0
        else:
            stock += order
        wanted = demand[n]
        sold = min(wanted, stock)
        stock -= sold
        total -= sold
        if n >= n_skipped:
            left += stock
            lost += wanted - sold
            asked += wanted
    n_counted = demand.size - n_skipped
    return (hold * left + penalty * lost) / n_counted, lost / max(asked, 1)


@compiled
def search_lost_base_stock(
    pmf: Floats,
    first: Units,
    lead: Units,
    hold: Floats,
    penalty: Floats,
    top: Units,
    capped: bool,
    uniform: Floats,
    n_skipped: int,
    level: Units,
    cap: Units,
) -> None:
    """Fill `level` and `cap` with the pair of least cost of each item on its sampled demand.

    From the newsvendor level `top`, with no cap: steps of a power of two in either number, halved when none helps.
    The cap is started from a few places between mean demand and no cap.
    """
    demand = np.zeros(uniform.size, dtype=np.int64)
    pipe = np.zeros(max(1, lead.max()), dtype=np.int64)
    for item in range(lead.size):
        own = pmf[first[item] : first[item + 1]]
        draw_units(own, uniform, demand)
        no_cap = max(top[item], 1)
        best, _ = run_base_stock(demand, lead[item], top[item], no_cap, hold[item], penalty[item], n_skipped, pipe)
        level[item] = top[item]
        cap[item] = no_cap
        best = _walk(demand, lead[item], hold[item], penalty[item], n_skipped, pipe, best, item, level, cap, False)
        if not capped:
            cap[item] = level[item]
            continue
        plain = level[item]
        mean = demand.mean()
        spread = demand.std()
        kept_level = level[item]
        kept_cap = no_cap
        for start in range(3):
            trial = int(np.ceil(mean + 0.5 * start * spread))
            if trial < 1 or trial >= no_cap:
                continue
            level[item] = plain
            cap[item] = trial
            cost, _ = run_base_stock(demand, lead[item], plain, trial, hold[item], penalty[item], n_skipped, pipe)
            cost = _walk(demand, lead[item], hold[item], penalty[item], n_skipped, pipe, cost, item, level, cap, True)
            if cost < best:
                best = cost
                kept_level = level[item]
                kept_cap = cap[item]
        level[item] = kept_level
        cap[item] = min(kept_cap, kept_level)


@compiled
def _walk(
    demand: Units,
    lead: int,
    hold: float,
    penalty: float,
    n_skipped: int,
    pipe: Units,
    best: float,
    item: int,
    level: Units,
    cap: Units,
    both: bool,
) -> float:
    """Move level and, where `both`, cap of one item downhill; returns the cost reached."""
    step = 1
    while step * 4 <= level[item]:
        step *= 2
    while step > 0:
        better = True
        while better:
            better = False
            for move in range(4 if both else 2):
                new_level = level[item]
                new_cap = cap[item]
                if move == 0:
                    new_level -= step
                elif move == 1:
                    new_level += step
                elif move == 2:
                    new_cap -= step
                else:
                    new_cap += step
                if new_level < 0 or new_cap < 1:
                    continue
                cost, _ = run_base_stock(demand, lead, new_level, new_cap, hold, penalty, n_skipped, pipe)
                if cost < best:
                    best = cost
                    level[item] = new_level
                    cap[item] = new_cap
                    better = True
        step //= 2
    return best


@compiled
def measure_lost_base_stock(
    pmf: Floats,
    first: Units,
    lead: Units,
    hold: Floats,
    penalty: Floats,
    level: Units,
    cap: Units,
    uniform: Floats,
    n_skipped: int,
    cost: Floats,
    lost_share: Floats,
    error: Floats,
) -> None:
    """Fill cost, its standard error and share lost of given pairs; rows of `uniform` are independent runs."""
    n_runs = uniform.shape[0]
    demand = np.zeros(uniform.shape[1], dtype=np.int64)
    pipe = np.zeros(max(1, lead.max()), dtype=np.int64)
    run_cost = np.zeros(n_runs)
    for item in range(lead.size):
        lost_share[item] = 0.0
        for run in range(n_runs):
            draw_units(pmf[first[item] : first[item + 1]], uniform[run], demand)
            run_cost[run], lost = run_base_stock(
                demand, lead[item], level[item], cap[item], hold[item], penalty[item], n_skipped, pipe
            )
            lost_share[item] += lost / n_runs
        cost[item] = run_cost.mean()
        error[item] = run_cost.std() / np.sqrt(max(n_runs - 1, 1))
