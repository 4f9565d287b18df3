"""The shop: clock, book, stock, people and terms that the processes of a run share.

Owns the translation of the plan's arrays into the plain objects processes read, what happens,
and when, is in the modules named after it.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from simpy import Environment

from omsim.kernels.random import task_factor, task_seconds
from omsim.model.calendars import Calendar
from omsim.sim.plan import BEYOND_DAYS
from omsim.sim.process.book import Book
from omsim.sim.process.draws import Draws
from omsim.sim.process.stations import Station
from omsim.sim.process.stock import Cell
from omsim.sim.staffing import station_names, station_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.sourcing.desk import SourcingDesk


"""Of lognormal review times, for which the model names no other."""


class Terms(NamedTuple):
    """How a channel's orders are treated; `rank` 0 is served first."""

    rank: int
    backorders: bool
    partial: bool
    split_limit: int
    patience_s: int
    auto_check_s: int
    manual_share: float
    review_s: float
    review_kind: int
    reject_share: float


class SiteWork(NamedTuple):
    """A site's task times."""

    pick_order_s: float
    pick_line_s: float
    pick_unit_s: float
    pack_order_s: float
    pack_unit_s: float
    inspect_unit_s: float
    kind: int
    table: NDArray[np.float64]

    def pick_s(self, lines: int, units: int, uniform: float) -> int:
        """Seconds to pick a shipment."""
        return self._seconds(self.pick_order_s + lines * self.pick_line_s + units * self.pick_unit_s, uniform)

    def pack_s(self, units: int, uniform: float) -> int:
        """Seconds to pack a shipment."""
        return self._seconds(self.pack_order_s + units * self.pack_unit_s, uniform)

    def inspect_s(self, units: int, uniform: float) -> int:
        """Seconds to inspect a returned piece."""
        return self._seconds(units * self.inspect_unit_s, uniform)

    def _seconds(self, mean_s: float, uniform: float) -> int:
        return task_seconds(mean_s, task_factor(self.kind, uniform, self.table))


class Shop:
    """Everything the processes of one run share.

    Attributes
    ----------
    cells : list of Cell
        By row of the model's `stock`; `cell_at[site][sku]` is the same cell, or None where it is not carried.
    stations : list of Station
        By station number.
    ranking : list of list of int
        Sites of each region, nearest first.
    to_shelve : list of (Cell, int)
        Inspected units that go back on the shelf at the next allocation cycle.
    desk : SourcingDesk or None
        Decides for the orders of a cycle together, where the model needs that.
    """

    def __init__(
        self,
        business: Business,
        plan: Plan,
        intake: Intake,
        *,
        seed: int,
        replication: int,
    ) -> None:
        settings = business.settings
        self.env = Environment(initial_time=0)
        self.plan = plan
        self.carrier_rule = settings.carrier_rule
        self.horizon_s, self.warm_up_s = int(plan.times.horizon_s), int(plan.times.warm_up_s)
        self.calendar = Calendar(settings.time_zone, settings.start_date, settings.horizon_days + BEYOND_DAYS)
        self.day_start_s: list[int] = plan.times.day_start_s.tolist()
        self.book = Book(intake, plan.channels, self.calendar)
        self.draws = Draws(seed=seed, replication=replication, entity=intake.entity)
        self.terms = list(channel_terms(plan))
        self.sites = list(site_work(plan))
        self.ranking = [[site for site in sites if site >= 0] for sites in plan.network.ranking.tolist()]
        self.closed: list[list[bool]] = plan.network.closed.tolist()
        self.weight_g: list[int] = plan.goods.weight_g.tolist()
        self.volume_mm3: list[int] = plan.goods.volume_mm3.tolist()
        self.cells = [
            Cell(self.env, number=number, site=site, sku=sku, opening=opening, warm_up_s=self.warm_up_s)
            for number, (site, sku, opening) in enumerate(
                zip(plan.cells.site.tolist(), plan.cells.sku.tolist(), plan.cells.opening.tolist(), strict=True)
            )
        ]
        self.cell_at = [
            [self.cells[number] if number >= 0 else None for number in carried]
            for carried in plan.network.cell_of.tolist()
        ]
        self.names = station_names(len(self.sites))
        self.stations = [Station(self.env, shifts_of(plan, number)) for number in range(len(self.names))]
        self.to_shelve: list[tuple[Cell, int]] = []
        self.desk: SourcingDesk | None = None
        if plan.rules.batches:
            from omsim.sim.sourcing.desk import SourcingDesk  # its rules take a while to load

            self.desk = SourcingDesk(
                business,
                plan,
                intake,
                seed=seed,
                replication=replication,
                promise_day=np.array(self.book.promise_day, dtype=np.int64),
            )

    @property
    def now(self) -> int:
        """The clock, in whole seconds."""
        return int(self.env.now)

    def day_of(self, instant_s: int) -> int:
        """Local day of an instant."""
        return bisect_right(self.day_start_s, instant_s) - 1

    def people(self, stage: str, site: int = -1) -> Station:
        """Who works at a stage."""
        return self.stations[station_number(stage, site, len(self.sites))]

    def terms_of(self, order: int) -> Terms:
        """How an order is treated."""
        return self.terms[self.book.channel[order]]


def channel_terms(plan: Plan) -> Iterator[Terms]:
    """The channels' terms as plain numbers."""
    c = plan.channels
    columns = (
        c.rank,
        c.backorders,
        c.partial,
        c.split_limit,
        c.patience_s,
        c.auto_check_s,
        c.manual_share,
        c.review_s,
        c.review_kind,
        c.reject_share,
    )
    return (Terms(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def site_work(plan: Plan) -> Iterator[SiteWork]:
    """The sites' task times as plain numbers."""
    n = plan.network
    for site, table in enumerate(n.task_table):
        yield SiteWork(
            pick_order_s=float(n.pick_order_s[site]),
            pick_line_s=float(n.pick_line_s[site]),
            pick_unit_s=float(n.pick_unit_s[site]),
            pack_order_s=float(n.pack_order_s[site]),
            pack_unit_s=float(n.pack_unit_s[site]),
            inspect_unit_s=float(n.inspect_unit_s[site]),
            kind=int(n.task_kind[site]),
            table=table,
        )


def shifts_of(plan: Plan, station: int) -> list[tuple[int, int]]:
    """Steps of a station's capacity: (second, people from then on)."""
    a, b = plan.stations.first[station : station + 2]
    return list(zip(plan.stations.change_s[a:b].tolist(), plan.stations.people[a:b].tolist(), strict=True))
