"""A model's rules of sourcing as arrays: who may draw on what, in which order sites are asked, how much a day takes.

Owns the translation from tables, and the question whether a run sources in batches at all. What serving costs is
`costs`' work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.allocation.batch import NO_SITE, Classes, nothing_kept
from omsim.model.sourcing_checks import NO_LIMIT, WALKS

if TYPE_CHECKING:
    from omsim.model.business import Business

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

UNLIMITED = 1 << 40
"""Room of a site without a limit: more than any run takes, and still so when it is taken from."""

_ROUNDING = 1e-9  # a share of units that is whole but for the last bits is that whole number
_UNRANKED = 1 << 40


class SourcingTerms(NamedTuple):
    """Rules of sourcing, compiled.

    Attributes
    ----------
    rule : str
        The model's `allocation_rule`.
    ranking : int64, shape (n_regions, n_ranked)
        Sites in the order in which a region's orders ask them, NO_SITE behind the last.
    classes : Classes
        What each channel may do; row = channel.
    rank : int64, shape (n_channels,)
        Distinct priorities numbered from 0, the first served first.
    backorders, substitutes : bool, shape (n_channels,)
    patience_s : int64, shape (n_channels,)
        -1 = never ends.
    substitute : int64, shape (n_skus,)
        -1 = none.
    daily_shipments : int64, shape (n_days, n_sites)
        `UNLIMITED` times 2 where there is no limit.
    limited : bool, shape (n_sites,)
        Sites with a limit on some day.
    hold_s : int
    reassign : bool
        Orders on hold trade sites.
    unserved_cents : int
    """

    rule: str
    ranking: Ints
    classes: Classes
    rank: Ints
    backorders: Flags
    substitutes: Flags
    patience_s: Ints
    substitute: Ints
    daily_shipments: Ints
    limited: Flags
    hold_s: int
    reassign: bool
    unserved_cents: int


def sources_in_batches(business: Business) -> bool:
    """Whether something in the model needs all orders of a cycle decided together."""
    settings, channels = business.settings, business["channels"]
    return settings.release == "at_cycle" and bool(
        settings.allocation_rule not in WALKS
        or settings.hold_minutes > 0
        or channels.flags("ship_complete").any()
        or channels.flags("substitutes").any()
        or business.by_day("sites", "daily_shipments").min(initial=NO_LIMIT) < NO_LIMIT
        or len(business["channel_sites"])
        or len(business["protected_stock"])
    )


def compile_terms(business: Business, nearest: NDArray[np.int32], rank: Ints, patience_s: Ints) -> SourcingTerms:
    """Compile the rules of sourcing.

    Parameters
    ----------
    nearest : int32, shape (n_regions, n_ranked)
        Sites each region may draw on, nearest first, -1 behind the last.
    rank, patience_s : int64, shape (n_channels,)
        As the plan has them.
    """
    settings, channels = business.settings, business["channels"]
    daily = business.by_day("sites", "daily_shipments").astype(np.int64)
    limited: Flags = np.any(daily < NO_LIMIT, axis=0)
    daily[daily >= NO_LIMIT] = 2 * UNLIMITED
    allowed = _allowed(business)
    return SourcingTerms(
        rule=settings.allocation_rule,
        ranking=ranking_under(business, settings.allocation_rule, nearest),
        classes=Classes(
            allowed=allowed,
            split_limit=channels.integers("split_limit").astype(np.int64),
            partial=np.array(channels.flags("partial_lines")),
            complete=np.array(channels.flags("ship_complete")),
            kept_units=kept_units(business),
        ),
        rank=rank,
        backorders=np.array(channels.flags("backorders")),
        substitutes=np.array(channels.flags("substitutes")),
        patience_s=patience_s,
        substitute=np.array(business.codes("skus", "substitute")),
        daily_shipments=daily,
        limited=limited,
        hold_s=settings.hold_minutes * 60,
        reassign=settings.hold_reassign,
        unserved_cents=settings.unserved_unit_cents,
    )


def kept_units(business: Business) -> Ints:
    """Units of each cell every channel must leave for the others; int64, shape (n_channels, n_cells or 0)."""
    n_channels, table, stock = len(business["channels"]), business["protected_stock"], business["stock"]
    if not len(table):
        return nothing_kept(n_channels)
    own = np.zeros((n_channels, len(stock)), dtype=np.int64)
    cell_site, cell_sku = business.codes("stock", "site"), business.codes("stock", "sku")
    most = stock.integers("order_up_to_units")
    for channel, site, sku, units, share in zip(
        business.codes("protected_stock", "channel").tolist(),
        business.codes("protected_stock", "site").tolist(),
        business.codes("protected_stock", "sku").tolist(),
        table.integers("units").tolist(),
        table.numbers("order_up_to_share").tolist(),
        strict=True,
    ):
        cells = np.flatnonzero((cell_site == site) & ((cell_sku == sku) | (sku < 0)))
        own[channel, cells] += units + np.ceil(share * most[cells] - _ROUNDING).astype(np.int64)
    others: Ints = own.sum(axis=0) - own
    return others


def _allowed(business: Business) -> Flags:
    """Sites each channel may draw on: those named, or all where none is; bool, shape (n_channels, n_sites)."""
    allowed = np.zeros((len(business["channels"]), len(business["sites"])), dtype=np.bool_)
    allowed[business.codes("channel_sites", "channel"), business.codes("channel_sites", "site")] = True
    allowed[~allowed.any(axis=1)] = True
    return allowed


def ranking_under(business: Business, rule: str, nearest: NDArray[np.int32]) -> Ints:
    """Sites in the order in which a rule asks them: the nearest in turn but where the rule is `ranked`."""
    return _ranked(business, nearest) if rule == "ranked" else nearest.astype(np.int64)


def _ranked(business: Business, nearest: NDArray[np.int32]) -> Ints:
    """The nearest sites in the order of `site_ranks`, those without a rank behind, still nearest first."""
    regions = business.codes("site_ranks", "region")
    sites, ranks = business.codes("site_ranks", "site"), business["site_ranks"].integers("rank")
    ranking = nearest.astype(np.int64)
    for region, row in enumerate(ranking):
        asked = regions == region
        if not asked.any():
            asked = regions < 0
        rank_of = dict(zip(sites[asked].tolist(), ranks[asked].tolist(), strict=True))
        places = [rank_of.get(site, _UNRANKED) if site != NO_SITE else 2 * _UNRANKED for site in row.tolist()]
        ranking[region] = row[np.argsort(places, kind="stable")]
    return ranking
