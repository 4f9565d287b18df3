"""Tiny stories of the `process` engine, told in advance with pencil and paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.small_models import SETTINGS, columns_of

from omsim.demand.arrivals import Intake, draw_intake
from omsim.demand.rng import Purpose, uniforms
from omsim.model.building import build_business
from omsim.sim.plan import compile_plan
from omsim.sim.process.engine import run_process
from omsim.sim.records import NEVER, RunRecords

if TYPE_CHECKING:
    from omsim.model.business import Business

HOUR, DAY = 3600, 86_400
PICK_ONE_S, PACK_ONE_S = 60 + 20 + 2, 60 + 3


def one_shop(*orders: str, settings: dict[str, object] | None = None, **tables: str | dict[str, list[str]]) -> Business:
    """One site (pick 06:00-18:00 by one person, cutoff 17:00, Monday first), one SKU, fixed times.

    Orders are written ``name, time, channel, sku, units``, rows of one name being one order's lines. A dict replaces
    columns of a table (one value for all its rows), text a table.
    """
    rows = [[cell.strip() for cell in order.split(",")] for order in orders]
    replay = {
        "order": [row[0] for row in rows],
        "ordered_at": [row[1] for row in rows],
        "channel": [row[2] for row in rows],
        "region": ["town"] * len(rows),
        "sku": [row[3] for row in rows],
        "units": [row[4] for row in rows],
    }
    default: dict[str, str | dict[str, list[str]]] = {
        "skus": """
            sku,  unit_cost_cents, price_cents, weight_g
            pen,  100,             250,         50
            book, 400,             900,         300
        """,
        "sites": """
            site, cutoff, task_times, inspect_unit_s
            home, 17:00,  fixed,      120
        """,
        "staff": """
            stage,    site, start, end,   workers
            validate, ,     09:00, 17:00, 1
            pick,     home, 06:00, 18:00, 1
            pack,     home, 06:00, 18:00, 1
            inspect,  home, 09:00, 17:00, 1
            contact,  ,     09:00, 17:00, 1
        """,
        "channels": """
            channel, priority, orders_per_day, promise_days
            first,   1,        0,              2
            second,  2,        0,              2
        """,
        "regions": "region\ntown",
        "services": """
            service, carrier, pickup_days, delivery_days, over_kg_cents
            van,     van,     Mon-Sun,     Mon-Sun,       100
        """,
        "zones": "site, region, zone, distance_km\nhome, town, near, 5",
        "transits": "service, zone, days, share\nvan, near, 1, 1",
        "rates": "service, zone, up_to_g, price_cents\nvan, near, 1000, 400",
        "suppliers": "supplier, lead_time_days\nmill, 2",
        "stock": """
            site, sku,  on_hand_units, supplier, policy,  reorder_point_units, order_up_to_units
            home, pen,  10,            mill,     min_max, 0,                   10
            home, book, 10,            mill,     min_max, 0,                   10
        """,
        "orders": replay,
    }
    built = {name: columns_of(text) if isinstance(text, str) else text for name, text in default.items()}
    for name, change in tables.items():
        if isinstance(change, str):
            built[name] = columns_of(change)
        else:
            n_rows = len(next(iter(built[name].values())))
            built[name] = {**built[name], **{column: cells * n_rows for column, cells in change.items()}}
    return build_business({**SETTINGS, "model.time_zone": "UTC", "model.horizon_days": 7, **(settings or {})}, built)


def run(business: Business) -> RunRecords:
    """One replication of a business."""
    intake: Intake = draw_intake(business, seed=1, replication=0)
    return run_process(business, compile_plan(business), intake, seed=1, replication=0)


def test_an_order_goes_from_cycle_to_door():
    """Ordered 08:10, allocated at the 09:00 cycle, picked, packed, tendered at 17:00, delivered the next day."""
    business = one_shop("a, 2026-09-28 08:10, first, pen, 2")
    told = run(business)
    picked = 9 * HOUR + PICK_ONE_S + 2
    assert told.orders.arrived_s.tolist() == [8 * HOUR + 600]
    assert told.orders.validated_s.tolist() == [8 * HOUR + 600]
    assert told.orders.allocated_s.tolist() == told.shipments.released_s.tolist() == [9 * HOUR]
    assert told.orders.promise_s.tolist() == [3 * DAY - 1]
    assert told.shipments.picked_s.tolist() == [picked]
    assert told.shipments.packed_s.tolist() == [picked + PACK_ONE_S + 3]
    assert told.shipments.tendered_s.tolist() == [17 * HOUR]
    hour = uniforms(1, 0, Purpose.SHIPMENT, draw_intake(business, seed=1, replication=0).entity, 0)[0, 3]
    assert told.shipments.delivered_s.tolist() == [DAY + 8 * HOUR + int(hour * 10 * HOUR)]
    assert told.shipments.price_cents.tolist() == [400]
    assert told.shipments.weight_g.tolist() == [100]
    assert told.stock.closing_units.tolist() == [8, 10]
    assert told.stock.on_hand_unit_s.tolist() == [10 * 17 * HOUR + 8 * (7 * DAY - 17 * HOUR), 10 * 7 * DAY]
    assert told.stock.daily_on_hand[:, 0].tolist() == [8] * 7
    assert told.tenders.at_s.tolist() == [day * DAY + 17 * HOUR for day in range(7)]
    assert told.tenders.parcels.tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_one_picker_serves_a_cycle_by_channel_priority():
    """Two orders of one cycle: the later, but more important one is allocated and picked first."""
    told = run(one_shop("a, 2026-09-28 08:10, second, pen, 1", "b, 2026-09-28 08:20, first, pen, 1"))
    assert told.shipments.order.tolist() == [1, 0]
    assert told.shipments.picked_s.tolist() == [9 * HOUR + PICK_ONE_S, 9 * HOUR + 2 * PICK_ONE_S]
    pick = told.stations.stage.index("pick")
    assert (told.stations.tasks[pick], told.stations.wait_s[pick], told.stations.busy_s[pick]) == (
        2,
        PICK_ONE_S,
        2 * PICK_ONE_S,
    )


def test_what_stock_cannot_fill_waits_for_the_receipt():
    """Ten of twelve pens go at once; the rest are bought at Tuesday's review and leave with Thursday's receipt."""
    told = run(one_shop("a, 2026-09-28 08:10, first, pen, 12"))
    receipt = DAY + 5 * HOUR + 2 * DAY
    short = told.short_lines
    assert (short.line.tolist(), short.first_units.tolist(), short.shipment_units.tolist()) == ([0], [10], [10])
    assert (short.reserved_units.tolist(), short.last_fill_s.tolist()) == ([12], [receipt])
    assert short.cell.tolist() == [0]
    assert told.shipments.released_s.tolist() == [9 * HOUR, receipt]
    assert told.shipments.number.tolist() == [0, 1]
    assert (told.pieces.line.tolist(), told.pieces.shipment.tolist(), told.pieces.units.tolist()) == ([0], [1], [2])
    assert told.purchases.units.tolist()[0] == 12  # position 10 - 10 - 2 = -2, up to 10
    assert told.purchases.ordered_s.tolist()[0] == DAY + 5 * HOUR
    assert told.purchases.receipt_s.tolist()[0] == receipt
    assert told.stock.cycles.tolist() == told.stock.stockout_cycles.tolist() == [1, 0]
    assert told.stock.daily_backordered[:, 0].tolist() == [2, 2, 2, 0, 0, 0, 0]
    assert told.stock.stocked_s[0] == 9 * HOUR + 7 * DAY - receipt


def test_who_waits_is_served_before_who_asks_at_the_same_second():
    """A receipt on the second of an allocation cycle fills the backorder first, the new order gets what is left."""
    told = run(
        one_shop(
            "a, 2026-09-28 08:10, second, pen, 13",
            "b, 2026-10-01 04:30, first, pen, 8",
            settings={"decisions.review_time": "05:00"},
        )
    )
    receipt = 3 * DAY + 5 * HOUR
    assert told.orders.allocated_s.tolist() == [9 * HOUR, receipt]
    assert told.purchases.units.tolist()[0] == 13
    assert told.shipments.order.tolist()[:3] == [0, 0, 1]
    assert told.shipments.units.tolist()[:3] == [10, 3, 8]
    assert told.shipments.released_s.tolist()[:3] == [9 * HOUR, receipt, receipt]


def test_a_whole_line_waits_whole_and_holds_up_the_queue():
    """A channel without partial lines waits for all its units, and a smaller line behind it waits for its turn."""
    told = run(
        one_shop(
            "a, 2026-09-28 08:10, first, pen, 15",
            "b, 2026-09-28 09:10, second, pen, 12",
            "c, 2026-09-28 10:10, second, pen, 4",
            channels={"partial_lines": ["false"]},
            stock="""
                site, sku,  on_hand_units, supplier, policy,     order_up_to_units
                home, pen,  10,            mill,     base_stock, 0
                home, book, 10,            mill,     none,       0
            """,
        )
    )
    # position at Tuesday's review: 10 free after c's 4, minus 27 waited for: 21 are bought; 27 on hand serve all
    assert told.shipments.order.tolist() == [2, 0, 1]
    assert told.purchases.units.tolist() == [21]
    assert told.short_lines.first_units.tolist() == [0, 0]
    assert told.lines.shipment.tolist() == [1, 2, 0]
    assert told.pieces.line.size == 0


def test_without_backorders_the_rest_is_lost():
    """A channel without backorders loses at allocation what stock cannot fill."""
    told = run(one_shop("a, 2026-09-28 08:10, first, pen, 12", channels={"backorders": ["false"]}))
    short = told.short_lines
    assert (short.reserved_units.tolist(), short.cancelled_units.tolist()) == ([10], [2])
    assert (short.cancelled_s.tolist(), short.cell.tolist()) == ([9 * HOUR], [-1])
    assert told.stock.backordered_units.tolist() == [0, 0]


def test_patience_ends_at_a_review():
    """An order of Monday 08:10 with a day's patience is cancelled at Wednesday's review."""
    told = run(one_shop("a, 2026-09-28 08:10, first, pen, 12", channels={"patience_days": ["1"]}))
    short = told.short_lines
    assert (short.cancelled_units.tolist(), short.cancelled_s.tolist()) == ([2], [2 * DAY + 5 * HOUR])
    assert short.cell.tolist() == [0]
    assert told.stock.daily_backordered[:, 0].tolist() == [2, 2, 0, 0, 0, 0, 0]


def test_a_shift_ends_but_its_task_does_not():
    """A pick begun before 18:00 is finished; the next one begins when the shift does, at 06:00."""
    told = run(
        one_shop(
            "a, 2026-09-28 17:59, first, pen, 1",
            "b, 2026-09-28 17:59, first, pen, 1",
            settings={"decisions.release": "immediate"},
        )
    )
    start = 17 * HOUR + 59 * 60
    assert told.orders.allocated_s.tolist() == [start, start]
    assert told.shipments.picked_s.tolist() == [start + PICK_ONE_S, DAY + 6 * HOUR + PICK_ONE_S]
    assert told.shipments.tendered_s.tolist() == [DAY + 17 * HOUR] * 2


def test_an_outage_puts_allocation_off():
    """During a system outage nothing is allocated; an immediate release comes with its last midnight."""
    for release in ("immediate", "at_cycle"):
        told = run(
            one_shop(
                "a, 2026-09-29 08:10, first, pen, 1",
                settings={"decisions.release": release},
                events="kind, start, end\nsystem_outage, 2026-09-29, 2026-09-30",
            )
        )
        assert told.orders.allocated_s.tolist() == [3 * DAY]


def test_a_damaged_parcel_comes_back_whole_and_is_scrapped():
    """Requested a day after delivery, received three days later, inspected when somebody is in, refunded then."""
    business = one_shop(
        "a, 2026-09-28 08:10, first, pen, 2",
        services={"damage_share": ["1"]},
        settings={"model.horizon_days": 14, "costs.return_transit_days": 3},
    )
    told = run(business)
    delivered = int(told.shipments.delivered_s[0])
    back = told.returns
    assert told.shipments.damaged.tolist() == back.damaged.tolist() == [True]
    assert back.requested_s.tolist() == [delivered + DAY]
    assert back.received_s.tolist() == [delivered + 4 * DAY]
    begins = max(int(back.received_s[0]), 5 * DAY + 9 * HOUR)
    if int(back.received_s[0]) >= 5 * DAY + 17 * HOUR:
        begins = 6 * DAY + 9 * HOUR
    assert back.inspected_s.tolist() == back.refunded_s.tolist() == [begins + 2 * 120]
    assert back.disposition.tolist() == [3]
    assert back.refund_cents.tolist() == [500]
    assert told.stock.restocked_units.tolist() == [0, 0]


def test_returned_units_are_sold_again():
    """With every piece coming back and restocked, units go on hand at the first cycle after inspection."""
    told = run(
        one_shop(
            "a, 2026-09-28 08:10, first, pen, 2",
            skus={"return_share": ["1"]},
            settings={
                "model.horizon_days": 14,
                "costs.return_lag_median_days": 1,
                "costs.return_lag_sigma": 0,
                "decisions.refund_rule": "at_scan",
            },
        )
    )
    back = told.returns
    assert back.requested_s.tolist() == back.refunded_s.tolist() == [int(told.shipments.delivered_s[0]) + DAY]
    assert back.disposition.tolist() == [0]
    assert told.stock.restocked_units.tolist() == [2, 0]
    shelved = -(-int(back.inspected_s[0]) // HOUR) * HOUR
    away = 17 * HOUR
    assert told.stock.on_hand_unit_s[0] == 10 * 14 * DAY - 2 * (shelved - away)


def test_parcels_beyond_the_slots_wait_for_the_next_pickup():
    """One slot a day: the second parcel rolls over once."""
    told = run(
        one_shop(
            "a, 2026-09-28 08:10, first, pen, 1",
            "b, 2026-09-28 08:20, first, pen, 1",
            services={"daily_slots": ["1"]},
        )
    )
    assert sorted(told.shipments.tendered_s.tolist()) == [17 * HOUR, DAY + 17 * HOUR]
    assert sorted(told.shipments.rolled_over.tolist()) == [0, 1]
    assert told.tenders.held.tolist()[:2] == [1, 0]


def test_nothing_begins_at_the_horizon():
    """Allocated in the last hour, picked in the night shift to the last second, and no later."""
    told = run(
        one_shop(
            "a, 2026-09-28 22:30, first, pen, 1",
            "b, 2026-09-28 22:30, first, pen, 1",
            settings={"model.horizon_days": 1},
            sites={"pick_order_s": [str(HOUR - 22)]},
            staff={"start": ["00:00"], "end": ["24:00"]},
        )
    )
    assert told.shipments.picked_s.tolist() == [DAY, NEVER]
    assert told.shipments.pick_s.tolist() == [HOUR, 0]
    pack = told.stations.stage.index("pack")
    assert told.stations.tasks[pack] == told.stations.queue_s[pack] == 0
    assert told.stations.queue_s[told.stations.stage.index("pick")] == HOUR


def test_a_manual_review_holds_an_order_up():
    """Orders looked at by a person are validated one after another; refused ones are never allocated."""
    told = run(
        one_shop(
            "a, 2026-09-28 09:30, first, pen, 1",
            "b, 2026-09-28 09:30, first, pen, 1",
            channels={
                "manual_review_share": ["1"],
                "review_s": ["600"],
                "review_times": ["fixed"],
                "auto_check_s": ["60"],
                "reject_share": ["1"],
            },
        )
    )
    ready = 9 * HOUR + 1860
    assert told.orders.validated_s.tolist() == [ready + 600, ready + 1200]
    assert told.orders.rejected.tolist() == [True, True]
    assert told.orders.allocated_s.tolist() == [NEVER, NEVER]
    assert told.stations.wait_s[0] == told.stations.queue_s[0] == 600


def test_fewest_splits_prefers_a_far_site_that_has_all():
    """A two-line order goes whole to the far site, or in two parts to the near one first."""
    tables: dict[str, str | dict[str, list[str]]] = {
        "sites": """
            site, cutoff, task_times
            home, 17:00,  fixed
            away, 17:00,  fixed
        """,
        "staff": """
            stage,   site, start, end,   workers
            pick,    home, 06:00, 18:00, 1
            pack,    home, 06:00, 18:00, 1
            pick,    away, 06:00, 18:00, 1
            pack,    away, 06:00, 18:00, 1
        """,
        "zones": "site, region, zone, distance_km\nhome, town, near, 5\naway, town, near, 50",
        "stock": """
            site, sku,  on_hand_units
            home, pen,  10
            home, book, 1
            away, pen,  10
            away, book, 10
        """,
    }
    order = ("a, 2026-09-28 08:10, first, pen, 2", "a, 2026-09-28 08:10, first, book, 3")
    whole = run(one_shop(*order, settings={"decisions.allocation_rule": "fewest_splits"}, **tables))
    assert (whole.shipments.site.tolist(), whole.shipments.lines.tolist()) == ([1], [2])
    split = run(one_shop(*order, settings={"decisions.allocation_rule": "nearest"}, **tables))
    assert (split.shipments.site.tolist(), split.shipments.units.tolist()) == ([0, 1], [3, 2])
    assert (split.lines.shipment.tolist(), split.pieces.units.tolist()) == ([0, 0], [2])
    assert (split.short_lines.line.tolist(), split.short_lines.shipment_units.tolist()) == ([1], [1])
    closed = run(
        one_shop(*order, events="kind, target, start, end\nsite_closed, home, 2026-09-28, 2026-09-28", **tables)
    )
    assert closed.shipments.site.tolist() == [1]
