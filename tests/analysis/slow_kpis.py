"""KPIs computed order by order in plain Python, straight from their definitions: slow and obvious."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omsim.model import fields
from omsim.model.calendars import Calendar

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

DAY = 86_400


@dataclass
class SlowOrder:
    """One order with everything that belongs to it."""

    number: int
    arrived: int
    validated: int
    allocated: int
    promise: int
    channel: int
    region: int
    rejected: bool
    lines: list[dict[str, int]] = field(default_factory=list)
    parcels: list[int] = field(default_factory=list)


def slow_orders(records: RunRecords) -> list[SlowOrder]:
    """Orders with their lines and parcels."""
    orders, lines, short = records.orders, records.lines, records.short_lines
    short_row = {int(line): row for row, line in enumerate(short.line)}
    found = []
    for i in range(len(orders.arrived_s)):
        order = SlowOrder(
            number=i,
            arrived=int(orders.arrived_s[i]),
            validated=int(orders.validated_s[i]),
            allocated=int(orders.allocated_s[i]),
            promise=int(orders.promise_s[i]),
            channel=int(orders.channel[i]),
            region=int(orders.region[i]),
            rejected=bool(orders.rejected[i]),
        )
        for line in range(int(orders.first_line[i]), int(orders.first_line[i + 1])):
            units = int(lines.units[line])
            tried = order.allocated >= 0
            row = {
                "line": line,
                "sku": int(lines.sku[line]),
                "units": units,
                "first": units if tried else 0,
                "reserved": units if tried else 0,
                "cancelled": 0,
                "filled_s": order.allocated,
                "cancelled_s": -1,
                "cell": -1,
            }
            if line in short_row:
                at = short_row[line]
                row |= {
                    "first": int(short.first_units[at]),
                    "reserved": int(short.reserved_units[at]),
                    "cancelled": int(short.cancelled_units[at]),
                    "filled_s": int(short.last_fill_s[at]),
                    "cancelled_s": int(short.cancelled_s[at]),
                    "cell": int(short.cell[at]),
                }
            order.lines.append(row)
        found.append(order)
    for shipment, order_number in enumerate(records.shipments.order.tolist()):
        found[order_number].parcels.append(shipment)
    return found


def pieces_of_lines(records: RunRecords) -> list[tuple[int, int, int]]:
    """Every (line, shipment, units)."""
    short = {
        int(line): int(units)
        for line, units in zip(records.short_lines.line, records.short_lines.shipment_units, strict=True)
    }
    found = []
    for line, shipment in enumerate(records.lines.shipment.tolist()):
        if shipment >= 0:
            found.append((line, shipment, short.get(line, int(records.lines.units[line]))))
    pieces = records.pieces
    found += list(zip(pieces.line.tolist(), pieces.shipment.tolist(), pieces.units.tolist(), strict=True))
    return found


def ratio(numerator: float, denominator: float) -> float:
    """A quotient; NaN where there is nothing below."""
    return numerator / denominator if denominator > 0 else math.nan


def lower_quantile(values: list[int], share: float) -> float:
    """Smallest value that at least a share of all lie at or below."""
    ordered = sorted(values)
    for at, value in enumerate(ordered, start=1):
        if at >= share * len(ordered) - 1e-9:
            return float(value)
    return math.nan


def slow_kpis(records: RunRecords, business: Business, channel: int | None = None) -> dict[str, float]:
    """KPIs of orders, of all channels or of one."""
    ships = records.shipments
    start, horizon = records.warm_up_s, records.horizon_s
    orders = [order for order in slow_orders(records) if channel is None or order.channel == channel]
    arrived = [order for order in orders if start <= order.arrived < horizon]
    counted = [order for order in arrived if not order.rejected]
    tried = [order for order in counted if order.allocated >= 0]
    due = [order for order in orders if not order.rejected and order.promise >= 0 and start <= order.promise < horizon]
    price = business["skus"].integers("price_cents")
    cost = business["skus"].integers("unit_cost_cents")

    def waiting(order):
        return sum(line["units"] - line["reserved"] - line["cancelled"] for line in order.lines)

    def closed(order):
        return not order.rejected and order.allocated >= 0 and waiting(order) == 0

    def tendered(order):
        return closed(order) and order.parcels and all(ships.tendered_s[p] >= 0 for p in order.parcels)

    def delivered(order):
        return (
            closed(order)
            and bool(order.parcels)
            and all(0 <= ships.delivered_s[p] <= horizon and not ships.lost[p] for p in order.parcels)
        )

    def last_delivery(order):
        return max(int(ships.delivered_s[p]) for p in order.parcels)

    def last_tender(order):
        return max(int(ships.tendered_s[p]) for p in order.parcels)

    def cancelled(order):
        return sum(line["cancelled"] for line in order.lines)

    def is_open(order):
        if not closed(order):
            return not order.rejected
        gone = (ships.lost[p] or 0 <= ships.delivered_s[p] <= horizon for p in order.parcels)
        return not all(gone)

    def on_time(order):
        return delivered(order) and last_delivery(order) <= order.promise

    lines = [(order, line) for order in tried for line in order.lines]
    waited = [(order, line) for order, line in lines if line["cell"] >= 0]
    filled_late = [(o, ln) for o, ln in waited if ln["reserved"] == ln["units"]]
    still = [(o, ln) for o, ln in waited if ln["reserved"] + ln["cancelled"] < ln["units"]]
    tried_units = sum(line["units"] for _, line in lines)
    done = [order for order in counted if delivered(order)]
    gone = [order for order in counted if tendered(order)]
    parcelled = [order for order in counted if order.parcels]
    cycles = [last_delivery(order) - order.arrived for order in done]
    clicks = [last_tender(order) - order.arrived for order in gone]
    errors = [last_delivery(order) - order.promise for order in due if delivered(order)]
    n_due = len(due)
    otif = [order for order in due if on_time(order) and not cancelled(order)]
    return {
        "on_time_delivery": ratio(sum(map(on_time, due)), n_due),
        "otif": ratio(len(otif), n_due),
        "perfect_order": ratio(sum(not any(ships.damaged[p] for p in order.parcels) for order in otif), n_due),
        "in_full": ratio(sum(delivered(order) and not cancelled(order) for order in due), n_due),
        "promise_within_a_day": ratio(sum(abs(error) <= DAY for error in errors), n_due),
        "promise_error_p10": lower_quantile(errors, 0.1),
        "promise_error_p50": lower_quantile(errors, 0.5),
        "promise_error_p90": lower_quantile(errors, 0.9),
        "orders_due": n_due,
        "orders_without_promise": sum(order.promise < 0 for order in counted),
        "unit_fill": ratio(sum(line["first"] for _, line in lines), tried_units),
        "line_fill": ratio(sum(line["first"] == line["units"] for _, line in lines), len(lines)),
        "order_fill": ratio(
            sum(all(line["first"] == line["units"] for line in order.lines) for order in tried), len(tried)
        ),
        "backorder_rate": ratio(sum(line["units"] - line["first"] for _, line in waited), tried_units),
        "backorder_order_share": ratio(len({order.number for order, _ in waited}), len(tried)),
        "backorder_wait": ratio(
            sum(line["filled_s"] - order.allocated for order, line in filled_late), len(filled_late)
        ),
        "backorder_open_units": sum(line["units"] - line["reserved"] - line["cancelled"] for _, line in still),
        "backorder_open_age": ratio(sum(horizon - order.allocated for order, _ in still), len(still)),
        "cancel_rate": ratio(sum(cancelled(order) > 0 for order in tried), len(tried)),
        "lost_sales_units": sum(map(cancelled, tried)),
        "lost_sales_share": ratio(sum(map(cancelled, tried)), tried_units),
        "lost_sales_value": sum(line["cancelled"] * int(price[line["sku"]]) for _, line in lines),
        "lost_margin": sum(line["cancelled"] * int(price[line["sku"]] - cost[line["sku"]]) for _, line in lines),
        "cycle_time": ratio(sum(cycles), len(cycles)),
        "cycle_time_p50": lower_quantile(cycles, 0.5),
        "cycle_time_p90": lower_quantile(cycles, 0.9),
        "cycle_time_p95": lower_quantile(cycles, 0.95),
        "click_to_ship": ratio(sum(clicks), len(clicks)),
        "click_to_ship_p90": lower_quantile(clicks, 0.9),
        "split_rate": ratio(sum(len(order.parcels) > 1 for order in parcelled), len(parcelled)),
        "shipments_per_order": ratio(sum(len(order.parcels) for order in parcelled), len(parcelled)),
        "orders_per_day": len(arrived) / ((horizon - start) / DAY),
        "orders_rejected": sum(order.rejected for order in arrived),
        "reject_rate": ratio(sum(order.rejected for order in arrived), sum(order.validated >= 0 for order in arrived)),
        "open_orders": sum(map(is_open, counted)),
    }


def slow_backlog(records: RunRecords, business: Business) -> list[int]:
    """Orders in the house at each day's end."""
    calendar = Calendar(business.settings.time_zone, business.settings.start_date, business.settings.horizon_days)
    ships = records.shipments
    found = []
    for end in calendar.day_start_s[1:].tolist():
        inside = 0
        for order in slow_orders(records):
            if order.arrived >= end:
                continue
            if order.rejected:
                inside += order.validated >= end
                continue
            settled = order.allocated >= 0 and all(
                line["reserved"] + line["cancelled"] == line["units"] for line in order.lines
            )
            settled &= all(line["cancelled_s"] < end for line in order.lines)
            shipped = all(0 <= ships.tendered_s[p] < end for p in order.parcels)
            inside += not (settled and shipped)
        found.append(inside)
    return found


