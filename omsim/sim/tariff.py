"""Carrier services as arrays: slots by day, prices by zone and weight, transit and delivery days.

Owns prices, transit probabilities and delivery calendars of single parcels. Which parcel takes which service is decided
by `decisions` with the solver of `optimize.carriers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.model.calendars import Calendar

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NOT_CARRIED = -1
PPM = 1_000_000


class Tariff(NamedTuple):
    """What the carriers offer, compiled.

    Attributes
    ----------
    slots : int64, shape (n_days, n_services)
        Parcels taken per site on the pickup of each day; 0 = no pickup that day.
    zone : int64, shape (n_sites, n_regions)
        Zone number, -1 = not served.
    max_weight_g, dim_divisor, fuel_ppm, over_kg_cents : shape (n_services,)
        `dim_divisor` float64 cm3 per kg (0 = volume is free).
    loss_share, damage_share : float64, shape (n_services,)
    rate_first : int64, shape (n_services * n_zones + 1,)
        Where the weight breaks of service x zone begin in `up_to_g` and `rate_cents` (ascending weights).
    transit : float64, shape (n_services, n_zones, n_k)
        Cumulative probability of k = 0, 1, ... delivery days; all zero = the service does not go there.
    delivered_day : int64, shape (n_services, n_days + 1, n_k)
        Day number of the k-th delivery day after a pickup on each day of the horizon and the day after it.
    """

    slots: Ints
    zone: Ints
    max_weight_g: Ints
    dim_divisor: Floats
    fuel_ppm: Ints
    over_kg_cents: Ints
    loss_share: Floats
    damage_share: Floats
    rate_first: Ints
    up_to_g: Ints
    rate_cents: Ints
    transit: Floats
    delivered_day: Ints


def compile_tariff(business: Business, calendar: Calendar) -> Tariff:
    """Arrays of every service, zone and day of the run."""
    services, zones = business["services"], business["zones"]
    n_services, n_days = len(services), business.settings.horizon_days
    names = list(dict.fromkeys(zones.texts("zone")))
    number = {name: i for i, name in enumerate(names)}
    zone = np.full((len(business["sites"]), len(business["regions"])), -1, dtype=np.int64)
    zone[business.codes("zones", "site"), business.codes("zones", "region")] = [number[z] for z in zones.texts("zone")]

    rates = business["rates"]
    key = np.array(
        [
            s * len(names) + number[z] if z in number else -1
            for s, z in zip(business.codes("rates", "service"), rates.texts("zone"), strict=True)
        ],
        dtype=np.int64,
    )
    order = np.lexsort((rates.integers("up_to_g"), key))
    order = order[key[order] >= 0]  # a zone no site is in has prices nobody asks for
    transits = business["transits"]
    n_k = int(transits.integers("days").max(initial=0)) + 1
    transit = np.zeros((n_services, len(names), n_k))
    for s, z, k, share in zip(
        business.codes("transits", "service"),
        transits.texts("zone"),
        transits.integers("days"),
        transits.numbers("share"),
        strict=True,
    ):
        if z in number:
            transit[s, number[z], k] += share
    transit = np.cumsum(transit, axis=2)
    transit /= np.where(transit[:, :, -1:] > 0, transit[:, :, -1:], 1.0)
    return Tariff(
        slots=_slots(business, calendar),
        zone=zone,
        max_weight_g=np.array(services.integers("max_weight_g")),
        dim_divisor=np.array(services.numbers("dim_divisor_cm3_per_kg")),
        fuel_ppm=np.floor(services.numbers("fuel_share") * PPM + 0.5).astype(np.int64),
        over_kg_cents=np.array(services.integers("over_kg_cents")),
        loss_share=np.array(services.numbers("loss_share")),
        damage_share=np.array(services.numbers("damage_share")),
        rate_first=np.searchsorted(key[order], np.arange(n_services * len(names) + 1)).astype(np.int64),
        up_to_g=rates.integers("up_to_g")[order],
        rate_cents=rates.integers("price_cents")[order],
        transit=transit,
        delivered_day=_delivered_days(services.integers("delivery_days"), calendar, n_days + 1, n_k),
    )


def _slots(business: Business, calendar: Calendar) -> Ints:
    services, events = business["services"], business["events"]
    start, n_days = business.settings.start_date.toordinal(), business.settings.horizon_days
    slots = business.by_day("services", "daily_slots").astype(np.int64)
    slots *= services.integers("pickup_days")[None, :] >> calendar.weekday[:n_days, None] & 1
    for row, kind in enumerate(events.texts("kind")):
        if kind == "carrier_out":
            first = max(int(events.integers("start")[row]) - start, 0)
            last = max(int(events.integers("end")[row]) - start + 1, 0)
            target = events.texts("target")[row]
            named = zip(services.texts("service"), services.texts("carrier"), strict=True)
            slots[first:last, [i for i, pair in enumerate(named) if target == "" or target in pair]] = 0
    return slots


def _delivered_days(masks: Ints, calendar: Calendar, n_days: int, n_k: int) -> Ints:
    day = np.arange(calendar.n_days)
    found = np.empty((masks.size, n_days, n_k), dtype=np.int64)
    for service, mask in enumerate(masks.tolist()):
        delivers = day[mask >> calendar.weekday & 1 == 1]
        at_or_after = np.searchsorted(delivers, day[:n_days])
        after = np.searchsorted(delivers, day[:n_days], side="right")
        found[service, :, 0] = delivers[at_or_after]
        for k in range(1, n_k):
            found[service, :, k] = delivers[after + k - 1]
    return found


@compiled
def rate_cents_of(up_to_g: Ints, rate_cents: Ints, first: int, last: int, billable_g: int, over_kg_cents: int) -> int:
    """Price before fuel by the weight breaks first..last - 1 of one service and zone; NOT_CARRIED above them."""
    if billable_g > up_to_g[last - 1]:
        if over_kg_cents == 0:
            return NOT_CARRIED
        over_kg = (billable_g - up_to_g[last - 1] + 999) // 1000
        return int(rate_cents[last - 1] + over_kg * over_kg_cents)
    low, high = first, last - 1
    while low < high:
        middle = (low + high) >> 1
        if up_to_g[middle] >= billable_g:
            high = middle
        else:
            low = middle + 1
    return int(rate_cents[low])


@compiled
def with_fuel(price_cents: int, fuel_ppm: int) -> int:
    """A price with its fuel surcharge, rounded half up."""
    return int(price_cents + (price_cents * fuel_ppm + PPM // 2) // PPM)


@compiled
def priced(
    up_to_g: Ints,
    rate_cents: Ints,
    first: int,
    last: int,
    weight_g: int,
    volume_mm3: int,
    max_weight_g: int,
    dim_divisor: float,
    over_kg_cents: int,
    fuel_ppm: int,
) -> int:
    """Price of one parcel by the weight breaks first..last - 1 and its service's terms, fuel included.

    NOT_CARRIED when it is too heavy or there is no rate.
    """
    if first == last or weight_g > max_weight_g:
        return NOT_CARRIED
    billable_g = weight_g
    if dim_divisor > 0:
        billable_g = max(weight_g, int(np.ceil(volume_mm3 / dim_divisor)))
    cents = rate_cents_of(up_to_g, rate_cents, first, last, billable_g, over_kg_cents)
    return cents if cents == NOT_CARRIED else with_fuel(cents, fuel_ppm)


@compiled
def parcel_price_cents(tariff: Tariff, service: int, zone: int, weight_g: int, volume_mm3: int) -> int:
    """Price of one parcel with a service in a zone, fuel included; NOT_CARRIED when the service does not take it."""
    if tariff.transit[service, zone, -1] <= 0:
        return NOT_CARRIED
    row = service * tariff.transit.shape[1] + zone
    return priced(
        tariff.up_to_g,
        tariff.rate_cents,
        tariff.rate_first[row],
        tariff.rate_first[row + 1],
        weight_g,
        volume_mm3,
        tariff.max_weight_g[service],
        tariff.dim_divisor[service],
        tariff.over_kg_cents[service],
        tariff.fuel_ppm[service],
    )


@compiled
def on_time_share(tariff: Tariff, service: int, zone: int, day: int, promise_day: int) -> float:
    """Probability that a parcel picked up on `day` is delivered by the end of `promise_day`."""
    share = 0.0
    for k in range(tariff.transit.shape[2]):
        if tariff.delivered_day[service, day, k] > promise_day:
            break
        share = tariff.transit[service, zone, k]
    return share


@compiled
def transit_days(transit: Floats, service: int, zone: int, uniform: float) -> int:
    """Delivery days a parcel takes, by inverse CDF of `Tariff.transit`."""
    for k in range(transit.shape[2] - 1):
        if uniform < transit[service, zone, k]:
            return k
    return int(transit.shape[2] - 1)
