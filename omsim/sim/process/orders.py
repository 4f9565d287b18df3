"""The life of an order, from its arrival over the validation desk to its allocation.

Owns who goes where next; which stock serves an order is `warehouse`'s work, and what then becomes of its shipments
`shipments`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.kernels.random import task_factor, task_seconds
from omsim.sim.distributions import fixed_factors

if TYPE_CHECKING:
    from simpy.events import ProcessGenerator

    from omsim.sim.process.shop import Shop
    from omsim.sim.process.warehouse import Warehouse


def receive_orders(shop: Shop, warehouse: Warehouse) -> ProcessGenerator:
    """Let every order of the intake begin its life when it arrives."""
    for order, arrived_s in enumerate(shop.book.arrived_s):
        if arrived_s > shop.env.now:
            yield shop.env.timeout(arrived_s - shop.env.now)
        shop.env.process(fulfil_order(shop, warehouse, order))


NO_TABLE = fixed_factors()  # review times are fixed or exponential


def fulfil_order(shop: Shop, warehouse: Warehouse, order: int) -> ProcessGenerator:
    """Take one order from its arrival to its allocation; from there on its shipments go by themselves."""
    terms = shop.terms_of(order)
    looked_at, refused, time, _ = shop.draws.validation[order]
    if terms.auto_check_s:
        yield shop.env.timeout(terms.auto_check_s)
    if looked_at < terms.manual_share:
        desk = shop.people("validate")
        yield desk.request((shop.now, order))
        factor = task_factor(terms.review_kind, time, NO_TABLE)
        yield desk.work(task_seconds(terms.review_s, factor))
        desk.release()
    shop.book.validated_s[order] = shop.now
    if refused < terms.reject_share:
        shop.book.rejected[order] = True
    else:
        yield warehouse.allocation_of(order)
