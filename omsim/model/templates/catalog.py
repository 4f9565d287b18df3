"""What a made business sells and what customers ask for: articles, popularity, baskets, quantities, days and hours.

The shapes follow stylised facts of a real shop (lines per order, pack-size spikes, a popularity tail that bends, hours
and weekdays, over-dispersed days). Owns the tables skus, channels, demand, quantities, baskets, profile and holidays;
where and how they are served is `template_network`'s and `template_stock`'s work.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omsim.model.templates.recipes import Recipe

    Columns = dict[str, Sequence[object]]
    Floats = NDArray[np.float64]

#: Category -> (median price in cents, median weight in grams, share of lines that come back, share of SKUs).
CATEGORIES: dict[str, tuple[int, int, float, float]] = {
    "home": (1900, 700, 0.07, 0.28),
    "fashion": (3200, 350, 0.12, 0.20),
    "toys": (1600, 450, 0.05, 0.16),
    "office": (900, 300, 0.05, 0.14),
    "garden": (2400, 1500, 0.06, 0.12),
    "electronics": (7900, 900, 0.09, 0.10),
}

#: Units per line -> relative share. Trade lines peak at one, twelve and twenty-four.
QUANTITIES: dict[str, dict[int, float]] = {
    "single": {1: 0.93, 2: 0.05, 3: 0.015, 4: 0.005},
    "few": {1: 0.76, 2: 0.15, 3: 0.05, 4: 0.02, 6: 0.015, 12: 0.005},
    "pieces": {1: 0.42, 2: 0.24, 3: 0.09, 4: 0.1, 6: 0.08, 12: 0.05, 24: 0.02},
    "packs": {
        1: 0.26,
        2: 0.145,
        3: 0.07,
        4: 0.065,
        5: 0.02,
        6: 0.09,
        8: 0.03,
        10: 0.04,
        12: 0.13,
        16: 0.01,
        20: 0.015,
        24: 0.055,
        36: 0.015,
        48: 0.025,
        50: 0.006,
        72: 0.008,
        96: 0.006,
        100: 0.004,
        120: 0.004,
        144: 0.002,
    },
}


def _trade_baskets() -> dict[int, float]:
    """Lines per trade order: a discretised lognormal (median 15.5, sigma 0.95) on a support that thins out."""
    support = [*range(1, 21), *range(22, 42, 2), *range(45, 85, 5), 90, 100, 110, 120, 130, 140, 150]
    middle = [1.0, *((a + b) / 2 for a, b in pairwise(support)), 160.0]
    cumulated = ndtr((np.log(middle) - np.log(15.5)) / 0.95)
    cumulated[0] = 0.0
    shares = np.diff(cumulated / cumulated[-1])
    return {lines: round(float(share), 5) for lines, share in zip(support, shares, strict=True)}


#: Lines per order -> relative share, by kind of channel.
BASKETS: dict[str, dict[int, float]] = {
    "web": {1: 0.45, 2: 0.25, 3: 0.14, 4: 0.10, 5: 0.06},
    "marketplace": {1: 0.68, 2: 0.20, 3: 0.08, 4: 0.03, 5: 0.01},
    "store": {1: 0.36, 2: 0.26, 3: 0.18, 4: 0.12, 5: 0.08},
    "trade": _trade_baskets(),
}

#: Share of a day's orders by hour, and of a week's by weekday (Monday first), of a real shop closed on Saturdays.
HOUR_SHARES: dict[int, float] = {
    8: 2.2,
    9: 6.3,
    10: 11.3,
    11: 12.5,
    12: 16.0,
    13: 14.7,
    14: 12.9,
    15: 11.0,
    16: 6.7,
    17: 3.6,
    18: 1.3,
    19: 0.8,
    20: 0.4,
}
WEEKDAY_SHARES = (16.1, 18.4, 17.5, 20.1, 14.6, 0.2, 13.3)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

HOLIDAYS: tuple[tuple[str, float, str], ...] = (
    ("2026-10-03", 0.0, "German Unity Day, closed"),
    ("2026-10-15", 1.4, "autumn promotion"),
    ("2026-10-31", 0.0, "Reformation Day, closed"),
    ("2026-11-01", 0.7, "All Saints"),
    ("2026-11-27", 1.6, "Black Friday"),
    ("2026-11-30", 1.4, "Cyber Monday"),
    ("2026-12-24", 0.3, "Christmas Eve"),
    ("2026-12-25", 0.0, "Christmas Day, closed"),
    ("2026-12-26", 0.0, "second day of Christmas, closed"),
    ("2027-01-01", 0.0, "New Year, closed"),
    ("2027-03-26", 0.0, "Good Friday, closed"),
    ("2027-03-29", 0.0, "Easter Monday, closed"),
    ("2027-05-01", 0.0, "Labour Day, closed"),
    ("2027-05-06", 0.0, "Ascension Day, closed"),
    ("2027-05-17", 0.0, "Whit Monday, closed"),
)


def rounded(values: Floats, digits: int = 4) -> Floats:
    """`values` to that many significant digits: what a planner reads in the file is what the model holds."""
    values = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore"):
        exponents = np.floor(np.log10(np.abs(values), where=values != 0, out=np.zeros_like(values)))
    scale = 10.0 ** (digits - 1 - exponents)
    return np.asarray(np.round(values * scale) / scale)


def make_skus(recipe: Recipe, rng: np.random.Generator) -> Columns:
    """Articles: category, price, cost, weight, size and return share.

    Price and weight are lognormal around their category's median; sizes follow from weight and a density.
    """
    n = recipe.n_skus
    names = list(CATEGORIES)
    middle = (np.arange(n) + 0.5) / n
    edges = np.cumsum([CATEGORIES[name][3] for name in names])
    category = np.searchsorted(edges / edges[-1], middle)
    prices, weights, returns, _ = (np.array([CATEGORIES[name][i] for name in names])[category] for i in range(4))
    price_cents = np.clip(np.round(prices * np.exp(0.65 * ndtri(rng.random(n))), -1) - 1, 99, None)
    cost_cents = np.round(price_cents * (0.42 + 0.18 * rng.random(n)))
    weight_g = np.clip(np.round(weights * np.exp(0.7 * ndtri(rng.random(n))), -1), 20, 25_000)
    side_mm = 10 * np.cbrt(weight_g / (0.15 + 0.35 * rng.random(n)))  # density 0.15 to 0.5 g/cm3
    width = len(str(n))
    columns: dict[str, Sequence[object]] = {
        "sku": [f"{names[c][:3].upper()}-{i + 1:0{width}d}" for i, c in enumerate(category.tolist())],
        "category": [names[c] for c in category.tolist()],
        "return_share": np.clip(np.round(returns * (0.75 + 0.5 * rng.random(n)), 3), 0.05, 0.12).tolist(),
    }
    whole = {
        "unit_cost_cents": cost_cents,
        "price_cents": price_cents,
        "weight_g": weight_g,
        "length_mm": side_mm * 1.5,
        "width_mm": side_mm,
        "height_mm": side_mm / 1.5,
    }
    return columns | {name: np.round(values).astype(np.int64).tolist() for name, values in whole.items()}


def make_channels(recipe: Recipe) -> Columns:
    """Channels as the recipe plans them; only the web shop has people look at suspicious orders."""
    plans = recipe.channels
    return {
        "channel": [plan.channel for plan in plans],
        "priority": [plan.priority for plan in plans],
        "orders_per_day": [plan.orders_per_day for plan in plans],
        "day_cv": [plan.day_cv for plan in plans],
        "promise_days": [plan.promise_days for plan in plans],
        "promise_cutoff": [plan.promise_cutoff for plan in plans],
        "backorders": [plan.backorders for plan in plans],
        "partial_lines": [plan.partial_lines for plan in plans],
        "split_limit": [plan.split_limit for plan in plans],
        "patience_days": ["" if plan.patience_days is None else plan.patience_days for plan in plans],
        "auto_check_s": [5 for _ in plans],
        "manual_review_share": [plan.manual_review_share for plan in plans],
        "review_s": [240 if plan.manual_review_share else 0 for plan in plans],
        "review_times": ["exponential" for _ in plans],
        "reject_share": [plan.reject_share for plan in plans],
    }


def line_shares(recipe: Recipe, rng: np.random.Generator) -> Floats:
    """Popularity of each SKU in each channel.

    Returns
    -------
    float64, shape (n_channels, n_skus)
        Lines per 10,000 lines of the channel. Lognormal by rank, so the tail bends instead of following a power of
        the rank; channels agree on most of it, each has its own favourites.
    """
    n, n_channels = recipe.n_skus, len(recipe.channels)
    common = ndtri((np.arange(n) + 0.5) / n)[np.argsort(rng.random(n), kind="stable")]
    own = ndtri(rng.random((n_channels, n)))
    agreement = 0.93
    weights = np.exp(recipe.popularity_sigma * (agreement * common + np.sqrt(1 - agreement**2) * own))
    return rounded(10_000 * weights / weights.sum(axis=1, keepdims=True))


def quantity_profiles(recipe: Recipe, price_cents: Floats) -> list[list[str]]:
    """Name of the quantity profile of each SKU in each channel: dear articles are bought singly."""
    dear = (price_cents > 4000).tolist()
    trade = [plan.trade for plan in recipe.channels]
    return [[("pieces" if d else "packs") if t else ("single" if d else "few") for d in dear] for t in trade]


def make_demand(recipe: Recipe, skus: Sequence[object], shares: Floats, profiles: list[list[str]]) -> Columns:
    """Rows SKU x channel, channel by channel."""
    return {
        "sku": [sku for _ in recipe.channels for sku in skus],
        "channel": [plan.channel for plan in recipe.channels for _ in skus],
        "line_share": shares.ravel().tolist(),
        "quantity_profile": [name for row in profiles for name in row],
    }


def make_quantities(profiles: list[list[str]]) -> Columns:
    """Rows of the profiles in use."""
    used = [name for name in QUANTITIES if any(name in row for row in profiles)]
    rows = [(name, units, share) for name in used for units, share in QUANTITIES[name].items()]
    return {
        "profile": [row[0] for row in rows],
        "units": [row[1] for row in rows],
        "share": [row[2] for row in rows],
    }


def make_baskets(recipe: Recipe) -> Columns:
    """Lines per order of every channel."""
    rows = [(plan.channel, lines, share) for plan in recipe.channels for lines, share in BASKETS[plan.baskets].items()]
    return {
        "channel": [row[0] for row in rows],
        "lines": [row[1] for row in rows],
        "share": [row[2] for row in rows],
    }


def make_profile() -> Columns:
    """Weight of each hour of each weekday, mean 1 over the week; hours without orders are written out as zero."""
    hour_total, week_total = sum(HOUR_SHARES.values()), sum(WEEKDAY_SHARES)
    rows: list[tuple[str, int, float]] = [("Mon-Sun", hour, 0.0) for hour in range(24) if hour not in HOUR_SHARES]
    for day, day_share in zip(WEEKDAYS, WEEKDAY_SHARES, strict=True):
        for hour, hour_share in HOUR_SHARES.items():
            rows.append((day, hour, round(168 * day_share / week_total * hour_share / hour_total, 4)))
    return {"days": [row[0] for row in rows], "hour": [row[1] for row in rows], "weight": [row[2] for row in rows]}


def make_holidays() -> Columns:
    """Closed days and promotions of the made year."""
    return {
        "date": [row[0] for row in HOLIDAYS],
        "factor": [row[1] for row in HOLIDAYS],
        "note": [row[2] for row in HOLIDAYS],
    }
