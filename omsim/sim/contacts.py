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
from omsim.kernels.delivery_moments import draw_contacts, order_moments
from omsim.model.calendars import DAY_S
from omsim.model.fields import CONTACT_REASONS
from omsim.sim.records import NEVER

if TYPE_CHECKING:
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
    open_units: Ints,
    shipments: ShipmentColumns,
    returns: ReturnColumns,
    return_order: Ints,
) -> Calls:
    """Draw who makes contact.

    Parameters
    ----------
    entity : int64, shape (n_orders,)
        What the orders' draws are keyed by.
    open_units : int64, shape (n_orders,)
        Units of each order neither reserved nor cancelled at the horizon's end.
    return_order : int64, shape (n_returns,)
        The order of each return.

    Notes
    -----
    Causes: question, the order itself; late, its promise passing before everything not cancelled was delivered;
    split, the first delivery of an order in several shipments; lost, `LOST_AFTER_DAYS` after the tender; damaged, the
    delivery; refund, `REFUND_WAIT_DAYS` after the return request without the money back.
    """
    table = business["contacts"]
    never = np.full(orders.arrived_s.size, NEVER, dtype=np.int64)
    first_delivery, last_delivery, undelivered, lost_tender, damaged_at = order_moments(
        orders.arrived_s.size,
        shipments.order,
        shipments.tendered_s,
        shipments.delivered_s,
        shipments.lost,
        shipments.damaged,
    )
    promise = orders.promise_s
    promised = (promise >= 0) & ~orders.rejected & ((orders.n_shipments > 0) | (open_units > 0))
    complete = (undelivered == 0) & (open_units == 0)
    overdue = returns.requested_s + REFUND_WAIT_DAYS * DAY_S
    waits = (returns.refunded_s == NEVER) | (returns.refunded_s > overdue)
    refund_cause = np.full(orders.arrived_s.size, np.iinfo(np.int64).max)
    np.minimum.at(refund_cause, return_order[waits], overdue[waits])
    causes = {
        "question": np.where(orders.rejected, NEVER, orders.arrived_s),
        "late": np.where(promised & ~(complete & (last_delivery <= promise)), promise, NEVER),
        "split": np.where(orders.n_shipments > 1, first_delivery, NEVER),
        "lost": np.where(lost_tender >= 0, lost_tender + LOST_AFTER_DAYS * DAY_S, NEVER),
        "damaged": damaged_at,
        "refund": np.where(refund_cause < horizon_s, refund_cause, never),
    }
    rows = []
    for row, reason in enumerate(table.texts("reason")):
        number = CONTACT_REASONS.index(reason)
        concerned = np.flatnonzero((causes[reason] >= 0) & (causes[reason] < horizon_s))
        calls = np.empty((5, concerned.size), dtype=np.int64)
        n = draw_contacts(
            seed,
            stream_key(replication, Purpose.CONTACT),
            number,
            concerned,
            causes[reason].astype(np.int64),
            entity,
            float(table.numbers("share")[row]),
            float(table.numbers("delay_hours")[row]) * 3600,
            float(table.numbers("handle_s")[row]),
            float(table.numbers("patience_s")[row]),
            horizon_s,
            calls,
        )
        rows.append(calls[:, :n])
    all_rows = np.concatenate(rows, axis=1) if rows else np.empty((5, 0), dtype=np.int64)
    at_s, order, reason_number, handle, patience = all_rows[:, np.lexsort(all_rows[2::-1])]
    return Calls(order=order, reason=reason_number, at_s=at_s, handle_s=handle, patience_s=patience)