def slow_costs(records: RunRecords, business: Business) -> list[dict[str, float]]:
    """Money by order in cents, without the shares of holding and ordering."""
    settings, ships, start = business.settings, records.shipments, max(records.warm_up_s, 0)
    wage = business["sites"].integers("labour_cents_per_hour").tolist()
    inspect_s = business["sites"].numbers("inspect_unit_s").tolist()
    skus = business["skus"]
    cost, price = skus.integers("unit_cost_cents").tolist(), skus.integers("price_cents").tolist()
    category = skus.texts("category")
    orders = slow_orders(records)
    found = [
        dict.fromkeys(
            (
                "pick",
                "pack",
                "parcel",
                "return",
                "contact",
                "late_penalty",
                "split_penalty",
                "lost_margin",
                "lost_goods",
            ),
            0.0,
        )
        for _ in orders
    ]
    for order, money in zip(orders, found, strict=True):
        for at, p in enumerate(order.parcels):
            rate = wage[int(ships.site[p])]
            if ships.picked_s[p] >= start:
                money["pick"] += int(ships.pick_s[p]) * rate / 3600
            if ships.packed_s[p] >= start:
                money["pack"] += int(ships.pack_s[p]) * rate / 3600
            if ships.tendered_s[p] >= start:
                money["parcel"] += int(ships.price_cents[p])
                money["split_penalty"] += settings.split_penalty_cents * (at > 0)
        lost = any(ships.lost[p] for p in order.parcels)
        settled = order.allocated >= 0 and all(
            line["reserved"] + line["cancelled"] == line["units"] for line in order.lines
        )
        arrived = (
            settled
            and order.parcels
            and all(
                0 <= ships.delivered_s[p] <= records.horizon_s and ships.delivered_s[p] <= order.promise
                for p in order.parcels
            )
        )
        void = settled and not order.parcels
        promised = 0 <= order.promise < records.horizon_s
        late = promised and order.promise >= start and not arrived and not void
        if not order.rejected and (late or (lost and not promised and order.arrived >= start)):
            money["late_penalty"] += settings.late_penalty_cents
        for line in order.lines:
            if line["cancelled_s"] < start:
                continue
            money["lost_margin"] += line["cancelled"] * (price[line["sku"]] - cost[line["sku"]])
    for line, shipment, units in pieces_of_lines(records):
        if ships.lost[shipment] and ships.tendered_s[shipment] >= start:
            found[int(ships.order[shipment])]["lost_goods"] += units * cost[int(records.lines.sku[line])]
    table = business["dispositions"]
    rows = {
        (name, kind): (handling, recovered)
        for name, kind, handling, recovered in zip(
            table.texts("category"),
            table.texts("disposition"),
            table.integers("handling_cents").tolist(),
            table.numbers("recovered_share").tolist(),
            strict=True,
        )
    }
    known = {name for name, _ in rows}
    returns = records.returns
    for i in range(len(returns.line)):
        sku = int(records.lines.sku[returns.line[i]])
        units, at = int(returns.units[i]), int(returns.site[i])
        money = settings.return_label_cents if returns.requested_s[i] >= start else 0
        if returns.inspected_s[i] >= start:
            money += units * inspect_s[at] * wage[at] / 3600
        if returns.inspected_s[i] >= start and returns.disposition[i] >= 0:
            kind = fields.DISPOSITIONS[int(returns.disposition[i])]
            name = category[sku] if category[sku] in known else ""
            handling, recovered = rows.get((name, kind), (0, 0.0))
            money += units * handling
            if kind != "restock":
                money += units * cost[sku] * (1 - recovered)
        found[int(ships.order[returns.shipment[i]])]["return"] += money
    answers = dict(
        zip(business["contacts"].texts("reason"), business["contacts"].integers("cost_cents").tolist(), strict=True)
    )
    contacts = records.contacts
    for i in range(len(contacts.order)):
        if contacts.answered_s[i] >= start:
            reason = fields.CONTACT_REASONS[int(contacts.reason[i])]
            found[int(contacts.order[i])]["contact"] += answers.get(reason, 0)
    return found
