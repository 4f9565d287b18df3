"""Days as an axis: dates, shaded warm-up and marked days, lines with bands over replications.

Owns what all pictures over time share; the pictures are in `figures_time` and `figures_flow`.
"""

from __future__ import annotations

from datetime import date
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from omsim.analysis.picture import label_right, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from omsim.analysis.report_data import Mark, ReportArm
    from omsim.analysis.series import RunSeries

    Floats = NDArray[np.float64]

EPOCH = date(1970, 1, 1).toordinal()
STEPS = (1, 2, 7, 14, 28, 56, 91, 182, 364)  # days between dates on an axis; whole weeks from seven on


def by_run(arm: ReportArm, column: Callable[[RunSeries], NDArray[np.generic]]) -> Floats:
    """A column of every replication; float64, shape (n_replications, n_days)."""
    return np.array([column(series) for series in arm.series], dtype=np.float64)


def mean_by_day(values: Floats) -> Floats:
    """Mean over replications by day, NaN where none has a value; shape (n_days,)."""
    known = np.isfinite(values)
    n = known.sum(axis=0)
    total = np.where(known, values, 0.0).sum(axis=0)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def band_by_day(values: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest replication by day, NaN where none has a value."""
    known = np.isfinite(values).any(axis=0)
    low = np.where(np.isfinite(values), values, np.inf).min(axis=0)
    high = np.where(np.isfinite(values), values, -np.inf).max(axis=0)
    return np.where(known, low, np.nan), np.where(known, high, np.nan)


def last_value(values: Floats) -> float:
    """The last number that is one; 0 where there is none."""
    known = values[np.isfinite(values)]
    return float(known[-1]) if len(known) else 0.0


def day_numbers(series: RunSeries) -> Floats:
    """Days since 1970 of each simulated day; float64, shape (n_days,)."""
    return series.start_date.toordinal() - EPOCH + np.arange(series.n_days, dtype=np.float64)


def day_names(series: RunSeries) -> list[str]:
    """Weekday and date of each simulated day."""
    start = series.start_date.toordinal()
    return [f"{date.fromordinal(start + day):%a %Y-%m-%d}" for day in range(series.n_days)]


def day_rows(arms: Sequence[ReportArm], columns: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Table rows, one a day of the longest arm; shorter columns end in empty cells."""
    names = max((day_names(arm.series[0]) for arm in arms), key=len)
    return tuple(zip_longest(names, *columns, fillvalue=""))


def paint_days(axes: Axes, series: RunSeries, marks: Sequence[Mark]) -> None:
    """Dates below (Mondays, where there are many), the warm-up greyed, marked days shaded."""
    x = day_numbers(series)
    first = int(x[0])
    step = next((days for days in STEPS if series.n_days / days <= 9), STEPS[-1])
    begin = first + (-series.start_date.weekday() % 7 if step >= 7 else 0)
    ticks = list(range(begin, int(x[-1]) + 1, step))
    dates = [date.fromordinal(tick + EPOCH) for tick in ticks]
    texts = [f"{day.day} {day:%b}" for day in dates]
    for at, day in enumerate(dates):
        if at == 0 or day.year != dates[at - 1].year:
            texts[at] += f"\n{day.year}"
    axes.set_xticks([float(tick) for tick in ticks], texts)
    axes.set_xlim(float(x[0]), float(x[-1]) if series.n_days > 1 else float(x[0]) + 1)
    axes.grid(axis="x", visible=False)
    if series.warm_up_days:
        axes.axvspan(float(x[0]), min(first + series.warm_up_days, float(x[-1])), color="#F2F2F2", zorder=0)
    for mark in marks:
        begin, end = mark.first.toordinal() - EPOCH, mark.last.toordinal() - EPOCH + 1
        axes.axvspan(max(begin, float(x[0])), min(end, float(x[-1])), color="#B9A5D1", alpha=0.3, zorder=0, linewidth=0)


def name_shades(axes: Axes, series: RunSeries, marks: Sequence[Mark]) -> None:
    """Say what the shades are; once, in a picture's top panel."""
    top = axes.get_xaxis_transform()
    x = day_numbers(series)
    if series.warm_up_days >= 3:
        axes.text(float(x[0]), 0.97, " warm-up, not counted", transform=top, va="top", fontsize=8, color="#707070")
    for number, mark in enumerate(marks[:4]):
        at = max(float(mark.first.toordinal() - EPOCH), float(x[0]))
        height = 0.97 - 0.14 * (number % 2)
        axes.text(at, height, f" {plain(mark.label)}", transform=top, va="top", fontsize=8, color="#5B3A77")


def paint_arms(
    axes: Axes,
    arms: Sequence[ReportArm],
    colours: Sequence[str],
    column: Callable[[RunSeries], NDArray[np.generic]],
) -> list[tuple[float, str, str]]:
    """One line and band an arm; returns where the lines end, for `name_lines`."""
    ends = []
    for arm, colour in zip(arms, colours, strict=True):
        x = day_numbers(arm.series[0])
        values = by_run(arm, column)
        mean = mean_by_day(values)
        if len(values) > 1:
            low, high = band_by_day(values)
            axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(x, mean, color=colour)
        ends.append((last_value(mean), arm.name, colour))
    return ends


def name_lines(axes: Axes, series: RunSeries, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write the arms' names at the right ends of their lines, once the axis limits stand."""
    label_right(axes, ends, float(day_numbers(series)[-1]))


def short_number(size: float) -> str:
    """A number for an axis: 1.25 M, 40 k, 310.

    >>> short_number(1_250_000.0), short_number(40_000.0), short_number(310.0)
    ('1.25 M', '40 k', '310')
    """
    for least, scale, letter in ((1e9, 1e9, " bn"), (1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if abs(size) >= least:
            return f"{size / scale:,.4g}{letter}"
    return f"{size:,.0f}"
