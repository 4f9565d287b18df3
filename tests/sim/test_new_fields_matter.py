"""Every field of sourcing, parcels and contracts changes what happens, in the way its meaning says.

Each case is two stories that differ in one field, with what is told of each worked out by hand. What the fields do
together is told in `test_sourcing_stories`, `test_shipping_prices` and `test_shipping_contracts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
from sim.test_sourcing_stories import DAY, HERE, HOUR, THERE, sites_of, two_shops

from omsim.analysis.measure import compute_kpis
from omsim.demand.arrivals import draw_intake
from omsim.model.parcel_tables import PARCEL_TABLES
from omsim.model.sourcing_tables import SOURCING_TABLES
from omsim.sim.plan import compile_plan
from omsim.sim.window.engine import run_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

    Story = dict[str, object]
    Told = Callable[[RunRecords, Business], object]

A_PEN = ("a, 2026-09-28 08:10, first, town, pen, 1",)
A_BOOK = ("a, 2026-09-28 08:10, first, town, book, 1",)
TWO_PENS = (*A_PEN, "b, 2026-09-28 08:20, first, town, pen, 1")
LAST_DAY = tuple(f"{name}, 2026-10-02 08:10, first, town, pen, 1" for name in "ab")  # no later pickup to make good at
BOTH = (*A_PEN, *A_BOOK)
NINE_PENS = ("a, 2026-09-28 08:10, second, town, pen, 9",)
HEAVY = tuple(f"{name}, 2026-09-28 08:10, first, town, book, 3" for name in "ab")  # 900 g each
FOR_THE_COAST = (
    *(f"{name}, 2026-09-28 08:10, first, coast, pen, 1" for name in "abc"),
    "d, 2026-09-28 08:20, first, town, pen, 1",
    "e, 2026-09-29 08:10, first, town, pen, 1",
)

SIZES = {"length_mm": ["150", "200"], "width_mm": ["50", "150"], "height_mm": ["40", "50"]}
"""A pen of 300,000 mm3 and 330 mm of length and girth; a book of 1,500,000 mm3."""

BIKE_TOO: Story = {
    "services": """
        service, carrier, pickup_days, delivery_days, over_kg_cents
        van,     van,     Mon-Sun,     Mon-Sun,       100
        bike,    bike,    Mon-Sun,     Mon-Sun,       100
    """,
    "transits": "service, zone, days, share\n"
    + "\n".join(f"{service}, {zone}, 1, 1" for service in ("van", "bike") for zone in ("near", "far", "away")),
    "rates": "service, zone, up_to_g, price_cents\n"
    + "\n".join(
        f"{service}, {zone}, 100000, {cents + more}"
        for service, more in (("van", 0), ("bike", 10))
        for zone, cents in (("near", 400), ("far", 500), ("away", 900))
    ),
}
"""A bike beside the van, for 10 cents more; the van takes a parcel near for 400."""

VAN, BIKE = 0, 1


class Case(NamedTuple):
    """A field, two stories that differ in it alone, and what is told of each."""

    field: str
    told: Told
    one: Story
    one_tells: object
    other: Story
    other_tells: object


def setting(name: str, value: object, **more: object) -> Story:
    """A story's settings of decisions."""
    return {"settings": {f"decisions.{key}": cell for key, cell in {name: value, **more}.items()}}


def box(**columns: object) -> Story:
    """One carton of 200 x 150 x 100 mm, in which a pen and a book fit; `columns` differ."""
    row = {"carton": "box", "length_mm": 200, "width_mm": 150, "height_mm": 100, "tare_g": 100, "cost_cents": 30}
    return rows("cartons", **{**row, **columns})


def fee(**columns: object) -> Story:
    """A surcharge of the van; `columns` are added."""
    return rows("surcharges", **{"service": "van", "surcharge": "fee", **columns})


def fee50(**columns: object) -> Story:
    """A surcharge of 50 cents."""
    return fee(price_cents=50, **columns)


def van_up_to(**columns: object) -> Story:
    """Van and bike, of which the van takes no parcel larger than told."""
    both = {"service": ("van", "bike"), "carrier": ("van", "bike"), "over_kg_cents": 100}
    return {**BIKE_TOO, **rows("services", **both, **{name: (most, 0) for name, most in columns.items()})}


def fence(**columns: object) -> Story:
    """Sites of a channel."""
    return rows("channel_sites", **columns)


def kept(**columns: object) -> Story:
    """Stock kept here, for the first channel unless told otherwise."""
    return rows("protected_stock", **{"channel": "first", "site": "here", **columns})


