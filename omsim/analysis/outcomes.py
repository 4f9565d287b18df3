"""What became of every order of a run, derived once and shared by KPIs, time series and the money ledger.

Owns the conventions (what counts, what is due, what is on time) and the latest useful pickup; the loops are in
`omsim.kernels.outcomes`.

An order *counts* when it arrives in the counted time [warm-up, horizon). A promise KPI's base are the orders *due*:
not rejected, promised for an instant in the counted time. *Delivered* means that every unit not cancelled arrived by
the horizon and no parcel was lost; *in full*, that besides nothing was cancelled; *on time*, that it was delivered by
the promise. Orders without a promise are never due.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels import order_outcomes, parcel_outcomes
from omsim.kernels import outcome_columns as kernel
from omsim.model.calendars import Calendar
from omsim.sim.tariff import carrier_days_off

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

    Units = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """What became of each order, and the counts that one pass over them leaves.

    Attributes
    ----------
    flags : uint16, shape (n_orders,)
        Bits of `kernels.outcome_columns` (COUNTED, DUE, ON_TIME, ...).
    cause : uint8, shape (n_orders,)
        Why a due order was not delivered on time and in full; index in `kernels.outcome_columns.CAUSES`.
    last_tendered_s, last_delivered_s : int32, shape (n_orders,)
        When the order had left as a whole, and had arrived as a whole; -1 = not by the horizon.
    sums : int64, shape (n_channels, n_regions, n_sums)
    misses : int64, shape (n_channels, n_causes)
        Due orders by cause; cause 0 = none missed.
    by_service, by_site, daily, flows : int64
        Columns are named in `kernels.outcome_columns`; flows is sites x regions, parcels tendered in the counted time.
    delivered_units : int64, shape (n_channels, n_hours)
        Units delivered undamaged in the counted time by their age at the horizon in whole hours.
    oldest_wait_s : int
        Age of the oldest open backorder.
    calendar : Calendar
    """

    flags: NDArray[np.uint16]
    cause: NDArray[np.uint8]
    last_tendered_s: NDArray[np.int32]
    last_delivered_s: NDArray[np.int32]
    sums: Units
    misses: Units
    by_service: Units
    by_site: Units
    daily: Units
    flows: Units
    delivered_units: Units
    oldest_wait_s: int
    calendar: Calendar

    def has(self, *bits: int) -> NDArray[np.bool_]:
        """Orders whose state has all of these bits; bool, shape (n_orders,)."""
        mask = np.uint16(sum(bits))
        found: NDArray[np.bool_] = (self.flags & mask) == mask
        return found


def ship_by_s(business: Business, calendar: Calendar) -> Units:
    """Last cutoff at which some service still takes a parcel in time, by region and promised day.

    In time means: with at least the probability `promise_quantile`, counting each service's own pickup and delivery
    days, its carrier's holidays and what sites differ in, from any site that serves the region; the model's own
    tables, not its disruptions.

    Returns
    -------
    int64, shape (n_regions, n_days)
        Seconds; -1 = no pickup of the simulated days would do.
    """
    services, transits, zones = business["services"], business["transits"], business["zones"]
    days = np.arange(calendar.n_days)
    zone_names = sorted(set(zones.texts("zone")))
    code_of_zone = {name: code for code, name in enumerate(zone_names)}
    alike, group_of_site = _pickup_masks(business)
    best_day = np.full((len(alike), len(zone_names), calendar.n_days), -1, dtype=np.int64)
    quantile = business.settings.promise_quantile
    off = carrier_days_off(business, calendar)
    lanes: dict[tuple[int, str], list[int]] = {}
    transit_zone = transits.texts("zone")
    for row, service in enumerate(business.codes("transits", "service").tolist()):
        lanes.setdefault((service, transit_zone[row]), []).append(row)
    for (service, zone), rows in lanes.items():
        if zone not in code_of_zone:
            continue
        transit_days = transits.integers("days")[rows]
        by_days = np.argsort(transit_days, kind="stable")
        reached = np.cumsum(transits.numbers("share")[rows][by_days])
        enough = np.searchsorted(reached, quantile * reached[-1] * (1 - 1e-12))
        needed = int(transit_days[by_days][min(enough, len(rows) - 1)])
        delivers = (services.integers("delivery_days")[service] >> calendar.weekday & 1) * ~off[service]
        passed = np.cumsum(delivers)
        latest = np.minimum(np.searchsorted(passed, passed - needed, side="right") - 1, days)
        code = code_of_zone[zone]
        for group, masks in enumerate(alike):
            picks_up = (masks[service] >> calendar.weekday & 1) * ~off[service]
            last_pickup = np.maximum.accumulate(np.where(picks_up, days, -1))
            pickup = np.where(latest >= 0, last_pickup[latest], -1)
            best_day[group, code] = np.maximum(best_day[group, code], pickup)
    cutoff_s = np.array(
        [calendar.instants_s(days, int(minute) * 60) for minute in business["sites"].integers("cutoff")]
    )
    lane_zone = np.array([code_of_zone[name] for name in zones.texts("zone")], dtype=np.int64)
    lane_site = business.codes("zones", "site")
    lane_day = best_day[group_of_site[lane_site], lane_zone]
    lane_s = np.where(lane_day >= 0, cutoff_s[lane_site[:, None], np.maximum(lane_day, 0)], -1)
    latest_s = np.full((len(business["regions"]), calendar.n_days), -1, dtype=np.int64)
    np.maximum.at(latest_s, business.codes("zones", "region"), lane_s)
    return latest_s


def _pickup_masks(business: Business) -> tuple[Units, Units]:
    """Weekdays on which services pick up, at sites without and with pickups of their own.

    Returns
    -------
    masks : int64, shape (n_groups, n_services)
        The first as the services say, one more for each site that differs.
    group_of_site : int64, shape (n_sites,)
    """
    pickups = business["pickups"]
    masks = [np.array(business["services"].integers("pickup_days"))]
    group_of_site = np.zeros(len(business["sites"]), dtype=np.int64)
    site, service = business.codes("pickups", "site"), business.codes("pickups", "service")
    for at in np.unique(site).tolist():
        rows = np.flatnonzero(site == at)
        own = masks[0].copy()
        own[service[rows]] &= np.where(
            pickups.integers("daily_slots")[rows] > 0, pickups.integers("pickup_days")[rows], 0
        )
        group_of_site[at] = len(masks)
        masks.append(own)
    return np.stack(masks), group_of_site


def derive_outcomes(records: RunRecords, business: Business) -> Outcomes:
    """Follow every order of a run to its end.

    Notes
    -----
    O(n_orders + n_lines + n_shipments) time; 15 bytes an order of memory.
    """
    orders, shipments, short = records.orders, records.shipments, records.short_lines
    calendar = Calendar(business.settings.time_zone, business.settings.start_date, business.settings.horizon_days)
    n_orders = len(orders.arrived_s)
    n_channels, n_regions = len(business["channels"]), len(business["regions"])
    n_sites, n_services = len(business["sites"]), len(business["services"])
    last_packed_s = np.full(n_orders, -1, dtype=np.int32)
    last_tendered_s = np.full(n_orders, -1, dtype=np.int32)
    last_delivered_s = np.full(n_orders, -1, dtype=np.int32)
    flags = np.zeros(n_orders, dtype=np.uint16)
    cause = np.zeros(n_orders, dtype=np.uint8)
    by_service = np.zeros((n_services, len(kernel.SERVICE_NAMES)), dtype=np.int64)
    by_site = np.zeros((n_sites, len(kernel.SITE_NAMES)), dtype=np.int64)
    flows = np.zeros((n_sites, n_regions), dtype=np.int64)
    daily = np.zeros((calendar.n_days, len(kernel.DAY_NAMES)), dtype=np.int64)
    delivered_units = np.zeros((n_channels, records.horizon_s // 3600 + 1), dtype=np.int64)
    parcel_outcomes.measure_parcels(
        shipments.order,
        shipments.site,
        shipments.service,
        shipments.picked_s,
        shipments.packed_s,
        shipments.tendered_s,
        shipments.delivered_s,
        shipments.pick_s,
        shipments.pack_s,
        shipments.price_cents,
        shipments.units,
        shipments.lines,
        shipments.rolled_over,
        shipments.lost,
        shipments.damaged,
        orders.promise_s,
        orders.channel,
        orders.region,
        calendar.day_start_s,
        records.warm_up_s,
        records.horizon_s,
        last_packed_s,
        last_tendered_s,
        last_delivered_s,
        flags,
        by_service,
        by_site,
        flows,
        daily,
        delivered_units,
    )
    skus = business["skus"]
    sums = np.zeros((n_channels * n_regions, kernel.N_SUMS), dtype=np.int64)
    misses = np.zeros((n_channels, len(kernel.CAUSES)), dtype=np.int64)
    oldest_wait_s = order_outcomes.measure_orders(
        orders.arrived_s,
        orders.validated_s,
        orders.allocated_s,
        orders.promise_s,
        orders.channel,
        orders.region,
        orders.rejected,
        orders.first_line,
        orders.n_shipments,
        records.lines.sku,
        records.lines.units,
        short.line,
        short.first_units,
        short.reserved_units,
        short.cancelled_units,
        short.last_fill_s,
        short.cancelled_s,
        short.cell,
        skus.integers("price_cents") - skus.integers("unit_cost_cents"),
        skus.integers("price_cents"),
        ship_by_s(business, calendar),
        calendar.day_start_s,
        records.warm_up_s,
        records.horizon_s,
        last_packed_s,
        last_tendered_s,
        last_delivered_s,
        flags,
        cause,
        sums,
        misses,
        daily,
    )
    return Outcomes(
        flags=flags,
        cause=cause,
        last_tendered_s=last_tendered_s,
        last_delivered_s=last_delivered_s,
        sums=sums.reshape(n_channels, n_regions, kernel.N_SUMS),
        misses=misses,
        by_service=by_service,
        by_site=by_site,
        daily=daily,
        flows=flows,
        delivered_units=delivered_units,
        oldest_wait_s=oldest_wait_s,
        calendar=calendar,
    )
