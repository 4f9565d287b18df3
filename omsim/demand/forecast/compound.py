"""Order history in, a predictive distribution of each item's daily demand out.

Owns the statistics of one forecast: how often an item will sell, how much on a selling day, how unsure that is, and
sample paths drawn from it (:func:`draw_paths`). Nothing after the last day of the history is used. What to stock for
it is :mod:`omsim.optimize.reorder.levels`; demand that is known to be Poisson or negative binomial is
:mod:`omsim.demand.lead_time`.

The model is compound: on an open day an item sells or not, and if it sells its units come from a pool of past selling
days. Three things make it hold on lumpy retail demand, where a quantile per item does not:

* **Rate with two memories.** Recent weeks and the long run, mixed (an assortment moves faster than it forgets), plus
  the days of last year that lie next to the horizon in season, where the history reaches back to them.
* **Sizes shared between neighbours.** A large order says that *such* items get large orders. Sizes are drawn partly
  from the item's own days, partly from the relative sizes of the items with the most similar typical size; the more
  days of its own an item has, the more it is believed.
* **Doubt that does not average out.** Each path carries its own mean-one lognormal factor on rate and on size, since
  the level of the next quarter is itself unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from omsim.errors import FieldError
from omsim.kernels.demand_paths import compound_paths

Floats = NDArray[np.float64]
Units = NDArray[np.int64]
Mask = NDArray[np.bool_]

WEEK_DAYS = 7
WEEKS_FOR_PATTERN = 8
ITEMS_FOR_COMMON_LEVEL = 50
_DAY_STREAM, _RATE_STREAM, _SIZE_STREAM = 201, 202, 203  # second key word: never renumber


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastSettings:
    """What the forecast assumes about all items; the defaults were chosen by rolling origins (see the notes).

    Attributes
    ----------
    recent_share : float
        Weight of the recent memory in the selling rate.
    recent_days : float
        Time constant of the recent memory.
    season_share : float
        Weight of last year's days next to the horizon in season; what the history does not reach goes to the long run.
    season_days : float
        Distance from the horizon, in season, at which a day's weight has fallen to 1/e.
    size_memory_days : float
        Time constant of the memory for units on a selling day.
    own_size_days : float
        Selling days at which an item's own sizes weigh as much as the pool's.
    pool_neighbours : int
        Items taken into the pool on either side, in order of typical size.
    typical_prior_days : float
        Selling days the average item's typical size counts for in each item's own.
    rate_sigma, size_sigma : float
        Log standard deviation of the path factors on rate and size.
    youngest_days : int
        An item is treated as on sale for at least this long.

    Notes
    -----
    Chosen on the first nine months of a gift retailer's year (origins after 121, 152 and 183 days, the 91 days behind
    each unseen) by the frontier of fill against stock value. The optimum is flat: halving or doubling any one of them
    moves unit fill at equal stock by half a point at most. `season_share` cannot be validated within one year: half
    of what the recent memory leaves is an argument, not a fit.
    """

    recent_share: float = 0.6
    recent_days: float = 15.0
    season_share: float = 0.2
    season_days: float = 30.0
    size_memory_days: float = 120.0
    own_size_days: float = 60.0
    pool_neighbours: int = 40
    typical_prior_days: float = 3.0
    rate_sigma: float = 0.3
    size_sigma: float = 0.5
    youngest_days: int = 45

    def __post_init__(self) -> None:
        for name in ("recent_days", "season_days", "size_memory_days", "own_size_days"):
            if not 0 < getattr(self, name) < np.inf:
                raise FieldError(name, "> 0 and finite", getattr(self, name))
        for name in ("rate_sigma", "size_sigma", "typical_prior_days"):
            if not 0 <= getattr(self, name) < np.inf:
                raise FieldError(name, ">= 0 and finite", getattr(self, name))
        if not (self.recent_share >= 0 and self.season_share >= 0 and self.recent_share + self.season_share <= 1):
            raise FieldError("recent_share + season_share", "between 0 and 1", (self.recent_share, self.season_share))
        for name in ("pool_neighbours", "youngest_days"):
            if getattr(self, name) < 1:
                raise FieldError(name, ">= 1", getattr(self, name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Predictive compound demand of every item, and the seed its paths are drawn with.

    Attributes
    ----------
    sale_share : float64, shape (n_items,)
        Probability that the item sells on an open day.
    open_share : float64, shape (horizon_days,)
        Probability that each day of the horizon is open.
    own_share : float64, shape (n_items,)
        Probability that a size comes from the item's own days.
    typical_units : float64, shape (n_items,)
        Geometric mean of units on a selling day, shrunk; 0 for an item that never sold.
    own_range, pool_range : int64, shape (n_items, 2)
        First and past-the-last size record of the item, and of its pool.
    size_units, size_ratio : float64, shape (n_records,)
        Units of every selling day on record, in order of typical size, and the same over the item's typical size.
    cumulative_weight : float64, shape (n_records + 1,)
    protection_days : int
        Lead time plus review period the forecast was asked for.
    settings : ForecastSettings
    seed : int
    """

    sale_share: Floats
    open_share: Floats
    own_share: Floats
    typical_units: Floats
    own_range: Units
    pool_range: Units
    size_units: Floats
    size_ratio: Floats
    cumulative_weight: Floats
    protection_days: int
    settings: ForecastSettings
    seed: int

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.sale_share.size

    @property
    def horizon_days(self) -> int:
        """Days ahead the paths run."""
        return self.open_share.size


