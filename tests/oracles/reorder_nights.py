"""Random nights: small ones for every combination, large ones as a shop has them."""

from __future__ import annotations

import numpy as np

from omsim.demand.lead_time import Periods, negative_binomial_demand
from omsim.optimize.policies.min_max import solve_min_max
from omsim.optimize.reorder.problem import (
    NO_LIMIT,
    LineOptions,
    PurchaseLines,
    PurchaseOrders,
    ReorderProblem,
    Steps,
    StorageSites,
    names_of,
)
from omsim.optimize.reorder.values import line_options


def small_night(seed: int, *, n_lines: int = 6, n_orders: int = 2, n_sites: int = 1, promises: bool = False):
    """Draw a night small enough to look at every combination."""
    rng = np.random.default_rng(seed)

    def sometimes(values, share=0.5):
        return np.where(rng.random(n_orders) < share, values, 0)

    order = np.sort(rng.integers(0, n_orders, n_lines))
    cost = rng.integers(50, 2_000, n_lines)
    pack = rng.choice([1, 2, 5], n_lines)
    moq = pack * rng.integers(1, 3, n_lines)
    weight, volume = rng.integers(10, 900, n_lines), rng.integers(10_000, 3_000_000, n_lines)
    most = moq + pack * rng.integers(0, 6, n_lines)
    least = np.where(rng.random(n_lines) < 0.3, rng.integers(1, 8, n_lines), 0) if promises else np.zeros(n_lines, int)
    units, expected, first = [], [], [0]
    breaks = []
    for i in range(n_lines):
        multiples = np.arange(moq[i], most[i] + 1, pack[i])
        multiples = multiples[multiples >= least[i]]
        own = multiples if least[i] else np.append(0, multiples)
        if own.size > 4:
            own = np.sort(rng.choice(own[1:], 3, replace=False))
            own = own if least[i] else np.append(0, own)
        want = rng.integers(0, 30)
        units += own.tolist()
        expected += (1000 * (rng.integers(1, 40) * (own - want) ** 2 + rng.integers(0, 3_000))).tolist()
        first.append(len(units))
        if rng.random() < 0.4:
            breaks.append((i, int(moq[i] + pack[i]), int(cost[i] * 0.9)))
    freight = []
    for o in np.flatnonzero(rng.random(n_orders) < 0.5).tolist():
        freight += [(o, 0, int(rng.integers(100, 4_000))), (o, int(rng.integers(1_000, 20_000)), 0)]
    trucks = rng.random(n_orders) < 0.5
    return ReorderProblem(
        lines=PurchaseLines(
            name=names_of("line", n_lines),
            order=order,
            position_units=rng.integers(-3, 10, n_lines),
            unit_cost_cents=cost,
            pack_units=pack,
            moq_units=moq,
            most_units=most,
            least_units=least,
            reorder_point_units=np.full(n_lines, 3),
            order_up_to_units=np.full(n_lines, 12),
            units_per_day=rng.uniform(0, 2, n_lines),
            weight_g=weight,
            volume_mm3=volume,
            line_cost_cents=rng.integers(0, 300, n_lines),
            price_breaks=Steps.of_rows(n_lines, breaks),
        ),
        orders=PurchaseOrders(
            name=names_of("order", n_orders),
            site=rng.integers(0, n_sites, n_orders),
            fixed_cost_cents=rng.integers(0, 4_000, n_orders),
            minimum_cents=sometimes(rng.integers(500, 12_000, n_orders)),
            minimum_g=sometimes(rng.integers(500, 8_000, n_orders), 0.3),
            truck_cost_cents=np.where(trucks, rng.integers(0, 5_000, n_orders), 0),
            truck_g=np.where(trucks, rng.integers(500, 6_000, n_orders), 0),
            truck_dm3=np.where(trucks & (rng.random(n_orders) < 0.5), rng.integers(2, 30, n_orders), 0),
            most_trucks=np.where(rng.random(n_orders) < 0.4, rng.integers(1, 4, n_orders), 0),
            freight=Steps.of_rows(n_orders, freight),
        ),
        sites=StorageSites(
            name=names_of("site", n_sites),
            storage_left_mm3=np.where(rng.random(n_sites) < 0.5, rng.integers(1, 80, n_sites) * 1_000_000, NO_LIMIT),
        ),
        options=LineOptions(
            first=np.array(first), units=np.array(units, dtype=np.int64), cost_mc=np.array(expected, dtype=np.int64)
        ),
        budget_cents=int(rng.integers(1_000, 40_000)) if rng.random() < 0.6 else NO_LIMIT,
    )


