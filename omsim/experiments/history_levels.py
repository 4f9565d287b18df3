"""Base-stock levels for a model that knows its history, all cells traded against each other at one price on stock.

Owns the path from `history` and `suppliers` to the curves of `omsim.optimize.reorder.levels`, and back into `stock`.
Policies cell by cell are `optimize`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.waits import period_shares, review_days
from omsim.errors import InvalidInputError, Problem
from omsim.experiments.optimize import PolicyInputs, Proposal, policy_inputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omsim.model.business import Business
    from omsim.optimize.reorder.levels import LevelCurves, LevelPlan

    Codes = NDArray[np.int64]

NEW_DAYS = 91  # a quarter: how far back an article counts as new


def propose_from_history(
    business: Business, *, seed: int, budget_cents: int | None = None, target_fill: float | None = None
) -> Proposal:
    """Base-stock levels for a model with a `history`: one price on stock over all cells.

    Fills most units for a mean stock value (at unit cost), or reaches a fill rate over all cells with least of it.

    Parameters
    ----------
    business : Business
        Every SKU of its history is reordered at one site, daily.
    seed : int
        Of the sampled demand paths.
    budget_cents, target_fill
        Exactly one.

    Raises
    ------
    InvalidInputError
        The model is not of that kind.
    SolveError
        The target cannot be reached.
    """
    return history_frontier(business, seed=seed).propose(budget_cents=budget_cents, target_fill=target_fill)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFrontier:
    """All levels worth choosing for a model with a `history`, to try several budgets or targets on one forecast.

    Attributes
    ----------
    inputs : PolicyInputs
    cells : int64, shape (n_items,)
        Row of `stock` of each item of the curves.
    curves : LevelCurves
    left_out : str
        What the forecast does not cover, in words; empty = nothing.
    """

    inputs: PolicyInputs
    cells: Codes
    curves: LevelCurves
    left_out: str

    def propose(self, *, budget_cents: int | None = None, target_fill: float | None = None) -> Proposal:
        """Levels for a mean stock value at unit cost, or a fill rate over all cells: exactly one of the two."""
        plan = self.plan(budget_cents=budget_cents, target_fill=target_fill)
        low, top = self.inputs.old_levels()
        top[self.cells] = plan.levels
        low[self.cells] = plan.levels - 1
        aim = f"stock worth {budget_cents / 100:,.0f}" if budget_cents is not None else f"{target_fill:.1%} of units"
        method = (
            f"base stock at one price on stock for {aim}; the forecast expects {plan.predicted_fill_rate:.1%} of units "
            f"filled with {plan.predicted_stock_value_cents / 100:,.0f} in stock at unit cost, gap {plan.gap:.1e}"
        )
        return self.inputs.proposal(method + self.left_out, low, top)

    def plan(self, *, budget_cents: int | None = None, target_fill: float | None = None) -> LevelPlan:
        """What `propose` would choose, with what the forecast expects of it."""
        from omsim.optimize.reorder.levels import choose_levels

        return choose_levels(self.curves, budget_cents=budget_cents, target_fill_rate=target_fill)


def history_frontier(business: Business, *, seed: int) -> HistoryFrontier:
    """Forecast demand from a model's `history` and simulate the candidate levels of every cell on it.

    Parameters and errors are those of `propose_from_history`.
    """
    from omsim.demand.forecast.compound import forecast_from_history
    from omsim.optimize.reorder.levels import level_curves

    why_not = history_obstacle(business)
    if why_not:
        raise InvalidInputError((Problem(where=business.folder or business.settings.name, rule=why_not),))
    inputs = policy_inputs(business, seed=seed)
    units, first_day = _history_by_day(business)
    supplier, sku = business.codes("stock", "supplier"), business.codes("stock", "sku")
    cost = np.maximum(business["skus"].integers("unit_cost_cents")[sku], 1)
    groups, curves = [], []
    for one in np.unique(supplier[inputs.supplied]).tolist():
        cells = inputs.supplied[supplier[inputs.supplied] == one]
        # The levels count a morning's receipt as usable a day after the evening that ordered it, hence one day more.
        before = period_shares(inputs.wait_days[cells[:1]])[0]
        lead = np.concatenate(([0.0], before))
        forecast = forecast_from_history(
            units[sku[cells]],
            first_day=first_day,
            protection_days=max(round(float(lead @ np.arange(len(lead)))), 1),
            seed=seed,
            open_days=units.sum(axis=0) > 0,
        )
        groups.append(cells)
        curves.append(level_curves(forecast, cost[cells], lead_time_days=lead))
    left_out = len(supplier) - len(inputs.supplied)
    return HistoryFrontier(
        inputs=inputs,
        cells=np.concatenate(groups),
        curves=joined_curves(curves),
        left_out=f"; {left_out:,} cells without a supplier are not in it{_share_of_the_new(units)}" if left_out else "",
    )


def history_obstacle(business: Business) -> str:
    """Why levels cannot be set from the model's history; empty = they can."""
    if not len(business["history"]):
        return "has no `history` table, which levels for a budget are learnt from"
    supplied = business.codes("stock", "supplier") >= 0
    carried = np.bincount(business.codes("stock", "sku")[supplied], minlength=len(business["skus"]))
    if (carried > 1).any():
        sku = business["skus"].texts("sku")[int(np.argmax(carried))]
        return f"reorders SKU {sku} at {carried.max()} sites, and its `history` does not say which sold what"
    if (review_days(business)[supplied] > 1).any():
        return "has cells that are not reviewed daily, as levels from its `history` must be"
    return ""


