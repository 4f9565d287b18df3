"""The report's tables by parts, its cards and the picture of cartons: what is shown, and in which order."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from analysis.small_records import made_records
from analysis.test_parcel_kpis import CARTONS, CONTRACTS, TIERS
from matplotlib.colors import to_hex
from model.small_models import small_business

from omsim.analysis.figures_flow import draw_slots
from omsim.analysis.figures_parcels import draw_cartons, has_cartons
from omsim.analysis.figures_sourcing import draw_rules
from omsim.analysis.kpis import Rows
from omsim.analysis.measure import measure
from omsim.analysis.picture import BASELINE_COLOUR, UNCLEAR, WORSE
from omsim.analysis.report import GRID, Report, ReportArm, card_spans, render_report
from omsim.analysis.report_parts import GROUPINGS, part_of
from omsim.analysis.units import format_interval, format_value


def arm_of(business, name, n_orders, replications=3, seed=0):
    """An arm of made-up replications."""
    runs = [measure(made_records(business, n_orders, seed, number), business) for number in range(replications)]
    return ReportArm(name=name, tables=tuple(run[0] for run in runs), series=tuple(run[1] for run in runs))


def grouping(dimension):
    """The grouping of a dimension."""
    return next(one for one in GROUPINGS if one.dimension == dimension)


@pytest.fixture(scope="module")
def report():
    """A plain business against the same with cartons and contracts."""
    plain = small_business({"model.warm_up_days": 5})
    packed = small_business({"model.warm_up_days": 5}, cartons=CARTONS, contracts=CONTRACTS, contract_tiers=TIERS)
    return Report(
        title="Boxes", arms=(arm_of(plain, "plain", 200), arm_of(packed, "boxes", 300, seed=1)), currency="GBP"
    )


def test_every_contract_period_has_its_bill(report):
    """A row each period of the arm that has contracts: means over the replications; the other arm has none."""
    part = part_of(report, grouping("period"))
    arm = report.arms[1]
    assert part.values.header[:4] == ("Period", "Arm", "Contract parcels", "Contract minimum")
    assert part.values.header[5:] == ("Tiers reached", "Discount earned", "Rebate settled", "Shortfall settled")
    names = arm.tables[0].groups("period")
    assert [row[:2] for row in part.values.rows] == [(name, "boxes") for name in names]
    for name, row in zip(names, part.values.rows, strict=True):
        mean = np.mean([table.get("period_shortfall", f"period={name}") for table in arm.tables])
        assert row[-1] == format_value(mean, "cents", "GBP")
    assert "Sat 3 Oct 2026 on" in part.note
    assert part.differences is None
    assert "swifts: 2026-09-28 to 2026-10-04" in render_report(report)


def test_differences_of_parts_are_paired(report):
    """Each channel's cost per order: mean and interval of the differences replication by replication."""
    part = part_of(report, grouping("channel"))
    assert part.differences.title == "boxes minus plain"
    at = part.differences.header.index("Cost per order")
    base, other = (
        [[table.get("cost_per_order", f"channel={name}") for table in arm.tables] for name in ("web", "shop")]
        for arm in report.arms
    )
    for row, gap in zip(part.differences.rows, np.array(other) - np.array(base), strict=True):
        half = 4.302652729911275 * gap.std(ddof=1) / np.sqrt(3)  # Student's t, 2 degrees of freedom, 97.5 %
        interval = format_interval(gap.mean() - half, gap.mean() + half, "cents", "GBP", difference=True)
        assert f"({interval})" in row[at]
        assert row[at].endswith(", worse") == (gap.mean() - half > 0)
        assert row[at].endswith(", better") == (gap.mean() + half < 0)


def test_three_arms_are_told_apart_in_the_differences(report):
    """Each other arm has its own row; an arm that equals the baseline is said to be the same."""
    three = replace(report, arms=(*report.arms, replace(report.arms[0], name="twin")))
    differences = part_of(three, grouping("site")).differences
    assert differences.title == "Other arms minus plain"
    assert [row[:2] for row in differences.rows] == [
        (site, arm) for site in ("north", "south") for arm in ("boxes", "twin")
    ]
    assert set(differences.rows[1][2:]) == {"the same"}


def test_one_arm_has_no_differences(report):
    """A run alone shows its parts only, and no part it has not."""
    alone = replace(report, arms=report.arms[:1])
    assert part_of(alone, grouping("channel")).differences is None
    assert part_of(alone, grouping("carton")) is None
    assert part_of(alone, grouping("period")) is None


