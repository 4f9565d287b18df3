"""Made businesses: `metro` (shipped), `national` (benchmarks) and the starter of ``omsim init``.

Owns the putting together; every draw comes from one seeded generator in a fixed order, so a recipe always gives the
same business. The recipes are in `recipes`, the tables in `catalog`, `network`, `stock` and `terms`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.model.building import build_business
from omsim.model.templates import catalog, network, stock, terms
from omsim.model.templates.recipes import METRO, NATIONAL, STARTER, Recipe

if TYPE_CHECKING:
    from omsim.model.business import Business


def make_business(recipe: Recipe) -> Business:
    """Make the business a recipe describes; the same recipe always gives the same business."""
    rng = np.random.default_rng(recipe.seed)
    skus = catalog.make_skus(recipe, rng)
    shares = catalog.line_shares(recipe, rng)
    profiles = catalog.quantity_profiles(recipe, np.asarray(skus["price_cents"], dtype=np.float64))
    load = stock.site_load(recipe, shares, profiles)
    tables: dict[str, Any] = {
        "skus": skus,
        "sites": network.make_sites(recipe),
        "staff": stock.make_staff(recipe, load, skus),
        "channels": catalog.make_channels(recipe),
        "regions": network.make_regions(recipe),
        "demand": catalog.make_demand(recipe, skus["sku"], shares, profiles),
        "quantities": catalog.make_quantities(profiles),
        "baskets": catalog.make_baskets(recipe),
        "profile": catalog.make_profile(),
        "holidays": catalog.make_holidays(),
        "services": network.make_services(recipe),
        "zones": network.make_zones(recipe),
        "transits": network.make_transits(recipe),
        "rates": network.make_rates(recipe),
        "suppliers": network.make_suppliers(recipe),
        "stock": stock.make_stock(recipe, load, skus, rng),
    }
    if recipe.full_support:
        tables |= {
            "lead_times": network.make_lead_times(recipe),
            "dispositions": network.make_dispositions(),
            "contacts": network.make_contacts(),
            "freight": terms.make_freight(tables["suppliers"]["supplier"]),
            "price_breaks": terms.make_price_breaks(skus, tables["stock"]),
            "supplier_holidays": terms.make_supplier_holidays(),
            "service_targets": terms.make_service_targets(),
        }
        tables["suppliers"] |= terms.supplier_terms(tables["suppliers"]["supplier"])
        category_of = dict(zip(skus["sku"], skus["category"], strict=True))
        tables["stock"]["max_cover_days"] = terms.most_cover_days(category_of, tables["stock"]["sku"])
    return build_business(_settings(recipe), tables)


def make_metro() -> Business:
    """The shipped demonstration business: 3 sites, 200 SKUs, 4 channels, 5 services, a million orders a year."""
    return make_business(METRO)


def make_national() -> Business:
    """The benchmark business: 8 sites, 5,000 SKUs, about 20,000 orders a day."""
    return make_business(NATIONAL)


def make_starter() -> Business:
    """What ``omsim init`` writes: one site, twelve SKUs, two channels, every table small enough to retype."""
    return make_business(STARTER)


def _settings(recipe: Recipe) -> dict[str, object]:
    return {
        "model.name": recipe.name,
        "model.stands_for": recipe.stands_for,
        "model.currency": "EUR",
        "model.time_zone": "Europe/Berlin",
        "model.start_date": "2026-09-28",
        "model.horizon_days": recipe.horizon_days,
        "model.warm_up_days": recipe.warm_up_days,
        "model.assumptions": "Every number is made; shapes of demand follow a real shop, see the model's README.",
        "costs.holding_rate_per_year": 0.22,
        "costs.late_penalty_cents": 400,
        "costs.split_penalty_cents": 150,
        "costs.return_lag_median_days": 7,
        "costs.return_lag_sigma": 0.9,
        "costs.return_transit_days": 3,
        "costs.return_label_cents": 380,
    }
