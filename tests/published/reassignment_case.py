"""Orders on hold at a retailer with several sites: how many split shipments a re-assignment removes.

After Xu, Allgor & Graves (2009, Manufacturing & Service Operations Management 11), who re-assigned the waiting orders
of a large retailer and removed 40-50 % of the shipments beyond one an order. What decides is how many sites carry what.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from omsim.kernels.allocation.batch import Batch, Classes, Lanes, Stock, nothing_kept
from omsim.kernels.allocation.order_choice import fewest_shipments
from omsim.kernels.allocation.reassign import reassign

UNSERVED_CENTS = 100_000


class HeldOrders(NamedTuple):
    """Orders that wait, and the stock before any was sourced."""

    batch: Batch
    classes: Classes
    lanes: Lanes
    stock: Stock


class Shipments(NamedTuple):
    """Shipments of the same orders: sourced one by one, re-assigned, and with stock of everything carried."""

    orders: int
    myopic: int
    reassigned: int
    at_least: int

    @property
    def removed_share(self):
        """Share of the shipments beyond one an order that re-assignment removes."""
        return (self.myopic - self.reassigned) / (self.myopic - self.orders)

    @property
    def removed_share_of_possible(self):
        """The same of those that infinite stock at the sites that carry the SKUs would remove."""
        return (self.myopic - self.reassigned) / (self.myopic - self.at_least)


def held_orders(*, carried_share, cover, seed, n_sites=6, n_skus=350, n_orders=5_000, multi_share=0.3):
    """Orders of one to four units over SKUs of falling demand, each SKU at a random share of the sites.

    `cover` is stock over demand, SKU by SKU; it lies at the sites that carry the SKU by their regions' demand.
    """
    rng = np.random.default_rng(seed)
    n_lines = np.where(rng.random(n_orders) < multi_share, rng.choice([2, 3, 4], n_orders, p=[0.6, 0.3, 0.1]), 1)
    first = np.concatenate([[0], np.cumsum(n_lines)]).astype(np.int64)
    popular = np.arange(1, n_skus + 1) ** -0.7
    sku = rng.choice(n_skus, int(first[-1]), p=popular / popular.sum()).astype(np.int64)
    carried = rng.random((n_sites, n_skus)) < carried_share
    nowhere = np.flatnonzero(~carried.any(axis=0))
    carried[rng.integers(0, n_sites, nowhere.size), nowhere] = True
    cell_of = np.full((n_sites, n_skus), -1, dtype=np.int32)
    cell_of[carried] = np.arange(int(carried.sum()))
    free = np.zeros(int(carried.sum()), dtype=np.int64)
    for item, demand in enumerate(np.bincount(sku, minlength=n_skus)):
        cells = cell_of[carried[:, item], item]
        free[cells] = rng.multinomial(int(np.ceil(cover * demand)), np.full(cells.size, 1.0 / cells.size))
    miles = rng.integers(1, 100, (n_sites, n_sites)) + 50
    np.fill_diagonal(miles, 0)
    ranking = np.argsort(miles, axis=1, kind="stable").astype(np.int64)
    return HeldOrders(
        Batch(first, sku, np.ones_like(sku), rng.integers(0, n_sites, n_orders), np.zeros(n_orders, dtype=np.int64)),
        Classes(
            np.ones((1, n_sites), dtype=np.bool_),
            np.array([n_sites], dtype=np.int64),
            np.ones(1, dtype=np.bool_),
            np.zeros(1, dtype=np.bool_),
            nothing_kept(1),
        ),
        Lanes(ranking, 500 + miles, np.zeros_like(miles), np.zeros_like(miles)),
        Stock(
            cell_of,
            free,
            np.full(n_sites, 10 * n_orders, dtype=np.int64),
            np.full(n_skus, 500, dtype=np.int64),
        ),
    )


def shipments_before_and_after(held):
    """Source the orders in turn (fewest shipments, then nearest), re-assign them, and count."""
    batch, classes, lanes, stock = held
    plenty = stock._replace(free_units=np.full(stock.free_units.size, 10**6), room=stock.room.copy())
    left = stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())
    before = fewest_shipments(batch, classes, lanes, left, UNSERVED_CENTS)
    after = reassign(batch, classes, lanes, left, before)
    least = fewest_shipments(batch, classes, lanes, plenty, UNSERVED_CENTS)
    return Shipments(batch.lane.size, *(_shipments(batch, choice) for choice in (before, after, least)))


def _shipments(batch, choice):
    order = np.searchsorted(batch.first_line, choice.line, side="right")
    return np.unique(np.stack([order, choice.site]), axis=1).shape[1]
