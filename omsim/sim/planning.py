"""The reorder optimizer in the loop: at each review it knows what a planner would know then, and no more.

Owns what is known. Demand so far is every order that came in before today, at the site nearest to its region that
carries the SKU; demand before the first day is the model's `history`, or, without one, orders of the model before any
change, drawn from streams of their own. Deciding is :mod:`omsim.optimize.reorder.night`, the same code the nightly job
runs; both engines call it with the same positions.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.arrivals import draw_intake
from omsim.model.calendars import Calendar
from omsim.optimize.reorder.cell_terms import read_terms
from omsim.optimize.reorder.night import look_ahead, plan_tonight
from omsim.optimize.reorder.outlook import Outlook, Position

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.plan import Network, Plan

    Ints = NDArray[np.int64]

UNSEEN_SEED = 7_919  # added to the run's seed: the past is drawn from orders the run does not meet
LEARNT_DAYS = 120  # of past drawn for a model without a history
LEAST_KNOWN_DAYS = 28  # with fewer days known, cells keep the policies of `stock`
MOST_KNOWN_DAYS = 400  # what a forecast looks back on
NEAR_GAP = 0.02  # of the expected cost: a run plans hundreds of mornings, and what one leaves the next can take
SOLVER_SECONDS = 60.0  # far more than such plans need, so that no answer depends on the clock


class ReorderPlanner:
    """Plans the purchase orders of a run's reviews together.

    Parameters
    ----------
    business : Business
        With `purchasing.reorder` = ``optimizer``.
    plan : Plan
    intake : Intake
        Orders of the run.
    seed, replication : int
    """

    def __init__(self, business: Business, plan: Plan, intake: Intake, *, seed: int, replication: int) -> None:
        self._start = business.settings.start_date
        self._between = business.settings.reforecast_days
        self._seed = seed
        self._terms = read_terms(business)
        rows = self._terms.row
        calendar = Calendar(business.settings.time_zone, self._start, plan.times.n_days)
        asked = asked_by_day(plan.network, intake, calendar.day_start_s, plan.times.n_days, len(business["stock"]))
        past = _past(business, plan.network, seed=seed, replication=replication)
        self._first_day = self._start - timedelta(days=len(past))
        self._n_past = len(past)
        self._known = np.ascontiguousarray(np.concatenate((past, asked))[:, rows].T)
        self._outlook: Outlook | None = None
        self._looked_on = -1

    def orders(self, day: int, free: Ints, on_order: Ints, backordered: Ints) -> tuple[Ints, Ints] | None:
        """Cells and units to order at the review of a day, by cell; None while too little is known to plan.

        Parameters
        ----------
        day : int
            Local day of the review, from 0.
        free, on_order, backordered : int64, shape (n_cells,)
            Units on hand and not reserved, on order, owed.
        """
        known = self._n_past + day
        if known < LEAST_KNOWN_DAYS:
            return None
        outlook = self._look(day, known)
        rows = self._terms.row
        night = plan_tonight(
            outlook,
            Position(on_hand_units=free[rows], on_order_units=on_order[rows], backordered_units=backordered[rows]),
            tonight=self._start + timedelta(days=day),
            due=day % np.maximum(self._terms.own_review_days, 1) == 0,
            seconds=SOLVER_SECONDS,
            aim_gap=NEAR_GAP,
        )
        bought = np.flatnonzero(night.plan.units > 0)
        return rows[bought], night.plan.units[bought]

    def _look(self, day: int, known: int) -> Outlook:
        if self._outlook is None or day - self._looked_on >= self._between:
            first = max(known - MOST_KNOWN_DAYS, 0)
            self._outlook = look_ahead(
                self._terms,
                self._known[:, first:known],
                first_day=self._first_day + timedelta(days=first),
                seed=self._seed,
                known=self._outlook,
            )
            self._looked_on = day
        return self._outlook


def asked_by_day(network: Network, intake: Intake, day_start_s: Ints, n_days: int, n_cells: int) -> Ints:
    """Units asked for by day and cell, each line at the nearest site that carries its SKU; int64, (n_days, n_cells).

    Lines nobody in reach carries are left out.
    """
    order = np.repeat(np.arange(len(intake.arrived_s)), np.diff(intake.first_line))
    cell = nearest_cells(network)[intake.region[order], intake.sku]
    day = np.searchsorted(day_start_s[: n_days + 1], intake.arrived_s[order], side="right") - 1
    here = (cell >= 0) & (day >= 0) & (day < n_days)
    asked = np.zeros(n_days * n_cells, dtype=np.int64)
    np.add.at(asked, day[here] * n_cells + cell[here], intake.units[here])
    return asked.reshape(n_days, n_cells)


def nearest_cells(network: Network) -> Ints:
    """Cell of the nearest site that carries a SKU, by region; int64, shape (n_regions, n_skus), -1 = none in reach."""
    ranking, cell_of = network.ranking, network.cell_of
    nearest = np.full((ranking.shape[0], cell_of.shape[1]), -1, dtype=np.int64)
    for place in reversed(range(ranking.shape[1])):
        site = ranking[:, place]
        cells = np.where((site >= 0)[:, None], cell_of[site], -1)
        nearest = np.where(cells >= 0, cells, nearest)
    return nearest


def _past(business: Business, network: Network, *, seed: int, replication: int) -> Ints:
    """Units asked for by day and cell before the first day; int64, shape (n_days, n_cells)."""
    n_cells = len(business["stock"])
    if len(business["history"]):
        return _recorded_past(business, network)
    if len(business["orders"]):
        return np.zeros((0, n_cells), dtype=np.int64)
    base = replace(_same_things(business), windows=())
    n_days = base.settings.horizon_days
    calendar = Calendar(base.settings.time_zone, base.settings.start_date, n_days)
    whole_weeks = n_days - n_days % 7 or n_days
    parts = []
    for part in range(-(-LEARNT_DAYS // whole_weeks)):
        drawn = draw_intake(base, seed=seed + UNSEEN_SEED, replication=replication * 1_000 + part)
        parts.append(asked_by_day(network, drawn, calendar.day_start_s, n_days, n_cells)[:whole_weeks])
    return np.concatenate(parts)


def _same_things(business: Business) -> Business:
    """The model before the scenario, unless the scenario changed which SKUs or regions there are."""
    base = business.base
    if base is None or any(
        base[t].texts(k) != business[t].texts(k) for t, k in (("skus", "sku"), ("regions", "region"))
    ):
        return business
    return base


def _recorded_past(business: Business, network: Network) -> Ints:
    """The model's history up to the day before its start, SKUs without a site shared out by orders' regions."""
    history, settings = business["history"], business.settings
    site, sku = business.codes("history", "site"), business.codes("history", "sku")
    start = settings.start_date.toordinal()
    day = history.integers("date")
    before = np.flatnonzero(day < start)
    if not before.size:
        return np.zeros((0, len(business["stock"])), dtype=np.int64)
    first = int(day[before].min())
    past = np.zeros((start - first, len(business["stock"])), dtype=np.int64)
    named = before[site[before] >= 0]
    _add(
        past,
        day[named] - first,
        network.cell_of[site[named], sku[named]].astype(np.int64),
        history.integers("units")[named],
    )
    shared = before[site[before] < 0]
    asked = history.integers("units")[shared]
    weight = business["regions"].numbers("order_share")
    reach = np.cumsum(weight) / max(float(weight.sum()), 1e-300)
    nearest = nearest_cells(network)
    given = np.zeros_like(asked)
    for region, share in enumerate(reach.tolist()):
        # whole units, as even as the shares allow: up to a region all of them have what their joint share comes to
        upto = np.rint(share * asked).astype(np.int64)
        _add(past, day[shared] - first, nearest[region, sku[shared]], upto - given)
        given = upto
    return past


def _add(past: Ints, day: Ints, cell: Ints, units: Ints) -> None:
    known = cell >= 0
    np.add.at(past, (day[known], cell[known]), units[known])
