"""The picture of cartons: what share of the shipments each takes, and how full it is.

Owns what is drawn; the numbers are those of `parcel_kpis`, their text is `units`' work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter

from omsim.analysis.picture import Picture, arm_colours, draw, plain
from omsim.analysis.stats import Estimate, estimate_kpi
from omsim.analysis.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from omsim.analysis.report_data import ReportArm

PANELS = (("carton_share", "Share of the shipments"), ("carton_fill", "How full it goes out"))


def has_cartons(arms: Sequence[ReportArm]) -> bool:
    """Whether some arm packs in cartons."""
    return any(estimate_kpi(arm.tables, "carton_share").n for arm in arms)


def draw_cartons(arms: Sequence[ReportArm], baseline: int) -> Picture:
    """Shipments and fill by carton, bars by arm; a shipment counts for its biggest carton."""
    colours = arm_colours(len(arms), baseline)
    cartons = list(dict.fromkeys(name for arm in arms for name in arm.tables[0].groups("carton")))
    found = {
        (kpi, name): [estimate_kpi(arm.tables, kpi, f"carton={name}") for arm in arms]
        for kpi, _ in PANELS
        for name in cartons
    }

    def paint(figure: Figure) -> None:
        panels = figure.subplots(1, len(PANELS), sharey=True)
        for axes, (kpi, title) in zip(panels, PANELS, strict=True):
            _paint_bars(axes, [found[kpi, name] for name in cartons], [plain(arm.name) for arm in arms], colours)
            axes.set_title(title)
        panels[0].set_yticks(range(len(cartons)), [plain(name) for name in cartons])
        panels[0].set_ylim(len(cartons) - 0.45, -0.55)
        if len(arms) > 1:
            handles, labels = panels[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False, fontsize=9)

    header = ["Carton"]
    for arm in arms:
        header += [f"{arm.name}: share of the shipments", f"{arm.name}: fill"]
    rows = [
        (name, *(format_value(found[kpi, name][at].mean, "share") for at in range(len(arms)) for kpi, _ in PANELS))
        for name in cartons
    ]
    packed = [format_value(estimate_kpi(arm.tables, "carton_share").mean, "share") for arm in arms]
    own = ", ".join(f"{arm.name}: {share}" for arm, share in zip(arms, packed, strict=True))
    return Picture(
        key="cartons",
        title="Cartons",
        caption="A shipment in several cartons counts for its biggest one; fill is the volume of the goods over the "
        f"inside of all its cartons. Shipments that go in cartons at all: {own}.",
        alt=f"Share of the shipments and fill of {len(cartons)} cartons, by arm",
        figure=draw(1.0 + len(cartons) * (0.16 + 0.18 * len(arms)), paint),
        header=tuple(header),
        rows=tuple(rows),
    )


def _paint_bars(axes: Axes, rows: Sequence[Sequence[Estimate]], arms: Sequence[str], colours: Sequence[str]) -> None:
    """Bars of shares, one row a carton, one bar an arm; a carton an arm has not stays empty."""
    height = 0.78 / len(arms)
    most = 0.0
    for number, (arm, colour) in enumerate(zip(arms, colours, strict=True)):
        at = np.arange(len(rows)) - 0.39 + height / 2 + number * height
        means = np.array([row[number].mean for row in rows])
        axes.barh(at, np.nan_to_num(means), height=height * 0.92, color=colour, label=arm)
        for place, mean in zip(at.tolist(), means.tolist(), strict=True):
            if np.isfinite(mean):
                most = max(most, mean)
                axes.annotate(
                    format_value(mean, "share"),
                    (mean, place),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8.5,
                )
    axes.set_xlim(0, 1.2 * most or 1.0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.3g} %"))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
