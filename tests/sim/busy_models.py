"""Small businesses in which everything happens, for tests that hold engines to their specification.

`tied_business` makes many things fall on the same second; `random_business` draws every rule, calendar and table of a
model from a seed, and for some seeds lays a scenario over it. `both_engines` runs one replication in each engine.
"""

from __future__ import annotations

import hashlib
from dataclasses import fields
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from model.small_models import small_business
from sim.drawn_shipping import draw_shipping
from sim.drawn_sourcing import draw_sourcing, draw_sourcing_settings
from sim.drawn_tables import (
    Cells,
    Drawer,
    draw_carriers,
    draw_demand,
    draw_events,
    draw_orders,
    draw_people,
    draw_purchases,
    number_or_text,
)

from omsim.demand.arrivals import draw_intake
from omsim.model.building import build_business
from omsim.model.overlay import apply_scenario
from omsim.model.scenario import Change, Scenario
from omsim.sim.plan import compile_plan
from omsim.sim.process.engine import run_process
from omsim.sim.window.engine import run_window

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

CHANGES_OF_CLOCKS = {  # first days of runs in which the clocks change, by time zone
    "Europe/London": ("2026-03-26", "2026-10-22"),
    "America/New_York": ("2026-03-05", "2026-10-29"),
    "Australia/Lord_Howe": ("2026-04-01", "2026-10-01"),  # by half an hour
    "UTC": ("2026-02-26", "2026-12-28"),
}


def both_engines(business: Business, *, seed: int, replication: int = 0) -> tuple[RunRecords, RunRecords]:
    """Records of one replication by `process` and by `window`, from intakes of their own."""
    plan = compile_plan(business)
    process, window = (
        run(
            business,
            plan,
            draw_intake(business, seed=seed, replication=replication),
            seed=seed,
            replication=replication,
        )
        for run in (run_process, run_window)
    )
    return process, window


def digest_of(records: RunRecords) -> str:
    """SHA-256 over every column of a run's records."""
    sha = hashlib.sha256()
    for part in fields(records):
        value = getattr(records, part.name)
        if isinstance(value, int | str):
            sha.update(f"{part.name} {value}\n".encode())
            continue
        for column in fields(value):
            cells = getattr(value, column.name)
            told = repr(cells).encode() if isinstance(cells, tuple) else np.asarray(cells).astype("<i8").tobytes()
            sha.update(f"{part.name}.{column.name}\n".encode() + told)
    return sha.hexdigest()


