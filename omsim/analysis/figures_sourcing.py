"""The picture of what other sourcing rules would have paid, from the least anyone could have.

Owns what is drawn; the numbers are those of `sourcing_kpis`, their text is `units`' work.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from omsim.analysis.picture import BASELINE_COLOUR, BETTER, INK, UNCLEAR, WORSE, Picture, draw
from omsim.analysis.stats import estimate_kpi, paired_difference, values_of
from omsim.analysis.units import format_difference, format_interval, format_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from omsim.analysis.report_data import ReportArm
    from omsim.analysis.stats import Difference, Estimate

REFERENCE = "cheapest"
"""The rule gaps are measured from: each order at its own least cost."""


def has_rules(arm: ReportArm) -> bool:
    """Whether there is something to draw: shadow rules were computed on some orders."""
    return math.isfinite(estimate_kpi(arm.tables, "sourcing_bound").mean)


def _against_reference(arm: ReportArm, rule: str) -> Difference:
    """Sourcing cost per order of a rule less the reference's, paired by replication."""
    reference, own = (values_of(arm.tables, "sourcing_cost", f"rule={name}") for name in (REFERENCE, rule))
    return paired_difference(reference, own)


def _colour(gap: Estimate) -> str:
    """Green below the reference, orange above it, light grey where that is not clear."""
    if gap.mean == 0 or (gap.n > 1 and gap.low <= 0 <= gap.high):
        return UNCLEAR
    return BETTER if gap.mean < 0 else WORSE


def _gap_text(gap: Estimate, currency: str) -> str:
    interval = format_interval(gap.low, gap.high, "cents", currency, difference=True)
    return format_difference(gap.mean, "cents", currency) + (f" ({interval})" if interval else "")


def draw_rules(arm: ReportArm, number: int, currency: str = "EUR") -> Picture:
    """Sourcing cost per order by rule, as bars from the bound on; `number` tells the pictures of arms apart."""
    bound = estimate_kpi(arm.tables, "sourcing_bound").mean
    own_cost = estimate_kpi(arm.tables, "sourcing_cost").mean
    names = arm.tables[0].groups("rule")
    costs = [estimate_kpi(arm.tables, "sourcing_cost", f"rule={name}") for name in names]
    by_cost = sorted(range(len(names)), key=lambda row: costs[row].mean)
    own = by_cost.index(0)  # the run's own rule is measured first
    names, costs = [names[row] for row in by_cost], [costs[row] for row in by_cost]
    reference = costs[names.index(REFERENCE)].mean
    gaps = [_against_reference(arm, name).difference for name in names]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        farthest = max(cost.mean for cost in costs)
        span = max(farthest - bound, 1.0)
        reach = max(
            [farthest, *(cost.mean + gap.half_width for cost, gap in zip(costs, gaps, strict=True) if gap.n > 1)]
        )
        for y, (name, cost, gap) in enumerate(zip(names, costs, gaps, strict=True)):
            colour = BASELINE_COLOUR if name == REFERENCE else _colour(gap)
            axes.barh(y, (cost.mean - bound) / 100, left=bound / 100, height=0.62, color=colour)
            if gap.n > 1 and name != REFERENCE:
                ends = [(cost.mean + side * gap.half_width) / 100 for side in (-1, 1)]
                axes.plot(ends, [y, y], color=INK, linewidth=1.2)
            text = format_value(cost.mean, "cents", currency)
            # in a column of their own, clear of bars, intervals and the reference line
            axes.text(1.02, y, text, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
        axes.axvline(bound / 100, color=INK, linewidth=1.4)
        axes.axvline(reference / 100, color=BASELINE_COLOUR, linewidth=1.0, linestyle="--")
        axes.text(bound / 100, len(names) - 0.45, "bound ", ha="right", va="bottom", fontsize=8, color=INK)
        axes.set_yticks(
            np.arange(len(names)), [f"{name} (this run)" if row == own else name for row, name in enumerate(names)]
        )
        axes.set_ylim(len(names) - 0.2, -0.6)
        axes.set_xlim((bound - 0.12 * span) / 100, min(reach + 0.05 * span, farthest + span) / 100)
        axes.set_xlabel(f"{currency} per order: parcels, work, splits and units not served; axis begins near the bound")
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)

    rows = [
        (
            f"{name} (this run)" if row == own else name,
            format_value(cost.mean, "cents", currency),
            *(
                format_value(estimate_kpi(arm.tables, kpi, f"rule={name}").mean, unit, currency)
                for kpi, unit in (
                    ("gap_caught", "share"), ("sourcing_parcels", "per_order"), ("sourcing_unserved", "share")
                )
            ),
            "" if name == REFERENCE else _gap_text(gap, currency),
        )
        for row, (name, cost, gap) in enumerate(zip(names, costs, gaps, strict=True))
    ]  # fmt: skip
    rows.append(("lower bound", format_value(bound, "cents", currency), "", "", "", ""))
    return Picture(
        key=f"rules-{number}",
        title=f"What other sourcing rules would have paid: {arm.name}",
        caption="The run's sourcing decided again by each rule: the same orders and receipts, its own stock, first "
        "attempts only. Bars begin at a bound that knows all orders beforehand and that no rule can go below; dark "
        f"grey is the reference, {REFERENCE}, which looks at one order at a time. Thin lines are 95 % intervals of the "
        "difference to it, paired by replication; light grey: no clear difference.",
        alt=f"Sourcing cost per order of {len(names)} rules; this run's is "
        f"{format_value(own_cost, 'cents', currency)}, the bound {format_value(bound, 'cents', currency)}.",
        figure=draw(1.2 + 0.36 * len(names), paint),
        header=("Rule", "Cost per order", "Gap caught", "Parcels per order", "Units unserved", f"Against {REFERENCE}"),
        rows=tuple(rows),
    )
