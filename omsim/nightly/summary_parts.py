"""The tables of the summary: decisions, orders with their lines, why, what changed, what was refused.

Owns which rows of a night are worth a buyer's minute, and their order; nothing here computes a plan. A night may have a
hundred thousand lines, the page shows the few that weigh most and says how many it leaves to the export.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np

from omsim.analysis.units import format_difference, format_interval, format_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from omsim.nightly.night import Night
    from omsim.nightly.snapshot import LastNight

Row: TypeAlias = dict[str, Any]

BUDGET_STEP_CENTS = 100_000
DM3_PER_M3 = 1000
MOST_DECISIONS, MOST_FOLDED = 6, 30
MOST_ORDERS = 30
MOST_LINES = 40  # of one order
MOST_REASONS = 8
MOST_MOVED = 8
MOST_REFUSED = 6
MOST_REFUSALS = 15


def total(night: Night, table: str, column: str) -> int:
    """Sum of a whole-numbered column."""
    return int(np.sum(_column(night, table, column)))


def decisions(night: Night) -> Row:
    """What a person has to decide, most important first as the plan ordered it."""
    rows = _rows(night, "decisions", range(min(night.length("decisions"), MOST_DECISIONS + MOST_FOLDED)))
    return {
        "rows": rows[:MOST_DECISIONS],
        "folded": rows[MOST_DECISIONS:],
        "left_out": max(night.length("decisions") - MOST_DECISIONS - MOST_FOLDED, 0),
    }


def orders(night: Night, currency: str) -> Row:
    """Purchase orders by value, each with its lines by value, and the totals."""
    value = _column(night, "purchase_orders", "value_cents")
    extra = sum(
        (_column(night, "purchase_orders", name) for name in ("order_cost_cents", "freight_cents", "truck_cost_cents")),
        np.zeros(len(value), dtype=np.int64),
    )
    by_value = np.argsort(-value, kind="stable")
    shown, rest = by_value[:MOST_ORDERS], by_value[MOST_ORDERS:]
    names = night.tables["proposals"]["purchase_order"]
    wanted: dict[str, list[int]] = {night.tables["purchase_orders"]["purchase_order"][at]: [] for at in shown.tolist()}
    for line, name in enumerate(names):
        if name in wanted:
            wanted[name].append(line)
    line_value = _column(night, "proposals", "value_cents")
    most = int(value.max(initial=1)) or 1
    rows = []
    for row in _rows(night, "purchase_orders", shown.tolist()):
        of_order = sorted(wanted[row["purchase_order"]], key=lambda line: -int(line_value[line]))
        rows.append(
            row
            | {
                "n_lines": row["lines"],
                "lines": _rows(night, "proposals", of_order[:MOST_LINES]),
                "left_out": max(len(of_order) - MOST_LINES, 0),
                "extras": _extras(row, currency),
                "due": f"{row['due_date']:%a} {row['due_date'].day} {row['due_date']:%b}",
                "share": round(100 * row["value_cents"] / most, 1),
            }
        )
    return {
        "rows": rows,
        "left_out": _totals(night, rest, value, extra) if len(rest) else None,
        "total": _totals(night, by_value, value, extra),
    }


def _totals(night: Night, at: NDArray[np.int64], value: NDArray[np.int64], extra: NDArray[np.int64]) -> Row:
    suppliers = night.tables["purchase_orders"]["supplier"]
    return {
        "orders": len(at),
        "suppliers": len({suppliers[row] for row in at.tolist()}),
        "n_lines": int(_column(night, "purchase_orders", "lines")[at].sum()),
        "units": int(_column(night, "purchase_orders", "units")[at].sum()),
        "value_cents": int(value[at].sum()),
        "extra_cents": int(extra[at].sum()),
    }


def _extras(row: Row, currency: str) -> str:
    """What an order costs beside its goods, with its trucks."""
    cents = row["order_cost_cents"] + row["freight_cents"] + row["truck_cost_cents"]
    text = format_value(cents, "cents", currency) if cents else "nothing"
    if row["trucks"]:
        text += f" ({row['trucks']} truck{'' if row['trucks'] == 1 else 's'})"
    return text


def why(night: Night, currency: str) -> Row:
    """The lines that save most, what more of each scarce thing would be worth, and how good the plan is."""
    saves = _column(night, "proposals", "saves_cents")
    best = np.argsort(-saves, kind="stable")[:MOST_REASONS]
    plan = night.facts.get("plan") or {}
    quality = []
    if {"objective_cents", "bound_cents", "gap_share"} <= plan.keys():
        most = format_value(max(plan["objective_cents"] - plan["bound_cents"], 0), "cents", currency)
        more_cents = max(plan["objective_cents"] - plan["bound_cents"], 0)
        if more_cents < 1:
            quality.append("Proof: no plan that keeps all rules can be expected to cost less than this one.")
        else:
            most, share = format_value(more_cents, "cents", currency), max(plan["gap_share"] * 100, 0.001)
            quality.append(
                f"Proof: no plan that keeps all rules can be expected to cost less than this one by more than {most} "
                f"({share:.2g} %)."
            )
    return {
        "lines": [row for row in _rows(night, "proposals", best.tolist()) if row["saves_cents"] > 0],
        "limits": _limits(night, currency),
        "quality": quality,
    }


def _limits(night: Night, currency: str) -> list[str]:
    """Shadow prices in words: what more of each scarce thing would save."""
    prices = night.facts.get("prices") or {}
    told = []
    budget, price = prices.get("budget_cents"), prices.get("budget_price", 0.0)
    if budget is not None:
        spent = format_value(prices["spent_cents"], "cents", currency)
        text = f"Budget: {spent} of {format_value(budget, 'cents', currency)} is spent; "
        if price > 0:
            worth = format_value(price * BUDGET_STEP_CENTS, "cents", currency)
            text += f"another {format_value(BUDGET_STEP_CENTS, 'cents', currency)} of budget tonight is worth {worth}."
        else:
            text += "it held nothing back."
        told.append(text)
    for room in prices.get("storage") or ():
        worth = format_value(room["price_cents_per_dm3"] * DM3_PER_M3, "cents", currency)
        left = f"Room at {room['site']}: {room['left_dm3'] / DM3_PER_M3:,.1f} m3 was left before tonight's orders; "
        told.append(left + f"another cubic metre is worth {worth}.")
    return told


def changes(night: Night, last: LastNight, currency: str) -> Row:
    """Orders and policies beside the last night's."""
    policies = night.tables["policies"]
    kinds = Counter(policies["change"])
    gain = _column(night, "policies", "gain_cents")
    change = np.array(policies["change"], dtype=object)
    moved = np.flatnonzero((change == "raised") | (change == "lowered"))
    moved = moved[np.argsort(-np.abs(gain[moved]), kind="stable")]
    refused = np.flatnonzero(change == "refused")
    refused = refused[np.argsort(-np.abs(gain[refused]), kind="stable")]
    told = _order_changes(night, last, currency) + _policy_changes(night, kinds, last, currency)
    return {
        "since": f"{last.as_of:%A}, {last.as_of.day} {last.as_of:%B}" if last.as_of else "",
        "sentences": told,
        "moved": _by_sku(night, moved, MOST_MOVED, currency),
        "refused": _by_sku(night, refused, MOST_REFUSED, currency),
        "refused_left_out": max(len({policies["sku"][row] for row in refused.tolist()}) - MOST_REFUSED, 0),
    }


