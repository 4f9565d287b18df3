"""Carrier services as arrays: room by day and site, the rate card, transit and delivery days.

Owns the translation from tables: prices are `kernels.rating`'s work, transit probabilities and delivery calendars of
single parcels are here. Which parcel takes which service is decided by `decisions` with the solvers of
`optimize.carriers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.rating.card import EVER, NOT_CARRIED, PPM, RateCard, Surcharges, rate_card

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omsim.model.business import Business
    from omsim.model.calendars import Calendar

__all__ = ["NOT_CARRIED", "Tariff", "compile_tariff", "on_time_share", "transit_days"]

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

UNLIMITED_KG = 100_000_000
"""A pickup that takes this many kilograms is not limited by them."""

MM3_PER_DM3 = 1_000_000


class Tariff(NamedTuple):
    """What the carriers offer, compiled.

    Attributes
    ----------
    slots : int64, shape (n_days, n_sites, n_services)
        Parcels taken on the pickup of each day at each site; 0 = no pickup that day.
    room_g : int64, shape (n_days, n_sites, n_services)
        Grams taken; shape (0, n_sites, n_services) where no pickup is limited by weight.
    zone : int64, shape (n_sites, n_regions)
        Zone number, -1 = not served.
    card : RateCard
        What parcels cost; see `kernels.rating`.
    rated_whole : bool, shape (n_services,)
        A shipment of several cartons is priced as one parcel.
    loss_share, damage_share : float64, shape (n_services,)
    transit : float64, shape (n_services, n_zones, n_k)
        Cumulative probability of k = 0, 1, ... delivery days; all zero = the service does not go there.
    delivered_day : int64, shape (n_services, n_days + 1, n_k)
        Day number of the k-th delivery day after a pickup on each day of the horizon and the day after it.
    """

    slots: Ints
    room_g: Ints
    zone: Ints
    card: RateCard
    rated_whole: Flags
    loss_share: Floats
    damage_share: Floats
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
    off = carrier_days_off(business, calendar)
    slots, room_g = pickup_room(business, calendar)
    return Tariff(
        slots=slots,
        room_g=room_g,
        zone=zone,
        card=_card(business, number),
        rated_whole=np.array([by == "shipment" for by in services.texts("rated_by")], dtype=np.bool_),
        loss_share=np.array(services.numbers("loss_share")),
        damage_share=np.array(services.numbers("damage_share")),
        transit=transit,
        delivered_day=_delivered_days(services.integers("delivery_days"), calendar, off, n_days + 1, n_k),
    )


def carrier_days_off(business: Business, calendar: Calendar) -> Flags:
    """Days on which a service's carrier neither picks up nor delivers; bool, shape (n_services, calendar.n_days)."""
    carriers, holidays = business["services"].texts("carrier"), business["carrier_holidays"]
    off = np.zeros((len(carriers), calendar.n_days), dtype=np.bool_)
    first = calendar.start_date.toordinal()
    for carrier, ordinal in zip(holidays.texts("carrier"), holidays.integers("date").tolist(), strict=True):
        if 0 <= ordinal - first < calendar.n_days:
            off[[row for row, name in enumerate(carriers) if name == carrier], ordinal - first] = True
    return off


def _card(business: Business, zone_number: Mapping[str, int]) -> RateCard:
    """The services' rates, limits and surcharges; zones no site is in have prices nobody asks for."""
    services, rates = business["services"], business["rates"]
    n_zones = len(zone_number)
    key = np.array(
        [
            s * n_zones + zone_number[z] if z in zone_number else -1
            for s, z in zip(business.codes("rates", "service").tolist(), rates.texts("zone"), strict=True)
        ],
        dtype=np.int64,
    )
    order = np.lexsort((rates.integers("up_to_g"), key))
    order = order[key[order] >= 0]
    return rate_card(
        dim_divisor_cm3_per_kg=services.numbers("dim_divisor_cm3_per_kg"),
        max_weight_g=services.integers("max_weight_g"),
        max_length_mm=services.integers("max_length_mm"),
        max_girth_mm=services.integers("max_girth_mm"),
        minimum_cents=services.integers("minimum_cents"),
        fuel_ppm=np.floor(services.numbers("fuel_share") * PPM + 0.5).astype(np.int64),
        over_kg_cents=services.integers("over_kg_cents"),
        rate_first=np.searchsorted(key[order], np.arange(len(services) * n_zones + 1)),
        up_to_g=rates.integers("up_to_g")[order],
        rate_cents=rates.integers("price_cents")[order],
        surcharges=_surcharges(business, zone_number),
    )


