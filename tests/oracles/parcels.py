"""One parcel and one service at a time, read off the model's tables as the specification says."""

from __future__ import annotations

import math
from datetime import timedelta


def carries(business, service, site, day):
    """Slots of a service on the pickup of a day; 0 = no pickup."""
    services, events = business["services"], business["events"]
    today = business.settings.start_date + timedelta(days=day)
    if not services.integers("pickup_days")[service] >> today.weekday() & 1:
        return 0
    named = ("", services.texts("service")[service], services.texts("carrier")[service])
    for row, kind in enumerate(events.texts("kind")):
        out = events.integers("start")[row] <= today.toordinal() <= events.integers("end")[row]
        if kind == "carrier_out" and out and events.texts("target")[row] in named:
            return 0
    return int(business.by_day("services", "daily_slots")[day, service])


def zone_of(business, site, region):
    """Tariff zone from a site to a region."""
    zones = business["zones"]
    pairs = zip(business.codes("zones", "site").tolist(), business.codes("zones", "region").tolist(), strict=True)
    return dict(zip(pairs, zones.texts("zone"), strict=True))[site, region]


def price(business, service, zone, weight_g, volume_mm3):
    """Cents with fuel, or None where the service does not take the parcel."""
    services, rates = business["services"], business["rates"]
    name = services.texts("service")[service]
    if weight_g > services.integers("max_weight_g")[service]:
        return None
    divisor = services.numbers("dim_divisor_cm3_per_kg")[service]
    billable_g = max(weight_g, math.ceil(volume_mm3 / divisor)) if divisor else weight_g
    rows = zip(
        rates.texts("service"), rates.texts("zone"), rates.integers("up_to_g").tolist(),
        rates.integers("price_cents").tolist(), strict=True,
    )  # fmt: skip
    card = sorted((up_to_g, cents) for of, to, up_to_g, cents in rows if (of, to) == (name, zone))
    if not card:
        return None
    fitting = [cents for up_to_g, cents in card if billable_g <= up_to_g]
    if fitting:
        cents = fitting[0]
    else:
        over = int(services.integers("over_kg_cents")[service])
        if not over:
            return None
        cents = card[-1][1] + math.ceil((billable_g - card[-1][0]) / 1000) * over
    ppm = round(services.numbers("fuel_share")[service] * 1_000_000)
    return cents + (cents * ppm + 500_000) // 1_000_000


def on_time(business, service, zone, day, promise_day):
    """Probability of delivery by the end of a day after pickup on `day`, walking the delivery days."""
    services, transits = business["services"], business["transits"]
    name = services.texts("service")[service]
    shares = {}
    rows = zip(transits.texts("service"), transits.texts("zone"), transits.integers("days").tolist(),
               transits.numbers("share").tolist(), strict=True)  # fmt: skip
    for of, to, days, share in rows:
        if (of, to) == (name, zone):
            shares[days] = shares.get(days, 0) + share
    within = sum(share for days, share in shares.items() if delivery_day(business, service, day, days) <= promise_day)
    return within / sum(shares.values())


def delivery_day(business, service, day, transit_days):
    """Day on which a parcel picked up on `day` is delivered after so many delivery days."""
    mask = business["services"].integers("delivery_days")[service]

    def delivers(at):
        return mask >> (business.settings.start_date + timedelta(days=at)).weekday() & 1

    at, left = day, transit_days
    while left or not delivers(at):
        at += 1
        left -= bool(left and delivers(at))
    return at
