"""Tiny stories of sourcing in batches, one for each rule of the specification, told before with pencil and paper."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from model.small_models import SETTINGS, columns_of
from sim.busy_models import both_engines, with_changes

from omsim.model.building import build_business
from omsim.sim.audit import audit
from omsim.sim.records import NEVER, differences

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

HOUR, DAY = 3600, 86_400
HERE, THERE = 0, 1
"""Sites: `here` is near `town` (4.00 a parcel, 5.00 from `there`); `coast` is as far from both."""

PEN_HERE, BOOK_HERE, PEN_THERE, BOOK_THERE = range(4)
PEN, BOOK = 0, 1


def two_shops(
    *orders: str,
    settings: dict[str, object] | None = None,
    on_hand: tuple[int, int, int, int] = (10, 10, 10, 10),
    receipts: tuple[str, ...] = (),
    **tables: str | dict[str, list[str]],
) -> Business:
    """Two sites, two SKUs, two regions, Monday first, a cycle an hour, nothing bought.

    Orders are written ``name, time, channel, region, sku, units``, receipts ``site, sku, units, date`` (put away at
    09:30). `on_hand` is by cell. A dict replaces or adds columns of a table, text a table.
    """
    rows = [[cell.strip() for cell in order.split(",")] for order in orders]
    due = [[cell.strip() for cell in receipt.split(",")] for receipt in receipts]
    replay = {
        name: [row[i] for row in rows]
        for i, name in enumerate(("order", "ordered_at", "channel", "region", "sku", "units"))
    }
    default: dict[str, str | dict[str, list[str]]] = {
        "skus": """
            sku,  unit_cost_cents, price_cents, weight_g
            pen,  100,             250,         50
            book, 400,             900,         300
        """,
        "sites": """
            site,  cutoff, task_times, receiving_time
            here,  17:00,  fixed,      09:30
            there, 17:00,  fixed,      09:30
        """,
        "staff": """
            stage,    site,  start, end,   workers
            validate, ,      00:00, 24:00, 1
            pick,     here,  00:00, 24:00, 1
            pick,     there, 00:00, 24:00, 1
            pack,     here,  00:00, 24:00, 1
            pack,     there, 00:00, 24:00, 1
            inspect,  here,  09:00, 17:00, 1
            inspect,  there, 09:00, 17:00, 1
            contact,  ,      09:00, 17:00, 1
        """,
        "channels": """
            channel, priority, orders_per_day, promise_days, split_limit
            first,   1,        0,              2,            2
            second,  2,        0,              2,            2
        """,
        "regions": "region\ntown\ncoast",
        "services": """
            service, carrier, pickup_days, delivery_days, over_kg_cents
            van,     van,     Mon-Sun,     Mon-Sun,       100
        """,
        "zones": """
            site,  region, zone, distance_km
            here,  town,   near, 5
            there, town,   far,  50
            here,  coast,  far,  50
            there, coast,  away, 90
        """,
        "transits": "service, zone, days, share\nvan, near, 1, 1\nvan, far, 1, 1\nvan, away, 1, 1",
        "rates": """
            service, zone, up_to_g, price_cents
            van,     near, 100000,  400
            van,     far,  100000,  500
            van,     away, 100000,  900
        """,
        "suppliers": "supplier, lead_time_days\nmill, 2",
        "stock": {
            "site": ["here", "here", "there", "there"],
            "sku": ["pen", "book", "pen", "book"],
            "on_hand_units": [str(units) for units in on_hand],
            "supplier": ["mill"] * 4,
            "policy": ["none"] * 4,
            "reorder_point_units": ["0"] * 4,
            "order_up_to_units": ["10"] * 4,
        },
        "orders": replay,
        "purchase_orders": {
            "purchase_order": [f"P{i}" for i in range(len(due))],
            "site": [row[0] for row in due],
            "sku": [row[1] for row in due],
            "supplier": ["mill"] * len(due),
            "units": [row[2] for row in due],
            "due_date": [row[3] for row in due],
        },
    }
    built = {name: columns_of(text) if isinstance(text, str) else text for name, text in default.items()}
    for name, change in tables.items():
        if isinstance(change, str):
            built[name] = columns_of(change)
        else:
            n_rows = len(next(iter(built[name].values())))
            built[name] |= {column: cells * (n_rows // len(cells)) for column, cells in change.items()}
    chosen = {"model.time_zone": "UTC", "model.horizon_days": 5, **(settings or {})}
    return build_business({**SETTINGS, **chosen}, built)


def run(business: Business) -> RunRecords:
    """One replication, told alike by both engines, with exact audits."""
    process, window = both_engines(business, seed=1)
    assert differences(process, window) == []
    assert [identity.name for told in (process, window) for identity in audit(told, business) if identity.broken] == []
    return window


def sites_of(told: RunRecords) -> list[list[int]]:
    """Sites of each order's shipments, in order of number."""
    ships = told.shipments
    return [
        [int(ships.site[row]) for row in range(ships.order.size) if ships.order[row] == order]
        for order in range(told.orders.arrived_s.size)
    ]


