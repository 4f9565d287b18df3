"""Suppliers, and what is on its way from them when a run starts, as the arrays the engines read.

Part of a compiled `plan.Plan`. What a review orders, and when it comes, is `purchasing`'s work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.demand.numbering import base_numbers
from omsim.model.calendars import DAY_S
from omsim.sim.distributions import empirical_factors, fixed_factors, gamma_factors, lognormal_factors

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.model.calendars import Calendar

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Supply(NamedTuple):
    """Suppliers: mean lead time, days late, holidays by day (n_days, n_suppliers); factors (n_suppliers, N_CELLS)."""

    lead_days: Floats
    late_s: Ints
    holiday: Flags
    factor: Floats
    order_days: Ints
    receiving_minute: Ints  # by site, -1 = at once
    pair_number: Ints  # (n_sites, n_suppliers), what lead-time draws know the pair by


class OpenOrders(NamedTuple):
    """Purchase-order lines open at the start, shape (n_lines,), sorted by (po, cell).

    `po` numbers the purchase orders from 0 as the table first names them; the run's own are numbered on from there.
    """

    po: Ints
    cell: Ints
    supplier: Ints
    units: Ints
    receipt_s: Ints


def compile_supply(business: Business) -> Supply:
    """Suppliers by day of the run."""
    suppliers, lead_times = business["suppliers"], business["lead_times"]
    start, n_days = business.settings.start_date.toordinal(), business.settings.horizon_days
    names = suppliers.texts("supplier")
    of_supplier = business.codes("lead_times", "supplier")
    factors = []
    for i, shape in enumerate(suppliers.texts("lead_time")):
        cv = float(suppliers.numbers("lead_time_cv")[i])
        if shape == "gamma":
            factors.append(gamma_factors(cv))
        elif shape == "lognormal":
            factors.append(lognormal_factors(cv))
        elif shape == "empirical":
            rows = of_supplier == i
            factors.append(empirical_factors(lead_times.numbers("factor")[rows], lead_times.numbers("share")[rows]))
        else:
            factors.append(fixed_factors())
    late = np.zeros((n_days, len(names)), dtype=np.int64)
    events = business["events"]
    for row, kind in enumerate(events.texts("kind")):
        if kind == "supplier_late":
            first = max(int(events.integers("start")[row]) - start, 0)
            last = max(int(events.integers("end")[row]) - start + 1, 0)
            target = events.texts("target")[row]
            late[first:last, [i for i, name in enumerate(names) if target in ("", name)]] += int(
                round(float(events.numbers("value")[row]) * DAY_S)
            )
    holiday = np.zeros((n_days, len(names)), dtype=np.bool_)
    closed_day = business["supplier_holidays"].integers("date") - start
    within = (closed_day >= 0) & (closed_day < n_days)
    holiday[closed_day[within], business.codes("supplier_holidays", "supplier")[within]] = True
    return Supply(
        lead_days=np.array(business.by_day("suppliers", "lead_time_days")),
        late_s=late,
        holiday=holiday,
        factor=np.stack(factors) if factors else np.ones((0, 1)),
        order_days=np.array(suppliers.integers("order_days")),
        receiving_minute=np.array(business["sites"].integers("receiving_time")),
        pair_number=(base_numbers(business, "sites", "site")[:, None] << 20)
        + base_numbers(business, "suppliers", "supplier"),
    )


def compile_open_orders(business: Business, calendar: Calendar) -> OpenOrders:
    """Lines of table purchase_orders, put away at their site's receiving time of the day they are due."""
    orders = business["purchase_orders"]
    site, sku = business.codes("purchase_orders", "site"), business.codes("purchase_orders", "sku")
    cell_of = np.full((len(business["sites"]), len(business["skus"])), -1, dtype=np.int64)
    cell_of[business.codes("stock", "site"), business.codes("stock", "sku")] = np.arange(len(business["stock"]))
    cell = cell_of[site, sku]
    names = {name: number for number, name in enumerate(dict.fromkeys(orders.texts("purchase_order")))}
    po = np.array([names[name] for name in orders.texts("purchase_order")], dtype=np.int64)
    minute = np.maximum(business["sites"].integers("receiving_time"), 0)[site]
    due_day = orders.integers("due_date") - business.settings.start_date.toordinal()
    receipt_s = calendar.instants_s(due_day, minute * 60)
    order = np.lexsort((cell, po))
    return OpenOrders(
        po=po[order],
        cell=cell[order],
        supplier=business.codes("purchase_orders", "supplier")[order],
        units=np.array(orders.integers("units"))[order],
        receipt_s=receipt_s[order],
    )
