"""How well last night's forecasts would have done, as plain rows for the nightly report.

Owns which items are looked at and what a row says. The scores and naive rules are
:mod:`omsim.demand.forecast.holdout`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column
from omsim.demand.forecast.censoring import demand_behind_sales
from omsim.demand.forecast.classes import CLASSES, demand_classes
from omsim.demand.forecast.holdout import ALL, score_forecasts
from omsim.demand.forecast.intermittent import checked_history
from omsim.demand.forecast.predictive import MOST_SIGMA, predict_demand
from omsim.demand.lead_time import Periods
from omsim.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import ArrayLike, NDArray

    from omsim.demand.lead_time import DemandTable

    Units = NDArray[np.int64]
    Mask = NDArray[np.bool_]

Row = dict[str, str | int | float | bool | None]

MOST_ITEMS = 1_000
N_ORIGINS = 2
OWN = "forecast"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is the same at every origin."""

    first_day: date
    before: NDArray[np.float64]
    open_days: Mask
    on_sale_from: Units
    methods: tuple[str, ...]
    doubt_sigma: NDArray[np.float64]
    weekdays: bool
    seed: int

    def forecast(self, known: Units) -> DemandTable:
        n_days = known.shape[1]
        return predict_demand(
            known,
            first_day=self.first_day,
            before_days=self.before,
            review_days=1,
            open_days=self.open_days[:n_days],
            on_sale_from=np.minimum(self.on_sale_from, n_days),
            method=self.methods,
            doubt_sigma=self.doubt_sigma,
            weekdays=self.weekdays,
            seed=self.seed,
        ).after


def holdout_rows(
    history_units: ArrayLike,
    *,
    first_day: date,
    before_days: ArrayLike,
    review_days: int,
    methods: str | Sequence[str],
    doubt_sigma: ArrayLike,
    sold_out: Mask | None = None,
    open_days: Mask | None = None,
    on_sale_from: ArrayLike | None = None,
    weekdays: bool = True,
    seed: int = 0,
    most_items: int = MOST_ITEMS,
    n_origins: int = N_ORIGINS,
) -> list[Row]:
    """Score the night's forecasts on the end of the history, each made from what lies before it, beside naive rules.

    Parameters
    ----------
    history_units, first_day, before_days, review_days, sold_out, open_days, on_sale_from, weekdays, seed
        As in `predict_demand`.
    methods, doubt_sigma
        What the night used: `PredictiveDemand.method` and `.doubt_sigma`. "auto" is no method here.
    most_items : int
        Items looked at, evenly spread over the table, >= 1.
    n_origins : int
        Intervals hidden, one before the other, >= 1.

    Returns
    -------
    list of dict
        One for each demand class ("all" first) and rule; empty without items or where the history is shorter than
        one interval more than is hidden. Fields, all of plain types:

        demand_class : str
            "all" or one of `omsim.demand.forecast.classes.CLASSES`, by the history before the hidden part.
        n_items : int
            Of the class, among those looked at.
        name : str
            "forecast", "last interval", "mean, Poisson" or "last year".
        method : str
            What made the forecasts: the methods of the class's items, the commonest first; of a naive rule, the rule.
        ours : bool
            True of the forecast, False of a naive rule.
        interval_days, n_origins : int
            Days a score is about (mean days before an order can be used, and the review), and how often it was taken.
        pinball : float
            Mean pinball loss at 50, 80, 90, 95 and 98 % over the item's mean demand in an interval; less is better.
        pinball_share : float or None
            The same over that of the best naive rule of the class: below 1 the forecast is worth having. None where
            the naive rules lost nothing.
        coverage_share : float
            Demand that fell in the central 90 %; 0.9 is right.
        bias_share : float or None
            Units forecast over units asked for, less 1; None where nothing was asked for.

    Raises
    ------
    FieldError
        As `predict_demand`; `most_items` or `n_origins` out of range.

    Notes
    -----
    Method and doubt were chosen by the same days, few numbers for many items, so the forecast's scores flatter it by
    little; the naive rules' are not flattered. The interval is the mean one, sure, where the night's is random.
    """
    history = checked_history(history_units)
    n_items, n_days = history.shape
    if most_items < 1:
        raise FieldError("most_items", ">= 1", most_items)
    if n_origins < 1:
        raise FieldError("n_origins", ">= 1", n_origins)
    names = np.array([methods] * n_items if isinstance(methods, str) else list(methods), dtype=object)
    if names.size != n_items:
        raise FieldError("methods", f"one name or {n_items} of them", f"{names.size} of them")
    if "auto" in names:
        raise FieldError("methods", "names of what was used", "auto")
    sigma = checked_column("doubt_sigma", doubt_sigma, n_items, most=MOST_SIGMA)
    shares = Periods.random(before_days).share
    interval_days = max(1, round(float(np.mean(shares @ np.arange(shares.shape[1])))) + review_days)
    if n_items == 0 or n_days < (n_origins + 1) * interval_days:
        return []
    rows = np.arange(0, n_items, -(-n_items // most_items))
    start = np.zeros(n_items, np.int64) if on_sale_from is None else np.asarray(on_sale_from, dtype=np.int64)
    opened: Mask = np.asarray((history > 0).any(axis=0) if open_days is None else open_days, dtype=np.bool_)
    units = np.ascontiguousarray(history[rows])
    if sold_out is not None:
        counted = opened & (np.arange(n_days) >= start[rows, None])
        units = demand_behind_sales(units, np.asarray(sold_out, dtype=np.bool_)[rows], counted=counted, seed=seed)
    asked = _Asked(
        first_day=first_day,
        before=np.eye(interval_days)[[-1]],
        open_days=opened,
        on_sale_from=start[rows],
        methods=tuple(names[rows].tolist()),
        doubt_sigma=sigma[rows],
        weekdays=weekdays,
        seed=seed,
    )
    scores = score_forecasts(units, {OWN: asked.forecast}, interval_days=interval_days, n_origins=n_origins)
    code = demand_classes(units[:, : n_days - n_origins * interval_days]).code
    told = []
    for demand_class, rule in zip(scores.demand_class, scores.method, strict=True):
        row = scores.row(demand_class, rule)
        used = names[rows] if demand_class == ALL else names[rows][code == CLASSES.index(demand_class)]
        best = min(scores.row(demand_class, name)["pinball"] for name in scores.method_names() if name != OWN)
        told.append(
            Row(
                demand_class=demand_class,
                n_items=int(row["n_items"]),
                name=rule,
                method=_commonest(used) if rule == OWN else rule,
                ours=rule == OWN,
                interval_days=interval_days,
                n_origins=n_origins,
                pinball=row["pinball"],
                pinball_share=row["pinball"] / best if best > 0 else None,
                coverage_share=row["coverage_share"],
                bias_share=row["bias_share"] if np.isfinite(row["bias_share"]) else None,
            )
        )
    return told


def _commonest(names: NDArray[np.object_]) -> str:
    """Different names, the commonest first, ties by name."""
    kinds, counts = np.unique(names.astype(str), return_counts=True)
    return ", ".join(kinds[np.argsort(-counts, kind="stable")].tolist())
