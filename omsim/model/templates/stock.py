"""What a made business needs so that it runs neither empty nor idle: who serves what, stock levels, people on shifts.

Owns the tables stock and staff. Demand at each site follows from the sourcing rule "nearest site that can serve the
whole order" in closed form, levels from lead-time demand, people from the seconds of work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincc

from omsim.model.templates.catalog import BASKETS, QUANTITIES, WEEKDAY_SHARES
from omsim.model.templates.network import (
    CONTACTS,
    SUPPLIERS,
    distances_km,
    lead_time_cv,
    make_sites,
    make_suppliers,
)
from omsim.model.templates.recipes import CITIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.model.templates.catalog import Columns, Floats
    from omsim.model.templates.recipes import Recipe

UTILISATION = 0.77
#: Share of orders that give cause for each kind of contact, for sizing the desk.
CAUSE_SHARES = {"question": 1.0, "late": 0.06, "split": 0.05, "lost": 0.002, "damaged": 0.004, "refund": 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteLoad:
    """What an average day asks of each site when stock never runs out.

    Attributes
    ----------
    orders : float64, shape (n_sites,)
    lines : float64, shape (n_sites, n_skus)
    units, squared_units : float64, shape (n_sites, n_skus)
        Sums over the lines of units and of units squared.
    carried : bool, shape (n_sites, n_skus)
    """

    orders: Floats
    lines: Floats
    units: Floats
    squared_units: Floats
    carried: NDArray[np.bool_]


def site_load(recipe: Recipe, shares: Floats, profiles: list[list[str]]) -> SiteLoad:
    """Demand by site in closed form.

    Parameters
    ----------
    recipe : Recipe
    shares : float64, shape (n_channels, n_skus)
        Popularity, any scale.
    profiles : list of list of str, n_channels x n_skus
        Quantity profiles.

    Notes
    -----
    Assortments are nested (bestsellers first), so an order is served by the first site, nearest first, that carries its
    rarest article: with line probability a(f) of the best share f of articles, all L lines lie in it with probability
    a(f)^L, and given one line that does, with a(f)^(L-1).
    """
    n_sites, n_skus = len(recipe.sites), recipe.n_skus
    probability = shares / shares.sum(axis=1, keepdims=True)
    orders_per_day = np.array([plan.orders_per_day for plan in recipe.channels])
    rank = np.empty(n_skus, dtype=np.int64)
    rank[np.argsort(-(orders_per_day @ probability), kind="stable")] = np.arange(n_skus)
    fraction = np.array([plan.carried_share for plan in recipe.sites])
    carried = rank[None, :] < np.round(fraction * n_skus)[:, None]
    region_share = np.array([CITIES[city][2] for city in recipe.cities])
    region_share = region_share / region_share.sum()
    nearest_first = np.argsort(distances_km(recipe), axis=0, kind="stable")
    orders = np.zeros(n_sites)
    lines, units, squared = (np.zeros((n_sites, n_skus)) for _ in range(3))
    for c, plan in enumerate(recipe.channels):
        n_lines = np.array(list(BASKETS[plan.baskets]))
        basket = np.array(list(BASKETS[plan.baskets].values()))
        basket = basket / basket.sum()
        within = carried @ probability[c]  # probability of a line each site carries
        whole_order = (within[:, None] ** n_lines) @ basket
        mean_lines = n_lines @ basket
        rest_of_order = (within[:, None] ** (n_lines - 1)) @ (basket * n_lines) / mean_lines
        served_orders, served_lines = np.zeros(n_sites), np.zeros((n_sites, n_skus))
        for r, share in enumerate(region_share.tolist()):
            seen_orders, seen_lines = 0.0, np.zeros(n_skus)
            for site in nearest_first[:, r].tolist():
                can = carried[site] * rest_of_order[site]
                served_orders[site] += share * max(0.0, whole_order[site] - seen_orders)
                served_lines[site] += share * np.maximum(can - seen_lines, 0)
                seen_orders = max(seen_orders, whole_order[site])
                seen_lines = np.maximum(seen_lines, can)
        channel_lines = plan.orders_per_day * mean_lines * probability[c] * served_lines
        moments = np.array([_moments(QUANTITIES[name]) for name in profiles[c]])
        orders += plan.orders_per_day * served_orders
        lines += channel_lines
        units += channel_lines * moments[:, 0]
        squared += channel_lines * moments[:, 1]
    return SiteLoad(orders=orders, lines=lines, units=units, squared_units=squared, carried=carried)


def _moments(profile: dict[int, float]) -> tuple[float, float]:
    """Mean and mean square of the units of a line."""
    total = sum(profile.values())
    mean = sum(units * share for units, share in profile.items()) / total
    return mean, sum(units**2 * share for units, share in profile.items()) / total


def gamma_shortage(level: Floats, mean: Floats, variance: Floats) -> Floats:
    """Expected excess of a gamma variable over a level, E(X - level)+; all arrays of one shape."""
    shape, scale = mean**2 / variance, variance / mean
    x = np.maximum(level, 0) / scale
    above = np.asarray(mean * gammaincc(shape + 1, x) - level * gammaincc(shape, x))
    return np.where(level > 0, above, mean - level)


def make_stock(recipe: Recipe, load: SiteLoad, skus: Columns, rng: np.random.Generator) -> Columns:
    """Reorder points that fill `recipe.site_fill_target` of the units, and stock on hand as a running business has it.

    Lead-time demand is gamma with the mean and variance of compound Poisson demand over a random lead time; the order
    quantity balances ordering and holding between 5 days (or half a lead time) and 40 days of demand; the inventory
    position at the start lies anywhere between reorder point and order-up-to level, as in the long run (all of it on
    hand: nothing is on order).
    """
    suppliers = [str(name) for name in make_suppliers(recipe)["supplier"]]
    n_skus = recipe.n_skus
    which = np.searchsorted(np.cumsum([1 / len(suppliers)] * len(suppliers)), rng.random(n_skus) * (1 - 1e-9))
    cost_cents = np.asarray(skus["unit_cost_cents"], dtype=np.float64)
    pack = np.where(cost_cents < 400, 12, np.where(cost_cents < 1200, 6, np.where(cost_cents < 4000, 2, 1)))
    position_share = rng.random(load.lines.shape)
    site, sku = np.nonzero(load.carried)
    lead_days = np.array([SUPPLIERS[name][1] for name in suppliers])[which][sku]
    lead_cv = np.array([lead_time_cv(name) for name in suppliers])[which][sku]
    wait_days = np.array([7 / _n_order_days(SUPPLIERS[name][3]) / 2 for name in suppliers])[which][sku]
    units_day = np.maximum(load.units[site, sku], 1e-3)
    squares_day = np.maximum(load.squared_units[site, sku], 1e-3)
    protected_days = lead_days + wait_days + 0.5
    mean = protected_days * units_day
    day_variance = (0.45 * units_day) ** 2  # weekdays, and whole days that are busy or quiet
    variance = protected_days * (squares_day + day_variance) + (units_day * lead_cv * lead_days) ** 2
    mean += squares_day / (
        2 * units_day
    )  # an order leaves the position below the reorder point by half a line and more
    packs = pack[sku]
    yearly_holding_cents = 0.22 * cost_cents[sku]
    economic = np.sqrt(2 * 400 * units_day * 365 / yearly_holding_cents)
    quantity = np.clip(economic, np.maximum(5, lead_days / 2) * units_day, 40 * units_day)
    quantity = np.maximum(np.ceil(quantity / packs) * packs, packs)
    short = (1 - recipe.site_fill_target) * quantity
    low, high = np.zeros_like(mean), mean + 12 * np.sqrt(variance)
    for _ in range(60):
        middle = (low + high) / 2
        too_low = gamma_shortage(middle, mean, variance) > short
        low, high = np.where(too_low, middle, low), np.where(too_low, high, middle)
    reorder_point = np.ceil(np.round(high, 6))
    return {
        "site": [recipe.sites[s].site for s in site.tolist()],
        "sku": [skus["sku"][k] for k in sku.tolist()],
        "on_hand_units": np.round(reorder_point + position_share[site, sku] * quantity).astype(np.int64),
        "supplier": [suppliers[which[k]] for k in sku.tolist()],
        "policy": ["min_max" for _ in range(len(sku))],
        "reorder_point_units": reorder_point.astype(np.int64),
        "order_up_to_units": (reorder_point + quantity).astype(np.int64),
        "moq_units": packs,
        "pack_units": packs,
        "shrinkage_units_per_day": np.round(units_day * 0.002, 4),
    }


def _n_order_days(text: str) -> int:
    return 5 if text == "Mon-Fri" else len(text.split())


def make_staff(recipe: Recipe, load: SiteLoad, skus: Columns) -> Columns:
    """People by stage, site and shift, so that each day's work fills about three quarters of their time.

    A weekday's shift 08:00-16:00 overlaps one 11:00-19:00 where most orders come in; Thursday is the busiest day, on
    Sundays one shift prepares Monday's pickup, Saturdays are quiet.
    """
    sites = {name: np.asarray(values) for name, values in make_sites(recipe).items()}
    site_lines, site_units = load.lines.sum(axis=1), load.units.sum(axis=1)
    returned = load.units @ np.asarray(skus["return_share"], dtype=np.float64)
    work_s = {
        "pick": load.orders * sites["pick_order_s"]
        + site_lines * sites["pick_line_s"]
        + site_units * sites["pick_unit_s"],
        "pack": load.orders * sites["pack_order_s"] + site_units * sites["pack_unit_s"],
    }
    week = np.array(WEEKDAY_SHARES) / sum(WEEKDAY_SHARES) * 7
    groups = (("Mon-Wed Fri", float(week[[0, 1, 2, 4]].mean())), ("Thu", float(week[3])), ("Sun", float(week[6])))
    rows: list[tuple[str, str, str, str, str, int]] = []
    for stage, seconds in work_s.items():
        for plan, day_s in zip(recipe.sites, seconds.tolist(), strict=True):
            for days, factor in groups:
                people = max(1, round(day_s * factor / (8 * 3600 * UTILISATION)))
                if days == "Sun" or people == 1:
                    rows.append((stage, plan.site, days, "09:00", "17:00", people))
                else:
                    rows.append((stage, plan.site, days, "08:00", "16:00", people - people // 2))
                    rows.append((stage, plan.site, days, "11:00", "19:00", people // 2))
    for plan, units, seconds in zip(recipe.sites, returned.tolist(), sites["inspect_unit_s"].tolist(), strict=True):
        people = max(1, round(units * seconds * 7 / 5 / (8 * 3600 * UTILISATION)))
        rows.append(("inspect", plan.site, "Mon-Fri", "09:00", "17:00", people))
    reviews = sum(plan.orders_per_day * plan.manual_review_share for plan in recipe.channels)
    if reviews:
        people = max(1, round(reviews * 240 / (11 * 3600 * 0.6)))
        rows.append(("validate", "", "Mon-Fri Sun", "09:00", "20:00", people))
    if recipe.full_support:
        total = sum(plan.orders_per_day for plan in recipe.channels)
        contacts_s = total * sum(CAUSE_SHARES[reason] * share * s for reason, share, _, s, _, _ in CONTACTS)
        people = max(1, round(contacts_s / (12 * 3600 * 0.6)))
        rows.append(("contact", "", "Mon-Sun", "08:00", "20:00", people))
    names = ("stage", "site", "days", "start", "end", "workers")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}
