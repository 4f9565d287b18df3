"""Every purchase order of a night priced at given prices of budget and storage.

Owns the arrays behind that, lines sorted by purchase order. The pricing itself is
`omsim.kernels.choice_pricing`; who asks for which prices is :mod:`omsim.optimize.reorder.solve`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.choice_fill import filling_changes, make_changes, plan_costs
from omsim.kernels.choice_pricing import price_orders
from omsim.optimize.reorder.problem import MC_PER_CENT, MM3_PER_DM3

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.optimize.reorder.problem import ReorderProblem

    Units = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedOrders:
    """What prices make of every order.

    Attributes
    ----------
    bound : float64, shape (n_orders,)
        No legal order costs less, prices of value and volume included; inf where there is none.
    used : float64, shape (n_orders, 3)
        Value, weight and volume where the bound is taken.
    plan : int64, shape (n_lines,)
        Option (row of `OrderArrays`) of each sorted line in a legal order; -1 where none was asked for or found.
    plan_cost : float64, shape (n_orders,)
        Of that order at these prices.
    """

    bound: Floats
    used: Floats
    plan: Units
    plan_cost: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSums:
    """A plan, order by order.

    Attributes
    ----------
    cost : float64, shape (n_orders,)
        To the aim, in milli-cents; inf where the order breaks a rule of its own.
    own : float64, shape (n_orders,)
        The part of it that is the order's, not its lines': fixed cost, freight, trucks.
    amounts : float64, shape (n_orders, 3)
        Value, weight, volume.
    n_used : int64, shape (n_orders,)
        Lines that order anything.
    """

    cost: Floats
    own: Floats
    amounts: Floats
    n_used: Units


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderArrays:
    """A problem's options with the lines of each order side by side.

    Attributes
    ----------
    line : int64, shape (n_lines,)
        The problem's line at each place.
    option : int64, shape (n_options,)
        The problem's option at each place.
    option_first, order_first : int64
        Options of each place's line; places of each order.
    cost : float64, shape (n_options,)
        Cost to the aim in milli-cents, whole numbers.
    amounts : float64, shape (n_options, 3)
        Cents, g and mm3, whole numbers.
    ordered : bool, shape (n_options,)
        Whether anything is ordered.
    terms : float64, shape (n_orders, 7)
        See `omsim.kernels.choice_orders`.
    freight_first, freight_at, freight_mc
        Freight steps of each order.
    order_site : int64, shape (n_orders,)
    """

    line: Units
    option: Units
    option_first: Units
    order_first: Units
    cost: Floats
    amounts: Floats
    ordered: Flags
    terms: Floats
    freight_first: Units
    freight_at: Floats
    freight_mc: Floats
    order_site: Units

    @classmethod
    def of(cls, problem: ReorderProblem) -> OrderArrays:
        """Sort a problem's lines by purchase order."""
        lines, orders = problem.lines, problem.orders
        line = np.argsort(lines.order, kind="stable")
        counts = np.diff(problem.options.first)[line]
        option_first = np.zeros(line.size + 1, dtype=np.int64)
        np.cumsum(counts, out=option_first[1:])
        within = np.arange(int(option_first[-1])) - np.repeat(option_first[:-1], counts)
        option = np.repeat(problem.options.first[line], counts) + within
        owner = np.repeat(line, counts)
        units = problem.options.units[option]
        amounts = np.column_stack(
            [problem.option_value_cents[option], units * lines.weight_g[owner], units * lines.volume_mm3[owner]]
        ).astype(np.float64)
        terms = np.column_stack(
            [
                orders.fixed_cost_cents * MC_PER_CENT,
                orders.minimum_cents,
                orders.minimum_g,
                orders.truck_cost_cents * MC_PER_CENT,
                orders.truck_g,
                orders.truck_dm3 * MM3_PER_DM3,
                orders.most_trucks,
            ]
        ).astype(np.float64)
        return cls(
            line=line,
            option=option,
            option_first=option_first,
            order_first=np.searchsorted(lines.order[line], np.arange(orders.n_orders + 1)).astype(np.int64),
            cost=problem.option_total_mc[option].astype(np.float64),
            amounts=np.ascontiguousarray(amounts),
            ordered=units > 0,
            terms=np.ascontiguousarray(terms),
            freight_first=orders.freight.first,
            freight_at=orders.freight.at.astype(np.float64),
            freight_mc=(orders.freight.cents * MC_PER_CENT).astype(np.float64),
            order_site=orders.site,
        )

    @property
    def n_orders(self) -> int:
        """Number of purchase orders."""
        return self.order_first.size - 1

    def price(
        self,
        budget_price: float,
        storage_price: Floats,
        *,
        which: Units | None = None,
        plans: bool = False,
        start: Units | None = None,
        status: Units | None = None,
    ) -> PricedOrders:
        """Price orders.

        Parameters
        ----------
        budget_price : float
            Milli-cents for each cent of goods.
        storage_price : float64, shape (n_sites,)
            Milli-cents for each mm3.
        which : int64, optional
            Orders to price; all unless given. Entries of others are meaningless.
        plans : bool
            Whether legal orders near the bound are wanted.
        start : int64, shape (n_lines,), optional
            A plan to improve on.
        status : int64, shape (n_orders,), optional
            Orders that must be empty or placed, see `omsim.kernels.choice_pricing`; free unless given.
        """
        n_orders = self.n_orders
        bound = np.zeros(n_orders)
        used = np.zeros((n_orders, 3))
        plan_cost = np.full(n_orders, np.inf)
        plan = np.full(self.line.size, -1, dtype=np.int64) if start is None else start.copy()
        price_orders(
            np.arange(n_orders) if which is None else which,
            self.cost,
            self.amounts,
            self.ordered,
            self.option_first,
            self.order_first,
            self.terms,
            self.freight_first,
            self.freight_at,
            self.freight_mc,
            float(budget_price),
            storage_price[self.order_site],
            plans,
            np.zeros(n_orders, dtype=np.int64) if status is None else status,
            bound,
            used,
            plan,
            plan_cost,
        )
        return PricedOrders(bound=bound, used=used, plan=plan, plan_cost=plan_cost)

    def sums(self, plan: Units) -> PlanSums:
        """What every order of a plan costs and amounts to."""
        own = np.zeros(self.n_orders)
        amounts = np.zeros((self.n_orders, 3))
        n_used = np.zeros(self.n_orders, dtype=np.int64)
        cost = plan_costs(
            plan,
            self.cost,
            self.amounts,
            self.ordered,
            self.order_first,
            self.terms,
            self.freight_first,
            self.freight_at,
            self.freight_mc,
            own,
            amounts,
            n_used,
        )
        return PlanSums(cost=cost, own=own, amounts=amounts, n_used=n_used)

    def fill(
        self,
        plan: Units,
        sums: PlanSums,
        line_of: Units,
        *,
        budget_room: float,
        storage_room: Floats,
        budget_price: float,
        storage_price: Floats,
    ) -> float:
        """Change single lines of a legal plan while that lowers its cost and fits; returns the saving.

        One round, the changes of least loss at the prices first; `plan`, `sums` and `storage_room` are changed.
        """
        orders, options, loss = filling_changes(
            plan,
            self.cost,
            self.amounts,
            self.ordered,
            self.option_first,
            self.order_first,
            self.terms,
            self.freight_first,
            self.freight_at,
            self.freight_mc,
            sums.own,
            sums.amounts,
            sums.n_used,
            self.order_site,
            budget_room,
            storage_room,
            budget_price,
            storage_price,
        )
        return make_changes(
            plan,
            self.cost,
            self.amounts,
            self.ordered,
            line_of,
            self.terms,
            self.freight_first,
            self.freight_at,
            self.freight_mc,
            sums.own,
            sums.amounts,
            sums.n_used,
            self.order_site,
            budget_room,
            storage_room,
            orders,
            options,
            np.argsort(loss, kind="stable"),
        )
