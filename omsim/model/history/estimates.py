"""What a year of order lines tells: channels, shares, quantities, seasons, returns and their lag, shrinkage.

Owns the estimates, as arrays; putting them into tables together with what is assumed is `history_tables`' work. Every
estimate uses rows of the training period only; the replay part contributes names (articles, regions, channels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.model.history.fates import Fate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.model.history.fates import Period
    from omsim.model.history.mapping import HistoryMapping
    from omsim.model.history.rows import Rows

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

SEASON_DAYS = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """Facts of whole orders, indexed by the order codes of `Rows`.

    Attributes
    ----------
    channel_names : tuple of str
        Channels with a sale line, in the mapping's order.
    channel, region : int64, shape (n_orders,)
        Codes; of the order's first row.
    arrived_s : int64, shape (n_orders,)
        Time of its earliest row.
    """

    channel_names: tuple[str, ...]
    channel: Ints
    region: Ints
    arrived_s: Ints


def describe_orders(rows: Rows, fates: NDArray[np.int8], mapping: HistoryMapping) -> Orders:
    """Channel, region and time of each order; an order of several rows takes its first row's region."""
    n_orders = len(rows.order_names)
    known = rows.order >= 0
    order, row = rows.order[known], np.flatnonzero(known)
    first = np.full(n_orders, -1, dtype=np.int64)
    first[order[::-1]] = row[::-1]
    arrived_s = np.full(n_orders, np.iinfo(np.int64).max)
    np.minimum.at(arrived_s, order, rows.at_s[known])
    region = np.where(rows.region[first] >= 0, rows.region[first], 0)
    names = list(dict.fromkeys([mapping["channels.default"], *(rule.channel for rule in mapping.rules)]))
    channel = np.full(n_orders, -1, dtype=np.int64)
    for rule in mapping.rules:
        holds = channel < 0
        if rule.order_has_sku:
            code = rows.sku_names.index(rule.order_has_sku) if rule.order_has_sku in rows.sku_names else -2
            has = np.zeros(n_orders, dtype=np.bool_)
            has[rows.order[known & (rows.sku == code)]] = True
            holds &= has
        if rule.customer_missing is not None:
            holds &= (rows.customer[first] < 0) == rule.customer_missing
        if rule.region_is:
            holds &= np.array([name in rule.region_is for name in rows.region_names], dtype=np.bool_)[region]
        if rule.order_prefix:
            holds &= np.array([name.startswith(rule.order_prefix) for name in rows.order_names], dtype=np.bool_)
        channel[holds] = names.index(rule.channel)
    channel[channel < 0] = 0
    used = np.unique(channel[rows.order[sale_rows(fates)]])
    recode = np.full(len(names), -1, dtype=np.int64)
    recode[used] = np.arange(used.size)
    return Orders(
        channel_names=tuple(names[code] for code in used.tolist()),
        channel=recode[channel],
        region=region,
        arrived_s=arrived_s,
    )


def sale_rows(fates: NDArray[np.int8]) -> Ints:
    """Indices of sale lines, whatever they are used for."""
    return np.flatnonzero((fates >= 0) & (fates <= Fate.SALE_REPLAY))


def training_rows(fates: NDArray[np.int8]) -> Ints:
    """Indices of the sale lines that are estimated from."""
    return np.flatnonzero((fates == Fate.SALE_BOTH) | (fates == Fate.SALE_TRAINING))


