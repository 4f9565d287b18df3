"""KPIs of what orders run on: stock, people, carriers; by site, station and service.

Owns the division of the stock, station, parcel and tender counts; what each KPI means is in `registry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.analysis.costs import contract_parts, purchase_orders, stock_cents_s
from omsim.kernels import order_money
from omsim.kernels import outcome_columns as kernel
from omsim.sim.plan import HOLD_CENTS, INFEASIBLE_CENTS

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
    _measure_tenders(rows, records, business)
    _measure_cartons(rows, records)
    _measure_contracts(rows, records, business)


KEEPS_A_PROMISE_CENTS = INFEASIBLE_CENTS // 2
"""A slot worth as much spares a charge that is no money: a service too slow for its promise, a parcel left behind."""


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
    parcels = by_service[:, kernel.V_PARCELS]
    carriers = business["services"].texts("carrier")
    for carrier in dict.fromkeys(carriers):
        mine = np.array([name == carrier for name in carriers], dtype=np.bool_)
        rows.ratio("carrier_share", f"carrier={carrier}", int(parcels[mine].sum()), int(parcels.sum()))


def _measure_tenders(rows: Rows, records: RunRecords, business: Business) -> None:
    """How tenders were decided, and what more room would have saved."""
    tenders = records.tenders
    counted = np.flatnonzero(tenders.at_s >= records.warm_up_s)
    fallbacks = sum(tenders.status[row] == "fallback" for row in counted.tolist())
    rows.count("tender_fallbacks", "", fallbacks)
    rows.count("parcels_unoffered", "", int(tenders.unoffered[counted].sum()))
    decided_on = tenders.objective_cents[counted]
    gap = decided_on - tenders.bound_cents[counted]
    # without the charge that keeps parcels from waiting, which would hide any gap
    base = np.maximum(decided_on - HOLD_CENTS * tenders.held[counted], tenders.cost_cents[counted])
    rows.ratio("tender_gap", "", int(gap.sum()), int(base.sum()))
    open_here, price, site = tenders.slots[counted] > 0, tenders.slot_price_cents[counted], tenders.site[counted]
    sites, services = business["sites"].texts("site"), business["services"].texts("service")
    groups = [("", np.ones_like(open_here))]
    for code, name in enumerate(services):
        groups.append((f"service={name}", np.arange(len(services)) == code))
    for at, at_site in enumerate(sites):
        here = (site == at)[:, None]
        groups.append((f"site={at_site}", here))
        groups += [
            (f"pickup={at_site}: {name}", here & (np.arange(len(services)) == code))
            for code, name in enumerate(services)
        ]
    for group, mask in groups:
        some = open_here & mask
        scarce = some & (price > 0)
        paid = scarce & (price < KEEPS_A_PROMISE_CENTS)
        rows.ratio("slot_price", group, int(price[paid].sum()), int(paid.sum()))
        rows.ratio("scarce_slots", group, int(scarce.sum()), int(some.sum()))
        rows.ratio("promise_slots", group, int((scarce & ~paid).sum()), int(some.sum()))


def _measure_cartons(rows: Rows, records: RunRecords) -> None:
    """How full cartons are, and what goes without or in several."""
    ships = records.shipments
    sent = np.flatnonzero(ships.tendered_s >= records.warm_up_s) if ships.carton.size else np.zeros(0, dtype=np.intp)
    filled, inside = (int(column[sent].sum(dtype=np.int64)) for column in (ships.filled_mm3, ships.carton_mm3))
    rows.ratio("carton_fill", "", filled, inside)
    rows.ratio("own_packaging_share", "", int((ships.own_packages[sent] > 0).sum()), sent.size)
    rows.ratio("multi_carton_share", "", int((ships.cartons[sent] > 1).sum()), sent.size)


def _measure_contracts(rows: Rows, records: RunRecords, business: Business) -> None:
    """What contracts took, credited and charged."""
    settled, tenders = records.contracts, records.tenders
    rebate, shortfall = contract_parts(records, business)
    reaches = settled.last_day >= business.settings.warm_up_days
    counted = np.flatnonzero(tenders.at_s >= records.warm_up_s)
    names = business["contracts"].texts("contract")
    prices = tenders.contract_price_cents[counted] if names else np.zeros((0, 0), dtype=np.int64)
    for code, group in enumerate(["", *(f"contract={name}" for name in names)], start=-1):
        mine = np.ones(settled.contract.size, dtype=np.bool_) if code < 0 else settled.contract == code
        chosen = mine & reaches
        rows.ratio("contract_share", group, int(settled.parcels[chosen].sum()), int(settled.all_parcels[chosen].sum()))
        rows.count("contract_rebates", group, round(int(rebate[mine].sum()) / kernel.PER_CENT))
        rows.count("contract_shortfalls", group, round(int(shortfall[mine].sum()) / kernel.PER_CENT))
        saved = prices if code < 0 else prices[:, code]
        rows.ratio("minimum_price", group, int(saved.sum()), saved.size)
