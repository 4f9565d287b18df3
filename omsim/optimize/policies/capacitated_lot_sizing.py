"""Lot sizes of items that share a capacity and lose some of it to set-ups (Trigeiro, Thomas & McClain).

Owns the model, its heuristic start and its independent check. Items that share nothing are `lot_sizing`'s; running the
solver is `omsim.optimize.solving`'s. Conventions of time and cost as in `lot_sizing`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from omsim.demand.checked import checked_column
from omsim.errors import FieldError, SolveError
from omsim.optimize.policies.lot_sizing import cost_table, whole_table
from omsim.optimize.solving import MipModel, solve_mip

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.optimize.mip_solvers import MipSolver

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

_NEAR = 1e-6
MOST_ARCS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCapacity:
    """What an item takes of a capacity all items share; checked.

    Attributes
    ----------
    per_period : float64, shape (n_periods,)
        What there is.
    per_unit : float64, shape (n_items,)
        What a unit takes.
    per_setup : float64, shape (n_items,)
        What a period in which the item is ordered at all takes besides.
    """

    per_period: Floats
    per_unit: Floats
    per_setup: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacitatedPlan:
    """Orders of items that share a capacity.

    Attributes
    ----------
    order_units : float64, shape (n_items, n_periods)
        Whole where the data are whole and every unit takes as much capacity as any other.
    cost : float
        Recomputed from the orders by `check_capacitated_lots`.
    bound : float
        No plan costs less.
    gap : float
        (cost - bound) / cost.
    status : str
        ``optimal`` within the gap asked for, or ``feasible``.
    solver : str
        Whose plan it is: a solver's name, or ``hint`` for the heuristic start.
    fallback : str
        Why it is not the first solver's full answer; empty when it is.
    seconds : float
    """

    order_units: Floats
    cost: float
    bound: float
    gap: float
    status: Literal["optimal", "feasible"]
    solver: str
    fallback: str
    seconds: float


def solve_capacitated_lots(
    demand_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    unit_cost: ArrayLike = 0.0,
    *,
    capacity: ArrayLike,
    unit_capacity: ArrayLike = 1.0,
    setup_capacity: ArrayLike = 0.0,
    seconds: float = 60.0,
    gap: float = 5e-6,
    solver: Literal["highs"] | MipSolver = "highs",
    isolate: bool = True,
) -> CapacitatedPlan:
    """Orders of least cost of items that share a capacity.

    Data       d[i,t] demand_units;  K, h, c[i,t] costs as in `solve_lot_sizes`
               C[t] capacity;  b[i] unit_capacity;  s[i] setup_capacity
    Variables  x[i,t,u] in [0, 1], t <= u: share of the demand of period u that is ordered in period t
               y[i,t] in {0, 1}: item i is ordered in period t
    Model      min  sum_it K[i,t] y[i,t] + sum_itu (c[i,t] + h[i,t] + ... + h[i,u-1]) d[i,u] x[i,t,u]
               s.t. sum_t x[i,t,u] = 1                                        for all i, u with demand
                    x[i,t,u] <= y[i,t]                                        for all i, t, u
                    sum_i s[i] y[i,t] + b[i] sum_u d[i,u] x[i,t,u] <= C[t]    for all t

    Parameters
    ----------
    demand_units : int, shape (n_items, n_periods)
        Whole, >= 0.
    order_cost, holding_cost, unit_cost : float
        As in `solve_lot_sizes`.
    capacity : float, shape (n_periods,) or one number
        In any unit: minutes, kilograms, pallets.
    unit_capacity, setup_capacity : float, shape (n_items,) or one number
        What a unit takes of it, and what ordering the item at all takes.
    seconds : float
        Wall time.
    gap : float
        Relative gap that counts as proved; the default is less than one unit of cost up to a cost of 200,000.
    solver, isolate
        As in `omsim.optimize.solving.solve_mip`.

    Returns
    -------
    CapacitatedPlan
        Checked by `check_capacitated_lots`.

    Raises
    ------
    FieldError
        Not finite, out of range, shapes that do not fit, or a model of more than 2,000,000 shares.
    SolveError
        No plan keeps the capacity, or none was found in time.

    Notes
    -----
    The shares make the linear relaxation far tighter than stock balances do (Krarup & Bilde 1977), at the price of
    O(n_items * n_periods^2) columns. A heuristic plan is made first, so that a solver's failure costs quality only.

    References
    ----------
    Trigeiro, Thomas & McClain (1989), capacitated lot sizing with setup times.

    Examples
    --------
    >>> plan = solve_capacitated_lots(
    ...     [[40, 60], [50, 30]], order_cost=[100, 80], holding_cost=1, capacity=120, setup_capacity=10, isolate=False
    ... )
    >>> plan.order_units.tolist(), plan.cost, plan.status
    ([[40.0, 60.0], [50.0, 30.0]], 360.0, 'optimal')
    """
    demand, fixed, hold, price, shared = _checked(
        demand_units, order_cost, holding_cost, unit_cost, capacity, unit_capacity, setup_capacity
    )
    n_items, n_periods = demand.shape
    if n_items * n_periods * (n_periods + 1) // 2 > MOST_ARCS:
        raise FieldError("demand_units", f"of at most {MOST_ARCS:,} shares of items x periods^2 / 2", demand.shape)
    model, item, ordered, used = build_capacitated_lots(demand, fixed, hold, price, shared)
    start = start_plan(demand, fixed, hold, shared)
    hint = None if start is None else _as_columns(start, demand, item, ordered, used)
    answer = solve_mip(model, seconds=seconds, gap=gap, hint=hint, solver=solver, isolate=isolate)
    x = answer.solution("capacitated lot sizing")
    orders = _as_orders(x, demand, item, ordered, used)
    check = check_capacitated_lots(
        orders,
        demand,
        fixed,
        hold,
        price,
        capacity=shared.per_period,
        unit_capacity=shared.per_unit,
        setup_capacity=shared.per_setup,
    )
    if check.broken:
        raise SolveError("capacitated lot sizing", check.broken, f"{seconds:g} s")
    bound = min(answer.bound, check.cost)
    final_gap = (check.cost - bound) / max(check.cost, 1e-9)
    return CapacitatedPlan(
        order_units=orders,
        cost=check.cost,
        bound=bound,
        gap=final_gap,
        status="optimal" if final_gap <= max(gap, _NEAR) else "feasible",
        solver=answer.solver,
        fallback=answer.fallback,
        seconds=answer.seconds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacitatedCheck:
    """What `check_capacitated_lots` found.

    Attributes
    ----------
    broken : str
        The rule that is broken, with item and period; empty when the plan is feasible.
    cost : float
        Recomputed; 0 when not feasible.
    """

    broken: str
    cost: float


def check_capacitated_lots(
    order_units: ArrayLike,
    demand_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    unit_cost: ArrayLike = 0.0,
    *,
    capacity: ArrayLike,
    unit_capacity: ArrayLike = 1.0,
    setup_capacity: ArrayLike = 0.0,
) -> CapacitatedCheck:
    """Recompute feasibility and cost of a plan from the data alone, period by period.

    Parameters
    ----------
    order_units : float, shape (n_items, n_periods)
    demand_units, order_cost, holding_cost, unit_cost, capacity, unit_capacity, setup_capacity
        As in `solve_capacitated_lots`.

    Returns
    -------
    CapacitatedCheck

    Notes
    -----
    Demand and capacity must hold within a millionth of a unit; plans of whole units on whole data are exact.
    """
    demand, fixed, hold, price, shared = _checked(
        demand_units, order_cost, holding_cost, unit_cost, capacity, unit_capacity, setup_capacity
    )
    orders = np.asarray(order_units, dtype=np.float64)
    if orders.shape != demand.shape:
        raise FieldError("order_units", f"of shape {demand.shape}", f"shape {orders.shape}")
    if not (np.isfinite(orders) & (orders >= 0)).all():
        return CapacitatedCheck(broken="an order is negative or not finite", cost=0.0)
    left = np.zeros(demand.shape[0])
    terms: list[float] = []
    for period in range(demand.shape[1]):
        placed = orders[:, period] > 0
        taken = math.fsum(shared.per_unit * orders[:, period]) + math.fsum(shared.per_setup[placed])
        if taken > shared.per_period[period] + _NEAR:
            text = f"period {period} takes {taken:.9g} of a capacity of {shared.per_period[period]:.9g}"
            return CapacitatedCheck(broken=text, cost=0.0)
        left = left + orders[:, period] - demand[:, period]
        if (left < -_NEAR).any():
            item = int(np.argmin(left))
            return CapacitatedCheck(broken=f"item {item} is {-left[item]:.9g} short in period {period}", cost=0.0)
        left = np.maximum(left, 0.0)
        terms += (fixed[placed, period]).tolist()
        terms += (price[:, period] * orders[:, period] + hold[:, period] * left).tolist()
    return CapacitatedCheck(broken="", cost=math.fsum(terms))


def build_capacitated_lots(
    demand: Units, fixed: Floats, hold: Floats, price: Floats, shared: SharedCapacity
) -> tuple[MipModel, Units, Units, Units]:
    """Build the model of `solve_capacitated_lots` from checked tables.

    Returns
    -------
    model : MipModel
        First columns y, items times periods; then x.
    item, ordered, used : int64, shape (n_shares,)
        What the columns x stand for: item, period of the order, period of the demand.
    """
    from scipy.sparse import csr_array

    n_items, n_periods = demand.shape
    n_switches = demand.size
    item, ordered, used = np.nonzero(
        (demand > 0)[:, None, :] & np.triu(np.ones((n_periods, n_periods), dtype=np.bool_))[None]
    )
    n_shares = item.size
    share = np.arange(n_shares)
    wanted = demand[item, used].astype(np.float64)
    held = np.concatenate([np.zeros((n_items, 1)), np.cumsum(hold, axis=1)], axis=1)  # cost of holding from the start
    share_cost = (price[item, ordered] + held[item, used] - held[item, ordered]) * wanted
    of_demand = np.cumsum((demand > 0).ravel())[item * n_periods + used] - 1
    n_demands = int((demand > 0).sum())
    link = n_demands + share
    room = n_demands + n_shares
    at_row = [of_demand, link, link, room + ordered, room + np.tile(np.arange(n_periods), n_items)]
    at_column = [n_switches + share, n_switches + share, item * n_periods + ordered, n_switches + share]
    at_column.append(np.arange(n_switches))
    value = [np.ones(n_shares), np.ones(n_shares), -np.ones(n_shares), shared.per_unit[item] * wanted]
    value.append(np.repeat(shared.per_setup, n_periods))
    n_rows = room + n_periods
    rows = csr_array(
        (np.concatenate(value), (np.concatenate(at_row), np.concatenate(at_column))),
        shape=(n_rows, n_switches + n_shares),
    )
    row_lower = np.full(n_rows, -np.inf)
    row_lower[:n_demands] = 1.0
    model = MipModel(
        cost=np.concatenate([fixed.ravel(), share_cost]),
        rows=rows,
        row_lower=row_lower,
        row_upper=np.concatenate([np.ones(n_demands), np.zeros(n_shares), shared.per_period]),
        lower=np.zeros(n_switches + n_shares),
        upper=np.ones(n_switches + n_shares),
        whole=np.arange(n_switches + n_shares) < n_switches,
        name="capacitated lot sizing",
    )
    return model, item, ordered, used


def start_plan(demand: Units, fixed: Floats, hold: Floats, shared: SharedCapacity) -> Floats | None:
    """A plan that keeps the capacity, made from the last period backwards; None when it finds none.

    Each period orders its own demand and what later periods could not; what does not fit is ordered a period earlier,
    whole lots first that are cheapest to hold for the capacity they free.
    """
    orders = np.asarray(demand, dtype=np.float64).copy()
    for period in range(demand.shape[1] - 1, -1, -1):
        lots = orders[:, period]
        taken = shared.per_unit * lots + shared.per_setup * (lots > 0)
        over = math.fsum(taken) - shared.per_period[period]
        if over <= 0:
            continue
        if period == 0:
            return None
        earlier = np.where(orders[:, period - 1] > 0, 0.0, fixed[:, period - 1])
        burden = hold[:, period - 1] * lots - fixed[:, period] + earlier
        freed = np.where(taken > 0, taken, np.inf)
        for item in np.argsort(burden / freed, kind="stable").tolist():
            if lots[item] <= 0 or over <= 0:
                continue
            part = lots[item]
            if taken[item] > over and shared.per_unit[item] > 0:
                part = min(part, math.ceil(over / shared.per_unit[item] - 1e-9))
            orders[item, period - 1] += part
            orders[item, period] -= part
            over -= shared.per_unit[item] * part + (shared.per_setup[item] if orders[item, period] <= 0 else 0.0)
    return orders


def _as_columns(orders: Floats, demand: Units, item: Units, ordered: Units, used: Units) -> Floats:
    """A plan of orders as columns of the model: the first units ordered meet the first demand."""
    upto_order = np.cumsum(orders, axis=1)
    upto_demand = np.cumsum(demand, axis=1)
    low = np.maximum(upto_order[item, ordered] - orders[item, ordered], upto_demand[item, used] - demand[item, used])
    high = np.minimum(upto_order[item, ordered], upto_demand[item, used])
    shares = np.maximum(high - low, 0.0) / demand[item, used]
    return np.concatenate([(orders > 0).astype(np.float64).ravel(), shares])


def _as_orders(x: Floats, demand: Units, item: Units, ordered: Units, used: Units) -> Floats:
    """Columns of the model as a plan of orders, cleared of a solver's specks."""
    switch = x[: demand.size].reshape(demand.shape)
    share = np.where(switch[item, ordered] > 0.5, x[demand.size :], 0.0)
    share[share < 1e-9] = 0.0
    met = np.zeros(demand.shape)
    np.add.at(met, (item, used), share)
    units = share / np.where(met > 0, met, 1.0)[item, used] * demand[item, used]
    orders = np.zeros(demand.shape)
    np.add.at(orders, (item, ordered), units)
    nearest = np.round(orders)
    return np.where(np.abs(orders - nearest) < 1e-5, nearest, orders)


def _checked(
    demand_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    unit_cost: ArrayLike,
    capacity: ArrayLike,
    unit_capacity: ArrayLike,
    setup_capacity: ArrayLike,
) -> tuple[Units, Floats, Floats, Floats, SharedCapacity]:
    demand = whole_table("demand_units", demand_units)
    n_items, n_periods = demand.shape
    one_item = np.ndim(demand_units) == 1
    shared = SharedCapacity(
        per_period=checked_column("capacity", capacity, n_periods),
        per_unit=checked_column("unit_capacity", unit_capacity, n_items, most=1e9),
        per_setup=checked_column("setup_capacity", setup_capacity, n_items),
    )
    return (
        demand,
        cost_table("order_cost", order_cost, demand.shape, one_item=one_item),
        cost_table("holding_cost", holding_cost, demand.shape, one_item=one_item),
        cost_table("unit_cost", unit_cost, demand.shape, one_item=one_item),
        shared,
    )