@dataclass(frozen=True, slots=True, kw_only=True)
class _History:
    units: Units
    open_days: Mask
    on_sale: Mask


def forecast_from_history(
    units_by_day: Units,
    *,
    first_day: date,
    protection_days: int,
    seed: int,
    horizon_days: int | None = None,
    open_days: Mask | None = None,
    settings: ForecastSettings | None = None,
) -> Forecast:
    """Estimate what every item will sell in the days after its history.

    Parameters
    ----------
    units_by_day : int64, shape (n_items, n_days)
        Units asked for on each calendar day, >= 0, oldest first.
    first_day : date
        Date of the first column; seasons are told by it (a history of several years is read with leap days).
    protection_days : int
        Lead time plus review period in days, >= 1; the history must hold at least two of them.
    seed : int
        >= 0; what the sample paths are drawn with.
    horizon_days : int, optional
        Days ahead; default 91 (a quarter) or six protection intervals, whichever is longer.
    open_days : bool, shape (n_days,), optional
        Days on which one could order; default: days on which anything sold.
    settings : ForecastSettings, optional

    Returns
    -------
    Forecast
        An item without any sale is forecast to sell nothing.

    Raises
    ------
    FieldError
        A shape does not fit, a value is negative, or the history is too short.

    Notes
    -----
    O(n_items n_days) time and memory. Croston (1972) is the origin of separating how often from how much; the pooled
    size ratios follow the bootstrap of Willemain, Smart & Schwarz (2004) with neighbours added.
    """
    chosen = settings or ForecastSettings()
    history = _checked(units_by_day, open_days, protection_days, seed, chosen)
    n_days = history.units.shape[1]
    horizon = max(91, 6 * protection_days) if horizon_days is None else horizon_days
    if horizon < 1:
        raise FieldError("horizon_days", ">= 1", horizon)
    season = _season_weight(first_day, n_days, horizon, chosen.season_days)
    sold = history.units > 0
    n_sold = sold.sum(axis=1)
    item, day = np.nonzero(sold)
    units = history.units[item, day].astype(np.float64)
    age = np.arange(n_days)[::-1]
    day_weight = np.exp(-age / chosen.size_memory_days) + season
    weight = day_weight[day]
    log_typical = _typical_log(item, units, weight, n_sold, chosen.typical_prior_days)

    by_typical = np.lexsort((np.arange(n_sold.size), log_typical, n_sold == 0))
    rank = np.empty_like(by_typical)
    rank[by_typical] = np.arange(by_typical.size)
    records = np.argsort(rank[item], kind="stable")
    first = np.concatenate(([0], np.cumsum(n_sold[by_typical])))
    nearest = chosen.pool_neighbours
    low = np.maximum(rank - nearest, 0)
    high = np.minimum(rank + nearest + 1, rank.size)
    sizes = units[records]
    return Forecast(
        sale_share=_sale_share(history, season, chosen),
        open_share=_open_share(history.open_days, horizon),
        own_share=n_sold / (n_sold + chosen.own_size_days),
        typical_units=np.where(n_sold > 0, np.exp(log_typical), 0.0),
        own_range=np.stack((first[rank], first[rank + 1]), axis=1),
        pool_range=np.stack((first[low], first[high]), axis=1),
        size_units=sizes,
        size_ratio=sizes / np.exp(log_typical[item[records]]),
        cumulative_weight=np.concatenate(([0.0], np.cumsum(weight[records]))),
        protection_days=protection_days,
        settings=chosen,
        seed=seed,
    )


