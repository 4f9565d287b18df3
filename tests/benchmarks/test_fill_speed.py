"""Bulk fill, walks over sites and transport prices at the size of a big day, beside what others do, in one run.

1,000,000 lines, 10 sites, 50,000 SKUs. Aims: 20 M lines/s for the running total (NumPy alone), 80 M for skip misfits.
"""

import time

import numpy as np
import pandas as pd
import pytest

from omsim.kernels.allocation.batch import Batch, Classes, Lanes, Stock, nothing_kept
from omsim.kernels.allocation.fill import fill_in_queue, fill_running_total, fill_skip_misfits
from omsim.kernels.allocation.rounding import COUPLED, INDEPENDENT, SPARSE, round_plan
from omsim.kernels.allocation.transport import transport_prices
from omsim.kernels.allocation.walk import FIRST_COMPLETE, MOST_STOCK, NEAREST, walk_sites

N_LINES, N_SITES, N_SKUS = 1_000_000, 10, 50_000


def least_seconds(work, *args, rounds=3):
    """The shortest of a few runs."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work(*args)
        times.append(time.perf_counter() - began)
    return min(times)


def busy_day():
    """Cell and units of each line and units of each cell: Zipf demand, 0.3 to 1.5 times as much stock."""
    rng = np.random.default_rng(0)
    popularity = 1 / np.arange(1, N_SKUS + 1) ** 0.8
    sku = rng.choice(N_SKUS, N_LINES, p=popularity / popularity.sum())
    cell = rng.integers(0, N_SITES, N_LINES) * N_SKUS + sku
    units = rng.integers(1, 4, N_LINES)
    asked = np.bincount(cell, units, minlength=N_SITES * N_SKUS)
    return cell, units, np.floor(asked * rng.uniform(0.3, 1.5, asked.size)).astype(np.int64)


def fill_by_pandas(cell, units, free_units):
    """The running total as a data frame user writes it."""
    return pd.Series(units).groupby(cell).cumsum().to_numpy() <= free_units[cell]


def fill_by_stable_argsort(cell, units, free_units):
    """The running total with the sort most write first."""
    order = np.argsort(cell, kind="stable")
    c, u = cell[order], units[order]
    total = np.cumsum(u)
    first = np.flatnonzero(np.diff(c, prepend=-1))
    total -= np.repeat(total[first] - u[first], np.diff(first, append=c.size))
    served = np.empty(c.size, dtype=bool)
    served[order] = total <= free_units[c]
    return served


@pytest.mark.parametrize("fill", [fill_running_total, fill_in_queue, fill_skip_misfits])
def test_bulk_fill(benchmark, measuring, fill):
    """A million lines by each rule; pandas and a stable argsort give what the running total gives."""
    day = busy_day()
    fill(*day)
    found = benchmark.pedantic(fill, day, rounds=9)
    seconds = benchmark.stats.stats.min
    by_pandas, by_argsort = fill_by_pandas(*day), fill_by_stable_argsort(*day)
    if fill is fill_running_total:
        np.testing.assert_array_equal(found, by_pandas)
        np.testing.assert_array_equal(found, by_argsort)
    benchmark.extra_info |= {
        "million_lines_per_s": N_LINES / seconds / 1e6,
        "times_pandas_groupby": least_seconds(fill_by_pandas, *day) / seconds,
        "times_stable_argsort": least_seconds(fill_by_stable_argsort, *day) / seconds,
        "served_share": float(np.mean(found > 0)),
    }


def busy_orders(n_orders, n_skus):
    """Orders of 1 to 4 lines from 20 regions over 10 sites, each SKU at about half of them, stock about demand."""
    rng = np.random.default_rng(1)
    first = np.concatenate([[0], np.cumsum(rng.integers(1, 5, n_orders))]).astype(np.int64)
    sku = np.minimum((n_skus * rng.random(first[-1]) ** 2).astype(np.int64), n_skus - 1)
    units = rng.integers(1, 4, first[-1])
    batch = Batch(first, sku, units, rng.integers(0, 20, n_orders), np.zeros(n_orders, dtype=np.int64))
    carried = rng.random((N_SITES, n_skus)) < 0.5
    cell_of = np.full((N_SITES, n_skus), -1, dtype=np.int32)
    cell_of[carried] = np.arange(carried.sum())
    each = np.bincount(sku, units, minlength=n_skus) / np.maximum(carried.sum(axis=0), 1)
    free = np.ceil(np.broadcast_to(each, carried.shape)[carried] * 1.1).astype(np.int64)
    classes = Classes(
        np.ones((1, N_SITES), dtype=bool), np.array([N_SITES]), np.array([True]), np.array([False]), nothing_kept(1)
    )
    cents = np.zeros((20, N_SITES), dtype=np.int64)
    lanes = Lanes(np.argsort(rng.random((20, N_SITES)), axis=1), cents, cents, cents)
    return batch, classes, lanes, Stock(cell_of, free, np.full(N_SITES, 10**9), np.ones(n_skus, dtype=np.int64))


class ListShop:
    """Orders, sites and stock as open order systems hold them: dicts and lists of plain numbers."""

    def __init__(self, batch, lanes, stock):
        sku, units = batch.sku.tolist(), batch.units.tolist()
        bounds = batch.first_line.tolist()
        self.orders = [
            {
                "region": region,
                "lines": [{"sku": sku[i], "units": units[i]} for i in range(first, last)],
            }
            for region, first, last in zip(batch.lane.tolist(), bounds, bounds[1:], strict=False)
        ]
        self.sites = [
            {"name": site, "place": {region: place for region, place in enumerate(places.tolist())}}
            for site, places in enumerate(np.argsort(lanes.ranking, axis=1).T)
        ]
        self.on_hand = [
            {sku: int(stock.free_units[cell]) for sku, cell in enumerate(cells.tolist()) if cell >= 0}
            for cells in stock.cell_of
        ]

    def take(self, line, site, left):
        """Take what is on hand of what remains."""
        stock = self.on_hand[site["name"]]
        taken = min(stock.get(line["sku"], 0), left)
        if taken:
            stock[line["sku"]] -= taken
        return taken

    def coordinate(self):
        """Filter the sites that have something, sort them by place, take what is on hand, site after site (Solidus)."""
        served = 0
        for order in self.orders:
            asked = {line["sku"] for line in order["lines"]}
            sites = [s for s in self.sites if any(self.on_hand[s["name"]].get(sku, 0) for sku in asked)]
            sites.sort(key=lambda s: s["place"][order["region"]])
            for line in order["lines"]:
                left = line["units"]
                for site in sites:
                    left -= self.take(line, site, left)
                    if not left:
                        break
                served += line["units"] - left
        return served

    def highest_stock(self):
        """For each line sort the sites by what they have, most first, and take it (Saleor)."""
        served = 0
        for order in self.orders:
            for line in order["lines"]:
                sku, left = line["sku"], line["units"]
                sites = [s for s in self.sites if self.on_hand[s["name"]].get(sku, 0)]
                sites.sort(key=lambda s: (-self.on_hand[s["name"]][sku], s["place"][order["region"]]))
                for site in sites:
                    left -= self.take(line, site, left)
                    if not left:
                        break
                served += line["units"] - left
        return served


@pytest.mark.parametrize(
    ("rule", "peer"), [(NEAREST, "coordinate"), (FIRST_COMPLETE, None), (MOST_STOCK, "highest_stock")]
)
def test_walks_beside_lists(benchmark, measuring, rule, peer):
    """100,000 orders (250,000 lines) by each walk; walking lists of dicts serves the same units."""
    batch, classes, lanes, stock = busy_orders(100_000, 20_000)

    def fresh():
        left = stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())
        return (batch, classes, lanes, left, rule), {}

    walk_sites(*fresh()[0])
    choice = benchmark.pedantic(walk_sites, setup=fresh, rounds=7)
    seconds = benchmark.stats.stats.min
    benchmark.extra_info["million_lines_per_s"] = batch.units.size / seconds / 1e6
    if peer:
        shop = ListShop(batch, lanes, stock)
        began = time.perf_counter()
        served = getattr(shop, peer)()
        benchmark.extra_info["times_list_walk"] = (time.perf_counter() - began) / seconds
        assert served == choice.units.sum()


@pytest.mark.parametrize("cover", [0.9, 1.05, 1.4])
def test_transport_prices(benchmark, measuring, cover):
    """Exact dual prices of 50,000 SKUs, 10 sites, 20 regions, stock of so many times the demand expected."""
    rng = np.random.default_rng(1)
    here, there = rng.random((N_SITES, 2)), rng.random((20, 2))
    cents = (300 + 1000 * np.linalg.norm(there[:, None] - here[None], axis=2)).astype(np.int64)
    demand = rng.gamma(0.5, 4, N_SKUS) * rng.dirichlet(np.full(20, 3.0), N_SKUS).T
    share = (rng.random((N_SITES, N_SKUS)) < 0.5) * rng.random((N_SITES, N_SKUS))
    share /= np.maximum(share.sum(axis=0), 1e-9)
    stock = np.floor(share * demand.sum(axis=0) * cover + rng.random(share.shape) * (share > 0)).astype(np.int64)
    tables = (stock, demand, cents, np.full(N_SKUS, 3_000))
    transport_prices(stock[:, :9], demand[:, :9], cents, np.full(9, 3_000))
    prices = benchmark.pedantic(transport_prices, tables, rounds=5)
    assert (prices.more_cents <= prices.less_cents).all()
    benchmark.extra_info["skus_per_s"] = N_SKUS / benchmark.stats.stats.min


@pytest.mark.parametrize("rule", [INDEPENDENT, COUPLED, SPARSE])
def test_rounding(benchmark, measuring, rule):
    """300,000 lines in orders of 3 over 10 sites; boxes for each box that no rounding can save."""
    fraction = np.random.default_rng(0).dirichlet(np.ones(N_SITES), 300_000)
    first, key = np.arange(0, 300_001, 3), np.arange(100_000)
    round_plan(first[:2], fraction[:3], rule, seed=0, stream=0, order_key=key[:1])
    site = benchmark.pedantic(round_plan, (first, fraction, rule), {"seed": 0, "stream": 0, "order_key": key}, rounds=5)
    assert 0 <= site.min() <= site.max() < N_SITES
    ranked = np.sort(site.reshape(-1, 3), axis=1)
    boxes = 1 + (np.diff(ranked, axis=1) != 0).sum(axis=1)
    benchmark.extra_info |= {
        "million_lines_per_s": site.size / benchmark.stats.stats.min / 1e6,
        "times_least_boxes": float(boxes.mean() / fraction.reshape(-1, 3, N_SITES).max(axis=1).sum(axis=1).mean()),
    }