def shop_night(
    seed: int,
    *,
    n_lines: int,
    n_orders: int,
    n_sites: int,
    budget_share: float | None = 0.6,
    storage_share: float | None = None,
    n_demanding: float = 1.0,
):
    """Draw a night of a shop: exact policies and values, packs, breaks, minimums, freight and trucks on part of it.

    `budget_share` and `storage_share` are shares of what the lines' own policies would order tonight; None is no limit.
    `n_demanding` scales how many orders have rules of their own.
    """
    rng = np.random.default_rng(seed)
    mean = np.exp(rng.normal(-0.7, 1.2, n_lines))
    variance = mean * rng.uniform(1.05, 3.0, n_lines)
    day = negative_binomial_demand(mean, variance, Periods.fixed(1))
    after = negative_binomial_demand(mean, variance, Periods.fixed(rng.integers(3, 15, n_lines)).plus(1))
    cost = np.maximum(np.exp(rng.normal(6.5, 1.0, n_lines)), 20).astype(np.int64)
    hold = cost * 0.25 / 365
    short = hold * rng.uniform(8, 60, n_lines)
    share_of_order = rng.uniform(100, 400, n_lines)
    best = solve_min_max(day, after, share_of_order, hold, short)
    position = np.rint(rng.uniform(-0.1, 1.0, n_lines) * best.order_up_to_units).astype(np.int64)
    order = rng.integers(0, n_orders, n_lines)
    pack = rng.choice([1, 2, 6, 12], n_lines, p=[0.5, 0.2, 0.2, 0.1])
    moq = pack * rng.integers(1, 4, n_lines)
    weight = rng.integers(50, 3_000, n_lines)
    volume = weight * rng.integers(1_500, 6_000, n_lines)
    wanted = np.maximum(best.order_up_to_units - position, 0) * (position <= best.reorder_point_units)
    value, mass, bulk = (np.bincount(order, wanted * unit, n_orders) for unit in (cost, weight, volume))

    def some(share):
        return rng.random(n_orders) < share * n_demanding

    breaks = [(i, int(3 * moq[i]), int(0.95 * cost[i])) for i in np.flatnonzero(rng.random(n_lines) < 0.2).tolist()]
    freight = []
    for o in np.flatnonzero(some(0.5)).tolist():
        freight += [(o, 0, 8_000), (o, int(1.1 * value[o]) + 100, 0)]
    trucks = some(0.3)
    lines = PurchaseLines(
        name=names_of("line", n_lines),
        order=order,
        position_units=position,
        unit_cost_cents=cost,
        pack_units=pack,
        moq_units=moq,
        most_units=np.maximum(np.ceil(120 * mean).astype(np.int64), 2 * moq),
        reorder_point_units=best.reorder_point_units,
        order_up_to_units=best.order_up_to_units,
        units_per_day=mean,
        weight_g=weight,
        volume_mm3=volume,
        price_breaks=Steps.of_rows(n_lines, breaks),
    )
    site = np.arange(n_orders) % n_sites
    storage = np.full(n_sites, NO_LIMIT)
    if storage_share is not None:
        storage = (np.bincount(site, bulk, n_sites) * storage_share).astype(np.int64)
    return ReorderProblem(
        lines=lines,
        orders=PurchaseOrders(
            name=names_of("order", n_orders),
            site=site,
            fixed_cost_cents=rng.integers(500, 5_000, n_orders),
            minimum_cents=np.where(some(0.4), value * rng.uniform(0.5, 1.3, n_orders), 0).astype(np.int64),
            minimum_g=np.where(some(0.2), mass * rng.uniform(0.5, 1.2, n_orders), 0).astype(np.int64),
            truck_cost_cents=np.where(trucks, 15_000, 0),
            truck_g=np.where(trucks, mass / rng.uniform(1.2, 4.8, n_orders) + 1, 0).astype(np.int64),
            truck_dm3=np.where(trucks & some(0.5), bulk / 1e6 / rng.uniform(1.2, 4.8, n_orders) + 1, 0).astype(
                np.int64
            ),
            freight=Steps.of_rows(n_orders, freight),
        ),
        sites=StorageSites(name=names_of("site", n_sites), storage_left_mm3=storage),
        options=line_options(
            lines, day, after, order_cost_cents=share_of_order, holding_cents=hold, shortage_cents=short
        ),
        budget_cents=NO_LIMIT if budget_share is None else int(value.sum() * budget_share),
    )
