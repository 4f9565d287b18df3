"""Sense of the terms of purchase: trucks, minimums, price breaks, smallest orders, open orders, targets, sales history.

Owns what can be told from the model alone; what cannot be held together on a given night is told by the plan itself.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.errors import Problem

if TYPE_CHECKING:
    from omsim.model.business import Settings
    from omsim.model.demand_checks import Check, Places, Tables

MM3_PER_DM3 = 1_000_000


def check_trucks(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Trucks that cost or are limited carry a weight or a volume."""
    suppliers = tables["suppliers"]
    none = (suppliers.integers("truck_g") == 0) & (suppliers.integers("truck_dm3") == 0)
    rule = "must be 0 while truck_g and truck_dm3 are (a truck without capacity)"
    return [
        Problem(where=suppliers.place(row), field=field, rule=rule, got=str(suppliers.integers(field)[row]))
        for field in ("most_trucks", "truck_cost_cents")
        for row in np.flatnonzero(none & (suppliers.integers(field) > 0)).tolist()
    ]


def check_minimums(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """The least purchase order can be paid for, and its trucks can carry it."""
    suppliers = tables["suppliers"]
    least_cents, least_g = suppliers.integers("minimum_order_cents"), suppliers.integers("minimum_order_g")
    most_g = suppliers.integers("most_trucks") * suppliers.integers("truck_g")
    return [
        Problem(
            where=suppliers.place(row),
            field="minimum_order_cents",
            rule=f"must be at most purchasing.budget_cents ({settings.budget_cents})",
            got=str(least_cents[row]),
        )
        for row in np.flatnonzero(least_cents > settings.budget_cents).tolist()
    ] + [
        Problem(
            where=suppliers.place(row),
            field="minimum_order_g",
            rule=f"must be at most most_trucks x truck_g ({most_g[row]})",
            got=str(least_g[row]),
        )
        for row in np.flatnonzero((most_g > 0) & (least_g > most_g)).tolist()
    ]


def check_price_breaks(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """A unit never costs more because more are bought."""
    breaks, skus = tables["price_breaks"], tables["skus"]
    units, cost = breaks.integers("from_units").tolist(), breaks.integers("unit_cost_cents").tolist()
    listed = dict(zip(skus.texts("sku"), skus.integers("unit_cost_cents").tolist(), strict=True))
    ladders: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, pair in enumerate(zip(breaks.texts("supplier"), breaks.texts("sku"), strict=True)):
        ladders[pair].append(row)
    problems = []
    for (_, sku), rows in ladders.items():
        rows.sort(key=units.__getitem__)
        first = rows[0]
        if units[first] > 1 and sku in listed and cost[first] > listed[sku]:
            rule = f"must be at most the unit cost of SKU {sku!r} in table skus ({listed[sku]}), which fewer units cost"
            problems.append(
                Problem(where=breaks.place(first), field="unit_cost_cents", rule=rule, got=str(cost[first]))
            )
        for fewer, more in pairwise(rows):
            if cost[more] > cost[fewer]:
                rule = f"must be at most the cost of fewer units in {breaks.place(fewer)} ({cost[fewer]})"
                problems.append(
                    Problem(where=breaks.place(more), field="unit_cost_cents", rule=rule, got=str(cost[more]))
                )
    return problems


def check_smallest_orders(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """The smallest order of every SKU at a site can be brought and put away."""
    stock, skus, suppliers, sites = (tables[name] for name in ("stock", "skus", "suppliers", "sites"))
    pack = stock.integers("pack_units")
    units = -(-stock.integers("moq_units") // pack) * pack
    sku = _rows_of(stock.texts("sku"), skus.texts("sku"))
    site = _rows_of(stock.texts("site"), sites.texts("site"))
    supplier = _rows_of(stock.texts("supplier"), suppliers.texts("supplier"))
    bought = supplier >= 0
    sides_mm = (skus.integers(name).astype(np.float64) for name in ("length_mm", "width_mm", "height_mm"))
    volume_dm3 = units * np.prod(np.stack(list(sides_mm)), axis=0)[sku] / MM3_PER_DM3
    weight_g = units * skus.integers("weight_g").astype(np.float64)[sku]
    trucks = suppliers.integers("most_trucks")
    problems = []
    for capacity, asked, unit in (("truck_g", weight_g, "g"), ("truck_dm3", volume_dm3, "dm3")):
        most = trucks * suppliers.integers(capacity)
        over = bought & (most[supplier] > 0) & (asked > most[supplier])
        for row in np.flatnonzero(over).tolist():
            by = int(supplier[row])
            rule = (
                f"and pack_units make a smallest order of {units[row]} units, {asked[row]:.0f} {unit}; supplier "
                f"{suppliers.texts('supplier')[by]!r} sends at most {most[by]} {unit} "
                f"(most_trucks {trucks[by]} x {capacity})"
            )
            problems.append(Problem(where=stock.place(row), field="moq_units", rule=rule))
    room = sites.integers("storage_dm3")
    for row in np.flatnonzero(bought & (volume_dm3 > room[site])).tolist():
        rule = (
            f"and pack_units make a smallest order of {units[row]} units, {volume_dm3[row]:.0f} dm3; site "
            f"{stock.texts('site')[row]!r} has room for {room[site[row]]} dm3 (storage_dm3)"
        )
        problems.append(Problem(where=stock.place(row), field="moq_units", rule=rule))
    return problems


def _rows_of(texts: tuple[str, ...], names: tuple[str, ...]) -> NDArray[np.int64]:
    """Row of each name; -1 for an empty one, the last row never standing in for it."""
    rows = {name: row for row, name in enumerate(names)}
    return np.fromiter((rows.get(text, -1) for text in texts), dtype=np.int64, count=len(texts))


def check_purchase_orders(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Open orders come on a simulated day or later, to where the SKU is carried, and are of one supplier each."""
    orders, stock = tables["purchase_orders"], tables["stock"]
    if not len(orders):
        return []
    due, start = orders.integers("due_date"), settings.start_date.toordinal()
    problems = [
        Problem(
            where=orders.place(row),
            field="due_date",
            rule=f"must not be before model.start_date ({settings.start_date}); "
            "what came before is on hand, what is late has a new date",
            got=str(date.fromordinal(int(due[row]))),
        )
        for row in np.flatnonzero(due < start).tolist()
    ]
    carried = set(zip(stock.texts("site"), stock.texts("sku"), strict=True))
    first: dict[str, int] = {}
    names, sites, skus, suppliers = (orders.texts(name) for name in ("purchase_order", "site", "sku", "supplier"))
    for row, (name, site, sku, supplier) in enumerate(zip(names, sites, skus, suppliers, strict=True)):
        if (site, sku) not in carried:
            rule = f"must have a row in table stock at site {site!r} (0 units on hand will do)"
            problems.append(Problem(where=orders.place(row), field="sku", rule=rule, got=repr(sku)))
        head = first.setdefault(name, row)
        if suppliers[head] != supplier:
            rule = f"must be as in the order's first line ({suppliers[head]!r})"
            problems.append(Problem(where=orders.place(row), field="supplier", rule=rule, got=repr(supplier)))
    return problems


def check_targets(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """No target asks for every unit that could ever be wanted."""
    rule = "must be below 1 (no stock serves every demand there could be)"
    targets = tables["service_targets"]
    problems = [
        Problem(where=targets.place(row), field="fill_rate", rule=rule, got="1")
        for row in np.flatnonzero(targets.numbers("fill_rate") >= 1).tolist()
    ]
    if settings.target_fill_rate >= 1:
        field = "purchasing.target_fill_rate"
        problems.append(Problem(where=places.get(field, places.get("", "")), field=field, rule=rule, got="1"))
    return problems


def check_history(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """What was asked of a SKU is told by site or for all sites together, not both."""
    history = tables["history"]
    skus, sites = history.texts("sku"), history.texts("site")
    if not any(sites):
        return []
    together: dict[str, int] = {}
    for row, (sku, site) in enumerate(zip(skus, sites, strict=True)):
        if not site:
            together.setdefault(sku, row)
    told: set[str] = set()
    problems = []
    for row, (sku, site) in enumerate(zip(skus, sites, strict=True)):
        if site and sku in together and sku not in told:
            told.add(sku)
            rule = f"must be empty in every row of SKU {sku!r} or in none (it is in {history.place(together[sku])})"
            problems.append(Problem(where=history.place(row), field="site", rule=rule, got=repr(site)))
    return problems


CHECKS: tuple[tuple[tuple[str, ...], Check], ...] = (
    (("suppliers",), check_trucks),
    (("suppliers",), check_minimums),
    (("price_breaks", "skus"), check_price_breaks),
    (("stock", "skus", "suppliers", "sites"), check_smallest_orders),
    (("purchase_orders", "stock"), check_purchase_orders),
    (("service_targets",), check_targets),
    (("history",), check_history),
)
