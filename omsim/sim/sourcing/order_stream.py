"""The orders of a finished run as they came to be sourced, cycle by cycle, in columns any rule can decide.

Owns the translation from a run's records to batches and their lanes. Stock is `supply_stream`'s business, what rules
make of both is `shadow`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.demand.arrivals import draw_intake
from omsim.kernels.allocation.batch import Batch, Lanes
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.records import RunRecords
    from omsim.sim.sourcing.costs import SourcingCosts
    from omsim.sim.sourcing.supply_stream import SupplyStream

Ints = NDArray[np.int64]


class Cycle(NamedTuple):
    """Orders decided at one instant.

    Attributes
    ----------
    now_s, day : int
        The instant and its local day.
    orders : int64, shape (n_orders,)
        Rows of the run's orders, in turn; none at an instant at which rules only look ahead.
    lines : int64, shape (n_lines,)
        Rows of the run's lines.
    batch : Batch
    lanes : Lanes
    region, entity : int64, shape (n_orders,)
    """

    now_s: int
    day: int
    orders: Ints
    lines: Ints
    batch: Batch
    lanes: Lanes
    region: Ints
    entity: Ints


class OrderStream:
    """Cycles of a run: its orders that were allocated, at their instants, in turn, asking for what was ordered.

    Lines that the run turned into lines of a substitute ask for their own SKU.

    Parameters
    ----------
    business : Business
    plan : Plan
    records : RunRecords
    costs : SourcingCosts
    supply : SupplyStream

    Attributes
    ----------
    intake : Intake
        All orders of the run, drawn again: they are a pure function of its business, seed and replication.
    """

    def __init__(
        self, business: Business, plan: Plan, records: RunRecords, costs: SourcingCosts, supply: SupplyStream
    ) -> None:
        self._plan, self._costs = plan, costs
        self.intake = draw_intake(business, seed=records.seed, replication=records.replication)
        orders, days = records.orders, plan.times.day_start_s
        promise_day = np.searchsorted(days, orders.promise_s, side="right") - 1
        self._promise_day = np.where(orders.promise_s != NEVER, promise_day, -1).astype(np.int64)
        tried = np.flatnonzero(orders.allocated_s != NEVER)
        channel = orders.channel[tried].astype(np.int64)
        allocated_s = orders.allocated_s[tried].astype(np.int64)
        turn = np.lexsort((tried, orders.validated_s[tried], plan.channels.rank[channel], allocated_s))
        self._tried = tried[turn]
        self._instants, self._ends = _instants(plan, allocated_s[turn], _changes(business, plan, costs, supply))

    def cycles(self) -> Iterator[Cycle]:
        """The cycles in order of time."""
        intake, begin = self.intake, 0
        for now_s, end in zip(self._instants.tolist(), self._ends.tolist(), strict=True):
            orders = self._tried[begin:end]
            begin = end
            day = int(np.searchsorted(self._plan.times.day_start_s, now_s, side="right")) - 1
            first = intake.first_line[orders].astype(np.int64)
            count = intake.first_line[orders + 1] - first
            first_line = np.zeros(orders.size + 1, dtype=np.int64)
            np.cumsum(count, out=first_line[1:])
            lines = np.repeat(first - first_line[:-1], count) + np.arange(first_line[-1])
            channel, region = (column[orders].astype(np.int64) for column in (intake.channel, intake.region))
            lanes, lane = self._costs.lanes(now_s, day, channel, region, self._promise_day[orders])
            batch = Batch(
                first_line, intake.sku[lines].astype(np.int64), intake.units[lines].astype(np.int64), lane, channel
            )
            yield Cycle(now_s, day, orders, lines, batch, lanes, region, intake.entity[orders])


def _changes(business: Business, plan: Plan, costs: SourcingCosts, supply: SupplyStream) -> Ints:
    """Seconds from which on something may be different for an order sourced: stock, the day, the next cutoff."""
    times = plan.times
    parts = [times.day_start_s[: times.n_days], times.cycle_s, (supply.turn + 1) // 2]
    if costs.looks_ahead:
        handling_s = np.rint(business["sites"].numbers("handling_minutes") * 60).astype(np.int64)
        parts.append(times.cutoff_s - handling_s[times.cutoff_site] + 1)
    changes = np.unique(np.concatenate(parts))
    return changes[(changes >= 0) & (changes < times.horizon_s)]


def _instants(plan: Plan, allocated_s: Ints, changes: Ints) -> tuple[Ints, Ints]:
    """When rules decide or look ahead, and how many orders (sorted by `allocated_s`) have been decided by then.

    Orders allocated at any second are decided together as long as nothing `changes` for them but each other.
    """
    cycles, days = plan.times.cycle_s, plan.times.day_start_s[: plan.times.n_days]
    looked = cycles[np.minimum(np.searchsorted(cycles, days), cycles.size - 1)] if cycles.size else cycles
    decided_s = allocated_s
    if plan.rules.immediate:
        decided_s = changes[np.searchsorted(changes, allocated_s, side="right") - 1]
    instants = np.unique(np.concatenate([decided_s, looked]))
    return instants, np.searchsorted(decided_s, instants, side="right")
