"""Pictures that put arms side by side: differences with intervals, costs, reasons of missed promises, trade-offs.

Owns what is drawn; numbers come from `summary` and `stats`, their text from `units`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from omsim.analysis.day_axis import short_number
from omsim.analysis.picture import (
    BASELINE_COLOUR,
    BETTER,
    INK,
    UNCLEAR,
    WORSE,
    Picture,
    arm_colours,
    draw,
    plain,
)
from omsim.analysis.registry import COST_TEXTS
from omsim.analysis.stats import compare_kpi, estimate_kpi
from omsim.analysis.summary import HeadlineRow, headline, miss_shares
from omsim.analysis.units import axis_scale, format_difference, format_interval, format_value
from omsim.kernels.outcome_columns import CAUSES, COST_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from omsim.analysis.report_data import ReportArm
    from omsim.analysis.stats import Estimate

FOREST = (
    "on_time_delivery", "otif", "perfect_order", "on_time_ship", "unit_fill", "order_fill", "cycle_service",
    "split_rate", "cancel_rate", "slots_used", "carton_fill", "multi_carton_share", "own_packaging_share",
    "cycle_time", "cycle_time_p95", "click_to_ship", "cost_per_order", "parcel_cost", "cost_packaging",
    "inventory_value", "lost_margin", "contact_rate", "return_rate", "refund_time", "first_response",
    "open_orders", "orders_per_day",
)  # fmt: skip
VERDICT_COLOURS = {"better": BETTER, "worse": WORSE, "changed": INK, "unclear": UNCLEAR, "same": UNCLEAR}
VERDICT_MARKERS = {"better": "^", "worse": "v", "changed": "D", "unclear": "o", "same": "o"}
LEAST_STEP = 0.02  # of the largest; smaller steps of a waterfall are drawn as one
WIDEST = 1.0  # relative differences beyond this are cut, with an arrow


def draw_forest(arms: Sequence[ReportArm], baseline: int, variant: int, currency: str = "EUR") -> Picture:
    """Paired differences with intervals: shares in points, everything else in per cent of the baseline."""
    rows = headline([arm.tables for arm in arms], baseline=baseline, kpis=FOREST)
    points = [row for row in rows if row.kpi.unit == "share" and _has_gap(row, variant)]
    others = [row for row in rows if row.kpi.unit != "share" and _has_gap(row, variant) and _base(row, variant) > 0]
    points.sort(key=lambda row: _gap(row, variant).mean)
    others.sort(key=lambda row: _gap(row, variant).mean / _base(row, variant))
    n_each = (max(len(points), 1), max(len(others), 1))

    def paint(figure: Figure) -> None:
        top, bottom = figure.subplots(2, 1, height_ratios=[n + 0.8 for n in n_each])
        _paint_differences(top, points, variant, currency, relative=False)
        top.set_title(f"Shares: {plain(arms[variant].name)} minus {plain(arms[baseline].name)}, points")
        _paint_differences(bottom, others, variant, currency, relative=True)
        bottom.set_title(f"Other measures: difference in % of {plain(arms[baseline].name)}")
        handles = [
            Line2D([], [], linestyle="", marker=VERDICT_MARKERS[key], color=VERDICT_COLOURS[key], markersize=7)
            for key in ("better", "worse", "changed", "unclear")
        ]
        figure.legend(
            handles,
            ["better", "worse", "neither", "not clear"],
            loc="outside upper right",
            ncols=4,
            frameon=False,
            fontsize=9,
        )

    table = [
        (
            row.kpi.name,
            row.value_text(baseline, currency),
            row.value_text(variant, currency),
            row.difference_text(variant, currency),
            row.difference_interval_text(variant, currency),
            row.verdict(variant) or "",
        )
        for row in (*points, *others)
    ]
    clear = [row for row in (*points, *others) if row.verdict(variant) in ("better", "worse")]
    return Picture(
        key=f"forest-{variant}",
        title=f"What changes: {arms[variant].name} against {arms[baseline].name}",
        caption="Differences paired by replication, with 95 % intervals; each holds for its measure alone. An interval "
        "that touches zero is drawn grey: no clear change.",
        alt=f"Paired differences of {len(table)} measures with intervals; {len(clear)} change clearly.",
        figure=draw(1.3 + 0.3 * sum(n_each), paint),
        header=("Measure", arms[baseline].name, arms[variant].name, "Difference", "95 % interval", "Verdict"),
        rows=tuple(table),
    )


def _has_gap(row: HeadlineRow, variant: int) -> bool:
    difference = row.differences[variant]
    return difference is not None and difference.difference.n > 0


def _gap(row: HeadlineRow, variant: int) -> Estimate:
    difference = row.differences[variant]
    if difference is None:
        raise ValueError(f"{row.kpi.id} has no difference: the variant is the baseline")
    return difference.difference


def _base(row: HeadlineRow, variant: int) -> float:
    difference = row.differences[variant]
    return abs(difference.baseline.mean) if difference is not None else math.nan


def _paint_differences(axes: Axes, rows: Sequence[HeadlineRow], variant: int, currency: str, *, relative: bool) -> None:
    axes.axvline(0, color="#606060", linewidth=1)
    reach = 0.0
    for row in rows:
        gap, base = _gap(row, variant), _base(row, variant) if relative else 1.0
        half = gap.half_width if math.isfinite(gap.half_width) else 0.0
        reach = max(reach, (abs(gap.mean) + half) / base)
    reach = min(max(reach, 0.02), WIDEST) if relative else max(reach, 0.01)
    for y, row in enumerate(rows):
        gap, base = _gap(row, variant), _base(row, variant) if relative else 1.0
        key = row.verdict(variant) or "same"
        colour = VERDICT_COLOURS[key]
        mean = gap.mean / base
        half = gap.half_width / base if math.isfinite(gap.half_width) else 0.0
        if abs(mean) > reach:
            side = math.copysign(reach, mean)
            axes.plot([0, side], [y, y], color=colour, linewidth=2)
            axes.plot([side], [y], ">" if side > 0 else "<", color=colour, markersize=8, clip_on=False)
        else:
            low, high = max(mean - half, -reach), min(mean + half, reach)
            axes.plot([low, high], [y, y], color=colour, linewidth=2.4, solid_capstyle="butt")
            axes.plot([mean], [y], VERDICT_MARKERS[key], color=colour, markersize=7)
        difference = row.differences[variant]
        if difference is not None:
            before = format_value(difference.baseline.mean, row.kpi.unit, currency)
            after = format_value(difference.variant.mean, row.kpi.unit, currency)
            axes.text(1.02, y, f"{before} → {after}", transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.set_yticks(range(len(rows)), [plain(row.kpi.name) for row in rows])
    axes.set_ylim(-0.6, max(len(rows), 1) - 0.4)
    axes.set_xlim(-1.06 * reach, 1.06 * reach)
    axes.xaxis.set_major_locator(MaxNLocator(7, symmetric=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda gap, _: f"{gap * 100:+.3g}" if gap else "0"))
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def draw_costs(arms: Sequence[ReportArm], baseline: int, variant: int, currency: str = "EUR") -> Picture:
    """Cost per order from baseline to variant, component by component (a waterfall), or of one arm alone."""
    alone = baseline == variant
    base, other = arms[baseline], arms[variant]
    parts = []
    for component in COST_NAMES:
        before = estimate_kpi(base.tables, f"cost_{component}").mean
        after = estimate_kpi(other.tables, f"cost_{component}").mean
        if any(math.isfinite(value) and value for value in (before, after)):
            parts.append((COST_TEXTS[component], before, after))
    start = sum(before for _, before, _ in parts)
    end = sum(after for _, _, after in parts)
    if alone:
        steps = sorted(((name, before) for name, before, _ in parts), key=lambda step: -step[1])
    else:
        moves = [(name, after - before) for name, before, after in parts]
        least = LEAST_STEP * max((abs(step) for _, step in moves), default=0.0)
        steps = sorted((move for move in moves if abs(move[1]) > least), key=lambda move: -move[1])
        if rest := [step for _, step in moves if abs(step) <= least]:
            steps.append((f"{len(rest)} others", sum(rest)))

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        names, level = [], 0.0
        if not alone:
            names.append(plain(base.name))
            axes.barh(0, start / 100, color=BASELINE_COLOUR, height=0.7)
            _say(axes, start / 100, 0, format_value(start, "cents", currency))
            level = start
        for name, step in steps:
            y = len(names)
            names.append(name)
            colour = arm_colours(1, 0)[0] if alone else WORSE if step > 0 else BETTER
            axes.barh(y, step / 100, left=level / 100, color=colour, height=0.7)
            if not alone:
                axes.plot([level / 100] * 2, [y - 1.35, y + 0.35], color="#808080", linewidth=0.8)
            text = format_value(step, "cents", currency) if alone else format_difference(step, "cents", currency)
            _say(axes, max(level, level + step) / 100, y, text)
            level += step
        names.append("total" if alone else plain(other.name))
        axes.barh(len(names) - 1, end / 100, color=arm_colours(2, 0)[1], height=0.7)
        _say(axes, end / 100, len(names) - 1, format_value(end, "cents", currency))
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        if not alone:
            moved = [start]
            for _, step in steps:
                moved.append(moved[-1] + step)
            span = max(moved) - min(moved)
            low = max(min(moved) - 0.6 * span, 0.0) if 0 < span < 0.35 * max(moved) else 0.0
            axes.set_xlim(low / 100, (max(moved) + 0.22 * max(max(moved) - low, 1.0)) / 100)
            if low:
                axes.text(
                    0.0, 1.01, "axis does not begin at zero", transform=axes.transAxes, fontsize=8, color="#707070"
                )
        else:
            axes.set_xlim(0, 1.18 * max(end, 1.0) / 100)
        axes.set_xlabel(f"{currency} per order")
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)

    rows = []
    for name, before, after in (*parts, ("total", start, end)):
        cells = [name, format_value(before, "cents", currency)]
        if not alone:
            kpi = "cost_per_order" if name == "total" else _component_kpi(name)
            gap = compare_kpi(base.tables, other.tables, kpi).difference
            cells += [
                format_value(after, "cents", currency),
                format_difference(after - before, "cents", currency),
                format_interval(gap.low, gap.high, "cents", currency, difference=True),
            ]
        rows.append(tuple(cells))
    header = ("Component", base.name) if alone else ("Component", base.name, other.name, "Difference", "95 % interval")
    title = "Cost per order" if alone else f"Cost per order: from {base.name} to {other.name}"
    return Picture(
        key=f"costs-{variant}",
        title=title,
        caption="Means over the replications; components add up to the total."
        + ("" if alone else " Orange makes an order dearer, green cheaper."),
        alt=f"{title}: {format_value(start, 'cents', currency)}"
        + ("" if alone else f" to {format_value(end, 'cents', currency)}"),
        figure=draw(1.0 + 0.33 * (len(steps) + 2), paint),
        header=header,
        rows=tuple(rows),
    )


def _component_kpi(text: str) -> str:
    return "cost_" + next(component for component, name in COST_TEXTS.items() if name == text)


def _say(axes: Axes, x: float, y: float, text: str) -> None:
    axes.annotate(text, (x, y), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5)


def draw_misses(arms: Sequence[ReportArm], baseline: int) -> Picture:
    """Why promises were missed: share of the orders due, by cause and arm."""
    colours = arm_colours(len(arms), baseline)
    shares = [miss_shares(arm) for arm in arms]
    causes = [cause for cause in range(1, len(CAUSES)) if any(share[cause] > 0 for share in shares)]
    causes.sort(key=lambda cause: max(share[cause] for share in shares))
    causes = causes or [len(CAUSES) - 1]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        height = 0.78 / len(arms)
        for number, (arm, share, colour) in enumerate(zip(arms, shares, colours, strict=True)):
            at = np.arange(len(causes)) + 0.39 - height / 2 - number * height
            values = np.nan_to_num([share[cause] for cause in causes])
            axes.barh(at, values, height=height * 0.92, color=colour, label=plain(arm.name))
            for place, value in zip(at.tolist(), values.tolist(), strict=True):
                _say(axes, value, place, format_value(value, "share"))
        axes.set_yticks(range(len(causes)), [CAUSES[cause] for cause in causes])
        axes.set_xlim(0, 1.15 * max(max(np.nan_to_num(share[1:])) for share in shares) or 1.0)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.3g} %"))
        axes.set_xlabel("share of the orders due")
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        if len(arms) > 1:
            figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=9)

    rows = [(CAUSES[cause], *(format_value(share[cause], "share") for share in shares)) for cause in reversed(causes)]
    return Picture(
        key="misses",
        title="Why promises were missed",
        caption="Each order that was due and not delivered on time and in full has one cause, the first that applies.",
        alt=f"Causes of missed promises; the most frequent is: {CAUSES[causes[-1]]}.",
        figure=draw(0.9 + len(causes) * (0.16 + 0.18 * len(arms)), paint),
        header=("Cause", *(arm.name for arm in arms)),
        rows=tuple(rows),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One point of a trade-off: what it costs or ties up, what it achieves, with half-widths (NaN = none)."""

    label: str
    x: float
    y: float
    x_half: float = math.nan
    y_half: float = math.nan


