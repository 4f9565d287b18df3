"""Sense of parcels and their prices: surcharges, pickups, contracts and the tiers they reach."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import Problem
from omsim.model.nearest import nearest_name

if TYPE_CHECKING:
    from omsim.model.business import Settings
    from omsim.model.demand_checks import Check, Places, Tables

_TAKES = ("daily_slots", "daily_kg", "pickup_days")
"""What a pickup must have to take anything."""


def check_surcharges(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Surcharges add something, on days that exist, in zones their service has rates for."""
    rows, rates = tables["surcharges"], tables["rates"]
    priced: dict[str, set[str]] = defaultdict(set)
    for service, zone in zip(rates.texts("service"), rates.texts("zone"), strict=True):
        priced[service].add(zone)
    start, end = rows.integers("start").tolist(), rows.integers("end").tolist()
    cents, share = rows.integers("price_cents").tolist(), rows.numbers("price_share").tolist()
    problems = []
    for row, (service, zone) in enumerate(zip(rows.texts("service"), rows.texts("zone"), strict=True)):
        if zone and zone not in priced[service]:
            rule = f"must be a zone of service {service!r} in table rates, or empty"
            nearest = nearest_name(zone, priced[service])
            problems.append(Problem(where=rows.place(row), field="zone", rule=rule, got=repr(zone), nearest=nearest))
        if end[row] < start[row]:
            rule, got = f"must not be before start ({date.fromordinal(start[row])})", str(date.fromordinal(end[row]))
            problems.append(Problem(where=rows.place(row), field="end", rule=rule, got=got))
        if not cents[row] and not share[row]:
            rule = "must be > 0, or price_share must be"
            problems.append(Problem(where=rows.place(row), field="price_cents", rule=rule, got="0"))
    return problems


def check_some_slots(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Some service takes something somewhere: a pickup with slots and kilograms, on a day; none anywhere is a slip."""
    services, pickups, n_sites = tables["services"], tables["pickups"], len(tables["sites"])
    if not len(services) or not n_sites:
        return []
    at_own = Counter(pickups.texts("service"))  # sites where table pickups says what the service takes
    terms = [services.integers(field).tolist() for field in _TAKES]
    by_service = dict(zip(services.texts("service"), zip(*terms, strict=True), strict=True))
    takes = [takes for service, takes in by_service.items() if at_own[service] < n_sites]
    table = services if takes else pickups
    own = [pickups.integers(field).tolist() for field in _TAKES]
    for service, (slots, kg, days) in zip(pickups.texts("service"), zip(*own, strict=True), strict=True):
        takes.append((slots, kg, days & by_service[service][2] if service in by_service else 0))
    if any(all(pickup) for pickup in takes):
        return []
    nowhere = [field for field, column in zip(_TAKES, zip(*takes, strict=True), strict=True) if not any(column)]
    field, got, rule = nowhere[0] if nowhere else "daily_slots", "0", "must be above 0 for some service"
    if not nowhere:
        got, rule = "none together", "must be above 0 together with daily_kg and on a day for some service"
    elif field == "pickup_days":
        got, rule = "none in common", "must share a day with those of table services for some service"
    return [Problem(where=table.place(0), field=field, rule=f"{rule}, here or in table pickups", got=got)]


def check_contracts(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Contracts are with somebody, promise something that counts, and their shares leave room for each other."""
    contracts, services = tables["contracts"], tables["services"]
    carrier_of = dict(zip(services.texts("service"), services.texts("carrier"), strict=True))
    valid = frozenset(carrier_of) | frozenset(carrier_of.values())
    least, most = contracts.numbers("lowest_share").tolist(), contracts.numbers("highest_share").tolist()
    minimum, shortfall = contracts.integers("minimum_parcels").tolist(), contracts.integers("shortfall_cents").tolist()
    problems = []
    for row, party in enumerate(contracts.texts("party")):
        if party not in valid:
            rule, nearest = "must be a carrier or service of table services", nearest_name(party, valid)
            problems.append(
                Problem(where=contracts.place(row), field="party", rule=rule, got=repr(party), nearest=nearest)
            )
        if least[row] > most[row]:
            rule = f"must be at most highest_share ({most[row]:g})"
            problems.append(Problem(where=contracts.place(row), field="lowest_share", rule=rule, got=f"{least[row]:g}"))
        for field, given, other in (
            ("shortfall_cents", shortfall[row], minimum[row]),
            ("minimum_parcels", minimum[row], shortfall[row]),
        ):
            if given and not other:
                needs = "minimum_parcels" if field == "shortfall_cents" else "shortfall_cents"
                rule = f"must be 0 while {needs} is (nothing would follow from it)"
                problems.append(Problem(where=contracts.place(row), field=field, rule=rule, got=str(given)))
    # a service and its carrier may both have contracts; the least shares of different carriers must fit together
    by_carrier: dict[str, float] = defaultdict(float)
    for row, party in enumerate(contracts.texts("party")):
        carrier = carrier_of.get(party, party)
        by_carrier[carrier] = max(by_carrier[carrier], least[row])
    total = float(np.sum(list(by_carrier.values())))
    if total > 1 + 1e-9:
        rule = "of all carriers must add up to at most 1"
        problems.append(Problem(where=contracts.place(0), field="lowest_share", rule=rule, got=f"{total:g}"))
    return problems


def check_tiers(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """More parcels never earn a smaller discount."""
    tiers = tables["contract_tiers"]
    bounds, discounts = tiers.integers("from_parcels").tolist(), tiers.numbers("discount_share").tolist()
    ladders: dict[str, list[int]] = defaultdict(list)
    for row, contract in enumerate(tiers.texts("contract")):
        ladders[contract].append(row)
    problems = []
    for rows in ladders.values():
        rows.sort(key=bounds.__getitem__)
        for fewer, more in pairwise(rows):
            if discounts[more] <= discounts[fewer]:
                rule = f"must be above the discount of fewer parcels in {tiers.place(fewer)} ({discounts[fewer]:g})"
                problems.append(
                    Problem(where=tiers.place(more), field="discount_share", rule=rule, got=f"{discounts[more]:g}")
                )
    return problems


CHECKS: tuple[tuple[tuple[str, ...], Check], ...] = (
    (("surcharges", "rates"), check_surcharges),
    (("services", "pickups", "sites"), check_some_slots),
    (("contracts", "services"), check_contracts),
    (("contract_tiers",), check_tiers),
)
