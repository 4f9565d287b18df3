"""The report page: says what changed, stands alone, and no name in it can do harm."""

from __future__ import annotations

import re
import warnings
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from analysis.small_records import made_records
from model.small_models import TABLES, small_business

from omsim.analysis.figures_compare import CurvePoint, draw_curve
from omsim.analysis.measure import measure
from omsim.analysis.picture import spread_labels, svg_text, write_png
from omsim.analysis.report import Mark, Report, ReportArm, draw_pictures, render_report

EVIL = '<script>alert(1)</script>&"$\\frac{1}{0}$'


def made_arm(business, name, n_orders, replications=3, seed=0):
    """An arm of made-up replications."""
    runs = [measure(made_records(business, n_orders, seed, number), business) for number in range(replications)]
    return ReportArm(name=name, tables=tuple(run[0] for run in runs), series=tuple(run[1] for run in runs))


@pytest.fixture(scope="module")
def business():
    """The small business with a few days of warm-up."""
    return small_business({"model.warm_up_days": 3, "costs.late_penalty_cents": 500})


@pytest.fixture(scope="module")
def report(business):
    """A comparison of two arms."""
    return Report(
        title="Peak against usual",
        question="What does the peak do?",
        arms=(made_arm(business, "usual", 200), made_arm(business, "peak", 320, seed=1)),
        currency="GBP",
        marks=(Mark(first=date(2026, 10, 3), last=date(2026, 10, 5), label="strike"),),
        provenance={"seed": "0", "engine": "window"},
        assumptions=("Lead times are guesses.",),
        defaults_used=("profile: table absent, flat",),
        audits=("units add up in every cell",),
    )


class Page(HTMLParser):
    """Tags of a page, checked to close in order."""

    VOID = frozenset({"meta", "br", "hr", "img", "input", "link"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_and_stands_alone(report):
    """Tags nest, the language and title are set, and nothing is fetched from anywhere."""
    text = render_report(report)
    page = Page(text)
    assert not page.open
    assert ("html", {"lang": "en"}) in page.tags
    assert "Peak against usual" in page.text
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object", "img")
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name)
            assert target is None or target.startswith(("#", "data:image/png;base64,")), (tag, target)
    assert not re.search(r"@import|url\(\s*['\"]?(?!#)", text)


def test_every_picture_has_words_and_a_table(report):
    """Each picture is named for screen readers and followed by its numbers; ids never repeat."""
    text = render_report(report)
    page = Page(text)
    images = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(images) == len(draw_pictures(report)) == 9
    assert all(image["role"] == "img" and image["aria-label"] for image in images)
    assert text.count("<summary>The numbers: ") == len(images)
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))


def test_every_svg_is_well_formed(report):
    """An XML parser reads each picture."""
    for picture in draw_pictures(report):
        svg = svg_text(picture)
        ElementTree.fromstring(svg)
        assert "<dc:date>" not in svg


def test_the_same_report_is_the_same_bytes(report):
    """Nothing in the page depends on when or how often it is made."""
    assert render_report(report) == render_report(report)


def test_the_answer_says_direction_size_and_interval(business, report):
    """The first sentences name the measure, both values, the difference and the interval."""
    text = Page(render_report(report)).text
    assert re.search(
        r"On-time delivery (rises|falls|does not change clearly).*difference [+-][\d.]+ points, 95 % interval", text
    )
    assert "GBP" in text
    for words in ("What does the peak do?", "Lead times are guesses.", "units add up in every cell", "table absent"):
        assert words in text


def test_one_replication_says_there_is_no_interval(business):
    """With a single replication the page warns and shows no interval."""
    arms = tuple(made_arm(business, name, 150, replications=1, seed=i) for i, name in enumerate(("a", "b")))
    text = Page(render_report(Report(title="One", arms=arms))).text
    assert "there are no intervals" in text
    assert "one replication, so no interval" in text


