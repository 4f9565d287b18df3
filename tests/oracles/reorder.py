"""Tonight's purchases by looking at every combination: slow, obvious, and sharing nothing with the optimizer."""

from __future__ import annotations

from itertools import product
from math import inf

from omsim.optimize.reorder.problem import NO_LIMIT, ReorderProblem


def unit_price(problem: ReorderProblem, line: int, units: int) -> int:
    """All-units price."""
    breaks = problem.lines.price_breaks
    price = int(problem.lines.unit_cost_cents[line])
    for step in range(int(breaks.first[line]), int(breaks.first[line + 1])):
        if units >= breaks.at[step]:
            price = int(breaks.cents[step])
    return price


def cost_of(problem: ReorderProblem, choice: list[tuple[int, int]]) -> float:
    """Cost in milli-cents of (units, expected cost) for each line; inf where a rule is broken."""
    lines, orders = problem.lines, problem.orders
    total = 0
    spent = 0
    stored = [0] * problem.sites.n_sites
    for order in range(orders.n_orders):
        own = [i for i in range(lines.n_lines) if lines.order[i] == order]
        value = weight = volume = 0
        placed = False
        for i in own:
            units, expected = choice[i]
            price = unit_price(problem, i, units)
            value += units * price
            weight += units * int(lines.weight_g[i])
            volume += units * int(lines.volume_mm3[i])
            total += expected
            if units:
                placed = True
                total += 1000 * (int(lines.line_cost_cents[i]) + units * (price - int(lines.unit_cost_cents[i])))
        spent += value
        stored[int(orders.site[order])] += volume
        if not placed:
            continue
        if value < orders.minimum_cents[order] or weight < orders.minimum_g[order]:
            return inf
        trucks = 0
        while (orders.truck_g[order] and trucks * int(orders.truck_g[order]) < weight) or (
            orders.truck_dm3[order] and trucks * int(orders.truck_dm3[order]) * 1_000_000 < volume
        ):
            trucks += 1
        if orders.most_trucks[order] and trucks > orders.most_trucks[order]:
            return inf
        freight = 0
        for step in range(int(orders.freight.first[order]), int(orders.freight.first[order + 1])):
            if value >= orders.freight.at[step]:
                freight = int(orders.freight.cents[step])
        total += 1000 * (int(orders.fixed_cost_cents[order]) + freight + trucks * int(orders.truck_cost_cents[order]))
    if problem.budget_cents < NO_LIMIT and spent > problem.budget_cents:
        return inf
    for site, volume in enumerate(stored):
        if volume > problem.sites.storage_left_mm3[site]:
            return inf
    return total


def cheapest(problem: ReorderProblem) -> float:
    """Least cost of all combinations of options; inf when none is legal."""
    first = problem.options.first
    rows = [
        [(int(problem.options.units[j]), int(problem.options.cost_mc[j])) for j in range(first[i], first[i + 1])]
        for i in range(problem.lines.n_lines)
    ]
    return min((cost_of(problem, list(choice)) for choice in product(*rows)), default=inf)