def by_rule(rule: str) -> dict[str, object]:
    """Settings of an allocation rule."""
    return {"decisions.allocation_rule": rule}


def test_ranked_asks_sites_in_the_order_of_the_table():
    """Town ranks the far site first; the coast has no rank of its own and takes the general one: here."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 1",
            "b, 2026-09-28 08:10, first, coast, pen, 1",
            settings=by_rule("ranked"),
            site_ranks="region, site, rank\n, here, 1\ntown, there, 2",
        )
    )
    assert sites_of(told) == [[THERE], [HERE]]


def test_most_stock_asks_the_fuller_cell_first():
    """Eight pens there, five here: six come from there, though here is nearer; of nine, eight and one."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 6",
            "b, 2026-09-28 09:10, first, town, pen, 6",
            settings=by_rule("most_stock"),
            on_hand=(5, 0, 8, 0),
        )
    )
    assert sites_of(told) == [[THERE], [HERE, THERE]]
    assert told.short_lines.shipment_units.tolist() == [5]
    assert told.pieces.units.tolist() == [1]


@pytest.mark.parametrize("rule", ["fewest_shipments", "cheapest", "batch_optimum"])
def test_one_parcel_from_afar_beats_two(rule: str):
    """Only the far site has pen and book; a walk would send the pen from here: two parcels, 9.00 in place of 5.00."""
    order = ("a, 2026-09-28 08:10, first, town, pen, 1", "a, 2026-09-28 08:10, first, town, book, 1")
    on_hand = (10, 0, 10, 10)
    assert sites_of(run(two_shops(*order, on_hand=on_hand, settings=by_rule("nearest")))) == [[HERE, THERE]]
    told = run(two_shops(*order, on_hand=on_hand, settings=by_rule(rule)))
    assert sites_of(told) == [[THERE]]
    assert told.sourcing.orders.sum() == 1
    assert told.sourcing.cost_cents.sum() == 500
    assert told.sourcing.bound_cents.max() == (500 if rule == "batch_optimum" else -1)


def test_the_optimum_gives_the_last_unit_to_whom_it_saves_most():
    """A pen from afar costs the town 1.00 more and the coast 4.00 more: the last pen here goes to the coast."""
    orders = ("a, 2026-09-28 08:10, first, town, pen, 1", "b, 2026-09-28 08:20, first, coast, pen, 1")
    on_hand = (1, 0, 10, 0)
    greedy = run(two_shops(*orders, on_hand=on_hand, settings=by_rule("cheapest")))
    best = run(two_shops(*orders, on_hand=on_hand, settings=by_rule("batch_optimum")))
    assert sites_of(greedy) == [[HERE], [THERE]]
    assert sites_of(best) == [[THERE], [HERE]]
    at_nine = best.sourcing.at_s.tolist().index(9 * HOUR)
    assert greedy.sourcing.cost_cents[at_nine] == 400 + 900
    assert best.sourcing.cost_cents[at_nine] == best.sourcing.bound_cents[at_nine] == 500 + 500
    assert best.sourcing.status[at_nine] == "optimal"


