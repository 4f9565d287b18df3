"""One option for each item under shared budgets (multiple-choice knapsack), with a certified bound.

Owns the general problem: any costs and weights, one or a few budgets. The night's plan, with its purchase orders, is
:mod:`omsim.optimize.reorder.solve`.

The structure does the work: at given prices of the budgets every item chooses alone, so the bound is a sum of minima.
With one budget the best price comes exactly from the items' convex hulls, all steps in order of cost saved by weight
(Sinha & Zoltners 1979); with several, prices come from cutting planes of the dual, first on a sample of the items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError, SolveError
from omsim.kernels.choice import (
    apply_moves,
    best_pair,
    cheaper_moves,
    hull_steps,
    priced_choice,
    relieve,
    relieving_moves,
    small_moves,
    take_steps,
)
from omsim.optimize.reorder.dual import best_prices

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Index = NDArray[np.int64]

ROUNDING = 1e-13  # of the sum of absolute costs; far more than the additions can be wrong by
_SAMPLE_ROWS = 5_000
_FILL_ROUNDS = 8
_MOST_CUTS = 150
_MOST_PAIRS = 200
_PAIR_MOVES = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An option for each item.

    Attributes
    ----------
    option : int64, shape (n_items,)
    cost : float
        Of the options chosen.
    bound : float
        No choice within the budgets costs less (lowered by the rounding error its sum can have).
    gap_share : float
        (cost - bound) / |cost|.
    price : float64, shape (n_budgets,)
        Cost that one more unit of each budget saves. [lambda]
    used : float64, shape (n_budgets,)
    """

    option: Index
    cost: float
    bound: float
    gap_share: float
    price: Floats
    used: Floats


def choose_options(costs: ArrayLike, weights: ArrayLike, budgets: ArrayLike) -> Choice:
    """Choose one option for each item at least cost within the budgets.

    Data       c[i,j] costs, w[i,j,b] weights, B[b] budgets
    Variables  x[i,j] in {0, 1}
    Model      min  sum_ij c[i,j] x[i,j]
               s.t. sum_j x[i,j] = 1                    for all i
                    sum_ij w[i,j,b] x[i,j] <= B[b]      for all b

    Parameters
    ----------
    costs : float, shape (n_items, n_options)
        Finite; give an option that is not there the cost and weights of another.
    weights : float, shape (n_items, n_options) or (n_items, n_options, n_budgets)
        Finite, >= 0.
    budgets : float, one number or shape (n_budgets,)
        Finite, >= 0.

    Returns
    -------
    Choice
        Always within the budgets.

    Raises
    ------
    FieldError
        Shapes that do not fit, numbers that are not finite or below 0.
    SolveError
        No choice within the budgets was found (with one budget: there is none).

    Notes
    -----
    One budget: O(N log N) for N items x options. Several: some 200 passes over the data.

    Examples
    --------
    >>> best = choose_options([[9.0, 4.0, 1.0], [8.0, 5.0, 0.0]], [[0, 2, 5], [0, 1, 4]], 6)
    >>> best.option.tolist(), best.cost, best.bound <= best.cost
    ([1, 2], 4.0, True)
    """
    cost, weight, room = _checked(costs, weights, budgets)
    if room.size == 1:
        return _one_budget(cost, weight, room)
    return _several_budgets(cost, weight, room)


def _one_budget(cost: Floats, weight: Floats, budget: Floats) -> Choice:
    flat = np.ascontiguousarray(weight[:, :, 0])
    start, row, option, heavier, saved = hull_steps(cost, flat)
    items = np.arange(cost.shape[0])
    room = float(budget[0] - flat[items, start].sum())
    if room < 0:
        raise SolveError("choice of options", f"least weights above a budget by {-room:g}", "none")
    slope = saved / heavier
    by_slope = np.argsort(-slope, kind="stable")
    choice = start.copy()
    _, critical = take_steps(choice, row, option, heavier, by_slope, room)
    price = np.array([slope[by_slope[critical]] if critical < by_slope.size else 0.0])
    return _finished(cost, weight, budget, price, choice)


def _several_budgets(cost: Floats, weight: Floats, budget: Floats) -> Choice:
    n_items = cost.shape[0]
    over = weight.min(axis=1).sum(axis=0) - budget
    if (over > 0).any():
        raise SolveError("choice of options", f"least weights above a budget by {over.max():g}", "none")
    price = np.zeros(budget.size)
    if n_items > 2 * _SAMPLE_ROWS:
        every = n_items // _SAMPLE_ROWS
        part = np.ascontiguousarray(cost[::every]), np.ascontiguousarray(weight[::every])
        price = _best_prices(*part, budget * (part[0].shape[0] / n_items), price, reach=1.0, closest=1e-6)
        price = _best_prices(cost, weight, budget, price, reach=0.05, closest=1e-7)
    else:
        price = _best_prices(cost, weight, budget, price, reach=1.0, closest=1e-8)
    choice = np.zeros(n_items, dtype=np.int64)
    used = np.zeros(budget.size)
    priced_choice(cost, weight, price, choice, used)
    items = np.arange(n_items)
    for _ in range(_FILL_ROUNDS * 4):
        room = budget - weight[items, choice].sum(axis=0)
        if (room >= 0).all():
            return _finished(cost, weight, budget, price, choice)
        row, option, rate = relieving_moves(cost, weight, price, choice, np.maximum(-room, 0.0))
        relieve(weight, choice, room, row, option, np.argsort(rate, kind="stable"))
    light = (weight / np.maximum(budget, 1e-300)).sum(axis=2).argmin(axis=1)  # the last resort: light in all budgets
    if (weight[items, light].sum(axis=0) > budget).any():
        raise SolveError("choice of options", "no choice within the budgets found", "none")
    return _finished(cost, weight, budget, price, light)


