"""The integer core: purchase orders, or a whole small night, as a mixed-integer model.

Owns the model and what its answer is worth; where the solver runs is :mod:`omsim.optimize.solving`, which orders need
it is decided in :mod:`omsim.optimize.reorder.solve`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import SolveError
from omsim.kernels.choice_orders import (
    FIXED,
    MIN_VALUE,
    MIN_WEIGHT,
    MOST_TRUCKS,
    TRUCK_COST,
    TRUCK_G,
    TRUCK_MM3,
)
from omsim.optimize.mip_solvers import MipModel, SolverAnswer, SolverLimits
from omsim.optimize.reorder.problem import MC_PER_CENT, NO_LIMIT
from omsim.optimize.solving import solve_mip

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from omsim.optimize.reorder.order_pricing import OrderArrays

    Units = NDArray[np.int64]
    Floats = NDArray[np.float64]

MOST_NODES = 3_000
"""Of the solver's tree: a limit that does not depend on the clock, so the same input gives the same plan."""

_MARGIN = 1e-6  # what a solver's tolerances may have added to its bound, as a share of the part it decides


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreAnswer:
    """What a solver made of some orders.

    Attributes
    ----------
    plan : int64, shape (n_lines,)
        The hint with the lines of the orders asked for replaced, or as it was.
    bound : float
        No legal choice of these orders costs less at the prices given, in milli-cents; -inf when nobody said.
    fallback : str
        Why the solver did not finish; empty when it did.
    """

    plan: Units
    bound: float
    fallback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreModel:
    """A model, and how to read its answer.

    Attributes
    ----------
    mip : MipModel
    options : int64, shape (n_choices,)
        Option each of the first columns stands for.
    offset_mc : float
        Cost that every answer has.
    """

    mip: MipModel
    options: Units
    offset_mc: float


def build_core(
    arrays: OrderArrays,
    which: Units,
    budget_price: float,
    storage_price: Floats,
    *,
    budget_cents: int = NO_LIMIT,
    storage_mm3: Units | None = None,
) -> CoreModel:
    """Model the orders named, at prices of what they share with others, or with the limits themselves.

    Data       c[j]            cost of option j, prices of value and volume included, less the line's cheapest
               v[j], w[j], b[j]  its value, weight, volume
               F, M, W         fixed cost, minimum value and weight of order o
               L[k], U[k], f[k]  freight interval k of order o: values from L to U, freight f
               T, g, d, N      cost, weight, volume, and largest number of trucks of order o
    Variables  x[j] in {0, 1}; u[o] in {0, 1}, the order is placed; z[k] in {0, 1}, its interval; n[o] whole, trucks
    Model      min  sum_j c[j] x[j] + sum_o F u + sum_k f[k] z[k] + sum_o T n
               s.t. sum_{j of line} x[j]  = 1                                for all lines
                    sum_{j of line, not nothing} x[j] <= u[o]                 for all lines of o
                    sum_k z[k] = u[o]                                         for all o
                    sum_k max(L[k], M) z[k] <= sum_j v[j] x[j] <= sum_k U[k] z[k]
                    sum_j w[j] x[j] >= W u[o]
                    sum_j w[j] x[j] <= g n[o],  sum_j b[j] x[j] <= d n[o],  n[o] <= N
                    sum_j v[j] x[j] <= budget,  sum_{j at site} b[j] x[j] <= storage   where limits are given
    """
    from scipy.sparse import csr_array

    builder = _Rows()
    which = which[arrays.order_first[which] < arrays.order_first[which + 1]]  # orders without lines decide nothing
    options: list[Units] = []
    costs: list[float] = []
    upper: list[float] = []
    offset = 0.0
    site_columns: dict[int, list[tuple[Units, Floats]]] = {}
    value_columns: list[tuple[Units, Floats]] = []
    n_choices = int(
        sum(
            arrays.option_first[arrays.order_first[o + 1]] - arrays.option_first[arrays.order_first[o]]
            for o in which.tolist()
        )
    )
    extra_cost: list[float] = []
    next_choice = 0

    def extra(cost: float, most: float) -> int:
        extra_cost.append(cost)
        upper.append(most)
        return n_choices + len(extra_cost) - 1

    for o in which.tolist():
        low, high = int(arrays.order_first[o]), int(arrays.order_first[o + 1])
        begin, end = int(arrays.option_first[low]), int(arrays.option_first[high])
        site = int(arrays.order_site[o])
        own = arrays.terms[o]
        amounts = arrays.amounts[begin:end]
        base = arrays.cost[begin:end] + budget_price * amounts[:, 0] + storage_price[site] * amounts[:, 2]
        starts = arrays.option_first[low:high] - begin
        cheapest = np.minimum.reduceat(base, starts)
        offset += float(cheapest.sum())
        base = base - np.repeat(cheapest, np.diff(arrays.option_first[low : high + 1]))
        columns = np.arange(next_choice, next_choice + end - begin)
        next_choice += end - begin
        options.append(np.arange(begin, end))
        costs += (base / MC_PER_CENT).tolist()
        placed = extra(own[FIXED] / MC_PER_CENT, 1.0)
        stops = np.append(starts[1:], end - begin)
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            builder.row(columns[start:stop], np.ones(stop - start), 1.0, 1.0)
            some = columns[start:stop][arrays.ordered[begin + start : begin + stop]]
            if some.size:
                builder.row(np.append(some, placed), np.append(np.ones(some.size), -1.0), -np.inf, 0.0)
        _freight_rows(builder, arrays, o, columns, amounts[:, 0], placed, extra)
        if own[MIN_WEIGHT] > 0:
            builder.row(np.append(columns, placed), np.append(amounts[:, 1], -own[MIN_WEIGHT]), 0.0, np.inf)
        if own[MOST_TRUCKS] > 0 or own[TRUCK_COST] > 0:
            loads = [(own[TRUCK_G], amounts[:, 1]), (own[TRUCK_MM3], amounts[:, 2])]
            loads = [(room, load) for room, load in loads if room > 0]
            needed = max((np.ceil(_most(load, starts) / room) for room, load in loads), default=0.0)
            most = min(needed, own[MOST_TRUCKS]) if own[MOST_TRUCKS] > 0 else needed
            trucks = extra(own[TRUCK_COST] / MC_PER_CENT, float(most)) if loads else -1
            for room, load in loads:
                builder.row(np.append(columns, trucks), np.append(load, -room), -np.inf, 0.0)
        site_columns.setdefault(site, []).append((columns, amounts[:, 2]))
        value_columns.append((columns, amounts[:, 0]))
    if budget_cents < NO_LIMIT:
        builder.row(*_joined(value_columns), -np.inf, float(budget_cents))
    if storage_mm3 is not None:
        for site, parts in site_columns.items():
            if storage_mm3[site] < NO_LIMIT:
                builder.row(*_joined(parts), -np.inf, float(storage_mm3[site]))
    n_columns = n_choices + len(extra_cost)
    mip = MipModel(
        cost=np.array(costs + extra_cost),
        rows=csr_array(
            (np.concatenate(builder.data), (np.concatenate(builder.at_row), np.concatenate(builder.at_column))),
            shape=(len(builder.lower), n_columns),
        ),
        row_lower=np.array(builder.lower),
        row_upper=np.array(builder.upper),
        lower=np.zeros(n_columns),
        upper=np.concatenate([np.ones(n_choices), np.array(upper)]),
        whole=np.ones(n_columns, dtype=np.bool_),
        name="purchase orders",
    )
    return CoreModel(mip=mip, options=np.concatenate(options), offset_mc=offset)