def _surcharges(business: Business, zone_number: Mapping[str, int]) -> Surcharges:
    table, first = business["surcharges"], business.settings.start_date.toordinal()
    zones = table.texts("zone")
    known = np.array([not name or name in zone_number for name in zones], dtype=np.bool_)
    columns = {
        "service": business.codes("surcharges", "service"),
        "zone": np.array([zone_number.get(name, -1) for name in zones], dtype=np.int64),
        "from_g": table.integers("from_g"),
        "from_mm": table.integers("from_mm"),
        "from_mm3": np.ceil(table.numbers("from_dm3") * MM3_PER_DM3).astype(np.int64),
        "first_day": np.clip(table.integers("start") - first, -EVER, EVER),
        "last_day": np.clip(table.integers("end") - first, -EVER, EVER),
        "cents": table.integers("price_cents"),
        "share_ppm": np.floor(table.numbers("price_share") * PPM + 0.5).astype(np.int64),
        "fuelled": table.flags("fuelled").astype(np.int64),
    }
    return Surcharges(**{name: np.asarray(column)[known] for name, column in columns.items()})


def pickup_room(business: Business, calendar: Calendar) -> tuple[Ints, Ints]:
    """Slots and grams of every pickup: `Tariff.slots` and `Tariff.room_g`."""
    services, pickups = business["services"], business["pickups"]
    n_days, n_sites = business.settings.horizon_days, len(business["sites"])
    weekday = calendar.weekday[:n_days, None]
    at = (slice(None), business.codes("pickups", "site"), business.codes("pickups", "service"))

    def by_pickup(column: str) -> Ints:
        of_service = business.by_day("services", column).astype(np.int64)
        everywhere = np.repeat(of_service[:, None, :], n_sites, axis=1)
        everywhere[at] = business.by_day("pickups", column).astype(np.int64)
        return everywhere

    slots, room_kg = by_pickup("daily_slots"), by_pickup("daily_kg")
    slots *= (services.integers("pickup_days") >> weekday & 1)[:, None, :]
    slots[at] *= pickups.integers("pickup_days") >> weekday & 1
    slots *= ~carrier_days_off(business, calendar).T[:n_days, None, :]
    for first, last, some in carrier_outages(business):
        slots[first:last, :, some] = 0
    limited = room_kg < UNLIMITED_KG
    return slots, np.where(limited, room_kg * 1000, 1000 * 10**9) if limited.any() else room_kg[:0]


def carrier_outages(business: Business) -> list[tuple[int, int, list[int]]]:
    """Days [first, last) on which services are out, and which services, one an event."""
    services, events = business["services"], business["events"]
    start = business.settings.start_date.toordinal()
    found = []
    for row, kind in enumerate(events.texts("kind")):
        if kind == "carrier_out":
            first = max(int(events.integers("start")[row]) - start, 0)
            last = max(int(events.integers("end")[row]) - start + 1, 0)
            target = events.texts("target")[row]
            named = zip(services.texts("service"), services.texts("carrier"), strict=True)
            found.append((first, last, [i for i, pair in enumerate(named) if target == "" or target in pair]))
    return found


def _delivered_days(masks: Ints, calendar: Calendar, off: Flags, n_days: int, n_k: int) -> Ints:
    day = np.arange(calendar.n_days)
    beyond = np.full(n_k + 1, calendar.n_days - 1)  # holidays may leave fewer delivery days than the longest transit
    found = np.empty((masks.size, n_days, n_k), dtype=np.int64)
    for service, mask in enumerate(masks.tolist()):
        delivers = np.append(day[(mask >> calendar.weekday & 1 == 1) & ~off[service]], beyond)
        at_or_after = np.searchsorted(delivers[: -beyond.size], day[:n_days])
        after = np.searchsorted(delivers[: -beyond.size], day[:n_days], side="right")
        found[service, :, 0] = delivers[at_or_after]
        for k in range(1, n_k):
            found[service, :, k] = delivers[np.minimum(after + k - 1, delivers.size - 1)]
    return found


@compiled
def on_time_share(transit: Floats, delivered_day: Ints, service: int, zone: int, day: int, promise_day: int) -> float:
    """Probability that a parcel picked up on `day` is delivered by the end of `promise_day`; arrays of `Tariff`."""
    share = 0.0
    for k in range(transit.shape[2]):
        if delivered_day[service, day, k] > promise_day:
            break
        share = transit[service, zone, k]
    return share


@compiled
def transit_days(transit: Floats, service: int, zone: int, uniform: float) -> int:
    """Delivery days a parcel takes, by inverse CDF of `Tariff.transit`."""
    for k in range(transit.shape[2] - 1):
        if uniform < transit[service, zone, k]:
            return k
    return int(transit.shape[2] - 1)
