"""Everything a stored night knows of one SKU, in plain lines: nothing is computed again.

Owns the words; finding the rows is `recall`'s work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omsim.analysis.units import format_difference, format_interval, format_value

if TYPE_CHECKING:
    from omsim.nightly.recall import Explanation

    Row = dict[str, Any]

CHANGES = {
    "kept": "as it was",
    "new": "new",
    "raised": "raised from {before}",
    "lowered": "lowered from {before}",
    "refused": "a change was refused",
}


def explanation_lines(found: Explanation) -> list[str]:
    """What to print, the sites of the SKU one after the other."""
    currency = str(found.run.facts.get("currency", ""))
    places = dict.fromkeys((row["site"], row["sku"]) for rows in found.tables.values() for row in rows if "sku" in row)
    lines: list[str] = []
    for site, sku in places:
        if lines:
            lines.append("")
        lines.append(f"{sku} at {site}, night {found.run.key} (attempt {found.run.attempt})")
        of = {
            name: [row for row in rows if (row.get("site"), row.get("sku")) == (site, sku)]
            for name, rows in found.tables.items()
        }
        told: list[tuple[str, str]] = []
        for row in of["policies"]:
            told.append(("position", _position(row)))
        for row in of["forecasts"]:
            told.append(("forecast", _forecast(row)))
        for row in of["policies"]:
            told += _policy(row, currency)
        if not of["proposals"]:
            told.append(("tonight", "nothing is ordered"))
        for row in of["proposals"]:
            told += _proposal(row, currency)
        for row in of["refusals"]:
            told += _refusal(row, currency)
        names = {row["purchase_order"] for row in of["proposals"]}
        told += [("its order", _order(row, currency)) for row in found.tables["purchase_orders"]
                 if row["purchase_order"] in names]  # fmt: skip
        lines += [f"  {title:<10} {text}" for title, text in told]
    return lines


def _position(row: Row) -> str:
    on_hand, coming, owed = row["on_hand_units"], row["on_order_units"], row["backordered_units"]
    return f"{on_hand:,} on hand, {coming:,} on order, {owed:,} owed to customers: {on_hand + coming - owed:,} units"


def _forecast(row: Row) -> str:
    return (
        f"{row['demand_class']} demand, by {row['method']}: {row['mean_units_per_day']:.3g} units a day; over the "
        f"{row['protection_days']:.3g} days an order must cover {row['protection_mean_units']:,.1f}, half of the time "
        f"at most {row['protection_p50_units']:,}, 8 times of 10 between {row['protection_p10_units']:,} and "
        f"{row['protection_p90_units']:,}"
    )


def _policy(row: Row, currency: str) -> list[tuple[str, str]]:
    before = f"{row['previous_reorder_point_units']:,} / {row['previous_order_up_to_units']:,}"
    told = [
        (
            "policy",
            f"order at {row['reorder_point_units']:,} or below, up to {row['order_up_to_units']:,} "
            f"({CHANGES[row['change']].format(before=before)}); {row['reason']}",
        )
    ]
    low, high = row["gain_low_cents"], row["gain_high_cents"]
    if low or high or row["gain_cents"]:
        gain = format_difference(row["gain_cents"], "cents", currency)
        interval = format_interval(low, high, "cents", currency, difference=True)
        sure = f" (95 % sure: {interval})" if low != high else ""
        told.append(("its worth", f"played forward against the policy before, the SKU at all its sites: {gain}{sure}"))
    return told


def _proposal(row: Row, currency: str) -> list[tuple[str, str]]:
    price = format_value(row["unit_cost_cents"], "cents", currency)
    value = format_value(row["value_cents"], "cents", currency)
    saves = format_value(row["saves_cents"], "cents", currency)
    more = row["next_pack_saves_cents"]
    pack = format_value(abs(more), "cents", currency)
    next_pack = "would make no difference" if not more else f"would save {pack}" if more > 0 else f"would cost {pack}"
    return [
        ("tonight", f"{row['units']:,} units at {price} = {value} from {row['supplier']}, due {row['due_date']}"),
        (
            "options",
            f"leaving it to the next chance would cost {saves} more; one pack more {next_pack}, price not counted",
        ),
        ("why", row["reason"]),
        ("proposal", f"{row['proposal']} ({row.get('state', 'open')})"),
    ]


def _refusal(row: Row, currency: str) -> list[tuple[str, str]]:
    cost = format_value(row["cost_cents"], "cents", currency)
    text = f"{row['wanted_units']:,} units were wanted, {row['given_units']:,} given: {row['rule']}; costs {cost}"
    return [("refused", text), ("why", row["reason"])]


def _order(row: Row, currency: str) -> str:
    extra = row["order_cost_cents"] + row["freight_cents"] + row["truck_cost_cents"]
    return (
        f"{row['purchase_order']}: {row['lines']:,} lines from {row['supplier']} for {row['site']}, goods "
        f"{format_value(row['value_cents'], 'cents', currency)}, order cost, freight and trucks "
        f"{format_value(extra, 'cents', currency)}" + (f"; {row['reason']}" if row["reason"] else "")
    )
