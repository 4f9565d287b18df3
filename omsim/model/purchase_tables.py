"""Tables of what is bought and kept: suppliers and their terms, stock and its policies, open orders, targets.

Every purchase order costs what its supplier's terms say. The terms marked "for reorder plans" are obeyed by what plans
purchases as a whole; the reorder policies of table stock, which look at one SKU at a time, keep to smallest orders,
packs, order days and supplier holidays alone.
"""

from __future__ import annotations

from omsim.model.field_types import CENTS, MANY, Field, TableSpec, cents, choice, count, ident, number, share

POLICIES = ("min_max", "quantity", "base_stock", "none")
LEAD_TIMES = ("fixed", "gamma", "lognormal", "empirical")

PURCHASE_TABLES: tuple[TableSpec, ...] = (
    TableSpec(
        name="suppliers",
        meaning="who we buy from",
        fields=(
            ident("supplier", "Supplier.", key=True),
            choice("lead_time", "Shape of the lead time.", LEAD_TIMES, "fixed"),
            number(
                "lead_time_days",
                "Mean days from purchase order to the site's dock.",
                high=3650,
                windowed=True,
            ),
            number("lead_time_cv", "Its coefficient of variation (gamma, lognormal).", "0", high=5),
            Field(
                name="order_days",
                kind="weekdays",
                meaning="Days purchase orders may be sent.",
                default="Mon-Sun",
            ),
            cents("order_cost_cents", "Fixed cost of a purchase order.", "0"),
            cents("minimum_order_cents", "Least value of a purchase order (for reorder plans).", "0"),
            count("minimum_order_g", "Least weight of a purchase order (for reorder plans).", "0", high=CENTS),
            cents("truck_cost_cents", "Cost of each truck a purchase order takes, the last in part.", "0"),
            count("truck_g", "Weight a truck carries; 0 = weight fills no truck.", "0"),
            count("truck_dm3", "Volume a truck carries; 0 = volume fills no truck.", "0"),
            count(
                "most_trucks", "Most trucks of a purchase order; 0 = no limit (for reorder plans).", "0", high=10_000
            ),
        ),
    ),
    TableSpec(
        name="lead_times",
        meaning="empirical lead times: factors on a supplier's mean",
        optional=True,
        absent="no supplier has an empirical lead time",
        fields=(
            ident("supplier", "Supplier.", "suppliers.supplier", key=True),
            number("factor", "Lead time as a multiple of lead_time_days.", high=1000, key=True),
            number("share", "Relative share (any scale)."),
        ),
    ),
    TableSpec(
        name="freight",
        meaning="freight of a purchase order by the cost of its goods",
        optional=True,
        absent="purchase orders carry no freight",
        fields=(
            ident("supplier", "Supplier.", "suppliers.supplier", key=True),
            count(
                "from_value_cents",
                "Cost of the goods from which the row holds; below the first row there is no freight.",
                high=CENTS,
                key=True,
            ),
            cents("freight_cents", "Freight of the purchase order (0 = carriage paid)."),
        ),
    ),
    TableSpec(
        name="price_breaks",
        meaning="what each unit costs in an order line of so many units",
        optional=True,
        absent="a unit costs skus.unit_cost_cents, however many are bought",
        fields=(
            ident("supplier", "Supplier.", "suppliers.supplier", key=True),
            ident("sku", "SKU.", "skus.sku", key=True),
            count(
                "from_units",
                "Units of the line from which the price holds; below the first row it is skus.unit_cost_cents.",
                low=1,
                key=True,
            ),
            cents("unit_cost_cents", "What each unit of the line costs."),
        ),
    ),
    TableSpec(
        name="supplier_holidays",
        meaning="days on which a supplier takes no purchase order",
        optional=True,
        absent="suppliers take orders on all their order days",
        fields=(
            ident("supplier", "Supplier.", "suppliers.supplier", key=True),
            Field(name="date", kind="date", meaning="Local day.", key=True),
            Field(name="note", kind="text", meaning="Why.", default=""),
        ),
    ),
    TableSpec(
        name="stock",
        meaning="what each site carries, from whom, and when it reorders",
        fields=(
            ident("site", "Site.", "sites.site", key=True),
            ident("sku", "SKU.", "skus.sku", key=True),
            count("on_hand_units", "Units on hand at the start."),
            ident("supplier", "Supplier; empty = never reordered.", "suppliers.supplier", default=""),
            choice("policy", "min_max (s,S), quantity (r,Q), base_stock (S) or none.", POLICIES, "none"),
            count(
                "reorder_point_units",
                "Order when the inventory position is at or below this.",
                "0",
                low=-MANY,
            ),
            count("order_up_to_units", "Position an order restores (min_max, base_stock).", "0"),
            count(
                "order_quantity_units",
                "Units of an order (quantity); multiples are ordered when one is not enough.",
                "0",
            ),
            count("review_days", "Days between reviews.", "1", low=1, high=365),
            count("moq_units", "Smallest order.", "1", low=1),
            count("pack_units", "Orders are multiples of this.", "1", low=1),
            number("shrinkage_units_per_day", "Mean units a day that vanish.", "0"),
            number(
                "max_cover_days",
                "Most days of mean demand that stock and open orders may cover; 0 = no limit (for reorder plans).",
                "0",
                high=3650,
            ),
        ),
    ),
    TableSpec(
        name="purchase_orders",
        meaning="purchase orders sent before the first simulated day and not yet received, a row a line",
        optional=True,
        absent="nothing is on order at the start",
        fields=(
            ident("purchase_order", "Purchase order, by its number.", key=True),
            ident("site", "Site it goes to.", "sites.site", key=True),
            ident("sku", "SKU.", "skus.sku", key=True),
            ident("supplier", "Supplier; one for all lines of a purchase order.", "suppliers.supplier"),
            count("units", "Units still to come.", low=1),
            Field(
                name="due_date",
                kind="date",
                meaning="Local day on which they come: put away at the site's receiving_time (empty = at 00:00).",
            ),
        ),
    ),
    TableSpec(
        name="service_targets",
        meaning="shares of the units asked for to be served from stock, by class of SKU at a site (for reorder plans)",
        optional=True,
        absent="purchasing.target_fill_rate holds for every SKU at every site",
        fields=(
            choice("abc", "Class by value sold: A, B or C; empty = any.", ("A", "B", "C"), "", key=True),
            choice("xyz", "Class by steadiness of demand: X, Y or Z; empty = any.", ("X", "Y", "Z"), "", key=True),
            share(
                "fill_rate",
                "Target, below 1. Of the rows that fit a SKU, that naming both classes counts, else that naming abc, "
                "else that naming xyz.",
            ),
        ),
    ),
)
