"""One replication, start to end: plan, intake, engine, audit.

Owns the choice of engine and the door everybody outside `sim` uses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.demand.arrivals import draw_intake
from omsim.demand.rng import DEFAULT_SEED
from omsim.errors import RunError
from omsim.sim.audit import check
from omsim.sim.memory import give_back
from omsim.sim.plan import compile_plan
from omsim.sim.process.engine import run_process
from omsim.sim.window.engine import run_window
from omsim.sim.window.watched import run_watched

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords
    from omsim.sim.watching import OrderSeen

ENGINES = {"window": run_window, "process": run_process}


def run_once(
    business: Business,
    *,
    seed: int = DEFAULT_SEED,
    replication: int = 0,
    engine: str = "window",
    watch: OrderSeen | None = None,
) -> RunRecords:
    """Simulate one replication and audit it.

    Parameters
    ----------
    business : Business
        A checked model, with or without a scenario's overlay. Never written to.
    seed, replication : int
        Non-negative; with the business they determine every record to the bit.
    engine : str
        ``window`` (compiled passes between control instants) or ``process`` (one SimPy process an order).
    watch : OrderSeen, optional
        An order to look at on its way; gets what is seen and changes nothing. Only the window engine can.

    Raises
    ------
    AuditError
        A conservation identity does not hold (a defect of the engine).
    FieldError
        The run has no such order to watch.
    RunError
        There is no such engine, or it cannot watch.
    """
    if engine not in ENGINES:
        raise RunError(f"engine {engine!r}", f"choose one of {', '.join(ENGINES)}")
    if watch is not None and engine != "window":
        raise RunError(f"engine {engine!r}", "cannot watch an order; choose window")
    intake = draw_intake(business, seed=seed, replication=replication)
    plan = compile_plan(business)
    planner = None
    if business.settings.reorder == "optimizer":
        from omsim.sim.planning import ReorderPlanner  # forecasts and solvers take a while to load

        planner = ReorderPlanner(business, plan, intake, seed=seed, replication=replication)
    if watch is not None:
        records = run_watched(business, plan, intake, watch, seed=seed, replication=replication, planner=planner)
    else:
        records = ENGINES[engine](business, plan, intake, seed=seed, replication=replication, planner=planner)
    del intake
    give_back()
    check(records, business)
    give_back()
    return records