def test_a_single_arm_is_reported_without_differences(report):
    """A run alone has cards and pictures but nothing to compare."""
    text = Page(render_report(replace(report, arms=report.arms[:1]))).text
    assert "against" not in text.split("Pictures")[0].split("</style>")[-1].split("Key figures")[1]
    assert "Cost per order" in text


def test_three_arms_are_all_shown(business, report):
    """Each variant has its answer and its differences to the chosen baseline."""
    three = replace(report, arms=(*report.arms, made_arm(business, "closed", 150, seed=2)), baseline=1)
    text = Page(render_report(three)).text
    assert "usual against peak" in text
    assert "closed against peak" in text


def test_names_that_are_markup_are_harmless():
    """Markup and mathematics in any name come out as the letters they are."""
    names = {"north": "n", "web": "w", "coast": "c", "standard": "s", "012": "k"}
    tables = dict(TABLES)
    for plain, mark in names.items():
        tables = {name: re.sub(rf"\b{plain}\b", lambda _, m=mark: EVIL + m, text) for name, text in tables.items()}
    arm = made_arm(small_business(**tables), "x", 100, replications=2)
    page_text = render_report(
        Report(
            title=EVIL,
            question=EVIL,
            arms=(replace(arm, name=EVIL, description=EVIL, changes=(EVIL,)), replace(arm, name="plain")),
            marks=(Mark(first=date(2026, 10, 1), last=date(2026, 10, 2), label=EVIL),),
            provenance={EVIL: EVIL},
            assumptions=(EVIL,),
            defaults_used=(EVIL,),
            audits=(EVIL,),
        )
    )
    page = Page(page_text)
    assert not page.open
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<script" not in page_text
    assert EVIL in page.text


def test_letters_our_font_lacks_raise_nothing(report, tmp_path):
    """Names in other scripts are drawn and written without a warning."""
    arm = replace(report.arms[0], name="東京 مخزن склад")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pictures = draw_pictures(replace(report, arms=(arm,)))
        assert "東京" in svg_text(draw_pictures(replace(report, arms=(arm, report.arms[1])))[1])
        write_png(pictures[0], tmp_path / "daily.png")
    assert (tmp_path / "daily.png").stat().st_size > 10_000


def test_arms_with_other_services_and_days_are_drawn(report):
    """An arm that adds a service or runs longer still shares the pictures."""
    other = small_business(
        {"model.horizon_days": 21},
        services={"service": ["standard", "bikes"]},
        transits={
            "service": ["standard", "standard", "bikes"],
            "zone": ["near", "far", "near"],
            "days": [1, 2, 0],
            "share": [1, 1, 1],
        },
        rates={
            "service": ["standard", "standard", "bikes"],
            "zone": ["near", "far", "near"],
            "up_to_g": [90000] * 3,
            "price_cents": [300, 400, 500],
        },
    )
    text = render_report(replace(report, arms=(report.arms[0], made_arm(other, "bikes too", 200))))
    assert "bikes" in Page(text).text


def test_an_arm_without_replications_is_refused(report):
    """There is nothing to report before a replication is finished."""
    with pytest.raises(ValueError, match="'empty' has no replication"):
        render_report(replace(report, arms=(ReportArm(name="empty", tables=(), series=()),)))


def test_curves_are_drawn_with_their_points():
    """A trade-off curve lists every point in its table."""
    points = [CurvePoint(label="95 %", x=66_700_000, y=0.72), CurvePoint(label="", x=115_000_000, y=0.81, y_half=0.01)]
    picture = draw_curve(
        [("normal", points)],
        x_name="Mean stock",
        x_unit="cents",
        y_name="Unit fill rate",
        y_unit="share",
        currency="GBP",
    )
    assert picture.rows[0] == ("normal", "95 %", "GBP 667,000", "72.0 %")
    ElementTree.fromstring(svg_text(picture))


def test_labels_are_moved_apart_no_more_than_needed():
    """Crowded labels keep their order and distance, lonely ones their place."""
    moved = spread_labels([0.0, 0.1, 0.2, 9.0], 1.0)
    assert moved == pytest.approx([-0.9, 0.1, 1.1, 9.0])