def solve_core(
    arrays: OrderArrays,
    which: Units,
    budget_price: float,
    storage_price: Floats,
    plan: Units,
    *,
    cost_mc: float,
    gap_mc: float,
    seconds: float,
    budget_cents: int = NO_LIMIT,
    storage_mm3: Units | None = None,
    solver: Callable[[MipModel, SolverLimits], SolverAnswer] | None = None,
) -> CoreAnswer:
    """Solve the orders named to within `gap_mc`; `plan` is what is in hand, at `cost_mc`.

    A solver that fails, overruns or answers wrongly leaves the plan as it was and says so in `fallback`.
    """
    try:
        core = build_core(
            arrays, which, budget_price, storage_price, budget_cents=budget_cents, storage_mm3=storage_mm3
        )
        gap = gap_mc / max(cost_mc - core.offset_mc, gap_mc, 1.0)
        answer = solve_mip(core.mip, seconds=seconds, gap=min(gap, 0.01), solver=solver or highs_by_nodes)
    except Exception as error:  # nothing a solver or its model does may take the plan in hand with it
        return CoreAnswer(plan=plan, bound=-np.inf, fallback=f"mip: {type(error).__name__}: {error}")
    found = plan
    if answer.x is not None:
        taken = core.options[answer.x[: core.options.size] > 0.5]
        line_of = np.repeat(np.arange(arrays.line.size), np.diff(arrays.option_first))
        found = plan.copy()
        found[line_of[taken]] = taken
    bound = -np.inf
    if np.isfinite(answer.bound):
        margin = _MARGIN * max(abs(answer.bound), 1.0)
        bound = core.offset_mc + (answer.bound - margin) * MC_PER_CENT
    late = [one.detail for one in answer.attempts if "ime limit" in one.detail]
    reason = answer.fallback or (f"mip stopped by the clock: {late[0]}" if late else "")
    return CoreAnswer(plan=found, bound=bound, fallback=reason)


