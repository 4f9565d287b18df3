"""The keys of `model.toml`: what a model stands for, how it decides, what it is charged."""

from __future__ import annotations

from omsim.model.field_types import CENTS, Field, TableSpec, cents, choice, count, ident, number, share
from omsim.model.sourcing_tables import SOURCING_RULES

SETTINGS = TableSpec(
    name="settings",
    meaning="model.toml: what the model stands for, and how it decides (sections model, decisions, purchasing, costs)",
    fields=(
        ident("model.name", "Name of the model, also of its folder."),
        Field(
            name="model.stands_for",
            kind="text",
            meaning="What business it stands for, in a line.",
            default="",
        ),
        Field(name="model.currency", kind="id", meaning="Currency code of every amount.", default="EUR"),
        Field(
            name="model.time_zone",
            kind="id",
            meaning="IANA time zone of calendars and cutoffs.",
            default="UTC",
        ),
        Field(name="model.start_date", kind="date", meaning="First simulated local day."),
        count("model.horizon_days", "Days simulated.", "28", low=1, high=24_000),
        count("model.warm_up_days", "First days simulated but kept out of every KPI.", "0", high=24_000),
        Field(
            name="model.assumptions",
            kind="text",
            meaning="What the data could not tell and was assumed; printed in every report (one sentence a line).",
            default="",
        ),
        choice(
            "decisions.allocation_rule",
            "nearest: each line walks the sites by distance; fewest_splits: first the nearest site that can serve "
            "the whole order, then as nearest; ranked: as nearest, by table site_ranks; most_stock: each line asks "
            "the site with most units first; fewest_shipments: as few sites as can serve most units; cheapest: least "
            "cost of parcels, work and splits; dual_prices: cheapest, with what the stock is worth to later orders; "
            "coupled_rounding: by shares of a plan for expected demand; batch_optimum: all orders of a cycle together.",
            SOURCING_RULES,
            "fewest_splits",
        ),
        Field(
            name="decisions.shadow_rules",
            kind="text",
            meaning="Allocation rules, parted by blanks, to compute beside the run's own on the same orders and "
            "receipts: what each would have cost, and the least anyone could have paid. Empty = none.",
            default="",
        ),
        number(
            "decisions.outlook_days",
            "Days of expected demand that dual_prices and coupled_rounding keep stock for.",
            "7",
            high=365,
            above=True,
        ),
        Field(
            name="decisions.cutoff_look_ahead",
            kind="flag",
            meaning="Rules that weigh costs count being late, expecting a parcel at the first cutoff it can make.",
            default="false",
        ),
        count(
            "decisions.hold_minutes",
            "Minutes a sourced order is kept back before its shipments are released (at the first cycle after them).",
            "0",
            high=10_080,
        ),
        Field(
            name="decisions.hold_reassign",
            kind="flag",
            meaning="At every cycle, orders kept back trade sites with each other and free stock, to save parcels.",
            default="true",
        ),
        count(
            "decisions.sourcing_sites",
            "How many sites, nearest first, an order may draw on.",
            "1000",
            low=1,
            high=1000,
        ),
        count("decisions.allocation_cycle_minutes", "Minutes between allocation cycles.", "60", low=1, high=1440),
        choice(
            "decisions.release",
            "at_cycle: orders are allocated and released together at each cycle; immediate: each at the second its "
            "validation ends.",
            ("at_cycle", "immediate"),
            "at_cycle",
        ),
        choice(
            "decisions.carrier_rule",
            "optimum: least total cost over all parcels of a tender; cheapest: parcel by parcel, while slots last.",
            ("optimum", "cheapest"),
            "optimum",
        ),
        choice(
            "decisions.contract_rule",
            "steer: tenders of carrier_rule optimum look ahead to minimums, tiers and shares of contracts; ignore: "
            "contracts are only settled.",
            ("steer", "ignore"),
            "steer",
        ),
        number("decisions.most_fill_share", "Share of a carton's volume that goods may fill.", "1", high=1, above=True),
        share(
            "decisions.promise_quantile",
            "A service is promise-feasible when it arrives in time with at least this probability.",
            "0.9",
        ),
        choice(
            "decisions.backorder_rank",
            "Which waiting line a receipt serves first: oldest, or by channel priority and then oldest.",
            ("oldest", "priority"),
            "priority",
        ),
        choice(
            "decisions.refund_rule",
            "When the money goes back: parcel scanned by the carrier, received at the site, or after inspection.",
            ("at_scan", "at_receipt", "after_inspection"),
            "after_inspection",
        ),
        Field(
            name="decisions.review_time",
            kind="time",
            meaning="Local time of day at which stock positions are reviewed and purchase orders sent.",
            default="05:00",
        ),
        choice(
            "decisions.review",
            "daily: on review days at review_time; continuous: after every allocation cycle.",
            ("daily", "continuous"),
            "daily",
        ),
        choice(
            "purchasing.reorder",
            "policies: each SKU at a site by its policy of table stock; optimizer: all orders of a night are planned "
            "together.",
            ("policies", "optimizer"),
            "policies",
        ),
        choice(
            "purchasing.aim",
            "What reorder plans aim at. fill_rate: the targets, with least stock; cost: least expected cost, a unit "
            "lacking has cost its margin; one_price: stock wherever it earns most units, each worth unit_value_cents.",
            ("fill_rate", "cost", "one_price"),
            "fill_rate",
        ),
        cents(
            "purchasing.unit_value_cents",
            "What one more unit served from stock is worth, the same for every SKU (aim one_price).",
            "500",
        ),
        share(
            "purchasing.target_fill_rate",
            "Share of units to be served from stock, below 1, where table service_targets says nothing else.",
            "0.95",
        ),
        cents("purchasing.budget_cents", "Most spent on one night's purchase orders (for reorder plans).", f"{CENTS}"),
        count("purchasing.reforecast_days", "Days between forecasts of the planner in a run.", "7", low=1, high=365),
        number("costs.holding_rate_per_year", "Yearly cost of holding stock, share of its cost.", "0.2", high=10),
        cents("costs.late_penalty_cents", "What a late or lost order costs in goodwill.", "0"),
        cents(
            "costs.unserved_unit_cents",
            "What rules that weigh costs count for a unit they leave unserved.",
            "3000",
        ),
        cents("costs.split_penalty_cents", "What each shipment beyond an order's first costs in goodwill.", "0"),
        number("costs.return_lag_median_days", "Median days from delivery to a return request.", "7", above=True),
        number("costs.return_lag_sigma", "Spread (sigma of the logarithm) of the return lag.", "0.9", high=5),
        count("costs.return_transit_days", "Days a return travels back.", "3", high=365),
        cents("costs.return_label_cents", "Price of a return's parcel.", "0"),
    ),
)
