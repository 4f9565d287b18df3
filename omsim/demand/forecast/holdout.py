"""How good forecasts were: the end of the history hidden, forecast, and compared, beside naive rules.

Owns rolling origins, the scores and the naive rules. Forecasts come from whoever is asked (a name and a function), so
that the choice of methods can use the same scores as the report.

Scores of one item and origin, on the demand of an interval:

* **pinball loss** at several quantiles, averaged; an item's losses are divided by its mean demand in an interval, at
  least one unit, so that neither the largest nor the idle ones decide alone;
* **coverage** of the central 90 %: the share of demand that fell inside, a whole-unit demand on the edge counting for
  the part of its probability that lies inside (Czado, Gneiting & Held 2009), so that an honest forecast scores 0.9
  even where most demand is zero;
* **bias**: units forecast less units asked for, over units asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.forecast.classes import CLASSES, demand_classes
from omsim.demand.lead_time import DemandTable, Periods, poisson_demand, ragged
from omsim.errors import FieldError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

Forecaster = Callable[["Units"], DemandTable]
"""History up to an origin in, distribution of the interval after it out."""

QUANTILES = (0.5, 0.8, 0.9, 0.95, 0.98)
CENTRAL_SHARE = 0.9
YEAR_DAYS = 364  # whole weeks, so that weekdays meet
ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutScores:
    """Scores by demand class and method, one row each; rows of class "all" come first.

    Attributes
    ----------
    demand_class, method : tuple of str, shape (n_rows,)
    n_items : int64, shape (n_rows,)
        Items of that class, by the history before the first origin.
    pinball : float64, shape (n_rows, n_quantiles)
        Mean scaled pinball loss at `quantiles`.
    coverage_share : float64, shape (n_rows,)
        Of the central 90 %.
    bias_share : float64, shape (n_rows,)
        NaN where nothing was asked for.
    quantiles : tuple of float
    interval_days, n_origins : int
    """

    demand_class: tuple[str, ...]
    method: tuple[str, ...]
    n_items: Units
    pinball: Floats
    coverage_share: Floats
    bias_share: Floats
    quantiles: tuple[float, ...]
    interval_days: int
    n_origins: int

    def method_names(self) -> tuple[str, ...]:
        """Methods scored, in order."""
        return tuple(dict.fromkeys(self.method))

    def row(self, demand_class: str, method: str) -> dict[str, float]:
        """Scores of one class and method by name, the pinball loss averaged over quantiles."""
        for i, key in enumerate(zip(self.demand_class, self.method, strict=True)):
            if key == (demand_class, method):
                return {
                    "n_items": float(self.n_items[i]),
                    "pinball": float(self.pinball[i].mean()),
                    "coverage_share": float(self.coverage_share[i]),
                    "bias_share": float(self.bias_share[i]),
                }
        raise FieldError("demand_class, method", "a row of the scores", (demand_class, method))


def naive_rules(history_units: Units, interval_days: int) -> dict[str, Forecaster]:
    """Rules a forecast must beat: the last interval, the mean with Poisson, and last year's interval if there is one.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_days)
        All of it up to the first origin, to tell whether there is a year.
    interval_days : int
    """

    def last(history: Units) -> DemandTable:
        return _certain(history[:, -interval_days:].sum(axis=1))

    def mean(history: Units) -> DemandTable:
        return poisson_demand(history.mean(axis=1), Periods.fixed(interval_days))

    def last_year(history: Units) -> DemandTable:
        start = history.shape[1] - YEAR_DAYS
        return _certain(history[:, start : start + interval_days].sum(axis=1))

    rules: dict[str, Forecaster] = {"last interval": last, "mean, Poisson": mean}
    if history_units.shape[1] >= YEAR_DAYS:
        rules["last year"] = last_year
    return rules


def score_forecasts(
    history_units: Units,
    forecasters: Mapping[str, Forecaster],
    *,
    interval_days: int,
    n_origins: int = 3,
    quantiles: tuple[float, ...] = QUANTILES,
    naive: bool = True,
) -> HoldoutScores:
    """Score forecasts of the last intervals of the history, each made from what lies before it only.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_days)
    forecasters : mapping of str to function
        Given the history before an origin, return the distribution of the `interval_days` after it.
    interval_days : int
        >= 1.
    n_origins : int
        Intervals hidden, one before the other without overlap, >= 1; at least one interval must remain before them.
    quantiles : tuple of float
        In (0, 1).
    naive : bool
        Score `naive_rules` as well.

    Returns
    -------
    HoldoutScores

    Raises
    ------
    FieldError
        The history is too short, or a number out of range.
    """
    losses, inside, forecast, asked, code, names = item_scores(
        history_units, forecasters, interval_days=interval_days, n_origins=n_origins, quantiles=quantiles, naive=naive
    )
    groups = [(ALL, np.arange(code.size))]
    groups += [(name, np.flatnonzero(code == number)) for number, name in enumerate(CLASSES) if (code == number).any()]
    rows = [(group, items, k) for group, items in groups for k in range(len(names))]
    total = [float(asked[:, items].sum()) for _, items, _ in rows]
    return HoldoutScores(
        demand_class=tuple(group for group, _, _ in rows),
        method=tuple(names[k] for _, _, k in rows),
        n_items=np.array([items.size for _, items, _ in rows], dtype=np.int64),
        pinball=np.array([losses[k][:, items].mean(axis=(0, 1)) for _, items, k in rows]).reshape(-1, len(quantiles)),
        coverage_share=np.array([inside[k][:, items].mean() for _, items, k in rows]),
        bias_share=np.array(
            [
                float(forecast[k][:, items].sum()) / units - 1.0 if units > 0 else np.nan
                for (_, items, k), units in zip(rows, total, strict=True)
            ]
        ),
        quantiles=quantiles,
        interval_days=interval_days,
        n_origins=n_origins,
    )


def item_scores(
    history_units: Units,
    forecasters: Mapping[str, Forecaster],
    *,
    interval_days: int,
    n_origins: int,
    quantiles: tuple[float, ...] = QUANTILES,
    naive: bool = False,
) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.int8], tuple[str, ...]]:
    """Scores item by item, before they are averaged. Arguments as in `score_forecasts`.

    Returns
    -------
    losses : float64, shape (n_methods, n_origins, n_items, n_quantiles)
        Scaled pinball losses.
    inside, forecast : float64, shape (n_methods, n_origins, n_items)
        Part of the demand that lay in the central 90 %; mean forecast.
    asked : float64, shape (n_origins, n_items)
    code : int8, shape (n_items,)
        Demand class before the first origin.
    names : tuple of str, shape (n_methods,)
    """
    n_items, n_days = history_units.shape
    if interval_days < 1:
        raise FieldError("interval_days", ">= 1", interval_days)
    if n_origins < 1:
        raise FieldError("n_origins", ">= 1", n_origins)
    if not all(0 < q < 1 for q in quantiles) or not quantiles:
        raise FieldError("quantiles", "between 0 and 1", quantiles)
    if n_items == 0:
        raise FieldError("history_units", "of at least one item", history_units.shape)
    first_origin = n_days - n_origins * interval_days
    if first_origin < interval_days:
        least = (n_origins + 1) * interval_days
        raise FieldError("history_units", f"at least {least} days long, for {n_origins} origins", f"{n_days} days")
    rules = dict(forecasters)
    if naive:
        rules |= naive_rules(history_units[:, :first_origin], interval_days)
    shape = (len(rules), n_origins, n_items)
    losses, inside, forecast = np.zeros((*shape, len(quantiles))), np.zeros(shape), np.zeros(shape)
    asked = np.zeros((n_origins, n_items))
    for place in range(n_origins):
        origin = first_origin + place * interval_days
        known = np.ascontiguousarray(history_units[:, :origin])
        demand = history_units[:, origin : origin + interval_days].sum(axis=1)
        asked[place] = demand
        scale = np.maximum(1.0, known.mean(axis=1) * interval_days)
        for number, rule in enumerate(rules.values()):
            table = rule(known)
            losses[number, place] = pinball_losses(table, demand, quantiles) / scale[:, None]
            inside[number, place] = central_parts(table, demand)
            forecast[number, place] = table.mean()
    code = demand_classes(history_units[:, :first_origin]).code
    return losses, inside, forecast, asked, code, tuple(rules)


def pinball_losses(table: DemandTable, demand_units: Units, quantiles: tuple[float, ...]) -> Floats:
    """Pinball loss of each quantile, in units; float64, shape (n_items, n_quantiles).

    What a unit short costs is weighed by the quantile, what a unit left costs by the rest.
    """
    losses = np.zeros((table.n_items, len(quantiles)))
    for column, share in enumerate(quantiles):
        short = demand_units - table.quantile(share)
        losses[:, column] = np.maximum(share * short, (share - 1.0) * short)
    return losses


def central_parts(table: DemandTable, demand_units: Units, *, central_share: float = CENTRAL_SHARE) -> Floats:
    """Part of each demand's own step of the distribution that lies within the central share; float64, in [0, 1]."""
    low, high = table.cdf(demand_units - 1), table.cdf(demand_units)
    edge = (1.0 - central_share) / 2.0
    width = high - low
    within = np.clip(np.minimum(high, 1.0 - edge) - np.maximum(low, edge), 0.0, None)
    never = (low >= edge) & (high <= 1.0 - edge)  # a step of no width inside: demand the forecast thought impossible
    part: Floats = np.divide(within, width, out=never.astype(np.float64), where=width > 1e-15)
    return part


def _certain(units: Units) -> DemandTable:
    return ragged([np.concatenate((np.zeros(n), np.ones(1))) for n in units.tolist()])
