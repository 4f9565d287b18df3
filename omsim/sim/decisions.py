"""What is decided at control points, the same for both engines: which service takes a parcel, how much to order.

Owns the translation of a moment's state into the question an optimizer or a policy answers. Prices come from
`tariff`, the assignment from `optimize.carriers`; when to ask, and what then happens, is the engines' work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.optimize.carriers import assign_carriers
from omsim.sim.plan import (
    HOLD_CENTS,
    INFEASIBLE_CENTS,
    POLICY_BASE_STOCK,
    POLICY_MIN_MAX,
    POLICY_QUANTITY,
    Cells,
    Plan,
)
from omsim.sim.tariff import NOT_CARRIED, Tariff, on_time_share, priced

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderDecision:
    """What becomes of the parcels of one tender.

    Attributes
    ----------
    service : int64, shape (n_parcels,)
        -1 = left for the next pickup.
    price_cents : int64, shape (n_parcels,)
        Price with the chosen service; 0 where left behind.
    demanded : int64, shape (n_services,)
        Parcels whose cheapest option it was, room aside.
    used : int64, shape (n_services,)
    cost_cents : int
        Prices of the parcels sent.
    status, fallback : str
        How it was decided (`TenderColumns.status`), and why not as asked.
    """

    service: Ints
    price_cents: Ints
    demanded: Ints
    used: Ints
    cost_cents: int
    status: str
    fallback: str


@compiled
def price_parcels(
    tariff: Tariff,
    promise_quantile: float,
    late_penalty_cents: int,
    site: int,
    day: int,
    region: Ints,
    weight_g: Ints,
    volume_mm3: Ints,
    promise_day: Ints,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Price, cost and waiting cost of every parcel of a tender; see the specification.

    Returns
    -------
    price_cents : int64, shape (n_parcels, n_services)
        NOT_CARRIED where the service may not take it.
    cost_cents : int64, shape (n_parcels, n_services)
        Price, expected penalty for lateness, and the surcharge on services too slow for the promise.
    hold_cents : int64, shape (n_parcels,)
    favourite : int64, shape (n_parcels,)
        The cheapest service, room aside (the lowest number among equals); -1 = none, or waiting is cheaper.
    """
    n_parcels, n_services, n_zones = region.size, tariff.slots.shape[1], tariff.transit.shape[1]
    price = np.full((n_parcels, n_services), NOT_CARRIED, dtype=np.int64)
    cost = np.zeros((n_parcels, n_services), dtype=np.int64)
    hold = np.empty(n_parcels, dtype=np.int64)
    favourite = np.full(n_parcels, -1, dtype=np.int64)
    slack = 64  # promises further off than any transit are all alike
    unknown = np.int64(-1)
    lateness = np.full((n_services, n_zones, slack), unknown)  # expected penalty, with the surcharge for slowness
    waiting = np.full((n_zones, slack), unknown)  # least expected penalty one pickup later
    rate_first, up_to_g, rate_cents = tariff.rate_first, tariff.up_to_g, tariff.rate_cents
    slots, max_weight_g, dim_divisor = tariff.slots[day], tariff.max_weight_g, tariff.dim_divisor
    over_kg_cents, fuel_ppm = tariff.over_kg_cents, tariff.fuel_ppm
    for p in range(n_parcels):
        zone = tariff.zone[site, region[p]]
        promised = promise_day[p] >= 0
        ahead = max(min(promise_day[p] - day, slack - 2), -1) + 1  # 0 = too late whatever happens
        if promised and waiting[zone, ahead] < 0:
            best = 0.0
            for s in range(n_services):
                on_time = 0.0 if ahead == 0 else on_time_share(tariff, s, zone, day, day + ahead - 1)
                lateness[s, zone, ahead] = int(math.floor(late_penalty_cents * (1.0 - on_time) + 0.5))
                if on_time < promise_quantile:
                    lateness[s, zone, ahead] += INFEASIBLE_CENTS
                if ahead > 0:
                    best = max(best, on_time_share(tariff, s, zone, day + 1, day + ahead - 1))
            waiting[zone, ahead] = int(math.floor(late_penalty_cents * (1.0 - best) + 0.5))
        hold[p] = HOLD_CENTS + (waiting[zone, ahead] if promised else 0)
        best_cents = hold[p] + 1
        for s in range(n_services):
            if slots[s] <= 0 or tariff.transit[s, zone, -1] <= 0:
                continue
            row = s * n_zones + zone
            cents = priced(
                up_to_g, rate_cents, rate_first[row], rate_first[row + 1], weight_g[p], volume_mm3[p],
                max_weight_g[s], dim_divisor[s], over_kg_cents[s], fuel_ppm[s],
            )  # fmt: skip
            if cents == NOT_CARRIED:
                continue
            price[p, s] = cents
            cost[p, s] = cents + (lateness[s, zone, ahead] if promised else 0)
            if cost[p, s] < best_cents:
                best_cents = cost[p, s]
                favourite[p] = s
    return price, cost, hold, favourite


