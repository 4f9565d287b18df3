"""What stock is worth to later orders, and where a plan for them would serve them: looked at again every local day.

Owns the question put to the transport problem: who may ask, what there is and is due, what sending a unit costs. The
optimum and its prices are `kernels.allocation.transport`'s. Prices are a mean over demands that may come: taken for
certain, the mean demand prices the last unit of a slow mover at nothing or at a whole customer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.demand.rng import Purpose, stream_key
from omsim.kernels.allocation.batch import NO_SITE
from omsim.kernels.allocation.transport import TransportPrices, mean_transport_prices, transport_prices
from omsim.model.calendars import DAY_S
from omsim.sim.sourcing.outlook import demand_means, expected_units, units_so_far

if TYPE_CHECKING:
    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.sourcing.costs import SourcingCosts
    from omsim.sim.sourcing.terms import SourcingTerms

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

N_DRAWS = 10
"""Demands that may come, of which prices are the mean."""


class StockOutlook:
    """The plan for the days ahead and its prices.

    Parameters
    ----------
    business : Business
    plan : Plan
    intake : Intake
        Orders of the run; only those that have arrived are looked at.
    terms : SourcingTerms
    costs : SourcingCosts
    seed, replication : int
    """

    def __init__(
        self,
        business: Business,
        plan: Plan,
        intake: Intake,
        terms: SourcingTerms,
        costs: SourcingCosts,
        *,
        seed: int,
        replication: int,
    ) -> None:
        self._key = np.array([seed, stream_key(replication, Purpose.OUTLOOK)], dtype=np.uint64)
        self._plan, self._intake, self._terms, self._costs = plan, intake, terms, costs
        self._days = float(business.settings.outlook_days)
        self.span_s = int(self._days * DAY_S)
        self._means = demand_means(business, plan)
        self._n_channels, self._n_regions = len(business["channels"]), len(business["regions"])
        n_sites = len(business["sites"])
        self._offered = np.zeros((self._n_regions, n_sites), dtype=np.bool_)
        row, place = np.nonzero(terms.ranking != NO_SITE)
        self._offered[row, terms.ranking[row, place]] = True
        self._offered &= terms.classes.allowed.any(axis=0)
        self.plan: TransportPrices | None = None
        self._worth_cents = np.zeros((n_sites, plan.goods.weight_g.size), dtype=np.int64)

    def look(self, now_s: int, day: int, available_units: Ints) -> None:
        """Plan anew from a moment on.

        Parameters
        ----------
        available_units : int64, shape (n_cells,)
            What is free or due, less what is waited for; below 0 counts as nothing.
        """
        cells, n_skus = self._plan.cells, self._plan.goods.weight_g.size
        stock = np.zeros((self._offered.shape[1], n_skus), dtype=np.int64)
        stock[cells.site, cells.sku] = np.maximum(available_units, 0)
        if self._means is not None:
            demand = expected_units(self._means, day, self._days)
        else:
            demand = units_so_far(self._intake, now_s, self._days, (self._n_regions, n_skus))
        unit_cents, kg_cents = self._unit_costs(now_s, day)
        unserved_cents = np.full(n_skus, self._terms.unserved_cents, dtype=np.int64)
        weight_g = self._plan.goods.weight_g
        if self._terms.rule == "coupled_rounding":
            self.plan = transport_prices(
                stock, demand, unit_cents, unserved_cents, offered=self._offered, kg_cents=kg_cents, weight_g=weight_g,
                with_plan=True,
            )  # fmt: skip
            self._worth_cents = self.plan.less_cents
            return
        draws = np.random.Generator(np.random.Philox(key=self._key, counter=[0, 0, 0, day]))
        self._worth_cents = mean_transport_prices(
            stock,
            (draws.poisson(demand) for _ in range(N_DRAWS)),
            unit_cents,
            unserved_cents,
            offered=self._offered,
            kg_cents=kg_cents,
            weight_g=weight_g,
        )

    def cell_prices(self) -> Ints:
        """Cents a unit of each cell is worth to later orders; int64, shape (n_cells,)."""
        cells = self._plan.cells
        worth: Ints = self._worth_cents[cells.site, cells.sku]
        return worth

    def _unit_costs(self, now_s: int, day: int) -> tuple[Ints, Ints]:
        """Cents for a unit and its kilograms by region and site: the channels' mean, a shipment shared by its units."""
        lanes = self._costs.base_lanes(day)
        units, orders = self._channel_mix(now_s, day)
        total = float(units.sum())
        weight = units / total if total > 0 else np.full(self._n_channels, 1.0 / self._n_channels)
        per_order = units / np.where(orders > 0, orders, 1.0)
        shape = (self._n_channels, self._n_regions, -1)
        of_channel = lanes.shipment_cents.reshape(shape) / np.maximum(per_order, 1.0)[:, None, None]
        of_channel += lanes.unit_cents.reshape(shape)
        mean = np.einsum("c,crs->rs", weight, of_channel)
        kg = np.einsum("c,crs->rs", weight, lanes.kg_cents.reshape(shape).astype(np.float64))
        return np.rint(mean).astype(np.int64), np.rint(kg).astype(np.int64)

    def _channel_mix(self, now_s: int, day: int) -> tuple[Floats, Floats]:
        """Units and orders of every channel: of the day as expected, or so far."""
        if self._means is not None:
            orders = self._means.orders_per_day[day]
            return orders * self._means.units_per_order.sum(axis=1), orders
        intake = self._intake
        n_orders = int(np.searchsorted(intake.arrived_s, now_s))
        channel = intake.channel[:n_orders].astype(np.int64)
        n_lines = int(intake.first_line[n_orders])
        of_line = np.repeat(channel, np.diff(intake.first_line[: n_orders + 1]))
        asked = intake.units[:n_lines].astype(np.float64)
        units = np.bincount(of_line, weights=asked, minlength=self._n_channels).astype(np.float64)
        return units, np.bincount(channel, minlength=self._n_channels).astype(np.float64)
