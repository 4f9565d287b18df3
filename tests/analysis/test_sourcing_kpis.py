"""KPIs of sourcing: small stories counted by hand, and the table and picture of what other rules would have paid."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from sim.test_shadow_rules import KEPT_FOR_THE_COAST, shadowed
from sim.test_sourcing_stories import two_shops

from omsim.analysis.figures_sourcing import draw_rules, has_rules
from omsim.analysis.measure import compute_kpis, measure
from omsim.analysis.registry import REGISTRY
from omsim.analysis.report import Report, ReportArm, render_report
from omsim.analysis.summary import headline
from omsim.sim.engine import run_once

SHADOWED = ("sourcing_cost", "sourcing_parcels", "sourcing_unserved", "sourcing_bound", "gap_caught")


def kpis_of(business):
    """The KPI table of a replication."""
    return compute_kpis(run_once(business), business)


@pytest.fixture(scope="module")
def scarce():
    """A run by `cheapest` that wastes near stock: it pays 45.00, dual prices 42.00, and nobody less than 39.00."""
    return two_shops(*KEPT_FOR_THE_COAST, on_hand=(6, 0, 50, 0), settings=shadowed("dual_prices nearest"))


@pytest.fixture(scope="module")
def arm(scarce):
    """Two replications of it, as a report has them."""
    runs = [measure(run_once(scarce, replication=number), scarce) for number in range(2)]
    return ReportArm(name="scarce", tables=tuple(run[0] for run in runs), series=tuple(run[1] for run in runs))


def test_half_the_gap_is_a_half(arm):
    """(45 - 42) / (45 - 39) for dual prices, nothing for the reference, which is the run's own rule."""
    table = arm.tables[0]
    assert table.groups("rule") == ["cheapest", "dual_prices", "nearest"]
    assert table.get("gap_caught", "rule=dual_prices") == 0.5
    assert table.get("gap_caught", "rule=cheapest") == table.get("gap_caught") == 0.0
    row = table.row("gap_caught", "rule=dual_prices")
    assert (table.numerator[row], table.denominator[row]) == (300.0, 600.0)
    assert table.get("sourcing_cost", "rule=dual_prices") == 4200 / 8
    assert table.get("sourcing_cost") == 4500 / 8
    assert table.get("sourcing_bound") == 3900 / 8
    assert table.get("sourcing_parcels", "rule=nearest") == 1.0
    assert table.get("sourcing_unserved") == 0.0


def test_without_shadow_rules_nothing_is_computed(monkeypatch):
    """Their KPIs have no value, there is no group of rules, and the replay is not even begun."""
    business = two_shops(*KEPT_FOR_THE_COAST, on_hand=(6, 0, 50, 0))
    monkeypatch.setattr("omsim.sim.sourcing.shadow.regret_of", None)
    table = kpis_of(business)
    assert all(math.isnan(table.get(kpi)) for kpi in SHADOWED)
    assert table.groups("rule") == []


def test_where_stock_is_ample_there_is_no_gap_to_catch():
    """The reference meets the bound: the KPI has no value, not zero and not one."""
    table = kpis_of(two_shops(*KEPT_FOR_THE_COAST, on_hand=(50, 0, 50, 0), settings=shadowed("dual_prices")))
    assert math.isnan(table.get("gap_caught", "rule=dual_prices"))
    assert table.get("sourcing_cost") == table.get("sourcing_bound") == (5 * 500 + 3 * 400) / 8


def test_substituted_lines_are_counted_by_channel():
    """One of three lines of the first channel becomes a book, none of the second's one."""
    table = kpis_of(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 1",
            "b, 2026-09-28 08:20, first, town, pen, 2",
            "c, 2026-09-28 08:30, first, town, pen, 4",
            "d, 2026-09-28 08:40, second, town, pen, 1",
            on_hand=(1, 5, 0, 0),
            skus={"substitute": ["book", ""]},
            channels={"substitutes": ["true", "false"]},
        )
    )
    assert table.get("substituted_lines") == 1 / 4
    assert table.get("substituted_lines", "channel=first") == 1 / 3
    assert table.get("substituted_lines", "channel=second") == 0.0


def test_orders_that_wait_whole_are_counted():
    """Of two orders that ship complete one waits for its book; the second channel ships no order complete."""
    table = kpis_of(
        two_shops(
            "a, 2026-09-28 08:10, first, town, pen, 2",
            "a, 2026-09-28 08:10, first, town, book, 1",
            "b, 2026-09-28 10:10, second, town, pen, 9",
            "c, 2026-09-28 11:10, first, town, pen, 1",
            on_hand=(10, 0, 0, 0),
            receipts=("here, book, 1, 2026-09-30", "here, pen, 3, 2026-09-29"),
            channels={"ship_complete": ["true", "false"]},
        )
    )
    assert table.get("waited_whole") == table.get("waited_whole", "channel=first") == 1 / 2
    assert math.isnan(table.get("waited_whole", "channel=second"))