def choose_exactly(
    cost: Floats,
    use: Floats,
    limits: Floats,
    *,
    seconds: float,
    solver: Callable[[MipModel, SolverLimits], SolverAnswer] | None = None,
) -> tuple[Units | None, str]:
    """One column for each of a few orders at least cost within limits, by a solver.

    Parameters
    ----------
    cost : float64, shape (n_orders, n_columns)
    use : float64, shape (n_orders, n_columns, n_limits)
    limits : float64, shape (n_limits,)
    seconds, solver
        As in `solve_core`.

    Returns
    -------
    column : int64, shape (n_orders,), or None
        None when the solver gave no answer.
    fallback : str
        Why not; empty when it did.
    """
    from scipy.sparse import csr_array, vstack

    n_orders, n_columns = cost.shape
    least = cost.min(axis=1, keepdims=True)
    one_each = csr_array(np.repeat(np.eye(n_orders), n_columns, axis=1))
    shared = csr_array(use.reshape(n_orders * n_columns, limits.size).T)
    mip = MipModel(
        cost=((cost - least) / MC_PER_CENT).ravel(),
        rows=vstack([one_each, shared]),
        row_lower=np.append(np.ones(n_orders), np.full(limits.size, -np.inf)),
        row_upper=np.append(np.ones(n_orders), limits),
        lower=np.zeros(cost.size),
        upper=np.ones(cost.size),
        whole=np.ones(cost.size, dtype=np.bool_),
        name="plans of purchase orders",
    )
    try:
        answer = solve_mip(mip, seconds=seconds, gap=1e-4, solver=solver or highs_by_nodes)
    except SolveError as error:
        return None, f"mip: {error}"
    if answer.x is None:
        return None, answer.fallback
    chosen: Units = answer.x.reshape(n_orders, n_columns).argmax(axis=1)
    return chosen, answer.fallback


def highs_by_nodes(model: MipModel, limits: SolverLimits) -> SolverAnswer:
    """HiGHS, stopped by the size of its tree rather than by the clock (which stays as a safety net)."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    result = milp(
        model.cost,
        integrality=model.whole.astype(np.int64),
        bounds=Bounds(model.lower, model.upper),
        constraints=LinearConstraint(model.rows, model.row_lower, model.row_upper),
        options={"time_limit": limits.seconds, "mip_rel_gap": limits.gap, "node_limit": MOST_NODES},
    )
    x = None if result.x is None else np.asarray(result.x, dtype=np.float64)
    bound = -np.inf if result.mip_dual_bound is None else float(result.mip_dual_bound)
    detail = str(result.message)
    if result.status == 0:
        return SolverAnswer(status="optimal", x=x, bound=bound, detail=detail)
    if result.status == 2:
        return SolverAnswer(status="infeasible", x=None, bound=np.inf, detail=detail)
    return SolverAnswer(status="nothing" if x is None else "feasible", x=x, bound=bound, detail=detail)


class _Rows:
    """Rows of a sparse table as they are written."""

    def __init__(self) -> None:
        self.at_row: list[Units] = []
        self.at_column: list[Units] = []
        self.data: list[Floats] = []
        self.lower: list[float] = []
        self.upper: list[float] = []

    def row(self, columns: Units, data: Floats, lower: float, upper: float) -> None:
        self.at_row.append(np.full(columns.size, len(self.lower)))
        self.at_column.append(columns)
        self.data.append(data)
        self.lower.append(lower)
        self.upper.append(upper)


def _freight_rows(
    builder: _Rows,
    arrays: OrderArrays,
    o: int,
    columns: Units,
    value: Floats,
    placed: int,
    extra: Callable[[float, float], int],
) -> None:
    """Freight intervals and the minimum value of one order."""
    steps = slice(int(arrays.freight_first[o]), int(arrays.freight_first[o + 1]))
    at, freight = arrays.freight_at[steps], arrays.freight_mc[steps]
    minimum = arrays.terms[o, MIN_VALUE]
    if at.size == 0:
        if minimum > 0:
            builder.row(np.append(columns, placed), np.append(value, -minimum), 0.0, np.inf)
        return
    lows = np.maximum(np.append(0.0, at), minimum)
    highs = np.append(at - 1.0, max(float(value.sum()), float(at[-1])))
    costs = np.append(0.0, freight)
    usable = np.flatnonzero(lows <= highs)
    intervals = np.array([extra(float(costs[k]) / MC_PER_CENT, 1.0) for k in usable.tolist()], dtype=np.int64)
    builder.row(np.append(intervals, placed), np.append(np.ones(intervals.size), -1.0), 0.0, 0.0)
    builder.row(np.append(columns, intervals), np.append(value, -lows[usable]), 0.0, np.inf)
    builder.row(np.append(columns, intervals), np.append(value, -highs[usable]), -np.inf, 0.0)


def _most(load: Floats, starts: Units) -> float:
    return float(np.maximum.reduceat(load, starts).sum())


def _joined(parts: list[tuple[Units, Floats]]) -> tuple[Units, Floats]:
    return np.concatenate([columns for columns, _ in parts]), np.concatenate([data for _, data in parts])
