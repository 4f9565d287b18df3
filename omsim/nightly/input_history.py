"""Units asked for by cell and day: a sparse history spread over the sites that carry each SKU.

Owns the dense matrix of a night's history and how days that nobody knows are marked. Reading rows is `inputs`' work.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from omsim.experiments.cell_demand import nearest_share, simulated_units
from omsim.model.business import Table, take

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.model.business import Business

    Units = NDArray[np.int64]
    Floats = NDArray[np.float64]

MOST_DAYS = 1_100  # three years: two whole seasons and a part
MOST_CELL_DAYS = 100_000_000  # 0.9 GB
NO_HISTORY_NOTE = "no history of demand: it was learnt from the model's own simulated orders"
UNSEEN_SEED = 104_729  # added to the night's seed: the plan is not judged on the draws it learnt from


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Demand by day.

    Attributes
    ----------
    units : int64, shape (n_cells, n_days)
        The last column is the night's own day.
    sold_out : bool, shape (n_cells, n_days)
        Days of which only a lower bound is known.
    first_day, last_day : date
        First column, and newest day the history really speaks of.
    """

    units: Units
    sold_out: NDArray[np.bool_]
    first_day: date
    last_day: date


def history_by_cell(business: Business, table: Table, as_of: date, notes: list[str]) -> Asked:
    """Spread a history over cells and days, rows after the night left out.

    Parameters
    ----------
    business : Business
    table : Table
        Columns date, sku, units and where there are any site and sold_out; with a row on or before `as_of`. Rows
        without a site go to the sites that carry the SKU, in proportion to the orders of the regions each is nearest
        to, always the same way for the same day and SKU. A day sold out somewhere unknown is sold out everywhere.
    as_of : date
    notes : list of str
        What was noticed is appended.

    Returns
    -------
    Asked
        Days between the newest row and `as_of` have no units and count as lower bounds: nobody knows them.
    """
    stock = business["stock"]
    n_cells, n_skus = len(stock), len(business["skus"])
    day = table.integers("date")
    known = day <= as_of.toordinal()
    newest, oldest = int(day[known].max()), int(day[known].min())
    most = max(min(MOST_DAYS, MOST_CELL_DAYS // max(n_cells, 1)), 28)
    n_days = min(as_of.toordinal() - oldest + 1, most)
    first = as_of.toordinal() - n_days + 1
    if oldest < first:
        notes.append(f"history before {date.fromordinal(first)} is not used ({n_days} days are)")
    rows = np.flatnonzero(known & (day >= first))
    sku = _codes(business, table, "sku", "skus")[rows]
    site = _codes(business, table, "site", "sites")[rows] if "site" in table.columns else np.full(len(rows), -1)
    units, column = table.integers("units")[rows], day[rows] - first
    sold_out = table.flags("sold_out")[rows] if "sold_out" in table.columns else np.zeros(len(rows), dtype=np.bool_)

    asked = np.zeros((n_cells, n_days), dtype=np.int64)
    lower = np.zeros((n_cells, n_days), dtype=np.bool_)
    cell_site, cell_sku = business.codes("stock", "site"), business.codes("stock", "sku")
    by_pair = np.argsort(cell_site * n_skus + cell_sku, kind="stable")
    pairs = (cell_site * n_skus + cell_sku)[by_pair]

    of_site = np.flatnonzero(site >= 0)
    wanted = site[of_site] * n_skus + sku[of_site]
    at = np.minimum(np.searchsorted(pairs, wanted), max(n_cells - 1, 0))
    carried = pairs[at] == wanted if n_cells else np.zeros(len(wanted), dtype=np.bool_)
    cell = by_pair[at[carried]]
    np.add.at(asked, (cell, column[of_site[carried]]), units[of_site[carried]])
    lower[cell, column[of_site[carried]]] |= sold_out[of_site[carried]]

    anywhere = np.flatnonzero(site < 0)
    n_carrying = np.bincount(cell_sku, minlength=n_skus)
    _share_out(business, asked, lower, sku[anywhere], column[anywhere], first, units[anywhere], sold_out[anywhere])
    lost = int((~carried).sum()) + int((n_carrying[sku[anywhere]] == 0).sum())
    if lost:
        notes.append(f"{lost:,} row{'' if lost == 1 else 's'} of history of SKUs their site does not carry, left out")
    unknown_days = as_of.toordinal() - newest
    if unknown_days:
        lower[:, n_days - unknown_days :] = True
        notes.append(
            f"the history ends on {date.fromordinal(newest)}; the {unknown_days} "
            f"day{'' if unknown_days == 1 else 's'} since count as unknown"
        )
    return Asked(units=asked, sold_out=lower, first_day=date.fromordinal(first), last_day=date.fromordinal(newest))


def past_orders(orders: Table, as_of: date) -> Table:
    """The orders to replay that a night may know: those up to it."""
    texts = orders.texts("ordered_at")
    known = {text: date.fromisoformat(text) <= as_of for text in {text[:10] for text in texts}}
    rows = [row for row, text in enumerate(texts) if known[text[:10]]]
    if len(rows) == len(texts):
        return orders
    return replace(orders, columns={name: take(values, rows) for name, values in orders.columns.items()})


def orders_by_day(orders: Table) -> Table:
    """A history made of orders: date, SKU and units of each line."""
    texts = orders.texts("ordered_at")
    ordinal = {text: date.fromisoformat(text).toordinal() for text in {text[:10] for text in texts}}
    days = np.fromiter((ordinal[text[:10]] for text in texts), dtype=np.int64, count=len(texts))
    return Table(name="history", columns={"date": days, "sku": orders["sku"], "units": orders["units"]})


def _codes(business: Business, table: Table, column: str, target: str) -> Units:
    rows = {**business.index(target, column), "": -1}
    texts = table.texts(column)
    return np.fromiter(map(rows.__getitem__, texts), dtype=np.int64, count=len(texts))


def _share_out(
    business: Business,
    asked: Units,
    lower: NDArray[np.bool_],
    sku: Units,
    column: Units,
    first: int,
    units: Units,
    sold_out: NDArray[np.bool_],
) -> None:
    """Add rows that name no site to the cells that carry their SKU."""
    if not len(sku):
        return
    cell_sku = business.codes("stock", "sku")
    n_skus = len(business["skus"])
    n_carrying = np.bincount(cell_sku, minlength=n_skus)
    by_sku = np.argsort(cell_sku, kind="stable")
    begin = np.cumsum(n_carrying) - n_carrying
    alone = n_carrying[sku] == 1
    cell = by_sku[begin[sku[alone]]]
    np.add.at(asked, (cell, column[alone]), units[alone])
    lower[cell, column[alone]] |= sold_out[alone]

    several = np.flatnonzero(n_carrying[sku] > 1)
    if not len(several):
        return
    share = site_shares(business)
    name_hash = np.array([zlib.crc32(name.encode()) for name in business["skus"].texts("sku")], dtype=np.uint64)
    sku, column, units, sold_out = sku[several], column[several], units[several], sold_out[several]
    start = _uniform(name_hash[sku] ^ ((column + first).astype(np.uint64) << np.uint64(32)))
    reached = np.zeros(len(sku))  # units the sites so far are owed, exactly
    given = np.zeros(len(sku), dtype=np.int64)  # and got
    for rank in range(int(n_carrying.max())):
        here = np.flatnonzero(n_carrying[sku] > rank)
        cell = by_sku[begin[sku[here]] + rank]
        reached[here] += units[here] * share[cell]
        # Systematic sampling: whole units, their expectation exactly the share, the sum over the sites exact.
        last = n_carrying[sku[here]] == rank + 1
        upto = np.where(
            last, units[here], np.minimum(np.floor(reached[here] + start[here]).astype(np.int64), units[here])
        )
        np.add.at(asked, (cell, column[here]), upto - given[here])
        lower[cell, column[here]] |= sold_out[here]
        given[here] = upto


def site_shares(business: Business) -> Floats:
    """Share of its SKU's demand each cell sees, 1 in all over the sites that carry it; float64, shape (n_cells,)."""
    share = nearest_share(business)
    sku = business.codes("stock", "sku")
    n_skus = len(business["skus"])
    total = np.bincount(sku, weights=share, minlength=n_skus)[sku]
    count = np.bincount(sku, minlength=n_skus)[sku]
    return np.where(total > 0, share / np.where(total > 0, total, 1.0), 1.0 / count)


def _uniform(key: NDArray[np.uint64]) -> Floats:
    """A number in [0, 1) that depends on the key alone (the finalizer of SplitMix64; Steele, Lea and Flood 2014)."""
    mixed = key + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray((mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def learnt_by_simulation(business: Business, as_of: date, *, seed: int) -> Asked:
    """Demand by day and cell as the model's own simulation asks for it, dated as the days up to `as_of`.

    Orders to be replayed lie after the night and are left out: what is learnt comes from the table `demand`.
    """
    business = replace(business, tables={**business.tables, "orders": past_orders(business["orders"], date.min)})
    units = simulated_units(business, seed=seed + UNSEEN_SEED)
    if len(units) >= 7:  # whole weeks, ending the weekday before the simulation's first
        shift = (as_of.toordinal() + 1 - business.settings.start_date.toordinal()) % 7
        units = np.roll(units, -shift, axis=0)
    asked = np.ascontiguousarray(units.T)
    return Asked(
        units=asked,
        sold_out=np.zeros(asked.shape, dtype=np.bool_),
        first_day=date.fromordinal(as_of.toordinal() - len(units) + 1),
        last_day=as_of,
    )
