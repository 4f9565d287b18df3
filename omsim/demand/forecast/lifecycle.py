"""The two ends of an item's life: how much a new one may be believed, and whether an old one is still asked for.

Owns the shrinking of new items' selling chances to those of items like them, and the probability that an item which
has not sold for a while is dead rather than quiet. The level of items in between is
:mod:`omsim.demand.forecast.compound`'s.

A quiet item: while it lives it sells on a day with a chance known from its days so far (gamma posterior, so that a
handful of sales proves little), and each day it may die, with a hazard common to all items, estimated by expectation
and maximisation. The same reasoning counts customers in Fader, Hardie & Lee (2005).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.demand.forecast.compound import Forecast

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Mask = NDArray[np.bool_]

PRIOR_SALES = 1.0  # selling days the chance of all items counts for in an item's own
ROUNDS = 30  # of expectation and maximisation; the hazard moves by under a percent after fewer
FIRST_HAZARD = 1e-3
NEW_DAYS = 45  # an item on sale for fewer open days is new
NEW_PRIOR_SALES = 2.0  # selling days the chance of new items counts for in a new item's own
FEWEST_NEW_ITEMS = 10  # of a pool; with fewer, new items are compared with all
WEEK_DAYS = 7
FEWEST_OF_WEEKDAY = 4  # open days of a weekday before it may have a pattern of its own
RECENCY_POWER = 0.5  # of the alive probability already in a rate that leans on recent weeks
LEAST_ALIVE = 0.3


def alive_shares(sold: Mask, open_days: Mask) -> Floats:
    """Probability that each item is still asked for; float64, shape (n_items,).

    Parameters
    ----------
    sold : bool, shape (n_items, n_days)
        Days on which it sold.
    open_days : bool, shape (n_days,)
        Days that count.

    Returns
    -------
    float64, shape (n_items,)
        1 for an item that never sold (nothing is known of it) or sold on the last open day.

    Notes
    -----
    With m sales and a prior in E open days up to the last of them, an item that lives stays quiet for d more with
    probability (E / (E + d))^m. Dying on each of those days has probability h (E / (E + k))^m, summed by its integral.
    """
    used = sold[:, open_days]
    n_items, n_days = used.shape
    n_sold = used.sum(axis=1)
    ever = n_sold > 0
    if not ever.any():
        return np.ones(n_items)
    first = np.argmax(used, axis=1)
    last = n_days - 1 - np.argmax(used[:, ::-1], axis=1)
    span = np.where(ever, last - first + 1.0, 1.0)
    quiet = np.where(ever, n_days - 1.0 - last, 0.0)
    pooled = float(n_sold[ever].sum() / span[ever].sum())
    m = n_sold + PRIOR_SALES
    exposure = span + PRIOR_SALES / pooled
    log_still = np.log(exposure / (exposure + quiet))
    silent = np.exp(m * log_still)
    died_days = exposure * -np.expm1((m - 1.0) * log_still) / np.maximum(m - 1.0, 1e-9)  # integral of being silent
    hazard = FIRST_HAZARD
    alive = np.ones(n_items)
    for _ in range(ROUNDS):
        lived = silent * (1.0 - hazard) ** quiet
        alive = np.where(ever, lived / (lived + hazard * died_days), 1.0)
        deaths = float((1.0 - alive)[ever].sum())
        days = float((span + alive * quiet)[ever].sum())
        hazard = deaths / (deaths + days)
    return np.asarray(alive)


def new_items(open_days: Mask, on_sale_from: Units) -> Mask:
    """Whether each item is new: on sale for fewer than `NEW_DAYS` open days; bool, shape (n_items,)."""
    before = np.concatenate(([0], np.cumsum(open_days)))
    seen = before[-1] - before[on_sale_from]
    launched = (on_sale_from > 0) | (open_days.size < NEW_DAYS)
    return np.asarray(launched & (seen < NEW_DAYS))


def launch_chances(sold: Mask, open_days: Mask, on_sale_from: Units, group: Units | None = None) -> Floats:
    """Chance that each item, were it new, sells on an open day; float64, shape (n_items,).

    Parameters
    ----------
    sold : bool, shape (n_items, n_days)
    open_days : bool, shape (n_days,)
    on_sale_from : int64, shape (n_items,)
        First day on sale; 0 for items there from the beginning, whose first weeks nobody saw.
    group : int64, shape (n_items,), optional
        Numbers of groups of similar items, >= 0.

    Returns
    -------
    float64, shape (n_items,)
        An item's own days on sale, drawn towards the first `NEW_DAYS` days of all items launched in the history (of
        its group, itself drawn towards all), as if those had been `NEW_PRIOR_SALES` selling days. With fewer than
        `FEWEST_NEW_ITEMS` launches, all items' days stand for them.
    """
    n_days = open_days.size
    day = np.arange(n_days)
    on_sale = open_days & (day >= on_sale_from[:, None])
    launched = (on_sale_from > 0) & (on_sale_from < n_days)
    if int(launched.sum()) >= FEWEST_NEW_ITEMS:
        age = np.cumsum(on_sale, axis=1)
        judged = on_sale & (age <= NEW_DAYS) & launched[:, None]
    else:
        judged = on_sale
    days = judged.sum(axis=1).astype(np.float64)
    sales = (sold & judged).sum(axis=1).astype(np.float64)
    everyone = float(sales.sum() / days.sum()) if days.sum() > 0 else 0.0
    pool = np.full(sold.shape[0], everyone)
    if everyone <= 0.0:
        return pool
    if group is not None:
        of_group = (np.bincount(group, weights=sales) + NEW_PRIOR_SALES) / (
            np.bincount(group, weights=days) + NEW_PRIOR_SALES / everyone
        )
        pool = of_group[group]
    own_days, own_sales = on_sale.sum(axis=1), (sold & on_sale).sum(axis=1)
    return np.asarray((own_sales + NEW_PRIOR_SALES) / (own_days + NEW_PRIOR_SALES / pool))


def with_launches(forecast: Forecast, chances: Floats, is_new: Mask) -> Forecast:
    """The forecast with the selling chances of new items, and sizes for those of them that never sold.

    A new item without a sale takes its sizes from the items of middling size among those that sold.
    """
    sold = forecast.typical_units > 0
    share = np.where(is_new, chances, forecast.sale_share)
    unsold = is_new & ~sold
    if not unsold.any() or not sold.any():
        return replace(forecast, sale_share=np.where(unsold, 0.0, share))
    log_typical = np.log(forecast.typical_units[sold])
    middle = float(log_typical.mean())
    model = np.flatnonzero(sold)[np.argmin(np.abs(log_typical - middle))]
    pool = forecast.pool_range.copy()
    pool[unsold] = forecast.pool_range[model]
    typical = np.where(unsold, np.exp(middle), forecast.typical_units)
    return replace(forecast, sale_share=share, typical_units=typical, pool_range=pool)


def weekday_factors(sold: Mask, open_days: Mask, open_share: Floats) -> Floats:
    """What each day ahead multiplies an average day's chance of a sale by; float64, shape (n_ahead,).

    Parameters
    ----------
    sold : bool, shape (n_items, n_days)
    open_days : bool, shape (n_days,)
    open_share : float64, shape (n_ahead,)
        Probability that each day ahead is open, at least a week.

    Returns
    -------
    float64, shape (n_ahead,)
        Mean 1 over the first week.

    Notes
    -----
    Items sold on an open day, by weekday over all items, drawn towards their common mean as far as the days of one
    weekday differ among themselves (James-Stein): weekdays that differ by chance only give no pattern.
    """
    n_days = open_days.size
    weekday = (np.arange(n_days) - n_days) % WEEK_DAYS  # 0 = the first day ahead
    count = sold.sum(axis=0).astype(np.float64)
    n_open = np.bincount(weekday[open_days], minlength=WEEK_DAYS)
    effect = np.ones(WEEK_DAYS)
    used = n_open >= FEWEST_OF_WEEKDAY
    if used.sum() >= 2 and count[open_days].sum() > 0:
        total = np.bincount(weekday[open_days], weights=count[open_days], minlength=WEEK_DAYS)
        mean = np.divide(total, n_open, out=np.zeros(WEEK_DAYS), where=n_open > 0)
        rest = np.where(open_days & used[weekday], count - mean[weekday], 0.0)
        noise = float((rest**2).sum()) / max(1, int(n_open[used].sum() - used.sum()))
        of_means = noise * float((1.0 / n_open[used]).mean())
        between = float(mean[used].var(ddof=1))
        kept = max(0.0, 1.0 - of_means / between) if between > 0 else 0.0
        overall = float(mean[used].mean())
        effect[used] = 1.0 + kept * (mean[used] / overall - 1.0)
    factor = open_share * effect[np.arange(open_share.size) % WEEK_DAYS]
    average = float(factor[:WEEK_DAYS].mean())
    return np.asarray(factor / average) if average > 0 else np.ones(open_share.size)
