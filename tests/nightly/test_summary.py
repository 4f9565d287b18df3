"""The one-page summary, the words about a single SKU, and the difference between two nights."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from made_nights import AS_OF, made_draft, made_night, made_snapshot

from omsim.model.files import read_business
from omsim.nightly.difference import compare_with_current
from omsim.nightly.explain import explanation_lines
from omsim.nightly.forecast_record import holdout_facts
from omsim.nightly.night import NIGHT_TABLES, Night, RunKey
from omsim.nightly.outcome import GateResult
from omsim.nightly.recall import Explanation, StoredRun
from omsim.nightly.snapshot import LastNight, Snapshot
from omsim.nightly.summary import build_page, summarize
from omsim.nightly.summary_parts import MOST_LINES, MOST_ORDERS

if TYPE_CHECKING:
    from pathlib import Path

VOID = {"meta", "br", "link", "img", "hr"}


class Reader(HTMLParser):
    """Text of a page, and proof that its elements close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def page_text(html: str) -> str:
    """What a reader sees, spaces collapsed."""
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return " ".join(" ".join(reader.words).split())


@pytest.fixture(scope="module")
def snapshot(repo: Path) -> Snapshot:
    """An evening."""
    return made_snapshot(read_business(repo / "models" / "metro"), notes=("3 open order lines overdue",))


@pytest.fixture(scope="module")
def night(snapshot: Snapshot) -> Night:
    """Its night."""
    return made_night(snapshot)


def empty_night(**facts: Any) -> Night:
    """A night on which nothing is decided and nothing known."""
    return Night(tables={name: {c: [] for c in columns} for name, columns in NIGHT_TABLES.items()}, facts=facts)


def test_the_page_answers_a_buyers_questions_in_order(snapshot: Snapshot, night: Night) -> None:
    """Decisions come before orders, reasons, changes, refusals, the forecast's record and the checks."""
    text = page_text(summarize(made_draft(snapshot, night)))
    heads = [
        "Tonight's orders: metro",
        "Needs your decision",
        "What to buy",
        "Why",
        "What changed",
        "What you would have got but for a rule",
        "Can the forecast be trusted?",
        "Checks and data",
    ]
    places = [text.index(head) for head in heads]
    assert places == sorted(places)
    assert "Planned on the evening of Sunday, 27 September 2026" in text
    assert "another EUR 1,000 of budget tonight is worth EUR 37.00" in text
    assert "another cubic metre is worth EUR 4.00" in text
    assert "no plan that keeps all rules can be expected to cost less than this one by more than EUR 4.45" in text
    assert "it was 22 % less wrong than the best simple rule (mean, Poisson). It ran 3 % too high." in text
    assert "3 open order lines overdue" in text


def test_totals_are_those_of_the_tables(snapshot: Snapshot, night: Night) -> None:
    """Goods, orders, lines and extra costs add up, and every order is there with its lines."""
    page = build_page(made_draft(snapshot, night))
    orders = night.tables["purchase_orders"]
    told = page.orders["total"]
    assert told["value_cents"] == sum(orders["value_cents"]) == sum(night.tables["proposals"]["value_cents"])
    assert told["extra_cents"] == len(orders["lines"]) * 10_500
    assert (told["orders"], told["n_lines"]) == (len(orders["lines"]), sum(orders["lines"]))
    shown = page.orders["rows"]
    assert [row["value_cents"] for row in shown] == sorted(orders["value_cents"], reverse=True)
    assert sum(len(row["lines"]) + row["left_out"] for row in shown) == night.length("proposals")


def test_the_page_needs_nothing_but_itself(snapshot: Snapshot, night: Night) -> None:
    """No script, no address, no file beside it."""
    html = summarize(made_draft(snapshot, night))
    reader = Reader()
    reader.feed(html)
    assert not {"script", "link", "img", "iframe", "object"} & set(reader.tags)
    assert not re.search(r"https?:|url\(|@import|src=|href=", html)
    assert "@media print" in html


