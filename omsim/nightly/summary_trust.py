"""Why the summary may be believed: how the forecast scored on days it had not seen, and what the checks found.

Owns the plain words for forecast scores, kinds of demand and gates.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from omsim.analysis.units import format_value
from omsim.nightly.summary_parts import finite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omsim.nightly.night import Night
    from omsim.nightly.outcome import GateResult
    from omsim.nightly.summary_parts import Row

CLASS_MEANINGS = {
    "smooth": "asked for nearly every day, in similar amounts",
    "erratic": "asked for nearly every day, in very different amounts",
    "intermittent": "days without demand between orders of similar size",
    "lumpy": "days without demand between orders of very different size: hardest to forecast",
    "too few": "hardly ever asked for: too little to tell how",
}
GATE_TITLES = {
    "stock_age": "Age of the stock count",
    "history_age": "Age of the sales history",
    "history_length": "Length of the history",
    "size": "Size of the assortment",
    "idle": "SKUs without demand",
    "recent_demand": "Demand of the last week",
    "budget": "Budget",
    "order_value": "Value of the orders",
    "order_value_change": "Value against last night",
    "policies_moved": "Levels that moved far",
    "gap": "Quality of the plan",
}


def forecast(night: Night, *, learnt: bool = False) -> Row:
    """The forecast's record beside simple rules, and the kinds of demand; `learnt`: there was no history of it."""
    scores = (night.facts.get("forecast") or {}).get("holdout") or {}
    rows: list[dict[str, Any]] = [dict(row) for row in scores.get("rows", ()) if finite(row.get("pinball"))]
    most = max((row["pinball"] for row in rows), default=0.0) or 1.0
    best = min((row["pinball"] for row in rows if not row.get("ours")), default=0.0) or most
    told = [
        {
            "name": row["name"],
            "ours": bool(row.get("ours")),
            "loss": f"{100 * row['pinball'] / best:.0f}",
            "width": round(100 * row["pinball"] / most, 1),
            "coverage": format_value(row["coverage_share"], "share") if finite(row.get("coverage_share")) else "n/a",
            "bias": f"{row['bias_share'] * 100:+.1f} %" if finite(row.get("bias_share")) else "n/a",
        }
        for row in sorted(rows, key=lambda row: float(row["pinball"]))
    ]
    caption = ""
    if told and finite(scores.get("interval_share")):
        caption = (
            "Error: how far off the forecasts were, running short weighing more than having too much (mean pinball "
            "loss), the best simple rule being 100; less is better. "
            f"Inside the range: how often demand fell where the forecast said it would in "
            f"{scores['interval_share'] * 100:.0f} % of cases; the closer to that, the better."
        )
    told_first = []
    if learnt:
        told_first.append("There is no history of demand: it was learnt from the model's own simulated orders.")
    return {
        "sentences": told_first + _verdict(rows, scores),
        "scores": told,
        "caption": caption,
        "classes": _classes(night),
    }


def _verdict(rows: list[dict[str, Any]], scores: Mapping[str, Any]) -> list[str]:
    ours = next((row for row in rows if row.get("ours")), None)
    others = [row for row in rows if not row.get("ours")]
    if ours is None or not others:
        return ["It was not tested tonight: the history is too short for that."]
    best = min(others, key=lambda row: float(row["pinball"]))
    days = f"the last {scores['days']:,} days" if "days" in scores else "the last days"
    better = 1 - ours["pinball"] / best["pinball"] if best["pinball"] > 0 else 0.0
    if better > 0.005:
        verdict = f"{better * 100:.0f} % less wrong than the best simple rule ({best['name']})"
    elif better < -0.005:
        verdict = (
            f"{-better * 100:.0f} % more wrong than a simple rule ({best['name']}): treat tonight's plan with care"
        )
    else:
        verdict = f"as good as the best simple rule ({best['name']}), not better"
    text = f"Tested on {days}, each forecast made from the days before only, it was {verdict}."
    bias = ours.get("bias_share")
    if finite(bias):
        if abs(bias) < 0.02:
            text += " It runs neither high nor low."
        else:
            text += f" It ran {abs(bias) * 100:.0f} % too {'high' if bias > 0 else 'low'}."
    return [text]


def _classes(night: Night) -> list[Row]:
    """SKUs at sites and units a day by kind of demand, the largest kind first."""
    table = night.tables["forecasts"]
    count: dict[str, int] = {}
    units: dict[str, list[float]] = {}
    for name, mean in zip(table["demand_class"], table["mean_units_per_day"], strict=True):
        count[name] = count.get(name, 0) + 1
        units.setdefault(name, []).append(float(mean))
    return [
        {
            "name": name or "not told",
            "n_cells": count[name],
            "units": f"{math.fsum(units[name]):,.1f}",
            "meaning": CLASS_MEANINGS.get(name, ""),
        }
        for name in sorted(count, key=lambda name: (-count[name], name))
    ]


def gates(results: Iterable[GateResult]) -> list[Row]:
    """Checks in words, failed ones first."""
    rows: list[Row] = [
        {
            "title": GATE_TITLES.get(gate.name, gate.name.replace("_", " ").capitalize()),
            "passed": gate.passed,
            "reason": gate.reason[:1].upper() + gate.reason[1:],
        }
        for gate in results
    ]
    return sorted(rows, key=lambda row: bool(row["passed"]))
