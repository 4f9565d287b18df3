"""Pictures of how orders flow: carrier room, cycle times, people, and which site serves which region.

Owns what is drawn; the axis of days is `day_axis`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from omsim.analysis.day_axis import day_numbers, paint_days
from omsim.analysis.picture import FAINT, Picture, arm_colours, draw, plain
from omsim.analysis.series import BIN_S, N_BINS
from omsim.analysis.stats import estimate_kpi
from omsim.analysis.units import NO_VALUE, format_value
from omsim.kernels.outcome_columns import DAY_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from omsim.analysis.report_data import Mark, ReportArm

    Floats = NDArray[np.float64]

BLANK = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}  # behind a label: no line runs through it
MOST_SERVICES = 6
MOST_STATIONS = 24
MOST_REGIONS = 24


def _aligned(matrix: NDArray[np.floating], own: Sequence[str], names: Sequence[str]) -> Floats:
    """A matrix with its last axis brought to the order of `names`; zeros where it has no such column."""
    found = np.zeros((*matrix.shape[:-1], len(names)))
    place = {name: at for at, name in enumerate(own)}
    for at, name in enumerate(names):
        if name in place:
            found[..., at] = matrix[..., place[name]]
    return found


def _taken(arm: ReportArm, services: Sequence[str]) -> Floats:
    """Mean parcels taken; shape (n_days, n_services)."""
    return _aligned(np.mean([one.slots_used for one in arm.series], axis=0), arm.series[0].services, services)


def _room(arm: ReportArm, services: Sequence[str]) -> Floats:
    """Mean room at the pickups, 0 = no limit; shape (n_days, n_services)."""
    return _aligned(np.mean([one.slots for one in arm.series], axis=0), arm.series[0].services, services)


def draw_slots(arms: Sequence[ReportArm], baseline: int, marks: Sequence[Mark] = ()) -> Picture:
    """Parcels a service took against the room it had, by day; services with unlimited room show their parcels only."""
    colours = arm_colours(len(arms), baseline)
    first = arms[0].series[0]
    services = list(dict.fromkeys(name for arm in arms for name in arm.series[0].services))
    volume = np.sum([_taken(arm, services).sum(axis=0) for arm in arms], axis=0)
    busiest = np.argsort(-volume, kind="stable")[:MOST_SERVICES]
    chosen = sorted(int(service) for service in busiest)  # the model's order: the same place in every report
    n_columns = 2 if len(chosen) > 1 else 1
    n_rows = -(-len(chosen) // n_columns)

    def paint(figure: Figure) -> None:
        grid = np.atleast_1d(figure.subplots(n_rows, n_columns, sharex=True, squeeze=False)).ravel()
        for axes in grid[len(chosen) :]:
            axes.set_visible(False)
        for at, (axes, service) in enumerate(zip(grid, chosen, strict=False)):
            paint_days(axes, first, marks)
            for arm, colour in zip(arms, colours, strict=True):
                used = _taken(arm, services)[:, service]
                room = _room(arm, services)[:, service]
                axes.plot(
                    day_numbers(arm.series[0]), used, color=colour, linewidth=1.6, label=f"{plain(arm.name)}: taken"
                )
                if room.any():
                    axes.plot(
                        day_numbers(arm.series[0]),
                        room,
                        color=colour,
                        linewidth=1.2,
                        linestyle=(0, (4, 2)),
                        drawstyle="steps-mid",
                        label=f"{plain(arm.name)}: room",
                    )
            unlimited = not any(_room(arm, services)[:, service].any() for arm in arms)
            axes.set_title(plain(services[service]) + (" (no limit)" if unlimited else ""))
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
            if at % n_columns == 0:
                axes.set_ylabel("parcels a day")
        if len(grid) and len(chosen):
            handles, labels = grid[0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False, fontsize=9)

    rows = []
    for service, name in enumerate(services):
        cells = [name]
        for arm in arms:
            used = _taken(arm, services)[:, service]
            room = _room(arm, services)[:, service]
            full = np.count_nonzero((room > 0) & (used >= 0.999 * room))
            limited = bool(room.any())
            cells += [
                f"{used.mean():,.1f}",
                f"{room.mean():,.1f}" if limited else "no limit",
                f"{full:,}" if limited else NO_VALUE,
            ]
        rows.append(tuple(cells))
    header = ["Service"]
    for arm in arms:
        header += [f"{arm.name}: parcels a day", f"{arm.name}: room a day", f"{arm.name}: days full"]
    return Picture(
        key="slots",
        title="Carriers: parcels taken and room at the pickups",
        caption="Solid: parcels taken; dashed: room over all sites. Means over the replications.",
        alt="Parcels taken and room by day for the busiest services: "
        + ", ".join(services[service] for service in chosen),
        figure=draw(0.7 + 1.7 * n_rows, paint),
        header=tuple(header),
        rows=tuple(rows),
    )


def draw_cycle_times(arms: Sequence[ReportArm], baseline: int) -> Picture:
    """How long orders take from arrival to last delivery: where they lie, and how many are there by when."""
    colours = arm_colours(len(arms), baseline)
    shares = [_cycle_shares(arm) for arm in arms]
    days = np.arange(N_BINS) * BIN_S / DAY_S
    reached = [np.cumsum(share) for share in shares]
    last = max((int(np.searchsorted(found, 0.995)) for found in reached if found[-1] > 0), default=N_BINS - 1)
    last = min(max(last + 2, 8), N_BINS - 1)

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2)
        ends = []
        for arm, share, found, colour in zip(arms, shares, reached, colours, strict=True):
            daily = share * DAY_S / BIN_S
            left.stairs(daily[:last], days[: last + 1], color=colour, linewidth=1.6, fill=False)
            left.stairs(daily[:last], days[: last + 1], color=colour, alpha=0.15, fill=True)
            right.plot(days[1 : last + 1], found[:last], color=colour)
            ends.append((arm, found, colour))
        left.set_title("Where cycle times lie")
        left.set_ylabel("% of orders per day of cycle time")
        left.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f}"))
        right.set_title("Delivered within")
        right.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f} %"))
        right.set_ylim(0, 1.03)
        right.axhline(0.9, color=FAINT, linewidth=1, zorder=0)
        for number, (arm, found, colour) in enumerate(ends):
            at = float(days[min(int(np.searchsorted(found, 0.9 * found[-1])) + 1, N_BINS - 1)])
            right.plot([at], [0.9 * found[-1]], "o", color=colour, markersize=5)
            right.annotate(
                f"{plain(arm.name)}: 90 % in {at:.1f} days",
                (1.0, 0.08 + 0.11 * (len(ends) - 1 - number)),
                xycoords="axes fraction",
                ha="right",
                color=colour,
                fontweight="bold",
                fontsize=9,
            )
        for axes in (left, right):
            axes.set_xlabel("days from arrival to last delivery")
            axes.set_xlim(0, days[last])
            axes.set_ylim(bottom=0)

    still_open = [format_value(estimate_kpi(arm.tables, "open_orders").mean, "count") for arm in arms]
    open_orders = ", ".join(f"{arm.name}: {count}" for arm, count in zip(arms, still_open, strict=True))
    rows = []
    for day in range(int(days[last]) + 1):
        cells = [f"within {day + 1} d"]
        for found in reached:
            cells.append(format_value(float(found[min((day + 1) * (DAY_S // BIN_S) - 1, N_BINS - 1)]), "share"))
        rows.append(tuple(cells))
    return Picture(
        key="cycle-times",
        title="Order cycle times",
        caption="Orders that arrived in the counted time and were delivered by its end, all replications together. "
        f"Orders still open at the end are not in it ({open_orders}).",
        alt="Distribution of order cycle times by arm",
        figure=draw(3.1, paint),
        header=("Delivered", *(arm.name for arm in arms)),
        rows=tuple(rows),
    )


def _cycle_shares(arm: ReportArm) -> Floats:
    counts = np.sum([series.cycle_times for series in arm.series], axis=0).astype(np.float64)
    total = counts.sum()
    shares: Floats = counts / total if total > 0 else counts
    return shares


def draw_utilisation(arms: Sequence[ReportArm], baseline: int) -> Picture:
    """How busy people are, by station."""
    colours = arm_colours(len(arms), baseline)
    groups = _people_groups(arms)
    shown = groups[:MOST_STATIONS]
    estimates = [[estimate_kpi(arm.tables, "utilisation", group) for arm in arms] for group in groups]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        y = np.arange(len(shown), dtype=np.float64)[::-1]
        height = 0.78 / len(arms)
        for number, (arm, colour) in enumerate(zip(arms, colours, strict=True)):
            at = y + (0.39 - height / 2 - number * height)
            means = np.array([row[number].mean for row in estimates[: len(shown)]])
            axes.barh(at, np.nan_to_num(means), height=height * 0.92, color=colour, label=plain(arm.name))
            for place, mean in zip(at.tolist(), means.tolist(), strict=True):
                text = format_value(mean, "share").replace(".0 %", " %")
                end = mean if np.isfinite(mean) else 0
                axes.text(end + 0.008, place, text, va="center", fontsize=8, color=colour, bbox=BLANK)
        axes.axvline(1.0, color="#808080", linewidth=1, zorder=1)
        axes.set_yticks(y, [plain(_station_name(group)) for group in shown])
        axes.set_xlim(0, max(1.12, np.nanmax([[e.mean for e in row] for row in estimates], initial=0.0) + 0.1))
        axes.set_xlabel("busy share of paid time, whole run")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.0f} %"))
        axes.grid(axis="y", visible=False)
        if len(arms) > 1:
            figure.legend(loc="outside upper left", ncols=4, frameon=False, fontsize=9)

    rows = [
        (_station_name(group), *(format_value(one.mean, "share") for one in row))
        for group, row in zip(groups, estimates, strict=True)
    ]
    busiest = max(
        ((one.mean, group) for group, row in zip(groups, estimates, strict=True) for one in row if one.n),
        default=(0.0, ""),
    )
    return Picture(
        key="people",
        title="People",
        caption="Time spent working of the time paid for; near 100 % work piles up.",
        alt=f"Utilisation by station; the highest is {_station_name(busiest[1])} at {busiest[0] * 100:.0f} %.",
        figure=draw(0.9 + max(len(shown), 1) * (0.16 + 0.17 * len(arms)), paint),
        header=("Station", *(arm.name for arm in arms)),
        rows=tuple(rows),
    )


def _people_groups(arms: Sequence[ReportArm]) -> list[str]:
    """Stations that have people in some arm; central stages by themselves."""
    tables = [arm.tables[0] for arm in arms]
    stations = dict.fromkeys(name for table in tables for name in table.groups("station"))
    at_sites = {name.partition(" at ")[0] for name in stations}
    stages = dict.fromkeys(name for table in tables for name in table.groups("stage"))
    groups = [f"stage={name}" for name in stages if name not in at_sites]
    groups += [f"station={name}" for name in stations]
    return [group for group in groups if any(estimate_kpi(arm.tables, "utilisation", group).n for arm in arms)]


def _station_name(group: str) -> str:
    return group.partition("=")[2]


def draw_flows(arms: Sequence[ReportArm], baseline: int) -> Picture:
    """Which site serves which region: shares of all parcels, by arm."""
    sites = list(dict.fromkeys(name for arm in arms for name in arm.series[0].sites))
    regions = list(dict.fromkeys(name for arm in arms for name in arm.series[0].regions))
    flows = []
    for arm in arms:
        own = arm.series[0]
        by_region = _aligned(np.mean([one.flows for one in arm.series], axis=0), own.regions, regions)
        flows.append(_aligned(by_region.T, own.sites, sites).T)
    volume = np.sum(flows, axis=0).sum(axis=0)
    order = np.argsort(-volume, kind="stable")
    kept = [int(region) for region in order[:MOST_REGIONS]]
    names = [regions[region] for region in kept]
    shares = []
    for flow in flows:
        total = max(float(flow.sum()), 1.0)
        block = flow[:, kept] / total
        if len(order) > MOST_REGIONS:
            block = np.hstack([block, flow[:, order[MOST_REGIONS:]].sum(axis=1, keepdims=True) / total])
        shares.append(block)
    if len(order) > MOST_REGIONS:
        names.append(f"other {len(order) - MOST_REGIONS}")
    top = max(float(block.max()) for block in shares) or 1.0

    def paint(figure: Figure) -> None:
        grid = figure.subplots(len(arms), 1, sharex=True, squeeze=False).ravel()
        for axes, arm, block in zip(grid, arms, shares, strict=True):
            axes.imshow(block, cmap="Blues", vmin=0, vmax=1.3 * top, aspect="auto")
            axes.set_yticks(range(len(sites)), [plain(site) for site in sites])
            axes.grid(visible=False)
            if len(arms) > 1:
                axes.set_title(plain(arm.name))
            for site, region in np.ndindex(*block.shape):
                share = float(block[site, region])
                if share >= 0.005:
                    axes.text(
                        region,
                        site,
                        f"{share * 100:.0f}",
                        ha="center",
                        va="center",
                        fontsize=8,
                        color="white" if share > 0.6 * top else "#1A1A1A",
                    )
        grid[-1].set_xticks(range(len(names)), [plain(name) for name in names], rotation=40, ha="right")

    rows = []
    for site, name in enumerate(sites):
        for region, to in enumerate(names):
            rows.append((name, to, *(format_value(float(block[site, region]), "share") for block in shares)))
    return Picture(
        key="flows",
        title="Which site serves which region",
        caption="Per cent of all parcels tendered in the counted time; shares below half a per cent are not written.",
        alt="Matrix of the share of parcels from each site to each region",
        figure=draw(1.7 + len(arms) * (0.4 + 0.32 * len(sites)), paint),
        header=("Site", "Region", *(arm.name for arm in arms)),
        rows=tuple(rows),
    )