@pytest.mark.parametrize("rule", ["dual_prices", "coupled_rounding"])
def test_stock_the_coast_will_ask_for_is_kept_for_it(rule: str):
    """The coast asked for three pens on Monday; on Tuesday the last one here saves it 4.00, and the town only 1.00."""
    orders = (
        "a, 2026-09-28 08:10, first, coast, pen, 1",
        "b, 2026-09-28 08:20, first, coast, pen, 1",
        "c, 2026-09-28 08:30, first, coast, pen, 1",
        "d, 2026-09-28 08:40, first, town, pen, 1",
        "e, 2026-09-29 08:10, first, town, pen, 1",
    )
    on_hand = (5, 0, 50, 0)
    assert sites_of(run(two_shops(*orders, on_hand=on_hand, settings=by_rule("cheapest")))) == [[HERE]] * 5
    told = run(two_shops(*orders, on_hand=on_hand, settings=by_rule(rule)))
    assert sites_of(told) == [[HERE]] * 4 + [[THERE]]
    assert told.stock.closing_units[PEN_HERE] == 1


def test_looking_ahead_to_a_cutoff_that_has_passed():
    """The van leaves here at eight in the morning; who must deliver tomorrow sends from there, for 1.00 more."""
    sites = """
        site,  cutoff, handling_minutes
        here,  08:00,  60
        there, 17:00,  60
    """
    order = "a, 2026-09-28 08:10, first, town, pen, 1"
    promised = {"promise_days": ["1"]}
    settings = {**by_rule("cheapest"), "costs.late_penalty_cents": 300}
    assert sites_of(run(two_shops(order, settings=settings, sites=sites, channels=promised))) == [[HERE]]
    ahead = {**settings, "decisions.cutoff_look_ahead": True}
    told = run(two_shops(order, settings=ahead, sites=sites, channels=promised))
    assert sites_of(told) == [[THERE]]
    assert told.sourcing.cost_cents.max() == 500
    ahead["costs.late_penalty_cents"] = 99
    assert sites_of(run(two_shops(order, settings=ahead, sites=sites, channels=promised))) == [[HERE]]


COMPLETE = {"ship_complete": ["true", "false"]}


def test_an_order_that_ships_complete_waits_whole():
    """No book until Wednesday 09:30: at 10:00 pen and book leave together; nothing was reserved meanwhile."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 2",
            "a, 2026-09-28 08:10, first, town, book, 1",
            "b, 2026-09-28 10:10, second, town, pen, 9",
            on_hand=(10, 0, 0, 0),
            receipts=("here, book, 1, 2026-09-30", "here, pen, 1, 2026-09-29"),
            channels=COMPLETE,
        )
    )
    short = told.short_lines
    assert told.orders.allocated_s.tolist() == [9 * HOUR, 11 * HOUR]
    assert short.line.tolist() == [0, 1]
    assert short.first_units.tolist() == [0, 0]
    assert short.reserved_units.tolist() == [2, 1]
    assert short.cell.tolist() == [PEN_HERE, BOOK_HERE]
    assert short.last_fill_s.tolist() == [2 * DAY + 10 * HOUR] * 2
    assert told.stock.daily_backordered[:3, :2].tolist() == [[2, 1], [2, 1], [0, 0]]
    assert told.shipments.order.tolist() == [1, 0]
    assert told.shipments.released_s.tolist() == [11 * HOUR, 2 * DAY + 10 * HOUR]


def test_an_order_that_ships_complete_is_lost_whole():
    """Without backorders nothing of it is sent, though there are pens."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 2",
            "a, 2026-09-28 08:10, first, town, book, 1",
            on_hand=(10, 0, 0, 0),
            channels={**COMPLETE, "backorders": ["false"]},
        )
    )
    assert told.shipments.order.size == 0
    assert told.short_lines.cancelled_units.tolist() == [2, 1]
    assert told.short_lines.cancelled_s.tolist() == [9 * HOUR] * 2
    assert told.short_lines.cell.tolist() == [-1, -1]


