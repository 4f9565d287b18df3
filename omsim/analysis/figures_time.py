"""Pictures over days: service and backlog, stock.

Owns what is drawn; the axis of days is `day_axis`'s. Lines are means over replications, bands reach from the lowest to
the highest replication.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from omsim.analysis.day_axis import (
    by_run,
    day_rows,
    last_value,
    mean_by_day,
    name_lines,
    name_shades,
    paint_arms,
    paint_days,
    short_number,
)
from omsim.analysis.picture import Picture, arm_colours, draw
from omsim.analysis.units import format_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from omsim.analysis.report_data import Mark, ReportArm
    from omsim.analysis.series import RunSeries

    Floats = NDArray[np.float64]

BAND_TEXT = "Lines are means over the replications, bands reach from the lowest to the highest one."


def _on_time_share(series: RunSeries) -> Floats:
    """Share on time of the orders due each day; NaN where fewer than five were due."""
    return np.where(series.due >= 5, series.on_time / np.maximum(series.due, 1), np.nan)


def _arrived(series: RunSeries) -> NDArray[np.int64]:
    return series.arrived


def _backlog(series: RunSeries) -> NDArray[np.int64]:
    return series.backlog


def _stock_value(series: RunSeries) -> Floats:
    value: Floats = series.stock_cents.sum(axis=1) / 100.0
    return value


def _backordered(series: RunSeries) -> NDArray[np.int64]:
    return series.backordered_units


def draw_daily(arms: Sequence[ReportArm], baseline: int, marks: Sequence[Mark] = ()) -> Picture:
    """Orders a day, orders on time by the day they were due, and the backlog in the house."""
    colours = arm_colours(len(arms), baseline)
    first = arms[0].series[0]

    def paint(figure: Figure) -> None:
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=(2.4, 3, 3))
        paint_arms(top, arms, colours, _arrived)
        top.set_title("Orders arriving a day")
        due_ends = paint_arms(middle, arms, colours, _on_time_share)
        middle.set_title("On time, by the day the order was due")
        middle.set_ylim(_lowest(arms), 1.02)
        middle.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f} %"))
        house_ends = paint_arms(bottom, arms, colours, _backlog)
        bottom.set_title("Orders in the house at the day's end (not yet shipped whole)")
        for axes in (top, bottom):
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        for axes in (top, middle, bottom):
            axes.yaxis.set_major_locator(MaxNLocator(4, integer=axes is not middle))
            paint_days(axes, first, marks)
        name_lines(middle, first, due_ends)
        name_lines(bottom, first, house_ends)
        name_shades(top, first, marks)

    columns = []
    for arm in arms:
        columns.append([f"{count:,.0f}" for count in mean_by_day(by_run(arm, _arrived)).tolist()])
        columns.append([format_value(share, "share") for share in mean_by_day(by_run(arm, _on_time_share)).tolist()])
        columns.append([f"{count:,.0f}" for count in mean_by_day(by_run(arm, _backlog)).tolist()])
    header = ["Day"]
    for arm in arms:
        header += [f"{arm.name}: orders", f"{arm.name}: on time", f"{arm.name}: in the house"]
    peaks = "; ".join(
        f"{arm.name}: at most {mean_by_day(by_run(arm, _backlog)).max():,.0f} in the house" for arm in arms
    )
    return Picture(
        key="daily",
        title="Day by day",
        caption=f"{BAND_TEXT} Days with fewer than five orders due have no on-time share.",
        alt=f"Three time series by day: orders arriving, share on time, orders in the house. {peaks}.",
        figure=draw(5.6, paint),
        header=tuple(header),
        rows=day_rows(arms, columns),
    )


def _lowest(arms: Sequence[ReportArm]) -> float:
    """Where the axis of shares begins: at a round share below all values, at zero when they reach far down."""
    lows = [by_run(arm, _on_time_share) for arm in arms]
    known = [float(values[np.isfinite(values)].min()) for values in lows if np.isfinite(values).any()]
    lowest = min(known, default=0.0)
    return 0.0 if lowest < 0.5 else np.floor(lowest * 20 - 0.5) / 20


def draw_stock(arms: Sequence[ReportArm], baseline: int, marks: Sequence[Mark] = (), currency: str = "EUR") -> Picture:
    """Stock value and backordered units at each day's end."""
    colours = arm_colours(len(arms), baseline)
    first = arms[0].series[0]

    def paint(figure: Figure) -> None:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        value_ends = paint_arms(top, arms, colours, _stock_value)
        top.set_title(f"Stock on hand at unit cost ({currency})")
        waiting_ends = paint_arms(bottom, arms, colours, _backordered)
        bottom.set_title("Units customers wait for")
        for axes in (top, bottom):
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_locator(MaxNLocator(4))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda size, _: short_number(size)))
            paint_days(axes, first, marks)
        name_lines(top, first, value_ends)
        name_lines(bottom, first, waiting_ends)
        name_shades(top, first, marks)

    columns = []
    for arm in arms:
        values = mean_by_day(by_run(arm, _stock_value)).tolist()
        columns.append([format_value(value * 100, "cents", currency) for value in values])
        columns.append([f"{units:,.0f}" for units in mean_by_day(by_run(arm, _backordered)).tolist()])
    header = ["Day"]
    for arm in arms:
        header += [f"{arm.name}: stock", f"{arm.name}: units waited for"]
    ends = [f"{arm.name} ends at {short_number(last_value(mean_by_day(by_run(arm, _stock_value))))}" for arm in arms]
    return Picture(
        key="stock",
        title="Stock",
        caption=BAND_TEXT,
        alt=f"Stock value and backordered units by day ({currency}): {'; '.join(ends)}.",
        figure=draw(4.2, paint),
        header=tuple(header),
        rows=day_rows(arms, columns),
    )
