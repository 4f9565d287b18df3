"""Tonight's purchases over all lines, orders and sites at once, with a bound no plan can undercut.

Owns the way from a :class:`~omsim.optimize.reorder.problem.ReorderProblem` to a
:class:`~omsim.optimize.reorder.plan.PurchasePlan`: the search is :mod:`omsim.optimize.reorder.night_search`, the
answer is re-checked by :mod:`omsim.optimize.reorder.check`, and a night that cannot be is explained by
:mod:`omsim.optimize.reorder.conflict`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from omsim.errors import FieldError, SolveError
from omsim.optimize.reorder.check import check_purchases
from omsim.optimize.reorder.conflict import PurchaseConflictError, find_conflict
from omsim.optimize.reorder.night_branching import branch_orders
from omsim.optimize.reorder.night_search import WHOLE_OPTIONS, NightSearch
from omsim.optimize.reorder.order_pricing import OrderArrays
from omsim.optimize.reorder.plan import PurchasePlan
from omsim.optimize.reorder.problem import MC_PER_CENT, MM3_PER_DM3

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from omsim.optimize.mip_solvers import MipModel, SolverAnswer, SolverLimits
    from omsim.optimize.reorder.problem import ReorderProblem

    Units = NDArray[np.int64]
    Floats = NDArray[np.float64]

AIM_GAP = 1e-3
SMALL_AIM_GAP = 1e-5  # where the night is small enough to go to a solver whole
SOLVER_SECONDS = 60.0


def plan_purchases(
    problem: ReorderProblem,
    *,
    aim_gap: float | None = None,
    solver_seconds: float = SOLVER_SECONDS,
    solver: Callable[[MipModel, SolverLimits], SolverAnswer] | None = None,
) -> PurchasePlan:
    """Choose what to order tonight at least expected cost, all rules kept.

    Data       c[i,j]       cost of option j of line i: expected cost of the position that follows, price difference to
                            the base unit cost, line cost
               v, w, b[i,j] value, weight, volume of its goods
               F, M, W, f(.), T, g, d, N  of each purchase order: fixed cost, minimum value and weight, freight by
                            value, cost of a truck, what it carries in weight and volume, most trucks
               B, S[s]      budget; storage left at site s
    Variables  x[i,j] in {0, 1}; u[o] in {0, 1}, order o is placed; n[o] whole, its trucks
    Model      min  sum_ij c[i,j] x[i,j] + sum_o (F u[o] + f(V[o]) u[o] + T n[o])
               s.t. sum_j x[i,j] = 1                                for all lines i
                    V[o] = sum v x over its lines, likewise its weight and volume
                    V[o] >= M u[o], weight >= W u[o]; nothing is ordered where u[o] = 0
                    weight <= g n[o], volume <= d n[o], n[o] <= N
                    sum_o V[o] <= B;  volume of the orders of site s <= S[s]

    Parameters
    ----------
    problem : ReorderProblem
    aim_gap : float, optional
        Solvers are asked for help while the gap is above it (a share of the objective). Unless given, 1e-5 for nights
        small enough to go to a solver whole (12,000 options), else 1e-3.
    solver_seconds : float
        Wall time for all solver calls of one kind (single orders; the whole). Whenever it cuts an answer short, the
        plan says so in `fallback`; as long as it does not, the same input gives the same plan to the bit.
    solver : callable, optional
        Module-level function from `MipModel` and `SolverLimits` to `SolverAnswer`; HiGHS unless given.

    Returns
    -------
    PurchasePlan
        Always legal: it has passed `check_purchases`.

    Raises
    ------
    PurchaseConflictError
        What must be ordered cannot be: names the rules that cannot hold together.
    SolveError
        No legal plan was found although no conflict was.
    FieldError
        `aim_gap` or `solver_seconds` out of range.

    Notes
    -----
    The bound is the Lagrangian's: at any prices of budget and storage the sum over orders of the least each can cost is
    below every plan's cost. Orders are bounded case by case (empty; each freight interval; two neighbouring numbers
    of trucks), within a case by prices again, or by the solver; where orders are few, a tree decides their cases.
    100,000 lines of 500 orders take some 10 to 20 s.
    """
    if aim_gap is None:
        aim_gap = SMALL_AIM_GAP if problem.options.units.size <= WHOLE_OPTIONS else AIM_GAP
    if not 0.0 <= aim_gap < 1.0:
        raise FieldError("aim_gap", "from 0 to below 1", aim_gap)
    if not 0.0 < solver_seconds <= 1e6:
        raise FieldError("solver_seconds", "above 0", solver_seconds)
    if problem.lines.n_lines == 0:
        return _answer(problem, np.zeros(0, dtype=np.int64), 0, np.zeros(0), False, "prices", "", 0.0)
    if (np.diff(problem.options.first) == 0).any():
        raise _unplannable(problem, "a line that must be ordered has no legal quantity")
    arrays = OrderArrays.of(problem)
    search = NightSearch(
        arrays, problem.budget_cents, problem.sites.storage_left_mm3, seconds=solver_seconds, solver=solver
    )
    search.find_prices()
    search.fill_pool()
    search.choose_from_pool()
    if search.plan is None:
        search.rescue()
        search.choose_from_pool()
    if search.plan is None:
        raise _unplannable(problem, "; ".join(search.fallbacks) or "no legal plan of the options given")
    if search.gap_share > aim_gap:
        branch_orders(search, aim_gap)
    small = arrays.cost.size <= WHOLE_OPTIONS
    if search.gap_share > aim_gap and not small:
        search.solve_cores(aim_gap)
    if search.gap_share > aim_gap and small:
        search.solve_whole(aim_gap)
    units = np.zeros(problem.lines.n_lines, dtype=np.int64)
    units[arrays.line] = problem.options.units[arrays.option[search.plan]]
    budget_price, storage_price = search.split(search.price)
    return _answer(
        problem,
        units,
        math.ceil(search.bound) if np.isfinite(search.bound) else None,
        storage_price,
        True,
        "prices + mip" if search.used_mip else "prices",
        "; ".join(search.fallbacks),
        budget_price,
    )


def _unplannable(problem: ReorderProblem, why: str) -> SolveError:
    conflict = find_conflict(problem)
    if conflict:
        return PurchaseConflictError(conflict)
    return SolveError("purchase plan", why, "none")


def _answer(
    problem: ReorderProblem,
    units: Units,
    bound_mc: int | None,
    storage_price: Floats,
    searched: bool,
    method: str,
    fallback: str,
    budget_price: float,
) -> PurchasePlan:
    check = check_purchases(problem, units)
    if check.broken:
        raise SolveError("purchase plan", f"a plan that breaks a rule ({check.broken[0]})", method)
    objective = check.objective_mc
    bound = objective if not searched else min(bound_mc if bound_mc is not None else -(10**18), objective)
    status: Literal["optimal", "feasible"] = "optimal" if objective - bound < MC_PER_CENT else "feasible"
    wanted, refused, next_pack = _line_values(problem, units)
    return PurchasePlan(
        units=units,
        price_cents=check.price_cents,
        order_value_cents=check.value_cents,
        order_weight_g=check.weight_g,
        order_volume_mm3=check.volume_mm3,
        order_freight_cents=check.freight_cents,
        order_trucks=check.trucks,
        spent_cents=check.spent_cents,
        objective_mc=objective,
        bound_mc=bound,
        gap_share=(objective - bound) / max(abs(objective), 1),
        status=status,
        method=method,
        fallback=fallback,
        budget_price=budget_price / MC_PER_CENT,
        storage_price_cents_per_dm3=storage_price * (MM3_PER_DM3 / MC_PER_CENT),
        next_pack_value_cents=next_pack,
        wanted_units=wanted,
        refused_mc=refused,
    )


def _line_values(problem: ReorderProblem, units: Units) -> tuple[Units, Units, Floats]:
    """What each line wants by itself, what not having it costs, and what its next pack would save."""
    options, lines = problem.options, problem.lines
    if lines.n_lines == 0:
        return units, units, np.zeros(0)
    total = problem.option_total_mc
    least = np.minimum.reduceat(total, options.first[:-1])
    line = options.line
    first_least = np.full(lines.n_lines, options.units.size, dtype=np.int64)
    np.minimum.at(first_least, line, np.where(total == least[line], np.arange(total.size), total.size))
    row = np.flatnonzero(options.units == units[line])
    higher = np.minimum(row + 1, options.units.size - 1)
    has_next = row + 1 < options.first[1:]
    packs = np.where(has_next, (options.units[higher] - options.units[row]) // lines.pack_units, 1)
    saved = (total[row] - total[higher]) / np.maximum(packs, 1) / MC_PER_CENT
    return options.units[first_least], total[row] - least, np.where(has_next, saved, np.nan)
