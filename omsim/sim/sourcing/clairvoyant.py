"""What no rule could have gone below for the orders of a run: a bound for one that knows all orders beforehand.

Owns the whole horizon as one question: all orders, each with the lanes of its own instant, and the units that come into
stock day by day, nothing lost. The certified bound on that is `kernels.allocation.horizon_bound`'s. It is a bound and
not a schedule: within a day units may serve orders that came before them, and no way to serve everybody at the bound
need exist; so some of what lies between it and the best rule could never have been saved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.allocation.batch import Batch, Lanes, Stock
from omsim.kernels.allocation.horizon_bound import Stages, horizon_bound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.sim.plan import Plan
    from omsim.sim.sourcing.order_stream import Cycle
    from omsim.sim.sourcing.supply_stream import SupplyStream
    from omsim.sim.sourcing.terms import SourcingTerms

    Ints = NDArray[np.int64]


class Foresight:
    """Collects the cycles of a run, then bounds what serving all their orders must cost.

    Parameters
    ----------
    terms : SourcingTerms
    plan : Plan
    supply : SupplyStream
    """

    def __init__(self, terms: SourcingTerms, plan: Plan, supply: SupplyStream) -> None:
        self._terms, self._plan, self._supply = terms, plan, supply
        self._lane_of: dict[bytes, int] = {}
        self._rows: list[Lanes] = []
        self._parts: list[Batch] = []
        self._last_s: dict[int, int] = {}
        self._n_orders: dict[int, int] = {}

    @property
    def n_orders(self) -> int:
        """Orders seen."""
        return sum(batch.lane.size for batch in self._parts)

    @property
    def n_units(self) -> int:
        """Units they ask for."""
        return sum(int(batch.units.sum()) for batch in self._parts)

    def see(self, cycle: Cycle) -> None:
        """Add the orders of a cycle; cycles come in order of time."""
        self._last_s[cycle.day] = cycle.now_s
        self._n_orders[cycle.day] = self._n_orders.get(cycle.day, 0) + cycle.orders.size
        used, of_order = np.unique(cycle.batch.lane, return_inverse=True)
        table = np.concatenate([column[used] for column in cycle.lanes], axis=1)
        n_known = len(self._lane_of)
        known = np.array([self._lane_of.setdefault(row.tobytes(), len(self._lane_of)) for row in table], dtype=np.int64)
        new, first = np.unique(known, return_index=True)
        fresh = used[first[new >= n_known]]
        if fresh.size:
            self._rows.append(Lanes(*(column[fresh] for column in cycle.lanes)))
        self._parts.append(cycle.batch._replace(lane=known[of_order]))

    def bound_cents(self) -> int:
        """Cents below which nobody could have served the orders seen; 0 without any."""
        if not self._parts:
            return 0
        lanes = Lanes(*(np.concatenate(column) for column in zip(*self._rows, strict=True)))
        cells, days = self._plan.cells, sorted(self._last_s)
        come = np.array([self._supply.received_until(self._last_s[day], cells.opening.size) for day in days])
        room = self._terms.daily_shipments[days]
        stages = Stages(
            first_order=np.cumsum([0, *(self._n_orders[day] for day in days)]),
            come_units=np.diff(come + cells.opening, axis=0, prepend=0),
            room=room,
        )
        stock = Stock(self._plan.network.cell_of, come[-1] + cells.opening, room.sum(axis=0), self._plan.goods.weight_g)
        return horizon_bound(
            _joined(self._parts), self._terms.classes, lanes, stock, stages, self._terms.unserved_cents
        )


def _joined(parts: list[Batch]) -> Batch:
    """Batches one behind the other."""
    counts = np.concatenate([np.diff(batch.first_line) for batch in parts])
    first_line = np.zeros(counts.size + 1, dtype=np.int64)
    np.cumsum(counts, out=first_line[1:])
    sku, units, lane, order_class = (
        np.concatenate([getattr(batch, name) for batch in parts]) for name in ("sku", "units", "lane", "order_class")
    )
    return Batch(first_line, sku, units, lane, order_class)