def decide_tender(
    plan: Plan,
    rule: str,
    *,
    site: int,
    day: int,
    region: Ints,
    weight_g: Ints,
    volume_mm3: Ints,
    promise_day: Ints,
) -> TenderDecision:
    """Choose a service for every parcel waiting at a site's cutoff.

    Parameters
    ----------
    rule : str
        The model's `carrier_rule`.
    site, day : int
        Where and on which local day.
    region, weight_g, volume_mm3, promise_day : int64, shape (n_parcels,)
        The parcels, in order of shipment number; `promise_day` -1 = no promise.
    """
    slots = plan.tariff.slots[day]
    if not region.size:
        nothing = np.zeros(0, dtype=np.int64)
        none = np.zeros(slots.size, dtype=np.int64)
        return TenderDecision(
            service=nothing, price_cents=nothing, demanded=none, used=none, cost_cents=0, status="trivial", fallback=""
        )
    price, cost, hold, favourite = price_parcels(
        plan.tariff,
        plan.rules.promise_quantile,
        plan.rules.late_penalty_cents,
        site,
        day,
        region,
        weight_g,
        volume_mm3,
        promise_day,
    )
    demanded = np.bincount(favourite + 1, minlength=slots.size + 1)[1:]
    if rule == "optimum" and (demanded <= slots).all():
        service, status, fallback = favourite, "trivial", ""  # everybody's cheapest fits: nothing to solve
    else:
        asked = cast("Literal['optimum', 'cheapest']", rule)
        answer = assign_carriers(cost, price != NOT_CARRIED, slots, hold, rule=asked)
        service, fallback = answer.service, answer.fallback
        status = "fallback" if fallback else _STATUS[answer.method]
    sent = service >= 0
    paid = np.where(sent, price[np.arange(region.size), service], 0)
    return TenderDecision(
        service=service,
        price_cents=paid,
        demanded=demanded,
        used=np.bincount(service[sent], minlength=slots.size),
        cost_cents=int(paid.sum()),
        status=status,
        fallback=fallback,
    )


_STATUS = {"all_cheapest": "trivial", "flow": "optimal", "cheapest": "cheapest", "cheapest_with_room": "fallback"}


@compiled
def order_units(cells: Cells, cell: int, position: int) -> int:
    """Units the cell's policy orders at an inventory position, MOQ and packs respected; 0 = nothing."""
    kind = cells.policy[cell]
    needed = 0
    if kind == POLICY_MIN_MAX:
        if position <= cells.reorder_point[cell]:
            needed = cells.order_up_to[cell] - position
    elif kind == POLICY_QUANTITY:
        below = cells.reorder_point[cell] - position
        if below >= 0:
            needed = (below // cells.order_quantity[cell] + 1) * cells.order_quantity[cell]
    elif kind == POLICY_BASE_STOCK:
        needed = cells.order_up_to[cell] - position
    if needed <= 0:
        return 0
    needed = max(needed, cells.moq[cell])
    packs = (needed + cells.pack[cell] - 1) // cells.pack[cell]
    return int(packs * cells.pack[cell])