def _by_sku(night: Night, at: NDArray[np.int64], most: int, currency: str) -> list[Row]:
    """The first row of each SKU, as the sites of a SKU are judged together, and how many more sites it has."""
    skus = night.tables["policies"]["sku"]
    sites = Counter(skus[row] for row in at.tolist())
    first: dict[str, int] = {}
    for row in at.tolist():
        first.setdefault(skus[row], row)
    rows = _rows(night, "policies", list(first.values())[:most])
    for row in rows:
        if sites[row["sku"]] > 1:
            row["site"] += f" and {sites[row['sku']] - 1} more"
    return [_policy(row, currency) for row in rows]


def levels_before(last: LastNight) -> str:
    """What the new levels are compared with."""
    return "yesterday's levels" if last.levels else "the model's own levels"


def _order_changes(night: Night, last: LastNight, currency: str) -> list[str]:
    if last.as_of is None:
        return ["This is the first night: there is nothing to compare with."]
    proposals = night.tables["proposals"]
    now = set(zip(proposals["site"], proposals["sku"], strict=True))
    before = set(last.units)
    value = total(night, "proposals", "value_cents")
    difference = value - last.value_cents
    more = "more" if difference > 0 else "less"
    text = (
        f"Tonight {format_value(value, 'cents', currency)} of goods against "
        f"{format_value(last.value_cents, 'cents', currency)}"
        + (f", {format_value(abs(difference), 'cents', currency)} {more}. " if difference else ". ")
        + f"{len(now - before):,} lines were not ordered then, {len(now & before):,} are ordered again, "
        f"{len(before - now):,} ordered then need nothing tonight."
    )
    return [text]


