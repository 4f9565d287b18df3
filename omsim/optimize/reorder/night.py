"""One night, from what is known to what is bought: the same for the nightly job and for the simulation in the loop.

Owns the order of the steps. A look ahead (:func:`look_ahead`) turns order history into distributions of demand and
into each cell's own policy, and is good for days; tonight's plan (:func:`plan_tonight`) turns positions into purchases
under everything that ties the lines together. Each step is a neighbour's: `cell_terms`, `omsim.demand.forecast`,
`own_policies`, `tonight`, `solve`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.demand.forecast.classes import CLASSES
from omsim.demand.forecast.predictive import predict_demand
from omsim.demand.forecast.tables import IntervalTables, in_order, joined
from omsim.errors import FieldError
from omsim.optimize.reorder.cell_terms import fill_targets, value_classes
from omsim.optimize.reorder.crossing import crossing_shares
from omsim.optimize.reorder.outlook import Outlook
from omsim.optimize.reorder.own_policies import Past, lane_cycles, lane_rhythm, own_policies
from omsim.optimize.reorder.solve import plan_purchases
from omsim.optimize.reorder.tonight import tonights_problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from omsim.optimize.reorder.cell_terms import CellTerms
    from omsim.optimize.reorder.outlook import Position
    from omsim.optimize.reorder.plan import PurchasePlan
    from omsim.optimize.reorder.problem import ReorderProblem

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Texts = NDArray[np.object_]

LEAST_FILL, MOST_FILL = 0.01, 0.9999  # targets beyond are read as these


@dataclass(frozen=True, slots=True, kw_only=True)
class TonightsPlan:
    """A night's problem and its answer, line i being item i of the terms."""

    problem: ReorderProblem
    plan: PurchasePlan


def look_ahead(
    terms: CellTerms,
    history_units: Units,
    *,
    first_day: date,
    sold_out: Flags | None = None,
    seed: int,
    method: str = "auto",
    known: Outlook | None = None,
) -> Outlook:
    """Forecast every item and set its own policy.

    Parameters
    ----------
    terms : CellTerms
    history_units : int64, shape (n_items, n_days)
        Units asked for, the last column being tonight.
    first_day : date
        Of the history.
    sold_out : bool, shape (n_items, n_days), optional
        Days on which the history is only a lower bound.
    seed : int
        Of what the forecast samples.
    method : str
        As `predict_demand`'s.
    known : Outlook, optional
        An earlier look at the same items, whose methods and doubt are taken over instead of being scored anew.

    Raises
    ------
    FieldError
        No cell has a supplier, or as `predict_demand`.

    Notes
    -----
    What each aim of the model means is said in :mod:`omsim.optimize.reorder.own_policies`.
    """
    if not terms.n_items:
        raise FieldError("stock.supplier", "given in some row: there is nothing to reorder", "none")
    abc, xyz = value_classes(terms, history_units)
    target = np.clip(fill_targets(terms, abc, xyz), LEAST_FILL, MOST_FILL)
    past = Past(history_units, first_day, history_units.sum(axis=0) > 0, seed)
    groups = [np.flatnonzero(terms.review_days == review) for review in np.unique(terms.review_days).tolist()]
    cycle_days, _ = lane_cycles(terms, history_units.mean(axis=1))
    shares = crossing_shares(terms.lane_shares, cycle_days)
    parts = [
        predict_demand(
            history_units[items],
            first_day=first_day,
            before_days=shares[terms.lane[items]],
            review_days=int(terms.review_days[items[0]]),
            sold_out=None if sold_out is None else sold_out[items],
            open_days=past.open_days,
            method=method if known is None else tuple(known.method[items].tolist()),
            doubt_sigma=None if known is None else known.doubt_sigma[items],
            seed=seed,
        )
        for items in groups
    ]
    order = np.argsort(np.concatenate(groups), kind="stable")

    def column(pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(pieces)[order]

    def texts(pieces: Sequence[Sequence[str]]) -> Texts:
        return np.asarray([text for piece in pieces for text in piece], dtype=object)[order]

    mean = column([part.mean_units_per_day for part in parts])
    rhythm = lane_rhythm(terms, mean)
    levels = [
        own_policies(terms, items, part, target[items], past, rhythm) for items, part in zip(groups, parts, strict=True)
    ]
    tables = in_order(
        joined([IntervalTables(period=part.period, before=part.before, after=part.after) for part in parts]),
        np.concatenate(groups),
    )
    return Outlook(
        terms=terms,
        period=tables.period,
        before=tables.before,
        after=tables.after,
        mean_units_per_day=mean,
        order_cost_cents=rhythm.order_cost_cents,
        saved_cents=rhythm.saved_cents,
        demand_class=texts([[CLASSES[code] for code in part.demand_class.tolist()] for part in parts]),
        method=texts([part.method for part in parts]),
        doubt_sigma=column([part.doubt_sigma for part in parts]),
        abc=abc,
        xyz=xyz,
        target_fill=target,
        reorder_point=column([low for low, _, _ in levels]),
        order_up_to=column([top for _, top, _ in levels]),
        shortage_cents=column([shortage for _, _, shortage in levels]),
        source=parts[0].source,
        kept=np.zeros(terms.n_items, dtype=np.bool_),
    )


def plan_tonight(
    outlook: Outlook,
    position: Position,
    *,
    tonight: date,
    due: Flags | None = None,
    seconds: float,
    aim_gap: float | None = None,
) -> TonightsPlan:
    """Buy for tonight under every rule that ties the lines together, and check the answer.

    Parameters
    ----------
    outlook : Outlook
    position : Position
    tonight : date
        Local day the purchase orders are sent.
    due : bool, shape (n_items,), optional
        Items under review tonight; all by default.
    seconds : float
        For solvers, in all; see `plan_purchases`.
    aim_gap : float, optional
        Share of the cost within which the plan is near enough to the best; the closer, the longer.

    Raises
    ------
    SolveError
        No plan can hold all rules; the message names the smallest set that cannot hold together.
    """
    problem = tonights_problem(outlook, position, tonight=tonight, due=due)
    return TonightsPlan(problem=problem, plan=plan_purchases(problem, solver_seconds=seconds, aim_gap=aim_gap))
