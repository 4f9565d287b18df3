"""The report page: one HTML file that needs nothing else, for one arm or several.

Owns what stands in the page and in which order; the words come from `summary`, the tables by parts from
`report_parts`, the pictures from the figures modules,
the markup from the template beside this module. Every name is escaped by the template engine; only pictures drawn here
are put in as markup.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from omsim.analysis.figures_compare import draw_costs, draw_forest, draw_misses
from omsim.analysis.figures_flow import draw_cycle_times, draw_flows, draw_slots, draw_utilisation
from omsim.analysis.figures_parcels import draw_cartons, has_cartons
from omsim.analysis.figures_sourcing import draw_rules, has_rules
from omsim.analysis.figures_time import draw_daily, draw_stock
from omsim.analysis.picture import Picture, svg_text
from omsim.analysis.registry import CHAPTERS, REGISTRY
from omsim.analysis.report_data import Mark, Report, ReportArm
from omsim.analysis.report_parts import GROUPINGS, VERDICT_WORDS, Sheet, part_of, verdict_words
from omsim.analysis.summary import HeadlineRow, answer_sentences, headline
from omsim.analysis.units import format_value

if TYPE_CHECKING:
    from omsim.analysis.series import WorstOrder

__all__ = ["Mark", "Report", "ReportArm", "draw_pictures", "render_report"]

MOST_ROWS = 400  # of a table under a picture; a year by day still fits
MOST_CARDS = 4  # abreast
GRID = 12  # columns of the cards' grid: rows of 1, 2, 3 and 4 cards fill it


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A headline KPI as the page shows it; `span` is how many of the grid's columns it takes."""

    name: str
    value: str
    interval: str
    before: str
    difference: str
    difference_interval: str
    verdict: str
    words: str
    span: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A picture as the page shows it."""

    title: str
    caption: str
    svg: Markup
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int


def draw_pictures(report: Report) -> list[Picture]:
    """Every picture of a report, in the page's order."""
    arms, baseline, currency = report.arms, report.baseline, report.currency
    variants = _variants(report)
    pictures = [draw_forest(arms, baseline, variant, currency) for variant in variants]
    seen = all(arm.series for arm in arms)
    if seen:
        pictures += [draw_daily(arms, baseline, report.marks), draw_misses(arms, baseline)]
    pictures += [draw_costs(arms, baseline, variant, currency) for variant in variants or [baseline]]
    if has_cartons(arms):
        pictures.append(draw_cartons(arms, baseline))
    pictures += [draw_rules(arm, number, currency) for number, arm in enumerate(arms) if has_rules(arm)]
    if seen:
        pictures.append(draw_cycle_times(arms, baseline))
    pictures.append(draw_utilisation(arms, baseline))
    if seen:
        pictures.append(draw_slots(arms, baseline, report.marks))
        pictures.append(draw_stock(arms, baseline, report.marks, currency))
        pictures.append(draw_flows(arms, baseline))
    return pictures