def test_an_order_that_waits_whole_is_given_up_whole():
    """After two days of waiting, at the review of Wednesday 05:00 at the latest Thursday, both lines are cancelled."""
    told = run(
        two_shops(
            "a, 2026-09-28 04:10, first, town, pen, 2",
            "a, 2026-09-28 04:10, first, town, book, 1",
            on_hand=(10, 0, 0, 0),
            receipts=("here, book, 5, 2026-10-01",),
            channels={**COMPLETE, "patience_days": ["2"]},
        )
    )
    assert told.shipments.order.size == 0
    assert told.short_lines.cancelled_s.tolist() == [2 * DAY + 5 * HOUR] * 2
    assert told.stock.daily_backordered[:3, :2].tolist() == [[2, 1], [2, 1], [0, 0]]


def test_a_line_becomes_one_of_the_substitute():
    """One pen and five books: the first order takes the pen, the next becomes a book; who wants no substitute waits."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 1",
            "b, 2026-09-28 08:20, first, town, pen, 2",
            "c, 2026-09-28 08:30, first, town, pen, 4",
            "d, 2026-09-28 08:40, second, town, pen, 1",
            on_hand=(1, 5, 0, 0),
            skus={"substitute": ["book", ""]},
            channels={"substitutes": ["true", "false"]},
        )
    )
    assert told.lines.sku.tolist() == [PEN, BOOK, PEN, PEN]
    assert (told.substitutions.line.tolist(), told.substitutions.asked_sku.tolist()) == ([1], [PEN])
    assert told.shipments.order.tolist() == [0, 1]
    assert told.shipments.weight_g.tolist() == [50, 600]
    assert told.stock.closing_units.tolist() == [1 - 1, 5 - 2, 0, 0]
    assert told.stock.backordered_units.tolist() == [5, 0, 0, 0]


def test_a_site_full_for_the_day_sends_orders_elsewhere_or_lets_them_wait():
    """One parcel a day here: the second order comes from there, the third waits for tomorrow, backorders or not."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 1",
            "b, 2026-09-28 09:10, first, town, pen, 1",
            "c, 2026-09-28 10:10, first, town, pen, 1",
            "d, 2026-09-28 11:10, first, town, pen, 1",
            on_hand=(3, 0, 1, 0),
            sites={"daily_shipments": ["1", ""]},
            channels={"backorders": ["false"]},
        )
    )
    assert sites_of(told) == [[HERE], [THERE], [HERE], [HERE]]
    assert told.shipments.released_s.tolist() == [9 * HOUR, 10 * HOUR, DAY, 2 * DAY]
    assert told.short_lines.cell.tolist() == [PEN_HERE, PEN_HERE]
    assert told.short_lines.cancelled_units.sum() == 0


def test_a_day_without_room_is_passed_over():
    """A window takes the site's room away on Tuesday: what did not fit on Monday leaves on Wednesday's first cycle."""
    business = two_shops(
        "a, 2026-09-28 08:10, first, town, pen, 1",
        "b, 2026-09-28 09:10, first, town, pen, 1",
        on_hand=(3, 0, 0, 0),
        sites={"daily_shipments": ["1", ""]},
    )
    window = {"table": "sites", "column": "daily_shipments", "operation": "set", "value": 0, "where": {"site": "here"}}
    tuesday = date(2026, 9, 29)
    told = run(with_changes(business, {**window, "from": tuesday, "to": tuesday}))
    assert told.shipments.released_s.tolist() == [9 * HOUR, 2 * DAY]