def draw_paths(forecast: Forecast, first: int, last: int, *, n_paths: int) -> NDArray[np.int32]:
    """Sample paths of daily demand of the items `first` .. `last` - 1.

    Parameters
    ----------
    forecast : Forecast
    first, last : int
        Slice of items; a slice drawn alone equals the same slice of the whole.
    n_paths : int
        A positive multiple of 4 (the generator counts in blocks of four).

    Returns
    -------
    int32, shape (last - first, n_paths, horizon_days)

    Raises
    ------
    FieldError
        `n_paths` is not a positive multiple of 4, or the slice lies outside the items.
    """
    if n_paths < 4 or n_paths % 4:
        raise FieldError("n_paths", "a positive multiple of 4", n_paths)
    if not 0 <= first <= last <= forecast.n_items:
        raise FieldError("first, last", f"a slice of 0 .. {forecast.n_items}", (first, last))
    items = slice(first, last)
    shape = (last - first, n_paths)
    seed, settings = forecast.seed, forecast.settings
    return compound_paths(
        _uniforms(seed, _DAY_STREAM, first, (*shape, forecast.horizon_days)),
        forecast.sale_share[items],
        forecast.open_share,
        _mean_one(_uniforms(seed, _RATE_STREAM, first, shape), settings.rate_sigma),
        _mean_one(_uniforms(seed, _SIZE_STREAM, first, shape), settings.size_sigma),
        forecast.own_share[items],
        forecast.own_range[items],
        forecast.pool_range[items],
        forecast.typical_units[items],
        forecast.size_units,
        forecast.size_ratio,
        forecast.cumulative_weight,
    )


def _checked(
    units_by_day: Units, open_days: Mask | None, protection_days: int, seed: int, settings: ForecastSettings
) -> _History:
    if units_by_day.ndim != 2:
        raise FieldError("units_by_day", "of shape (n_items, n_days)", units_by_day.shape)
    n_days = units_by_day.shape[1]
    if protection_days < 1:
        raise FieldError("protection_days", ">= 1", protection_days)
    if n_days < 2 * protection_days:
        raise FieldError("units_by_day", f"at least two protection intervals ({2 * protection_days} days)", n_days)
    if units_by_day.size and int(units_by_day.min()) < 0:
        raise FieldError("units_by_day", ">= 0", int(units_by_day.min()))
    if seed < 0:
        raise FieldError("seed", ">= 0", seed)
    sold = units_by_day > 0
    open_mask = sold.any(axis=0) if open_days is None else open_days
    if open_mask.shape != (n_days,):
        raise FieldError("open_days", f"of shape ({n_days},)", open_mask.shape)
    first_sale = np.argmax(sold, axis=1)
    since = np.minimum(first_sale, max(0, n_days - settings.youngest_days))
    on_sale = np.arange(n_days) >= since[:, np.newaxis]
    return _History(units=units_by_day.astype(np.int64), open_days=open_mask, on_sale=on_sale)


def _season_weight(first_day: date, n_days: int, horizon: int, season_days: float) -> Floats:
    """Nearness of each day of the history to the horizon as it lay in earlier years, in [0, 1]."""
    day = np.arange(n_days)
    nearest = np.full(n_days, np.inf)
    horizon_start = first_day + timedelta(days=n_days)
    for year in range(first_day.year - 1, horizon_start.year):
        if horizon_start.month == 2 and horizon_start.day == 29:
            start = (date(year, 2, 28) - first_day).days + 1
        else:
            start = (horizon_start.replace(year=year) - first_day).days
        outside = np.maximum(start - day, day - (start + horizon - 1))
        nearest = np.minimum(nearest, np.maximum(outside, 0))
    weight: Floats = np.exp(-nearest / season_days)
    return weight


