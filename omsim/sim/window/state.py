"""The columns of a window run while it runs, and how they grow.

Owns the layout. Kinds of rows are blocks of int32 (or int16) with one row a field, so that a compiled pass takes few
arrays (compile time grows with their number) in the narrowest types that hold (at most 150 bytes an order, all told).
What the passes write into them is theirs to explain; names and meanings of the fields follow `records`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from omsim.demand.arrivals import Intake
    from omsim.sim.plan import Plan
    from omsim.sim.window.intake import Orders

I8 = NDArray[np.int8]
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Int = NDArray[np.integer]
Count = int | np.int64
"""A whole number in a pass: NumPy's own where the uncompiled source would overflow a narrow type."""

PICK = 2
"""Number of the first picking station (see `plan.Stations`)."""

# State.tally: the next turn of the allocation queue, rows used, lines waiting, returns travelling and to put away
TURN, SHIPMENTS, SHORT, PIECES, RETURNS, WAITING, BACK, PUT_AWAY = range(8)

# State.ships: shipments
ORDER, RELEASED, PICKED, PACKED, TENDERED, DELIVERED, PICK_TASK, PACK_TASK, PRICE, UNITS = range(10)
# State.small: shipments, in 16 bits
NUMBER, SITE, SERVICE, ROLLED, FATE, N_LINES = range(6)
FINE, LOST, DAMAGED = range(3)

# State.short: lines not filled at once, whole, from one site; NEXT links those that wait at one cell
LINE, OF_ORDER, FIRST, RESERVED, CANCELLED, LAST_FILL, CANCELLED_AT, CELL, NEXT = range(9)

# State.pieces: parts of short lines in shipments
OF_SHORT, IN_SHIPMENT, PIECE_UNITS, NEXT_PIECE = range(4)

# State.returns: returned pieces; R_LINK threads the inspection queue
(
    R_LINE,
    R_SHIPMENT,
    R_UNITS,
    R_SITE,
    R_REQUESTED,
    R_RECEIVED,
    R_INSPECTED,
    R_TASK,
    R_DISPOSITION,
    R_DAMAGED,
    R_LINK,
) = range(11)

# State.stock: cells (site x SKU), a row each, what every tender changes side by side in one cache line. Free units
# stand alone in State.free: allocation reads nothing else.
(
    ON_HAND,
    HAND_TIME,
    SHIPPED,
    FREE_SINCE,
    STOCKED,
    BACKORDERED,
    ON_ORDER,
    RECEIVED_UNITS,
    RESTOCKED,
    SHRUNK,
    CYCLES,
    STOCKOUTS,
) = range(12)
HEAD, TAIL = range(2)

# Guide.channel: what allocation asks of a channel
C_RANK, C_BACKORDERS, C_PARTIAL, C_SPLITS, C_PATIENCE = range(5)
# Guide.mean_s: mean task seconds by site
M_PICK_ORDER, M_PICK_LINE, M_PICK_UNIT, M_PACK_ORDER, M_PACK_UNIT, M_INSPECT_UNIT = range(6)


class Guide(NamedTuple):
    """What allocation and the floor read of a plan; see `plan` for the meanings."""

    horizon_s: int
    warm_up_s: int
    fewest_splits: bool
    oldest_first: bool
    day_start_s: I64
    cell_of: I32
    ranking: I32
    closed: NDArray[np.bool_]
    cell_site: I64
    channel: I64
    mean_s: NDArray[np.float64]
    task_kind: I64
    task_table: NDArray[np.float64]


def guide_of(plan: Plan) -> Guide:
    """The guide of a plan."""
    channels, network = plan.channels, plan.network
    return Guide(
        horizon_s=plan.times.horizon_s,
        warm_up_s=plan.times.warm_up_s,
        fewest_splits=plan.rules.fewest_splits,
        oldest_first=plan.rules.oldest_first,
        day_start_s=plan.times.day_start_s,
        cell_of=network.cell_of,
        ranking=network.ranking,
        closed=network.closed,
        cell_site=plan.cells.site,
        channel=np.stack(
            [
                channels.rank,
                channels.backorders.astype(np.int64),
                channels.partial.astype(np.int64),
                channels.split_limit,
                channels.patience_s,
            ]
        ),
        mean_s=np.stack(
            [
                network.pick_order_s,
                network.pick_line_s,
                network.pick_unit_s,
                network.pack_order_s,
                network.pack_unit_s,
                network.inspect_unit_s,
            ]
        ),
        task_kind=network.task_kind,
        task_table=network.task_table,
    )


