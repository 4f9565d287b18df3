"""The picture of what other sourcing rules would have paid, from the least anyone could have.

Owns what is drawn; the numbers are those of `sourcing_kpis`, their text is `units`' work.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from omsim.analysis.picture import BASELINE_COLOUR, BETTER, INK, WORSE, Picture, draw
from omsim.analysis.stats import estimate_kpi
from omsim.analysis.units import format_value

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from omsim.analysis.report_data import ReportArm

REFERENCE = "cheapest"
"""The rule gaps are measured from: each order at its own least cost."""


def has_rules(arm: ReportArm) -> bool:
    """Whether there is something to draw: shadow rules were computed on some orders."""
    return math.isfinite(estimate_kpi(arm.tables, "sourcing_bound").mean)


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

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        farthest = max(cost.mean for cost in costs)
        span = max(farthest - bound, 1.0)
        for y, (name, cost) in enumerate(zip(names, costs, strict=True)):
            colour = BASELINE_COLOUR if name == REFERENCE else BETTER if cost.mean < reference else WORSE
            axes.barh(y, (cost.mean - bound) / 100, left=bound / 100, height=0.62, color=colour)
            reach = cost.mean
            if math.isfinite(cost.half_width):
                axes.plot([cost.low / 100, cost.high / 100], [y, y], color=INK, linewidth=1.2)
                reach = max(reach, cost.high)
            text = format_value(cost.mean, "cents", currency)
            axes.annotate(text, (reach / 100, y), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8.5)
        axes.axvline(bound / 100, color=INK, linewidth=1.4)
        axes.axvline(reference / 100, color=BASELINE_COLOUR, linewidth=1.0, linestyle="--")
        axes.text(bound / 100, len(names) - 0.45, "bound ", ha="right", va="bottom", fontsize=8, color=INK)
        axes.set_yticks(
            np.arange(len(names)), [f"{name} (this run)" if row == own else name for row, name in enumerate(names)]
        )
        axes.set_ylim(len(names) - 0.2, -0.6)
        axes.set_xlim((bound - 0.12 * span) / 100, (farthest + 0.22 * span) / 100)
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
        )
        for row, (name, cost) in enumerate(zip(names, costs, strict=True))
    ]  # fmt: skip
    rows.append(("lower bound", format_value(bound, "cents", currency), "", "", ""))
    return Picture(
        key=f"rules-{number}",
        title=f"What other sourcing rules would have paid: {arm.name}",
        caption="The run's sourcing decided again by each rule: the same orders and receipts, its own stock, first "
        "attempts only. Bars begin at a bound that knows all orders beforehand and that no rule can go below; grey is "
        f"the reference, {REFERENCE}, which looks at one order at a time.",
        alt=f"Sourcing cost per order of {len(names)} rules; this run's is "
        f"{format_value(own_cost, 'cents', currency)}, the bound {format_value(bound, 'cents', currency)}.",
        figure=draw(1.2 + 0.36 * len(names), paint),
        header=("Rule", "Cost per order", "Gap caught", "Parcels per order", "Units unserved"),
        rows=tuple(rows),
    )
