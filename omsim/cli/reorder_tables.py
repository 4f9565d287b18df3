"""A night on the terminal: its orders and decisions, the difference to the plan in force, and the JSON document.

Owns their layout; the command itself is `reorder`'s.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omsim.cli.voice import Voice
    from omsim.nightly.difference import Difference
    from omsim.nightly.outcome import Draft, Outcome

MOST_ORDERS = 25  # told on the terminal; all are in the export
MOST_DECISIONS = 5
MOST_CHANGES = 20


def show_outcome(voice: Voice, outcome: Outcome, difference: Difference | None) -> None:
    """The result on the terminal."""
    voice.say(outcome.message)
    if outcome.draft is not None:
        _tell_orders(voice, outcome.draft)
    if difference is not None and outcome.draft is not None:
        _tell_difference(voice, difference, outcome.draft.snapshot.business.settings.currency)
    for gate in outcome.gates:
        if not gate.passed and outcome.state != "already_done":
            voice.say(f"stopped by gate {gate.name}: {gate.reason}")
    if outcome.folder is not None:
        voice.say(f"summary: {outcome.folder / 'summary.html'}" if outcome.summary else f"files: {outcome.folder}")


def _tell_orders(voice: Voice, draft: Draft) -> None:
    from omsim.analysis.units import format_value

    currency = draft.snapshot.business.settings.currency

    def money(cents: int) -> str:
        return format_value(cents, "cents", currency)

    orders = draft.night.tables["purchase_orders"]
    n_orders = draft.night.length("purchase_orders")
    shown = sorted(range(n_orders), key=lambda row: -orders["value_cents"][row])[:MOST_ORDERS]
    if n_orders:
        voice.table(
            ("supplier", "site", "lines", "units", "goods", "on top", "expected"),
            [
                (
                    orders["supplier"][row],
                    orders["site"][row],
                    f"{orders['lines'][row]:,}",
                    f"{orders['units'][row]:,}",
                    money(orders["value_cents"][row]),
                    money(
                        orders["order_cost_cents"][row] + orders["freight_cents"][row] + orders["truck_cost_cents"][row]
                    ),
                    str(orders["due_date"][row]),
                )
                for row in shown
            ],
            left=2,
        )
        if n_orders > len(shown):
            voice.say(f"and {n_orders - len(shown):,} smaller orders")
    voice.say(
        f"{n_orders:,} orders, {sum(orders['lines']):,} lines, {sum(orders['units']):,} units, goods worth "
        f"{money(sum(orders['value_cents']))}"
    )
    wanted = draft.night.tables["decisions"]
    n_decisions = draft.night.length("decisions")
    for row in range(min(n_decisions, MOST_DECISIONS)):
        voice.say(f"decide: {wanted['subject'][row]} ({money(wanted['amount_cents'][row])}): {wanted['text'][row]}")
    if n_decisions > MOST_DECISIONS:
        voice.say(f"and {n_decisions - MOST_DECISIONS:,} more decisions in the summary")


def _tell_difference(voice: Voice, difference: Difference, currency: str) -> None:
    from omsim.analysis.units import format_difference, format_value

    if difference.since is None:
        voice.say("no plan is in force: every line would be new")
        return
    before, now = difference.before_value_cents, difference.value_cents
    voice.say(
        f"against the plan in force, of {difference.since}: {len(difference.lines):,} lines differ, "
        f"{difference.same_lines:,} are the same; goods {format_value(before, 'cents', currency)} then, "
        f"{format_value(now, 'cents', currency)} now"
    )
    counts = difference.policies
    changed = [f"{counts[name]:,} {name}" for name in ("raised", "lowered", "new", "refused") if counts.get(name)]
    kept = f"{counts.get('kept', 0):,} kept"
    voice.say(f"policies: {', '.join([kept, *changed])}")
    if difference.lines:
        voice.table(
            ("sku", "site", "supplier", "then", "now", "value"),
            [
                (
                    line.sku,
                    line.site,
                    line.supplier,
                    f"{line.before_units:,}",
                    f"{line.units:,}",
                    format_difference(line.value_cents - line.before_value_cents, "cents", currency),
                )
                for line in difference.lines[:MOST_CHANGES]
            ],
            left=3,
        )
    if len(difference.lines) > MOST_CHANGES:
        voice.say(f"and {len(difference.lines) - MOST_CHANGES:,} smaller differences")


def outcome_document(outcome: Outcome, difference: Difference | None, database: str, code: int) -> dict[str, Any]:
    """What JSON mode prints; the lines themselves are in the export files."""
    draft = outcome.draft
    found: dict[str, Any] = {
        "state": outcome.state,
        "exit_code": code,
        "run_key": str(outcome.key),
        **asdict(outcome.key),
        "message": outcome.message,
        "attempt": outcome.attempt,
        "database": _without_password(database),
        "folder": None if outcome.folder is None else str(outcome.folder),
        "current": None if outcome.current is None else str(outcome.current),
        "gates": [asdict(gate) for gate in outcome.gates],
        "finished_runs": outcome.finished_runs,
    }
    if draft is not None:
        found["status"] = draft.night.status
        found["facts"] = dict(draft.night.facts)
        found["purchase_orders"] = _records(draft.night.tables["purchase_orders"])
        found["decisions"] = _records(draft.night.tables["decisions"])
    if difference is not None:
        found["difference"] = asdict(difference)
    return found


def _records(columns: Any) -> list[dict[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _without_password(database: str) -> str:
    if "://" not in database:
        return database
    from omsim.nightly.input_database import without_password

    return without_password(database)