def _share_of_the_new(units_by_day: Codes) -> str:
    """What articles without a past may take, told by those that were new in the last days of the history."""
    n_days = units_by_day.shape[1]
    if n_days < 2 * NEW_DAYS:
        return ""
    first_sale = np.argmax(units_by_day > 0, axis=1)
    late = units_by_day[:, -NEW_DAYS:].sum(axis=1)
    share = late[first_sale >= n_days - NEW_DAYS].sum() / max(late.sum(), 1)
    return f" (articles that first sold in the last {NEW_DAYS} days of the history made {share:.1%} of units then)"


def _history_by_day(business: Business) -> tuple[Codes, date]:
    """Units asked for by SKU and day (n_skus, n_days), and the first day."""
    history = business["history"]
    day = history.integers("date")
    units = np.zeros((len(business["skus"]), int(day.max() - day.min()) + 1), dtype=np.int64)
    np.add.at(units, (business.codes("history", "sku"), day - day.min()), history.integers("units"))
    return units, date.fromordinal(int(day.min()))


def joined_curves(parts: Sequence[LevelCurves]) -> LevelCurves:
    """Curves of several groups of items as one table, the frontier running through all of them."""
    from omsim.optimize.reorder.levels import LevelCurves

    if len(parts) == 1:
        return parts[0]
    first = np.cumsum([0, *(len(part.start_level) for part in parts)])
    item = np.concatenate([part.step_item + at for part, at in zip(parts, first[:-1].tolist(), strict=True)])
    level = np.concatenate([part.step_level for part in parts])
    slope = np.concatenate([part.step_slope for part in parts])
    order = np.lexsort((level, item, -slope))
    return LevelCurves(
        levels=np.concatenate([part.levels for part in parts]),
        filled_units_per_day=np.concatenate([part.filled_units_per_day for part in parts]),
        stock_value_cents=np.concatenate([part.stock_value_cents for part in parts]),
        demand_units_per_day=np.concatenate([part.demand_units_per_day for part in parts]),
        start_level=np.concatenate([part.start_level for part in parts]),
        step_item=item[order],
        step_level=level[order],
        step_filled=np.concatenate([part.step_filled for part in parts])[order],
        step_value=np.concatenate([part.step_value for part in parts])[order],
        step_slope=slope[order],
    )
