"""What each cell (SKU at a site) is asked for in a day, from a model's tables.

Owns the step from a business to the moments of daily demand by row of `stock`. How long replenishment takes is
`omsim.demand.waits`, policies are `optimize`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from omsim.model.business import Table
from omsim.model.calendars import Calendar
from omsim.model.places import zone_distances_km

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.model.business import Business

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

UNSEEN_SEED = 7_919  # added to the experiment's seed: demand is learnt from draws the policies are not judged on
LEARNT_DAYS = 120  # simulated to learn from
PLENTY_UNITS = 1_000_000  # on hand: more than a run can ask for


@dataclass(frozen=True, slots=True, kw_only=True)
class CellDemand:
    """Daily demand of each row of `stock`.

    Attributes
    ----------
    mean_units, variance_units : float64, shape (n_cells,)
        Of one day.
    source : str
        Where it was learnt, in words for the user.
    """

    mean_units: Floats
    variance_units: Floats
    source: str


def daily_demand(business: Business, horizon_days: Floats, *, seed: int) -> CellDemand:
    """Daily demand of each cell: from `history` where the model has one, else by asking the simulation.

    A history's SKUs go to the sites it names, or else to the cells that carry them in proportion to the orders of the
    regions for which each is the nearest carrying site. Without a history the model is run with more stock than anyone
    can want, and what the sourcing rule asks of each cell is counted; its draws are of a seed of their own, so policies
    are judged on others.

    Parameters
    ----------
    business : Business
    horizon_days : float64, shape (n_cells,)
        Days each cell's stock must cover (lead time + review). How much the weekdays' shape moves demand over as many
        days in a row is part of the variance.
    seed : int
        Of the experiment that will judge the policies.
    """
    if len(business["history"]):
        return _recorded_demand(business)
    units = simulated_units(business, seed=seed + UNSEEN_SEED)
    mean = units.mean(axis=0)
    weekday = (business.settings.start_date.weekday() + np.arange(len(units))) % 7
    residual = units.astype(np.float64)
    for day in range(7):
        if (weekday == day).any():
            residual[weekday == day] -= residual[weekday == day].mean(axis=0)
    free_days = max(len(units) - min(len(units), 7), 1)
    variance = (residual**2).sum(axis=0) / free_days + weekday_variance(business, horizon_days) * mean**2
    source = "the replayed orders" if len(business["orders"]) else "simulated orders of another seed"
    return CellDemand(
        mean_units=mean,
        variance_units=np.maximum(variance, mean),
        source=f"{source}, sourced from unlimited stock, {len(units):,} days",
    )


def simulated_units(business: Business, *, seed: int) -> Codes:
    """Units the sourcing rule asks of each cell when stock never runs short; int64, shape (n_days, n_cells).

    As many replications as make `LEARNT_DAYS`, one after the other (whole weeks of each); one where orders are
    replayed, as all are alike.
    """
    from omsim.sim.engine import run_once

    stock = business["stock"]
    n_cells, n_days = len(stock), business.settings.horizon_days
    plenty = {
        **stock.columns,
        "on_hand_units": np.full(n_cells, PLENTY_UNITS, dtype=np.int64),
        "policy": ("none",) * n_cells,
    }
    tables = {**business.tables, "stock": Table(name="stock", columns=plenty)}
    settings = replace(business.settings, reorder="policies")  # none of which order anything here
    stocked = replace(business, settings=settings, tables=tables, base=None, folder="")
    cell = np.full((len(business["sites"]), len(business["skus"])), -1, dtype=np.int64)
    cell[business.codes("stock", "site"), business.codes("stock", "sku")] = np.arange(n_cells)
    calendar = Calendar(business.settings.time_zone, business.settings.start_date, n_days)
    days = []
    for replication in range(1 if len(business["orders"]) else -(-LEARNT_DAYS // n_days)):
        records = run_once(stocked, seed=seed, replication=replication)
        lines, orders = records.lines, records.orders
        shipped = lines.shipment >= 0
        order = np.repeat(np.arange(len(orders.arrived_s)), np.diff(orders.first_line))[shipped]
        day = np.searchsorted(calendar.day_start_s, orders.arrived_s[order], side="right") - 1
        at = cell[records.shipments.site[lines.shipment[shipped]], lines.sku[shipped]]
        units = np.bincount(day * n_cells + at, weights=lines.units[shipped], minlength=n_days * n_cells)
        whole_weeks = n_days - n_days % 7 or n_days
        days.append(units.astype(np.int64).reshape(n_days, n_cells)[:whole_weeks])
    return np.concatenate(days)


def nearest_share(business: Business) -> Floats:
    """Share of its SKU's demand that each cell sees; float64, shape (n_cells,), sums to at most 1 for each SKU."""
    site, sku = business.codes("stock", "site"), business.codes("stock", "sku")
    n_sites, n_skus = len(business["sites"]), len(business["skus"])
    cell = np.full((n_sites, n_skus), -1, dtype=np.int64)
    cell[site, sku] = np.arange(len(site))
    weight = business["regions"].numbers("order_share")
    zone_site, zone_region = business.codes("zones", "site"), business.codes("zones", "region")
    distance = zone_distances_km(business)
    share = np.zeros(len(site))
    for region, region_share in enumerate((weight / weight.sum()).tolist()):
        rows = np.flatnonzero(zone_region == region)
        ranked = zone_site[rows[np.lexsort((zone_site[rows], distance[rows]))]]
        ranked = ranked[: business.settings.sourcing_sites]
        carried = cell[ranked] >= 0
        found = carried.any(axis=0) if len(ranked) else np.zeros(n_skus, dtype=np.bool_)
        nearest = ranked[carried.argmax(axis=0)[found]] if len(ranked) else ranked
        share[cell[nearest, np.flatnonzero(found)]] += region_share
    return share