@pytest.mark.parametrize("hold_minutes", [0, 900])
def test_days_of_a_full_site_are_days_sourced(hold_minutes):
    """One parcel a day here, for three orders of Monday: full on three of five days, held over midnight or not."""
    table = kpis_of(
        two_shops(
            *(f"o{hour}, 2026-09-28 {hour}:10, first, town, pen, 1" for hour in (11, 12, 13)),
            on_hand=(3, 0, 0, 0),
            sites={"daily_shipments": ["1", "1000000000"]},
            settings={"decisions.hold_minutes": hold_minutes, "decisions.hold_reassign": False},
        )
    )
    assert table.get("room_exhausted") == table.get("room_exhausted", "site=here") == 3 / 5
    assert math.isnan(table.get("room_exhausted", "site=there"))


def test_trades_and_proofs_are_counted():
    """One piece on hold changes sites; the optimum's batches are proved, those of a walk have no bound."""
    orders = ("a, 2026-09-28 08:10, first, town, pen, 1", "a, 2026-09-28 08:10, first, town, book, 1")
    held = two_shops(
        *orders,
        settings={"decisions.hold_minutes": 120},
        on_hand=(1, 0, 0, 1),
        receipts=("here, book, 1, 2026-09-28",),
    )
    table = kpis_of(held)
    assert table.get("pieces_moved") == 1.0
    assert math.isnan(table.get("batch_gap"))
    table = kpis_of(two_shops(*orders, settings={"decisions.allocation_rule": "batch_optimum"}))
    assert table.get("batch_gap") == 0.0
    assert table.get("sourcing_fallbacks") == 0.0


def test_what_was_decided_otherwise_than_asked_is_told():
    """Two batches and a tender by a fallback: counted among the first figures, and why, on the page."""
    business = two_shops("a, 2026-09-28 08:10, first, town, pen, 1", settings={"decisions.allocation_rule": "cheapest"})
    records = run_once(business)
    cycles, tenders = records.sourcing, records.tenders
    changed = replace(
        records,
        sourcing=replace(cycles, fallback=("no time left", "no time left", *cycles.fallback[2:])),
        tenders=replace(tenders, status=("fallback", *tenders.status[1:]), fallback=("no flow", *tenders.fallback[1:])),
    )
    for told, count, why in (
        (records, 0.0, ()),
        (changed, 2.0, (("batches of orders: no time left", 2), ("tenders: no flow", 1))),
    ):
        table, series = measure(told, business)
        assert table.get("sourcing_fallbacks") == count
        assert series.fallbacks == why
        arm = ReportArm(name="plain", tables=(table,), series=(series,))
        page = render_report(Report(title="Plain", arms=(arm,)))
        assert ("plain: 2 batches of orders: no time left" in page) == bool(why)
        assert ("sourcing_fallbacks" in [row.kpi.id for row in headline([arm.tables])]) == bool(why)


def test_the_picture_names_every_rule_and_the_bound(arm):
    """Cheapest first, the run's own marked, the bound last in the table; the page shows it."""
    assert has_rules(arm)
    picture = draw_rules(arm, 0)
    assert [row[0] for row in picture.rows] == ["dual_prices", "cheapest (this run)", "nearest", "lower bound"]
    assert [row[1] for row in picture.rows] == ["EUR 5.25", "EUR 5.62", "EUR 5.62", "EUR 4.88"]
    assert picture.rows[0][2] == "50.0 %"
    page = render_report(Report(title="Scarce", arms=(arm,)))
    assert "What other sourcing rules would have paid: scarce" in page
    assert "lower bound" in page


def test_a_report_without_shadow_rules_has_no_such_picture():
    """Nothing to draw, nothing drawn."""
    business = two_shops(*KEPT_FOR_THE_COAST)
    table, series = measure(run_once(business), business)
    arm = ReportArm(name="plain", tables=(table,), series=(series,))
    assert not has_rules(arm)
    assert "What other sourcing rules" not in render_report(Report(title="Plain", arms=(arm,)))


def test_the_registry_says_what_the_measures_are():
    """Every KPI measured here is registered in the chapter of sourcing, with its direction."""
    chapter = {kpi.id: kpi.direction for kpi in REGISTRY.values() if kpi.group == "sourcing"}
    assert set(SHADOWED) < set(chapter)
    assert chapter["gap_caught"] == "up"
    assert chapter["sourcing_cost"] == "down"