def _sale_share(history: _History, season: Floats, settings: ForecastSettings) -> Floats:
    """Probability of selling on an open day of the horizon: the own rate, lifted by what is common to all items."""
    sold = history.units > 0
    usable = history.open_days.astype(np.float64)
    common = (sold & history.on_sale).sum(axis=0) / np.maximum(1, history.on_sale.sum(axis=0))
    age = np.arange(usable.size)[::-1]
    # A season the history does not reach is no season: its share goes to the long run.
    season_share = settings.season_share * float(season.max(initial=0.0))
    slow_share = 1.0 - settings.recent_share
    recent = _normed(np.exp(-age / settings.recent_days) * usable)
    slow = _normed((slow_share - season_share) * _normed(usable) + season_share * _normed(season * usable))
    level = float(((settings.recent_share * recent + slow_share * slow) * common).sum())
    # What all items did in the days an item was on sale corrects its rate; a handful of items says little about that.
    trust = sold.shape[0] / (sold.shape[0] + ITEMS_FOR_COMMON_LEVEL)
    expected = np.zeros(sold.shape[0])
    for share, weight in ((settings.recent_share, recent), (slow_share, slow)):
        seen = history.on_sale * weight
        exposure = seen.sum(axis=1)
        uplift = _ratio(level * exposure, seen @ common) ** trust
        expected += share * _ratio((seen * sold).sum(axis=1), exposure) * uplift
    share_of_days: Floats = np.minimum(1.0, expected)
    return share_of_days


def _open_share(open_days: Mask, horizon: int) -> Floats:
    """Share of open days by weekday over the last weeks, carried on over the horizon."""
    tail = open_days[-WEEK_DAYS * WEEKS_FOR_PATTERN :]
    from_end = np.arange(tail.size)[::-1] % WEEK_DAYS
    by_weekday = _ratio(
        np.bincount(from_end, weights=tail, minlength=WEEK_DAYS), np.bincount(from_end, minlength=WEEK_DAYS)
    )
    ahead = np.arange(1, horizon + 1)
    return by_weekday[(-ahead) % WEEK_DAYS]


def _typical_log(item: Units, units: Floats, weight: Floats, n_sold: Units, prior_days: float) -> Floats:
    """Mean log units of a selling day of each item, drawn towards the mean of all items that sold."""
    mean_log = _ratio(
        np.bincount(item, weights=weight * np.log(units), minlength=n_sold.size),
        np.bincount(item, weights=weight, minlength=n_sold.size),
    )
    everyone = float(mean_log[n_sold > 0].mean()) if (n_sold > 0).any() else 0.0
    return _ratio(n_sold * mean_log + prior_days * everyone, n_sold + prior_days)


def _uniforms(seed: int, stream: int, first_item: int, shape: tuple[int, ...]) -> Floats:
    """Uniforms on [0, 1) of shape (items, ...): those of `first_item` onwards, at their own place in the stream."""
    source = np.random.Philox(key=np.array([seed, stream], dtype=np.uint64))
    source.advance(first_item * (int(np.prod(shape[1:])) // 4))
    return np.random.Generator(source).random(shape)


def _mean_one(uniform: Floats, sigma: float) -> Floats:
    """Lognormal factors of mean one."""
    factor: Floats = np.exp(sigma * special.ndtri(np.maximum(uniform, 2.0**-54)) - sigma * sigma / 2)
    return factor


def _normed(weight: Floats) -> Floats:
    total = float(weight.sum())
    return weight / total if total > 0 else weight


def _ratio(above: NDArray[np.floating[Any]] | Units, below: NDArray[np.floating[Any]] | Units) -> Floats:
    """`above` / `below`, 0 where there is nothing below."""
    return np.divide(above, below, out=np.zeros(np.shape(above)), where=np.asarray(below) > 0)
