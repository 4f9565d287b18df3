"""Made-up but consistent records of a run, for tests of what is measured on them: no engine needed.

Orders, lines, parcels, returns and contacts hang together as the records' docstrings say (units add up, milestones
rise, parcels belong to their orders); stock and stations are plausible numbers only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.model import fields
from omsim.model.calendars import Calendar
from omsim.sim.contracts import compile_contracts
from omsim.sim.records import (
    ContactColumns,
    ContractColumns,
    LineColumns,
    OrderColumns,
    PieceColumns,
    PurchaseColumns,
    ReturnColumns,
    RunRecords,
    ShipmentColumns,
    ShortLineColumns,
    ShrinkageColumns,
    StationColumns,
    StockColumns,
    TenderColumns,
)
from omsim.sim.sourcing.columns import no_sourcing

if TYPE_CHECKING:
    from omsim.model.business import Business

HOUR = 3600
DAY = 86_400


def made_records(business: Business, n_orders: int = 400, seed: int = 0, replication: int = 0) -> RunRecords:
    """Records of `n_orders` random orders of a business, every feature on."""
    rng = np.random.default_rng((seed, replication))
    settings = business.settings
    calendar = Calendar(settings.time_zone, settings.start_date, settings.horizon_days)
    horizon_s = int(calendar.day_start_s[-1])
    n_channels, n_regions = len(business["channels"]), len(business["regions"])
    n_sites, n_services, n_skus = len(business["sites"]), len(business["services"]), len(business["skus"])

    arrived_s = np.sort(rng.integers(0, horizon_s, n_orders)).astype(np.int32)
    channel = rng.integers(0, n_channels, n_orders).astype(np.int16)
    region = rng.integers(0, n_regions, n_orders).astype(np.int16)
    validated_s = arrived_s + rng.integers(0, 6 * HOUR, n_orders) * (rng.random(n_orders) < 0.3)
    rejected = (rng.random(n_orders) < 0.02) & (validated_s < horizon_s)
    validated_s = np.where(validated_s < horizon_s, validated_s, -1)
    cycle_s = (validated_s // HOUR + 1) * HOUR
    allocated_s = np.where((validated_s >= 0) & ~rejected & (cycle_s < horizon_s), cycle_s, -1)
    promise_s = calendar.day_start_s[
        np.minimum(calendar.day_of(arrived_s.astype(np.int64)) + rng.integers(2, 5, n_orders), calendar.n_days)
    ] + rng.integers(-HOUR, HOUR, n_orders)
    promise_s = np.where(rng.random(n_orders) < 0.15, -1, promise_s)

    n_lines_of = rng.choice([1, 2, 3, 6], n_orders, p=[0.5, 0.25, 0.15, 0.1])
    first_line = np.concatenate([[0], np.cumsum(n_lines_of)]).astype(np.int32)
    n_lines = int(first_line[-1])
    order_of_line = np.repeat(np.arange(n_orders), n_lines_of)
    sku = rng.integers(0, n_skus, n_lines).astype(np.int32)
    units = rng.choice([1, 2, 6, 12], n_lines, p=[0.6, 0.2, 0.1, 0.1]).astype(np.int32)
    tried = allocated_s[order_of_line] >= 0

    # Fates of lines: whole at once; split over two parcels; waited and filled; still waiting; lost at once; cancelled.
    fate = rng.choice(6, n_lines, p=[0.86, 0.02, 0.05, 0.03, 0.02, 0.02])
    fate[~tried] = -1
    second_wave = rng.random(n_lines) < 0.1  # whole lines that a second site serves
    start_s = allocated_s[order_of_line]
    first_units = np.select([fate == 0, fate == 1], [units, units], rng.integers(0, units))
    first_units[fate == -1] = 0
    fill_s = np.minimum(start_s + rng.integers(DAY, 4 * DAY, n_lines), horizon_s - 1)
    reserved = np.select([fate <= 2, fate == 3], [units, first_units], first_units)
    cancelled = np.where((fate == 4) | (fate == 5), units - reserved, 0)

    parcels: dict[tuple[int, int], int] = {}
    rows: list[tuple[int, int, int]] = []  # order, number, released
    counts = np.zeros(n_orders, dtype=np.int16)
    line_shipment = np.full(n_lines, -1, dtype=np.int32)
    shipment_units = np.zeros(n_lines, dtype=np.int32)
    pieces: list[tuple[int, int, int]] = []
    content: list[list[tuple[int, int]]] = []

    def parcel(order: int, wave: int, released: int) -> int:
        key = (order, wave)
        if key not in parcels:
            parcels[key] = len(rows)
            rows.append((order, int(counts[order]), released))
            content.append([])
            counts[order] += 1
        return parcels[key]

    for line in np.flatnonzero(tried).tolist():
        order, wave = int(order_of_line[line]), int(second_wave[line])
        take = int(first_units[line])
        if fate[line] == 1 and take > 1:
            halves = ((take // 2, 0), (take - take // 2, 1))
        else:
            halves = ((take, wave),)
        for part, at in halves:
            if part == 0:
                continue
            number = parcel(order, at, int(start_s[line]))
            content[number].append((line, part))
            if line_shipment[line] < 0:
                line_shipment[line], shipment_units[line] = number, part
            else:
                pieces.append((line, number, part))
        if fate[line] == 2:
            number = parcel(order, 1000 + line, int(fill_s[line]))
            part = int(units[line]) - take
            content[number].append((line, part))
            if line_shipment[line] < 0:
                line_shipment[line], shipment_units[line] = number, part
            else:
                pieces.append((line, number, part))

    n_shipments = len(rows)
    ship_order, number, released_s = (
        np.array([row[i] for row in rows], dtype=np.int32).reshape(n_shipments) for i in range(3)
    )
    pick_s, pack_s = rng.integers(40, 400, n_shipments), rng.integers(30, 200, n_shipments)
    picked_s = released_s + rng.integers(0, 10 * HOUR, n_shipments) + pick_s
    packed_s = picked_s + rng.integers(0, 2 * HOUR, n_shipments) + pack_s
    tendered_s = (packed_s // DAY) * DAY + 17 * HOUR
    tendered_s += DAY * (tendered_s < packed_s)
    late = rng.random(n_shipments) < 0.05
    tendered_s += late * DAY
    lost = rng.random(n_shipments) < 0.01
    delivered_s = (tendered_s // DAY + rng.integers(1, 4, n_shipments)) * DAY + rng.integers(
        9 * HOUR, 18 * HOUR, n_shipments
    )
    site = rng.integers(0, n_sites, n_shipments)
    service = rng.integers(0, n_services, n_shipments)
    price = rng.integers(300, 1500, n_shipments)
    reached = tendered_s < horizon_s
    delivered_s = np.where(reached & ~lost, delivered_s, -1)
    lost &= reached
    damaged = (rng.random(n_shipments) < 0.02) & reached & ~lost
    parcel_units = np.array([sum(part for _, part in parts) for parts in content], dtype=np.int32)
    parcel_lines = np.array([len(parts) for parts in content], dtype=np.int32)

    def seen(instants: np.ndarray) -> np.ndarray:
        return np.where(instants < horizon_s, instants, -1).astype(np.int32)

    shipments = ShipmentColumns(
        order=ship_order,
        number=number.astype(np.int16),
        site=site.astype(np.int16),
        service=np.where(reached, service, -1).astype(np.int16),
        released_s=released_s,
        picked_s=seen(picked_s),
        packed_s=seen(packed_s),
        tendered_s=seen(tendered_s),
        delivered_s=delivered_s.astype(np.int32),
        pick_s=np.where(picked_s - pick_s < horizon_s, pick_s, 0).astype(np.int32),
        pack_s=np.where(packed_s - pack_s < horizon_s, pack_s, 0).astype(np.int32),
        weight_g=(parcel_units * 300).astype(np.int32),
        price_cents=np.where(reached, price, 0).astype(np.int32),
        units=parcel_units,
        lines=parcel_lines,
        rolled_over=late.astype(np.int16),
        lost=lost,
        damaged=damaged,
        **_cartons(np.random.default_rng((seed, replication, 2)), business, reached),
    )
    short = np.flatnonzero((fate > 0) | ((fate == 0) & (shipment_units < units)))
    waited = (fate == 2) | (fate == 3) | (fate == 5)
    n_cells = len(business["stock"])
    short_lines = ShortLineColumns(
        line=short.astype(np.int32),
        first_units=first_units[short].astype(np.int32),
        shipment_units=shipment_units[short],
        reserved_units=reserved[short].astype(np.int32),
        cancelled_units=cancelled[short].astype(np.int32),
        last_fill_s=np.select([fate == 2, reserved > 0], [fill_s, start_s], -1)[short].astype(np.int32),
        cancelled_s=np.select([fate == 4, fate == 5], [start_s, fill_s], -1)[short].astype(np.int32),
        cell=np.where(waited, rng.integers(0, n_cells, n_lines), -1)[short].astype(np.int32),
    )
    orders = OrderColumns(
        arrived_s=arrived_s,
        validated_s=validated_s.astype(np.int32),
        allocated_s=allocated_s.astype(np.int32),
        promise_s=promise_s.astype(np.int32),
        channel=channel,
        region=region,
        rejected=rejected,
        first_line=first_line,
        n_shipments=counts,
    )
    return RunRecords(
        engine="made",
        seed=seed,
        replication=replication,
        horizon_s=horizon_s,
        warm_up_s=int(calendar.day_start_s[settings.warm_up_days]),
        orders=orders,
        lines=LineColumns(sku=sku, units=units, shipment=line_shipment),
        short_lines=short_lines,
        shipments=shipments,
        pieces=PieceColumns(
            **{
                name: np.array([piece[i] for piece in pieces], dtype=np.int32)
                for i, name in enumerate(("line", "shipment", "units"))
            }
        ),
        returns=_returns(rng, business, shipments, content, horizon_s),
        contacts=_contacts(rng, orders, horizon_s),
        purchases=_purchases(rng, business, n_cells, horizon_s),
        shrinkage=ShrinkageColumns(**dict.fromkeys(("cell", "units", "at_s"), np.zeros(0, dtype=np.int32))),
        stock=_stock(rng, calendar, n_cells, horizon_s),
        stations=_stations(rng, business, horizon_s),
        tenders=_tenders(rng, calendar, shipments, n_sites, n_services, len(business["contracts"])),
        **dict(zip(("substitutions", "sourcing"), no_sourcing(), strict=True)),
        contracts=_contracts(np.random.default_rng((seed, replication, 1)), business),
    )


def _returns(rng, business, shipments, content, horizon_s) -> ReturnColumns:
    columns: dict[str, list[int]] = {}
    for shipment in np.flatnonzero(shipments.delivered_s >= 0).tolist():
        for line, units in content[shipment]:
            if rng.random() > 0.2:
                continue
            requested = int(shipments.delivered_s[shipment]) + int(rng.lognormal(np.log(3 * DAY), 0.8))
            if requested >= horizon_s:
                continue
            received, inspected = requested + 3 * DAY, requested + 4 * DAY
            refunded = inspected + HOUR
            done = inspected < horizon_s
            row = {
                "line": line,
                "shipment": shipment,
                "units": units,
                "site": int(shipments.site[shipment]),
                "requested_s": requested,
                "received_s": received if received < horizon_s else -1,
                "inspected_s": inspected if done else -1,
                "refunded_s": refunded if refunded < horizon_s else -1,
                "disposition": int(rng.integers(0, 4)) if done else -1,
                "refund_cents": 100 * units,
                "damaged": int(shipments.damaged[shipment]),
            }
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
    names = ReturnColumns.__slots__
    arrays = {name: np.array(columns.get(name, []), dtype=np.int32) for name in names}
    arrays["damaged"] = arrays["damaged"].astype(np.bool_)
    return ReturnColumns(**arrays)


def _contacts(rng, orders, horizon_s) -> ContactColumns:
    n = len(orders.arrived_s) // 5
    order = np.sort(rng.integers(0, len(orders.arrived_s), n))
    at_s = orders.arrived_s[order] + rng.integers(0, DAY, n)
    abandoned = rng.random(n) < 0.1
    answered_s = np.where(abandoned, -1, at_s + rng.integers(0, HOUR, n))
    keep = at_s < horizon_s
    answered_s = np.where(answered_s < horizon_s, answered_s, -1)
    return ContactColumns(
        order=order[keep].astype(np.int32),
        reason=rng.integers(0, len(fields.CONTACT_REASONS), n)[keep].astype(np.int8),
        at_s=at_s[keep].astype(np.int32),
        answered_s=answered_s[keep].astype(np.int32),
        closed_s=np.where(answered_s >= 0, answered_s + 300, -1)[keep].astype(np.int32),
        abandoned=abandoned[keep],
    )


def _purchases(rng, business, n_cells, horizon_s) -> PurchaseColumns:
    n = 60
    ordered_s = np.sort(rng.integers(0, horizon_s, n))
    return PurchaseColumns(
        po=(np.arange(n) // 2).astype(np.int32),
        cell=rng.integers(0, n_cells, n).astype(np.int32),
        supplier=(np.arange(n) // 2 % len(business["suppliers"])).astype(np.int16),
        units=rng.integers(1, 500, n).astype(np.int32),
        ordered_s=ordered_s.astype(np.int32),
        receipt_s=(ordered_s + 7 * DAY).astype(np.int32),
        cost_cents=rng.integers(1000, 100_000, n),
    )


def _stock(rng, calendar, n_cells, horizon_s) -> StockColumns:
    daily = rng.integers(0, 200, (calendar.n_days, n_cells)).astype(np.int32)
    cycles = rng.integers(0, 6, n_cells)
    zero = np.zeros(n_cells, dtype=np.int64)
    return StockColumns(
        opening_units=daily[0].astype(np.int64),
        received_units=zero,
        restocked_units=zero,
        shipped_units=zero,
        shrunk_units=zero,
        closing_units=daily[-1].astype(np.int64),
        reserved_units=zero,
        backordered_units=zero,
        on_order_units=zero,
        on_hand_unit_s=daily.sum(axis=0, dtype=np.int64) * DAY,
        stocked_s=rng.integers(horizon_s // 2, horizon_s, n_cells),
        cycles=cycles,
        stockout_cycles=rng.binomial(cycles, 0.1).astype(np.int64),
        daily_on_hand=daily,
        daily_backordered=rng.binomial(3, 0.1, daily.shape).astype(np.int32),
        daily_on_order=daily // 2,
    )


def _stations(rng, business, horizon_s) -> StationColumns:
    sites = range(len(business["sites"]))
    rows = [("validate", -1), *((stage, site) for stage in ("pick", "pack", "inspect") for site in sites)]
    rows.append(("contact", -1))
    n = len(rows)
    staffed_s = rng.integers(horizon_s, 5 * horizon_s, n)
    return StationColumns(
        stage=tuple(stage for stage, _ in rows),
        site=np.array([site for _, site in rows], dtype=np.int16),
        tasks=rng.integers(100, 1000, n),
        busy_s=(staffed_s * rng.uniform(0.3, 0.95, n)).astype(np.int64),
        wait_s=rng.integers(10_000, 1_000_000, n),
        staffed_s=staffed_s,
        queue_s=rng.integers(10_000, 1_000_000, n),
    )


def _tenders(rng, calendar, shipments, n_sites, n_services, n_contracts) -> TenderColumns:
    n_days = calendar.n_days
    at_s = np.repeat(calendar.day_start_s[:-1] + 17 * HOUR, n_sites)
    site = np.tile(np.arange(n_sites), n_days)
    used = np.zeros((len(at_s), n_services), dtype=np.int64)
    for i in np.flatnonzero(shipments.tendered_s >= 0).tolist():
        day = int(shipments.tendered_s[i]) // DAY
        used[min(day, n_days - 1) * n_sites + shipments.site[i], shipments.service[i]] += 1
    slots = used + rng.integers(0, 30, used.shape)
    slots[:, -1] = 1_000_000_000
    status = tuple("fallback" if u < 0.03 else "optimal" for u in rng.random(len(at_s)).tolist())
    return TenderColumns(
        at_s=at_s.astype(np.int32),
        site=site.astype(np.int16),
        parcels=used.sum(axis=1),
        held=np.zeros(len(at_s), dtype=np.int64),
        slots=slots,
        used=used,
        demanded=used + 1,
        cost_cents=used.sum(axis=1) * 500,
        status=status,
        fallback=tuple("no feasible service" if text == "fallback" else "" for text in status),
        unoffered=rng.integers(0, 2, len(at_s)),
        slot_price_cents=rng.choice([0, 0, 0, 12, 47, 90, 100_000], used.shape),
        contract_price_cents=rng.integers(0, 40, (len(at_s), n_contracts)),
        objective_cents=used.sum(axis=1) * 510 + 3,
        bound_cents=used.sum(axis=1) * 510,
    )


def _cartons(rng, business, reached) -> dict[str, np.ndarray]:
    """Carton columns of shipments, none in a model without cartons."""
    n_kinds, n = len(business["cartons"]), reached.size
    if not n_kinds:
        return {}
    cartons = np.where(reached, rng.choice([1, 1, 1, 2, 3], n), 0)
    own = np.minimum(rng.choice([0, 0, 0, 0, 1], n), cartons)
    carton_mm3 = (cartons - own) * 10_000_000
    return {
        "carton": np.where(cartons > own, rng.integers(0, n_kinds, n), -1).astype(np.int32),
        "cartons": cartons.astype(np.int32),
        "own_packages": own.astype(np.int32),
        "packaging_cents": ((cartons - own) * rng.integers(20, 90, n)).astype(np.int32),
        "carton_mm3": carton_mm3,
        "filled_mm3": (carton_mm3 * rng.uniform(0.2, 0.9, n)).astype(np.int64),
    }


def _contracts(rng, business) -> ContractColumns:
    """One settlement a contract and period of the model."""
    terms = compile_contracts(business, 1)
    n = terms.contract.size
    parcels = rng.integers(0, 300, n)
    return ContractColumns(
        contract=terms.contract,
        first_day=terms.first_day,
        last_day=terms.last_day,
        parcels=parcels,
        all_parcels=parcels + rng.integers(0, 300, n),
        freight_cents=parcels * 500,
        minimum_parcels=terms.minimum_parcels,
        tier=rng.integers(0, 2, n),
        rebate_cents=rng.integers(0, 9000, n),
        shortfall_cents=rng.integers(0, 9000, n),
    )
