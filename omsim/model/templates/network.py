"""Where a made business keeps its stock, where its customers are, who carries its parcels and who supplies it.

Owns the tables sites, regions, zones, services, transits, rates, suppliers and lead_times, and what happens after
delivery (dispositions, contacts). Staff and stock levels follow from the work and are `template_stock`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.model.templates.recipes import CITIES, Recipe

if TYPE_CHECKING:
    from omsim.model.templates.catalog import Columns, Floats

ZONES = ("local", "near", "far")
ZONE_LIMITS_KM = (120, 330)
PARCEL_BREAKS_G = (1000, 2000, 5000, 10_000, 20_000, 31_500)
PALLET_BREAKS_G = (30_000, 60_000, 100_000, 200_000, 400_000)

#: Service -> carrier, pickup and delivery days, top weight in grams, dim divisor, fuel share, cents per kilogram above
#: the top break, loss share, damage share, first price, cents per started kilogram.
SERVICES: dict[str, tuple[str, str, str, int, int, float, int, float, float, int, int]] = {
    "swift_express": ("swift", "Mon-Sat", "Mon-Sat", 31_500, 5000, 0.09, 0, 0.0004, 0.001, 990, 60),
    "swift_standard": ("swift", "Mon-Sat", "Mon-Sat", 31_500, 5000, 0.07, 0, 0.0008, 0.002, 520, 38),
    "parcelnet_standard": ("parcelnet", "Mon-Sat", "Mon-Sat", 31_500, 0, 0.05, 0, 0.001, 0.003, 430, 34),
    "parcelnet_economy": ("parcelnet", "Mon-Fri", "Mon-Fri", 10_000, 0, 0.05, 0, 0.002, 0.004, 340, 30),
    "haul_pallet": ("haul", "Mon-Fri", "Mon-Fri", 1_000_000_000, 0, 0.1, 14, 0.0005, 0.004, 2400, 22),
}

#: Service -> shares of transit days in the three zones.
TRANSITS: dict[str, tuple[dict[int, float], dict[int, float], dict[int, float]]] = {
    "swift_express": ({1: 1.0}, {1: 0.98, 2: 0.02}, {1: 0.94, 2: 0.06}),
    "swift_standard": ({1: 0.92, 2: 0.08}, {1: 0.7, 2: 0.27, 3: 0.03}, {1: 0.2, 2: 0.72, 3: 0.08}),
    "parcelnet_standard": ({1: 0.8, 2: 0.17, 3: 0.03}, {1: 0.35, 2: 0.56, 3: 0.09}, {2: 0.62, 3: 0.3, 4: 0.08}),
    "parcelnet_economy": (
        {2: 0.6, 3: 0.33, 4: 0.07},
        {2: 0.25, 3: 0.5, 4: 0.2, 5: 0.05},
        {3: 0.4, 4: 0.4, 5: 0.15, 6: 0.05},
    ),
    "haul_pallet": ({1: 0.7, 2: 0.25, 3: 0.05}, {1: 0.2, 2: 0.6, 3: 0.2}, {2: 0.6, 3: 0.3, 4: 0.1}),
}
ZONE_PRICE_FACTORS = (1.0, 1.12, 1.28)

#: Supplier -> shape, mean days, coefficient of variation, order days.
SUPPLIERS: dict[str, tuple[str, float, float, str]] = {
    "alba": ("gamma", 5, 0.6, "Mon-Fri"),
    "birk": ("gamma", 7, 0.65, "Mon-Fri"),
    "cordes": ("gamma", 8, 0.67, "Mon Wed Fri"),
    "delta": ("empirical", 10, 0, "Mon-Fri"),
    "ember": ("gamma", 12, 0.67, "Mon-Fri"),
    "fjord": ("gamma", 14, 0.7, "Tue Thu"),
    "ganges": ("gamma", 21, 0.75, "Mon-Fri"),
}
#: Lead times against promise: most arrive on the day, some early, a few very late. Mean 1.
EMPIRICAL_FACTORS: dict[float, float] = {0.5: 0.07, 0.7: 0.15, 1.0: 0.6, 1.25: 0.1, 1.5: 0.05, 2.0: 0.03}

DISPOSITIONS: tuple[tuple[str, str, float, float, int], ...] = (
    ("", "restock", 0.82, 1.0, 60),
    ("", "refurbish", 0.06, 0.8, 350),
    ("", "liquidate", 0.07, 0.3, 80),
    ("", "scrap", 0.05, 0.0, 40),
    ("electronics", "restock", 0.55, 1.0, 150),
    ("electronics", "refurbish", 0.25, 0.75, 900),
    ("electronics", "liquidate", 0.12, 0.3, 100),
    ("electronics", "scrap", 0.08, 0.0, 80),
    ("fashion", "restock", 0.9, 1.0, 70),
    ("fashion", "liquidate", 0.07, 0.25, 50),
    ("fashion", "scrap", 0.03, 0.0, 20),
)

#: Reason, share of the orders concerned, hours until they write, seconds of an agent, patience, cents.
CONTACTS: tuple[tuple[str, float, int, int, int, int], ...] = (
    ("question", 0.03, 6, 240, 86_400, 40),
    ("late", 0.3, 10, 300, 172_800, 60),
    ("split", 0.05, 8, 200, 86_400, 40),
    ("lost", 0.9, 48, 600, 259_200, 120),
    ("damaged", 0.7, 6, 480, 259_200, 100),
    ("refund", 0.08, 30, 300, 172_800, 60),
)


def distances_km(recipe: Recipe) -> Floats:
    """Great-circle distance from each site to each region, whole kilometres, shape (n_sites, n_regions), at least 8."""
    sites = np.radians([CITIES[plan.city][:2] for plan in recipe.sites])
    regions = np.radians([CITIES[city][:2] for city in recipe.cities])
    north = (regions[None, :, 0] - sites[:, None, 0]) / 2
    east = (regions[None, :, 1] - sites[:, None, 1]) / 2
    chord = np.sin(north) ** 2 + np.cos(sites[:, None, 0]) * np.cos(regions[None, :, 0]) * np.sin(east) ** 2
    return np.asarray(np.maximum(np.round(2 * 6371 * np.arcsin(np.sqrt(chord))), 8))


def make_sites(recipe: Recipe) -> Columns:
    """Sites: a store is slower at everything but walks less far."""
    stores = [plan.kind == "store" for plan in recipe.sites]
    return {
        "site": [plan.site for plan in recipe.sites],
        "kind": [plan.kind for plan in recipe.sites],
        "latitude": [CITIES[plan.city][0] for plan in recipe.sites],
        "longitude": [CITIES[plan.city][1] for plan in recipe.sites],
        "cutoff": [plan.cutoff for plan in recipe.sites],
        "receiving_time": ["07:00" for _ in recipe.sites],
        "pick_order_s": [60 if store else 45 for store in stores],
        "pick_line_s": [25 if store else 18 for store in stores],
        "pick_unit_s": [3 if store else 2 for store in stores],
        "pack_order_s": [90 if store else 50 for store in stores],
        "pack_unit_s": [5 if store else 3 for store in stores],
        "inspect_unit_s": [60 if store else 45 for store in stores],
        "task_times": ["lognormal" for _ in stores],
        "task_cv": [0.35 for _ in stores],
        "labour_cents_per_hour": [2100 if store else 2300 for store in stores],
        "storage_dm3": [plan.storage_dm3 for plan in recipe.sites],
    }


def make_regions(recipe: Recipe) -> Columns:
    """Customer areas and their shares."""
    return {
        "region": list(recipe.cities),
        "latitude": [CITIES[city][0] for city in recipe.cities],
        "longitude": [CITIES[city][1] for city in recipe.cities],
        "order_share": [CITIES[city][2] for city in recipe.cities],
    }


def make_zones(recipe: Recipe) -> Columns:
    """Every site may serve every region; the zone follows from the distance."""
    distance = distances_km(recipe)
    pairs = [(s, r) for s in range(len(recipe.sites)) for r in range(len(recipe.cities))]
    zone = np.searchsorted(np.array(ZONE_LIMITS_KM), distance)
    return {
        "site": [recipe.sites[s].site for s, _ in pairs],
        "region": [recipe.cities[r] for _, r in pairs],
        "zone": [ZONES[zone[s, r]] for s, r in pairs],
        "distance_km": [float(distance[s, r]) for s, r in pairs],
    }


def zones_in_use(recipe: Recipe) -> list[str]:
    """Zones that some pair of site and region lies in, nearest first."""
    zone = np.searchsorted(np.array(ZONE_LIMITS_KM), distances_km(recipe))
    return [ZONES[z] for z in np.unique(zone).tolist()]


def make_services(recipe: Recipe) -> Columns:
    """The carrier services the recipe has slots for."""
    rows = [(name, *SERVICES[name], slots) for name, slots in recipe.slots.items()]
    return {
        "service": [row[0] for row in rows],
        "carrier": [row[1] for row in rows],
        "pickup_days": [row[2] for row in rows],
        "delivery_days": [row[3] for row in rows],
        "daily_slots": [row[12] for row in rows],
        "rated_by": ["shipment" if row[4] > PARCEL_BREAKS_G[-1] else "carton" for row in rows],
        "max_weight_g": [row[4] for row in rows],
        "dim_divisor_cm3_per_kg": [row[5] for row in rows],
        "fuel_share": [row[6] for row in rows],
        "over_kg_cents": [row[7] for row in rows],
        "loss_share": [row[8] for row in rows],
        "damage_share": [row[9] for row in rows],
    }


def make_transits(recipe: Recipe) -> Columns:
    """Transit days by service and zone."""
    rows = [
        (name, zone, days, share)
        for name in recipe.slots
        for zone in zones_in_use(recipe)
        for days, share in TRANSITS[name][ZONES.index(zone)].items()
    ]
    return {
        "service": [row[0] for row in rows],
        "zone": [row[1] for row in rows],
        "days": [row[2] for row in rows],
        "share": [row[3] for row in rows],
    }


def make_rates(recipe: Recipe) -> Columns:
    """Rate cards: first price plus so much a started kilogram of the weight break, dearer with distance."""
    rows = []
    for name in recipe.slots:
        top_g, first_cents, kg_cents = SERVICES[name][3], SERVICES[name][9], SERVICES[name][10]
        for zone in zones_in_use(recipe):
            factor = ZONE_PRICE_FACTORS[ZONES.index(zone)]
            for up_to_g in PALLET_BREAKS_G if top_g > PARCEL_BREAKS_G[-1] else PARCEL_BREAKS_G:
                if up_to_g <= top_g:
                    price = round((first_cents + kg_cents * up_to_g / 1000) * factor / 5) * 5
                    rows.append((name, zone, up_to_g, price))
    return {
        "service": [row[0] for row in rows],
        "zone": [row[1] for row in rows],
        "up_to_g": [row[2] for row in rows],
        "price_cents": [row[3] for row in rows],
    }


def make_suppliers(recipe: Recipe) -> Columns:
    """Suppliers near and far; a small business has the first two."""
    names = list(SUPPLIERS)[: 7 if recipe.full_support else 2]
    return {
        "supplier": names,
        "lead_time": [SUPPLIERS[name][0] for name in names],
        "lead_time_days": [SUPPLIERS[name][1] for name in names],
        "lead_time_cv": [SUPPLIERS[name][2] for name in names],
        "order_days": [SUPPLIERS[name][3] for name in names],
        "order_cost_cents": [400 for _ in names],
    }


def lead_time_cv(supplier: str) -> float:
    """Coefficient of variation of a supplier's lead time, whatever its shape."""
    shape, _, cv, _ = SUPPLIERS[supplier]
    if shape != "empirical":
        return cv
    factors, shares = np.array(list(EMPIRICAL_FACTORS)), np.array(list(EMPIRICAL_FACTORS.values()))
    return float(np.sqrt(np.average((factors - 1) ** 2, weights=shares)))


def make_lead_times(recipe: Recipe) -> Columns:
    """Factors of the suppliers whose lead times are given as they were observed."""
    names = [name for name in make_suppliers(recipe)["supplier"] if SUPPLIERS[str(name)][0] == "empirical"]
    rows = [(name, factor, share) for name in names for factor, share in EMPIRICAL_FACTORS.items()]
    return {
        "supplier": [row[0] for row in rows],
        "factor": [row[1] for row in rows],
        "share": [row[2] for row in rows],
    }


def make_dispositions() -> Columns:
    """What becomes of returned units."""
    names = ("category", "disposition", "share", "recovered_share", "handling_cents")
    return {name: [row[i] for row in DISPOSITIONS] for i, name in enumerate(names)}


def make_contacts() -> Columns:
    """Why customers write, and how patient they are."""
    names = ("reason", "share", "delay_hours", "handle_s", "patience_s", "cost_cents")
    return {name: [row[i] for row in CONTACTS] for i, name in enumerate(names)}