def _best_prices(
    cost: Floats, weight: Floats, budget: Floats, price: Floats, *, reach: float, closest: float
) -> Floats:
    """Prices of (nearly) highest dual value on these items."""
    choice = np.zeros(cost.shape[0], dtype=np.int64)
    used = np.zeros(budget.size)

    def evaluate(at: Floats) -> tuple[Floats, Floats]:
        value = priced_choice(cost, weight, at, choice, used) - float(at @ budget)
        return np.array([value]), (used - budget)[None, :]

    size = float(np.abs(cost).max(axis=1).sum())
    whole = np.maximum(budget, weight.max(axis=(0, 1)))
    scale = size / np.where(whole > 0, whole, 1.0)  # a price that pays for everything
    dearest = float(cost.max(axis=1).sum()) + closest * size
    return best_prices(
        evaluate, price, scale, reach=reach, closest=closest * size, most_tries=_MOST_CUTS, enough=dearest
    )[0]


def _finished(cost: Floats, weight: Floats, budget: Floats, price: Floats, choice: Index) -> Choice:
    """Fill the room left, and work out the bound at these prices."""
    items = np.arange(cost.shape[0])
    relaxed = np.zeros(items.size, dtype=np.int64)
    used = np.zeros(budget.size)
    bound = priced_choice(cost, weight, price, relaxed, used) - float(price @ budget)
    slack = ROUNDING * (float(np.abs(cost).max(axis=1).sum()) + float(price @ budget))
    bound -= slack
    for _ in range(_FILL_ROUNDS):
        room = budget - weight[items, choice].sum(axis=0)
        gap = float(cost[items, choice].sum()) - bound
        row, option, loss = cheaper_moves(cost, weight, price, choice, room, max(gap, 0.0))
        if row.size == 0 or apply_moves(cost, weight, choice, room, row, option, np.argsort(loss, kind="stable")) <= 0:
            break
    if budget.size == 1:
        _exchange_pairs(cost, weight, budget, price, choice, bound)
    total = float(cost[items, choice].sum())
    used = weight[items, choice].sum(axis=0)
    bound = min(bound, total)
    gap_share = (total - bound) / abs(total) if total else 0.0
    return Choice(option=choice, cost=total, bound=bound, gap_share=gap_share, price=price, used=used)


def _exchange_pairs(cost: Floats, weight: Floats, budget: Floats, price: Floats, choice: Index, bound: float) -> None:
    """Change two items at a time, or one, while that uses the budget better; `choice` is changed."""
    items = np.arange(cost.shape[0])
    gap = float(cost[items, choice].sum()) - bound
    for _ in range(_MOST_PAIRS):
        if gap <= 0:
            return
        room = float(budget[0] - weight[items, choice, 0].sum())
        row, option, saved, heavier = small_moves(cost, weight, price, choice, gap)
        if row.size > _PAIR_MOVES:
            kept = np.sort(np.argsort(price[0] * heavier - saved, kind="stable")[:_PAIR_MOVES])
            row, option, saved, heavier = row[kept], option[kept], saved[kept], heavier[kept]
        one, two = best_pair(row, saved, heavier, np.argsort(heavier, kind="stable"), room)
        if one < 0:
            return
        choice[row[one]] = option[one]
        choice[row[two]] = option[two]
        now = float(cost[items, choice].sum()) - bound
        if gap - now < 0.01 * gap:
            return
        gap = now


def _checked(costs: ArrayLike, weights: ArrayLike, budgets: ArrayLike) -> tuple[Floats, Floats, Floats]:
    cost = np.ascontiguousarray(costs, dtype=np.float64)
    weight = np.ascontiguousarray(weights, dtype=np.float64)
    room = np.atleast_1d(np.array(budgets, dtype=np.float64))
    if cost.ndim != 2 or cost.shape[1] == 0:
        raise FieldError("costs", "a table of shape (items, options)", f"shape {cost.shape}")
    if weight.ndim == 2:
        weight = weight[:, :, None]
    if room.ndim != 1 or weight.shape != (*cost.shape, room.size):
        raise FieldError("weights", f"of shape {(*cost.shape, room.size)}", f"shape {weight.shape}")
    for field, given, least in (("costs", cost, -1e15), ("weights", weight, 0.0), ("budgets", room, 0.0)):
        legal = (given >= least) & (given <= 1e15)
        if not legal.all():  # a NaN fails every comparison
            raise FieldError(field, f"finite numbers from {least:g} to 1e15", float(given[~legal].flat[0]))
    return cost, weight, room
