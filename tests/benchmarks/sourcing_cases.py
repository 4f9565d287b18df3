"""Synthetic sourcing instances: orders over a map of distribution centres, with the same law of demand every day.

1-5 lines an order (2.2 on average), Zipf demand, each SKU in about half of the sites, 500 cents and a distance charge a
shipment, 60-300 cents a unit by zone.
"""

import numpy as np

from omsim.kernels.allocation.batch import Batch, Classes, Lanes, Stock, nothing_kept

UNSERVED_CENTS = 3_000
N_LINES_SHARE = (0.36, 0.29, 0.19, 0.11, 0.05)


def draw_orders(rng, n_orders, n_skus, n_lanes, exponent=0.8):
    """A day's orders: distinct SKUs within an order, one unit mostly."""
    n_lines = rng.choice(5, n_orders, p=N_LINES_SHARE) + 1
    first = np.concatenate(([0], np.cumsum(n_lines)))
    weights = 1.0 / np.arange(1, n_skus + 1) ** exponent
    limits = np.cumsum(weights / weights.sum())
    order_of = np.repeat(np.arange(n_orders), n_lines)
    sku = np.minimum(np.searchsorted(limits, rng.random(first[-1])), n_skus - 1)
    while True:  # redraw what an order names twice
        by_order = np.lexsort((sku, order_of))
        same = (np.diff(order_of[by_order]) == 0) & (np.diff(sku[by_order]) == 0)
        again = by_order[1:][same]
        if again.size == 0:
            break
        sku[again] = np.minimum(np.searchsorted(limits, rng.random(again.size)), n_skus - 1)
    units = rng.choice(3, first[-1], p=(0.8, 0.15, 0.05)) + 1
    return Batch(
        first_line=first.astype(np.int64),
        sku=sku.astype(np.int64),
        units=units.astype(np.int64),
        lane=rng.integers(0, n_lanes, n_orders),
        order_class=np.zeros(n_orders, dtype=np.int64),
    )


def draw_map(rng, n_sites, n_lanes, distance_cents=400):
    """Costs from sites to regions on a square, zones of 60 to 300 cents a unit."""
    site, region = rng.random((n_sites, 2)), rng.random((n_lanes, 2))
    distance = np.sqrt(((region[:, None, :] - site[None, :, :]) ** 2).sum(axis=2))
    zone = np.minimum((distance / 1.2 * 8).astype(np.int64), 7)
    return Lanes(
        ranking=np.argsort(distance, axis=1, kind="stable").astype(np.int64),
        shipment_cents=500 + (distance * distance_cents).astype(np.int64),
        unit_cents=60 + zone * 240 // 7,
        kg_cents=np.zeros((n_lanes, n_sites), dtype=np.int64),
    )


def draw_stock(rng, demand, n_sites, ratio):
    """Each SKU in about half of the sites (at least one), `ratio` times its demand dealt out at random among them."""
    n_skus = demand.size
    carried = rng.random((n_sites, n_skus)) < 0.5
    carried[rng.integers(0, n_sites, n_skus), np.arange(n_skus)] = True
    cell_of = np.full((n_sites, n_skus), -1, dtype=np.int32)
    cell_of.T[carried.T] = np.arange(carried.sum(), dtype=np.int32)  # the cells of a SKU side by side
    units = np.floor(demand * ratio + rng.random(n_skus)).astype(np.int64)
    share = np.where(carried, rng.gamma(4.0, size=(n_sites, n_skus)), 0.0)
    dealt = np.floor(share / share.sum(axis=0) * units).astype(np.int64)
    left = units - dealt.sum(axis=0)
    for _ in range(n_sites):
        pick = np.argmax(np.where(carried, rng.random((n_sites, n_skus)), -1.0), axis=0)
        dealt[pick, np.arange(n_skus)] += left > 0
        left -= left > 0
    free = np.zeros(carried.sum(), dtype=np.int64)
    free[cell_of[carried]] = dealt[carried]
    return Stock(
        cell_of=cell_of,
        free_units=free,
        room=np.full(n_sites, 2**40, dtype=np.int64),
        weight_g=np.full(n_skus, 500, dtype=np.int64),
    )


def sourcing_case(n_orders, n_skus, ratio, seed=0, n_sites=10, n_lanes=200, days=1):
    """Days of orders, and what there is for the first of them: (batches, classes, lanes, stock)."""
    rng = np.random.default_rng(seed)
    lanes = draw_map(rng, n_sites, n_lanes)
    batches = [draw_orders(rng, n_orders, n_skus, n_lanes) for _ in range(days)]
    demand = np.bincount(batches[-1].sku, weights=batches[-1].units, minlength=n_skus)
    classes = Classes(
        allowed=np.ones((1, n_sites), dtype=bool),
        split_limit=np.array([n_sites]),
        partial=np.array([True]),
        complete=np.array([False]),
        kept_units=nothing_kept(1),
    )
    return batches, classes, lanes, draw_stock(rng, demand, n_sites, ratio)


def fresh(stock):
    """A copy whose free units and room may be used up."""
    return stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())
