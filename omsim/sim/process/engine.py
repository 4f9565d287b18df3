"""The reference engine: SimPy with one process per order, assembled and run to the horizon.

Owns the assembly, the midnights and the end. Slow and readable; the `window` engine must leave the same records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.sim.process.moments import CLOSE, MIDNIGHT, Moment
from omsim.sim.process.orders import receive_orders
from omsim.sim.process.purchasing import Purchasing
from omsim.sim.process.recording import record_run
from omsim.sim.process.shop import Shop
from omsim.sim.process.tenders import Docks
from omsim.sim.process.warehouse import Warehouse

if TYPE_CHECKING:
    from simpy.events import ProcessGenerator

    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.planning import ReorderPlanner
    from omsim.sim.records import RunRecords


def run_process(
    business: Business,
    plan: Plan,
    intake: Intake,
    *,
    seed: int,
    replication: int,
    planner: ReorderPlanner | None = None,
) -> RunRecords:
    """Run one replication of a business, order by order.

    Parameters
    ----------
    business : Business
    plan : Plan
        `compile_plan(business)`.
    intake : Intake
        `draw_intake(business, seed=seed, replication=replication)`, or any other orders.
    seed, replication : int
        Key every draw of the run.
    planner : ReorderPlanner, optional
        Orders at the reviews in place of the cells' policies.

    Returns
    -------
    RunRecords
        A pure function of the arguments.
    """
    shop = Shop(business, plan, intake, seed=seed, replication=replication)
    docks = Docks(shop)
    warehouse = Warehouse(shop, docks)
    Purchasing(shop, warehouse, planner)
    shop.env.process(receive_orders(shop, warehouse))
    shop.env.process(take_stock(shop))
    shop.env.run(until=Moment(shop.env, shop.horizon_s, CLOSE))
    warehouse.close()
    return record_run(business, intake, shop, docks.contracts.settle(), seed=seed, replication=replication)


def take_stock(shop: Shop) -> ProcessGenerator:
    """Record every cell at each midnight, the end of the day."""
    for midnight_s in shop.day_start_s[1 : shop.plan.times.n_days + 1]:
        yield Moment(shop.env, midnight_s, MIDNIGHT)
        shop.book.daily.append(
            (
                [cell.on_hand for cell in shop.cells],
                [cell.backordered for cell in shop.cells],
                [cell.on_order for cell in shop.cells],
            )
        )
