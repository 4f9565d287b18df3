"""Compiled passes over stock: reservations, receipts, restocks, shrinkage, reviews, patience, snapshots."""

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
    FREE_SINCE,
    HAND_TIME,
    HEAD,
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
    WAITING,
    Count,
    Guide,
    State,
)

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]


@compiled
def reserve(free: I64, stock: I64, cell: int, units: Count, at_s: int, warm_up_s: int) -> None:
    """Take free units (at least `units`) for an order, or for what vanished."""
    free[cell] -= units
    if free[cell] == 0:
        stock[cell, STOCKED] += max(0, at_s - max(stock[cell, FREE_SINCE], warm_up_s))


@compiled
def unreserve(free: I64, stock: I64, cell: int, units: Count, at_s: int) -> None:
    """Give units back to the free stock."""
    if free[cell] == 0:
        stock[cell, FREE_SINCE] = at_s
    free[cell] += units


@compiled
def change_on_hand(stock: I64, cell: int, units: Count, at_s: int, warm_up_s: int, horizon_s: int) -> None:
    """Units come (or go, negative); what is on hand from now on counts to the horizon in the time integral."""
    stock[cell, ON_HAND] += units
    stock[cell, HAND_TIME] += units * (horizon_s - max(at_s, warm_up_s))


@compiled
def close_books(free: I64, stock: I64, opening: I64, warm_up_s: int, horizon_s: int) -> None:
    """Add what was on hand from the start, and free to the end, to the time integrals."""
    for cell in range(free.size):
        stock[cell, HAND_TIME] += opening[cell] * (horizon_s - warm_up_s)
        if free[cell] > 0:
            stock[cell, STOCKED] += horizon_s - max(stock[cell, FREE_SINCE], warm_up_s)


@compiled
def put_away_receipts(
    free: I64, stock: I64, cell: I64, units: I64, at_s: int, warm_up_s: int, horizon_s: int, touched: Flags
) -> None:
    """Receive purchase-order lines; counts one cycle a cell an instant and marks the cells in `touched`."""
    for i in range(cell.size):
        c = cell[i]
        if not touched[c]:
            touched[c] = True
            if at_s >= warm_up_s:
                stock[c, CYCLES] += 1
                if free[c] <= 0:
                    stock[c, STOCKOUTS] += 1
        unreserve(free, stock, c, units[i], at_s)
        change_on_hand(stock, c, units[i], at_s, warm_up_s, horizon_s)
        stock[c, ON_ORDER] -= units[i]
        stock[c, RECEIVED_UNITS] += units[i]


@compiled
def put_away_returns(guide: Guide, state: State, at_s: int, touched: Flags) -> None:
    """Restock what inspection released since the last cycle; marks the cells in `touched`."""
    stock = state.stock
    for k in range(state.tally[PUT_AWAY]):
        row = state.put_away[k]
        units = np.int64(state.returns[R_UNITS, row])
        cell = guide.cell_of[state.returns[R_SITE, row], state.sku[state.returns[R_LINE, row]]]
        unreserve(state.free, stock, cell, units, at_s)
        change_on_hand(stock, cell, units, at_s, guide.warm_up_s, guide.horizon_s)
        stock[cell, RESTOCKED] += units
        touched[cell] = True
    state.tally[PUT_AWAY] = 0


@compiled
def shrink(free: I64, stock: I64, lost_units: I64, at_s: int, warm_up_s: int, horizon_s: int) -> None:
    """Take what vanished off every cell, never more than is free."""
    for cell in range(lost_units.size):
        gone = min(lost_units[cell], free[cell])
        if gone > 0:
            reserve(free, stock, cell, gone, at_s, warm_up_s)
            change_on_hand(stock, cell, -gone, at_s, warm_up_s, horizon_s)
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
def review_positions(plan: Plan, free: I64, stock: I64, day: int, cells_out: I64, units_out: I64) -> int:
    """Write what every cell reviewed on a day orders (of suppliers who take orders then). Returns how many order."""
    cells, supply = plan.cells, plan.supply
    n = 0
    for cell in range(cells.site.size):
        if cells.policy[cell] == POLICY_NONE:
            continue
        supplier = cells.supplier[cell]
        if not plan.rules.continuous:
            if day % cells.review_days[cell] != 0:
                continue
            if supply.order_days[supplier] >> plan.times.weekday[day] & 1 == 0:
                continue
        if supply.holiday[day, supplier]:
            continue
        position = free[cell] + stock[cell, ON_ORDER] - stock[cell, BACKORDERED]
        units = order_units(cells, cell, position)
        if units > 0:
            stock[cell, ON_ORDER] += units
            cells_out[n] = cell
            units_out[n] = units
            n += 1
    return n
