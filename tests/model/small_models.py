"""A tiny business for tests: 2 sites, 3 SKUs, 2 channels, 2 services, 2 regions, 1 supplier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.model.building import build_business

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omsim.model.business import Business

SETTINGS: dict[str, object] = {
    "model.name": "small",
    "model.start_date": "2026-09-28",  # a Monday
    "model.time_zone": "Europe/London",
    "model.currency": "GBP",
    "model.horizon_days": 14,
}

TABLES: dict[str, str] = {
    "skus": """
        sku,  category, unit_cost_cents, price_cents, weight_g, length_mm, width_mm, height_mm, return_share
        012,  mug,      300,             900,         400,      100,       90,       90,        0.1
        NA,   towel,    500,             1500,        700,      300,       200,      40,        0.2
        1e5,  lamp,     2000,            6000,        2500,     400,       200,      200,       0
    """,
    "sites": """
        site,   kind,  latitude, longitude, cutoff, labour_cents_per_hour
        north,  dc,    53.5,     -2.2,      17:00,  1500
        south,  store, 51.5,     -0.1,      16:00,  1800
    """,
    "staff": """
        stage,    site,  days,    start, end,   workers
        validate, ,      Mon-Sun, 08:00, 18:00, 2
        pick,     north, Mon-Sat, 06:00, 18:00, 3
        pick,     south, Mon-Sat, 06:00, 18:00, 2
        pack,     north, Mon-Sat, 06:00, 18:00, 2
        pack,     south, Mon-Sat, 06:00, 18:00, 1
        inspect,  north, Mon-Fri, 09:00, 17:00, 1
        inspect,  south, Mon-Fri, 09:00, 17:00, 1
        contact,  ,      Mon-Sat, 08:00, 20:00, 2
    """,
    "channels": """
        channel, priority, orders_per_day, promise_days, split_limit, manual_review_share, review_s
        web,     2,        40,             3,            2,           0.05,                180
        shop,    1,        15,             ,             1,           0,                   0
    """,
    "regions": """
        region, latitude, longitude, order_share
        upland, 54,       -2.5,      1
        coast,  51,       0.5,       2
    """,
    "demand": """
        sku, channel, line_share, quantity_profile
        012, web,     5,          few
        NA,  web,     3,          few
        1e5, web,     1,          one
        012, shop,    2,          few
        NA,  shop,    2,          few
    """,
    "quantities": """
        profile, units, share
        one,     1,     1
        few,     1,     70
        few,     2,     20
        few,     6,     10
    """,
    "baskets": """
        channel, lines, share
        web,     1,     6
        web,     2,     3
        web,     3,     1
        shop,    1,     1
    """,
    "services": """
        service,  carrier, pickup_days, delivery_days, daily_slots, dim_divisor_cm3_per_kg, fuel_share, over_kg_cents
        standard, swift,   Mon-Sat,     Mon-Sat,       60,          5000,                   0.1,        50
        express,  arrow,   Mon-Fri,     Mon-Sat,       30,          5000,                   0.12,       120
    """,
    "zones": """
        site,  region, zone, distance_km
        north, upland, near, 50
        north, coast,  far,  300
        south, upland, far,  330
        south, coast,  near, 60
    """,
    "transits": """
        service,  zone, days, share
        standard, near, 1,    8
        standard, near, 2,    2
        standard, far,  2,    7
        standard, far,  3,    3
        express,  near, 1,    1
        express,  far,  1,    9
        express,  far,  2,    1
    """,
    "rates": """
        service,  zone, up_to_g, price_cents
        standard, near, 1000,    300
        standard, near, 5000,    450
        standard, far,  1000,    380
        standard, far,  5000,    600
        express,  near, 5000,    800
        express,  far,  5000,    1100
    """,
    "suppliers": """
        supplier, lead_time, lead_time_days, lead_time_cv, order_days, order_cost_cents
        mill,     gamma,     4,              0.4,          Mon-Fri,    2500
    """,
    "stock": """
        site,  sku, on_hand_units, supplier, policy,     reorder_point_units, order_up_to_units, order_quantity_units
        north, 012, 200,           mill,     min_max,    120,                 300,               0
        north, NA,  150,           mill,     min_max,    80,                  240,               0
        north, 1e5, 30,            mill,     base_stock, 0,                   40,                0
        south, 012, 100,           mill,     quantity,   60,                  0,                 100
        south, NA,  80,            mill,     min_max,    50,                  150,               0
    """,
    "contacts": """
        reason, share, delay_hours, handle_s, patience_s, cost_cents
        late,   0.3,   12,          300,      600,        250
        lost,   0.8,   24,          600,      ,           400
    """,
}


def columns_of(text: str) -> dict[str, list[str]]:
    """Columns of an aligned, comma-separated text."""
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


def small_tables() -> dict[str, dict[str, list[str]]]:
    """The tables as columns of text, anew at each call."""
    return {name: columns_of(text) for name, text in TABLES.items()}


def small_business(
    settings: Mapping[str, object] | None = None, **tables: str | Mapping[str, Sequence[object]] | None
) -> Business:
    """Build the small business.

    Parameters
    ----------
    settings : mapping, optional
        Dotted keys that differ, e.g. ``{"model.horizon_days": 28}``.
    **tables : str, mapping or None
        A table by name: aligned text replaces it; a mapping of columns replaces those columns (one value for each
        row, or one value for all in a list of length 1); None leaves the table out.
    """
    built: dict[str, Mapping[str, Sequence[object]]] = dict(small_tables())
    for name, change in tables.items():
        if change is None:
            built.pop(name, None)
        elif isinstance(change, str):
            built[name] = columns_of(change)
        else:
            old = dict(built.get(name, {}))
            n_rows = len(next(iter(old.values()), ()))
            for column, cells in change.items():
                old[column] = list(cells) * n_rows if n_rows and len(cells) == 1 else list(cells)
            built[name] = old
    return build_business({**SETTINGS, **(settings or {})}, built)
