"""KPIs of who serves what: substitutes, waits for whole orders, room, trades, and what other rules would have paid.

Owns the counts and their division; what each KPI means is in `registry`. Rules are computed again in
`sim.sourcing.shadow`, and only for models that name shadow rules. Splits are among the KPIs of orders (`order_kpis`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels import outcome_columns as kernel
from omsim.model.sourcing_checks import NO_LIMIT
from omsim.sim.cycles import allocation_cycles
from omsim.sim.records import NEVER
from omsim.sim.staffing import closed_days

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.analysis.kpis import Rows
    from omsim.analysis.outcomes import Outcomes
    from omsim.model.business import Business
    from omsim.model.calendars import Calendar
    from omsim.sim.records import RunRecords

    Ints = NDArray[np.int64]


def measure_sourcing(rows: Rows, records: RunRecords, business: Business, outcomes: Outcomes) -> None:
    """Add the KPIs of sourcing to `rows`."""
    _measure_orders(rows, records, business, outcomes)
    _measure_cycles(rows, records)
    _measure_room(rows, records, business, outcomes.calendar)
    _measure_rules(rows, records, business)


def _measure_orders(rows: Rows, records: RunRecords, business: Business, outcomes: Outcomes) -> None:
    """Lines that became lines of a substitute, and ship-complete orders that could not be served at once."""
    orders, channels = records.orders, business["channels"]
    names = channels.texts("channel")
    counted = outcomes.has(kernel.TRIED, kernel.COUNTED)
    order = np.searchsorted(orders.first_line, records.substitutions.line, side="right") - 1
    changed = np.bincount(orders.channel[order[counted[order]]], minlength=len(names))
    tried = outcomes.sums[:, :, kernel.S_TRIED_LINES].sum(axis=1)
    complete = np.array(channels.flags("ship_complete"), dtype=np.bool_)
    whole = counted & complete[orders.channel]
    short = records.short_lines
    waited = np.zeros_like(whole)
    waiting = (short.first_units == 0) & (short.cell >= 0)
    waited[np.searchsorted(orders.first_line, short.line[waiting], side="right") - 1] = True
    asked, held_up = (np.bincount(orders.channel[some], minlength=len(names)) for some in (whole, whole & waited))
    for code, group in enumerate(["", *(f"channel={name}" for name in names)], start=-1):
        some = slice(None) if code < 0 else slice(code, code + 1)
        rows.ratio("substituted_lines", group, int(changed[some].sum()), int(tried[some].sum()))
        rows.ratio("waited_whole", group, int(held_up[some].sum()), int(asked[some].sum()))


def _measure_cycles(rows: Rows, records: RunRecords) -> None:
    """How batches were decided, and trades of orders on hold."""
    cycles = records.sourcing
    counted = np.flatnonzero(cycles.at_s >= records.warm_up_s)
    proved = counted[cycles.bound_cents[counted] >= 0]
    cost, bound = int(cycles.cost_cents[proved].sum()), int(cycles.bound_cents[proved].sum())
    rows.ratio("batch_gap", "", cost - bound, cost)
    rows.count("sourcing_fallbacks", "", sum(bool(cycles.fallback[row]) for row in counted.tolist()))
    rows.count("pieces_moved", "", int(cycles.moved[counted].sum(dtype=np.int64)))


def _measure_room(rows: Rows, records: RunRecords, business: Business, calendar: Calendar) -> None:
    """Days on which a site shipped all it may."""
    most = business.by_day("sites", "daily_shipments")
    limited = (most < NO_LIMIT) & ~closed_days(business).T
    limited[: business.settings.warm_up_days] = False
    full = np.zeros_like(limited)
    if limited.any():
        sourced_s = _sourced_s(records, business, calendar)
        taken = np.zeros(most.shape, dtype=np.int64)
        np.add.at(taken, (calendar.day_of(sourced_s), records.shipments.site), 1)
        full = limited & (taken >= most)
    names = business["sites"].texts("site")
    for code, group in enumerate(["", *(f"site={name}" for name in names)], start=-1):
        some = slice(None) if code < 0 else slice(code, code + 1)
        rows.ratio("room_exhausted", group, int(full[:, some].sum()), int(limited[:, some].sum()))


def _sourced_s(records: RunRecords, business: Business, calendar: Calendar) -> Ints:
    """When each shipment was sourced: at its release, unless it was held back; int64, shape (n_shipments,)."""
    released_s = records.shipments.released_s.astype(np.int64)
    hold_s = business.settings.hold_minutes * 60
    if not hold_s:
        return released_s
    orders, short = records.orders, records.short_lines
    sourced_s = orders.allocated_s.astype(np.int64)
    order = np.searchsorted(orders.first_line, short.line, side="right") - 1
    complete = np.array(business["channels"].flags("ship_complete"), dtype=np.bool_)[orders.channel[order]]
    late = complete & (short.first_units == 0) & (short.last_fill_s != NEVER)  # waited whole before
    sourced_s[order[late]] = short.last_fill_s[late]
    sourced_s = sourced_s[records.shipments.order]
    cycles = np.append(allocation_cycles(business, calendar), NEVER)
    due_s = cycles[np.searchsorted(cycles[:-1], sourced_s + hold_s)]
    return np.where((released_s == due_s) | (released_s == NEVER), sourced_s, released_s)


def _measure_rules(rows: Rows, records: RunRecords, business: Business) -> None:
    """What the rules pay for the orders of the run, beside the least anyone could have."""
    if not business.settings.shadow_rules.split():
        for kpi in ("sourcing_cost", "sourcing_parcels", "sourcing_unserved", "sourcing_bound", "gap_caught"):
            rows.ratio(kpi, "", 0, 0)
        return
    from omsim.sim.sourcing.shadow import MYOPIC, regret_of  # rules take a while to load

    regret = regret_of(business, records)
    myopic = regret.of(MYOPIC)
    for group, paid in [("", regret.of(regret.own)), *((f"rule={one.rule}", one) for one in regret.rules)]:
        rows.ratio("sourcing_cost", group, paid.cost_cents, regret.n_orders)
        rows.ratio("sourcing_parcels", group, paid.shipments, regret.n_orders)
        rows.ratio("sourcing_unserved", group, paid.unserved_units, regret.n_units)
        saved, most = myopic.cost_cents - paid.cost_cents, myopic.cost_cents - regret.bound_cents
        rows.ratio("gap_caught", group, saved, most)
    rows.ratio("sourcing_bound", "", regret.bound_cents, regret.n_orders)
