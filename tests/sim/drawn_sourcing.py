"""Drawn rules of sourcing: allocation rules, holds, fences, protected stock, limits, substitutes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.model.sourcing_tables import SOURCING_RULES

if TYPE_CHECKING:
    from sim.drawn_tables import Cells, Drawer


def draw_sourcing_settings(draw: Drawer, number: int) -> dict[str, object]:
    """Settings of a business that sources in batches, more often than not; the rules take turns by `number`."""
    return {
        "decisions.release": "at_cycle",
        "decisions.allocation_rule": SOURCING_RULES[number % len(SOURCING_RULES)],
        "decisions.allocation_cycle_minutes": int(draw.one(30, 60, 97, 240, 1440)),
        "decisions.outlook_days": float(draw.one(0.5, 2, 7)),
        "decisions.cutoff_look_ahead": draw.odds(0.4),
        "decisions.hold_minutes": int(draw.one(0, 0, 45, 300, 1600)),
        "decisions.hold_reassign": draw.odds(0.8),
        "costs.unserved_unit_cents": int(draw.one(0, 300, 3000)),
        "costs.split_penalty_cents": int(draw.one(0, 150)),
    }


def draw_sourcing(draw: Drawer, tables: dict[str, Cells]) -> dict[str, Cells]:
    """Tables as they are, with columns of sourcing, and tables of their own; each feature with odds of about a half."""
    skus, sites, channels = tables["skus"]["sku"], tables["sites"]["site"], tables["channels"]["channel"]
    regions = tables["regions"]["region"]
    n_sites, n_channels = len(sites), len(channels)
    changed: dict[str, Cells] = {
        "skus": {**tables["skus"], "substitute": [draw.one("", *(o for o in skus if o != sku)) for sku in skus]},
        "sites": {**tables["sites"], "handling_minutes": draw.each(n_sites, 0, 30, 180)},
        "channels": {
            **tables["channels"],
            "ship_complete": draw.each(n_channels, "false", "false", "true"),
            "substitutes": draw.each(n_channels, "false", "true"),
        },
    }
    if draw.odds(0.5):
        changed["sites"]["daily_shipments"] = [draw.one(4, 12, 25), *draw.each(n_sites - 1, "", 0, 6, 20)]
    reached = {channel: sites for channel in channels}
    if draw.odds(0.5):
        fenced = [channel for channel in channels if draw.odds(0.6)]
        reached |= {name: [sites[0], *(site for site in sites[1:] if draw.odds(0.5))] for name in fenced}
        changed["channel_sites"] = {
            "channel": [name for name in fenced for _ in reached[name]],
            "site": [site for name in fenced for site in reached[name]],
        }
    carried = list(zip(tables["stock"]["site"], tables["stock"]["sku"], strict=True))
    kept = [
        (channel, site, sku)
        for channel in channels
        for site in reached[channel]
        for sku in ("", *(sku for of, sku in carried if of == site))
        if draw.odds(0.25)
    ]
    if draw.odds(0.5):
        changed["protected_stock"] = {
            "channel": [channel for channel, _, _ in kept],
            "site": [site for _, site, _ in kept],
            "sku": [sku for _, _, sku in kept],
            "units": draw.wholes(len(kept), 1, 6),
            "order_up_to_share": draw.each(len(kept), 0, 0.25),
        }
    ranked = [(region, site) for region in ("", *regions) for site in sites if draw.odds(0.4)]
    changed["site_ranks"] = {
        "region": [region for region, _ in ranked],
        "site": [site for _, site in ranked],
        "rank": draw.wholes(len(ranked), 1, 3),
    }
    return changed
