"""Prices of many parcels with every service at once, in whole cents.

Owns the order of the terms: weight break, minimum, surcharges, fuel. Cards and parcels are `card`'s; the same sum told
term by term is in `explain`.
"""

from __future__ import annotations

import numpy as np

from omsim.kernels.compiled import compiled
from omsim.kernels.rating.billable import billable_g
from omsim.kernels.rating.card import MOST_CENTS, MOST_FUELLED_CENTS, NOT_CARRIED, PPM, Ints, Parcels, RateCard

BLOCK = 1024
"""Parcels priced together: their prices with a dozen services stay in the nearest caches."""


@compiled
def share_of(cents: int, share_ppm: int) -> int:
    """A share of an amount, rounded half up; the amount x the share must be below 1.8e19.

    Notes
    -----
    Unsigned, for twice the room and a quicker division.
    """
    product = np.uint64(cents) * np.uint64(share_ppm)
    return int(np.int64((product + np.uint64(PPM // 2)) // np.uint64(PPM)))  # unsigned plus signed would be a float


@compiled
def price_parcels(card: RateCard, parcels: Parcels) -> Ints:
    """Price of every parcel with every service.

    Parameters
    ----------
    card : RateCard
        From `card.rate_card`.
    parcels : Parcels
        From `card.parcels_of`.

    Returns
    -------
    int64, shape (n_parcels, n_services)
        Cents, fuel included. `NOT_CARRIED` where the zone is not served or has no rate, the parcel is too heavy, too
        long or too big around, or its billable weight is above the top break and the service prices no kilograms.

    Notes
    -----
    Base: the rate of the first weight break not below the billable weight (above the top break: its rate and each
    started kilogram), raised to the service's minimum. Each surcharge that applies adds its cents and its share of the
    base. Fuel is charged on the base and the surcharges it applies to. Every share is rounded half up by itself.

    Nothing overflows: a base above `MOST_CENTS` counts as `MOST_CENTS`, and fuel is charged on `MOST_FUELLED_CENTS` at
    most.
    """
    n_parcels, n_services = parcels.zone.size, card.max_weight_g.size
    price = np.empty((n_parcels, n_services), dtype=np.int64)
    base = np.empty(BLOCK, dtype=np.int64)
    fuelled = np.empty(BLOCK, dtype=np.int64)
    plain = np.empty(BLOCK, dtype=np.int64)
    for start in range(0, n_parcels, BLOCK):
        stop = min(start + BLOCK, n_parcels)
        block = Parcels(
            parcels.zone[start:stop],
            parcels.weight_g[start:stop],
            parcels.volume_mm3[start:stop],
            parcels.longest_mm[start:stop],
            parcels.girth_mm[start:stop],
            parcels.day[start:stop],
        )
        told = price[start:stop]
        for service in range(n_services):
            _base_prices(card, block, service, base)
            _add_surcharges(card, block, service, base, fuelled, plain)
            fuel_ppm = card.fuel_ppm[service]
            for i in range(stop - start):
                with_fuel = base[i] + fuelled[i]
                cents = with_fuel + share_of(min(with_fuel, MOST_FUELLED_CENTS), fuel_ppm) + plain[i]
                told[i, service] = NOT_CARRIED if base[i] == NOT_CARRIED else cents
    return price


@compiled
def _base_prices(card: RateCard, parcels: Parcels, service: int, base: Ints) -> None:
    """Base prices of a block of parcels, minimum charge included, or NOT_CARRIED."""
    zone, weight_g, volume_mm3 = parcels.zone, parcels.weight_g, parcels.volume_mm3
    longest_mm, girth_mm = parcels.longest_mm, parcels.girth_mm
    rate_first, up_to_g, rate_cents = card.rate_first, card.up_to_g, card.rate_cents
    bucket_first, bucket_shift, bucket = card.bucket_first, card.bucket_shift, card.bucket
    max_weight_g, max_length_mm = card.max_weight_g[service], card.max_length_mm[service]
    max_girth_mm, minimum_cents = card.max_girth_mm[service], card.minimum_cents[service]
    divisor, over_kg_cents = card.dim_divisor_cm3_per_kg[service], card.over_kg_cents[service]
    n_zones = (rate_first.size - 1) // card.max_weight_g.size
    for i in range(zone.size):
        z = zone[i]
        base[i] = NOT_CARRIED
        if z < 0 or z >= n_zones or weight_g[i] > max_weight_g:
            continue
        if (max_length_mm > 0 and longest_mm[i] > max_length_mm) or (max_girth_mm > 0 and girth_mm[i] > max_girth_mm):
            continue
        row = service * n_zones + z
        first, last = rate_first[row], rate_first[row + 1]
        if first == last:
            continue
        heavy_g = billable_g(weight_g[i], volume_mm3[i], divisor)
        top_g = up_to_g[last - 1]
        if heavy_g > top_g:
            if over_kg_cents == 0:
                continue
            cents = rate_cents[last - 1] + (heavy_g - top_g + 999) // 1000 * over_kg_cents
        else:
            at = bucket_first[row] + (heavy_g >> bucket_shift[row])
            low, high = first + bucket[at], first + bucket[at + 1]
            while low < high:
                middle = (low + high) >> 1
                if up_to_g[middle] >= heavy_g:
                    high = middle
                else:
                    low = middle + 1
            cents = rate_cents[low]
        base[i] = min(max(cents, minimum_cents), MOST_CENTS)


@compiled
def _add_surcharges(card: RateCard, parcels: Parcels, service: int, base: Ints, fuelled: Ints, plain: Ints) -> None:
    """Surcharges of a block of parcels: those that fuel is charged on, and the others."""
    zone, weight_g, volume_mm3 = parcels.zone, parcels.weight_g, parcels.volume_mm3
    longest_mm, day = parcels.longest_mm, parcels.day
    fuelled[:] = 0
    plain[:] = 0
    for row in range(card.surcharge_first[service], card.surcharge_first[service + 1]):
        only_zone, from_g, from_mm = card.surcharge_zone[row], card.surcharge_from_g[row], card.surcharge_from_mm[row]
        from_mm3, first_day = card.surcharge_from_mm3[row], card.surcharge_first_day[row]
        last_day, cents = card.surcharge_last_day[row], card.surcharge_cents[row]
        share_ppm = card.surcharge_share_ppm[row]
        added = fuelled if card.surcharge_fuelled[row] else plain
        for i in range(zone.size):
            applies = (
                ((only_zone < 0) | (zone[i] == only_zone))
                & (weight_g[i] >= from_g)
                & (longest_mm[i] >= from_mm)
                & (volume_mm3[i] >= from_mm3)
                & (day[i] >= first_day)
                & (day[i] <= last_day)
            )
            extra = cents if share_ppm == 0 else cents + share_of(max(base[i], 0), share_ppm)
            added[i] += extra if applies else 0