def replay_rows(fates: NDArray[np.int8]) -> Ints:
    """Indices of the sale lines that are replayed."""
    return np.flatnonzero((fates == Fate.SALE_BOTH) | (fates == Fate.SALE_REPLAY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Returns:
    """What the cancellations of the training period say.

    Attributes
    ----------
    share : float64, shape (n_skus,)
        Share of a SKU's lines that come back: its own, blended with the mean of all.
    mean_share : float
    lag_days : float64, shape (n_matched,)
        From the sale to the cancellation that matches it.
    n_matched, n_unmatched : int
    """

    share: Floats
    mean_share: float
    lag_days: Floats
    n_matched: int
    n_unmatched: int


def match_returns(rows: Rows, fates: NDArray[np.int8], prior_lines: float) -> Returns:
    """Find the sale behind each cancellation, the latest before it of the same customer and article.

    `fates` is changed: cancellations with such a sale become `Fate.RETURN_MATCHED`.

    Notes
    -----
    One sort of the sales by customer, article and time and one binary search a cancellation: O(n log n).
    """
    sales, cancels = training_rows(fates), np.flatnonzero(fates == Fate.RETURN_UNMATCHED)
    sales_known = sales[rows.customer[sales] >= 0]
    cancels_known = cancels[rows.customer[cancels] >= 0]
    n_skus = len(rows.sku_names)
    pair = rows.customer * n_skus + rows.sku
    start_s = int(rows.at_s[sales].min())
    span_s = int(rows.at_s[np.concatenate([sales, cancels])].max()) - start_s + 2
    instant = pair * span_s + np.maximum(rows.at_s - start_s, -1) + 1
    ordered = sales_known[np.argsort(instant[sales_known], kind="stable")]
    found = np.searchsorted(instant[ordered], instant[cancels_known], side="right") - 1
    sale = ordered[np.maximum(found, 0)] if ordered.size else np.zeros(found.size, dtype=np.int64)
    matches = (found >= 0) & (pair[sale] == pair[cancels_known])
    matched = cancels_known[matches]
    fates[matched] = Fate.RETURN_MATCHED
    lag_days = (rows.at_s[matched] - rows.at_s[sale[matches]]) / 86_400
    lines = np.bincount(rows.sku[sales], minlength=n_skus)
    returned = np.bincount(rows.sku[cancels], minlength=n_skus)
    mean = cancels.size / sales.size
    share = np.minimum((returned + prior_lines * mean) / np.maximum(lines + prior_lines, 1), 1.0)
    return Returns(
        share=share,
        mean_share=mean,
        lag_days=lag_days,
        n_matched=matched.size,
        n_unmatched=cancels.size - matched.size,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """When orders come.

    Attributes
    ----------
    orders_per_day : float
        On an average day, with every factor 1.
    hour_weight : float64, shape (7, 24)
        Weight of each hour of each weekday, mean 1.
    day_factor : float64, shape (n_days,)
        Season of each training day, 0 where the shop was closed though it is usually open on that weekday.
    closed : bool, shape (n_days,)
    open_days : int
        Training days with an order.
    expected : float64, shape (n_days,)
        Orders expected on each day by weekday and season.
    """

    orders_per_day: float
    hour_weight: Floats
    day_factor: Floats
    closed: Mask
    open_days: int
    expected: Floats


def estimate_season(orders_s: Ints, period: Period, last_day: int) -> Season:
    """Weekday, hour and season of the orders that arrived at `orders_s` (local seconds since 1970).

    Notes
    -----
    The season is the ratio of orders to what weekdays alone would give, over the 21 days around each day. Factors
    times weekday rates add up to the orders counted.
    """
    from omsim.model.history.rows import EPOCH_ORDINAL

    n_days = max(min(period.until, last_day + 1) - period.since, 1)
    day = orders_s // 86_400 + EPOCH_ORDINAL - period.since
    weekday = (np.arange(n_days) + period.since + 6) % 7  # ordinal 1 was a Monday
    counts = np.bincount(day, minlength=n_days).astype(np.float64)
    usually_open = np.array(
        [np.mean(counts[weekday == w] > 0) >= 0.5 if (weekday == w).any() else False for w in range(7)]
    )
    closed = usually_open[weekday] & (counts == 0)
    rate = np.zeros(7)
    for w in range(7):
        days = (weekday == w) & ~closed
        rate[w] = counts[days].mean() if days.any() else 0.0
    plain = np.where(closed, 0.0, rate[weekday])
    window = np.ones(min(SEASON_DAYS, n_days))
    around = np.convolve(plain, window, mode="same")
    factor = np.where(around > 0, np.convolve(counts, window, mode="same") / np.maximum(around, 1e-12), 1.0)
    factor[closed] = 0.0
    expected = factor * rate[weekday]
    scale = counts.sum() / max(expected.sum(), 1e-12)
    orders_per_day = float(rate.mean() * scale)
    hour = orders_s // 3600 % 24
    hours = np.zeros((7, 24))
    np.add.at(hours, (weekday[day], hour), 1.0)
    by_day = hours.sum(axis=1, keepdims=True)
    weight = np.where(by_day > 0, hours / np.maximum(by_day, 1), 1 / 24) * 24 * (rate / rate.mean())[:, None]
    return Season(
        orders_per_day=orders_per_day,
        hour_weight=weight,
        day_factor=factor,
        closed=closed,
        open_days=int(np.count_nonzero(counts)),
        expected=expected * scale,
    )


def day_variation(counts: Floats, expected: Floats) -> float:
    """Coefficient of variation of the day effect beyond Poisson, by moments; 0 where there is none.

    With n_d orders on day d and m_d expected, Var(n_d) = m_d + cv^2 m_d^2.
    """
    squares = float(np.sum(expected**2))
    if squares == 0:
        return 0.0
    return float(np.sqrt(max(np.sum((counts - expected) ** 2 - expected) / squares, 0.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """Units per line by SKU and channel.

    Attributes
    ----------
    sku, channel, lines : int64, shape (n_pairs,)
        Each SKU x channel with training lines.
    profile : int64, shape (n_pairs,)
        Row of `names`.
    names : tuple of str
    row_profile, row_units, row_lines : int64, shape (n_rows,)
        The profiles: so many lines had so many units.
    """

    sku: Ints
    channel: Ints
    lines: Ints
    profile: Ints
    names: tuple[str, ...]
    row_profile: Ints
    row_units: Ints
    row_lines: Ints


def estimate_quantities(
    rows: Rows, fates: NDArray[np.int8], orders: Orders, price_cents: Ints, own_lines: int
) -> Quantities:
    """Quantity profiles: of the pair itself from `own_lines` lines on, below shared by its channel and price quarter.

    Each training line is in exactly one profile, so drawing gives back the units that were asked for.
    """
    training = training_rows(fates)
    n_channels = len(orders.channel_names)
    pair = rows.sku[training] * n_channels + orders.channel[rows.order[training]]
    pairs, which, lines = np.unique(pair, return_inverse=True, return_counts=True)
    sku, channel = pairs // n_channels, pairs % n_channels
    quarter = np.searchsorted(np.quantile(price_cents[np.unique(sku)], [0.25, 0.5, 0.75]), price_cents[sku])
    pool = channel * 4 + quarter
    own = lines >= own_lines
    n_pools = n_channels * 4
    profile_of_pair = np.where(own, n_pools + np.arange(pairs.size), pool)
    units = rows.units[training]
    most = int(units.max()) + 1
    used, profile = np.unique(profile_of_pair, return_inverse=True)
    cells, n = np.unique(profile[which] * most + units, return_counts=True)
    names = []
    for value in used.tolist():
        if value < n_pools:
            names.append(f"{orders.channel_names[value // 4]} price class {value % 4 + 1}")
        else:
            at = value - n_pools
            names.append(f"{orders.channel_names[channel[at]]} {rows.sku_names[sku[at]]}")
    return Quantities(
        sku=sku,
        channel=channel,
        lines=lines,
        profile=profile,
        names=tuple(names),
        row_profile=cells // most,
        row_units=cells % most,
        row_lines=n,
    )


def median_by(group: Ints, values: Floats, n_groups: int) -> Floats:
    """Median of the values of each group, NaN where it has none; one sort."""
    by_group = np.lexsort((values, group))
    sorted_values = values[by_group]
    size = np.bincount(group, minlength=n_groups)
    start = np.cumsum(size) - size
    some = size > 0
    medians = np.full(n_groups, np.nan)
    low, high = start[some] + (size[some] - 1) // 2, start[some] + size[some] // 2
    medians[some] = (sorted_values[low] + sorted_values[high]) / 2
    return medians