def _policy_changes(night: Night, kinds: Counter[str], last: LastNight, currency: str) -> list[str]:
    told = []
    n_policies = night.length("policies")
    if n_policies:
        parts = [f"{kinds[kind]:,} are {kind}" for kind in ("raised", "lowered", "new") if kinds[kind]]
        if kinds["kept"]:
            parts.append(f"{kinds['kept']:,} need no change")
        if kinds["refused"]:
            parts.append(f"{kinds['refused']:,} stay because the change did not win when played forward")
        told.append(f"Of {n_policies:,} reorder levels {_listed(parts)}.")
    played = night.facts.get("trial") or {}
    if not played:
        because = night.facts.get("untried") or ""
        told.append(
            "New levels were not tried in the simulation before being proposed" + (f": {because}." if because else ".")
        )
    else:
        interval = ""
        if finite(played.get("gain_low_cents")) and finite(played.get("gain_high_cents")):
            interval = format_interval(
                played["gain_low_cents"], played["gain_high_cents"], "cents", currency, difference=True
            )
            interval = f" (95 % sure: {interval})"
        before, n = levels_before(last), played.get("replications", 1)
        amount = format_value(abs(played["gain_cents"]), "cents", currency)
        verdict = f"saves {amount}" if played["gain_cents"] >= 0 else f"costs {amount} more"
        times = "one future" if n == 1 else f"{n} futures, the same for both"
        told.append(
            f"The trial: tonight's plan and {before} were played forward through {played['days']:,} days, on {times}. "
            f"Tonight's plan {verdict}{interval}; changes that did not win by themselves were left out."
        )
        told += _play_kpis(played.get("kpis") or {}, before, currency)
        if played.get("futures"):
            told.append(f"The futures: {played['futures']}.")
    return told


def _play_kpis(kpis: Mapping[str, Mapping[str, float]], levels: str, currency: str) -> list[str]:
    """What both plays came to, in a sentence a measure."""
    told = []
    for name, unit, words in (
        ("unit_fill", "share", "Units served from stock"),
        ("inventory_value", "cents", "Mean value of the stock"),
        ("cost_per_order", "cents", "Cost of a customer's order, all in"),
    ):
        found = kpis.get(name, {})
        if finite(found.get("in_force")) and finite(found.get("new")):
            before, after = (format_value(found[side], unit, currency) for side in ("in_force", "new"))
            told.append(f"{words}: {before} with {levels}, {after} with tonight's plan.")
    return told


def _policy(row: Row, currency: str) -> Row:
    low, high = row["gain_low_cents"], row["gain_high_cents"]
    gain = format_difference(row["gain_cents"], "cents", currency) if low or high or row["gain_cents"] else "not played"
    return row | {
        "before": f"{row['previous_reorder_point_units']:,} / {row['previous_order_up_to_units']:,}",
        "after": f"{row['reorder_point_units']:,} / {row['order_up_to_units']:,}",
        "gain": gain,
        "interval": format_interval(low, high, "cents", currency, difference=True) if low != high else "",
    }


def _listed(parts: list[str]) -> str:
    """Parts as one phrase: a, b and c."""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def refusals(night: Night, currency: str) -> Row:
    """What lines would have got but for a rule, by rule and by line, dearest first."""
    cost = _column(night, "refusals", "cost_cents")
    by_rule: dict[str, list[int]] = {}
    for rule, cents in zip(night.tables["refusals"]["rule"], cost.tolist(), strict=True):
        count = by_rule.setdefault(rule, [0, 0])
        count[0] += 1
        count[1] += cents
    rules = [
        {"rule": rule, "n_lines": n_lines, "cost_cents": cents}
        for rule, (n_lines, cents) in sorted(by_rule.items(), key=lambda item: (-item[1][1], item[0]))
    ]
    dearest = np.argsort(-cost, kind="stable")[:MOST_REFUSALS]
    n = len(cost)
    lines = "1 line gets less than would be best for it" if n == 1 else f"{n:,} lines get less than is best for them"
    return {
        "rows": _rows(night, "refusals", dearest.tolist()),
        "left_out": max(n - MOST_REFUSALS, 0),
        "rules": rules,
        "sentence": f"{lines} alone. Until the next chance to order that is expected to cost "
        f"{format_value(int(cost.sum()), 'cents', currency)}, discounts "
        "not reached included; a rule that costs much may be worth a phone call.",
    }


def _column(night: Night, table: str, column: str) -> NDArray[np.int64]:
    return np.asarray(night.tables[table][column], dtype=np.int64)


def _rows(night: Night, table: str, at: Any) -> list[Row]:
    columns = night.tables[table]
    return [{name: _native(values[row]) for name, values in columns.items()} for row in at]


def _native(value: Any) -> Any:
    """A value as Python's own type, so that it prints as one."""
    return value.item() if isinstance(value, np.generic) else value


def finite(value: Any) -> TypeGuard[float]:
    """Whether a fact is there and a number."""
    return isinstance(value, int | float) and math.isfinite(value)
