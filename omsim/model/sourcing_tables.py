"""Tables of who may draw on which site's stock: fences between channels, units kept for one, fixed rankings."""

from __future__ import annotations

from omsim.model.field_types import TableSpec, count, ident, share

SOURCING_RULES = (
    "nearest",
    "fewest_splits",
    "ranked",
    "most_stock",
    "fewest_shipments",
    "cheapest",
    "dual_prices",
    "coupled_rounding",
    "batch_optimum",
)

SOURCING_TABLES: tuple[TableSpec, ...] = (
    TableSpec(
        name="channel_sites",
        meaning="sites a channel may draw on (a channel without a row may draw on all)",
        optional=True,
        absent="every channel may draw on every site",
        fields=(
            ident("channel", "Channel.", "channels.channel", key=True),
            ident("site", "Site.", "sites.site", key=True),
        ),
    ),
    TableSpec(
        name="protected_stock",
        meaning="units of free stock that only one channel may take",
        optional=True,
        absent="no stock is protected",
        fields=(
            ident("channel", "Channel it is kept for.", "channels.channel", key=True),
            ident("site", "Site.", "sites.site", key=True),
            ident("sku", "SKU; empty = every SKU the site carries.", "skus.sku", default="", key=True),
            count("units", "The last units of free stock, kept for the channel.", "0"),
            share(
                "order_up_to_share",
                "As many units more as this share of order_up_to_units in table stock, rounded up.",
                "0",
            ),
        ),
    ),
    TableSpec(
        name="site_ranks",
        meaning="the order in which the rule ranked asks sites (those without a rank come last, nearest first)",
        optional=True,
        absent="under the rule ranked, the nearest site is asked first",
        fields=(
            ident(
                "region",
                "Region; empty = every region without a row of its own.",
                "regions.region",
                default="",
                key=True,
            ),
            ident("site", "Site.", "sites.site", key=True),
            count("rank", "Lower is asked first.", low=1, high=1000),
        ),
    ),
)
