"""Which question a tender asks the carrier solvers: slots alone, kilograms, or contracts with the rest of their period.

Owns the choice of the question and what is kept of the answer. What the shipments cost comes from `decisions`, how the
contracts stand from `contract_book`; the solvers are `optimize.carriers`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from omsim.optimize.carriers import CarrierAssignment, assign_carriers, assign_with_contracts
from omsim.optimize.carriers.weights import assign_within_weight
from omsim.sim.contract_book import ContractBook, Kinds, kinds_of, usual_cents
from omsim.sim.contracts import PPM
from omsim.sim.tariff import NOT_CARRIED

if TYPE_CHECKING:
    from omsim.optimize.carriers import Contract
    from omsim.sim.plan import Plan

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

CONTRACT_GAP = 0.0005
"""Share of its bound within which a plan for a period is good enough: what is expected is known far less well."""
MOST_FLOWS = 60
GRAINS = 16
"""Contracts are decided in sixteenths of a cent. A parcel that a contract wants costs one of them more later than now:
of plans equally cheap, the one that leaves least to what is only expected."""

_STATUS = {"all_cheapest": "trivial", "cheapest": "cheapest"}


class TenderPrices(NamedTuple):
    """What a tender's shipments cost.

    Attributes
    ----------
    price_cents : int64, shape (n_shipments, n_services)
        NOT_CARRIED where the service may not take it, whether it picks up or not.
    cost_cents : int64, shape (n_shipments, n_services)
        Price, expected penalty for lateness, and the surcharge on services too slow for the promise.
    offered : bool, shape (n_shipments, n_services)
        The service picks up and may take it.
    hold_cents : int64, shape (n_shipments,)
        Cost of waiting for the next pickup.
    favourite : int64, shape (n_shipments,)
        The cheapest service that picks up, room aside (the lowest number among equals); -1 = none, or waiting is
        cheaper.
    weight_g : int64, shape (n_shipments,)
        With cartons.
    unoffered : int
        Shipments no service is offered to.
    """

    price_cents: Ints
    cost_cents: Ints
    offered: Flags
    hold_cents: Ints
    favourite: Ints
    weight_g: Ints
    unoffered: int


class Assigned(NamedTuple):
    """Who takes what, as `decisions.TenderDecision` tells it."""

    service: Ints
    slot_price_cents: Ints
    contract_price_cents: Ints
    objective_cents: int
    bound_cents: int
    status: str
    fallback: str
    kinds: Kinds | None


def assign_shipments(
    plan: Plan, rule: str, book: ContractBook | None, priced: TenderPrices, *, site: int, day: int
) -> Assigned:
    """Give every shipment of a tender a service, or leave it for the next pickup.

    Notes
    -----
    Where everybody's favourite fits and no contract asks for more, there is nothing to solve. Contracts are steered by
    with the optimum of `assign_with_contracts`; when that leaves behind what highest shares alone keep back, it is
    asked once more without them; when it overloads a pickup, kilograms decide, each service cheaper by what a parcel
    more is worth to its contracts.
    """
    slots, room_g = plan.tariff.slots[day, site], _room_g(plan, site, day)
    if book is not None and plan.contracts.steer:
        return _steered(plan, book, priced, slots, room_g, site, day)
    n_contracts = plan.contracts.covers.shape[0]
    fits = _fits(priced.favourite, priced.weight_g, slots, room_g)
    if rule == "optimum" and fits:
        least = _cost_of(priced, priced.favourite)
        none = np.zeros(slots.size, dtype=np.int64)
        return Assigned(
            priced.favourite, none, np.zeros(n_contracts, dtype=np.int64), least, least, "trivial", "", None
        )
    asked = cast("Literal['optimum', 'cheapest']", rule)
    if room_g is None:
        answer = assign_carriers(priced.cost_cents, priced.offered, slots, priced.hold_cents, rule=asked)
    else:
        answer = assign_within_weight(
            priced.cost_cents, priced.offered, slots, priced.hold_cents, priced.weight_g, room_g, rule=asked
        )
    return _told(answer, np.zeros(n_contracts, dtype=np.int64), None)


def _steered(
    plan: Plan,
    book: ContractBook,
    priced: TenderPrices,
    slots: Ints,
    room_g: Ints | None,
    site: int,
    day: int,
) -> Assigned:
    terms, n_parcels = plan.contracts, priced.hold_cents.size
    carried = priced.price_cents != NOT_CARRIED
    billed = np.where(carried, priced.price_cents, 0)
    kinds = kinds_of(priced.cost_cents, carried, priced.hold_cents, billed)
    expected = book.outlook(plan.tariff, site, day, kinds, n_parcels)
    n_later = int(np.asarray(expected.parcels).sum())
    contracts, period = book.contracts_now(day, n_parcels, n_later, usual_cents(terms.covers, kinds, book, day))
    asked = [_in_grains(contract) for contract in contracts]
    period = replace(
        period,
        given_cents=np.asarray(period.given_cents) * GRAINS,
        expected=replace(
            expected,
            cost_cents=np.asarray(expected.cost_cents) * GRAINS + _wanted(asked, slots.size),
            hold_cents=np.asarray(expected.hold_cents) * GRAINS,
            billed_cents=np.asarray(expected.billed_cents) * GRAINS,
        ),
    )

    def ask(some: list[Contract]) -> CarrierAssignment:
        return assign_with_contracts(
            priced.cost_cents * GRAINS,
            priced.offered,
            slots,
            priced.hold_cents * GRAINS,
            some,
            billed_cents=billed * GRAINS,
            period=period,
            gap=CONTRACT_GAP,
            most_flows=MOST_FLOWS,
        )

    answer = ask(asked)
    kept_back = (answer.service < 0) & priced.offered.any(axis=1)
    if kept_back.any() and any(one.highest_share_ppm < PPM for one in asked):
        other = ask([replace(one, highest_share_ppm=PPM) for one in asked])
        answer = other if other.n_held < answer.n_held else answer
    prices = np.zeros(terms.covers.shape[0], dtype=np.int64)
    worth = np.zeros(slots.size, dtype=np.int64)
    if answer.contracts is not None:
        of_minimum = answer.contracts.minimum_price_cents
        prices[terms.steered] = of_minimum // GRAINS
        both = (of_minimum + answer.contracts.tier_price_cents) // GRAINS
        worth = both @ terms.covers[terms.steered].astype(np.int64)
    if room_g is not None and not _fits(answer.service, priced.weight_g, slots, room_g):
        answer = assign_within_weight(
            priced.cost_cents - worth, priced.offered, slots, priced.hold_cents, priced.weight_g, room_g
        )
        return _told(answer, prices, kinds)
    in_cents = replace(
        answer,
        cost_cents=answer.cost_cents // GRAINS,
        bound_cents=answer.bound_cents // GRAINS,
        slot_price_cents=answer.slot_price_cents // GRAINS,
    )
    return _told(in_cents, prices, kinds)


def _in_grains(contract: Contract) -> Contract:
    """A contract's money in `GRAINS` of a cent."""
    return replace(
        contract,
        shortfall_cents=contract.shortfall_cents * GRAINS,
        share_miss_cents=contract.share_miss_cents * GRAINS,
        reference_cents=contract.reference_cents * GRAINS,
    )


