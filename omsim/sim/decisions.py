"""What is decided at control points, the same for both engines: which service takes a parcel, how much to order.

Owns the translation of a moment's state into the question an optimizer or a policy answers. Parcels and their prices
come from `parcels`, the state of contracts from `contract_book`, who takes what from `assignment`; when to ask, and
what then happens, is the engines' work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.sim.assignment import TenderPrices, assign_shipments
from omsim.sim.parcels import DockParcels, PackedShipments, pack_shipments, price_shipments
from omsim.sim.plan import (
    HOLD_CENTS,
    INFEASIBLE_CENTS,
    POLICY_BASE_STOCK,
    POLICY_MIN_MAX,
    POLICY_QUANTITY,
    Cells,
    Plan,
)
from omsim.sim.tariff import NOT_CARRIED, on_time_share

if TYPE_CHECKING:
    from omsim.sim.contract_book import ContractBook, Kinds

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderDecision:
    """What becomes of the shipments of one tender.

    Attributes
    ----------
    service : int64, shape (n_shipments,)
        -1 = left for the next pickup.
    price_cents : int64, shape (n_shipments,)
        Price with the chosen service; 0 where left behind.
    packed : PackedShipments or None
        What each shipment is packed in; None in a model without cartons.
    demanded : int64, shape (n_services,)
        Parcels whose cheapest option it was, room aside.
    used, slot_price_cents : int64, shape (n_services,)
    contract_price_cents : int64, shape (n_contracts,)
    unoffered, cost_cents, objective_cents, bound_cents : int
    status, fallback : str
        As in `records.TenderColumns`.
    kinds : Kinds or None
        What the contract book remembers of the tender; None without contracts to steer by.
    """

    service: Ints
    price_cents: Ints
    packed: PackedShipments | None
    demanded: Ints
    used: Ints
    slot_price_cents: Ints
    contract_price_cents: Ints
    unoffered: int
    cost_cents: int
    objective_cents: int
    bound_cents: int
    status: str
    fallback: str
    kinds: Kinds | None = None


def price_tender(
    plan: Plan, parcels: DockParcels, *, site: int, day: int
) -> tuple[TenderPrices, PackedShipments | None]:
    """Pack and price every shipment waiting at a site's cutoff; see the specification."""
    boxes, packed = pack_shipments(plan.packaging, parcels)
    zone = plan.tariff.zone[site, parcels.region]
    price = price_shipments(plan.tariff, zone, day, boxes)
    cost, offered, hold, favourite, unoffered = _weigh_up(
        plan.tariff.transit, plan.tariff.delivered_day, plan.tariff.slots[day, site], plan.rules.promise_quantile,
        plan.rules.late_penalty_cents, day, zone, parcels.promise_day, price,
    )  # fmt: skip
    weight_g = parcels.weight_g if packed is None else parcels.weight_g + packed.tare_g
    if plan.tariff.room_g.size:  # who is heavier than all a pickup takes is carried by nobody, however few there are
        carried = offered & (weight_g[:, None] <= plan.tariff.room_g[day, site])
        unoffered = zone.size - int(carried.any(axis=1).sum())
    return TenderPrices(price, cost, offered, hold, favourite, weight_g, int(unoffered)), packed


