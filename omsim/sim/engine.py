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

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

ENGINES = {"window": run_window, "process": run_process}


def run_once(
    business: Business, *, seed: int = DEFAULT_SEED, replication: int = 0, engine: str = "window"
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

    Raises
    ------
    AuditError
        A conservation identity does not hold (a defect of the engine).
    RunError
        There is no such engine.
    """
    if engine not in ENGINES:
        raise RunError(f"engine {engine!r}", f"choose one of {', '.join(ENGINES)}")
    intake = draw_intake(business, seed=seed, replication=replication)
    plan = compile_plan(business)
    planner = None
    if business.settings.reorder == "optimizer":
        from omsim.sim.planning import ReorderPlanner  # forecasts and solvers take a while to load

        planner = ReorderPlanner(business, plan, intake, seed=seed, replication=replication)
    records = ENGINES[engine](business, plan, intake, seed=seed, replication=replication, planner=planner)
    del intake
    give_back()
    check(records, business)
    give_back()
    return records
