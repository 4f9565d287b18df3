"""How far the level of demand may lie from the forecast's: learnt from forecasts of what has happened since.

Owns the scale of the doubt: the prior, the score and how far the score is believed. The forecasts that are scored are
:mod:`omsim.demand.forecast.predictive`'s, what a doubt does to a table is :mod:`omsim.demand.forecast.tables`'.

The doubt is a lognormal factor on an item's level. Its standard deviation is a scale times what the settings say
(chosen on a lumpy gift shop), one scale for a demand class and method. The score is the logarithm of the probability a
forecast gave to the demand that came (Good 1952), demand up to the usual taken as one outcome: the censored likelihood
of Diks, Panchenko & van Dijk (2011), a proper score of the upper half that sees how fast the tail falls, which pinball
losses hardly do. The scale is the posterior mean over `SCALES` under a normal prior. Two things temper it: items of an
origin share their season and so count for `ITEMS_OF_ORIGIN` at most, and no demand is held less likely than
`LEAST_CHANCE` of an even guess up to the mean, lest one wholesale order decide for its class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.forecast.classes import CLASSES, ERRATIC, INTERMITTENT, LUMPY, SMOOTH, TOO_FEW

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Codes = NDArray[np.int8]

SCALES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5)
PRIOR_SCALE = {SMOOTH: 0.5, ERRATIC: 0.5, INTERMITTENT: 1.0, LUMPY: 1.0, TOO_FEW: 1.0}
PRIOR_SPREAD = 0.5  # standard deviation of the scale before anything is seen
ITEMS_OF_ORIGIN = 20.0
LEAST_CHANCE = 1e-5
JUDGED_OF_CLASS = 100  # items, spread over the table
N_ORIGINS = 2
LEAST_KNOWN_INTERVALS = 2  # before the first origin
SCORED = ("compound", "negative_binomial")
DOUBTS = (*SCORED, "croston")  # the last for all of Croston's family

Chances = Callable[["Units", "Units", "Units"], Mapping[str, tuple["Floats", "Floats"]]]
"""History up to an origin, rows of the items in the whole table, demand after the origin; of each method in `SCORED`
the probability of that demand (of no more than the usual, if it was no more), shape (n_scales, n_items), and the mean
forecast, shape (n_items,)."""


def prior_scales() -> Floats:
    """Scale of each demand class where nothing can be learnt; float64, shape (n_classes,).

    The settings' doubt for demand in lumps, as they were chosen on it; half of it for items that sell nearly every
    period, whose level is better known and moves less: between the shop's 1 and the 0 of demand that never changes.
    """
    return np.array([PRIOR_SCALE[number] for number in range(len(CLASSES))])


def learn_scales(
    history_units: Units, code: Codes, chances: Chances, *, interval_days: int
) -> tuple[dict[str, Floats], str]:
    """Scale of the doubt of each method and demand class, and in words where it comes from.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_days)
    code : int8, shape (n_items,)
        Demand classes.
    chances : function
        Makes the forecasts to be scored.
    interval_days : int
        Lead time plus review.

    Returns
    -------
    dict of each of `DOUBTS` to float64, shape (n_classes,)
        `prior_scales` where the history is shorter than four intervals or a class has no items. Croston's family is
        not scored: it takes the compound method's scale, at least the prior's, since its rates are noisier.

    References
    ----------
    Good (1952), Rational decisions. Diks, Panchenko & van Dijk (2011), Likelihood-based scoring rules for comparing
    density forecasts in tails.
    """
    n_items, n_days = history_units.shape
    scales = {method: prior_scales() for method in DOUBTS}
    if n_items == 0 or n_days < (N_ORIGINS + LEAST_KNOWN_INTERVALS) * interval_days:
        return scales, "doubt of the level assumed: the history is too short to learn it"
    rows = judged_rows(code)
    logs: dict[str, list[Floats]] = {method: [] for method in SCORED}
    for origin in range(n_days - N_ORIGINS * interval_days, n_days, interval_days):
        demand = history_units[rows, origin : origin + interval_days].sum(axis=1)
        known = np.ascontiguousarray(history_units[rows, :origin])
        for method, (chance, mean) in chances(known, rows, demand).items():
            logs[method].append(np.log(np.maximum(chance, LEAST_CHANCE / (1.0 + mean))))
    for method in SCORED:
        for number in range(len(CLASSES)):
            of_class = code[rows] == number
            scores = [score[:, of_class] for score in logs[method]]
            scales[method][number] = posterior_scale(scores, PRIOR_SCALE[number])
    scales["croston"] = np.maximum(scales["compound"], prior_scales())
    told = ", ".join(f"{CLASSES[k]} {scales['compound'][k]:.2f}" for k in np.unique(code[rows]).tolist())
    return scales, f"doubt of the level learnt on the last {N_ORIGINS} x {interval_days} days: {told} of the settings'"


def judged_rows(code: Codes) -> Units:
    """At most `JUDGED_OF_CLASS` items of each class, evenly spread over the table, ascending; int64."""
    chosen = []
    for number in range(len(CLASSES)):
        items = np.flatnonzero(code == number)
        chosen.append(items[:: max(1, -(-items.size // JUDGED_OF_CLASS))])
    return np.sort(np.concatenate(chosen))


def posterior_scale(scores: list[Floats], prior_scale: float) -> float:
    """Mean of the scale over `SCALES` given log scores of shape (n_scales, n_items), one table for each origin."""
    grid = np.array(SCALES)
    log_weight = -0.5 * ((grid - prior_scale) / PRIOR_SPREAD) ** 2 + np.log(np.gradient(grid))
    for score in scores:
        n_items = score.shape[1]
        if n_items:
            log_weight = log_weight + score.sum(axis=1) * min(1.0, ITEMS_OF_ORIGIN / n_items)
    weight = np.exp(log_weight - log_weight.max())
    return float(weight @ grid / weight.sum()) if any(score.size for score in scores) else prior_scale
