"""A price told term by term, and why a service does not take a parcel: plain Python, for people.

Owns the words and nothing of the arithmetic's meaning: `prices` prices in bulk, and tests hold both to the same cents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError
from omsim.kernels.rating.billable import billable_g
from omsim.kernels.rating.card import MOST_CENTS, MOST_FUELLED_CENTS, PPM, Parcels, RateCard
from omsim.kernels.rating.prices import share_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omsim.kernels.rating.card import Ints

REASONS = ("", "zone not served", "no rate in the zone", "too heavy", "too long", "too big around", "above top weight")
"""Why a service does not take a parcel, in the order they are looked for; the first means that it does."""

_SERVED, _ZONE, _RATE, _HEAVY, _LONG, _AROUND, _TOP = range(7)


def refusals(card: RateCard, parcels: Parcels) -> NDArray[np.int8]:
    """Why each service does not take each parcel.

    Returns
    -------
    int8, shape (n_parcels, n_services)
        Index into `REASONS`; 0 exactly where `prices.price_parcels` has a price.
    """
    n_services = card.max_weight_g.size
    n_zones = (card.rate_first.size - 1) // n_services
    inside = (parcels.zone >= 0) & (parcels.zone < n_zones)
    zone = np.where(inside, parcels.zone, 0)
    found = np.empty((parcels.zone.size, n_services), dtype=np.int8)
    for service in range(n_services):
        row = service * n_zones + zone
        last = card.rate_first[row + 1]
        rated = last > card.rate_first[row]
        top_g = np.zeros(zone.size, dtype=np.int64)
        top_g[rated] = card.up_to_g[last[rated] - 1]
        length_mm, around_mm = card.max_length_mm[service], card.max_girth_mm[service]
        holds = [
            ~inside,
            ~rated,
            parcels.weight_g > card.max_weight_g[service],
            (parcels.longest_mm > length_mm) & (length_mm > 0),
            (parcels.girth_mm > around_mm) & (around_mm > 0),
            (_billable(card, parcels, service) > top_g) & (card.over_kg_cents[service] == 0),
        ]
        found[:, service] = np.select(holds, [_ZONE, _RATE, _HEAVY, _LONG, _AROUND, _TOP], _SERVED)
    return found


def explain_price(
    card: RateCard, parcels: Parcels, parcel: int, service: int, surcharge_names: Sequence[str] = ()
) -> list[tuple[str, int]]:
    """What makes up the price of one parcel with one service.

    Parameters
    ----------
    card : RateCard
    parcels : Parcels
    parcel, service : int
        Row of the parcel, number of the service.
    surcharge_names : sequence of str
        A name for each row of the card's surcharges, in the card's order (by service, else as given to
        `card.rate_card`); numbered when there are none.

    Returns
    -------
    list of (str, int)
        Terms and their cents, in the order in which they arise; they add up to the price of `prices.price_parcels`.
        Empty when the service does not take the parcel (`refusals` tells why).

    Raises
    ------
    FieldError
        There are names, but not one a surcharge.
    """
    if surcharge_names and len(surcharge_names) != card.surcharge_cents.size:
        raise FieldError("surcharge_names", f"{card.surcharge_cents.size} names", len(surcharge_names))
    one = Parcels(*(column[parcel : parcel + 1] for column in parcels))
    if refusals(card, one)[0, service]:
        return []
    n_zones = (card.rate_first.size - 1) // card.max_weight_g.size
    row = service * n_zones + int(one.zone[0])
    breaks = card.up_to_g[card.rate_first[row] : card.rate_first[row + 1]].tolist()
    rates = card.rate_cents[card.rate_first[row] : card.rate_first[row + 1]].tolist()
    billable = int(_billable(card, one, service)[0])
    weight = f"{billable:,} g" + (" by volume" if billable > one.weight_g[0] else "")
    number = next((i for i, up_to_g in enumerate(breaks) if up_to_g >= billable), len(breaks) - 1)
    terms = [(f"rate up to {breaks[number]:,} g, for {weight}", rates[number])]
    if billable > breaks[-1]:
        started_kg = -(-(billable - breaks[-1]) // 1000)
        over = min(rates[-1] + started_kg * int(card.over_kg_cents[service]), MOST_CENTS) - rates[-1]
        terms.append((f"{started_kg:,} kg started above it", over))
    base = sum(cents for _, cents in terms)
    if base < card.minimum_cents[service]:
        terms.append(
            (f"raised to the minimum of {card.minimum_cents[service]:,}", int(card.minimum_cents[service]) - base)
        )
        base = int(card.minimum_cents[service])
    fuelled = base
    for at in range(int(card.surcharge_first[service]), int(card.surcharge_first[service + 1])):
        if _applies(card, one, at):
            cents = int(card.surcharge_cents[at]) + int(share_of(base, int(card.surcharge_share_ppm[at])))
            terms.append((surcharge_names[at] if surcharge_names else f"surcharge {at}", cents))
            fuelled += cents if card.surcharge_fuelled[at] else 0
    fuel_ppm = int(card.fuel_ppm[service])
    if fuel_ppm:
        cents = int(share_of(min(fuelled, MOST_FUELLED_CENTS), fuel_ppm))
        terms.append((f"fuel, {fuel_ppm / PPM:.4g} of {fuelled:,}", cents))
    return terms


def _billable(card: RateCard, parcels: Parcels, service: int) -> Ints:
    divisor = card.dim_divisor_cm3_per_kg[service]
    pairs = zip(parcels.weight_g, parcels.volume_mm3, strict=True)
    return np.array([billable_g(weight_g, volume_mm3, divisor) for weight_g, volume_mm3 in pairs], dtype=np.int64)


def _applies(card: RateCard, one: Parcels, at: int) -> bool:
    """Whether one parcel pays the surcharge of one row."""
    zone = int(card.surcharge_zone[at])
    return bool(
        (zone < 0 or zone == one.zone[0])
        and one.weight_g[0] >= card.surcharge_from_g[at]
        and one.longest_mm[0] >= card.surcharge_from_mm[at]
        and one.volume_mm3[0] >= card.surcharge_from_mm3[at]
        and card.surcharge_first_day[at] <= one.day[0] <= card.surcharge_last_day[at]
    )
