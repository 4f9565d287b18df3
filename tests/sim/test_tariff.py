"""Carrier services as arrays, against reading the tables parcel by parcel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from model.small_models import small_business
from oracles import parcels
from sim.busy_models import random_business

from omsim.kernels.rating.card import parcels_of
from omsim.kernels.rating.prices import price_parcels
from omsim.model.calendars import Calendar
from omsim.sim.plan import BEYOND_DAYS
from omsim.sim.tariff import NOT_CARRIED, compile_tariff, on_time_share, transit_days

ZONES = """
    site,  region, zone, distance_km
    north, upland, near, 50
    north, coast,  near, 300
    south, upland, near, 330
    south, coast,  near, 60
"""


def tariff_of(business):
    """The compiled tariff."""
    settings = business.settings
    calendar = Calendar(settings.time_zone, settings.start_date, settings.horizon_days + BEYOND_DAYS)
    return compile_tariff(business, calendar)


def parcel_price_cents(tariff, service: int, zone: int, weight_g: int, volume_mm3: int) -> int:
    """Price of one parcel whose sides are not known."""
    return int(price_parcels(tariff.card, parcels_of([zone], [weight_g], [volume_mm3]))[0, service])


@pytest.mark.parametrize("seed", range(12))
def test_slots_prices_and_transits_are_the_tables(seed: int):
    """Every service, day and zone of a random business, parcels of all weights and volumes."""
    business = random_business(seed)
    tariff = tariff_of(business)
    rng = np.random.default_rng(seed)
    n_days, names = business.settings.horizon_days, list(dict.fromkeys(business["zones"].texts("zone")))
    for service in range(len(business["services"])):
        for day in range(n_days):
            for site in range(len(business["sites"])):
                assert tariff.slots[day, site, service] == parcels.carries(business, service, site, day)
        for number, zone in enumerate(names):
            for weight_g in [1, 999, 1000, 1001, 3999, 4000, 4001, 5000, 5001, *rng.integers(1, 40_000, 30).tolist()]:
                volume_mm3 = int(rng.integers(0, 40_000_000))
                told = parcel_price_cents(tariff, service, number, weight_g, volume_mm3)
                expected = parcels.price(business, service, zone, weight_g, volume_mm3)
                assert (None if told == NOT_CARRIED else told) == expected
            for day in range(n_days + 1):
                for ahead in range(-1, 9):
                    told = on_time_share(tariff.transit, tariff.delivered_day, service, number, day, day + ahead)
                    assert told == pytest.approx(parcels.on_time(business, service, zone, day, day + ahead), abs=1e-12)
                for k in range(3):
                    assert tariff.delivered_day[service, day, k] == parcels.delivery_day(business, service, day, k)


def one_service(**columns: str) -> dict[str, str | dict[str, list[str]]]:
    """Tables of a single service with a card of two breaks, 500 cents up to 2 kg and 700 up to 5."""
    service = {"service": ["van"], "carrier": ["van"], "over_kg_cents": ["30"]}
    return {
        "services": ",".join([*service, *columns])
        + "\n"
        + ",".join([*(c[0] for c in service.values()), *columns.values()]),
        "zones": ZONES,
        "transits": "service, zone, days, share\nvan, near, 0, 1\nvan, near, 2, 3",
        "rates": "service, zone, up_to_g, price_cents\nvan, near, 5000, 700\nvan, near, 2000, 500",
    }


@pytest.mark.parametrize(
    ("weight_g", "volume_mm3", "cents"),
    [
        (1, 0, 500), (2000, 0, 500), (2001, 0, 700), (5000, 0, 700), (5001, 0, 730), (6000, 0, 730), (6001, 0, 760),
        (100, 10_000_000, 500), (100, 10_000_001, 700), (100, 25_005_000, 730), (3000, 10_000_000, 700),
    ],
)  # fmt: skip
def test_breaks_dimensions_and_overweight(weight_g: int, volume_mm3: int, cents: int):
    """Rows of a card in any order; a litre weighs 200 g at 5,000 cm3 a kilogram; started kilograms on top."""
    tariff = tariff_of(small_business(**one_service(dim_divisor_cm3_per_kg="5000")))
    assert parcel_price_cents(tariff, 0, 0, weight_g, volume_mm3) == cents


@pytest.mark.parametrize(("share", "cents"), [("0.001", 501), ("0.0009", 500), ("0.1", 550), ("0.1234", 562)])
def test_fuel_is_rounded_half_up(share: str, cents: int):
    """A half cent of fuel is a cent."""
    tariff = tariff_of(small_business(**one_service(fuel_share=share)))
    assert parcel_price_cents(tariff, 0, 0, 1, 0) == cents


def test_a_published_billable_weight():
    """A ten-inch cube at divisor 139 (cubic inches a pound) is billed 8 lb (../shared/facts/queues.md)."""
    inch_cm, pound_g = 2.54, 453.59237
    tables = one_service(dim_divisor_cm3_per_kg=f"{139 * inch_cm**3 / pound_g * 1000:.9f}")
    tables["rates"] = "service, zone, up_to_g, price_cents\n" + "\n".join(
        f"van, near, {math.floor(pounds * pound_g)}, {pounds}00" for pounds in range(1, 13)
    )
    assert parcel_price_cents(tariff_of(small_business(**tables)), 0, 0, 1, round((100 * inch_cm) ** 3)) == 800


def test_transit_days_are_the_inverse_cdf():
    """A quarter the same day, three quarters on the second delivery day; the last cell takes what is left."""
    tariff = tariff_of(small_business(**one_service()))
    assert tariff.transit[0, 0].tolist() == [0.25, 0.25, 1.0]
    draws = [(0.1, 0), (0.2499999, 0), (0.25, 2), (0.9999999, 2)]
    assert [transit_days(tariff.transit, 0, 0, uniform) for uniform, _ in draws] == [days for _, days in draws]


def test_a_zone_without_transit_is_not_served():
    """Express has no card in a far zone: no price, whatever the weight."""
    business = small_business(
        transits="service, zone, days, share\nstandard, near, 1, 1\nstandard, far, 2, 1\nexpress, near, 1, 1",
        rates="""
            service,  zone, up_to_g, price_cents
            standard, near, 1000,    300
            standard, far,  1000,    380
            express,  near, 5000,    800
        """,
    )
    tariff = tariff_of(business)
    far = list(dict.fromkeys(business["zones"].texts("zone"))).index("far")
    assert parcel_price_cents(tariff, 1, far, 10, 0) == NOT_CARRIED
    assert parcel_price_cents(tariff, 0, far, 10, 0) == 418
