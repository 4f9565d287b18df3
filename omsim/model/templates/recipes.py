"""What a made business looks like in a few lines: its recipe (places, channels, assortment) for the templates.

Owns the numbers somebody would change to get another business; how they become tables is `template_catalog`'s,
`template_network`'s and `template_stock`'s work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: City -> (degrees north, degrees east, relative share of orders).
CITIES: dict[str, tuple[float, float, float]] = {
    "berlin": (52.52, 13.40, 22.0),
    "hamburg": (53.55, 10.00, 15.0),
    "munich": (48.14, 11.58, 14.0),
    "cologne": (50.94, 6.96, 12.0),
    "frankfurt": (50.11, 8.68, 10.0),
    "dusseldorf": (51.23, 6.78, 8.0),
    "stuttgart": (48.78, 9.18, 8.0),
    "leipzig": (51.34, 12.37, 4.5),
    "hanover": (52.37, 9.73, 4.0),
    "nuremberg": (49.45, 11.08, 2.5),
    "dortmund": (51.51, 7.47, 6.0),
    "bremen": (53.08, 8.80, 4.0),
    "dresden": (51.05, 13.74, 4.0),
    "kiel": (54.32, 10.14, 1.8),
    "rostock": (54.09, 12.10, 1.5),
    "magdeburg": (52.13, 11.63, 1.6),
    "erfurt": (50.98, 11.03, 1.5),
    "kassel": (51.31, 9.48, 1.6),
    "munster": (51.96, 7.63, 2.4),
    "mannheim": (49.49, 8.47, 3.0),
    "karlsruhe": (49.01, 8.40, 2.6),
    "freiburg": (48.00, 7.84, 1.9),
    "augsburg": (48.37, 10.90, 2.2),
    "regensburg": (49.02, 12.10, 1.4),
    "saarbrucken": (49.24, 6.99, 1.7),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlan:
    """A site to be made: what it is, in which city, and the share of the articles it carries (bestsellers first)."""

    site: str
    kind: Literal["dc", "store"]
    city: str
    carried_share: float
    cutoff: str = "17:00"
    storage_dm3: int = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlan:
    """A channel to be made: its size, its promise, its baskets and how patient its customers are.

    Attributes
    ----------
    baskets : str
        Name of a basket shape of `template_catalog.BASKETS`.
    trade : bool
        Trade customers buy by the pack (profiles ``packs`` and ``pieces``), the others a few units at most.
    """

    channel: str
    priority: int
    orders_per_day: float
    day_cv: float
    promise_days: int
    promise_cutoff: str
    baskets: str
    trade: bool = False
    backorders: bool = True
    partial_lines: bool = True
    split_limit: int = 2
    patience_days: float | None = None
    manual_review_share: float = 0.0
    reject_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """All that tells one made business from another.

    Attributes
    ----------
    popularity_sigma : float
        Sigma of the lognormal weights of SKUs; 1.31 puts 68 % of lines on 20 % of SKUs.
    site_fill_target : float
        Share of units each site fills from its own stock in the long run; the network fills more. [beta]
    slots : dict
        Parcels a service takes per site and pickup.
    """

    name: str
    stands_for: str
    seed: int
    n_skus: int
    sites: tuple[SitePlan, ...]
    cities: tuple[str, ...]
    channels: tuple[ChannelPlan, ...]
    slots: dict[str, int]
    popularity_sigma: float = 1.4
    site_fill_target: float = 0.96
    horizon_days: int = 42
    warm_up_days: int = 14
    full_support: bool = True


def _channels(orders_per_day: float) -> tuple[ChannelPlan, ...]:
    """The four channels of metro and national; about one order in ninety is a wholesale order."""
    return (
        ChannelPlan(
            channel="wholesale",
            priority=1,
            orders_per_day=round(orders_per_day * 0.011),
            day_cv=0.25,
            promise_days=7,
            promise_cutoff="12:00",
            baskets="trade",
            trade=True,
            split_limit=3,
            patience_days=21,
        ),
        ChannelPlan(
            channel="web",
            priority=2,
            orders_per_day=round(orders_per_day * 0.511),
            day_cv=0.17,
            promise_days=3,
            promise_cutoff="14:00",
            baskets="web",
            patience_days=14,
            manual_review_share=0.05,
            reject_share=0.004,
        ),
        ChannelPlan(
            channel="store",
            priority=3,
            orders_per_day=round(orders_per_day * 0.186),
            day_cv=0.17,
            promise_days=5,
            promise_cutoff="16:00",
            baskets="store",
            split_limit=1,
            patience_days=10,
        ),
        ChannelPlan(
            channel="marketplace",
            priority=4,
            orders_per_day=round(orders_per_day * 0.292),
            day_cv=0.17,
            promise_days=4,
            promise_cutoff="14:00",
            baskets="marketplace",
            backorders=False,
            partial_lines=False,
        ),
    )


METRO = Recipe(
    name="metro",
    stands_for="A made shop: two warehouses, a store that ships, 200 articles, four channels, a million orders a year.",
    seed=20260928,
    n_skus=200,
    sites=(
        SitePlan(site="leipzig", kind="dc", city="leipzig", carried_share=1.0, storage_dm3=330_000),
        SitePlan(site="dortmund", kind="dc", city="dortmund", carried_share=1.0, storage_dm3=470_000),
        SitePlan(
            site="berlin_store", kind="store", city="berlin", carried_share=0.3, cutoff="16:00", storage_dm3=260_000
        ),
    ),
    cities=tuple(CITIES)[:10],
    channels=_channels(2740),
    site_fill_target=0.74,
    slots={
        "swift_express": 150,
        "swift_standard": 1500,
        "parcelnet_standard": 1100,
        "parcelnet_economy": 600,
        "haul_pallet": 150,
    },
)

NATIONAL = Recipe(
    name="national",
    stands_for="A made national retailer: eight sites, 5,000 articles, about 20,000 orders a day; for benchmarks.",
    seed=20260929,
    n_skus=5000,
    sites=(
        SitePlan(site="leipzig", kind="dc", city="leipzig", carried_share=1.0),
        SitePlan(site="dortmund", kind="dc", city="dortmund", carried_share=1.0),
        SitePlan(site="hamburg", kind="dc", city="hamburg", carried_share=0.6),
        SitePlan(site="munich", kind="dc", city="munich", carried_share=0.6),
        SitePlan(site="mannheim", kind="dc", city="mannheim", carried_share=0.6),
        SitePlan(site="berlin_store", kind="store", city="berlin", carried_share=0.15, cutoff="16:00"),
        SitePlan(site="cologne_store", kind="store", city="cologne", carried_share=0.15, cutoff="16:00"),
        SitePlan(site="stuttgart_store", kind="store", city="stuttgart", carried_share=0.15, cutoff="16:00"),
    ),
    cities=tuple(CITIES),
    channels=_channels(20_000),
    site_fill_target=0.74,
    slots={
        "swift_express": 600,
        "swift_standard": 4500,
        "parcelnet_standard": 3200,
        "parcelnet_economy": 2000,
        "haul_pallet": 500,
    },
)

STARTER = Recipe(
    name="starter",
    stands_for="A made small shop to begin with: one site, twelve articles, two channels. Replace its rows by yours.",
    seed=20260930,
    n_skus=12,
    sites=(SitePlan(site="main", kind="dc", city="hanover", carried_share=1.0),),
    cities=("berlin", "hamburg", "hanover"),
    channels=(
        ChannelPlan(
            channel="web",
            priority=1,
            orders_per_day=60,
            day_cv=0.17,
            promise_days=3,
            promise_cutoff="14:00",
            baskets="web",
            patience_days=14,
        ),
        ChannelPlan(
            channel="marketplace",
            priority=2,
            orders_per_day=30,
            day_cv=0.17,
            promise_days=4,
            promise_cutoff="14:00",
            baskets="marketplace",
            backorders=False,
            partial_lines=False,
        ),
    ),
    slots={"swift_standard": 200, "parcelnet_economy": 100, "haul_pallet": 20},
    full_support=False,
)
