"""The story of one order as plain values: what was decided for it, at which cost, and which options lost.

Owns the shapes. Times are local clocks (``YYYY-MM-DD HH:MM:SS``, empty = it did not happen), money is cents, shares are
from 0 to 1. They are filled by `explain`, and put into words by the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Term(NamedTuple):
    """One term of a cost; the cents of an order's own costs have fractions."""

    name: str
    cents: float


class Goods(NamedTuple):
    """Units of a SKU."""

    sku: str
    units: int


class Taken(NamedTuple):
    """Units of a line (numbered from 1) from a site."""

    line: int
    sku: str
    site: str
    units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStory:
    """What became of a line.

    Attributes
    ----------
    sku, asked_sku : str
        What it is a line of; what the customer asked for, where a substitute took its place.
    units, first_units, reserved_units, cancelled_units, open_units : int
        Asked for; reserved at the first try; reserved in all; lost or cancelled; still waiting.
    waited_at, last_fill_at, cancelled_at : str
        Site and times.
    """

    sku: str
    asked_sku: str
    units: int
    first_units: int
    reserved_units: int
    cancelled_units: int
    open_units: int
    waited_at: str
    last_fill_at: str
    cancelled_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAsked:
    """A site that might have served the order.

    Attributes
    ----------
    usable_units, kept_units : tuple of int
        By line: free and for this channel to take; free but kept for others.
    shares : tuple of float
        By line: the chance a plan gave the site; empty where the rule follows none.
    kept_out : str
        Why it could not serve at all; empty where it could.
    taken_units : int
    """

    site: str
    distance_km: float
    usable_units: tuple[int, ...]
    kept_units: tuple[int, ...]
    shares: tuple[float, ...]
    kept_out: str
    taken_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingOption:
    """A way to serve the order.

    Attributes
    ----------
    sites : tuple of str
        None = it is left unserved.
    terms : tuple of Term
        Expected costs, those for units left over included; `cost_cents` together.
    worth_cents : int
        What the units are worth to later orders, where the rule counts that; one left over counts as the dearest.
    difference_cents : int
        Costs and worth less those of what was chosen.
    note : str
        What else speaks against it.
    """

    sites: tuple[str, ...]
    chosen: bool
    served_units: int
    left_units: int
    terms: tuple[Term, ...]
    cost_cents: int
    worth_cents: int
    difference_cents: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingStory:
    """An attempt to source the order.

    Attributes
    ----------
    at : str
    rule : str
        The model's `allocation_rule`.
    by_cost : bool
        Whether the rule looks at the costs of the options.
    orders, before : int
        Orders decided with it, itself included, and those in turn before it.
    sites_left_out : int
        Sites that serve the region and are not asked, for the model asks so many only.
    sites : tuple of SiteAsked
        In the order in which they are asked.
    options : tuple of SourcingOption
        The chosen one first, the others by cost.
    taken : tuple of Taken
    status, fallback : str
    """

    at: str
    rule: str
    by_cost: bool
    orders: int
    before: int
    sites_left_out: int
    sites: tuple[SiteAsked, ...]
    options: tuple[SourcingOption, ...]
    taken: tuple[Taken, ...]
    status: str
    fallback: str


class Trade(NamedTuple):
    """Sites changed on hold."""

    at: str
    before: tuple[Taken, ...]
    after: tuple[Taken, ...]


class Fill(NamedTuple):
    """Stock came to a site where a line waits; `ahead_units` were wanted by others before it."""

    at: str
    line: int
    sku: str
    site: str
    free_units: int
    ahead_units: int
    wanted_units: int
    given_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CartonUsed:
    """A carton (or a unit in its own packaging) of a shipment; `fill_share` of its inside is goods."""

    carton: str
    contents: tuple[Goods, ...]
    weight_g: int
    fill_share: float
    cost_cents: int