def ranks(**columns: object) -> Story:
    """Ranks of sites."""
    return rows("site_ranks", **columns)


def pickup(**columns: object) -> Story:
    """A pickup of its own, of the van here unless told otherwise."""
    return rows("pickups", **{"site": "here", "service": "van", **columns})


def day_off(**columns: object) -> Story:
    """A day on which a carrier rests."""
    return rows("carrier_holidays", **columns)


def agreed(*tiers: str, **columns: object) -> Story:
    """A contract, by the week unless told otherwise, with tiers as ``from_parcels, discount_share``."""
    story = rows("contracts", **{"contract": "c", "party": "van", "period": "week", **columns})
    if tiers:
        story["contract_tiers"] = "\n".join(
            ["contract, from_parcels, discount_share", *(f"c, {tier}" for tier in tiers)]
        )
    return story


def rows(table: str, **columns: object) -> Story:
    """A table as text; a tuple is a column of several rows."""
    cells = [value if isinstance(value, tuple) else (value,) for value in columns.values()]
    n_rows = max(len(column) for column in cells)
    lines = [", ".join(columns)]
    lines += [", ".join(str(column[row % len(column)]) for column in cells) for row in range(n_rows)]
    return {table: "\n".join(lines)}


def freight(told: RunRecords, business: Business) -> object:
    """Cents paid to carriers at tenders."""
    return int(told.shipments.price_cents.sum())


def settled(told: RunRecords, business: Business) -> object:
    """Cents charged for missing parcels, and cents credited."""
    return int(told.contracts.shortfall_cents.sum()), int(told.contracts.rebate_cents.sum())


def services(told: RunRecords, business: Business) -> object:
    """Services that took something, once for each shipment."""
    return sorted(told.shipments.service.tolist())