def weekday_variance(business: Business, horizon_days: Floats) -> Floats:
    """Relative variance a day that the weekdays' shape adds over `horizon_days` in a row; same shape as they."""
    weight = np.zeros(7)
    profile = business["profile"]
    for mask, value in zip(profile.integers("days").tolist(), profile.numbers("weight").tolist(), strict=True):
        weight += value * (mask >> np.arange(7) & 1)
    if weight.sum() <= 0:
        return np.zeros(len(horizon_days))
    weight = weight / weight.mean()
    whole_days = np.maximum(np.rint(horizon_days).astype(np.int64), 1)
    by_days = np.zeros(7)
    for days in range(1, 7):  # whole weeks add nothing: only what is left of them does
        sums = np.array([np.take(weight, range(first, first + days), mode="wrap").sum() for first in range(7)])
        by_days[days] = sums.var()
    return np.asarray(by_days[whole_days % 7] / whole_days)


def _recorded_demand(business: Business) -> CellDemand:
    """Demand of each cell from `history`."""
    table = business["history"]
    n_sites, n_skus = len(business["sites"]), len(business["skus"])
    site, sku = business.codes("history", "site"), business.codes("history", "sku")
    # by SKU and site asked, the last "site" standing for wherever it is carried
    asked = sku * (n_sites + 1) + np.where(site >= 0, site, n_sites)
    mean, variance = _moments_by_day(asked, table.integers("date"), table.integers("units"), n_skus * (n_sites + 1))
    cell_site, cell_sku = business.codes("stock", "site"), business.codes("stock", "sku")
    named = np.bincount(sku[site >= 0], minlength=n_skus)[cell_sku] > 0
    row = cell_sku * (n_sites + 1) + np.where(named, cell_site, n_sites)
    share = np.where(named, 1.0, nearest_share(business))
    return _split(mean[row], variance[row], share, "units asked for by day in `history`")


def _moments_by_day(sku: Codes, day: Codes, units: Codes, n_skus: int) -> tuple[Floats, Floats]:
    """Mean and variance of units a day by SKU (or SKU and site), days without a row counting as zero."""
    n_days = int(day.max() - day.min()) + 1
    key, at = np.unique(sku * n_days + (day - day.min()), return_inverse=True)
    of_day = np.bincount(at, weights=units)
    row = key // n_days
    total = np.bincount(row, weights=of_day, minlength=n_skus)
    squares = np.bincount(row, weights=of_day**2, minlength=n_skus)
    mean = total / n_days
    return mean, np.maximum(squares / n_days - mean**2, 0.0)


def _split(mean: Floats, variance: Floats, share: Floats, source: str) -> CellDemand:
    """A SKU's demand thinned to the share each cell sees."""
    own = mean * share
    return CellDemand(
        mean_units=own,
        variance_units=np.maximum(variance * share**2 + own * (1 - share), own),
        source=source,
    )
