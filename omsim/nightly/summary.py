"""The one page a buyer reads over coffee: what to buy, why, what changed, what needs a decision.

Owns the page's order, its sentences about the whole night and its markup; the tables in it are `summary_parts`' work.
Every name is escaped by the template engine. The page needs nothing but itself, and prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from omsim.analysis.units import format_value
from omsim.nightly.input_history import NO_HISTORY_NOTE
from omsim.nightly.summary_parts import Row, changes, decisions, finite, levels_before, orders, refusals, total, why
from omsim.nightly.summary_trust import forecast, gates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from omsim.nightly.outcome import Draft


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the template shows; rows are mappings of plain values, money in cents."""

    title: str
    when: str
    currency: str
    banners: tuple[Row, ...]
    lead: str
    cards: tuple[Row, ...]
    decisions: Row
    orders: Row
    why: Row
    changes: Row
    refusals: Row
    forecast: Row
    gates: tuple[Row, ...]
    notes: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]

    def money(self, cents: float) -> str:
        """An amount as people read it."""
        return format_value(cents, "cents", self.currency)

    @staticmethod
    def count(number: int, noun: str) -> str:
        """A number of things: "1 order", "2 orders"."""
        return f"{number:,} {noun}{'' if number == 1 else 's'}"


def summarize(draft: Draft) -> str:
    """The summary of a night as one HTML document."""
    environment = Environment(
        loader=PackageLoader("omsim.nightly", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("summary.html").render(page=build_page(draft))


def build_page(draft: Draft) -> Page:
    """What stands on the page."""
    business, night = draft.snapshot.business, draft.night
    currency = business.settings.currency
    told_orders = orders(night, currency)
    told_refusals = refusals(night, currency)
    scope = "" if draft.key.scope == "all" else f", only {draft.key.scope.replace(',', ', ')}"
    return Page(
        title=f"Tonight's orders: {draft.key.model}",
        when=f"Planned on the evening of {_day(draft.key.as_of)}{scope}",
        currency=currency,
        banners=tuple(_banners(draft)),
        lead=_lead(draft, told_orders, currency),
        cards=tuple(_cards(draft, told_orders, currency)),
        decisions=decisions(night),
        orders=told_orders,
        why=why(night, currency),
        changes=changes(night, draft.last, currency),
        refusals=told_refusals,
        forecast=forecast(night, learnt=NO_HISTORY_NOTE in draft.snapshot.notes),
        gates=tuple(gates(draft.gates)),
        notes=draft.snapshot.notes,
        provenance=tuple(_provenance(draft)),
    )


def _day(day: date) -> str:
    return f"{day:%A}, {day.day} {day:%B %Y}"


def _banners(draft: Draft) -> list[Row]:
    banners: list[Row] = []
    failed = [gate for gate in draft.gates if not gate.passed]
    if failed:
        since = draft.last.as_of
        stays = f"The plan of {_day(since)} stays in force." if since else "There is no earlier plan to fall back on."
        banners.append(
            {
                "stopped": True,
                "title": f"Stopped: {'a check' if len(failed) == 1 else f'{len(failed)} checks'} did not pass. "
                "Nothing on this page was released.",
                "lines": [*(f"{gate.reason[:1].upper()}{gate.reason[1:]}." for gate in failed), stays],
            }
        )
    if draft.night.status == "degraded":
        fallback = _facts(draft, "plan").get("fallback") or "a solver did not answer as it should"
        banners.append(
            {
                "stopped": False,
                "title": "Made with a simpler method than usual.",
                "lines": [f"{fallback}. All rules are kept; the plan may cost a little more than it had to."],
            }
        )
    return banners


def _lead(draft: Draft, told: Row, currency: str) -> str:
    whole = told["total"]
    if not whole["orders"]:
        return "Nothing needs to be ordered tonight."
    money = format_value(whole["value_cents"], "cents", currency)
    n_orders, n_lines, n_suppliers = whole["orders"], whole["n_lines"], whole["suppliers"]
    text = f"Buy goods worth {money}: {_number(n_lines, 'line')} in {_number(n_orders, 'order')}" + (
        f" from {_number(n_suppliers, 'supplier')}." if n_suppliers > 1 else "."
    )
    fill = _facts(draft, "trial").get("kpis", {}).get("unit_fill", {})
    if finite(fill.get("in_force")) and finite(fill.get("new")):
        before, after = (format_value(fill[side], "share") for side in ("in_force", "new"))
        text += (
            f" Played forward over {_facts(draft, 'trial')['days']} days it serves {after} of the units asked for from "
            f"stock; {levels_before(draft.last)} serve {before}."
        )
    return text


def _cards(draft: Draft, told: Row, currency: str) -> list[Row]:
    whole, last = told["total"], draft.last
    change = "the first night"
    if last.as_of is not None:
        change = f"{format_value(last.value_cents, 'cents', currency)} on {last.as_of.day} {last.as_of:%B}"
    budget = draft.snapshot.business.settings.budget_cents
    under = f"before: {change}" if last.as_of is not None else change
    if 0 < budget < 10**10:  # the model's default stands for none
        under = f"{whole['value_cents'] / budget:.0%} of the night's budget; {under}"
    cards: list[Row] = [
        {"name": "Goods", "value": format_value(whole["value_cents"], "cents", currency), "under": under},
        {
            "name": "Orders",
            "value": f"{whole['orders']:,}",
            "under": f"{_number(whole['n_lines'], 'line')}, {_number(whole['units'], 'unit')}",
        },
        {
            "name": "On top",
            "value": format_value(whole["extra_cents"], "cents", currency) if whole["extra_cents"] else "nothing",
            "under": "cost of orders, freight, trucks",
        },
    ]
    cards.append(
        {
            "name": "Waiting would cost",
            "value": format_value(total(draft.night, "proposals", "saves_cents"), "cents", currency),
            "under": "if all of it were left to the next chance to order",
        }
    )
    waiting = draft.night.length("decisions")
    refused = total(draft.night, "refusals", "cost_cents")
    cards.append(
        {
            "name": "For you",
            "value": _number(waiting, "decision") if waiting else "nothing",
            "under": f"rules cost {format_value(refused, 'cents', currency)}" if refused else "no rule was in the way",
        }
    )
    return cards


def _provenance(draft: Draft) -> list[tuple[str, str]]:
    snapshot = draft.snapshot
    rows = [
        ("Night", f"{draft.key}, attempt {draft.attempt}"),
        ("Inputs", snapshot.source),
        ("Stock counted", str(snapshot.counted_on)),
        ("History", f"{snapshot.first_day} to {snapshot.history_to}"),
        ("Input digest", snapshot.digest[:16]),
    ]
    plan = _facts(draft, "plan")
    if "method" in plan:
        rows.append(("Method", f"{plan['method']} ({plan.get('status', 'no status')})"))
    settings = _facts(draft, "settings")
    if settings:
        rows.append(("Settings", ", ".join(f"{name} {value}" for name, value in settings.items())))
    if "source" in _facts(draft, "forecast"):
        rows.append(("Forecast", str(_facts(draft, "forecast")["source"])))
    versions = _facts(draft, "versions")
    if versions:
        rows.append(("Versions", ", ".join(f"{name} {version}" for name, version in versions.items())))
    return rows


def _facts(draft: Draft, name: str) -> Mapping[str, Any]:
    found = draft.night.facts.get(name)
    return found if isinstance(found, dict) else {}


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