def left_on(told: RunRecords, business: Business) -> object:
    """Local days on which shipments left."""
    return sorted(second // DAY for second in told.shipments.tendered_s.tolist())


def sites(told: RunRecords, business: Business) -> object:
    """Sites of each order's shipments."""
    return sites_of(told)


def released(told: RunRecords, business: Business) -> object:
    """Hours in which shipments were released."""
    return [second / HOUR for second in told.shipments.released_s.tolist()]


def at_first(told: RunRecords, business: Business) -> object:
    """Units that lines got at once, of those that were short."""
    return told.short_lines.first_units.tolist()


def parcels(told: RunRecords, business: Business) -> object:
    """Parcels, and those in their own packaging."""
    return int(told.shipments.cartons.sum()), int(told.shipments.own_packages.sum())


def weights(told: RunRecords, business: Business) -> object:
    """Grams of each shipment."""
    return told.shipments.weight_g.tolist()


def packaging(told: RunRecords, business: Business) -> object:
    """Cents of all cartons."""
    return int(told.shipments.packaging_cents.sum())


def rules_computed(told: RunRecords, business: Business) -> object:
    """Rules of which the KPIs tell what they would have paid."""
    return sorted(group for kpi, group, *_ in compute_kpis(told, business).rows() if kpi == "sourcing_cost" and group)


def case(field: str, told: Told, one: object, other: object, *stories: Story, **same: object) -> Case:
    """A case of one or two stories (one = what the field changes); `same` holds in both."""
    first, second = stories if len(stories) == 2 else ({}, *stories)
    return Case(field, told, {**same, **first}, one, {**same, **second}, other)


CHEAPEST = {"decisions.allocation_rule": "cheapest"}
SHARED_STOCK = {"orders": NINE_PENS, "on_hand": (10, 0, 0, 0)}
IN_A_BOX = {"orders": A_BOOK, "skus": SIZES}
LATE = {"decisions.allocation_rule": "cheapest", "decisions.cutoff_look_ahead": True, "costs.late_penalty_cents": 300}
ALMOST_SHUT = "site, cutoff, handling_minutes\nhere, {}, {}\nthere, 17:00, 30"

CASES = (
    # settings
    case(
        "decisions.shadow_rules", rules_computed, [], ["rule=cheapest", "rule=fewest_splits", "rule=most_stock"],
        setting("shadow_rules", "most_stock"), orders=A_PEN,
    ),
    case(
        "decisions.outlook_days", sites, [[HERE]] * 4 + [[THERE]], [[HERE]] * 5,
        setting("outlook_days", 7, allocation_rule="dual_prices"),
        setting("outlook_days", 0.01, allocation_rule="dual_prices"),
        orders=FOR_THE_COAST, on_hand=(5, 0, 50, 0),
    ),
    case(
        "decisions.cutoff_look_ahead", sites, [[HERE]], [[THERE]],
        {"settings": {**LATE, "decisions.cutoff_look_ahead": False}}, {"settings": LATE},
        orders=A_PEN, sites=ALMOST_SHUT.format("08:00", 60), channels={"promise_days": ["1"]},
    ),
    case("decisions.hold_minutes", released, [9.0], [11.0], setting("hold_minutes", 120), orders=A_PEN),
    case(
        "decisions.hold_reassign", sites, [[HERE, THERE]], [[HERE]],
        setting("hold_minutes", 120, hold_reassign=False), setting("hold_minutes", 120, hold_reassign=True),
        orders=BOTH, on_hand=(1, 0, 0, 1), receipts=("here, book, 1, 2026-09-28",),
    ),
    case(
        "decisions.contract_rule", services, [VAN], [BIKE],
        setting("contract_rule", "ignore"), setting("contract_rule", "steer"),
        orders=A_PEN, **BIKE_TOO, **agreed(party="bike", minimum_parcels=2, shortfall_cents=50),
    ),
    case(
        "decisions.most_fill_share", parcels, (1, 0), (2, 0), setting("most_fill_share", 0.5),
        orders=BOTH, skus=SIZES, **box(),
    ),
    case(
        "costs.unserved_unit_cents", sites, [[HERE]], [[]],
        {"settings": CHEAPEST}, {"settings": {**CHEAPEST, "costs.unserved_unit_cents": 399}}, orders=A_PEN,
    ),
    # columns of tables there were
    case(
        "skus.substitute", weights, [], [300], {"skus": {"substitute": ["book", ""]}},
        orders=A_PEN, on_hand=(0, 5, 0, 0), channels={"substitutes": ["true"]},
    ),
    case(
        "channels.substitutes", weights, [], [300], {"channels": {"substitutes": ["true"]}},
        orders=A_PEN, on_hand=(0, 5, 0, 0), skus={"substitute": ["book", ""]},
    ),
    case(
        "channels.ship_complete", sites, [[HERE]], [[]], {"channels": {"ship_complete": ["true"]}},
        orders=BOTH, on_hand=(10, 0, 0, 0),
    ),
    case(
        "sites.daily_shipments", sites, [[HERE], [HERE]], [[HERE], [THERE]], {"sites": {"daily_shipments": ["1", ""]}},
        orders=TWO_PENS,
    ),
    case(
        "sites.handling_minutes", sites, [[HERE]], [[THERE]],
        {"sites": ALMOST_SHUT.format("10:00", 30)}, {"sites": ALMOST_SHUT.format("10:00", 61)},
        orders=A_PEN, settings=LATE, channels={"promise_days": ["1"]},
    ),
    case(
        "services.daily_kg", left_on, [0, 0], [0, 1], {"services": {"daily_kg": ["1"]}}, orders=HEAVY,
    ),
    case(
        "services.rated_by", freight, 800, 400, {"services": {"rated_by": ["shipment"]}},
        orders=BOTH, skus=SIZES, **setting("most_fill_share", 0.5), **box(),
    ),
    case("services.minimum_cents", freight, 400, 450, {"services": {"minimum_cents": ["450"]}}, orders=A_PEN),
    case(
        "services.max_length_mm", services, [VAN], [BIKE], BIKE_TOO,
        van_up_to(max_length_mm=149),
        orders=A_PEN, skus=SIZES,
    ),
    case(
        "services.max_girth_mm", services, [VAN], [BIKE], BIKE_TOO,
        van_up_to(max_girth_mm=329),
        orders=A_PEN, skus=SIZES,
    ),
    # fences
    case(
        "channel_sites.channel", sites, [[HERE]], [[THERE]],
        fence(channel="second", site="there"), fence(channel="first", site="there"),
        orders=A_PEN,
    ),
    case(
        "channel_sites.site", sites, [[HERE]], [[THERE]],
        fence(channel="first", site=("here", "there")), fence(channel="first", site="there"),
        orders=A_PEN,
    ),
    case(
        "protected_stock.channel", at_first, [6], [],
        kept(units=4),
        kept(channel="second", site="here", units=4), **SHARED_STOCK,
    ),
    case(
        "protected_stock.site", at_first, [6], [],
        kept(units=4),
        kept(channel="first", site="there", units=4), **SHARED_STOCK,
    ),
    case(
        "protected_stock.sku", at_first, [6], [],
        kept(sku="pen", units=4),
        kept(sku="book", units=4), **SHARED_STOCK,
    ),
    case(
        "protected_stock.units", at_first, [], [8],
        kept(units=1),
        kept(units=2), **SHARED_STOCK,
    ),
    case(
        "protected_stock.order_up_to_share", at_first, [], [6],  # of 10, and the unit besides
        kept(units=1),
        kept(units=1, order_up_to_share=0.25), **SHARED_STOCK,
    ),
    case(
        "site_ranks.region", sites, [[HERE]], [[THERE]],
        ranks(region="coast", site="there", rank=1), ranks(region="town", site="there", rank=1),
        orders=A_PEN, **setting("allocation_rule", "ranked"),
    ),
    case(
        "site_ranks.site", sites, [[HERE]], [[THERE]],
        ranks(region="town", site="here", rank=1), ranks(region="town", site="there", rank=1),
        orders=A_PEN, **setting("allocation_rule", "ranked"),
    ),
    case(
        "site_ranks.rank", sites, [[HERE]], [[THERE]],
        ranks(region="", site=("here", "there"), rank=(1, 2)),
        ranks(region="", site=("here", "there"), rank=(2, 1)),
        orders=A_PEN, **setting("allocation_rule", "ranked"),
    ),
    # cartons: the book of 200 x 150 x 50 mm just fits
    case("cartons.length_mm", parcels, (1, 0), (1, 1), box(), box(length_mm=199), **IN_A_BOX),
    case("cartons.width_mm", parcels, (1, 0), (1, 1), box(), box(width_mm=149), **IN_A_BOX),
    case("cartons.height_mm", parcels, (1, 0), (1, 1), box(), box(height_mm=49), **IN_A_BOX),
    case(
        "cartons.wall_mm", services, [VAN], [BIKE], box(wall_mm=3), box(wall_mm=4),  # outside 206 and 208 mm
        **IN_A_BOX, **van_up_to(max_length_mm=206),
    ),
    case("cartons.tare_g", weights, [400], [450], box(), box(tare_g=150), **IN_A_BOX),
    case(
        "cartons.max_weight_g", parcels, (1, 0), (2, 0), box(max_weight_g=600), box(max_weight_g=599),
        orders=("a, 2026-09-28 08:10, first, town, book, 2",), skus=SIZES,
    ),
    case("cartons.cost_cents", packaging, 30, 45, box(), box(cost_cents=45), **IN_A_BOX),
    # surcharges
    case(
        "surcharges.service", services, [VAN], [BIKE], fee50(service="bike"), fee50(),
        orders=A_PEN, **BIKE_TOO,
    ),
    case("surcharges.zone", freight, 400, 450, fee50(zone="far"), fee50(zone="near"), orders=A_PEN),
    case("surcharges.from_g", freight, 400, 450, fee50(from_g=51), fee50(from_g=50), orders=A_PEN),
    case(
        "surcharges.from_mm", freight, 400, 450, fee50(from_mm=151), fee50(from_mm=150),
        orders=A_PEN, skus=SIZES,
    ),
    case(
        "surcharges.from_dm3", freight, 400, 450, fee50(from_dm3=0.301), fee50(from_dm3=0.3),
        orders=A_PEN, skus=SIZES,
    ),
    case(
        "surcharges.start", freight, 400, 450,
        fee50(start="2026-09-29"), fee50(start="2026-09-28"), orders=A_PEN,
    ),
    case(
        "surcharges.end", freight, 400, 450,
        fee50(end="2026-09-27"), fee50(end="2026-09-28"), orders=A_PEN,
    ),
    case("surcharges.price_cents", freight, 450, 460, fee50(), fee(price_cents=60), orders=A_PEN),
    case("surcharges.price_share", freight, 420, 440, fee(price_share=0.05), fee(price_share=0.1), orders=A_PEN),
    case(
        "surcharges.fuelled", freight, 490, 495, fee50(), fee(price_cents=50, fuelled="true"),
        orders=A_PEN, services={"fuel_share": ["0.1"]},
    ),
    # pickups and holidays
    case(
        "pickups.site", left_on, [0, 0], [0, 1],
        pickup(site="there", daily_slots=1), pickup(daily_slots=1),
        orders=TWO_PENS,
    ),
    case(
        "pickups.service", services, [VAN], [BIKE],
        pickup(service="bike", daily_slots=0), pickup(daily_slots=0),
        orders=A_PEN, **BIKE_TOO,
    ),
    case(
        "pickups.daily_slots", left_on, [0, 0], [0, 1],
        pickup(daily_slots=2), pickup(daily_slots=1),
        orders=TWO_PENS,
    ),
    case(
        "pickups.daily_kg", left_on, [0, 0], [0, 1],
        pickup(daily_kg=2), pickup(daily_kg=1),
        orders=HEAVY,
    ),
    case(
        "pickups.pickup_days", left_on, [0], [2],
        pickup(pickup_days="Mon-Sun"), pickup(pickup_days="Wed"),
        orders=A_PEN,
    ),
    case(
        "carrier_holidays.carrier", services, [VAN], [BIKE],
        day_off(carrier="bike", date="2026-09-28"), day_off(carrier="van", date="2026-09-28"),
        orders=A_PEN, **BIKE_TOO,
    ),
    case(
        "carrier_holidays.date", left_on, [0], [1],
        day_off(carrier="van", date="2026-09-30"), day_off(carrier="van", date="2026-09-28"),
        orders=A_PEN,
    ),
    # contracts: five days of a week are simulated, three and two of months
    case(
        "contracts.party", services, [VAN], [BIKE],
        agreed(party="van", minimum_parcels=2, shortfall_cents=50),
        agreed(party="bike", minimum_parcels=2, shortfall_cents=50), orders=A_PEN, **BIKE_TOO,
    ),
    case(
        "contracts.period", settled, (0, 0), (40, 0),
        agreed(period="month", minimum_parcels=7, shortfall_cents=10), agreed(minimum_parcels=7, shortfall_cents=10),
        orders=A_PEN,
    ),
    case(
        "contracts.minimum_parcels", settled, (40, 0), (90, 0),
        agreed(minimum_parcels=7, shortfall_cents=10), agreed(minimum_parcels=14, shortfall_cents=10), orders=A_PEN,
    ),
    case(
        "contracts.shortfall_cents", settled, (40, 0), (80, 0),
        agreed(minimum_parcels=7, shortfall_cents=10), agreed(minimum_parcels=7, shortfall_cents=20), orders=A_PEN,
    ),
    case(
        "contracts.lowest_share", services, [VAN, VAN], [VAN, BIKE], agreed(party="bike"),
        agreed(party="bike", lowest_share=0.5), orders=LAST_DAY, **BIKE_TOO,
    ),
    case(
        "contracts.highest_share", services, [VAN, VAN], [VAN, BIKE], agreed(), agreed(highest_share=0.5),
        orders=LAST_DAY, **BIKE_TOO,
    ),
    case(
        "contracts.tier_kind", settled, (0, 80), (0, 40),
        agreed("2, 0.1", tier_kind="all_units"), agreed("2, 0.1", tier_kind="incremental"), orders=TWO_PENS,
    ),
    case("contract_tiers.from_parcels", settled, (0, 80), (0, 0), agreed("2, 0.1"), agreed("3, 0.1"), orders=TWO_PENS),
    case(
        "contract_tiers.discount_share", settled, (0, 80), (0, 160), agreed("2, 0.1"), agreed("2, 0.2"), orders=TWO_PENS
    ),
)  # fmt: skip

NAMES_AND_NOTES = {
    "cartons.carton",
    "surcharges.surcharge",
    "carrier_holidays.note",
    "contracts.contract",
    "contract_tiers.contract",
}


def run_story(story: Story) -> tuple[RunRecords, Business]:
    """One replication of a story, and its business."""
    changes = {name: change for name, change in story.items() if name != "orders"}
    business = two_shops(*story["orders"], **changes)  # type: ignore[misc]
    intake = draw_intake(business, seed=1, replication=0)
    return run_window(business, compile_plan(business), intake, seed=1, replication=0), business


@pytest.mark.parametrize("told", CASES, ids=[told.field for told in CASES])
def test_a_field_changes_what_happens(told: Case):
    """The two stories end differently, each as worked out by hand."""
    assert told.told(*run_story(told.one)) == told.one_tells
    assert told.told(*run_story(told.other)) == told.other_tells
    assert told.one_tells != told.other_tells


def test_no_field_is_forgotten():
    """Every column of the tables of sourcing and parcels that is not just a name has a case here."""
    columns = {f"{table.name}.{field.name}" for table in (*SOURCING_TABLES, *PARCEL_TABLES) for field in table.fields}
    assert columns - NAMES_AND_NOTES <= {told.field for told in CASES}