def draw_curve(
    curves: Sequence[tuple[str, Sequence[CurvePoint]]],
    *,
    x_name: str,
    x_unit: str,
    y_name: str,
    y_unit: str,
    currency: str = "EUR",
    baseline: int | None = None,
) -> Picture:
    """Trade-off curves, such as unit fill rate over inventory value for several policies."""
    points = [point for _, curve in curves for point in curve]
    x_scale, x_text = axis_scale(x_unit, max((abs(point.x) for point in points), default=1.0), currency)
    y_scale, y_text = axis_scale(y_unit, max((abs(point.y) for point in points), default=1.0), currency)
    colours = arm_colours(max(len(curves), 2), -1 if baseline is None else baseline)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for number, ((name, curve), colour) in enumerate(zip(curves, colours, strict=False)):
            x = np.array([point.x for point in curve]) * x_scale
            y = np.array([point.y for point in curve]) * y_scale
            axes.plot(x, y, "-", color=colour, markersize=5, label=plain(name), marker="os^Dv"[number % 5])
            for at, point in enumerate(curve):
                if math.isfinite(point.y_half):
                    axes.errorbar(x[at], y[at], yerr=point.y_half * y_scale, color=colour, capsize=2, linewidth=1)
                if math.isfinite(point.x_half):
                    axes.errorbar(x[at], y[at], xerr=point.x_half * x_scale, color=colour, capsize=2, linewidth=1)
                if point.label:
                    axes.annotate(
                        plain(point.label),
                        (x[at], y[at]),
                        xytext=(5, -11),
                        textcoords="offset points",
                        fontsize=8,
                        color=colour,
                    )
        axes.set_xlabel(f"{x_name} ({x_text})" if x_text else x_name)
        axes.set_ylabel(f"{y_name} ({y_text})" if y_text else y_name)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: short_number(size)))
        if len(curves) > 1:
            axes.legend(frameon=False, loc="best")

    rows = [
        (name, point.label, format_value(point.x, x_unit, currency), format_value(point.y, y_unit, currency))
        for name, curve in curves
        for point in curve
    ]
    return Picture(
        key="curve",
        title=f"{y_name} against {x_name.lower()}",
        caption="Up and to the left is better where more of the one is wanted and less of the other.",
        alt=f"{y_name} over {x_name} for {', '.join(name for name, _ in curves)}",
        figure=draw(3.8, paint),
        header=("Curve", "Point", x_name, y_name),
        rows=tuple(rows),
    )
