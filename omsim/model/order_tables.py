"""Tables of what is sold, where from, through which channels, and what is asked for."""

from __future__ import annotations

from omsim.model.field_types import MANY, Field, TableSpec, cents, choice, count, ident, number, share

TASK_TIMES = ("fixed", "exponential", "lognormal")
REVIEW_TIMES = ("fixed", "exponential")
STAGES = ("validate", "pick", "pack", "inspect", "contact")

ORDER_TABLES: tuple[TableSpec, ...] = (
    TableSpec(
        name="skus",
        meaning="what is sold",
        fields=(
            ident("sku", "Stock-keeping unit, kept as written (012 stays 012).", key=True),
            Field(name="category", kind="text", meaning="Product group.", default=""),
            cents("unit_cost_cents", "What one unit costs us."),
            cents("price_cents", "What a customer pays for one unit, before tax."),
            count("weight_g", "Shipping weight of one unit.", low=1, high=10_000_000),
            count("length_mm", "Longest side, packed.", "0", high=100_000),
            count("width_mm", "Middle side, packed.", "0", high=100_000),
            count("height_mm", "Shortest side, packed.", "0", high=100_000),
            share("return_share", "Share of delivered order lines that come back.", "0", windowed=True),
            number(
                "shelf_life_days",
                "Days a unit may lie before it is sold; 0 = it keeps (for reorder plans).",
                "0",
                high=36_500,
            ),
            ident(
                "substitute",
                "SKU that may be sent instead, where the channel allows it; empty = none.",
                "skus.sku",
                default="",
            ),
        ),
    ),
    TableSpec(
        name="sites",
        meaning="where stock is kept and orders are picked",
        fields=(
            ident("site", "Site.", key=True),
            choice("kind", "Distribution centre or store; a label for readers.", ("dc", "store"), "dc"),
            number("latitude", "Degrees north.", "0", low=-90, high=90),
            number("longitude", "Degrees east.", "0", low=-180, high=180),
            Field(
                name="cutoff",
                kind="time",
                meaning="Local time at which the day's parcels are tendered to the carriers.",
                default="17:00",
                windowed=False,
            ),
            Field(
                name="receiving_time",
                kind="time",
                meaning="Local time at which arrived purchase orders are put away; empty = the second they arrive.",
                default="",
            ),
            number("pick_order_s", "Seconds to start a pick tour (walk, list, tote).", "60"),
            number("pick_line_s", "Seconds per line picked.", "20"),
            number("pick_unit_s", "Seconds per unit picked.", "2"),
            number("pack_order_s", "Seconds per parcel packed.", "60"),
            number("pack_unit_s", "Seconds per unit packed.", "3"),
            number("inspect_unit_s", "Seconds to inspect one returned unit.", "120"),
            choice(
                "task_times",
                "How pick, pack and inspection times vary around their mean.",
                TASK_TIMES,
                "lognormal",
            ),
            number("task_cv", "Their coefficient of variation when lognormal.", "0.3", high=5),
            cents("labour_cents_per_hour", "Wage cost of an hour.", "0"),
            count(
                "storage_dm3",
                "Volume of the stock the site has room for (for reorder plans).",
                "1000000000",
            ),
            count(
                "daily_shipments",
                "Shipments sourced from the site on a local day; further orders go elsewhere or wait for room.",
                "1000000000",
                windowed=True,
            ),
            number(
                "handling_minutes",
                "Minutes from release to packed that sourcing expects when it looks ahead to the cutoff.",
                "180",
                high=100_000,
            ),
        ),
    ),
    TableSpec(
        name="staff",
        meaning="who works when: people by stage and shift (rows that overlap add up)",
        fields=(
            choice("stage", "What they do; validate and contact are central and name no site.", STAGES),
            ident("site", "Site; empty for central stages.", "sites.site", default=""),
            Field(name="days", kind="weekdays", meaning="Weekdays of the shift.", default="Mon-Sun"),
            Field(name="start", kind="time", meaning="Local start.", default="00:00"),
            Field(name="end", kind="time", meaning="Local end (24:00 = midnight).", default="24:00"),
            count("workers", "People on the shift.", low=0, high=1_000_000, windowed=True),
        ),
    ),
    TableSpec(
        name="channels",
        meaning="where orders come from, what they were promised and how they are treated",
        fields=(
            ident("channel", "Sales channel.", key=True),
            count("priority", "Lower is served first (allocation, backorders, picking).", "1", high=1000),
            number("orders_per_day", "Mean orders on an average day.", high=100_000_000, windowed=True),
            number("day_cv", "How much whole days vary beyond chance (gamma day effect).", "0", high=5),
            number(
                "promise_days",
                "Delivery promised by the end of this many days after the order; empty = no promise.",
                "",
                high=365,
            ),
            Field(
                name="promise_cutoff",
                kind="time",
                meaning="Orders after this local time are promised one day later.",
                default="24:00",
            ),
            Field(
                name="backorders",
                kind="flag",
                meaning="Units that stock cannot fill wait for a receipt; otherwise they are lost.",
                default="true",
            ),
            Field(
                name="partial_lines",
                kind="flag",
                meaning="A line may be filled in part; otherwise it is filled whole or not at all.",
                default="true",
            ),
            count("split_limit", "Most shipments an order may start as.", "2", low=1, high=1000),
            Field(
                name="ship_complete",
                kind="flag",
                meaning="An order is sourced whole or, with backorders, tried again at every cycle.",
                default="false",
            ),
            Field(
                name="substitutes",
                kind="flag",
                meaning="A line that stock cannot fill whole becomes one of the substitute of its SKU if that can.",
                default="false",
            ),
            number(
                "patience_days",
                "Days after which what still waits for stock is cancelled; empty = never.",
                "",
                high=3650,
            ),
            count("auto_check_s", "Seconds of automatic validation.", "0", high=8_640_000),
            share("manual_review_share", "Share of orders a person must look at.", "0"),
            number("review_s", "Mean seconds of a manual review.", "0", high=864_000),
            choice("review_times", "How review times vary around their mean.", REVIEW_TIMES, "exponential"),
            share("reject_share", "Share of orders validation rejects.", "0"),
        ),
    ),
    TableSpec(
        name="regions",
        meaning="where customers are",
        fields=(
            ident("region", "Customer area.", key=True),
            number("latitude", "Degrees north.", "0", low=-90, high=90),
            number("longitude", "Degrees east.", "0", low=-180, high=180),
            number("order_share", "Relative share of orders (any scale).", "1", high=MANY),
        ),
    ),
    TableSpec(
        name="demand",
        meaning="what the lines of a channel's orders ask for",
        optional=True,
        absent="nothing is asked for but the orders replayed",
        fields=(
            ident("sku", "SKU.", "skus.sku", key=True),
            ident("channel", "Channel.", "channels.channel", key=True),
            number("line_share", "Relative share of the channel's order lines (any scale)."),
            ident("quantity_profile", "Units per line: a profile of `quantities`.", "quantities.profile"),
        ),
    ),
    TableSpec(
        name="quantities",
        meaning="distributions of units per order line",
        optional=True,
        absent="no quantities but those of the orders replayed",
        fields=(
            ident("profile", "Profile.", key=True),
            count("units", "Units on the line.", low=1, key=True),
            number("share", "Relative share (any scale)."),
        ),
    ),
    TableSpec(
        name="baskets",
        meaning="lines per order, by channel",
        optional=True,
        absent="no baskets but the orders replayed",
        fields=(
            ident("channel", "Channel.", "channels.channel", key=True),
            count("lines", "Lines of the order.", low=1, high=10_000, key=True),
            number("share", "Relative share (any scale)."),
        ),
    ),
    TableSpec(
        name="profile",
        meaning="arrival shape: relative weight of each hour of each weekday",
        optional=True,
        absent="every hour of the week weighs the same",
        fields=(
            Field(name="days", kind="weekdays", meaning="Weekdays the row speaks of."),
            count("hour", "Local hour, 0 to 23.", high=23),
            number("weight", "Relative weight (mean over the week counts as 1)."),
        ),
    ),
    TableSpec(
        name="holidays",
        meaning="dated factors on orders: 0 = closed, 1.4 = a promotion",
        optional=True,
        absent="no day is special",
        fields=(
            Field(name="date", kind="date", meaning="Local day.", key=True),
            number("factor", "Orders are multiplied by this.", high=1000),
            Field(name="note", kind="text", meaning="Why.", default=""),
        ),
    ),
    TableSpec(
        name="orders",
        meaning="orders to replay exactly, instead of generated ones (CSV or Parquet)",
        optional=True,
        absent="orders are generated from demand",
        fields=(
            ident("order", "Order; rows of an order are its lines, in file order."),
            Field(name="ordered_at", kind="text", meaning="Local time, YYYY-MM-DD HH:MM[:SS]."),
            ident("channel", "Channel.", "channels.channel"),
            ident("region", "Region.", "regions.region"),
            ident("sku", "SKU.", "skus.sku"),
            count("units", "Units ordered.", low=1),
        ),
    ),
)
