"""Tables of what carries the goods and of what follows: carriers, returns, contacts, what goes wrong, what was sold.

Suppliers and stock are `purchase_tables`' work.
"""

from __future__ import annotations

from omsim.model.field_types import MANY, Field, TableSpec, cents, choice, count, ident, number, share

EVENT_KINDS = ("site_closed", "carrier_out", "supplier_late", "demand_factor", "system_outage")
CONTACT_REASONS = ("question", "late", "split", "lost", "damaged", "refund")
DISPOSITIONS = ("restock", "refurbish", "liquidate", "scrap")

CARRIER_TABLES: tuple[TableSpec, ...] = (
    TableSpec(
        name="services",
        meaning="what carriers offer",
        fields=(
            ident("service", "Carrier service.", key=True),
            ident("carrier", "Carrier."),
            Field(name="pickup_days", kind="weekdays", meaning="Days it picks up.", default="Mon-Fri"),
            Field(
                name="delivery_days",
                kind="weekdays",
                meaning="Days it delivers; transit counts these.",
                default="Mon-Fri",
            ),
            count("daily_slots", "Parcels it takes per site and pickup.", "1000000000", windowed=True),
            choice(
                "rated_by",
                "carton: each carton of a shipment is a parcel with its own rate; shipment: all together have one.",
                ("carton", "shipment"),
                "carton",
            ),
            count("daily_kg", "Kilograms it takes per site and pickup.", "1000000000", windowed=True),
            count("max_weight_g", "Heaviest parcel.", "1000000000"),
            count("max_length_mm", "Longest side of a parcel; 0 = no limit.", "0", high=100_000),
            count("max_girth_mm", "Length plus twice width and height; 0 = no limit.", "0", high=1_000_000),
            number("dim_divisor_cm3_per_kg", "Volume that weighs a kilogram; 0 = volume is free.", "0"),
            cents("minimum_cents", "Least rate of a parcel, before surcharges and fuel.", "0"),
            share("fuel_share", "Fuel surcharge on the price.", "0"),
            cents(
                "over_kg_cents",
                "Price of each started kilogram above the top weight break; 0 = not carried.",
                "0",
            ),
            share("loss_share", "Share of parcels lost.", "0"),
            share("damage_share", "Share of parcels that arrive damaged.", "0"),
        ),
    ),
    TableSpec(
        name="zones",
        meaning="tariff zone and distance from each site to each region (a missing pair is not served)",
        fields=(
            ident("site", "Site.", "sites.site", key=True),
            ident("region", "Region.", "regions.region", key=True),
            ident("zone", "Tariff zone."),
            number(
                "distance_km",
                "Distance; the nearest site is tried first. Empty = over the globe between their places.",
                "",
            ),
        ),
    ),
    TableSpec(
        name="transits",
        meaning="transit time of a service in a zone, as shares of delivery days after pickup",
        fields=(
            ident("service", "Service.", "services.service", key=True),
            ident("zone", "Zone.", key=True),
            count("days", "Delivery days from pickup (0 = the same day).", high=60, key=True),
            number("share", "Relative share of parcels (any scale)."),
        ),
    ),
    TableSpec(
        name="rates",
        meaning="price of a parcel by service, zone and weight break",
        fields=(
            ident("service", "Service.", "services.service", key=True),
            ident("zone", "Zone.", key=True),
            count("up_to_g", "Billable weight up to which the price holds.", low=1, key=True),
            cents("price_cents", "Price."),
        ),
    ),
)

OUTCOME_TABLES: tuple[TableSpec, ...] = (
    TableSpec(
        name="dispositions",
        meaning="what becomes of returned units",
        optional=True,
        absent="all returned units are restocked",
        fields=(
            Field(name="category", kind="text", meaning="SKU category; empty = any other.", default="", key=True),
            choice("disposition", "What happens.", DISPOSITIONS, key=True),
            number("share", "Relative share (any scale)."),
            share("recovered_share", "Share of unit cost recovered.", "0"),
            cents("handling_cents", "Cost per unit of doing it.", "0"),
        ),
    ),
    TableSpec(
        name="contacts",
        meaning="why customers write or call",
        optional=True,
        absent="customers make no contact",
        fields=(
            choice(
                "reason",
                "question: any order; late: promise missed; split: second parcel; lost; damaged; refund: not yet paid.",
                CONTACT_REASONS,
                key=True,
            ),
            share("share", "Share of the orders concerned that make contact."),
            number("delay_hours", "Mean hours from the cause to the contact (exponential).", "4", high=8760),
            number("handle_s", "Mean seconds an agent needs (exponential).", "300", high=864_000),
            number(
                "patience_s",
                "Mean seconds until one who waits gives up (exponential); empty = never.",
                "",
                high=8_640_000,
            ),
            cents("cost_cents", "Cost of answering one.", "0"),
        ),
    ),
    TableSpec(
        name="events",
        meaning="dated disruptions (also what a scenario's events become)",
        optional=True,
        absent="nothing is disrupted",
        fields=(
            choice("kind", "What happens.", EVENT_KINDS),
            Field(
                name="target",
                kind="text",
                meaning="Site, carrier or service, supplier, or channel concerned; empty = all.",
                default="",
            ),
            Field(name="start", kind="date", meaning="First local day."),
            Field(name="end", kind="date", meaning="Last local day, included."),
            number("value", "Days added (supplier_late) or factor (demand_factor).", "0", high=MANY),
        ),
    ),
    TableSpec(
        name="history",
        meaning="units asked for by day, for forecasting (written by `omsim import`)",
        optional=True,
        absent="no history to forecast from",
        fields=(
            Field(name="date", kind="date", meaning="Local day.", key=True),
            ident("sku", "SKU.", "skus.sku", key=True),
            ident(
                "site",
                "Site asked; empty = all sites together (a SKU's rows name a site in every row or in none).",
                "sites.site",
                default="",
                key=True,
            ),
            count("units", "Units asked for; a day without a row had none."),
            Field(
                name="sold_out",
                kind="flag",
                meaning="Stock ran out that day: the units are what was sold, and more may have been asked for.",
                default="false",
            ),
        ),
    ),
)