def tied_business(settings: dict[str, object], *, start_date: str, **tables: str | Cells) -> Business:
    """The small business with fixed times of whole minutes, scarce stock and all that can go wrong.

    `tables` are added, or, as mappings of columns, laid over those there are.
    """
    first = date.fromisoformat(start_date)

    def on(day: int) -> str:
        return (first + timedelta(days=day)).isoformat()

    fixed: dict[str, str | Cells] = dict(
        events=f"""
            kind,          target, start,    end,      value
            site_closed,   south,  {on(4)},  {on(5)},  0
            carrier_out,   swift,  {on(3)},  {on(4)},  0
            supplier_late, mill,   {on(1)},  {on(7)},  1.5
            system_outage, ,       {on(8)},  {on(8)},  0
            demand_factor, web,    {on(9)},  {on(10)}, 1.5
        """,
        stock={
            "on_hand_units": ["60", "50", "10", "40", "30"],
            "reorder_point_units": ["60", "40", "0", "30", "20"],
            "order_up_to_units": ["150", "120", "20", "0", "80"],
            "order_quantity_units": ["0", "0", "0", "50", "0"],
            "review_days": ["1", "2", "1", "1", "1"],
            "moq_units": ["1", "30", "1", "1", "1"],
            "pack_units": ["1", "1", "6", "1", "12"],
            "shrinkage_units_per_day": ["0.8", "0", "0.1", "0", "0.5"],
        },
        sites={
            "task_times": ["fixed"],
            "pick_order_s": ["60"],
            "pick_line_s": ["0"],
            "pick_unit_s": ["0"],
            "pack_order_s": ["60"],
            "pack_unit_s": ["0"],
            "inspect_unit_s": ["300"],
            "receiving_time": ["08:00", ""],
        },
        channels={
            "partial_lines": ["true", "false"],
            "patience_days": ["4", ""],
            "reject_share": ["0.03", "0"],
            "auto_check_s": ["60", "0"],
            "promise_cutoff": ["14:00", "24:00"],
            "manual_review_share": ["0.5", "0.2"],
            "review_s": ["300", "600"],
            "review_times": ["fixed"],
            "split_limit": ["2"],
        },
        services={"loss_share": ["0.02"], "damage_share": ["0.03"], "daily_slots": ["25", "8"]},
        skus={"return_share": ["0.4"]},
        dispositions="""
            category, disposition, share
            ,         restock,     7
            ,         scrap,       3
        """,
        suppliers="supplier, lead_time, lead_time_days, order_days\nmill, fixed, 2, Mon-Fri",
        supplier_holidays=f"supplier, date\nmill, {on(2)}\nmill, {on(9)}",
        purchase_orders=f"""
            purchase_order, site,  sku, supplier, units, due_date
            late,           south, NA,  mill,     15,    {on(3)}
            soon,           north, 012, mill,     35,    {on(0)}
            soon,           south, 012, mill,     5,     {on(0)}
            late,           north, NA,  mill,     25,    {on(1)}
            later,          north, 1e5, mill,     4,     {on(40)}
        """,
        contacts="""
            reason,   share, delay_hours, handle_s, patience_s, cost_cents
            question, 0.5,   1,           900,      600,        1
            late,     0.5,   1,           600,      900,        1
            lost,     0.5,   1,           600,      ,           1
            refund,   0.5,   1,           600,      500,        1
            split,    0.9,   1,           600,      500,        1
            damaged,  0.9,   1,           600,      500,        1
        """,
    )
    for name, table in tables.items():
        laid_over = fixed.get(name, {})
        both = isinstance(table, dict) and isinstance(laid_over, dict)
        fixed[name] = {**laid_over, **table} if both else table
    return small_business(
        {
            "model.horizon_days": 16,
            "model.start_date": start_date,
            "costs.late_penalty_cents": 500,
            "costs.return_lag_median_days": 1,
            "decisions.review_time": "08:00",
            **settings,
        },
        **fixed,
    )


