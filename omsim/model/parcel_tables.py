"""Tables of what a parcel is and costs beyond its weight: cartons, surcharges, pickups by site, contracts and tiers."""

from __future__ import annotations

from omsim.model.field_types import MANY, Field, TableSpec, cents, choice, count, ident, number, share

CONTRACT_PERIODS = ("week", "month")
TIER_KINDS = ("all_units", "incremental")

PARCEL_TABLES: tuple[TableSpec, ...] = (
    TableSpec(
        name="cartons",
        meaning="cartons parcels are packed in",
        optional=True,
        absent="a shipment is one parcel with the weight and the volume of its goods",
        fields=(
            ident("carton", "Carton.", key=True),
            count("length_mm", "Longest side, inside.", low=1, high=100_000),
            count("width_mm", "Middle side, inside.", low=1, high=100_000),
            count("height_mm", "Shortest side, inside.", low=1, high=100_000),
            count("wall_mm", "Thickness of a wall, twice of which the outside is longer.", "3", high=1000),
            count("tare_g", "Weight of the empty carton.", "0", high=1_000_000),
            count("max_weight_g", "Heaviest contents.", "1000000000"),
            cents("cost_cents", "Price of the carton and what fills it.", "0"),
        ),
    ),
    TableSpec(
        name="surcharges",
        meaning="what services charge on top of the rate: handling of large parcels, remote zones, peak fees",
        optional=True,
        absent="services charge rate and fuel alone",
        fields=(
            ident("service", "Service.", "services.service", key=True),
            ident("surcharge", "Its name.", key=True),
            ident("zone", "Zone it holds in; empty = every zone.", default="", key=True),
            count("from_g", "Holds from this actual weight.", "0"),
            count("from_mm", "Holds from this longest side.", "0", high=100_000),
            number("from_dm3", "Holds from this volume.", "0"),
            Field(name="start", kind="date", meaning="First local day of pickup it holds.", default="1900-01-01"),
            Field(name="end", kind="date", meaning="Last local day of pickup it holds.", default="2199-12-31"),
            cents("price_cents", "What it adds.", "0"),
            number("price_share", "What it adds, as a share of the rate.", "0", high=100),
            Field(name="fuelled", kind="flag", meaning="The fuel surcharge is charged on it as well.", default="false"),
        ),
    ),
    TableSpec(
        name="pickups",
        meaning="what a service collects at one site, where that differs from table services",
        optional=True,
        absent="services collect at every site alike",
        fields=(
            ident("site", "Site.", "sites.site", key=True),
            ident("service", "Service.", "services.service", key=True),
            count("daily_slots", "Parcels it takes per pickup; 0 = it does not come.", "1000000000", windowed=True),
            count("daily_kg", "Kilograms it takes per pickup.", "1000000000", windowed=True),
            Field(
                name="pickup_days",
                kind="weekdays",
                meaning="Days it comes, of those on which the service picks up.",
                default="Mon-Sun",
            ),
        ),
    ),
    TableSpec(
        name="carrier_holidays",
        meaning="days on which a carrier neither picks up nor delivers",
        optional=True,
        absent="carriers work on all their pickup and delivery days",
        fields=(
            ident("carrier", "Carrier.", "services.carrier", key=True),
            Field(name="date", kind="date", meaning="Local day.", key=True),
            Field(name="note", kind="text", meaning="Why.", default=""),
        ),
    ),
    TableSpec(
        name="contracts",
        meaning="what was agreed with a carrier on volume",
        optional=True,
        absent="every parcel is paid by the rate alone",
        fields=(
            ident("contract", "Contract.", key=True),
            ident("party", "Carrier or service whose parcels count, from all sites."),
            choice("period", "Parcels are counted by calendar week (from Monday) or month.", CONTRACT_PERIODS, "month"),
            count("minimum_parcels", "Parcels promised each period (in part, for a period in part simulated).", "0"),
            cents("shortfall_cents", "Charged for each parcel missing at the end of a period.", "0"),
            share("lowest_share", "Least share of a period's parcels.", "0"),
            share("highest_share", "Highest share of a period's parcels.", "1"),
            choice(
                "tier_kind",
                "all_units: the tier reached discounts every parcel of the period; incremental: only those from its "
                "own bound on.",
                TIER_KINDS,
                "all_units",
            ),
        ),
    ),
    TableSpec(
        name="contract_tiers",
        meaning="volume discounts of contracts, credited at the end of each period",
        optional=True,
        absent="no contract has a volume discount",
        fields=(
            ident("contract", "Contract.", "contracts.contract", key=True),
            count("from_parcels", "Parcels of a period from which the discount holds.", low=1, high=MANY, key=True),
            share("discount_share", "Share of what the parcels cost."),
        ),
    ),
)
