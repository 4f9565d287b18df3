"""Small random nights, with every kind of rule switched on now and then."""

from __future__ import annotations

import numpy as np

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
