"""Who makes contact, about what and when: told again from the finished records, order by order."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sim.busy_models import random_business, tied_business

from omsim.demand.arrivals import draw_intake
from omsim.demand.rng import Purpose, uniforms
from omsim.model.fields import CONTACT_REASONS
from omsim.sim.engine import run_once
from omsim.sim.records import NEVER, RunRecords

if TYPE_CHECKING:
    from omsim.model.business import Business

DAY = 86_400


def causes_of(run: RunRecords) -> dict[str, dict[int, int]]:
    """When each order has cause for each reason; orders without cause are left out."""
    parcels = defaultdict(list)
    ships = run.shipments
    for row, order in enumerate(ships.order.tolist()):
        parcels[order].append(row)
    waiting = defaultdict(int)
    first = run.orders.first_line
    for order, (a, b) in enumerate(pairwise(first.tolist())):
        if run.orders.allocated_s[order] == NEVER and not run.orders.rejected[order]:
            waiting[order] = int(run.lines.units[a:b].sum())
    short = run.short_lines
    for row, line in enumerate(short.line.tolist()):
        order = int(np.searchsorted(first, line, side="right")) - 1
        waiting[order] += int(run.lines.units[line] - short.reserved_units[row] - short.cancelled_units[row])
    found: dict[str, dict[int, int]] = {reason: {} for reason in CONTACT_REASONS}
    for order, rejected in enumerate(run.orders.rejected.tolist()):
        if rejected:
            continue
        found["question"][order] = int(run.orders.arrived_s[order])
        mine = parcels[order]
        arrivals = [int(ships.delivered_s[row]) for row in mine if ships.delivered_s[row] != NEVER]
        promise = int(run.orders.promise_s[order])
        complete = waiting[order] == 0 and len(arrivals) == len(mine)
        if promise != NEVER and (mine or waiting[order]) and not (complete and max(arrivals) <= promise):
            found["late"][order] = promise
        if len(mine) > 1 and arrivals:
            found["split"][order] = min(arrivals)
        lost = [int(ships.tendered_s[row]) for row in mine if ships.lost[row]]
        if lost:
            found["lost"][order] = min(lost) + 5 * DAY
        damaged = [int(ships.delivered_s[row]) for row in mine if ships.damaged[row]]
        if damaged:
            found["damaged"][order] = min(damaged)
    back = run.returns
    for row, shipment in enumerate(back.shipment.tolist()):
        overdue = int(back.requested_s[row]) + 10 * DAY
        if back.refunded_s[row] == NEVER or back.refunded_s[row] > overdue:
            order = int(ships.order[shipment])
            found["refund"][order] = min(overdue, found["refund"].get(order, overdue))
    return found


def calls_of(run: RunRecords, business: Business) -> list[tuple[int, int, int]]:
    """(made, order, reason) of everybody who makes contact within the horizon, in order."""
    intake = draw_intake(business, seed=run.seed, replication=run.replication)
    table, calls = business["contacts"], []
    for row, reason in enumerate(table.texts("reason")):
        number = CONTACT_REASONS.index(reason)
        for order, cause_s in causes_of(run)[reason].items():
            if cause_s >= run.horizon_s:
                continue
            draws = uniforms(run.seed, run.replication, Purpose.CONTACT, intake.entity[[order]], number)[0]
            made_s = cause_s + math.floor(-math.log1p(-draws[1]) * table.numbers("delay_hours")[row] * 3600)
            if draws[0] < table.numbers("share")[row] and made_s < run.horizon_s:
                calls.append((made_s, order, number))
    return sorted(calls)


@pytest.mark.parametrize("seed", [*range(10), -1])
def test_contacts_have_their_causes(seed: int):
    """Every contact has its cause and its draw, and nobody with both stays silent."""
    business = random_business(seed) if seed >= 0 else tied_business({}, start_date="2026-10-12")
    run = run_once(business, seed=seed + 1)
    calls = run.contacts
    told = list(zip(calls.at_s.tolist(), calls.order.tolist(), calls.reason.tolist(), strict=True))
    assert told == calls_of(run, business)
    assert told


def test_every_reason_occurs():
    """The businesses above give cause for each reason."""
    seen = set()
    for seed in range(10):
        seen |= set(run_once(random_business(seed), seed=seed + 1).contacts.reason.tolist())
    late_refunds = tied_business({"costs.return_transit_days": 12, "model.horizon_days": 28}, start_date="2026-10-12")
    seen |= set(run_once(late_refunds, seed=1).contacts.reason.tolist())
    assert seen == set(range(len(CONTACT_REASONS)))
