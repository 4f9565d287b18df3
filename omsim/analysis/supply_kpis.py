"""KPIs of what orders run on: stock, people, carriers; by site, station and service.

Owns the division of the stock, station, parcel and tender counts; what each KPI means is in `registry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.analysis.costs import purchase_orders, stock_cents_s
from omsim.kernels import order_money
from omsim.kernels import outcome_columns as kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.analysis.kpis import Rows
    from omsim.analysis.outcomes import Outcomes
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

UNLIMITED_SLOTS = 100_000_000  # a service with this much room a pickup has no limit worth a share


def measure_supply(rows: Rows, records: RunRecords, business: Business, outcomes: Outcomes) -> None:
    """Add the KPIs of stock, people and carriers to `rows`."""
    _measure_stock(rows, records, business, outcomes)
    _measure_people(rows, records, business, outcomes)
    _measure_carriers(rows, records, business, outcomes)


def counted_days(outcomes: Outcomes, records: RunRecords) -> slice:
    """Days whose ends lie in the counted time."""
    ends = outcomes.calendar.day_start_s[1:]
    first = int(np.searchsorted(ends, records.warm_up_s, side="right"))
    return slice(first, len(ends))


def _measure_stock(rows: Rows, records: RunRecords, business: Business, outcomes: Outcomes) -> None:
    stock, counted_s = records.stock, records.horizon_s - records.warm_up_s
    site = business.codes("stock", "site")
    unit_cost = business["skus"].integers("unit_cost_cents")
    goods_cents = _goods_shipped_cents(records, business, unit_cost)
    names = business["sites"].texts("site")
    for code, group in enumerate(["", *(f"site={name}" for name in names)], start=-1):
        cells = np.ones(len(site), dtype=np.bool_) if code < 0 else site == code
        goods = int(goods_cents.sum() if code < 0 else goods_cents[code])
        n_cells = int(np.count_nonzero(cells))
        cycles, bad = int(stock.cycles[cells].sum()), int(stock.stockout_cycles[cells].sum())
        rows.ratio("cycle_service", group, cycles - bad, cycles)
        rows.ratio("ready_rate", group, int(stock.stocked_s[cells].sum()), n_cells * counted_s)
        cents_s = stock_cents_s(records, business, cells)
        rows.ratio("inventory_value", group, cents_s, counted_s)
        rows.ratio("inventory_units", group, int(stock.on_hand_unit_s[cells].sum()), counted_s)
        value = cents_s / counted_s if counted_s > 0 else 0.0
        rows.ratio("inventory_turns", group, goods * 365 * kernel.DAY_S / max(counted_s, 1), value)
        rows.ratio("days_on_hand", group, value, goods * kernel.DAY_S / max(counted_s, 1))
    ordered = int(outcomes.sums[:, :, kernel.S_TRIED_UNITS].sum())
    late = int(stock.daily_backordered[counted_days(outcomes, records)].sum(dtype=np.int64))
    rows.ratio("gamma_service", "", ordered - late, ordered)
    rows.ratio("purchase_orders", "", len(purchase_orders(records)), counted_s / kernel.DAY_S)


def _goods_shipped_cents(records: RunRecords, business: Business, unit_cost: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cost of the units tendered in the counted time, by site; int64, shape (n_sites,)."""
    cents = np.zeros(len(business["sites"]), dtype=np.int64)
    lines, short, pieces, shipments = records.lines, records.short_lines, records.pieces, records.shipments
    order_money.add_goods_shipped(
        lines.sku,
        lines.units,
        lines.shipment,
        short.line,
        short.shipment_units,
        pieces.line,
        pieces.shipment,
        pieces.units,
        shipments.site,
        shipments.tendered_s,
        unit_cost,
        records.warm_up_s,
        cents,
    )
    return cents


def _measure_people(rows: Rows, records: RunRecords, business: Business, outcomes: Outcomes) -> None:
    stations, names = records.stations, business["sites"].texts("site")
    picking = outcomes.by_site
    rows.ratio("pick_rate", "", picking[:, kernel.W_LINES].sum(), picking[:, kernel.W_PICK_S].sum() / 3600)
    for code, name in enumerate(names):
        work = picking[code]
        rows.ratio("pick_rate", f"site={name}", work[kernel.W_LINES], work[kernel.W_PICK_S] / 3600)
        rows.ratio("service_on_time", f"site={name}", work[kernel.W_ON_TIME], work[kernel.W_DUE])
    stages = np.array(stations.stage, dtype=np.str_)
    paid_h = float(stations.staffed_s[stages == "pick"].sum()) / 3600
    picked = records.shipments.picked_s >= 0
    rows.ratio("pick_rate_paid", "", int(records.shipments.lines[picked].sum(dtype=np.int64)), paid_h)
    groups = [(f"stage={stage}", stages == stage) for stage in dict.fromkeys(stations.stage)]
    for row, stage in enumerate(stations.stage):
        site = int(stations.site[row])
        if site >= 0:
            groups.append((f"station={stage} at {names[site]}", np.arange(len(stages)) == row))
    for group, chosen in groups:
        rows.ratio("utilisation", group, int(stations.busy_s[chosen].sum()), int(stations.staffed_s[chosen].sum()))
        rows.ratio("stage_wait", group, int(stations.wait_s[chosen].sum()), int(stations.tasks[chosen].sum()))


def _measure_carriers(rows: Rows, records: RunRecords, business: Business, outcomes: Outcomes) -> None:
    tenders = records.tenders
    counted = tenders.at_s >= records.warm_up_s
    slots, used = tenders.slots[counted], tenders.used[counted]
    limited = slots < UNLIMITED_SLOTS
    names = business["services"].texts("service")
    by_service = outcomes.by_service
    offered = np.where(limited, slots, 0).sum(axis=0).reshape(-1)
    taken = np.where(limited, used, 0).sum(axis=0).reshape(-1)
    for code, group in enumerate(["", *(f"service={name}" for name in names)], start=-1):
        counts = (by_service.sum(axis=0) if code < 0 else by_service[code]).tolist()
        named = dict(zip(kernel.SERVICE_NAMES, counts, strict=True))
        rows.count("parcels", group, named["parcels"])
        rows.count("carrier_spend", group, named["price_cents"])
        rows.ratio("parcel_cost", group, named["price_cents"], named["parcels"])
        rows.ratio("service_on_time", group, named["on_time"], named["due"])
        rows.ratio("transit_time", group, named["transit_s"], named["transits"])
        for kpi, column in (("lost_share", "lost"), ("damaged_share", "damaged"), ("rolled_over_share", "rolled_over")):
            rows.ratio(kpi, group, named[column], named["parcels"])
        room = offered.sum() if code < 0 else offered[code]
        rows.ratio("slots_used", group, taken.sum() if code < 0 else taken[code], room)
    status = np.array(tenders.status, dtype=np.str_)
    rows.count("tender_fallbacks", "", int(np.count_nonzero((status == "fallback") & counted)))
