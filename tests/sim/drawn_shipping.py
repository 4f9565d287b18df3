"""Tables of what parcels are packed in, cost and count for, drawn from a seed, in the spelling of a model's files.

Owns the drawing; `busy_models` adds them to a business drawn without them.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim.drawn_tables import Cells, Drawer

UNLIMITED = "1000000000"


def draw_shipping(draw: Drawer, first: date, n_days: int, tables: dict[str, Cells]) -> dict[str, Cells]:
    """Cartons, surcharges, limits, pickups by site, holidays, kilograms and contracts; each with odds of its own."""
    services = dict(tables["services"])
    names, carriers, sites = services["service"], services["carrier"], tables["sites"]["site"]
    n = len(names)
    found: dict[str, Cells] = {}
    services["minimum_cents"] = draw.each(n, 0, 0, 420)
    services["max_length_mm"] = [*draw.each(n - 1, 0, 250), "0"]
    services["max_girth_mm"] = [*draw.each(n - 1, 0, 700), "0"]
    if draw.odds(0.5):
        services["daily_kg"] = draw.each(n, UNLIMITED, 3, 20)
    found["services"] = services
    if draw.odds(0.7):
        found["cartons"] = _cartons(draw)
    found["surcharges"] = _surcharges(draw, first, n_days, names)
    if draw.odds(0.6):
        pairs = [(site, name) for site in sites for name in names if draw.odds(0.5)]
        found["pickups"] = {
            "site": [site for site, _ in pairs],
            "service": [name for _, name in pairs],
            "daily_slots": draw.wholes(len(pairs), 1, 25),
            "daily_kg": draw.each(len(pairs), UNLIMITED, 15),
            "pickup_days": draw.each(len(pairs), "Mon-Sun", "Mon-Fri"),
        }
    days = sorted({draw.whole(0, n_days + 2) for _ in range(2)})
    found["carrier_holidays"] = {
        "carrier": [draw.one(*carriers) for _ in days],
        "date": [(first + timedelta(days=day)).isoformat() for day in days],
    }
    found |= _contracts(draw, names, carriers)
    services["rated_by"] = draw.each(n, "carton", "carton", "shipment")
    return found


def _cartons(draw: Drawer) -> Cells:
    first = draw.whole(0, 2)
    kinds = [(220, 160, 100), (500, 320, 320), (150, 110, 40), (320, 220, 160)][first : first + draw.whole(1, 4)]
    n = len(kinds)
    return {
        "carton": [f"b{i}" for i in range(n)],
        "length_mm": [str(sides[0]) for sides in kinds],
        "width_mm": [str(sides[1]) for sides in kinds],
        "height_mm": [str(sides[2]) for sides in kinds],
        "tare_g": draw.wholes(n, 0, 300),
        "max_weight_g": draw.each(n, 4000, 20_000, 1_000_000),
        "cost_cents": draw.wholes(n, 0, 90),
    }


def _surcharges(draw: Drawer, first: date, n_days: int, names: list[str]) -> Cells:
    rows: Cells = {name: [] for name in (
        "service", "surcharge", "zone", "from_g", "from_mm", "from_dm3", "start", "end", "price_cents", "price_share",
        "fuelled",
    )}  # fmt: skip
    for name in names:
        for number in range(draw.whole(0, 3)):
            begins = first + timedelta(days=draw.whole(-2, n_days - 1))
            cells = (
                name, f"extra{number}", draw.one("", "", "near", "far"), draw.one(0, 0, 2000), draw.one(0, 0, 200),
                draw.one(0, 0, 2.5), begins, begins + timedelta(days=draw.whole(0, n_days)),
                draw.one(50, 120), draw.one(0, 0.155), draw.one("true", "false"),
            )  # fmt: skip
            for column, cell in zip(rows.values(), cells, strict=True):
                column.append(str(cell))
    return rows


def _contracts(draw: Drawer, names: list[str], carriers: list[str]) -> dict[str, Cells]:
    parties = [party for party in dict.fromkeys([*carriers, *names]) if draw.odds(0.6)]
    n = len(parties)
    minimum = draw.each(n, 0, 40, 150)
    contracts: Cells = {
        "contract": [f"with {party}" for party in parties],
        "party": parties,
        "period": draw.each(n, "week", "month") if draw.odds(0.3) else [draw.one("week", "month")] * n,
        "minimum_parcels": minimum,
        "shortfall_cents": ["0" if promised == "0" else draw.one(30, 250) for promised in minimum],
        "lowest_share": draw.each(n, 0, 0, 0.2),
        "highest_share": draw.each(n, 1, 1, 0.7),
        "tier_kind": draw.each(n, "all_units", "incremental"),
    }
    tiers: Cells = {"contract": [], "from_parcels": [], "discount_share": []}
    for name in contracts["contract"]:
        for tier in range(draw.whole(0, 2)):
            tiers["contract"].append(name)
            tiers["from_parcels"].append(str(30 + 60 * tier + draw.whole(0, 40)))
            tiers["discount_share"].append(str((tier + 1) * 0.08))
    return {"contracts": contracts, "contract_tiers": tiers}
