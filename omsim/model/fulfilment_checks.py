"""Sense of what answers demand: sites and their people, carriers and zones, stock policies, suppliers, events."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import Problem
from omsim.model.nearest import nearest_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omsim.model.business import Settings, Table
    from omsim.model.demand_checks import Check, Places, Tables

CENTRAL_STAGES = ("validate", "contact")
MIDNIGHT = 1440  # minutes of the day, as 24:00 is read
UNLIMITED_G = 1_000_000_000  # the default of services.max_weight_g: takes every parcel


def check_reach(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Every site serves some region and every region is served by some site."""
    problems = []
    for name, column in (("sites", "site"), ("regions", "region")):
        table = tables[name]
        served = set(tables["zones"].texts(column))
        problems += [
            Problem(where=table.place(row), field=column, rule="must have a row in table zones", got=repr(text))
            for row, text in enumerate(table.texts(column))
            if text not in served
        ]
    return problems


def check_carriage(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """In each zone in use some service has a transit time and a price for any parcel, and none has only one of both."""
    zones, services = tables["zones"], tables["services"]
    pairs: dict[str, dict[tuple[str, str], int]] = {}
    for name in ("transits", "rates"):
        rows = zip(tables[name].texts("service"), tables[name].texts("zone"), strict=True)
        pairs[name] = {}
        for row, pair in enumerate(rows):
            pairs[name].setdefault(pair, row)
    problems = []
    for name, other in (("transits", "rates"), ("rates", "transits")):
        problems += [
            Problem(
                where=tables[name].place(row),
                field="zone",
                rule=f"of service {service!r} must have a row in table {other} as well",
                got=repr(zone),
                nearest=nearest_name(zone, {there for serves, there in pairs[other] if serves == service}),
            )
            for (service, zone), row in pairs[name].items()
            if (service, zone) not in pairs[other]
        ]
    names = services.texts("service")
    limited = (services.integers("max_length_mm") > 0) | (services.integers("max_girth_mm") > 0)
    any_weight = (services.integers("max_weight_g") >= UNLIMITED_G) & (services.integers("over_kg_cents") > 0)
    takes_all = {name for name, takes in zip(names, (any_weight & ~limited).tolist(), strict=True) if takes}
    served: dict[str, set[str]] = defaultdict(set)
    for service, zone in pairs["transits"].keys() & pairs["rates"].keys():
        served[zone].add(service)
    for zone, row in _first_rows(zones.texts("zone")).items():
        rule = ""
        if not served[zone]:
            rule = "must have transit times and rates of some service"
        elif not served[zone] & takes_all:
            rule = (
                "must be served by a service that takes any weight and size (over_kg_cents > 0, "
                f"max_weight_g {UNLIMITED_G} or empty, no max_length_mm, no max_girth_mm)"
            )
        if rule:
            nearest = "" if served[zone] else nearest_name(zone, (name for name, by in served.items() if by))
            problems.append(Problem(where=zones.place(row), field="zone", rule=rule, got=repr(zone), nearest=nearest))
    return problems


def _first_rows(texts: tuple[str, ...]) -> dict[str, int]:
    first: dict[str, int] = {}
    for row, text in enumerate(texts):
        first.setdefault(text, row)
    return first


def check_rates_rise(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """A heavier parcel never costs less."""
    rates = tables["rates"]
    weights, prices = rates.integers("up_to_g").tolist(), rates.integers("price_cents").tolist()
    cards: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, pair in enumerate(zip(rates.texts("service"), rates.texts("zone"), strict=True)):
        cards[pair].append(row)
    problems = []
    for rows in cards.values():
        rows.sort(key=weights.__getitem__)
        for lighter, heavier in pairwise(rows):
            if prices[heavier] < prices[lighter]:
                rule = f"must be at least the price of the lighter weight in {rates.place(lighter)} ({prices[lighter]})"
                problems.append(
                    Problem(where=rates.place(heavier), field="price_cents", rule=rule, got=str(prices[heavier]))
                )
    return problems


def check_times_of_day(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """What happens once a day happens within the day: 24:00 would be the next one, with its own slots and weekdays."""
    rule = "must be before 24:00"
    problems = []
    if settings.review_time == MIDNIGHT:
        field = "decisions.review_time"
        problems.append(Problem(where=places.get(field, places.get("", "")), field=field, rule=rule, got="'24:00'"))
    sites = tables["sites"]
    for field in ("cutoff", "receiving_time"):
        problems += [
            Problem(where=sites.place(row), field=field, rule=rule, got="'24:00'")
            for row in np.flatnonzero(sites.integers(field) == MIDNIGHT).tolist()
        ]
    return problems


def check_shifts(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Shifts start before they end; central stages name no site and the others do."""
    staff = tables["staff"]
    problems = []
    for row, (stage, site) in enumerate(zip(staff.texts("stage"), staff.texts("site"), strict=True)):
        if stage in CENTRAL_STAGES and site:
            rule = f"must be empty for the central stage {stage!r}"
            problems.append(Problem(where=staff.place(row), field="site", rule=rule, got=repr(site)))
        elif stage not in CENTRAL_STAGES and not site:
            problems.append(
                Problem(where=staff.place(row), field="site", rule=f"must name a site for the stage {stage!r}")
            )
    start, end = staff.integers("start"), staff.integers("end")
    for row in np.flatnonzero(start >= end).tolist():
        rule = "must be after start (a shift over midnight takes two rows)"
        got = f"{start[row] // 60:02d}:{start[row] % 60:02d} to {end[row] // 60:02d}:{end[row] % 60:02d}"
        problems.append(Problem(where=staff.place(row), field="end", rule=rule, got=got))
    return problems


def check_people(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Work that comes has people who do it, some time."""
    staff, channels, sites, contacts = (tables[name] for name in ("staff", "channels", "sites", "contacts"))
    workers = staff.integers("workers").tolist()
    manned = {
        pair
        for pair, people in zip(zip(staff.texts("stage"), staff.texts("site"), strict=True), workers, strict=True)
        if people > 0
    }
    problems = []
    if ("validate", "") not in manned:
        problems += [
            Problem(
                where=channels.place(row),
                field="manual_review_share",
                rule="must be 0 while table staff has no workers at stage 'validate'",
                got=f"{channels.numbers('manual_review_share')[row]:g}",
            )
            for row in np.flatnonzero(channels.numbers("manual_review_share") > 0).tolist()
        ]
    if len(contacts) and contacts.numbers("share").any() and ("contact", "") not in manned:
        rule = "needs workers at stage 'contact' in table staff"
        problems.append(Problem(where=contacts.place(0), field="share", rule=rule))
    stages = ["pick", "pack"]
    if tables["skus"].numbers("return_share").any():
        stages.append("inspect")
    problems += [
        Problem(
            where=sites.place(row),
            field="site",
            rule=f"must have workers at stage {stage!r} in table staff"
            + (" (there are returns)" * (stage == "inspect")),
            got=repr(site),
        )
        for row, site in enumerate(sites.texts("site"))
        for stage in stages
        if (stage, site) not in manned
    ]
    return problems


def check_policies(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Reorder policies have the numbers they need, and a supplier."""
    stock = tables["stock"]
    policy = np.array(stock.texts("policy"), dtype=object)
    point, up_to = stock.integers("reorder_point_units"), stock.integers("order_up_to_units")
    quantity = stock.integers("order_quantity_units")
    orders = policy != "none"
    bought = np.array([bool(supplier) for supplier in stock.texts("supplier")], dtype=np.bool_)
    return (
        [
            Problem(
                where=stock.place(row),
                field="order_up_to_units",
                rule=f"must be above reorder_point_units ({point[row]}) for policy min_max",
                got=str(up_to[row]),
            )
            for row in np.flatnonzero((policy == "min_max") & (up_to <= point)).tolist()
        ]
        + [
            Problem(
                where=stock.place(row),
                field="order_quantity_units",
                rule="must be > 0 for policy quantity",
                got=str(quantity[row]),
            )
            for row in np.flatnonzero((policy == "quantity") & (quantity <= 0)).tolist()
        ]
        + [
            Problem(where=stock.place(row), field="supplier", rule=f"must not be empty for policy {policy[row]}")
            for row in np.flatnonzero(orders & ~bought).tolist()
        ]
    )


def check_suppliers(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Empirical lead times have factors to draw from."""
    suppliers, given = tables["suppliers"], set(tables["lead_times"].texts("supplier"))
    rows = zip(suppliers.texts("supplier"), suppliers.texts("lead_time"), strict=True)
    return [
        Problem(
            where=suppliers.place(row),
            field="lead_time",
            rule=f"must have rows of supplier {supplier!r} in table lead_times",
            got=repr(shape),
        )
        for row, (supplier, shape) in enumerate(rows)
        if shape == "empirical" and supplier not in given
    ]


def check_categories(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Dispositions speak of categories some SKU has."""
    rows, valid = tables["dispositions"], set(tables["skus"].texts("category"))
    return [
        Problem(
            where=rows.place(row),
            field="category",
            rule="must be a category of table skus",
            got=repr(category),
            nearest=nearest_name(category, valid),
        )
        for row, category in enumerate(rows.texts("category"))
        if category and category not in valid
    ]


def event_targets(tables: Mapping[str, Table], kind: str) -> tuple[str, frozenset[str]]:
    """What an event of this kind is aimed at, in words, and the names that are legal."""
    if kind == "carrier_out":
        services = tables["services"]
        return "a carrier or service", frozenset(services.texts("carrier") + services.texts("service"))
    table, column = {
        "site_closed": ("sites", "site"),
        "supplier_late": ("suppliers", "supplier"),
        "demand_factor": ("channels", "channel"),
    }.get(kind, ("", ""))
    return f"a {column}", frozenset(tables[table].texts(column)) if table else frozenset()


def check_events(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Events end after they start and hit something that is there."""
    events = tables["events"]
    problems = []
    for row, (kind, target) in enumerate(zip(events.texts("kind"), events.texts("target"), strict=True)):
        noun, valid = event_targets(tables, kind)
        if target and target not in valid:
            rule = f"must be {noun} for event {kind}" if valid else f"must be empty for event {kind}"
            problems.append(
                Problem(
                    where=events.place(row),
                    field="target",
                    rule=rule,
                    got=repr(target),
                    nearest=nearest_name(target, valid),
                )
            )
    for row in np.flatnonzero(events.integers("end") < events.integers("start")).tolist():
        problems.append(Problem(where=events.place(row), field="end", rule="must not be before start"))
    return problems


CHECKS: tuple[tuple[tuple[str, ...], Check], ...] = (
    (("sites", "regions", "zones"), check_reach),
    (("zones", "services", "transits", "rates"), check_carriage),
    (("rates",), check_rates_rise),
    (("sites",), check_times_of_day),
    (("staff",), check_shifts),
    (("staff", "channels", "sites", "contacts", "skus"), check_people),
    (("stock",), check_policies),
    (("suppliers", "lead_times"), check_suppliers),
    (("dispositions", "skus"), check_categories),
    (("events", "sites", "services", "suppliers", "channels"), check_events),
)