class CartonLost(NamedTuple):
    """A carton that was not used for a shipment, and why."""

    carton: str
    cost_cents: int
    volume_dm3: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOption:
    """A carrier service at a tender.

    Attributes
    ----------
    price_cents : int
        Sum of `terms`; -1 = it does not take the shipment.
    late_cents : int
        Expected penalty.
    on_time_share : float
        Chance of delivery by the promise; 1 where nothing was promised.
    too_slow : bool
        The chance is below the model's `promise_quantile`: chosen only where nothing else is left.
    slots, used : int
        Shipments the pickup takes, and took; 0 slots = no pickup. An unlimited pickup has a billion.
    slot_price_cents : int
        What one slot more would have saved the tender.
    note : str
        Why it was not chosen.
    """

    service: str
    carrier: str
    chosen: bool
    price_cents: int
    terms: tuple[Term, ...]
    late_cents: int
    on_time_share: float
    too_slow: bool
    slots: int
    used: int
    slot_price_cents: int
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenderStory:
    """A tender at which the shipment stood.

    Attributes
    ----------
    parcels : int
        Shipments at it.
    services : tuple of ServiceOption
        The chosen one first, the others by price and penalty, those that do not take it last.
    service : str
        Empty = it stayed for the next pickup.
    contract_prices : tuple of Term
        What a minimum of one parcel less would have saved, by contract.
    status, fallback : str
    """

    at: str
    parcels: int
    rule: str
    services: tuple[ServiceOption, ...]
    service: str
    contract_prices: tuple[Term, ...]
    status: str
    fallback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentStory:
    """A shipment of the order, from release to delivery.

    Attributes
    ----------
    row : int
        In the run's shipments.
    number : int
        Within the order, from 1.
    begun : tuple of str
        When picking and packing began.
    packaging_cents, price_cents : int
        As the run's records have them.
    late_s : int
        Delivery less promise; 0 where either is missing.
    on_hold : bool
        Not released by the end of the run.
    """

    row: int
    number: int
    site: str
    contents: tuple[Goods, ...]
    released_at: str
    pick_began_at: str
    picked_at: str
    pack_began_at: str
    packed_at: str
    weight_g: int
    cartons: tuple[CartonUsed, ...]
    cartons_lost: tuple[CartonLost, ...]
    tenders: tuple[TenderStory, ...]
    tendered_at: str
    service: str
    packaging_cents: int
    price_cents: int
    delivered_at: str
    late_s: int
    lost: bool
    damaged: bool
    on_hold: bool


class ReturnStory(NamedTuple):
    """A piece that came back, or is on its way; disposition is empty until inspected."""

    sku: str
    units: int
    site: str
    requested_at: str
    received_at: str
    inspected_at: str
    refunded_at: str
    disposition: str
    refund_cents: int


class ContactStory(NamedTuple):
    """A contact."""

    reason: str
    at: str
    answered_at: str
    abandoned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStory:
    """One order from arrival to its last return.

    Attributes
    ----------
    order : int
        Row of the run's orders, from 0: its number in the report and in the tables of a run.
    ended : str
        One of `kernels.outcome_columns.CAUSES` where it missed its promise; else empty.
    not_tried : str
        Why it was never sourced; empty if it was.
    hold_minutes : int
    costs : tuple of Term
        What fell due for it within the counted time, by component.
    total_cents : float
    counted_from : str
        Costs before this moment are not counted.
    """

    model: str
    currency: str
    seed: int
    replication: int
    order: int
    orders: int
    channel: str
    region: str
    arrived_at: str
    validated_at: str
    rejected: bool
    promised_at: str
    allocated_at: str
    ends_at: str
    lines: tuple[LineStory, ...]
    not_tried: str
    hold_minutes: int
    sourcing: tuple[SourcingStory, ...]
    trades: tuple[Trade, ...]
    fills: tuple[Fill, ...]
    shipments: tuple[ShipmentStory, ...]
    returns: tuple[ReturnStory, ...]
    contacts: tuple[ContactStory, ...]
    delivered_at: str
    late_s: int
    missed_because: str
    costs: tuple[Term, ...]
    total_cents: float
    counted_from: str
