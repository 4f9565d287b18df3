"""What every item will be asked for while tonight's order is what it lives on: one call, three tables.

Owns the path from a table of daily history to the distributions of a review period, of the days before an order can
be used and of both together: cleaning (sold-out days), the method of each item and the doubt about its level. Choosing
a method by its score is :mod:`choosing`, learning the doubt :mod:`doubt`, making the tables :mod:`item_tables`,
estimating sold-out days :mod:`censoring`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.demand.forecast.censoring import demand_behind_sales
from omsim.demand.forecast.choosing import choose_methods
from omsim.demand.forecast.classes import demand_classes
from omsim.demand.forecast.compound import ForecastSettings
from omsim.demand.forecast.doubt import DOUBTS, SCALES, learn_scales
from omsim.demand.forecast.intermittent import checked_history
from omsim.demand.forecast.item_tables import Past, demand_chances, doubted_like, full_sigma, make_tables
from omsim.demand.forecast.tables import joined
from omsim.demand.lead_time import DemandTable, Periods
from omsim.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Mask = NDArray[np.bool_]

METHODS = ("poisson", "negative_binomial", "compound", "empirical", "croston", "sba", "tsb", "ets")
DOUBTED = frozenset(METHODS) - {"poisson", "empirical"} | {"auto"}  # "ets" falls back on one that is
TAIL = 5e-6  # keeps the mean of the lumpiest shop within 0.1 %
SCORED_TAIL = 1e-4  # of tables that are only compared at quantiles
MOST_SIGMA = 5.0  # a level a thousand times off is an absurd doubt
CHUNK_ITEMS = 16_384  # looked at together: pools of neighbours are large enough, tables small enough


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictiveDemand:
    """Distribution of every item's demand over the days that matter for tonight's order.

    Attributes
    ----------
    period, before, after : DemandTable
        Of one review period of average days; of the days before an order can be used; of both together.
    mean_units_per_day : float64, shape (n_items,)
        Expected units of an average day, closed days counted.
    demand_class : int8, shape (n_items,)
        Place in `omsim.demand.forecast.classes.CLASSES`, by day.
    method : tuple of str
        What each item's tables were made by.
    doubt_sigma : float64, shape (n_items,)
        Standard deviation of the logarithm of each item's level, for the methods that have such a doubt.
    source : str
        What was used, in words for the user.
    """

    period: DemandTable
    before: DemandTable
    after: DemandTable
    mean_units_per_day: Floats
    demand_class: NDArray[np.int8]
    method: tuple[str, ...]
    doubt_sigma: Floats
    source: str


def predict_demand(
    history_units: ArrayLike,
    *,
    first_day: date,
    before_days: ArrayLike,
    review_days: int,
    sold_out: Mask | None = None,
    open_days: Mask | None = None,
    on_sale_from: ArrayLike | None = None,
    group: ArrayLike | None = None,
    method: str | Sequence[str] = "auto",
    seed: int = 0,
    settings: ForecastSettings | None = None,
    weekdays: bool = True,
    tail: float = TAIL,
    doubt_sigma: ArrayLike | None = None,
) -> PredictiveDemand:
    """Predict the demand of every item from its daily history.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_days)
        Units asked for on each day, >= 0, oldest first; one day is enough.
    first_day : date
        Of the first column.
    before_days : float64, shape (1 or n_items, most_days + 1)
        Probability of 0, 1, ... whole days of demand before an order can be used.
    review_days : int
        Days between two chances to order, >= 1.
    sold_out : bool, shape (n_items, n_days), optional
        Days on which the units are only a lower bound.
    open_days : bool, shape (n_days,), optional
        Days on which one could order; default: days on which anything sold.
    on_sale_from : int64, shape (n_items,), optional
        First day (column) each item could be bought, 0 .. n_days. Items on sale for few days are drawn towards what
        new items sell; without it an item that never sold is forecast to sell nothing.
    group : int64, shape (n_items,), optional
        Numbers of groups of similar items, >= 0; a new item is drawn towards the new ones of its group.
    method : str or sequence of str
        One of `METHODS` for all items or one each, or "auto": by class, and by score on the end of the history where
        it is long enough.
    seed : int
        >= 0, of what is drawn: values for sold-out days, paths of "ets".
    settings : ForecastSettings, optional
    weekdays : bool
        Whether every seventh column is alike, in being open and in how much sells; not so where columns are weeks or
        months.
    tail : float
        Probability that may be left out at the top of each item's tables, above 0 and at most 0.01.
    doubt_sigma : float or float64, shape (n_items,), optional
        Standard deviation of the logarithm of each item's level, >= 0; by default it is learnt by demand class from
        the end of the history, and assumed where that is too short (:mod:`omsim.demand.forecast.doubt`).

    Returns
    -------
    PredictiveDemand

    Raises
    ------
    FieldError
        A shape that does not fit, a number out of range or not finite, an empty history, a sale before the item was
        on sale.

    Notes
    -----
    The tail is cut because rare large orders make tables long. Cut at the default, a gift shop's means are lowered by
    0.06 %; cut at 1e-4 by 0.8 %, with tables a third shorter.
    """
    past, shares = _checked(
        history_units, first_day, before_days, open_days, on_sale_from, group, settings, seed, review_days, tail
    )
    past = replace(past, weekdays=weekdays)
    n_items, n_days = past.units.shape
    told = [f"{n_days:,} days of history from {first_day}"]
    if sold_out is not None:
        flags = np.asarray(sold_out, dtype=np.bool_)
        day = np.arange(n_days)
        counted = past.open_days & (day >= past.on_sale_from[:, None])
        past = replace(past, units=demand_behind_sales(past.units, flags, counted=counted, seed=seed))
        if flags.any():
            told.append(f"{int(flags.sum()):,} sold-out days estimated upwards")
    code = demand_classes(past.units).code
    auto = isinstance(method, str) and method == "auto"
    names = np.full(n_items, "auto", dtype=object) if auto else _given_methods(method, n_items)
    after_days = max(1, round(float(np.mean(shares @ np.arange(shares.shape[1])))) + review_days)
    if doubt_sigma is not None:
        given = checked_column("doubt_sigma", doubt_sigma, n_items, most=MOST_SIGMA)
        sigmas = dict.fromkeys(DOUBTS, given)
    elif DOUBTED.intersection(names.tolist()):

        def chances(known: Units, rows: Units, demand: Units) -> dict[str, tuple[Floats, Floats]]:
            before = replace(past.of(rows).until(known.shape[1]), units=known)
            return demand_chances(before, after_days, demand, SCALES)

        scales, doubt_told = learn_scales(past.units, code, chances, interval_days=after_days)
        sigmas = {name: scale[code] * full_sigma(past.settings) for name, scale in scales.items()}
        told.append(doubt_told)
    else:
        sigmas = dict.fromkeys(DOUBTS, np.zeros(n_items))
    if auto:
        certain = np.eye(after_days)[[-1]]  # the scored interval: as long as the mean one, its review day apart

        def predict(known: Units, name: str, rows: Units) -> DemandTable:
            before = replace(past.of(rows).until(known.shape[1]), units=known)
            alike = np.full(rows.size, name, dtype=object)
            return make_tables(before, certain, 1, alike, sigmas[doubted_like(name)][rows], SCORED_TAIL).after

        by_class, why = choose_methods(past.units, code, predict, interval_days=after_days)
        names = np.array([by_class[number] for number in range(len(by_class))], dtype=object)[code]
        told.append(f"method {why}")
    sigma = np.zeros(n_items)
    for name in sorted(DOUBTED.intersection(names.tolist())):
        sigma[names == name] = sigmas[doubted_like(name)][names == name]
    tables = []
    for first in range(0, n_items, CHUNK_ITEMS):
        items = slice(first, first + CHUNK_ITEMS)
        share = shares[items] if shares.shape[0] > 1 else shares
        tables.append(make_tables(past.of(items), share, review_days, names[items], sigma[items], tail))
    merged = joined(tables)
    return PredictiveDemand(
        period=merged.period,
        before=merged.before,
        after=merged.after,
        mean_units_per_day=merged.period.mean() / review_days,
        demand_class=code,
        method=tuple(names.tolist()),
        doubt_sigma=sigma,
        source="; ".join(told),
    )


def _checked(
    history_units: ArrayLike,
    first_day: date,
    before_days: ArrayLike,
    open_days: Mask | None,
    on_sale_from: ArrayLike | None,
    group: ArrayLike | None,
    settings: ForecastSettings | None,
    seed: int,
    review_days: int,
    tail: float,
) -> tuple[Past, Floats]:
    history = checked_history(history_units)
    n_items, n_days = history.shape
    if n_days == 0:
        raise FieldError("history_units", "at least one day long", history.shape)
    shares = Periods.random(before_days).share
    if shares.shape[0] not in (1, n_items):
        raise FieldError("before_days", f"of 1 or {n_items} rows", shares.shape)
    if review_days < 1:
        raise FieldError("review_days", ">= 1", review_days)
    if seed < 0:
        raise FieldError("seed", ">= 0", seed)
    if not 0 < tail <= 0.01:
        raise FieldError("tail", "above 0 and at most 0.01", tail)
    opened = (history > 0).any(axis=0) if open_days is None else np.asarray(open_days, dtype=np.bool_)
    if opened.shape != (n_days,):
        raise FieldError("open_days", f"of shape ({n_days},)", opened.shape)
    start = checked_units("on_sale_from", 0 if on_sale_from is None else on_sale_from, n_items, most=n_days)
    sold = history > 0
    early = sold.any(axis=1) & (np.argmax(sold, axis=1) < start)
    if early.any():
        day = int(np.argmax(sold[early][0]))
        rule = f"no later than the item's first sale (day {day} of the history)"
        raise FieldError("on_sale_from", rule, int(start[early][0]))
    kinds = None if group is None else checked_units("group", group, n_items, most=max(n_items, 1_000_000))
    past = Past(
        units=history,
        first_day=first_day,
        open_days=opened,
        on_sale_from=start,
        group=kinds,
        settings=settings or ForecastSettings(),
        seed=seed,
        weekdays=True,
    )
    return past, shares


def _given_methods(method: str | Sequence[str], n_items: int) -> NDArray[np.object_]:
    names = [method] * n_items if isinstance(method, str) else list(method)
    if len(names) != n_items:
        raise FieldError("method", f"one name or {n_items} of them", f"{len(names)} of them")
    for name in [method, *names] if isinstance(method, str) else names:
        if name not in METHODS:
            raise FieldError("method", f"auto or one of {', '.join(METHODS)}", name)
    return np.array(names, dtype=object)