class State(NamedTuple):
    """Everything a run reads of its orders and changes, but the stations."""

    tally: I64
    queue: I32  # orders by allocation
    channel: I16
    region: I16
    entity: I64
    arrived_s: I32
    allocated_s: I32
    promise_s: I32
    first_line: I32
    n_shipments: I16
    sku: NDArray[np.integer]
    units: NDArray[np.integer]
    line_shipment: I32  # -1 also for short lines, whose pieces are all in `pieces`
    ships: I32
    small: I16
    link: I32  # the queue, dock or list each shipment is in
    piece: I32  # each shipment's first row of `pieces`
    rank: I8  # of each shipment's channel
    short: I32
    pieces: I32
    returns: I32
    free: I64  # units on hand and not reserved, by cell
    stock: I64
    waiting: I32  # (HEAD or TAIL, cell, rank) into `short`
    heap: I32  # returns on their way, by (received, shipment, line)
    put_away: I32
    dock: I32  # first packed shipment of each site
    scratch: I32


def _grown(block: NDArray[np.signedinteger], rows: int, used: int) -> NDArray[np.signedinteger]:
    bigger = np.empty((*block.shape[:-1], rows), dtype=block.dtype)
    bigger[..., :used] = block[..., :used]
    return bigger


def empty_state(plan: Plan, intake: Intake, orders: Orders, queue: I32) -> State:
    """State at second 0: stock and open orders, nobody waiting, room for as many shipments as orders and a tenth more.

    Rooms are what is expected and a little more: growing means copying.
    """
    n_cells, n_orders, n_lines = plan.cells.site.size, intake.arrived_s.size, intake.sku.size
    n_shipments, few = n_orders + n_orders // 10 + 64, n_lines // 16 + 64
    back = int(n_lines * 1.15 * _expected_return_share(plan, intake)) + 64
    stock = np.zeros((n_cells, 16), dtype=np.int64)
    stock[:, ON_HAND] = plan.cells.opening
    np.add.at(stock[:, ON_ORDER], plan.open_orders.cell, plan.open_orders.units)
    return State(
        tally=np.zeros(8, dtype=np.int64),
        queue=queue,
        channel=intake.channel,
        region=intake.region,
        entity=intake.entity,
        arrived_s=intake.arrived_s,
        allocated_s=orders.allocated_s,
        promise_s=orders.promise_s,
        first_line=intake.first_line,
        n_shipments=np.zeros(n_orders, dtype=np.int16),
        sku=intake.sku,
        units=intake.units,
        line_shipment=np.full(n_lines, -1, dtype=np.int32),
        ships=np.empty((10, n_shipments), dtype=np.int32),
        small=np.empty((6, n_shipments), dtype=np.int16),
        link=np.empty(n_shipments, dtype=np.int32),
        piece=np.empty(n_shipments, dtype=np.int32),
        rank=np.empty(n_shipments, dtype=np.int8),
        short=np.empty((9, few), dtype=np.int32),
        pieces=np.empty((4, few), dtype=np.int32),
        returns=np.empty((11, back), dtype=np.int32),
        free=plan.cells.opening.astype(np.int64),
        stock=stock,
        waiting=np.full((2, n_cells, plan.channels.n_ranks), -1, dtype=np.int32),
        heap=np.empty(back, dtype=np.int32),
        put_away=np.empty(back, dtype=np.int32),
        dock=np.full(plan.network.closed.shape[0], -1, dtype=np.int32),
        scratch=np.empty(max(n_shipments, back), dtype=np.int32),
    )


def _expected_return_share(plan: Plan, intake: Intake) -> float:
    """Share of the order lines that is expected back, at most."""
    if not intake.sku.size:
        return 0.0
    asked = np.bincount(intake.sku[:: max(1, intake.sku.size // 100_000)], minlength=plan.goods.price_cents.size)
    return float(plan.goods.return_share.max(axis=0) @ asked / asked.sum())


def without_queues(state: State) -> State:
    """The state with what only a running clock needs let go, so that the records find room."""
    nothing = np.empty(0, dtype=np.int32)
    return state._replace(
        queue=nothing, link=nothing, piece=nothing, rank=nothing.astype(np.int8), heap=nothing, scratch=nothing
    )


def with_room(state: State, *, shipments: int = 0, short: int = 0, pieces: int = 0, returns: int = 0) -> State:
    """The state with room for so many more rows of each kind; the same object where it has it already."""
    for kind, more, blocks in (
        (SHIPMENTS, shipments, ("ships", "small", "link", "piece", "rank")),
        (SHORT, short, ("short",)),
        (PIECES, pieces, ("pieces",)),
        (RETURNS, returns, ("returns", "heap", "put_away")),
    ):
        used = int(state.tally[kind])
        if used + more > getattr(state, blocks[0]).shape[-1]:
            rows = used + more + (used + more) // 8 + 64
            state = state._replace(**{name: _grown(getattr(state, name), rows, used) for name in blocks})
    room = max(state.ships.shape[1], state.returns.shape[1])
    if state.scratch.size < room:
        state = state._replace(scratch=np.empty(room, dtype=np.int32))
    return state