def test_cards_fill_every_row():
    """However many cards, rows are full, of four at most, and nearly alike."""
    for n in range(1, 30):
        spans = card_spans(n)
        assert len(spans) == n
        rows, filled = 0, 0
        for span in spans:
            filled += span
            assert filled <= GRID
            rows, filled = (rows + 1, 0) if filled == GRID else (rows, filled)
        assert filled == 0
        assert rows == -(-n // 4)
        assert max(GRID // span for span in spans) - min(GRID // span for span in spans) <= 1


def test_cartons_are_in_the_figures_the_picture_and_the_parts(report):
    """Fill, several cartons and packaging are key figures; where the other arm has none, no change is claimed."""
    page = render_report(report)
    cards = page.split("Key figures")[1].split("What was compared")[0]
    for name in ("Carton fill", "Shipments in several cartons", "Packaging cost per order"):
        assert name in cards
    assert re.search(
        r"Carton fill</div>.*?plain: n/a</div>\s*<div class=\"verdict\">nothing to compare", cards, re.DOTALL
    )
    assert "By carton<" in page
    picture = draw_cartons(report.arms, 0)
    assert [row[0] for row in picture.rows] == ["box", "bag"]
    assert picture.rows[0][1:3] == ("n/a", "n/a")
    shares = [table.get("carton_share", "carton=box") for table in report.arms[1].tables]
    assert picture.rows[0][3] == format_value(np.mean(shares), "share")


def test_without_cartons_no_picture_of_them(report):
    """A plain model has no card, part or picture of cartons, and its chapters no row without a value."""
    assert not has_cartons(report.arms[:1])
    page = render_report(replace(report, arms=report.arms[:1]))
    assert ">Cartons<" not in page
    measures = page.split("Every measure")[1].split("How each measure is defined")[0]
    for name in ("Carton fill", "Packaging cost per order: ", "Tiers reached", "Contract minimum"):
        assert f"<td>{name}</td>" not in measures
    assert "<td>Unit fill rate</td>" in measures


def test_services_keep_the_models_order(report):
    """Panels stand as the services do in the model, however busy each is."""
    series = report.arms[0].series
    for busy in ([9, 1], [1, 9]):
        arm = replace(
            report.arms[0],
            series=tuple(replace(one, slots_used=np.ones_like(one.slots_used) * busy) for one in series),
        )
        titles = [axes.get_title(loc="left") for axes in draw_slots([arm], 0).figure.axes]
        assert [title.removesuffix(" (no limit)") for title in titles] == ["standard", "express"]


def test_labels_of_rules_stand_clear_of_the_line():
    """What a rule costs is written right of everything drawn, so no bar, interval or line runs through it."""
    tables = []
    for shift in (0, 4):
        rows = Rows()
        for group, cents in (
            ("", 560),
            ("rule=cheapest", 560),
            ("rule=dual_prices", 540 + shift),
            ("rule=nearest", 590),
        ):
            for kpi in ("sourcing_cost", "gap_caught", "sourcing_parcels", "sourcing_unserved"):
                rows.ratio(kpi, group, cents + shift, 1)
        rows.ratio("sourcing_bound", "", 500, 1)
        tables.append(rows.table())
    picture = draw_rules(ReportArm(name="a", tables=tuple(tables), series=()), 0, "GBP")
    (axes,) = picture.figure.axes
    picture.figure.draw_without_rendering()
    labels = [text for text in axes.texts if text.get_text().startswith("GBP")]
    assert len(labels) == 3
    assert min(text.get_window_extent().x0 for text in labels) >= axes.get_window_extent().x1
    assert all(line.get_xdata()[-1] <= axes.get_xlim()[1] for line in axes.lines)
    faces = [to_hex(bar.get_facecolor()).upper() for bar in axes.patches]
    assert faces == [UNCLEAR, BASELINE_COLOUR, WORSE]  # dual prices' interval holds zero
    told = {row[0]: row[-1] for row in picture.rows}
    half = 12.706204736432095 * 2  # Student's t, 1 degree of freedom, 97.5 %; the differences are -20 and -16
    assert told["dual_prices"] == f"-GBP 0.18 (-GBP {(18 + half) / 100:.2f} to +{(half - 18) / 100:.2f})"
    assert told["nearest"].startswith("+GBP 0.30")
    assert told["cheapest (this run)"] == ""
