"""New reorder policies for every site x SKU of a model: which method, on which demand, written into a copy.

Owns the path from a business to the same business with other `stock` rows. Demand and waits come from `cell_demand`,
levels from `omsim.optimize`, levels from order history from `history_levels`; what the new policies do is said by the
simulator, in a paired experiment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.lead_time import Periods, negative_binomial_demand
from omsim.demand.waits import period_shares, review_days, wait_days
from omsim.errors import InvalidInputError, Problem, SolveError
from omsim.experiments.cell_demand import UNSEEN_SEED, daily_demand
from omsim.model.business import Business, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.analysis.kpis import KpiTable
    from omsim.demand.lead_time import DemandTable

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

DAYS_PER_YEAR = 365.0
LEAST_HOLDING_CENTS = 1e-6  # a day; goods that cost nothing to keep would be ordered without end
MOST_TRIALS = 7  # simulations that look for the fill rate of the cells
TRIAL_ORDERS = 200_000  # simulated in each, but for the limits on replications
LEAST_TRIAL_REPLICATIONS, MOST_TRIAL_REPLICATIONS = 2, 20
CLOSE_SHARE = 0.1  # of what a target leaves unfilled: nearer to it than this is near enough
CELL_FILLS = (0.02, 0.9999)  # lowest and highest fill rate of the cells tried
BATCH_CELLS = 2_000  # solved together; keeps the distribution tables small


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """New policies beside the old ones, by row of `stock`.

    Attributes
    ----------
    method : str
        How the numbers were found, in words.
    demand : str
        Where the demand was learnt.
    changed : int64, shape (n,)
        Rows of `stock` that got a policy; the others (no supplier) keep theirs.
    reorder_point_units, order_up_to_units : int64, shape (n_cells,)
        Of every row; unchanged ones as they were.
    daily_units : float64, shape (n_cells,)
        Mean demand a day the numbers are made for.
    business : Business
        The model with the new rows.
    """

    method: str
    demand: str
    changed: Codes
    reorder_point_units: Codes
    order_up_to_units: Codes
    daily_units: Floats
    business: Business


def propose_for_fill(business: Business, target_fill: float, *, seed: int) -> Proposal:
    """Policies with which the simulation fills a share of all units at once (type 2), by least stock in each cell.

    Every cell gets the least stock that reaches one fill rate on its own demand: base stock (Sobel 2004) where purchase
    orders cost nothing, else (s, S) with the economic order quantity as S - s and the smallest s that does. Since what
    one site lacks another may send, the business fills more than its cells do: the simulation, in the long run and on
    draws of another seed, says which rate of the cells reaches the target of the whole.

    Parameters
    ----------
    business : Business
        Without windowed changes.
    target_fill : float
        In (0, 1).
    seed : int
        Of the experiment that will judge the policies; everything here is learnt from other draws.

    Raises
    ------
    InvalidInputError
        No cell has a supplier.
    SolveError
        The target cannot be reached.
    """
    inputs = policy_inputs(business, seed=seed)
    tried: list[tuple[float, float]] = []  # rate of the cells, rate the simulation reaches with it
    best: tuple[float, float, Codes, Codes] | None = None
    cell_fill = target_fill
    for _ in range(MOST_TRIALS):
        low, top = _levels_for_fill(inputs, cell_fill)
        reached = _simulated_fill(inputs.proposal("", low, top).business, seed=seed + UNSEEN_SEED)
        tried.append((cell_fill, reached))
        if reached >= target_fill and (best is None or cell_fill < best[0]):
            best = (cell_fill, reached, low, top)
        if 0 <= reached - target_fill <= CLOSE_SHARE * (1 - target_fill):
            break
        following = _next_cell_fill(tried, target_fill)
        if abs(following - cell_fill) < 1e-4:
            break
        cell_fill = following
    if best is None:
        most = max(reached for _, reached in tried)
        raise SolveError("reorder policies for a fill rate", f"{most:.2%} in the simulation", f"{target_fill:.2%}")
    cell_fill, reached, low, top = best
    method = (
        f"least stock that fills {target_fill:.1%} of all units at once: a fill rate of {cell_fill:.1%} in each cell, "
        f"which fills {reached:.1%} in simulations of another seed"
    )
    return inputs.proposal(method, low, top)


def _levels_for_fill(inputs: PolicyInputs, fill: float) -> tuple[Codes, Codes]:
    """Reorder points and order-up-to levels with one fill rate in each cell."""
    from omsim.optimize.policies.base_stock import base_stock_for_fill_rate
    from omsim.optimize.policies.min_max import min_max_for_fill_rate

    low, top = inputs.old_levels()
    for cells, review, before in inputs.batches():
        tables = inputs.tables(cells, review, before)
        spread = inputs.economic_units(cells)
        single = spread <= 1
        level = base_stock_for_fill_rate(tables.before, tables.after, fill)
        point, up_to = min_max_for_fill_rate(tables.period, tables.before, tables.after, spread, fill)
        top[cells] = np.where(single, level, np.maximum(up_to, 0))
        low[cells] = np.where(single, level - 1, point)
    return low, top


def _simulated_fill(business: Business, *, seed: int) -> float:
    """Unit fill rate of settled replications: few of a large business, more of a small one, whose luck weighs more."""
    from omsim.analysis.measure import measure
    from omsim.analysis.stats import estimate_kpi
    from omsim.experiments.long_run import settled
    from omsim.sim.engine import run_once

    long_run = settled(business)
    replications = 1 if len(business["orders"]) else MOST_TRIAL_REPLICATIONS  # replayed orders are all alike
    tables: list[KpiTable] = []
    n_orders = 0
    while len(tables) < replications and (len(tables) < LEAST_TRIAL_REPLICATIONS or n_orders < TRIAL_ORDERS):
        records = run_once(long_run, seed=seed, replication=len(tables))
        n_orders += len(records.orders.arrived_s)
        tables.append(measure(records, long_run)[0])
    return estimate_kpi(tables, "unit_fill").mean


def _next_cell_fill(tried: list[tuple[float, float]], target: float) -> float:
    """Rate of the cells to try next: the secant through the last two trials, on the logarithms of what is missed."""

    def missed(share: float) -> float:
        return float(np.log(max(1 - share, 1e-7)))

    cell, reached = (missed(value) for value in tried[-1])
    slope = 1.0
    if len(tried) > 1:
        cell_before, reached_before = (missed(value) for value in tried[-2])
        if reached != reached_before and cell != cell_before:
            slope = min(max((reached - reached_before) / (cell - cell_before), 0.2), 5.0)
    # A little inside the target, so that the next trial is likelier to reach it than to fall just short.
    wanted = missed(target + CLOSE_SHARE / 2 * (1 - target))
    return float(np.clip(1 - np.exp(cell + (wanted - reached) / slope), *CELL_FILLS))


def propose_by_cost(business: Business, *, seed: int) -> Proposal:
    """Policies of least ordering, holding and shortage cost (Zheng & Federgruen 1991).

    A purchase order's fixed cost is shared equally by the SKUs its site buys from the supplier; a unit owed for as long
    as the mean wait for a receipt has cost its margin.
    """
    from omsim.optimize.policies.min_max import solve_min_max

    inputs = policy_inputs(business, seed=seed)
    low, top = inputs.old_levels()
    for cells, review, before in inputs.batches():
        tables = inputs.tables(cells, review, before)
        solved = solve_min_max(
            tables.period,
            tables.after,
            inputs.order_cost[cells],
            inputs.holding_cost[cells] * review,
            inputs.shortage_cost[cells] * review,
        )
        low[cells], top[cells] = solved.reorder_point_units, np.maximum(solved.order_up_to_units, 0)
    return inputs.proposal("least cost of ordering, holding and shortage in each cell", low, top)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    period: DemandTable
    before: DemandTable
    after: DemandTable


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInputs:
    """What the policies of a model are computed from, by row of `stock`; costs in cents, per unit and day."""

    business: Business
    mean_units: Floats
    variance_units: Floats
    source: str
    wait_days: Floats
    review_days: Codes
    supplied: Codes
    order_cost: Floats
    holding_cost: Floats
    shortage_cost: Floats

    def old_levels(self) -> tuple[Codes, Codes]:
        """Reorder points and order-up-to levels as they are, to be changed."""
        stock = self.business["stock"]
        return stock.integers("reorder_point_units").copy(), stock.integers("order_up_to_units").copy()

    def batches(self) -> list[tuple[Codes, int, Floats]]:
        """Cells with a supplier in groups of one review period: rows, review days, distribution of days before use."""
        groups = []
        for review in np.unique(self.review_days[self.supplied]).tolist():
            rows = self.supplied[self.review_days[self.supplied] == review]
            # Sellers of a kind together: a table is as wide as its widest row.
            rows = rows[np.argsort(self.mean_units[rows], kind="stable")]
            for first in range(0, len(rows), BATCH_CELLS):
                cells = rows[first : first + BATCH_CELLS]
                groups.append((cells, int(review), period_shares(self.wait_days[cells])))
        return groups

    def tables(self, cells: Codes, review: int, before: Floats) -> _Tables:
        """Demand between reviews, before an order can be used, and over the whole protection interval."""
        mean, variance = self.mean_units[cells], self.variance_units[cells]
        lead = Periods.random(before)
        return _Tables(
            period=negative_binomial_demand(mean, variance, Periods.fixed(review)),
            before=negative_binomial_demand(mean, variance, lead),
            after=negative_binomial_demand(mean, variance, lead.plus(review)),
        )

    def economic_units(self, cells: Codes) -> Codes:
        """Economic order quantity, at least what the supplier sells."""
        stock = self.business["stock"]
        ideal = np.sqrt(2 * self.order_cost[cells] * self.mean_units[cells] / self.holding_cost[cells])
        least = np.maximum(stock.integers("moq_units"), stock.integers("pack_units"))[cells]
        most = np.maximum(self.mean_units[cells] * DAYS_PER_YEAR, 1)  # never more than a year's demand at once
        return np.maximum(np.rint(np.minimum(ideal, most)).astype(np.int64), least)

    def proposal(self, method: str, low: Codes, top: Codes) -> Proposal:
        """The business with the new levels in its `stock`."""
        stock = self.business["stock"]
        policy = list(stock.texts("policy"))
        low, top = low.copy(), top.copy()
        for row in self.supplied.tolist():
            policy[row] = "base_stock" if low[row] >= top[row] - 1 else "min_max"
        columns = {
            **stock.columns,
            "policy": tuple(policy),
            "reorder_point_units": low,
            "order_up_to_units": top,
        }
        tables = {**self.business.tables, "stock": Table(name="stock", columns=columns)}
        return Proposal(
            method=method,
            demand=self.source,
            changed=self.supplied,
            reorder_point_units=low,
            order_up_to_units=top,
            daily_units=self.mean_units,
            business=replace(self.business, tables=tables, folder=""),
        )


def policy_inputs(business: Business, *, seed: int) -> PolicyInputs:
    """Gather what the policies of a model are computed from.

    Raises
    ------
    InvalidInputError
        No row of stock has a supplier, so there is nothing to decide; or the planner orders, whatever the policies.
    """
    skus = business["skus"]
    supplier, sku = business.codes("stock", "supplier"), business.codes("stock", "sku")
    supplied = np.flatnonzero(supplier >= 0)
    if business.settings.reorder == "optimizer":
        where = f"{business.folder or business.settings.name}: model.toml"
        rule = "must be policies for new ones to be used"
        raise InvalidInputError((Problem(where=where, field="purchasing.reorder", rule=rule, got="'optimizer'"),))
    if not len(supplied):
        where = f"{business.folder or business.settings.name}: stock"
        raise InvalidInputError((Problem(where=where, field="supplier", rule="must be given in some row"),))
    wait, review = wait_days(business), review_days(business)
    mean_wait = np.where(supplier >= 0, np.nan_to_num(wait).mean(axis=1), 0.0)
    demand = daily_demand(business, mean_wait + review, seed=seed)
    cost = skus.integers("unit_cost_cents")[sku].astype(np.float64)
    margin = np.maximum(skus.integers("price_cents")[sku] - cost, 1.0)
    holding = np.maximum(cost * business.settings.holding_rate_per_year / DAYS_PER_YEAR, LEAST_HOLDING_CENTS)
    site = business.codes("stock", "site")
    lane = site * (len(business["suppliers"]) + 1) + supplier + 1
    _, at, sharing = np.unique(lane, return_inverse=True, return_counts=True)
    fixed = np.where(supplier >= 0, business["suppliers"].integers("order_cost_cents")[supplier], 0) / sharing[at]
    return PolicyInputs(
        business=business,
        mean_units=demand.mean_units,
        variance_units=demand.variance_units,
        source=demand.source,
        wait_days=wait,
        review_days=review,
        supplied=supplied,
        order_cost=fixed,
        holding_cost=holding,
        shortage_cost=margin / np.maximum(mean_wait + review, 1.0),
    )
