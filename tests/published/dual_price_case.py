"""Sourcing one article after another for a month, myopic, with dual prices, and knowing what comes.

The setting of Acimovic & Graves (2015): stock at several sites must last until the next replenishment, each order asks
for one unit from one region, and the decision adds to today's cost what a unit of the site's stock is worth to later
orders, the dual price of a transport problem over expected demand, solved anew each day.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.allocation.batch import Batch, Classes, Lanes, Stock, nothing_kept
from omsim.kernels.allocation.order_choice import choose_orders
from omsim.kernels.allocation.transport import transport_prices

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

N_SITES, N_REGIONS, N_DAYS = 5, 20, 30
UNSERVED_CENTS = 5_000  # dearer than any zone: whoever can be served is


class Sourced(NamedTuple):
    """What each article's month cost, cents, shape (n_articles,)."""

    myopic: Ints
    priced: Ints
    clairvoyant: Ints

    @property
    def saving(self) -> float:
        """Share of the myopic cost that prices save, over all articles."""
        return float(1 - self.priced.sum() / self.myopic.sum())

    @property
    def gap_caught(self) -> float:
        """Share of what knowing the future would save that prices save."""
        return float((self.myopic.sum() - self.priced.sum()) / (self.myopic.sum() - self.clairvoyant.sum()))


def source_a_month(
    *, orders_per_day: float, cover: float, n_articles: int, seed: int, evenness: float = 20.0
) -> Sourced:
    """Source a month's orders of independent articles.

    Parameters
    ----------
    orders_per_day : float
        Mean of Poisson demand of one article over all regions.
    cover : float
        Stock over mean demand of the month; it lies at the sites in random, unbalanced shares.
    """
    rng = np.random.default_rng(seed)
    sites, regions = rng.uniform(size=(N_SITES, 2)), rng.uniform(size=(N_REGIONS, 2))
    distance = np.hypot(*(regions[:, None, :] - sites[None, :, :]).transpose(2, 0, 1))
    zone = np.clip(np.ceil(distance / 0.18), 1, 7).astype(np.int64)
    unit_cents = 500 + 90 * zone  # a tariff by zones, as parcel carriers have
    lanes = Lanes(
        ranking=np.argsort(zone, axis=1, kind="stable").astype(np.int64),
        shipment_cents=np.zeros_like(unit_cents),
        unit_cents=unit_cents,
        kg_cents=np.zeros_like(unit_cents),
    )
    nearest = np.bincount(lanes.ranking[:, 0], minlength=N_SITES) / N_REGIONS
    stock = _spread(rng, nearest, evenness, n_articles, round(cover * orders_per_day * N_DAYS))
    asked = rng.poisson(orders_per_day / N_REGIONS, size=(N_DAYS, N_REGIONS, n_articles))
    days = [_shuffled(rng, asked[day]) for day in range(N_DAYS)]
    unserved = np.full(n_articles, UNSERVED_CENTS, dtype=np.int64)
    whole = transport_prices(stock, asked.sum(axis=0), unit_cents, unserved, scale=1)
    return Sourced(
        myopic=_play(days, stock, lanes, None),
        priced=_play(days, stock, lanes, orders_per_day / N_REGIONS),
        clairvoyant=np.rint(whole.cost_cents).astype(np.int64),
    )


def _spread(rng: np.random.Generator, nearest: Floats, evenness: float, n_articles: int, units: int) -> Ints:
    """Units of each article at the sites, shape (N_SITES, n_articles): around the share each is nearest to."""
    shares = rng.dirichlet(np.maximum(nearest, 0.02) * evenness, size=n_articles)
    return np.array([rng.multinomial(units, share) for share in shares]).T.astype(np.int64)


def _shuffled(rng: np.random.Generator, asked: Ints) -> tuple[Ints, Ints]:
    """Region and article of a day's orders, in random order."""
    region, article = np.divmod(np.repeat(np.arange(asked.size), asked.ravel()), asked.shape[1])
    order = rng.permutation(region.size)
    return region[order], article[order]


def _play(days: list[tuple[Ints, Ints]], stock: Ints, lanes: Lanes, mean_units_a_day: float | None) -> Ints:
    """Cents each article's orders cost; with a mean demand by region, at dual prices renewed each day."""
    n_articles = stock.shape[1]
    cell_of = np.arange(stock.size, dtype=np.int32).reshape(stock.shape)
    left = Stock(
        cell_of=cell_of,
        free_units=stock.ravel().copy(),
        room=np.full(N_SITES, 1 << 40),
        weight_g=np.zeros(n_articles, dtype=np.int64),
    )
    classes = Classes(
        allowed=np.ones((1, N_SITES), dtype=np.bool_),
        split_limit=np.ones(1, dtype=np.int64),
        partial=np.ones(1, dtype=np.bool_),
        complete=np.zeros(1, dtype=np.bool_),
        kept_units=nothing_kept(1),
    )
    cost = np.zeros(n_articles, dtype=np.int64)
    unserved = np.full(n_articles, UNSERVED_CENTS, dtype=np.int64)
    prices = np.zeros(stock.size, dtype=np.int64)
    for day, (region, article) in enumerate(days):
        if mean_units_a_day is not None:
            expected = np.full((N_REGIONS, n_articles), mean_units_a_day * (N_DAYS - day))
            dual = transport_prices(left.free_units.reshape(stock.shape), expected, lanes.unit_cents, unserved)
            prices = dual.more_cents.ravel()
        n = region.size
        batch = Batch(
            first_line=np.arange(n + 1),
            sku=article,
            units=np.ones(n, dtype=np.int64),
            lane=region,
            order_class=np.zeros(n, dtype=np.int64),
        )
        # nobody is refused to save stock for others: prices only choose between sites
        choice = choose_orders(batch, classes, lanes, left, 10 * UNSERVED_CENTS, prices)
        paid = np.full(n, UNSERVED_CENTS, dtype=np.int64)
        paid[choice.line] = lanes.unit_cents[region[choice.line], choice.site]
        np.add.at(cost, article, paid)
    return cost
