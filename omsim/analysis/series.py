"""What a run looked like over time: small columns by day, enough for every picture of the report.

Owns what is kept of a replication besides its KPIs; drawing is in `figures`. A `RunSeries` of a month holds a few
kilobytes, so experiments keep one for every replication and drop the records.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.analysis.outcomes import derive_outcomes
from omsim.analysis.supply_kpis import UNLIMITED_SLOTS
from omsim.kernels import outcome_columns as kernel

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from omsim.analysis.outcomes import Outcomes
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

    Units = NDArray[np.int64]

BIN_S = 6 * 3600
N_BINS = 121  # thirty days and one bin for what took longer
BLOCK = 1 << 16
N_WORST = 4  # of each cause, so that one frequent cause does not hide the others


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstOrder:
    """An order that missed its promise, for the list of those that went wrong.

    Attributes
    ----------
    order : int
        Index in the run's records.
    channel, region : str
    arrived, promised : str
        Local times.
    late_s : int
        Delivery minus promise (at most 0: in time, but not in full); horizon minus promise where it never arrived.
    delivered : bool
    cause : str
        One of `kernels.outcome_columns.CAUSES`.
    """

    order: int
    channel: str
    region: str
    arrived: str
    promised: str
    late_s: int
    delivered: bool
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunSeries:
    """One replication by day.

    Attributes
    ----------
    start_date : date
        Local day 0.
    warm_up_days : int
        Days before the counted time.
    channels, regions, sites, services : tuple of str
        Names of the axes below.
    arrived, due, on_time, on_time_in_full, delivered, tendered : int64, shape (n_days,)
        Orders arrived; orders promised for the day, of them on time, and on time in full; orders delivered whole;
        parcels tendered.
    backlog : int64, shape (n_days,)
        Orders at each day's end that have arrived and neither left the house whole nor were refused or cancelled.
    backordered_units, stock_units : int64, shape (n_days,)
        At each day's end.
    stock_cents : int64, shape (n_days, n_sites)
        Value on hand at unit cost, at each day's end.
    slots, slots_used : int64, shape (n_days, n_services)
        Room and use at the day's pickups; 0 room where a service is unlimited.
    cycle_times : int64, shape (N_BINS,)
        Counted orders by arrival to last delivery, in bins of six hours; the last bin holds all beyond.
    flows : int64, shape (n_sites, n_regions)
        Parcels tendered in the counted time.
    misses : int64, shape (n_channels, n_causes)
        Due orders by what went wrong (cause 0 = nothing); causes as in `kernels.outcome_columns.CAUSES`.
    worst : tuple of WorstOrder
        Latest first.
    fallbacks : tuple of (str, int)
        Why tenders and batches of orders were decided otherwise than asked, and how many.
    """

    start_date: date
    warm_up_days: int
    channels: tuple[str, ...]
    regions: tuple[str, ...]
    sites: tuple[str, ...]
    services: tuple[str, ...]
    arrived: Units
    due: Units
    on_time: Units
    on_time_in_full: Units
    delivered: Units
    tendered: Units
    backlog: Units
    backordered_units: Units
    stock_units: Units
    stock_cents: Units
    slots: Units
    slots_used: Units
    cycle_times: Units
    flows: Units
    misses: Units
    worst: tuple[WorstOrder, ...]
    fallbacks: tuple[tuple[str, int], ...]

    @property
    def n_days(self) -> int:
        """Days simulated."""
        return len(self.arrived)


def run_series(records: RunRecords, business: Business, outcomes: Outcomes | None = None) -> RunSeries:
    """Time series, flows and worst orders of one replication; `outcomes` saves deriving them again."""
    outcomes = derive_outcomes(records, business) if outcomes is None else outcomes
    daily = {name: outcomes.daily[:, i].copy() for i, name in enumerate(kernel.DAY_NAMES)}
    left = daily.pop("left")
    stock = records.stock
    unit_cost = business["skus"].integers("unit_cost_cents")[business.codes("stock", "sku")]
    site_of_cell = business.codes("stock", "site")
    sites = business["sites"].texts("site")
    stock_cents = np.zeros((outcomes.calendar.n_days, len(sites)), dtype=np.int64)
    for code in range(len(sites)):
        cells = site_of_cell == code
        stock_cents[:, code] = stock.daily_on_hand[:, cells] @ unit_cost[cells]
    slots, slots_used = _daily_slots(records, outcomes)
    cycle_times = np.zeros(N_BINS, dtype=np.int64)
    chosen = outcomes.has(kernel.COUNTED, kernel.DELIVERED)
    for a in range(0, chosen.size, BLOCK):  # counting widens its numbers, so not all orders at once
        some = a + np.flatnonzero(chosen[a : a + BLOCK])
        bins = (outcomes.last_delivered_s[some] - records.orders.arrived_s[some]) // BIN_S
        cycle_times += np.bincount(np.minimum(bins, N_BINS - 1), minlength=N_BINS)
    return RunSeries(
        start_date=business.settings.start_date,
        warm_up_days=business.settings.warm_up_days,
        channels=business["channels"].texts("channel"),
        regions=business["regions"].texts("region"),
        sites=sites,
        services=business["services"].texts("service"),
        backlog=np.cumsum(daily["arrived"] - left),
        backordered_units=stock.daily_backordered.sum(axis=1, dtype=np.int64),
        stock_units=stock.daily_on_hand.sum(axis=1, dtype=np.int64),
        stock_cents=stock_cents,
        slots=slots,
        slots_used=slots_used,
        cycle_times=cycle_times,
        flows=outcomes.flows.copy(),
        misses=outcomes.misses.copy(),
        worst=worst_orders(records, business, outcomes),
        fallbacks=_fallbacks(records),
        **daily,
    )


def worst_orders(records: RunRecords, business: Business, outcomes: Outcomes) -> tuple[WorstOrder, ...]:
    """The latest few of each cause among the due orders not delivered on time and in full; ties by order."""
    orders = records.orders
    missed = np.flatnonzero(outcomes.has(kernel.DUE) & (outcomes.cause > 0))
    delivered_s = outcomes.last_delivered_s[missed]
    ended_s = np.where(delivered_s >= 0, delivered_s, records.horizon_s)
    late_s = ended_s.astype(np.int64) - orders.promise_s[missed]
    by_lateness = np.lexsort((missed, -late_s))
    cause = outcomes.cause[missed[by_lateness]]
    firsts = [np.flatnonzero(cause == code)[:N_WORST] for code in range(1, len(kernel.CAUSES))]
    top = by_lateness[np.sort(np.concatenate(firsts))]
    channels, regions = business["channels"].texts("channel"), business["regions"].texts("region")
    text = outcomes.calendar.local_text
    return tuple(
        WorstOrder(
            order=int(order),
            channel=channels[int(orders.channel[order])],
            region=regions[int(orders.region[order])],
            arrived=text(int(orders.arrived_s[order]))[:16],
            promised=text(int(orders.promise_s[order]))[:16],
            late_s=int(late),
            delivered=bool(outcomes.last_delivered_s[order] >= 0),
            cause=kernel.CAUSES[int(outcomes.cause[order])],
        )
        for order, late in zip(missed[top].tolist(), late_s[top].tolist(), strict=True)
    )


def _daily_slots(records: RunRecords, outcomes: Outcomes) -> tuple[Units, Units]:
    tenders, calendar = records.tenders, outcomes.calendar
    n_services = len(outcomes.by_service)
    slots = np.zeros((calendar.n_days, n_services), dtype=np.int64)
    used = np.zeros_like(slots)
    if not len(tenders.at_s):
        return slots, used
    day = np.clip(calendar.day_of(tenders.at_s.astype(np.int64)), 0, calendar.n_days - 1)
    np.add.at(slots, day, np.where(tenders.slots < UNLIMITED_SLOTS, tenders.slots, 0))
    np.add.at(used, day, tenders.used)
    return slots, used


def _fallbacks(records: RunRecords) -> tuple[tuple[str, int], ...]:
    tenders, cycles = records.tenders, records.sourcing
    told = [
        f"tenders: {why or 'no reason given'}"
        for status, why in zip(tenders.status, tenders.fallback, strict=True)
        if status == "fallback"
    ]
    told += [f"batches of orders: {why}" for why in cycles.fallback if why]
    return tuple(sorted(Counter(told).items(), key=lambda item: (-item[1], item[0])))