def render_report(report: Report) -> str:
    """The report as one HTML document.

    Raises
    ------
    ValueError
        An arm has no replication.
    """
    for arm in report.arms:
        if not arm.tables:
            raise ValueError(f"arm {arm.name!r} has no replication to report")
    environment = Environment(
        loader=PackageLoader("omsim.analysis", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    variants = _variants(report)
    rows = headline([arm.tables for arm in report.arms], baseline=report.baseline)
    spans = card_spans(len(rows))
    return environment.get_template("report.html").render(
        report=report,
        compared=len(report.arms) > 1,
        replications=min(len(arm.tables) for arm in report.arms),
        answers=[
            (report.arms[arm].name, answer_sentences(report.arms, report.baseline, arm, report.currency))
            for arm in (variants or [report.baseline])
        ],
        decks=[
            (report.arms[arm].name, [_card(row, report, arm, span) for row, span in zip(rows, spans, strict=True)])
            for arm in (variants or [report.baseline])
        ],
        pictures=[_shown(picture) for picture in draw_pictures(report)],
        parts=[part for part in (part_of(report, grouping) for grouping in GROUPINGS) if part is not None],
        chapters=[_chapter(report, chapter) for chapter in CHAPTERS],
        definitions=_definitions(),
        worst=[(arm.name, _worst(arm)) for arm in report.arms if arm.series and _worst(arm)],
        fallbacks=[(arm.name, _fallbacks(arm)) for arm in report.arms if _fallbacks(arm)],
    )


def _variants(report: Report) -> list[int]:
    return [arm for arm in range(len(report.arms)) if arm != report.baseline]


def card_spans(n_cards: int) -> list[int]:
    """Columns of the grid each card takes, so that every row is full and no two differ by more than a card.

    >>> card_spans(6), card_spans(5)
    ([4, 4, 4, 4, 4, 4], [4, 4, 4, 6, 6])
    """
    n_rows = -(-n_cards // MOST_CARDS)
    in_row = [n_cards // n_rows + (row < n_cards % n_rows) for row in range(n_rows)]
    return [GRID // n for n in in_row for _ in range(n)]


def _card(row: HeadlineRow, report: Report, arm: int, span: int) -> Card:
    currency, key = report.currency, row.verdict(arm)
    pair = row.differences[arm]
    if pair is not None and not pair.difference.n:  # one of the two has no such thing
        return Card(
            name=row.kpi.name,
            value=row.value_text(arm, currency),
            interval=row.interval_text(arm, currency),
            before=row.value_text(report.baseline, currency),
            difference="",
            difference_interval="",
            verdict="alone",
            words="nothing to compare",
            span=span,
        )
    return Card(
        name=row.kpi.name,
        value=row.value_text(arm, currency),
        interval=row.interval_text(arm, currency),
        before=row.value_text(report.baseline, currency) if key else "",
        difference="" if key == "same" else row.difference_text(arm, currency) + ", ",
        difference_interval="" if key == "same" else row.difference_interval_text(arm, currency),
        verdict=key or "alone",
        words=VERDICT_WORDS[key],
        span=span,
    )


def _shown(picture: Picture) -> Shown:
    return Shown(
        title=picture.title,
        caption=picture.caption,
        svg=Markup(svg_text(picture)),  # drawn by us: names in it are escaped by the SVG writer
        header=picture.header,
        rows=picture.rows[:MOST_ROWS],
        left_out=max(len(picture.rows) - MOST_ROWS, 0),
    )


def _chapter(report: Report, chapter: str) -> Sheet:
    """Every KPI of a chapter that has a value for the whole business, arms side by side."""
    kpis = [kpi.id for kpi in REGISTRY.values() if kpi.group == chapter and report.arms[0].tables[0].has(kpi.id)]
    tables = [arm.tables for arm in report.arms]
    header = ["Measure"]
    for at, arm in enumerate(report.arms):
        header += [arm.name, "± 95 %"]
        if at != report.baseline:
            header += ["Difference", "95 % interval", ""]
    rows = []
    for row in headline(tables, baseline=report.baseline, kpis=kpis, every=True):
        if not any(one.n for one in row.estimates):
            continue
        cells = [row.kpi.name]
        for at in range(len(report.arms)):
            half = row.estimates[at].half_width
            cells.append(row.value_text(at, report.currency))
            cells.append(format_value(half, row.kpi.unit, report.currency) if math.isfinite(half) else "")
            if at != report.baseline:
                cells.append(row.difference_text(at, report.currency))
                cells.append(row.difference_interval_text(at, report.currency))
                cells.append(verdict_words(row, at))
        rows.append(tuple(cells))
    return Sheet(title=CHAPTERS[chapter], header=tuple(header), rows=tuple(rows))


def _definitions() -> Sheet:
    return Sheet(
        title="How each measure is defined",
        header=("Measure", "Id", "Formula", "Base", "No value when", "SCOR"),
        rows=tuple(
            (kpi.name, kpi.id, kpi.formula, kpi.time_basis, kpi.null_rule, kpi.scor) for kpi in REGISTRY.values()
        ),
    )


def _worst(arm: ReportArm) -> tuple[WorstOrder, ...]:
    return arm.series[0].worst


def _fallbacks(arm: ReportArm) -> list[tuple[str, int]]:
    counts: dict[str, int] = {}
    for series in arm.series:
        for why, count in series.fallbacks:
            counts[why] = counts.get(why, 0) + count
    return sorted(counts.items(), key=lambda item: -item[1])
