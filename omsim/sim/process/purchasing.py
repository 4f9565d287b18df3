"""Stock bought, received and lost: reviews, purchase orders, receipts and shrinkage.

Owns when to look and what is on its way; how much a policy orders is `sim.decisions`' work, who gets what came in is
`warehouse`'s.
"""

from __future__ import annotations

from collections import defaultdict
from math import floor
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.arrivals import poisson_quantile
from omsim.model.calendars import DAY_S
from omsim.sim.decisions import order_units
from omsim.sim.plan import POLICY_NONE, receiving_instant
from omsim.sim.process.entities import PurchaseLine
from omsim.sim.process.moments import RECEIPTS, REVIEW, SHRINKAGE, Moment
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simpy.events import ProcessGenerator

    from omsim.sim.planning import ReorderPlanner
    from omsim.sim.process.shop import Shop
    from omsim.sim.process.stock import Cell
    from omsim.sim.process.warehouse import Warehouse


class Purchasing:
    """Reviews, purchase orders and receipts.

    Parameters
    ----------
    shop : Shop
    warehouse : Warehouse
        Is told which cells units came to.
    planner : ReorderPlanner or None
        Orders at the daily reviews in place of the cells' policies.
    """

    def __init__(self, shop: Shop, warehouse: Warehouse, planner: ReorderPlanner | None) -> None:
        self.shop, self._warehouse, self._planner = shop, warehouse, planner
        self._n_orders = 0
        self._due: dict[int, list[PurchaseLine]] = {}
        supply = shop.plan.supply
        self._supplier: list[int] = shop.plan.cells.supplier.tolist()
        self._order_days: list[int] = supply.order_days.tolist()
        self._holiday: list[list[bool]] = supply.holiday.tolist()
        self._review_days: list[int] = shop.plan.cells.review_days.tolist()
        policy = shop.plan.cells.policy.tolist()
        self._reordered = [cell for cell in shop.cells if policy[cell.number] != POLICY_NONE]
        self._expect_open_orders()
        reviews = [review_s for review_s in shop.plan.times.review_s.tolist() if review_s < shop.horizon_s]
        shop.env.process(self._lose_units(reviews))
        if shop.plan.rules.continuous:
            shop.env.process(self._review_at_cycles())
        else:
            shop.env.process(self._review_daily(reviews))

    def _expect_open_orders(self) -> None:
        """Await what was ordered before the run, which is on order from its first second."""
        rows = zip(*(column.tolist() for column in self.shop.plan.open_orders), strict=True)
        for po, cell, supplier, units, receipt_s in rows:
            self._buy(
                PurchaseLine(
                    po=po,
                    cell=self.shop.cells[cell],
                    supplier=supplier,
                    units=units,
                    ordered_s=NEVER,
                    receipt_s=receipt_s,
                )
            )
            self._n_orders = po + 1

    def _review_daily(self, reviews: list[int]) -> ProcessGenerator:
        for review_s in reviews:
            yield Moment(self.shop.env, review_s, REVIEW)
            day = self.shop.day_of(review_s)
            planned = self._planned(day)
            if planned is not None:
                self._send(planned, key=day)
                continue
            weekday = int(self.shop.plan.times.weekday[day])
            self._review(
                (
                    cell
                    for cell in self._reordered
                    if day % self._review_days[cell.number] == 0
                    and self._order_days[self._supplier[cell.number]] >> weekday & 1
                ),
                key=day,
            )

    def _review_at_cycles(self) -> ProcessGenerator:
        for cycle, cycle_s in enumerate(self.shop.plan.times.cycle_s.tolist()):
            yield Moment(self.shop.env, cycle_s, REVIEW)
            self._review(self._reordered, key=cycle)

    def _review(self, cells: Iterable[Cell], *, key: int) -> None:
        """Order what the policies ask for."""
        wanted = []
        holiday = self._holiday[self.shop.day_of(self.shop.now)]
        for cell in cells:
            if holiday[self._supplier[cell.number]]:
                continue
            units = order_units(self.shop.plan.cells, cell.number, cell.position)
            if units:
                wanted.append((cell, units))
        self._send(wanted, key=key)

    def _planned(self, day: int) -> list[tuple[Cell, int]] | None:
        """What the planner orders at the review of a day; None without one, or while it knows too little."""
        if self._planner is None:
            return None
        cells = self.shop.cells
        planned = self._planner.orders(
            day,
            np.array([cell.free for cell in cells], dtype=np.int64),
            np.array([cell.on_order for cell in cells], dtype=np.int64),
            np.array([cell.backordered for cell in cells], dtype=np.int64),
        )
        if planned is None:
            return None
        return [(cells[cell], units) for cell, units in zip(*(column.tolist() for column in planned), strict=True)]

    def _send(self, lines: Iterable[tuple[Cell, int]], *, key: int) -> None:
        """Buy: one purchase order for each site and supplier."""
        orders: dict[tuple[int, int], list[tuple[Cell, int]]] = defaultdict(list)
        for cell, units in lines:
            orders[cell.site, self._supplier[cell.number]].append((cell, units))
        for (site, supplier), wanted in sorted(orders.items(), key=lambda entry: entry[0]):
            receipt_s = self._receipt_instant(site, supplier, key)
            for cell, units in wanted:
                self._buy(
                    PurchaseLine(
                        po=self._n_orders,
                        cell=cell,
                        supplier=supplier,
                        units=units,
                        ordered_s=self.shop.now,
                        receipt_s=receipt_s,
                    )
                )
            self._n_orders += 1

    def _receipt_instant(self, site: int, supplier: int, key: int) -> int:
        """When an order sent now is put away; its lead time is drawn by day or cycle, site and supplier."""
        shop, supply = self.shop, self.shop.plan.supply
        day = shop.day_of(shop.now)
        factors = supply.factor[supplier]
        factor = factors[int(shop.draws.of_purchase(key, int(supply.pair_number[site, supplier])) * factors.size)]
        lead_s = max(1, floor(float(supply.lead_days[day, supplier]) * DAY_S * float(factor)))
        late_s = int(supply.late_s[day, supplier])
        return int(receiving_instant(shop.plan, shop.calendar, site, shop.now + lead_s + late_s))

    def _buy(self, line: PurchaseLine) -> None:
        self.shop.book.purchases.append(line)
        line.cell.on_order += line.units
        if line.receipt_s >= self.shop.horizon_s:
            return
        if line.receipt_s not in self._due:
            self._due[line.receipt_s] = []
            self.shop.env.process(self._receive(line.receipt_s))
        self._due[line.receipt_s].append(line)

    def _receive(self, receipt_s: int) -> ProcessGenerator:
        """Put away everything due at one second."""
        yield Moment(self.shop.env, receipt_s, RECEIPTS)
        due = self._due.pop(receipt_s)
        if receipt_s >= self.shop.warm_up_s:
            for cell in {line.cell.number: line.cell for line in due}.values():
                cell.cycles += 1
                cell.stockout_cycles += cell.free <= 0
        for line in due:  # they were bought, and so stand, by purchase order and cell
            line.cell.receive(line.units)
            self._warehouse.touch(line.cell)

    def _lose_units(self, reviews: list[int]) -> ProcessGenerator:
        """Let free units vanish, day by day."""
        shop, mean = self.shop, self.shop.plan.cells.shrinkage
        losing = np.flatnonzero(mean > 0)
        for review_s in reviews if losing.size else ():
            yield Moment(shop.env, review_s, SHRINKAGE)
            uniform = shop.draws.of_shrinkage(shop.day_of(review_s), shop.plan.cells.number[losing])
            for number, units in zip(losing.tolist(), poisson_quantile(uniform, mean[losing]).tolist(), strict=True):
                cell = shop.cells[number]
                gone = min(units, cell.free)
                if gone > 0:
                    cell.shrink(gone)
                    shop.book.shrunk.append((number, gone, shop.now))
