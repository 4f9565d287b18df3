"""Tables of a business drawn from a seed, in the spelling of its files.

Owns the drawing of single tables; putting a business together from them is `busy_models`' work.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np

Cells = dict[str, list[str]]


class Drawer:
    """Draws cells of tables as text."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng([20_26, seed])

    def one(self, *choices: object) -> str:
        return str(choices[int(self.rng.integers(len(choices)))])

    def each(self, n: int, *choices: object) -> list[str]:
        return [self.one(*choices) for _ in range(n)]

    def whole(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def wholes(self, n: int, low: int, high: int) -> list[str]:
        return [str(self.whole(low, high)) for _ in range(n)]

    def odds(self, share: float) -> bool:
        return bool(self.rng.random() < share)


def draw_demand(draw: Drawer, skus: list[str], channels: list[str]) -> dict[str, Cells]:
    """What is asked for, three basket sizes a channel."""
    pairs = [(sku, channel) for channel in channels for sku in skus]
    return {
        "demand": {
            "sku": [sku for sku, _ in pairs],
            "channel": [channel for _, channel in pairs],
            "line_share": draw.wholes(len(pairs), 1, 5),
            "quantity_profile": ["few"] * len(pairs),
        },
        "baskets": {
            "channel": [channel for channel in channels for _ in range(3)],
            "lines": ["1", "2", "4"] * len(channels),
            "share": ["6", "3", "1"] * len(channels),
        },
    }


def draw_people(draw: Drawer, sites: list[str]) -> dict[str, Cells]:
    """One or two shifts of every stage, some by night."""
    staff: Cells = {name: [] for name in ("stage", "site", "days", "start", "end", "workers")}
    stages = [("validate", ""), ("contact", "")] + [(stage, s) for stage in ("pick", "pack", "inspect") for s in sites]
    for stage, site in stages:
        for shift in range(draw.whole(1, 2)):
            start, end = draw.one("06:00 14:00", "00:00 24:00", "08:00 18:30", "01:30 03:00", "09:00 17:00").split()
            row = (stage, site, draw.one("Mon-Sun", "Mon-Fri", "Mon-Sat"), start, end)
            for name, cell in zip(staff, (*row, str(draw.whole(1, 3 - shift))), strict=True):
                staff[name].append(cell)
    return {"staff": staff}


def draw_carriers(draw: Drawer, sites: list[str], regions: list[str]) -> dict[str, Cells]:
    """One to three services, the last of which takes any parcel; zones, transits and rates."""
    n = draw.whole(1, 3)
    names = [f"v{i}" for i in range(n)]
    pairs = [(s, r) for i, s in enumerate(sites) for j, r in enumerate(regions) if not i or not j or draw.odds(0.8)]
    zones = ("near", "far")
    legs = [(service, zone) for service in names for zone in zones]
    return {
        "services": {
            "service": names,
            "carrier": draw.each(n, "swift", "arrow"),
            "pickup_days": draw.each(n, "Mon-Sun", "Mon-Fri", "Mon Wed Fri"),
            "delivery_days": draw.each(n, "Mon-Sun", "Mon-Sat", "Tue Thu"),
            "daily_slots": draw.wholes(n, 1, 30),
            "max_weight_g": [*draw.each(n - 1, 5000, 1_000_000_000), "1000000000"],
            "dim_divisor_cm3_per_kg": draw.each(n, 0, 5000),
            "fuel_share": draw.each(n, 0, 0.123),
            "over_kg_cents": [*draw.each(n - 1, 0, 70), "90"],
            "loss_share": draw.each(n, 0, 0.05),
            "damage_share": draw.each(n, 0, 0.1),
        },
        "zones": {
            "site": [site for site, _ in pairs],
            "region": [region for _, region in pairs],
            "zone": draw.each(len(pairs), *zones),
            "distance_km": draw.wholes(len(pairs), 1, 4),
        },
        "transits": {
            "service": [service for service, _ in legs for _ in range(2)],
            "zone": [zone for _, zone in legs for _ in range(2)],
            "days": ["0", "2"] * len(legs),
            "share": draw.wholes(2 * len(legs), 1, 5),
        },
        "rates": {
            "service": [service for service, _ in legs for _ in range(2)],
            "zone": [zone for _, zone in legs for _ in range(2)],
            "up_to_g": ["1000", "4000"] * len(legs),
            "price_cents": [str(base + draw.whole(0, 9) * 20) for _ in legs for base in (300, 500)],
        },
    }


def draw_events(
    draw: Drawer, first: date, n_days: int, sites: list[str], channels: list[str], carriers: list[str]
) -> Cells:
    """Each kind of disruption with odds of 0.6, up to three days long."""
    rows = [
        (kind, target, value)
        for kind, target, value in (
            ("site_closed", draw.one(*sites), "0"),
            ("carrier_out", draw.one("v0", *carriers), "0"),
            ("supplier_late", draw.one("m0", "m1", ""), draw.one("0.5", "2")),
            ("demand_factor", draw.one(*channels, ""), draw.one("0.5", "1.7")),
            ("system_outage", "", "0"),
        )
        if draw.odds(0.6)
    ]
    begins = [first + timedelta(days=draw.whole(0, n_days - 1)) for _ in rows]
    return {
        "kind": [kind for kind, _, _ in rows],
        "target": [target for _, target, _ in rows],
        "start": [day.isoformat() for day in begins],
        "end": [(day + timedelta(days=draw.whole(0, 2))).isoformat() for day in begins],
        "value": [value for _, _, value in rows],
    }


def draw_orders(
    draw: Drawer, first: date, n_days: int, channels: list[str], regions: list[str], skus: list[str]
) -> Cells:
    """Replayed orders, many at one second, at half hours, at midnights, and in the hours that clocks change."""
    orders: Cells = {name: [] for name in ("order", "ordered_at", "channel", "region", "sku", "units")}
    for number in range(40 * n_days):
        day = (first + timedelta(days=draw.whole(0, n_days - 1))).isoformat()
        head = (str(number), f"{day} {draw.whole(0, 23):02d}:{draw.one('00', '30')}", draw.one(*channels))
        region = draw.one(*regions)
        for _ in range(draw.whole(1, 3)):
            for name, cell in zip(orders, (*head, region, draw.one(*skus), draw.one(1, 1, 2, 6)), strict=True):
                orders[name].append(cell)
    return orders


def draw_purchases(draw: Drawer, first: date, n_days: int, stock: Cells, suppliers: list[str]) -> dict[str, Cells]:
    """Up to eight orders open at the start, of any supplier, some for two sites; days off, price breaks and freight."""
    orders: Cells = {name: [] for name in ("purchase_order", "site", "sku", "supplier", "units", "due_date")}
    for number in range(draw.whole(0, 8)):
        supplier = draw.one(*suppliers)
        for row, (site, sku) in enumerate(zip(stock["site"], stock["sku"], strict=True)):
            if draw.odds(0.4 if row else 1):
                due = first + timedelta(
                    days=int(draw.one(0, 0, draw.whole(0, n_days - 1), draw.whole(n_days - 1, n_days + 1)))
                )
                cells = (f"P{9 - number}", site, sku, supplier, str(draw.whole(1, 30)), due.isoformat())
                for name, cell in zip(orders, cells, strict=True):
                    orders[name].append(cell)
    days = [(name, first + timedelta(days=day)) for name in suppliers for day in range(-1, n_days) if draw.odds(0.2)]
    skus = sorted(set(stock["sku"]))
    steps = [(name, sku, units) for name in suppliers for sku in skus for units in (5, 20) if draw.odds(0.4)]
    values = [(name, value) for name in suppliers for value in (0, 2000, 9000) if draw.odds(0.5)]
    return {
        "price_breaks": {
            "supplier": [name for name, _, _ in steps],
            "sku": [sku for _, sku, _ in steps],
            "from_units": [str(units) for _, _, units in steps],
            "unit_cost_cents": [str(60 - units) for _, _, units in steps],
        },
        "freight": {
            "supplier": [name for name, _ in values],
            "from_value_cents": [str(value) for _, value in values],
            "freight_cents": draw.wholes(len(values), 0, 5000),
        },
        "purchase_orders": orders,
        "supplier_holidays": {
            "supplier": [name for name, _ in days],
            "date": [day.isoformat() for _, day in days],
        },
    }


def number_or_text(value: object) -> object:
    """A cell of settings as a number where it is one."""
    try:
        return float(str(value))
    except ValueError:
        return value