@compiled
def _weigh_up(
    transit: Floats,
    delivered_day: Ints,
    slots: Ints,
    promise_quantile: float,
    late_penalty_cents: int,
    day: int,
    zone_of: Ints,
    promise_day: Ints,
    price: Ints,
) -> tuple[Ints, Flags, Ints, Ints, int]:
    """Terms of `TenderPrices`; `price` loses the services that do not go there."""
    n_parcels, n_services, n_zones = zone_of.size, slots.size, transit.shape[1]
    cost = np.zeros((n_parcels, n_services), dtype=np.int64)
    offered = np.zeros((n_parcels, n_services), dtype=np.bool_)
    hold = np.empty(n_parcels, dtype=np.int64)
    favourite = np.full(n_parcels, -1, dtype=np.int64)
    unoffered = 0
    slack = 64  # promises further off than any transit are all alike
    unknown = np.int64(-1)
    lateness = np.full((n_services, n_zones, slack), unknown)  # expected penalty, with the surcharge for slowness
    waiting = np.full((n_zones, slack), unknown)  # least expected penalty one pickup later
    for p in range(n_parcels):
        zone = zone_of[p]
        promised = promise_day[p] >= 0
        ahead = max(min(promise_day[p] - day, slack - 2), -1) + 1  # 0 = too late whatever happens
        if promised and waiting[zone, ahead] < 0:
            best = 0.0
            for s in range(n_services):
                on_time = 0.0 if ahead == 0 else on_time_share(transit, delivered_day, s, zone, day, day + ahead - 1)
                lateness[s, zone, ahead] = int(math.floor(late_penalty_cents * (1.0 - on_time) + 0.5))
                if on_time < promise_quantile:
                    lateness[s, zone, ahead] += INFEASIBLE_CENTS
                if ahead > 0:
                    best = max(best, on_time_share(transit, delivered_day, s, zone, day + 1, day + ahead - 1))
            waiting[zone, ahead] = int(math.floor(late_penalty_cents * (1.0 - best) + 0.5))
        hold[p] = HOLD_CENTS + (waiting[zone, ahead] if promised else 0)
        best_cents = hold[p] + 1
        anybody = False
        for s in range(n_services):
            if price[p, s] == NOT_CARRIED or transit[s, zone, -1] <= 0:
                price[p, s] = NOT_CARRIED
                continue
            cost[p, s] = price[p, s] + (lateness[s, zone, ahead] if promised else 0)
            if slots[s] > 0:
                offered[p, s] = anybody = True
                if cost[p, s] < best_cents:
                    best_cents = cost[p, s]
                    favourite[p] = s
        unoffered += not anybody
    return cost, offered, hold, favourite, unoffered


def decide_tender(
    plan: Plan, rule: str, parcels: DockParcels, *, site: int, day: int, book: ContractBook | None = None
) -> TenderDecision:
    """Choose a service for every shipment waiting at a site's cutoff.

    Parameters
    ----------
    rule : str
        The model's `carrier_rule`.
    parcels : DockParcels
    site, day : int
        Where and on which local day.
    book : ContractBook, optional
        How the contracts stand; read, not written. Needed where the plan steers by contracts.
    """
    tariff = plan.tariff
    slots, n_contracts = tariff.slots[day, site], plan.contracts.covers.shape[0]
    if not parcels.region.size:
        nothing, none = np.zeros(0, dtype=np.int64), np.zeros(slots.size, dtype=np.int64)
        return TenderDecision(
            service=nothing, price_cents=nothing, packed=None, demanded=none, used=none, slot_price_cents=none,
            contract_price_cents=np.zeros(n_contracts, dtype=np.int64), unoffered=0, cost_cents=0, objective_cents=0,
            bound_cents=0, status="trivial", fallback="",
        )  # fmt: skip
    priced, packed = price_tender(plan, parcels, site=site, day=day)
    assigned = assign_shipments(plan, rule, book, priced, site=site, day=day)
    service = assigned.service
    sent = service >= 0
    paid = np.where(sent, priced.price_cents[np.arange(service.size), service], 0)
    return TenderDecision(
        service=service,
        price_cents=paid,
        packed=packed,
        demanded=np.bincount(priced.favourite + 1, minlength=slots.size + 1)[1:],
        used=np.bincount(service[sent], minlength=slots.size),
        slot_price_cents=assigned.slot_price_cents,
        contract_price_cents=assigned.contract_price_cents,
        unoffered=priced.unoffered,
        cost_cents=int(paid.sum()),
        objective_cents=assigned.objective_cents,
        bound_cents=assigned.bound_cents,
        status=assigned.status,
        fallback=assigned.fallback,
        kinds=assigned.kinds,
    )


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