def random_business(seed: int, *, open_orders: bool = True, shipping: bool = False, sourcing: bool = False) -> Business:
    """A whole business drawn from `seed`: 1-3 sites, 2-4 SKUs, 1-3 channels, some 60 orders a day, 7-11 days.

    `open_orders` adds, for most seeds, orders open at the start and suppliers' holidays, price breaks and freight; they
    are drawn apart, so that all else stays as it is without them. `shipping` adds, also apart, cartons, surcharges,
    limits, pickups by site, carriers' holidays and contracts; `sourcing` likewise rules of sourcing in batches.
    """
    draw = Drawer(seed)
    zone = draw.one(*CHANGES_OF_CLOCKS)
    start = draw.one(*CHANGES_OF_CLOCKS[zone])
    n_days = draw.whole(7, 11)
    n_sites, n_skus, n_channels, n_regions = (draw.whole(*ends) for ends in ((1, 3), (2, 4), (1, 3), (1, 3)))
    settings: dict[str, object] = {
        "model.name": "random",
        "model.time_zone": zone,
        "model.start_date": start,
        "model.horizon_days": n_days,
        "model.warm_up_days": draw.whole(0, 3),
        "decisions.allocation_rule": draw.one("nearest", "fewest_splits"),
        "decisions.sourcing_sites": draw.one(1, 2, 1000),
        "decisions.allocation_cycle_minutes": draw.one(5, 7, 30, 60, 60, 97, 1440),
        "decisions.release": draw.one("at_cycle", "immediate"),
        "decisions.carrier_rule": draw.one("optimum", "cheapest"),
        "decisions.promise_quantile": draw.one(0, 0.5, 0.9, 1),
        "decisions.backorder_rank": draw.one("oldest", "priority"),
        "decisions.refund_rule": draw.one("at_scan", "at_receipt", "after_inspection"),
        "decisions.review_time": draw.one("00:00", "01:30", "02:30", "05:00", "12:30", "17:00", "23:59"),
        "decisions.review": draw.one("daily", "continuous"),
        "costs.late_penalty_cents": draw.one(0, 500),
        "costs.return_lag_median_days": draw.one(0.5, 1, 2),
        "costs.return_lag_sigma": draw.one(0, 0.9),
        "costs.return_transit_days": draw.whole(0, 2),
    }
    settings = {key: int(value) if str(value).isdigit() else number_or_text(value) for key, value in settings.items()}
    sites, skus, channels, regions = (
        [f"{letter}{i}" for i in range(n)]
        for letter, n in (("s", n_sites), ("k", n_skus), ("c", n_channels), ("r", n_regions))
    )
    tables: dict[str, Cells] = {
        "skus": {
            "sku": skus,
            "category": draw.each(n_skus, "hard", "soft"),
            "unit_cost_cents": draw.wholes(n_skus, 50, 900),
            "price_cents": draw.wholes(n_skus, 900, 3000),
            "weight_g": draw.wholes(n_skus, 10, 3000),
            "length_mm": draw.wholes(n_skus, 0, 300),
            "width_mm": draw.wholes(n_skus, 0, 200),
            "height_mm": draw.wholes(n_skus, 0, 150),
            "return_share": draw.each(n_skus, 0, 0.2, 0.5, 1),
        },
        "sites": {
            "site": sites,
            "kind": draw.each(n_sites, "dc", "store"),
            "cutoff": draw.each(n_sites, "00:00", "23:59", "02:30", "12:00", "16:00", "17:00", "17:00"),
            "receiving_time": draw.each(n_sites, "", "00:00", "02:15", "07:00", "17:00"),
            "pick_order_s": draw.each(n_sites, 0, 30, 60, 600),
            "pick_line_s": draw.each(n_sites, 0, 20, 60),
            "pick_unit_s": draw.each(n_sites, 0, 2.5, 60),
            "pack_order_s": draw.each(n_sites, 0, 60, 300),
            "pack_unit_s": draw.each(n_sites, 0, 3),
            "inspect_unit_s": draw.each(n_sites, 0, 60, 3000),
            "task_times": draw.each(n_sites, "fixed", "exponential", "lognormal"),
            "task_cv": draw.each(n_sites, 0, 0.3, 2),
        },
        "channels": {
            "channel": channels,
            "priority": draw.wholes(n_channels, 1, 3),
            "orders_per_day": draw.wholes(n_channels, 5, 45),
            "day_cv": draw.each(n_channels, 0, 0.5),
            "promise_days": draw.each(n_channels, "", 0, 1, 2.5),
            "promise_cutoff": draw.each(n_channels, "00:00", "02:30", "14:00", "24:00"),
            "backorders": draw.each(n_channels, "true", "true", "false"),
            "partial_lines": draw.each(n_channels, "true", "false"),
            "split_limit": draw.wholes(n_channels, 1, 3),
            "patience_days": draw.each(n_channels, "", 1, 2.25),
            "auto_check_s": draw.each(n_channels, 0, 60, 7201),
            "manual_review_share": draw.each(n_channels, 0, 0.2, 1),
            "review_s": draw.each(n_channels, 0, 120, 600),
            "review_times": draw.each(n_channels, "fixed", "exponential"),
            "reject_share": draw.each(n_channels, 0, 0.1),
        },
        "regions": {"region": regions, "order_share": draw.wholes(n_regions, 1, 4)},
        "quantities": {"profile": ["few"] * 3, "units": ["1", "2", "7"], "share": ["6", "3", "1"]},
        "contacts": {
            "reason": ["question", "late", "split", "lost", "damaged", "refund"],
            "share": draw.each(6, 0.1, 0.5, 1),
            "delay_hours": draw.each(6, 0, 0.5, 12),
            "handle_s": draw.each(6, 0, 300, 1800),
            "patience_s": draw.each(6, "", 0, 600),
        },
        "suppliers": {
            "supplier": ["m0", "m1", "m2"],
            "lead_time": [draw.one("fixed", "gamma"), draw.one("lognormal", "fixed"), "empirical"],
            "lead_time_days": draw.each(3, 0, 0.5, 1, 2),
            "lead_time_cv": draw.each(3, 0, 0.5),
            "order_days": draw.each(3, "Mon-Sun", "Mon-Fri", "Tue Sat"),
        },
        "lead_times": {"supplier": ["m2", "m2"], "factor": ["0.5", "3"], "share": ["4", "1"]},
    }
    tables["dispositions"] = {
        "category": ["", "", draw.one(*tables["skus"]["category"])],
        "disposition": ["restock", "scrap", draw.one("restock", "refurbish", "liquidate")],
        "share": ["3", "1", "1"],
    }
    tables |= draw_demand(draw, skus, channels)
    tables |= draw_people(draw, sites)
    tables |= draw_carriers(draw, sites, regions)
    home = {sku: draw.one(*sites) for sku in skus}
    carried = [(site, sku) for site in sites for sku in skus if home[sku] == site or draw.odds(0.7)]
    n_cells = len(carried)
    low = [draw.whole(-2, 20) for _ in carried]
    tables["stock"] = {
        "site": [site for site, _ in carried],
        "sku": [sku for _, sku in carried],
        "on_hand_units": draw.wholes(n_cells, 0, 40),
        "supplier": draw.each(n_cells, "m0", "m1", "m2"),
        "policy": draw.each(n_cells, "min_max", "quantity", "base_stock", "none"),
        "reorder_point_units": [str(point) for point in low],
        "order_up_to_units": [str(max(point, 0) + draw.whole(1, 40)) for point in low],
        "order_quantity_units": draw.wholes(n_cells, 1, 25),
        "review_days": draw.each(n_cells, 1, 1, 2, 3),
        "moq_units": draw.each(n_cells, 1, 1, 10),
        "pack_units": draw.each(n_cells, 1, 1, 6),
        "shrinkage_units_per_day": draw.each(n_cells, 0, 0.5),
    }
    first = date.fromisoformat(start)
    tables["events"] = draw_events(draw, first, n_days, sites, channels, tables["services"]["carrier"])
    if draw.odds(0.3):
        tables["orders"] = draw_orders(draw, first, n_days, channels, regions, skus)
    if open_orders:
        capacity = Drawer(seed + 2_000_003)
        tables["suppliers"] |= {
            "truck_cost_cents": capacity.wholes(3, 0, 5000),
            "truck_g": capacity.each(3, 1, 1000, 20_000),
            "truck_dm3": capacity.each(3, 0, 0, 5),
        }
        tables |= draw_purchases(
            Drawer(seed + 1_000_003), first, n_days, tables["stock"], tables["suppliers"]["supplier"]
        )
    if shipping:
        parcels = Drawer(seed + 3_000_003)
        tables |= draw_shipping(parcels, first, n_days, tables)
        settings |= {
            "decisions.contract_rule": parcels.one("steer", "steer", "ignore"),
            "decisions.most_fill_share": float(parcels.one(1, 0.8)),
        }
    if sourcing:
        rules = Drawer(seed + 4_000_003)
        settings |= draw_sourcing_settings(rules, seed)
        tables |= draw_sourcing(rules, tables)
    business = build_business(settings, tables)
    return _overlaid(draw, business, first, n_days) if draw.odds(0.5) else business


def with_changes(
    business: Business, *changes: dict[str, object], events: tuple[dict[str, object], ...] = ()
) -> Business:
    """The business under a scenario made of these items, written as in a scenario file."""
    items = tuple(Change.model_validate(change) for change in changes)
    scenario = Scenario(path=Path("made.toml"), model=Path("made"), changes=items, events=events)
    return apply_scenario(scenario, business)


def _overlaid(draw: Drawer, business: Business, first: date, n_days: int) -> Business:
    """The business with windows on everything that can change within a run."""
    changes: list[dict[str, object]] = []
    for table, column, operation, value in (
        ("channels", "orders_per_day", "scale", draw.one(0.5, 1.6)),
        ("services", "daily_slots", "scale", draw.one(0.5, 2)),
        ("staff", "workers", "add", draw.one(1, 2)),
        ("suppliers", "lead_time_days", "add", draw.one(0.25, 1)),
        ("skus", "return_share", "scale", draw.one(0.5, 1)),
    ):
        day = first + timedelta(days=draw.whole(0, n_days - 2))
        row = {"table": table, "column": column, "operation": operation, "value": float(value)}
        changes.append({**row, "from": day, "to": day + timedelta(days=draw.whole(0, 3))})
    return with_changes(business, *changes)
