"""The search for a night's plan: prices, a pool of plans, filling, and the integer core.

Owns the search over sorted arrays; turning a problem into an answer is :mod:`omsim.optimize.reorder.solve`.

How it goes. Prices of budget and storage of highest dual value come from cutting planes, every purchase order priced
by itself (Lagrangian relaxation; Geoffrion 1974). At prices near those each order offers a few legal plans of its own;
one plan is chosen for each order within the limits, and single lines then use up the room left. Orders whose own gap
still matters go to a solver, at the same prices; a small night goes there whole. Between the two,
:mod:`omsim.optimize.reorder.night_branching` raises the bound of nights of few orders.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import SolveError
from omsim.optimize.reorder.choose import choose_options
from omsim.optimize.reorder.core import choose_exactly, solve_core
from omsim.optimize.reorder.dual import best_prices
from omsim.optimize.reorder.problem import NO_LIMIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from omsim.optimize.mip_solvers import MipModel, SolverAnswer, SolverLimits
    from omsim.optimize.reorder.order_pricing import OrderArrays, PricedOrders

    Units = NDArray[np.int64]
    Floats = NDArray[np.float64]

WHOLE_OPTIONS = 12_000  # a night this small goes to the solver whole
CORE_OPTIONS = 8_000  # an order this large is left to its prices
MOST_CORES = 60
_TRIES = 40
_FILL_ROUNDS = 12
_NEAR = (0.97, 1.03, 1.15, 0.85, 1.5)
_FINE = (0.6, 0.75, 0.9, 0.94, 0.98, 0.99, 1.01, 1.02, 1.06, 1.1, 1.25, 1.35, 2.0, 3.0)
_SAMPLE_ORDERS = 50
FEW_ORDERS = 64  # few enough to choose among their plans by a solver, and to look at more plans of each
_ROUNDING = 1e-12


class NightSearch:
    """The state of one search; every step keeps the best legal plan and the best bound."""

    def __init__(
        self,
        arrays: OrderArrays,
        budget_cents: int,
        storage_mm3: Units,
        *,
        seconds: float,
        solver: Callable[[MipModel, SolverLimits], SolverAnswer] | None = None,
    ) -> None:
        self.arrays = arrays
        self.seconds, self.solver = seconds, solver
        self.budget_cents = budget_cents
        self.storage_mm3 = storage_mm3
        self.line_of = np.repeat(np.arange(arrays.line.size), np.diff(arrays.option_first))
        # limits that are there: the budget first, then sites
        self.limited_sites = np.flatnonzero(storage_mm3 < NO_LIMIT)
        self.has_budget = budget_cents < NO_LIMIT
        self.limits = np.concatenate(
            [[float(budget_cents)] if self.has_budget else [], storage_mm3[self.limited_sites].astype(np.float64)]
        )
        self.price = np.zeros(self.limits.size)
        self.order_bound = np.zeros(arrays.n_orders)
        self.bound = -np.inf
        self.pool: list[Units] = []
        self.plan: Units | None = None
        self.cost = np.inf
        self.fallbacks: list[str] = []
        self.used_mip = False

    # -- prices

    def split(self, price: Floats) -> tuple[float, Floats]:
        """Price of the budget, and of every site's storage."""
        storage: Floats = np.zeros(self.storage_mm3.size)
        storage[self.limited_sites] = price[int(self.has_budget) :]
        return float(price[0]) if self.has_budget else 0.0, storage

    def priced(self, price: Floats, *, plans: bool = False, start: Units | None = None) -> PricedOrders:
        """Every order at these prices."""
        budget_price, storage_price = self.split(price)
        return self.arrays.price(budget_price, storage_price, plans=plans, start=start)

    def use_of(self, used: Floats) -> Floats:
        """How much of every limit the orders use, shape (n_orders, n_limits)."""
        columns = [used[:, :1]] if self.has_budget else []
        columns += [np.where(self.arrays.order_site == site, used[:, 2], 0.0)[:, None] for site in self.limited_sites]
        use: Floats = np.hstack([np.zeros((used.shape[0], 0)), *columns])
        return use

    def dual(self, order_bound: Floats, price: Floats) -> float:
        """Bound on the whole from the orders' bounds at prices; lowered by what its sum can be wrong by."""
        free = float(price @ self.limits)
        return float(order_bound.sum()) - free - _ROUNDING * (float(np.abs(order_bound).sum()) + free)

    def find_prices(self) -> None:
        """Prices of highest dual value, of the limits that bind; the bound and a first pool of plans with it."""
        free = self.priced(self.price, plans=self.limits.size == 0)
        self.take_bound(free.bound, self.price)
        if not np.isfinite(free.bound).all():
            return
        use = self.use_of(free.used).sum(axis=0)
        binding = use > self.limits
        while binding.any():
            self._best(binding, use)
            price = self.price
            priced = self.priced(price)
            over = self.use_of(priced.used).sum(axis=0) > self.limits * (1 + 1e-9)
            if not (over & ~binding).any():
                break
            binding |= over

    def _best(self, binding: NDArray[np.bool_], use: Floats) -> None:
        """Improve the prices of the limits that bind; of a large night first on a sample of its orders."""
        arrays = self.arrays
        ends = np.maximum.reduceat(np.abs(arrays.cost), arrays.option_first[:-1]).sum()
        scale = max(float(ends), 1.0) / np.maximum(use[binding], 1.0)
        start, reach = self.price[binding], 1.0
        tries = _TRIES * int(binding.sum())
        if arrays.n_orders > _SAMPLE_ORDERS * 4:
            sample = np.arange(0, arrays.n_orders, arrays.n_orders // _SAMPLE_ORDERS)
            start, reach = self._search(binding, use, sample, start, scale, reach, 1e-5, tries), 0.1
        self._search(binding, use, None, start, scale, reach, 1e-6 if arrays.n_orders > FEW_ORDERS else 1e-8, tries)

    def _search(
        self,
        binding: NDArray[np.bool_],
        use: Floats,
        sample: Units | None,
        start: Floats,
        scale: Floats,
        reach: float,
        closest: float,
        tries: int,
    ) -> Floats:
        arrays = self.arrays
        which = np.arange(arrays.n_orders) if sample is None else sample
        limits = self.limits[binding]
        part = arrays.order_site[which] if binding.sum() > 1 else np.zeros(which.size, dtype=np.int64)
        n_parts = int(part.max(initial=0)) + 1
        price = self.price.copy()
        if sample is not None:  # the sample's share of each limit is its share of what would be used at no price
            budget_price, storage_price = self.split(self.price)
            free = self.use_of(arrays.price(budget_price, storage_price, which=which).used)[which][:, binding]
            limits = limits * np.maximum(free.sum(axis=0), 1.0) / np.maximum(use[binding], 1.0)

        def evaluate(at: Floats) -> tuple[Floats, Floats]:
            price[binding] = at
            budget_price, storage_price = self.split(price)
            priced = arrays.price(budget_price, storage_price, which=which)
            if sample is None:
                self.take_bound(priced.bound, price)
            parts: Floats = np.bincount(part, priced.bound[which], n_parts).astype(np.float64)
            slopes: Floats = np.zeros((n_parts, at.size))
            np.add.at(slopes, part, self.use_of(priced.used)[which][:, binding])
            parts[0] -= at @ limits
            slopes[0] -= limits
            return parts, slopes

        size = float(np.abs(self.order_bound[which]).sum())
        return best_prices(evaluate, start, scale, reach=reach, closest=closest * size, most_tries=tries)[0]

    def take_bound(self, order_bound: Floats, price: Floats) -> None:
        """Keep a better bound, and the prices it comes from."""
        value = self.dual(order_bound, price)
        if value > self.bound:
            self.bound = value
            self.order_bound = order_bound.copy()
            self.price = price.copy()

    # -- plans

    def fill_pool(self) -> None:
        """Legal plans of every order at the best prices, at prices near them, and at prices that forbid."""
        best = self.priced(self.price, plans=True)
        self.pool.append(best.plan)
        if (self.price > 0).any():
            few = self.arrays.n_orders <= FEW_ORDERS
            for factor in (*_NEAR, *(_FINE if few else ())):
                self.pool.append(self.priced(self.price * factor, plans=True).plan)
        if self.limits.size:
            dear = np.abs(self.arrays.cost).max(initial=1.0) * 1e3 / np.maximum(self.limits, 1.0)
            self.pool.append(self.priced(np.maximum(dear, self.price * 1e3), plans=True).plan)

    def choose_from_pool(self) -> None:
        """One plan of the pool for each order, at least cost within the limits; then fill."""
        arrays = self.arrays
        empty = arrays.option_first[:-1].copy()
        plans = np.stack([np.where(plan < 0, empty, plan) for plan in (*self.pool, empty)])
        columns = [arrays.sums(plan) for plan in plans]
        cost = np.stack([column.cost for column in columns], axis=1)
        use = np.stack([self.use_of(column.amounts) for column in columns], axis=1)
        legal = np.isfinite(cost)
        if not legal.any(axis=1).all():
            return
        some = legal.argmax(axis=1)
        rows = np.arange(arrays.n_orders)
        for column in range(cost.shape[1]):
            bad = ~legal[:, column]
            cost[bad, column] = cost[rows[bad], some[bad]]
            use[bad, column] = use[rows[bad], some[bad]]
        source = np.where(legal, np.arange(cost.shape[1]), some[:, None])
        chosen = self._chosen(cost, use)
        if chosen is None:
            return
        of_line = np.repeat(rows, np.diff(arrays.order_first))
        column_of_line = source[rows, chosen][of_line]
        self.take_plan(plans[column_of_line, np.arange(arrays.line.size)])

    def _chosen(self, cost: Floats, use: Floats) -> Units | None:
        """Column of each order at least cost within the limits; None when none was found."""
        if self.limits.size == 0:
            cheapest: Units = cost.argmin(axis=1)
            return cheapest
        chosen: Units | None = None
        if self.arrays.n_orders <= FEW_ORDERS:
            chosen, reason = choose_exactly(cost, use, self.limits, seconds=self.seconds, solver=self.solver)
            self._note(reason)
        if chosen is None:
            try:
                chosen = choose_options(cost, use, self.limits).option
            except SolveError:
                return None
        return chosen

    def take_plan(self, plan: Units) -> None:
        """Fill a legal plan's room and keep it if it is the best; plans that break a rule are ignored."""
        plan = plan.copy()
        budget_price, storage_price = self.split(self.price)
        sums = self.arrays.sums(plan)
        for _ in range(_FILL_ROUNDS):
            used = self.use_of(sums.amounts).sum(axis=0)
            if not np.isfinite(sums.cost).all() or (used > self.limits).any():
                return
            storage_room = np.full(self.storage_mm3.size, np.inf)
            storage_room[self.limited_sites] = (self.limits - used)[int(self.has_budget) :]
            saved = self.arrays.fill(
                plan,
                sums,
                self.line_of,
                budget_room=float(self.limits[0] - used[0]) if self.has_budget else np.inf,
                storage_room=storage_room,
                budget_price=budget_price,
                storage_price=storage_price,
            )
            sums = self.arrays.sums(plan)
            if saved <= 0.0:
                break
        total = float(sums.cost.sum())
        if total < self.cost:
            self.cost, self.plan = total, plan

    def priced_cost(self, plan: Units) -> Floats:
        """Cost of every order of a plan at the best prices."""
        sums = self.arrays.sums(plan)
        cost: Floats = sums.cost + self.use_of(sums.amounts) @ self.price
        return cost

    @property
    def gap_share(self) -> float:
        """Of the best plan against the best bound."""
        if self.plan is None:
            return np.inf
        return max(self.cost - self.bound, 0.0) / max(abs(self.cost), 1.0)

    # -- the integer core

    def solve_cores(self, aim_gap: float) -> None:
        """Send the orders with the largest gaps to a solver, at the best prices, until the aim is met."""
        arrays = self.arrays
        start = self.pool[0]
        if (start < 0).any():
            return
        cost = self.priced_cost(start)
        gap = cost - self.order_bound
        size = np.diff(arrays.option_first[arrays.order_first])
        worst = np.argsort(-np.where(np.isfinite(gap), gap, 0.0), kind="stable")
        budget_price, storage_price = self.split(self.price)
        refined = start.copy()
        bounds = self.order_bound.copy()
        tolerance = aim_gap * abs(self.cost)
        started = time.monotonic()
        for o in worst[:MOST_CORES].tolist():
            if float(np.maximum(gap, 0.0).sum()) <= 0.25 * tolerance or gap[o] <= 1e-3 * tolerance:
                break
            if size[o] > CORE_OPTIONS:
                continue
            left = self.seconds - (time.monotonic() - started)
            if left < 1.0:
                self._note(f"mip stopped by the clock: {self.seconds:g} s for single orders were used up")
                break
            answer = solve_core(
                arrays,
                np.array([o]),
                budget_price,
                storage_price,
                refined,
                cost_mc=float(cost[o]),
                gap_mc=max(0.02 * float(gap[o]), 1.0),
                seconds=left,
                solver=self.solver,
            )
            self.used_mip = True
            self._note(answer.fallback)
            bounds[o] = max(bounds[o], answer.bound)
            cost_now = self.priced_cost(answer.plan)[o]
            if cost_now < cost[o]:
                lines = slice(int(arrays.order_first[o]), int(arrays.order_first[o + 1]))
                refined[lines] = answer.plan[lines]
                cost[o] = cost_now
            bounds[o] = min(bounds[o], cost[o])
            gap[o] = cost[o] - bounds[o]
        self.pool.append(refined)
        self.take_bound(bounds, self.price)
        self.choose_from_pool()

    def solve_whole(self, aim_gap: float) -> None:
        """Send the whole night, with its limits, to a solver."""
        if self.plan is None:
            return
        answer = solve_core(
            self.arrays,
            np.arange(self.arrays.n_orders),
            0.0,
            np.zeros(self.storage_mm3.size),
            self.plan,
            cost_mc=self.cost,
            gap_mc=aim_gap * abs(self.cost),
            seconds=self.seconds,
            budget_cents=self.budget_cents,
            storage_mm3=self.storage_mm3,
            solver=self.solver,
        )
        self.used_mip = True
        self._note(answer.fallback)
        self.take_plan(answer.plan)
        if self.bound < answer.bound <= self.cost + 1.0:
            self.bound = answer.bound

    def rescue(self) -> None:
        """Look for any legal plan when the pool gave none: orders that must be placed by a solver, the rest empty."""
        arrays = self.arrays
        empty = arrays.option_first[:-1].copy()
        of_line = np.repeat(np.arange(arrays.n_orders), np.diff(arrays.order_first))
        must = np.unique(of_line[arrays.ordered[empty]])
        answer = solve_core(
            arrays,
            must,
            0.0,
            np.zeros(self.storage_mm3.size),
            empty,
            cost_mc=1e18,
            gap_mc=1e18,
            seconds=self.seconds,
            budget_cents=self.budget_cents,
            storage_mm3=self.storage_mm3,
            solver=self.solver,
        )
        self._note(answer.fallback)
        self.pool.append(answer.plan)
        self.take_plan(answer.plan)

    def _note(self, fallback: str) -> None:
        """Keep why a solver's answer was not used in full."""
        if fallback and fallback not in self.fallbacks:
            self.fallbacks.append(fallback)