def test_names_are_shown_and_never_run(snapshot: Snapshot) -> None:
    """A supplier, a reason, a note and a gate that hold markup come out as text."""
    nasty = "<script>alert('x')</script>&amp;"
    night = made_night(snapshot)
    for table, columns in night.tables.items():
        for name, values in columns.items():
            if NIGHT_TABLES[table][name] == "text" and name != "change" and isinstance(values, list):
                values[:] = [nasty] * len(values)
    draft = made_draft(
        replace(snapshot, notes=(nasty,), source=nasty),
        night,
        key=RunKey(as_of=AS_OF, model=nasty, scope=nasty),
        gates=(GateResult(name=nasty, passed=False, reason=nasty),),
    )
    html = summarize(draft)
    assert "<script>" not in html
    assert "&amp;amp;" in html
    assert nasty in page_text(html)


def test_a_hundred_thousand_lines_still_make_one_page(snapshot: Snapshot, night: Night) -> None:
    """The page shows what weighs most, says how much it leaves out, and stays small."""
    n_orders, n_lines = 400, 100_000
    rng = np.random.default_rng(3)
    lines = {c: [values[0]] * n_lines for c, values in night.tables["proposals"].items()}
    lines["purchase_order"] = [f"O-{row % n_orders}" for row in range(n_lines)]
    lines["value_cents"] = rng.integers(1, 10**6, n_lines).tolist()
    orders = {c: [values[0]] * n_orders for c, values in night.tables["purchase_orders"].items()}
    orders["purchase_order"] = [f"O-{row}" for row in range(n_orders)]
    orders["value_cents"] = rng.integers(1, 10**8, n_orders).tolist()
    large = replace(night, tables={**night.tables, "proposals": lines, "purchase_orders": orders})
    html = summarize(made_draft(snapshot, large))
    assert len(html) < 1_500_000
    text = page_text(html)
    assert f"{n_orders - MOST_ORDERS} smaller orders, in the export" in text
    assert f"{n_lines // n_orders - MOST_LINES} more lines in the export" in text


def test_a_night_without_orders_says_so(snapshot: Snapshot) -> None:
    """An empty night is a page as well, also when nothing is known beside its tables."""
    text = page_text(summarize(made_draft(snapshot, empty_night())))
    assert "Nothing needs to be ordered tonight." in text
    assert "Nothing. The orders below can go out as they are." in text
    assert "This is the first night" in text
    assert "New levels were not tried in the simulation" in text
    assert "It was not tested tonight" in text


def test_a_stopped_night_says_what_stays_in_force(snapshot: Snapshot, night: Night) -> None:
    """A gate that said no heads the page, with its reason and the plan that stays."""
    gate = GateResult(name="stock_age", passed=False, reason="stock was counted 7 days before the night")
    last = LastNight(as_of=AS_OF - timedelta(days=1))
    text = page_text(summarize(made_draft(snapshot, night, last, gates=(gate,))))
    assert text.index("Nothing on this page was released") < text.index("Needs your decision")
    assert "The plan of Saturday, 26 September 2026 stays in force." in text
    assert "STOPPED Age of the stock count Stock was counted 7 days before the night" in text


def test_a_fallback_is_told(snapshot: Snapshot, night: Night) -> None:
    """A night made by a simpler method says so and why."""
    facts = night.facts | {"plan": night.facts["plan"] | {"fallback": "the solver ran out of time"}}
    text = page_text(summarize(made_draft(snapshot, replace(night, status="degraded", facts=facts))))
    assert "Made with a simpler method than usual. the solver ran out of time. All rules are kept" in text


def test_changes_since_yesterday_are_counted(snapshot: Snapshot, night: Night) -> None:
    """Lines that are new, repeated and dropped, and the difference in money."""
    proposals = night.tables["proposals"]
    places = list(zip(proposals["site"], proposals["sku"], strict=True))
    value = sum(proposals["value_cents"])
    units = dict.fromkeys([*places[:10], ("nowhere", "X-1")], 5)
    last = LastNight(as_of=AS_OF - timedelta(days=1), units=units, value_cents=value - 100_000)
    text = page_text(summarize(made_draft(snapshot, night, last)))
    assert "What changed since Saturday, 26 September" in text
    n_new = len(places) - 10
    assert f"{n_new} lines were not ordered then, 10 are ordered again, 1 ordered then need nothing tonight." in text
    assert "EUR 1,000 more." in text


