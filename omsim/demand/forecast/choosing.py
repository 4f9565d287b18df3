"""Which method forecasts an item: by its demand class, and by score where the history is long enough to tell.

Owns the candidates of each class and the rule of choice. Scores are :mod:`omsim.demand.forecast.holdout`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.forecast.classes import CLASSES, ERRATIC, INTERMITTENT, LUMPY, SMOOTH, TOO_FEW
from omsim.demand.forecast.holdout import item_scores
from omsim.demand.lead_time import DemandTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Units = NDArray[np.int64]
    Codes = NDArray[np.int8]

DEFAULT = "compound"
CANDIDATES = {
    SMOOTH: ("compound", "negative_binomial", "poisson", "empirical"),
    ERRATIC: ("compound", "negative_binomial", "empirical"),
    INTERMITTENT: ("compound", "negative_binomial", "sba", "tsb"),
    LUMPY: ("compound", "negative_binomial", "sba", "tsb"),
    TOO_FEW: ("compound", "tsb"),
}
JUDGED_ITEMS = 1_000  # spread over the table
FEWEST_JUDGED = 30  # of a class
N_ORIGINS = 2
LEAST_KNOWN_INTERVALS = 2  # before the first origin
QUANTILES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)  # what stock is set by lies above
LEAST_COVERAGE_SHARE = 0.85  # of the central 90 %; items share their season, so a narrow forecast may score by luck
FEWEST_WINDOWS = 20  # intervals of history before observed windows can tell a 95 % quantile
BEYOND_DOUBT = 2.0  # standard errors by which a score must be better than the default's

Predict = Callable[["Units", str, "Units"], DemandTable]
"""History up to an origin, method and the rows of the items in the whole table; distribution after the origin."""


def choose_methods(
    history_units: Units, code: Codes, predict: Predict, *, interval_days: int
) -> tuple[dict[int, str], str]:
    """Method of each demand class, and in words how it was chosen.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_days)
    code : int8, shape (n_items,)
        Demand classes.
    predict : function
        Makes the forecasts to be scored.
    interval_days : int
        Lead time plus review.

    Returns
    -------
    dict of class code to method, str
        The default, unless another method's pinball loss on the last two intervals of the history, item by item, is
        smaller by more than twice the standard error of the difference: choosing among equals is choosing by noise.
        A method that held much less than it promised is not chosen, nor observed windows where few have been seen.
    """
    n_items, n_days = history_units.shape
    chosen = dict.fromkeys(range(len(CLASSES)), DEFAULT)
    if n_days < (N_ORIGINS + LEAST_KNOWN_INTERVALS) * interval_days or n_items == 0:
        return chosen, f"{DEFAULT} for all: the history is too short to score others on"
    judged = np.arange(0, n_items, -(-n_items // JUDGED_ITEMS))
    common = np.bincount(code[judged], minlength=len(CLASSES)) >= FEWEST_JUDGED
    methods = [DEFAULT]
    windowed = n_days >= (N_ORIGINS + FEWEST_WINDOWS) * interval_days
    candidates = {
        group: [name for name in names if windowed or name != "empirical"] for group, names in CANDIDATES.items()
    }
    for group, names in candidates.items():
        methods += [name for name in names if common[group] and name not in methods]
    if len(methods) == 1:
        return chosen, f"{DEFAULT} for all: too few items of a class to score others on"
    losses, inside, *_ = item_scores(
        history_units[judged],
        {name: _forecaster(predict, name, judged) for name in methods},
        interval_days=interval_days,
        n_origins=N_ORIGINS,
        quantiles=QUANTILES,
    )
    losses, inside = losses.mean(axis=(1, 3)), inside.mean(axis=1)
    told = []
    for group, names in candidates.items():
        items = np.flatnonzero(code[judged] == group)
        if not common[group]:
            continue
        best, least = 0.0, min(LEAST_COVERAGE_SHARE, float(inside[0, items].mean()))
        for name in names[1:]:
            if float(inside[methods.index(name), items].mean()) < least:
                continue
            gain = losses[0, items] - losses[methods.index(name), items]
            doubt = BEYOND_DOUBT * float(gain.std(ddof=1)) / np.sqrt(items.size)
            if float(gain.mean()) > max(best, doubt):
                best, chosen[group] = float(gain.mean()), name
        told.append(f"{CLASSES[group]} {chosen[group]}")
    return chosen, f"by score on the last {N_ORIGINS} x {interval_days} days: {', '.join(told)}"


def _forecaster(predict: Predict, method: str, rows: Units) -> Callable[[Units], DemandTable]:
    return lambda known: predict(known, method, rows)
