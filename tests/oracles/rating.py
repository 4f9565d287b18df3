"""One parcel, one service, one price, in exact fractions and in the order the specification tells it."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

MILLION = 1_000_000


def half_up(value):
    """The nearest whole number, halves upwards."""
    return floor(value + Fraction(1, 2))


def price(service, zone, parcel):
    """Cents with one service, or None where it does not take the parcel.

    `service` is a dict with `rates` (by zone: list of (up_to_g, cents)), `surcharges` (list of dicts) and its terms by
    name, `parcel` one with `weight_g`, `volume_mm3`, `longest_mm`, `girth_mm` and `day`.
    """
    rates = sorted(service["rates"].get(zone, []))
    if not rates or parcel["weight_g"] > service["max_weight_g"]:
        return None
    for limit, side in (("max_length_mm", "longest_mm"), ("max_girth_mm", "girth_mm")):
        if service[limit] and parcel[side] > service[limit]:
            return None
    billable_g = parcel["weight_g"]
    if service["dim_divisor"]:
        billable_g = max(billable_g, ceil(Fraction(parcel["volume_mm3"]) / Fraction(service["dim_divisor"])))
    holding = [cents for up_to_g, cents in rates if up_to_g >= billable_g]
    if holding:
        base = holding[0]
    elif service["over_kg_cents"]:
        top_g, top_cents = rates[-1]
        base = top_cents + ceil(Fraction(billable_g - top_g, 1000)) * service["over_kg_cents"]
    else:
        return None
    base = max(base, service["minimum_cents"])
    fuelled, plain = base, 0
    for surcharge in service["surcharges"]:
        applies = (
            surcharge["zone"] in (-1, zone)
            and parcel["weight_g"] >= surcharge["from_g"]
            and parcel["longest_mm"] >= surcharge["from_mm"]
            and parcel["volume_mm3"] >= surcharge["from_mm3"]
            and surcharge["first_day"] <= parcel["day"] <= surcharge["last_day"]
        )
        if applies:
            extra = surcharge["cents"] + half_up(Fraction(base * surcharge["share_ppm"], MILLION))
            if surcharge["fuelled"]:
                fuelled += extra
            else:
                plain += extra
    return fuelled + half_up(Fraction(fuelled * service["fuel_ppm"], MILLION)) + plain


def plain_price(rates, weight_g, volume_mm3, max_weight_g, dim_divisor, over_kg_cents, fuel_ppm):
    """Cents by weight breaks and fuel alone, with volumes divided in floating point; None = not carried."""
    if not rates or weight_g > max_weight_g:
        return None
    billable_g = max(weight_g, ceil(volume_mm3 / dim_divisor)) if dim_divisor > 0 else weight_g
    top_g, cents = rates[-1]
    if billable_g > top_g:
        if not over_kg_cents:
            return None
        cents += (billable_g - top_g + 999) // 1000 * over_kg_cents
    else:
        cents = next(price for up_to_g, price in rates if up_to_g >= billable_g)
    return cents + (cents * fuel_ppm + MILLION // 2) // MILLION


def services_of(card):
    """The services of a compiled rate card, as dicts."""
    n_services = card.max_weight_g.size
    n_zones = (card.rate_first.size - 1) // n_services
    services = []
    for s in range(n_services):
        rates = {}
        for zone in range(n_zones):
            first, last = card.rate_first[s * n_zones + zone : s * n_zones + zone + 2].tolist()
            rates[zone] = list(
                zip(card.up_to_g[first:last].tolist(), card.rate_cents[first:last].tolist(), strict=True)
            )
        names = ("zone", "from_g", "from_mm", "from_mm3", "first_day", "last_day", "cents", "share_ppm", "fuelled")
        rows = range(int(card.surcharge_first[s]), int(card.surcharge_first[s + 1]))
        surcharges = [{name: int(getattr(card, f"surcharge_{name}")[row]) for name in names} for row in rows]
        terms = ("max_weight_g", "max_length_mm", "max_girth_mm", "minimum_cents", "fuel_ppm", "over_kg_cents")
        services.append(
            {name: int(getattr(card, name)[s]) for name in terms}
            | {"dim_divisor": float(card.dim_divisor_cm3_per_kg[s]), "rates": rates, "surcharges": surcharges}
        )
    return services


def prices(card, parcels):
    """Prices of all parcels with all services, -1 = not carried; as a list of lists."""
    services = services_of(card)
    columns = {name: column.tolist() for name, column in parcels._asdict().items() if name != "zone"}
    table = []
    for p, zone in enumerate(parcels.zone.tolist()):
        parcel = {name: column[p] for name, column in columns.items()}
        told = [price(service, zone, parcel) for service in services]
        table.append([-1 if cents is None else cents for cents in told])
    return table
