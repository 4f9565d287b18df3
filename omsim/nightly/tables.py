"""The tables and facts of a night, made of what was forecast, planned and tried.

Owns their contents; names and columns are `night`'s. Amounts are whole cents, quantities units.

Facts
-----
``currency``, ``as_of``, ``order_date``; ``totals`` (orders, lines, units, value_cents, order_cost_cents, freight_cents,
truck_cost_cents, trucks); ``plan`` (objective_cents, bound_cents, gap_share, status, method, fallback, horizon_days);
``prices`` (budget_cents or None, spent_cents, budget_price: cents of cost that a cent more would save,
``storage``: site, left_dm3, price_cents_per_dm3); ``trial`` (None, or futures, days, replications, kpis, changed,
refused, gain_cents, gain_low_cents, gain_high_cents); ``forecast`` (source, classes, methods, holdout);
``inputs`` (source, digest, counted_on, history_to, notes); ``last_night`` (as_of or None, value_cents); ``versions``;
and of `planning`: ``settings``, ``seconds`` by step, ``untried`` (why nothing was played forward; empty where it was).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from omsim.analysis.stats import estimate
from omsim.analysis.units import format_value
from omsim.experiments.play_forward import tomorrow
from omsim.experiments.provenance import versions
from omsim.nightly.decisions import decisions
from omsim.nightly.refusals import Refusals, refusals
from omsim.nightly.trial import due_dates, has_policy, paired
from omsim.optimize.reorder.problem import MC_PER_CENT, MM3_PER_DM3, NO_LIMIT, option_row
from omsim.optimize.reorder.reasons import PlanReasons, explain_plan
from omsim.optimize.reorder.values import HORIZON_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from numpy.typing import NDArray

    from omsim.nightly.night import Columns
    from omsim.nightly.snapshot import LastNight, Snapshot
    from omsim.nightly.trial import Trial
    from omsim.optimize.reorder.cell_terms import CellTerms
    from omsim.optimize.reorder.night import TonightsPlan
    from omsim.optimize.reorder.outlook import Outlook, Position

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

NEAR_MINIMUM = 0.1  # an order this close above its supplier's minimum is told so


def night_tables(
    snapshot: Snapshot, outlook: Outlook, position: Position, night: TonightsPlan, trial: Trial | None
) -> dict[str, Columns]:
    """Every table of `NIGHT_TABLES`."""
    terms = outlook.terms
    names = _names(terms)
    order_date = tomorrow(snapshot.as_of)
    due = due_dates(terms, order_date)
    reasons = explain_plan(
        night.problem, night.plan, currency=snapshot.business.settings.currency, tells_refusals=False
    )
    refused = refusals(terms, night, reasons)
    return {
        "purchase_orders": _purchase_orders(terms, night, due, order_date),
        "proposals": _proposals(outlook, position, night, names, due, order_date, reasons, refused),
        "policies": _policies(outlook, position, trial, names),
        "forecasts": _forecasts(outlook, names),
        "refusals": refused.columns,
        "decisions": decisions(snapshot, outlook, position, night, trial, refused),
    }


class _Names(NamedTuple):
    """Texts of each item."""

    site: list[str]
    sku: list[str]
    supplier: list[str]


def _names(terms: CellTerms) -> _Names:
    business = terms.business
    sites, skus = business["sites"].texts("site"), business["skus"].texts("sku")
    suppliers = business["suppliers"].texts("supplier")
    return _Names(
        site=[sites[row] for row in terms.site.tolist()],
        sku=[skus[row] for row in terms.sku.tolist()],
        supplier=[suppliers[row] for row in terms.supplier.tolist()],
    )


def order_name(supplier: str, site: str, order_date: date) -> str:
    """What a proposed purchase order is called until the purchasing system numbers it."""
    return f"{order_date.isoformat()} {supplier} {site}"


def _purchase_orders(terms: CellTerms, night: TonightsPlan, due: list[date], order_date: date) -> Columns:
    plan, problem, business = night.plan, night.problem, terms.business
    bought = np.flatnonzero(plan.units > 0)
    lanes = np.unique(terms.lane[bought])
    suppliers, sites = business["suppliers"].texts("supplier"), business["sites"].texts("site")
    supplier = [suppliers[row] for row in terms.lane_supplier[lanes].tolist()]
    site = [sites[row] for row in terms.lane_site[lanes].tolist()]
    n_lanes = len(terms.lane_site)
    due_of_lane = {int(lane): due[item] for item, lane in enumerate(terms.lane.tolist())}
    return {
        "purchase_order": [order_name(a, b, order_date) for a, b in zip(supplier, site, strict=True)],
        "supplier": supplier,
        "site": site,
        "lines": np.bincount(terms.lane[bought], minlength=n_lanes)[lanes].tolist(),
        "units": _sums(terms.lane[bought], plan.units[bought], n_lanes)[lanes].tolist(),
        "value_cents": plan.order_value_cents[lanes].tolist(),
        "weight_g": plan.order_weight_g[lanes].tolist(),
        "volume_mm3": plan.order_volume_mm3[lanes].tolist(),
        "trucks": plan.order_trucks[lanes].tolist(),
        "order_cost_cents": problem.orders.fixed_cost_cents[lanes].tolist(),
        "freight_cents": plan.order_freight_cents[lanes].tolist(),
        "truck_cost_cents": (plan.order_trucks * problem.orders.truck_cost_cents)[lanes].tolist(),
        "due_date": [due_of_lane[lane] for lane in lanes.tolist()],
        "reason": [_order_reason(night, lane, business.settings.currency) for lane in lanes.tolist()],
    }


def _order_reason(night: TonightsPlan, lane: int, currency: str) -> str:
    """What the whole order comes to beside its goods."""
    plan, orders = night.plan, night.problem.orders
    value, trucks = int(plan.order_value_cents[lane]), int(plan.order_trucks[lane])
    told = []
    if orders.minimum_cents[lane]:
        over = value / int(orders.minimum_cents[lane]) - 1
        if over <= NEAR_MINIMUM:
            minimum = format_value(int(orders.minimum_cents[lane]), "cents", currency)
            told.append(f"{'just' if over < 0.005 else f'{over:.0%}'} above the minimum of {minimum}")
    if trucks:
        loads = [
            load / (trucks * room)
            for load, room in (
                (int(plan.order_weight_g[lane]), int(orders.truck_g[lane])),
                (int(plan.order_volume_mm3[lane]), int(orders.truck_dm3[lane]) * MM3_PER_DM3),
            )
            if room
        ]
        most = trucks == int(orders.most_trucks[lane])
        told.append(f"{trucks} truck{'s' * (trucks > 1)}{', the most a night' * most}, {max(loads):.0%} full")
    freight = int(plan.order_freight_cents[lane])
    if orders.freight.first[lane + 1] > orders.freight.first[lane]:
        told.append(f"freight {format_value(freight, 'cents', currency)}" if freight else "carriage paid")
    return "; ".join(told)


def _sums(owner: Units, values: Units, n_owners: int) -> Units:
    """Exact sums of whole numbers by owner."""
    total = np.zeros(n_owners, dtype=np.int64)
    np.add.at(total, owner, values)
    return total


def _proposals(
    outlook: Outlook,
    position: Position,
    night: TonightsPlan,
    names: _Names,
    due: list[date],
    order_date: date,
    reasons: PlanReasons,
    refused: Refusals,
) -> Columns:
    plan = night.plan
    missed = refused.told()
    bought = np.flatnonzero(plan.units > 0)
    rows = bought.tolist()
    saves = saved_cents(night, outlook.terms)
    of_trucks = outlook.terms.truck_cents * outlook.terms.pack_units
    next_pack = np.nan_to_num(plan.next_pack_value_cents - of_trucks, nan=0.0)
    return {
        "proposal": [f"{order_date.isoformat()} {names.site[row]} {names.sku[row]}" for row in rows],
        "purchase_order": [order_name(names.supplier[row], names.site[row], order_date) for row in rows],
        "supplier": [names.supplier[row] for row in rows],
        "site": [names.site[row] for row in rows],
        "sku": [names.sku[row] for row in rows],
        "units": plan.units[bought].tolist(),
        "unit_cost_cents": plan.price_cents[bought].tolist(),
        "value_cents": (plan.units * plan.price_cents)[bought].tolist(),
        "on_hand_units": position.on_hand_units[bought].tolist(),
        "on_order_units": position.on_order_units[bought].tolist(),
        "backordered_units": position.backordered_units[bought].tolist(),
        "reorder_point_units": outlook.reorder_point[bought].tolist(),
        "order_up_to_units": outlook.order_up_to[bought].tolist(),
        "due_date": [due[row] for row in rows],
        "saves_cents": np.rint(saves[bought]).astype(np.int64).tolist(),
        "next_pack_saves_cents": np.rint(next_pack[bought]).astype(np.int64).tolist(),
        "reason": [reasons[row] + missed.get(row, "") for row in rows],
    }


def saved_cents(night: TonightsPlan, terms: CellTerms) -> Floats:
    """What leaving each line to its next chance to order is expected to cost; float64, shape (n_lines,).

    Units short, and a price below the usual one not reached, less the stock not kept. What the goods usually cost and
    their space in trucks is paid whenever they come, and no part of it.
    """
    problem, plan = night.problem, night.plan
    chosen = option_row(problem, plan.units)
    total = problem.option_total_mc
    nothing = problem.options.first[:-1]
    return np.asarray((total[nothing] - total[chosen]) / MC_PER_CENT - terms.truck_cents * plan.units)


def _policies(outlook: Outlook, position: Position, trial: Trial | None, names: _Names) -> Columns:
    terms = outlook.terms
    old_top = np.maximum(terms.old_order_up_to, terms.old_reorder_point + 1)
    change = np.full(terms.n_items, "kept", dtype=object)
    differs = (outlook.reorder_point != terms.old_reorder_point) | (outlook.order_up_to != old_top)
    change[differs & (outlook.order_up_to >= old_top)] = "raised"
    change[differs & (outlook.order_up_to < old_top)] = "lowered"
    change[differs & ~has_policy(terms)] = "new"
    gain = half = np.zeros(terms.n_items)
    if trial is not None:
        change[trial.refused] = "refused"
        gain, half = trial.gain_cents, np.nan_to_num(trial.half_width_cents, nan=0.0)
    return {
        "site": names.site,
        "sku": names.sku,
        "supplier": names.supplier,
        "on_hand_units": position.on_hand_units.tolist(),
        "on_order_units": position.on_order_units.tolist(),
        "backordered_units": position.backordered_units.tolist(),
        "reorder_point_units": outlook.reorder_point.tolist(),
        "order_up_to_units": outlook.order_up_to.tolist(),
        "previous_reorder_point_units": terms.old_reorder_point.tolist(),
        "previous_order_up_to_units": terms.old_order_up_to.tolist(),
        "change": change.tolist(),
        "gain_cents": np.rint(gain).astype(np.int64).tolist(),
        "gain_low_cents": np.rint(gain - half).astype(np.int64).tolist(),
        "gain_high_cents": np.rint(gain + half).astype(np.int64).tolist(),
        "reason": [
            _policy_reason(outlook, item, days, str(change[item]), trial)
            for item, days in enumerate(terms.mean_wait_days().tolist())
        ],
    }


def _policy_reason(outlook: Outlook, item: int, wait_days: float, change: str, trial: Trial | None) -> str:
    terms = outlook.terms
    fill = format_value(float(outlook.target_fill[item]), "share")
    aim = {
        "fill_rate": f"{fill} of units from stock (class {outlook.abc[item]}{outlook.xyz[item]})",
        "cost": "least cost",
        "one_price": "stock where it earns most units",
    }[terms.business.settings.aim]
    rate = _rate(float(outlook.mean_units_per_day[item]))
    told = f"{aim}; {rate} units a day, {wait_days:.0f} days until an order can be used"
    if change == "refused" and trial is not None:
        dearer = -float(trial.gain_cents[item])
        if dearer < 0.5:
            return f"kept: in {trial.played.n_days} days played forward the change made no difference"
        more = format_value(dearer, "cents", terms.business.settings.currency)
        return f"kept: in {trial.played.n_days} days played forward the change cost {more} more"
    return told


def _rate(units_per_day: float) -> str:
    """A rate with as many digits as a buyer can use."""
    return f"{units_per_day:,.0f}" if units_per_day >= 10 else f"{units_per_day:.2g}"


def _forecasts(outlook: Outlook, names: _Names) -> Columns:
    terms, after = outlook.terms, outlook.after
    return {
        "site": names.site,
        "sku": names.sku,
        "demand_class": outlook.demand_class.tolist(),
        "method": outlook.method.tolist(),
        "mean_units_per_day": outlook.mean_units_per_day.tolist(),
        "protection_days": (terms.mean_wait_days() + terms.review_days).tolist(),
        "protection_mean_units": after.mean().tolist(),
        "protection_p10_units": after.quantile(0.1).tolist(),
        "protection_p50_units": after.quantile(0.5).tolist(),
        "protection_p90_units": after.quantile(0.9).tolist(),
    }


def night_facts(
    snapshot: Snapshot,
    last: LastNight,
    outlook: Outlook,
    night: TonightsPlan,
    trial: Trial | None,
    record: Mapping[str, Any],
) -> dict[str, Any]:
    """What the summary tells beside the tables, as plain JSON values; `record` as `forecast_record` makes it."""
    plan, problem, terms = night.plan, night.problem, outlook.terms
    settings = snapshot.business.settings
    placed = plan.order_value_cents > 0
    limit = problem.budget_cents
    return {
        "currency": settings.currency,
        "model": settings.name,
        "as_of": snapshot.as_of.isoformat(),
        "order_date": tomorrow(snapshot.as_of).isoformat(),
        "totals": {
            "cells": terms.n_items,
            "orders": int(placed.sum()),
            "lines": int((plan.units > 0).sum()),
            "units": int(plan.units.sum()),
            "value_cents": int(plan.spent_cents),
            "order_cost_cents": int(problem.orders.fixed_cost_cents[placed].sum()),
            "freight_cents": int(plan.order_freight_cents.sum()),
            "trucks": int(plan.order_trucks.sum()),
            "truck_cost_cents": int((plan.order_trucks * problem.orders.truck_cost_cents).sum()),
        },
        "plan": {
            "objective_cents": plan.objective_cents,
            "bound_cents": plan.bound_cents,
            "gap_share": plan.gap_share,
            "status": plan.status,
            "method": plan.method,
            "fallback": plan.fallback,
            "horizon_days": HORIZON_DAYS,
        },
        "prices": {
            "budget_cents": int(limit) if limit < NO_LIMIT else None,
            "spent_cents": int(plan.spent_cents),
            "budget_price": float(plan.budget_price),
            "storage": [
                {
                    "site": site,
                    "left_dm3": round(left / MM3_PER_DM3, 1),
                    "price_cents_per_dm3": float(price),
                }
                for site, left, price in zip(
                    problem.sites.name,
                    problem.sites.storage_left_mm3.tolist(),
                    plan.storage_price_cents_per_dm3.tolist(),
                    strict=True,
                )
                if price > 0 or left == 0
            ],
        },
        "trial": None if trial is None else _trial_facts(trial),
        "forecast": {
            "source": outlook.source,
            "classes": dict(sorted(Counter(outlook.demand_class.tolist()).items())),
            "methods": dict(sorted(Counter(outlook.method.tolist()).items())),
            "holdout": dict(record),
        },
        "inputs": {
            "source": snapshot.source,
            "digest": snapshot.digest,
            "counted_on": snapshot.counted_on.isoformat(),
            "history_to": snapshot.history_to.isoformat(),
            "history_days": int(snapshot.history_units.shape[1]),
            "notes": list(snapshot.notes),
        },
        "last_night": {
            "as_of": None if last.as_of is None else last.as_of.isoformat(),
            "value_cents": int(last.value_cents),
        },
        "versions": versions(),
    }


def _trial_facts(trial: Trial) -> dict[str, Any]:
    total = estimate(trial.played.gain_cents.sum(axis=1))
    n = len(trial.played.sku_cost_cents)
    return {
        "futures": trial.played.futures,
        "days": trial.played.n_days,
        "replications": n,
        "kpis": paired(trial.played),
        "changed": int(trial.changed.sum()),
        "refused": int(trial.refused.sum()),
        "gain_cents": total.mean,
        "gain_low_cents": total.low if n > 1 else None,
        "gain_high_cents": total.high if n > 1 else None,
    }
