"""Customers who write or call: who does, about what and when, told by what became of their orders.

Nothing a contact does changes an order, so the calls of a run follow from its finished records in closed form; only the
desk that answers them queues, and that is each engine's own work (`window`: the patience kernel, `process`: SimPy).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.demand.rng import Purpose, stream_key
from omsim.kernels.delivery_moments import completion_s, draw_contacts
from omsim.model.calendars import DAY_S
from omsim.model.fields import CONTACT_REASONS
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omsim.model.business import Business
    from omsim.sim.records import OrderColumns, ReturnColumns, ShipmentColumns

Ints = NDArray[np.int64]

LOST_AFTER_DAYS = 5  # a parcel this long under way without delivery is taken for lost by its customer
REFUND_WAIT_DAYS = 10  # from the return request, before a customer asks where the money is


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Contacts made within the horizon, by (made, order, reason); int64, shape (n_contacts,)."""

    order: Ints
    reason: Ints
    at_s: Ints
    handle_s: Ints
    patience_s: Ints


def draw_calls(
    business: Business,
    *,
    seed: int,
    replication: int,
    horizon_s: int,
    entity: Ints,
    orders: OrderColumns,
    still_open: NDArray[np.bool_],
    shipments: ShipmentColumns,
    returns: ReturnColumns,
) -> Calls:
    """Draw who makes contact.

    Parameters
    ----------
    entity : int64, shape (n_orders,)
        What the orders' draws are keyed by.
    still_open : bool, shape (n_orders,)
        Whether units of the order are neither reserved nor cancelled at the horizon's end.

    Notes
    -----
    Causes: question, the order itself; late, its promise passing before everything not cancelled was delivered;
    split, the first delivery of an order in several shipments; lost, `LOST_AFTER_DAYS` after the tender; damaged, the
    delivery; refund, `REFUND_WAIT_DAYS` after the return request without the money back.
    """
    table = business["contacts"]
    rows = [np.empty((5, 0), dtype=np.int64)]
    for row, reason in enumerate(table.texts("reason")):
        for concerned, cause_s in _causes(reason, orders, still_open, shipments, returns):
            within = (cause_s >= 0) & (cause_s < horizon_s)
            calls = np.empty((5, concerned.size), dtype=np.int64)
            n = draw_contacts(
                seed,
                stream_key(replication, Purpose.CONTACT),
                CONTACT_REASONS.index(reason),
                concerned[within],
                cause_s[within].astype(np.int64),
                entity,
                float(table.numbers("share")[row]),
                float(table.numbers("delay_hours")[row]) * 3600,
                float(table.numbers("handle_s")[row]),
                float(table.numbers("patience_s")[row]),
                horizon_s,
                calls,
            )
            rows.append(calls[:, :n].copy())
    all_rows = np.concatenate(rows, axis=1)
    del rows
    at_s, order, reason_number, handle, patience = all_rows[:, np.lexsort(all_rows[2::-1])]
    return Calls(order=order, reason=reason_number, at_s=at_s, handle_s=handle, patience_s=patience)


def _causes(
    reason: str,
    orders: OrderColumns,
    still_open: NDArray[np.bool_],
    shipments: ShipmentColumns,
    returns: ReturnColumns,
) -> Iterator[tuple[Ints, NDArray[np.integer]]]:
    """Orders with cause for a reason and when it arises (NEVER = not after all); blocks, so that memory stays low."""
    if reason == "question":
        for a, b in _blocks(orders.arrived_s.size):
            concerned = a + np.flatnonzero(~orders.rejected[a:b])
            yield concerned, orders.arrived_s[concerned]
    elif reason == "late":
        complete_s = completion_s(still_open, shipments.order, shipments.delivered_s)
        for a, b in _blocks(orders.arrived_s.size):
            promise_s, done_s = orders.promise_s[a:b], complete_s[a:b]
            some = ~orders.rejected[a:b] & ((orders.n_shipments[a:b] > 0) | still_open[a:b])
            concerned = a + np.flatnonzero(some & (promise_s >= 0) & ((done_s < 0) | (done_s > promise_s)))
            yield concerned, orders.promise_s[concerned]
    elif reason == "split":
        rows = np.flatnonzero((shipments.delivered_s >= 0) & (orders.n_shipments[shipments.order] > 1))
        yield _earliest(shipments.order[rows], shipments.delivered_s[rows])
    elif reason == "lost":
        rows = np.flatnonzero(shipments.lost)
        yield _earliest(shipments.order[rows], shipments.tendered_s[rows] + LOST_AFTER_DAYS * DAY_S)
    elif reason == "damaged":
        rows = np.flatnonzero(shipments.damaged)
        yield _earliest(shipments.order[rows], shipments.delivered_s[rows])
    else:
        overdue_s = returns.requested_s + REFUND_WAIT_DAYS * DAY_S
        waits = (returns.refunded_s == NEVER) | (returns.refunded_s > overdue_s)
        yield _earliest(shipments.order[returns.shipment[waits]], overdue_s[waits])


def _blocks(n_orders: int) -> Iterator[tuple[int, int]]:
    block = 1 << 14
    for a in range(0, n_orders, block):
        yield a, min(a + block, n_orders)


def _earliest(order: NDArray[np.integer], at_s: NDArray[np.integer]) -> tuple[Ints, NDArray[np.integer]]:
    """Each order once, with the earliest of its instants."""
    rank = np.lexsort((at_s, order))
    order, at_s = order[rank].astype(np.int64), at_s[rank]
    first = np.diff(order, prepend=-1) != 0
    return order[first], at_s[first]
