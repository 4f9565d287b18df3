"""Snapshots of a small business and nights decided by a simple rule, to judge, show and explain."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.nightly.night import NIGHT_TABLES, Night, RunKey
from omsim.nightly.outcome import Draft, GateResult
from omsim.nightly.snapshot import LastNight, Snapshot

if TYPE_CHECKING:
    from omsim.model.business import Business

AS_OF = date(2026, 9, 27)


def made_snapshot(business: Business, *, seed: int = 1, n_days: int = 112, **changes: Any) -> Snapshot:
    """Stock and demand of a business, drawn at random."""
    rng = np.random.default_rng(seed)
    n = len(business["stock"])
    mean = rng.gamma(0.6, 4.0, n)
    known: dict[str, Any] = {
        "business": business,
        "as_of": AS_OF,
        "on_hand_units": rng.poisson(mean * 4),
        "on_order_units": rng.poisson(mean * 2) * (rng.random(n) < 0.3),
        "backordered_units": rng.poisson(1, n) * (rng.random(n) < 0.05),
        "history_units": rng.poisson(mean[:, None], (n, n_days)),
        "sold_out": np.zeros((n, n_days), dtype=np.bool_),
        "first_day": AS_OF - timedelta(days=n_days - 1),
        "counted_on": AS_OF,
        "history_to": AS_OF,
        "source": "inputs/2026-09-27",
        "digest": "3f" * 32,
    }
    return Snapshot(**known | changes)


def made_night(snapshot: Snapshot, last: LastNight | None = None, **facts: Any) -> Night:
    """Order up to two weeks of demand wherever less than one is left; every seventh wish is refused."""
    last = last or LastNight()
    business = snapshot.business
    stock, skus = business["stock"], business["skus"]
    cost = skus.integers("unit_cost_cents")[business.codes("stock", "sku")].tolist()
    mean = snapshot.history_units.mean(axis=1)
    position = snapshot.on_hand_units + snapshot.on_order_units - snapshot.backordered_units
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in NIGHT_TABLES}
    due = snapshot.as_of + timedelta(days=6)
    for cell in np.flatnonzero([bool(name) for name in stock.texts("supplier")]).tolist():
        site, sku, supplier = (stock.texts(name)[cell] for name in ("site", "sku", "supplier"))
        pack = int(stock.integers("pack_units")[cell])
        low, top = int(mean[cell] * 7), int(mean[cell] * 14) + 1
        place = {"site": site, "sku": sku, "supplier": supplier}
        wanted = -(-(top - int(position[cell])) // pack) * pack if position[cell] <= low else 0
        given = 0 if wanted and cell % 7 == 0 else wanted
        why = f"{int(position[cell])} left, {low} needed until the next chance to order"
        change = ("kept", "kept", "raised", "lowered", "refused")[cell % 5]
        gain = 40 * (cell % 30) * (-1 if change == "refused" else 1)
        before = last.levels.get((site, sku), (max(low - 2, 0), max(top - 4, 1)))
        rows["policies"].append(
            place
            | {
                "on_hand_units": int(snapshot.on_hand_units[cell]),
                "on_order_units": int(snapshot.on_order_units[cell]),
                "backordered_units": int(snapshot.backordered_units[cell]),
                "reorder_point_units": low,
                "order_up_to_units": top,
                "previous_reorder_point_units": before[0],
                "previous_order_up_to_units": before[1],
                "change": change,
                "gain_cents": gain,
                "gain_low_cents": gain - 300,
                "gain_high_cents": gain + 300,
                "reason": f"96 % of units from stock at {mean[cell]:.2g} units a day",
            }
        )
        rows["forecasts"].append(
            {
                "site": site,
                "sku": sku,
                "demand_class": ("smooth", "erratic", "intermittent", "lumpy")[cell % 4],
                "method": "negative binomial",
                "mean_units_per_day": float(mean[cell]),
                "protection_days": 7.0,
                "protection_mean_units": float(7 * mean[cell]),
                "protection_p10_units": int(4 * mean[cell]),
                "protection_p50_units": int(7 * mean[cell]),
                "protection_p90_units": int(11 * mean[cell]),
            }
        )
        if given < wanted:
            rows["refusals"].append(
                place
                | {
                    "wanted_units": wanted,
                    "given_units": given,
                    "rule": ("minimum order", "budget")[cell % 2],
                    "cost_cents": 31 * (cell % 50) + 10,
                    "reason": f"{wanted} units would be worth having, but not with this rule",
                }
            )
        if given:
            rows["proposals"].append(
                place
                | {
                    "proposal": f"P-{site}-{sku}",
                    "purchase_order": f"O-{supplier}-{site}",
                    "units": given,
                    "unit_cost_cents": cost[cell],
                    "value_cents": given * cost[cell],
                    "on_hand_units": int(snapshot.on_hand_units[cell]),
                    "on_order_units": int(snapshot.on_order_units[cell]),
                    "backordered_units": int(snapshot.backordered_units[cell]),
                    "reorder_point_units": low,
                    "order_up_to_units": top,
                    "due_date": due,
                    "saves_cents": 97 * (cell % 41),
                    "next_pack_saves_cents": 5 * (cell % 9) - 20,
                    "reason": why,
                }
            )
    _add_orders(rows, due)
    for rule in ("minimum order", "budget"):
        total = sum(row["cost_cents"] for row in rows["refusals"] if row["rule"] == rule)
        if total:
            rows["decisions"].append(
                {"subject": f"Refused: {rule}", "amount_cents": total, "text": "Doing without costs this much. Call?"}
            )
    tables = {name: {c: [row[c] for row in rows[name]] for c in NIGHT_TABLES[name]} for name in NIGHT_TABLES}
    return Night(tables=tables, facts=made_facts() | facts)


def _add_orders(rows: dict[str, list[dict[str, Any]]], due: date) -> None:
    names = dict.fromkeys(line["purchase_order"] for line in rows["proposals"])
    for name in names:
        lines = [line for line in rows["proposals"] if line["purchase_order"] == name]
        units = sum(line["units"] for line in lines)
        rows["purchase_orders"].append(
            {
                "purchase_order": name,
                "supplier": lines[0]["supplier"],
                "site": lines[0]["site"],
                "lines": len(lines),
                "units": units,
                "value_cents": sum(line["value_cents"] for line in lines),
                "weight_g": 400 * units,
                "volume_mm3": 1_000_000 * units,
                "trucks": 1,
                "order_cost_cents": 2500,
                "freight_cents": 8000,
                "truck_cost_cents": 0,
                "due_date": due,
                "reason": "placed tonight: 12 lines are due, freight is free from EUR 500.00",
            }
        )


def made_facts() -> dict[str, Any]:
    """Facts as a planner leaves them."""
    return {
        "currency": "EUR",
        "plan": {
            "objective_cents": 412_345.0,
            "bound_cents": 411_900.0,
            "gap_share": 0.00108,
            "status": "feasible",
            "method": "prices + mip",
            "fallback": "",
            "horizon_days": 28,
        },
        "prices": {
            "budget_cents": 5_000_000,
            "spent_cents": 4_999_000,
            "budget_price": 0.037,
            "storage": [{"site": "leipzig", "left_dm3": 3200.0, "price_cents_per_dm3": 0.4}],
        },
        "trial": {
            "futures": "8 draws of 42 days of the model's demand",
            "days": 42,
            "replications": 8,
            "kpis": {"unit_fill": {"in_force": 0.942, "new": 0.963, "difference": 0.021, "low": 0.017, "high": 0.025}},
            "changed": 210,
            "refused": 88,
            "gain_cents": 234_500.0,
            "gain_low_cents": 180_000.0,
            "gain_high_cents": 289_000.0,
        },
        "forecast": {
            "source": "the model's history",
            "holdout": {
                "days": 84,
                "interval_share": 0.9,
                "rows": [
                    {"name": "best by kind", "ours": True, "pinball": 0.18, "coverage_share": 0.91, "bias_share": 0.03},
                    {"name": "last interval", "ours": False, "pinball": 0.41, "coverage_share": 0.2, "bias_share": 0.0},
                    {"name": "mean, Poisson", "ours": False, "pinball": 0.23, "coverage_share": 0.7, "bias_share": 0.1},
                ],
            },
        },
        "versions": {"omsim": "0.1.0", "numpy": "2.4.6"},
    }


def made_draft(snapshot: Snapshot, night: Night, last: LastNight | None = None, **changes: Any) -> Draft:
    """A night ready to be shown."""
    gates = (
        GateResult(name="stock_age", passed=True, reason="stock was counted tonight", measured=0.0, limit=1.0),
        GateResult(name="budget", passed=True, reason="within the budget", measured=1.0, limit=2.0),
    )
    known: dict[str, Any] = {
        "key": RunKey(as_of=snapshot.as_of, model=snapshot.business.settings.name),
        "attempt": 1,
        "snapshot": snapshot,
        "last": last or LastNight(),
        "night": night,
        "gates": gates,
    }
    return Draft(**known | changes)
