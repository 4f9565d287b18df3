"""A tender under contracts whose plan is too heavy for its pickups: contracts as prices, within the kilograms.

Owns turning what contracts are worth at the margin into costs of single parcels. Kilograms alone are in `weights`,
contracts alone in `contracts`; the bound of the latter holds here too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import SolveError
from omsim.optimize.carriers.contract_bill import most_parcels
from omsim.optimize.carriers.prices import billed_prices, priced_options
from omsim.optimize.carriers.shapes import HELD, MILLION
from omsim.optimize.carriers.weights import assign_within_weight

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from omsim.optimize.carriers.shapes import CarrierAssignment, CarrierCheck, Contract, ContractOutcome

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]


def lighten(
    cost_cents: ArrayLike,
    offered: ArrayLike,
    slots: ArrayLike,
    hold_cents: ArrayLike,
    contracts: Sequence[Contract],
    planned: CarrierAssignment,
    check: Callable[..., CarrierCheck],
    *,
    billed_cents: ArrayLike | None,
    weight_g: ArrayLike,
    capacity_g: ArrayLike,
    parcels_in_all: int,
) -> CarrierAssignment:
    """Decide the tender's parcels again within kilograms, each contract as what one parcel more is worth to it.

    The plan for expected parcels stays; parcels beyond a highest share wait, the last ones first.
    """
    outcome = planned.contracts
    if outcome is None:
        raise SolveError("carrier contracts", "a plan without contracts", "none")
    prices, _ = priced_options(cost_cents, offered, slots, hold_cents)
    billed = billed_prices(billed_cents, prices)
    net = np.where(np.asarray(offered), np.asarray(cost_cents), 0).astype(np.int64)
    for at, one in enumerate(contracts):
        net -= np.where(one.covers, _worth(one, outcome, at, billed), 0)
    light = assign_within_weight(net, offered, slots, hold_cents, weight_g, capacity_g)
    service = light.service.copy()
    for at, one in enumerate(contracts):
        before = int(outcome.period_parcels[at] - outcome.today_parcels[at])
        inside = np.flatnonzero((service != HELD) & one.covers[service])
        most = max(0, most_parcels(one, parcels_in_all) - before)
        service[inside[most:]] = HELD
    checked = check(service, expected_plan=outcome.expected_plan, weight_g=weight_g, capacity_g=capacity_g)
    if checked.broken:
        raise SolveError("carrier contracts", checked.broken, "kilograms")
    return replace(
        planned,
        service=service,
        cost_cents=checked.cost_cents,
        bound_cents=min(planned.bound_cents, checked.cost_cents),
        status="optimal" if planned.status == "optimal" and checked.cost_cents == planned.bound_cents else "feasible",
        method="priced",
        fallback=planned.fallback or light.fallback,
        slot_price_cents=light.slot_price_cents,
        kg_price_cents=light.kg_price_cents,
        contracts=checked.contracts,
    )


def _worth(one: Contract, outcome: ContractOutcome, at: int, billed: Cents) -> Cents:
    """What a parcel of each price is worth to a contract beyond its price, in whole cents."""
    tier = int(outcome.tier[at])
    worth = np.zeros(billed.shape, dtype=np.int64)
    if tier and one.rebate_cents:
        worth += one.rebate_cents[tier - 1]
    elif tier and one.tier_kind == "incremental":
        worth += one.share_ppm[tier - 1] * one.reference_cents // MILLION
    elif tier:
        worth += billed * one.share_ppm[tier - 1] // MILLION
    short, unfair = outcome.shortfall_parcels[at] > 0, outcome.share_short_parcels[at] > 0
    worth += one.shortfall_cents if short else int(outcome.minimum_price_cents[at])
    worth += one.share_miss_cents if unfair else int(outcome.lowest_share_price_cents[at])
    if one.tier_kind == "all_units":
        worth += int(outcome.tier_price_cents[at])
    worth -= int(outcome.highest_share_price_cents[at])
    return worth