def test_a_fence_keeps_a_channel_to_its_sites():
    """The second channel draws on there alone: it takes what there is, and waits there, beside a full shelf here."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, second, town, pen, 3",
            "b, 2026-09-28 08:10, first, town, pen, 3",
            on_hand=(10, 0, 2, 0),
            channel_sites="channel, site\nsecond, there",
        )
    )
    assert sites_of(told) == [[THERE], [HERE]]
    assert told.short_lines.reserved_units.tolist() == [2]
    assert told.short_lines.cell.tolist() == [PEN_THERE]


def test_protected_units_go_to_their_channel_only():
    """Of three pens two are kept for the first channel: the second gets one; a receipt of one passes it by."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, second, town, pen, 2",
            "b, 2026-09-28 09:10, first, town, pen, 4",
            settings={"decisions.backorder_rank": "oldest"},
            on_hand=(3, 0, 0, 0),
            receipts=("here, pen, 1, 2026-09-29", "here, pen, 5, 2026-09-30"),
            protected_stock="channel, site, sku, units\nfirst, here, pen, 2",
        )
    )
    tuesday, wednesday = DAY + 9.5 * HOUR, 2 * DAY + 9.5 * HOUR
    assert told.shipments.order.tolist() == [0, 1, 1, 0, 1]
    assert told.shipments.units.tolist() == [1, 2, 1, 1, 1]
    assert told.shipments.released_s.tolist() == [9 * HOUR, 10 * HOUR, tuesday, wednesday, wednesday]
    assert told.stock.closing_units[PEN_HERE] == 3


def test_a_share_of_the_order_up_to_level_is_kept():
    """A quarter of order-up-to ten, rounded up, and one unit: four of ten pens are the first channel's."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, second, town, pen, 9",
            on_hand=(10, 0, 0, 0),
            protected_stock="channel, site, units, order_up_to_share\nfirst, here, 1, 0.25",
        )
    )
    assert told.short_lines.first_units.tolist() == [6]


def test_a_held_order_is_reserved_at_once_and_released_later():
    """Sourced at nine, on hold for two hours, released at eleven; the pen is gone for others all the while."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 1",
            "b, 2026-09-28 09:10, first, town, pen, 1",
            settings={"decisions.hold_minutes": 120},
            on_hand=(1, 0, 1, 0),
        )
    )
    assert told.orders.allocated_s.tolist() == [9 * HOUR, 10 * HOUR]
    assert told.shipments.released_s.tolist() == [11 * HOUR, 12 * HOUR]
    assert sites_of(told) == [[HERE], [THERE]]


@pytest.mark.parametrize("reassigned", [True, False])
def test_a_held_order_becomes_one_parcel_when_stock_comes(reassigned: bool):
    """Split over two sites at nine; a book comes here at 09:30, so at ten both lines are here, if orders may trade."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 1",
            "a, 2026-09-28 08:10, first, town, book, 1",
            settings={"decisions.hold_minutes": 120, "decisions.hold_reassign": reassigned},
            on_hand=(1, 0, 0, 1),
            receipts=("here, book, 1, 2026-09-28",),
        )
    )
    assert sites_of(told) == [[HERE] if reassigned else [HERE, THERE]]
    assert told.sourcing.moved.sum() == int(reassigned)
    assert told.stock.closing_units.tolist() == ([0, 0, 0, 1] if reassigned else [0, 1, 0, 0])
    assert told.short_lines.line.size == 0


def test_what_a_trade_gives_back_serves_who_waits():
    """The book that order a leaves there at ten goes to order b, which waits for it, at the next cycle."""
    told = run(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 1",
            "a, 2026-09-28 08:10, first, town, book, 1",
            "b, 2026-09-28 08:20, second, town, book, 1",
            settings={"decisions.hold_minutes": 120},
            on_hand=(1, 0, 0, 1),
            receipts=("here, book, 1, 2026-09-28",),
            channel_sites="channel, site\nsecond, there",
        )
    )
    assert sites_of(told) == [[HERE], [THERE]]
    assert told.shipments.order.tolist() == [1, 0]
    assert told.shipments.released_s.tolist() == [11 * HOUR, 11 * HOUR]


def test_what_is_on_hold_at_the_end_is_reserved_and_not_released():
    """Ordered in the last hours: sourced, never released; its unit is in a shipment, and the audit knows it."""
    told = run(
        two_shops(
            "a, 2026-10-02 20:10, first, town, pen, 3",
            settings={"decisions.hold_minutes": 600},
        )
    )
    assert told.orders.allocated_s.tolist() == [4 * DAY + 21 * HOUR]
    assert told.orders.n_shipments.tolist() == [1]
    assert told.shipments.released_s.tolist() == [NEVER]
    assert told.shipments.pick_s.tolist() == [0]
    assert told.stock.reserved_units.tolist() == [3, 0, 0, 0]