def test_the_verdict_on_the_forecast_is_honest(snapshot: Snapshot, night: Night) -> None:
    """A forecast that lost to a simple rule is told to have lost."""
    rows = [
        {"name": "ours", "ours": True, "pinball": 0.3, "coverage_share": 0.5, "bias_share": -0.2},
        {"name": "last year", "ours": False, "pinball": 0.2, "coverage_share": 0.5, "bias_share": 0.0},
    ]
    worse = replace(night, facts=night.facts | {"forecast": {"holdout": {"rows": rows, "interval_share": 0.9}}})
    text = page_text(summarize(made_draft(snapshot, worse)))
    assert "50 % more wrong than a simple rule (last year): treat tonight's plan with care" in text
    assert "It ran 20 % too low." in text


def test_holdout_rows_become_facts() -> None:
    """Only scores over all kinds of demand are told; without any there is nothing to tell."""
    row = {"n_items": 3, "method": "x", "interval_days": 7, "n_origins": 3, "pinball_share": 0.5}
    scored = {"pinball": 0.2, "coverage_share": 0.9, "bias_share": None}
    rows = [
        row | scored | {"demand_class": "all", "name": "forecast", "ours": True},
        row | scored | {"demand_class": "all", "name": "last year", "ours": False},
        row | scored | {"demand_class": "lumpy", "name": "forecast", "ours": True, "n_items": 1},
    ]
    facts = holdout_facts(rows)
    assert (facts["days"], facts["interval_days"], facts["interval_share"], facts["n_items"]) == (21, 7, 0.9, 3)
    assert [(told["name"], told["ours"], told["bias_share"]) for told in facts["rows"]] == [
        ("forecast", True, None),
        ("last year", False, None),
    ]
    assert holdout_facts([]) == {}


def test_everything_about_a_sku_is_told(snapshot: Snapshot, night: Night) -> None:
    """Position, forecast, policy, order, options and reason of each site, out of stored rows alone."""
    sku = night.tables["proposals"]["sku"][0]
    tables: dict[str, list[dict[str, Any]]] = {}
    for name in ("policies", "forecasts", "proposals", "refusals", "purchase_orders"):
        columns = night.tables[name]
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        tables[name] = [row for row in rows if row.get("sku", sku) == sku]
    run = StoredRun(
        run_id=1,
        attempt=1,
        key=RunKey(as_of=AS_OF, model="metro"),
        state="done",
        status="ok",
        digest="",
        source="",
        gates=(),
        facts={"currency": "EUR"},
        folder="x",
    )
    text = "\n".join(explanation_lines(Explanation(run=run, tables=tables)))
    row = tables["proposals"][0]
    assert text.startswith(f"{sku} at {row['site']}, night 2026-09-27/metro/all (attempt 1)")
    for part in (
        f"{row['on_hand_units']} on hand",
        "negative binomial",
        f"order at {row['reorder_point_units']} or below, up to {row['order_up_to_units']}",
        f"{row['units']} units at EUR",
        "leaving it to the next chance would cost EUR",
        row["reason"],
        row["proposal"],
        row["purchase_order"],
    ):
        assert part in text
    assert text.count("  policy ") == len(tables["policies"])


def test_the_difference_to_the_plan_in_force(snapshot: Snapshot, night: Night) -> None:
    """Lines that differ, largest first, those that are the same, and a first night without any plan."""
    current = {c: list(values) for c, values in night.tables["proposals"].items()}
    assert compare_with_current(night, AS_OF, current).lines == ()
    current["units"][3] += 5
    current["value_cents"][3] += 1_000_000
    for values in current.values():
        del values[0]
    found = compare_with_current(night, date(2026, 9, 26), current)
    assert found.same_lines == night.length("proposals") - 2
    assert [line.sku for line in found.lines] == [night.tables["proposals"]["sku"][row] for row in (3, 0)]
    assert (found.lines[1].before_units, found.lines[1].units) == (0, night.tables["proposals"]["units"][0])
    assert sum(found.policies.values()) == night.length("policies")
    first = compare_with_current(night, None, None)
    assert (first.since, len(first.lines), first.before_value_cents) == (None, night.length("proposals"), 0)
