"""Compiled passes over stock: touching a cell, receipts, restocks, shrinkage, reviews, patience, snapshots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.sim.decisions import order_units
from omsim.sim.plan import POLICY_NONE, Plan
from omsim.sim.window.state import (
    BACKORDERED,
    C_PATIENCE,
    CANCELLED,
    CANCELLED_AT,
    CYCLES,
    HAND_TIME,
    HEAD,
    HELD_BACK,
    LINE,
    NEXT,
    OF_ORDER,
    ON_HAND,
    ON_ORDER,
    PUT_AWAY,
    R_LINE,
    R_SITE,
    R_UNITS,
    RECEIVED_UNITS,
    RESERVED,
    RESTOCKED,
    SHRUNK,
    STOCKED,
    STOCKOUTS,
    TAIL,
    TOUCHED,
    WAITING,
    Guide,
    State,
)

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@compiled
def touch(stock: I64, cell: int, at_s: int, warm_up_s: int) -> None:
    """Close the books of a cell up to `at_s`; call before its stock changes."""
    passed = at_s - max(stock[cell, TOUCHED], warm_up_s)
    if passed > 0:
        stock[cell, HAND_TIME] += stock[cell, ON_HAND] * passed
        if stock[cell, ON_HAND] > stock[cell, HELD_BACK]:
            stock[cell, STOCKED] += passed
    stock[cell, TOUCHED] = at_s


@compiled
def touch_all(stock: I64, at_s: int, warm_up_s: int) -> None:
    """Close the books of every cell up to `at_s`."""
    for cell in range(stock.shape[0]):
        touch(stock, cell, at_s, warm_up_s)


@compiled
def put_away_receipts(stock: I64, cell: I64, units: I64, at_s: int, warm_up_s: int, touched: NDArray[np.bool_]) -> None:
    """Receive purchase-order lines; counts one cycle a cell an instant and marks the cells in `touched`."""
    for i in range(cell.size):
        c = cell[i]
        touch(stock, c, at_s, warm_up_s)
        if not touched[c]:
            touched[c] = True
            if at_s >= warm_up_s:
                stock[c, CYCLES] += 1
                if stock[c, ON_HAND] <= stock[c, HELD_BACK]:
                    stock[c, STOCKOUTS] += 1
        stock[c, ON_HAND] += units[i]
        stock[c, ON_ORDER] -= units[i]
        stock[c, RECEIVED_UNITS] += units[i]


@compiled
def put_away_returns(guide: Guide, state: State, at_s: int, touched: NDArray[np.bool_]) -> None:
    """Restock what inspection released since the last cycle; marks the cells in `touched`."""
    stock = state.stock
    for k in range(state.tally[PUT_AWAY]):
        row = state.put_away[k]
        cell = guide.cell_of[state.returns[R_SITE, row], state.sku[state.returns[R_LINE, row]]]
        touch(stock, cell, at_s, guide.warm_up_s)
        stock[cell, ON_HAND] += state.returns[R_UNITS, row]
        stock[cell, RESTOCKED] += state.returns[R_UNITS, row]
        touched[cell] = True
    state.tally[PUT_AWAY] = 0


@compiled
def shrink(stock: I64, lost_units: I64, at_s: int, warm_up_s: int) -> None:
    """Take what vanished off every cell, never more than is free."""
    for cell in range(lost_units.size):
        if lost_units[cell] > 0:
            gone = min(lost_units[cell], stock[cell, ON_HAND] - stock[cell, HELD_BACK])
            if gone > 0:
                touch(stock, cell, at_s, warm_up_s)
                stock[cell, ON_HAND] -= gone
                stock[cell, SHRUNK] += gone


@compiled
def lose_patience(guide: Guide, state: State, at_s: int) -> None:
    """Cancel what has waited for stock longer than its channel's patience."""
    stock = state.stock
    for cell in range(stock.shape[0]):
        if stock[cell, BACKORDERED] == 0:
            continue
        for rank in range(state.waiting.shape[2]):
            before = -1
            row = state.waiting[HEAD, cell, rank]
            while row >= 0:
                after = state.short[NEXT, row]
                order = state.short[OF_ORDER, row]
                patience_s = guide.channel[C_PATIENCE, state.channel[order]]
                if patience_s >= 0 and state.arrived_s[order] + patience_s <= at_s:
                    line = state.short[LINE, row]
                    gone = state.units[line] - state.short[RESERVED, row] - state.short[CANCELLED, row]
                    state.short[CANCELLED, row] += gone
                    state.short[CANCELLED_AT, row] = at_s
                    stock[cell, BACKORDERED] -= gone
                    state.tally[WAITING] -= 1
                    if before < 0:
                        state.waiting[HEAD, cell, rank] = after
                    else:
                        state.short[NEXT, before] = after
                    if after < 0:
                        state.waiting[TAIL, cell, rank] = before
                else:
                    before = row
                row = after


@compiled
def review_positions(plan: Plan, stock: I64, day: int, cells_out: I64, units_out: I64) -> int:
    """Write what every reviewed cell orders; `day` < 0 reviews all of them (continuous). Returns how many order."""
    cells = plan.cells
    n = 0
    for cell in range(cells.site.size):
        if cells.policy[cell] == POLICY_NONE:
            continue
        if day >= 0:
            if day % cells.review_days[cell] != 0:
                continue
            if plan.supply.order_days[cells.supplier[cell]] >> plan.times.weekday[day] & 1 == 0:
                continue
        position = stock[cell, ON_HAND] - stock[cell, HELD_BACK] + stock[cell, ON_ORDER] - stock[cell, BACKORDERED]
        units = order_units(cells, cell, position)
        if units > 0:
            stock[cell, ON_ORDER] += units
            cells_out[n] = cell
            units_out[n] = units
            n += 1
    return n
