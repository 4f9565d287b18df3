"""What came into and went out of stock in a finished run but for orders: the supply a replay of its decisions lives on.

Owns the translation from a run's records to events in time, and stocks that follow them. Who is then served from them
is `shadow`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.model.fields import DISPOSITIONS
from omsim.sim.cycles import restocking_instants
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from omsim.sim.plan import Plan
    from omsim.sim.records import RunRecords

Ints = NDArray[np.int64]

RESTOCK = DISPOSITIONS.index("restock")


class SupplyStream(NamedTuple):
    """Events in the order in which they happen, int64, shape (n_events,).

    Attributes
    ----------
    turn : int64
        Twice the second; one more for losses, which come after the orders of their second.
    cell, units : int64
        Units > 0 put on the shelf, or < 0 found gone.
    """

    turn: Ints
    cell: Ints
    units: Ints

    def received_until(self, at_s: int, n_cells: int) -> Ints:
        """Units put on the shelf at or before a second, losses not taken off; int64, shape (n_cells,)."""
        come = (self.units > 0) & (self.turn <= 2 * at_s)
        total = np.zeros(n_cells, dtype=np.int64)
        np.add.at(total, self.cell[come], self.units[come])
        return total


def supply_of(records: RunRecords, plan: Plan) -> SupplyStream:
    """Receipts, returns put back on the shelf and losses of a run.

    Returns are put back at the first allocation cycle after their inspection, as the engines do.
    """
    bought, back, lost = records.purchases, records.returns, records.shrinkage
    come = np.flatnonzero(bought.receipt_s < records.horizon_s)
    back_s = restocking_instants(back.inspected_s, plan.times.cycle_s)
    again = np.flatnonzero((back_s != NEVER) & (back.disposition == RESTOCK))
    restock_cell = plan.network.cell_of[back.site[again], records.lines.sku[back.line[again]]]
    turn = np.concatenate(
        [2 * bought.receipt_s[come].astype(np.int64), 2 * back_s[again], 2 * lost.at_s.astype(np.int64) + 1]
    )
    cell = np.concatenate([bought.cell[come], restock_cell, lost.cell]).astype(np.int64)
    units = np.concatenate([bought.units[come], back.units[again], -lost.units.astype(np.int64)]).astype(np.int64)
    order = np.argsort(turn, kind="stable")
    return SupplyStream(turn[order], cell[order], units[order])


class StockPaths:
    """Stocks that start alike, meet the same supply, and are drawn on by one rule each.

    Parameters
    ----------
    records : RunRecords
    plan : Plan
    n_rules : int

    Attributes
    ----------
    free_units : int64, shape (n_rules, n_cells)
        To be taken from in place.
    supply : SupplyStream
    """

    def __init__(self, records: RunRecords, plan: Plan, n_rules: int) -> None:
        self.supply = supply_of(records, plan)
        self.free_units = np.tile(plan.cells.opening.astype(np.int64), (n_rules, 1))
        self._begins = np.flatnonzero(np.diff(self.supply.turn, prepend=-1))
        self._ends = np.append(self._begins[1:], self.supply.turn.size)
        self._at = 0
        bought = records.purchases
        planned = np.flatnonzero(bought.receipt_s < records.horizon_s)
        self._ordered_s, self._receipt_s = bought.ordered_s[planned], bought.receipt_s[planned]
        self._cell, self._units = bought.cell[planned], bought.units[planned].astype(np.int64)

    def advance(self, now_s: int) -> None:
        """Let everything happen that comes before the orders of a second.

        A loss takes what the run lost, as far as it is free.
        """
        supply = self.supply
        while self._at < self._begins.size and supply.turn[self._begins[self._at]] <= 2 * now_s:
            some = slice(self._begins[self._at], self._ends[self._at])
            cell, units = supply.cell[some], supply.units[some]
            if units[0] > 0:
                np.add.at(self.free_units.T, cell, units[:, None])
            else:  # one row a cell and review
                self.free_units[:, cell] -= np.minimum(-units, self.free_units[:, cell])
            self._at += 1

    def due(self, now_s: int, until_s: int) -> Ints:
        """Units by cell on order at a second's allocation that come at or before another; int64, shape (n_cells,)."""
        some = (self._ordered_s < now_s) & (self._receipt_s > now_s) & (self._receipt_s <= until_s)
        units = np.zeros(self.free_units.shape[1], dtype=np.int64)
        np.add.at(units, self._cell[some], self._units[some])
        return units