def _wanted(contracts: list[Contract], n_services: int) -> Ints:
    """A grain for every service of which a contract wants parcels; int64, shape (n_services,)."""
    wanted = np.zeros(n_services, dtype=np.int64)
    for contract in contracts:
        if contract.minimum_parcels or contract.lowest_share_ppm or contract.from_parcels:
            wanted[contract.covers] = 1
    return wanted


def _told(answer: CarrierAssignment, contract_price_cents: Ints, kinds: Kinds | None) -> Assigned:
    proved = "optimal" if answer.cost_cents == answer.bound_cents else answer.status
    status = "fallback" if answer.fallback else _STATUS.get(answer.method, proved)
    return Assigned(
        answer.service,
        answer.slot_price_cents,
        contract_price_cents,
        answer.cost_cents,
        answer.bound_cents,
        status,
        answer.fallback,
        kinds,
    )


def _room_g(plan: Plan, site: int, day: int) -> Ints | None:
    """Grams every service takes; None where weight limits no pickup of the model."""
    return plan.tariff.room_g[day, site] if plan.tariff.room_g.size else None


def _fits(service: Ints, weight_g: Ints, slots: Ints, room_g: Ints | None) -> bool:
    """Whether every pickup has the slots and the grams for what it is to take."""
    used = np.bincount(service + 1, minlength=slots.size + 1)[1:]
    if (used > slots).any():
        return False
    if room_g is None:
        return True
    grams = np.zeros(slots.size + 1, dtype=np.int64)
    np.add.at(grams, service, weight_g)  # -1, the last, are those that stay
    return bool((grams[:-1] <= room_g).all())


def _cost_of(priced: TenderPrices, service: Ints) -> int:
    sent = service >= 0
    cents = priced.cost_cents[sent, service[sent]].sum() + priced.hold_cents[~sent].sum()
    return int(cents)
