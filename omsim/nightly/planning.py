"""From what a night knows to what it decides: forecast, policies, tonight's plan, and the trial that proves them.

Owns the order of these steps and the tables made of their answers. The plan itself is `omsim.optimize.reorder`'s, the
trial `omsim.experiments.play_forward`'s; storing and showing the night are `store`'s and `summary`'s.

A change of policy must win before it is proposed. Tonight's plan and the policies behind it are played forward in the
simulator against yesterday's policies, on the same futures. Per SKU (its sites serve each other's customers, so they
are judged together) the cost of holding, owing and losing units is compared; where yesterday's policy was cheaper on
average the change is refused, that SKU keeps yesterday's policy, and the plan is made again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from omsim.experiments.play_forward import tomorrow
from omsim.nightly.forecast_record import forecast_record
from omsim.nightly.night import Night
from omsim.nightly.tables import night_facts, night_tables
from omsim.nightly.trial import Trial, why_not_playable
from omsim.optimize.reorder.cell_terms import CellTerms, read_terms
from omsim.optimize.reorder.night import TonightsPlan, look_ahead, plan_tonight
from omsim.optimize.reorder.outlook import Outlook, Position

if TYPE_CHECKING:
    import logging

    from numpy.typing import NDArray

    from omsim.nightly.snapshot import LastNight, Snapshot

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Flags = NDArray[np.bool_]

SOLVER_SECONDS = 60.0
REPLICATIONS = 8
AIM_GAP = 1e-3  # of the expected cost: a buyer would not wait for the last thousandth
CLOSE_GAP = 1e-3  # a plan proved this close to the best is good whichever way it was found


@dataclass(frozen=True, slots=True, kw_only=True)
class NightSettings:
    """How a night is planned.

    Attributes
    ----------
    seed : int
        Of sampled forecasts and of the futures played.
    replications : int
        Futures the changes are played forward on; 0 = they are proposed untried, and the summary says so.
    jobs : int
        Processes for the trial; the answer is the same whatever their number.
    solver_seconds : float
        For solvers of single purchase orders, in all.
    method : str
        Forecast method, as `omsim.demand.forecast.predictive.predict_demand`'s.
    """

    seed: int = 1
    replications: int = REPLICATIONS
    jobs: int = 1
    solver_seconds: float = SOLVER_SECONDS
    method: str = "auto"


def plan_night(
    snapshot: Snapshot, last: LastNight, settings: NightSettings, log: logging.Logger | None = None
) -> Night:
    """Decide a night.

    Parameters
    ----------
    snapshot : Snapshot
    last : LastNight
        Its levels are yesterday's policies; the model's own where it has none.
    settings : NightSettings
    log : logging.Logger, optional
        Told of each step with its seconds.

    Returns
    -------
    Night

    Raises
    ------
    FieldError, InvalidInputError
        Inputs that cannot be planned with.
    SolveError
        No plan can hold all rules together.
    """
    clock = _Clock(log)
    terms = _with_last_levels(read_terms(snapshot.business), last)
    position = Position(
        on_hand_units=snapshot.on_hand_units[terms.row],
        on_order_units=snapshot.on_order_units[terms.row],
        backordered_units=snapshot.backordered_units[terms.row],
    )
    tonight = tomorrow(snapshot.as_of)
    outlook = look_ahead(
        terms,
        snapshot.history_units[terms.row],
        first_day=snapshot.first_day,
        sold_out=snapshot.sold_out[terms.row],
        seed=settings.seed,
        method=settings.method,
    )
    clock.tell("forecast", items=terms.n_items)
    record = forecast_record(snapshot, outlook, seed=settings.seed)
    clock.tell("forecast scored on days it had not seen")
    night = plan_tonight(outlook, position, tonight=tonight, seconds=settings.solver_seconds, aim_gap=AIM_GAP)
    clock.tell("plan", gap_share=night.plan.gap_share)
    trial, shortage = None, outlook.shortage_cents
    untried = why_not_playable(snapshot, terms) if settings.replications else "it was not asked for"
    if not untried:
        trial = _try(snapshot, outlook, position, night, shortage, settings)
        clock.tell("play forward", days=trial.played.n_days)
        if trial.refused.any():
            outlook = outlook.keeping(trial.refused)
            night = plan_tonight(outlook, position, tonight=tonight, seconds=settings.solver_seconds, aim_gap=AIM_GAP)
            clock.tell("plan without the refused changes", refused=int(trial.refused.sum()))
            trial = replace(trial, played=_try(snapshot, outlook, position, night, shortage, settings).played)
            clock.tell("play the final plan forward")
    facts = night_facts(snapshot, last, outlook, night, trial, record)
    return Night(
        tables=night_tables(snapshot, outlook, position, night, trial),
        facts={
            **facts,
            "settings": {"seed": settings.seed, "replications": settings.replications, "method": settings.method},
            "seconds": clock.seconds,
            "untried": untried,
        },
        status="degraded" if night.plan.fallback and night.plan.gap_share > CLOSE_GAP else "ok",
    )


def _try(
    snapshot: Snapshot,
    outlook: Outlook,
    position: Position,
    night: TonightsPlan,
    shortage_cents: Floats,
    settings: NightSettings,
) -> Trial:
    return Trial.of(
        snapshot,
        outlook,
        position,
        night,
        shortage_cents=shortage_cents,
        seed=settings.seed,
        replications=settings.replications,
        jobs=settings.jobs,
    )


def _with_last_levels(terms: CellTerms, last: LastNight) -> CellTerms:
    """Yesterday's policies instead of the model's, where the last night set them."""
    if not last.levels:
        return terms
    low, top = terms.old_reorder_point.copy(), terms.old_order_up_to.copy()
    for item, key in enumerate(_keys(terms)):
        if key in last.levels:
            low[item], top[item] = last.levels[key]
    return replace(terms, old_reorder_point=low, old_order_up_to=top)


def _keys(terms: CellTerms) -> list[tuple[str, str]]:
    """Site and SKU of each item."""
    site, sku = terms.business["sites"].texts("site"), terms.business["skus"].texts("sku")
    return [(site[a], sku[b]) for a, b in zip(terms.site.tolist(), terms.sku.tolist(), strict=True)]


class _Clock:
    """Seconds by step, told to the log as they pass."""

    def __init__(self, log: logging.Logger | None) -> None:
        self._log, self._last = log, perf_counter()
        self.seconds: dict[str, float] = {}

    def tell(self, step: str, **counts: float) -> None:
        now = perf_counter()
        self.seconds[step] = round(now - self._last, 3)
        self._last = now
        if self._log is not None:
            self._log.info(step, extra={"phase": step, "seconds": self.seconds[step], "counts": counts})
