"""Sense of who may draw on which stock: rules that need cycles, fences that reach every region, substitutes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import Problem
from omsim.model.nearest import nearest_name
from omsim.model.sourcing_tables import SOURCING_RULES

if TYPE_CHECKING:
    from omsim.model.business import Settings
    from omsim.model.demand_checks import Check, Places, Tables

WALKS = ("nearest", "fewest_splits")
"""Rules that can be decided order by order, at any second."""
NO_LIMIT = 1_000_000_000  # the default of sites.daily_shipments


def check_release(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """What is decided for all orders of a cycle, or again at a later one, needs cycles."""
    if settings.release == "at_cycle":
        return []
    rule = "needs decisions.release at_cycle"
    problems = []
    for key, asks, got in (
        ("decisions.allocation_rule", settings.allocation_rule not in WALKS, repr(settings.allocation_rule)),
        ("decisions.hold_minutes", settings.hold_minutes > 0, str(settings.hold_minutes)),
    ):
        if asks:
            problems.append(Problem(where=places.get(key, places.get("", "")), field=key, rule=rule, got=got))
    channels, sites = tables["channels"], tables["sites"]
    for field in ("ship_complete", "substitutes"):
        problems += [
            Problem(where=channels.place(row), field=field, rule=rule, got="true")
            for row in np.flatnonzero(channels.flags(field)).tolist()
        ]
    problems += [
        Problem(where=sites.place(row), field="daily_shipments", rule=rule, got=str(given))
        for row, given in enumerate(sites.integers("daily_shipments").tolist())
        if given < NO_LIMIT
    ]
    problems += [
        Problem(where=tables[name].place(0), field="channel", rule=rule)
        for name in ("channel_sites", "protected_stock")
        if len(tables[name])
    ]
    return problems


def check_shadow_rules(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Shadow rules are allocation rules, each named once."""
    key = "decisions.shadow_rules"
    where = places.get(key, places.get("", ""))
    named = settings.shadow_rules.split()
    problems = [
        Problem(
            where=where,
            field=key,
            rule=f"must be allocation rules parted by blanks ({', '.join(SOURCING_RULES)})",
            got=repr(word),
            nearest=nearest_name(word, SOURCING_RULES),
        )
        for word in named
        if word not in SOURCING_RULES
    ]
    if not problems and len(set(named)) < len(named):
        problems.append(
            Problem(where=where, field=key, rule="must name each rule once", got=repr(settings.shadow_rules))
        )
    return problems


def check_fences(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Every channel that is fenced in still reaches every region."""
    fences, zones = tables["channel_sites"], tables["zones"]
    serves: dict[str, set[str]] = defaultdict(set)
    for site, region in zip(zones.texts("site"), zones.texts("region"), strict=True):
        serves[site].add(region)
    first: dict[str, int] = {}
    reached: dict[str, set[str]] = defaultdict(set)
    for row, (channel, site) in enumerate(zip(fences.texts("channel"), fences.texts("site"), strict=True)):
        first.setdefault(channel, row)
        reached[channel] |= serves[site]
    return [
        Problem(
            where=fences.place(row),
            field="site",
            rule=f"must leave channel {channel!r} a site with a row in table zones for region {region!r}",
        )
        for channel, row in first.items()
        for region in tables["regions"].texts("region")
        if region not in reached[channel]
    ]


def check_protected(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Stock is kept where it is carried, for channels that may draw on it, and not in nothing."""
    kept, stock, fences = tables["protected_stock"], tables["stock"], tables["channel_sites"]
    carried = set(zip(stock.texts("site"), stock.texts("sku"), strict=True))
    fenced = set(fences.texts("channel"))
    allowed = set(zip(fences.texts("channel"), fences.texts("site"), strict=True))
    units, shares = kept.integers("units").tolist(), kept.numbers("order_up_to_share").tolist()
    problems = []
    rows = zip(kept.texts("channel"), kept.texts("site"), kept.texts("sku"), strict=True)
    for row, (channel, site, sku) in enumerate(rows):
        if sku and (site, sku) not in carried:
            rule = f"must have a row of site {site!r} in table stock"
            problems.append(Problem(where=kept.place(row), field="sku", rule=rule, got=repr(sku)))
        if channel in fenced and (channel, site) not in allowed:
            rule = f"must be a site that table channel_sites gives to channel {channel!r}"
            problems.append(Problem(where=kept.place(row), field="site", rule=rule, got=repr(site)))
        if not units[row] and not shares[row]:
            rule = "must be > 0, or order_up_to_share must be"
            problems.append(Problem(where=kept.place(row), field="units", rule=rule, got="0"))
    return problems


def check_substitutes(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """No SKU stands in for itself."""
    skus = tables["skus"]
    return [
        Problem(where=skus.place(row), field="substitute", rule="must be another SKU", got=repr(sku))
        for row, (sku, other) in enumerate(zip(skus.texts("sku"), skus.texts("substitute"), strict=True))
        if sku == other
    ]


def check_some_capacity(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Some site may ship; a limit of nothing everywhere is a slip."""
    sites = tables["sites"]
    most = sites.integers("daily_shipments")
    if most.size == 0 or most.any():
        return []
    return [Problem(where=sites.place(0), field="daily_shipments", rule="must be above 0 at some site", got="0")]


CHECKS: tuple[tuple[tuple[str, ...], Check], ...] = (
    (("channels", "sites", "channel_sites", "protected_stock"), check_release),
    ((), check_shadow_rules),
    (("channel_sites", "zones", "regions"), check_fences),
    (("protected_stock", "stock", "channel_sites"), check_protected),
    (("skus",), check_substitutes),
    (("sites",), check_some_capacity),
)
