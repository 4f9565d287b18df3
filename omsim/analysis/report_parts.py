"""The report's tables of parts: KPIs by channel, site, service, carton, contract..., and what changes in each part.

Owns which measures stand in which table and how they differ from the baseline; the page around them is `report`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from omsim.analysis.registry import REGISTRY
from omsim.analysis.summary import headline

if TYPE_CHECKING:
    from omsim.analysis.report_data import Report
    from omsim.analysis.summary import HeadlineRow

VERDICT_WORDS = {
    "better": "better",
    "worse": "worse",
    "changed": "changed",
    "unclear": "no clear change",
    "same": "the same",
    None: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A plain table of the page."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """A table by parts.

    Attributes
    ----------
    dimension : str
        Of the KPI groups.
    title : str
    kpis : tuple of str
        One column each, where some part has a value.
    leading : tuple of str
        Those whose paired differences to the baseline are told too.
    """

    dimension: str
    title: str
    kpis: tuple[str, ...]
    leading: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A grouping as the page shows it: its values, a note, and its differences if there are any."""

    values: Sheet
    note: str
    differences: Sheet | None


GROUPINGS = (
    Grouping(
        dimension="channel",
        title="By channel",
        kpis=(
            "orders_per_day", "on_time_delivery", "otif", "unit_fill", "cycle_time", "cycle_time_p95", "split_rate",
            "cancel_rate", "return_rate", "contact_rate", "cost_per_order",
        ),
        leading=("on_time_delivery", "unit_fill", "cost_per_order"),
    ),
    Grouping(
        dimension="site",
        title="By site",
        kpis=("inventory_value", "days_on_hand", "cycle_service", "ready_rate", "pick_rate", "service_on_time"),
        leading=("inventory_value", "ready_rate", "service_on_time"),
    ),
    Grouping(
        dimension="service",
        title="By carrier service",
        kpis=(
            "parcels", "parcel_cost", "slots_used", "scarce_slots", "slot_price", "service_on_time", "transit_time",
            "lost_share", "damaged_share", "rolled_over_share",
        ),
        leading=("parcels", "parcel_cost", "service_on_time"),
    ),
    Grouping(
        dimension="pickup",
        title="By pickup short of slots, site and service",
        kpis=("slot_price", "scarce_slots", "promise_slots"),
    ),
    Grouping(
        dimension="carton",
        title="By carton",
        kpis=("carton_share", "carton_fill"),
        leading=("carton_share", "carton_fill"),
    ),
    Grouping(
        dimension="contract",
        title="By contract with a carrier",
        kpis=("contract_share", "contract_rebates", "contract_shortfalls", "minimum_price"),
    ),
    Grouping(
        dimension="period",
        title="By contract and period, as settled",
        kpis=(
            "period_parcels", "period_minimum", "period_freight", "period_tiers", "period_discount", "period_rebate",
            "period_shortfall",
        ),
    ),
    Grouping(
        dimension="region",
        title="By region",
        kpis=("orders_due", "on_time_delivery", "cycle_time", "split_rate"),
        leading=("on_time_delivery", "cycle_time", "split_rate"),
    ),
)  # fmt: skip


def verdict_words(row: HeadlineRow, arm: int) -> str:
    """What the difference means; empty for the baseline, and where one of the two has no value."""
    difference = row.differences[arm]
    return VERDICT_WORDS[row.verdict(arm)] if difference is not None and difference.difference.n else ""


def part_of(report: Report, grouping: Grouping) -> Part | None:
    """A grouping of a report, one row a part and arm; what has no value anywhere is left out. None = all of it."""
    names = _names(report, grouping.dimension)
    tables = [arm.tables for arm in report.arms]
    found = {
        (kpi, name): headline(
            tables, baseline=report.baseline, kpis=[kpi], group=f"{grouping.dimension}={name}", every=True
        )[0]
        for kpi in grouping.kpis
        for name in names
    }
    columns = [kpi for kpi in grouping.kpis if any(one.n for name in names for one in found[kpi, name].estimates)]
    compared = len(report.arms) > 1
    rows = []
    for name in names:
        for at, arm in enumerate(report.arms):
            if any(found[kpi, name].estimates[at].n for kpi in columns):
                start = (name, arm.name) if compared else (name,)
                rows.append((*start, *(found[kpi, name].value_text(at, report.currency) for kpi in columns)))
    if not rows:
        return None
    first = grouping.dimension.capitalize()
    return Part(
        values=Sheet(
            title=grouping.title,
            header=(*((first, "Arm") if compared else (first,)), *(REGISTRY[kpi].name for kpi in columns)),
            rows=tuple(rows),
        ),
        note=_note(report) if grouping.dimension == "period" else "",
        differences=_differences(report, grouping, names, found),
    )


def _differences(
    report: Report, grouping: Grouping, names: list[str], found: dict[tuple[str, str], HeadlineRow]
) -> Sheet | None:
    """Each other arm minus the baseline in the leading measures, with 95 % intervals; None = nothing to compare."""
    several = len(report.arms) > 2
    rows = []
    for name in names:
        for at, arm in enumerate(report.arms):
            cells = [_difference(found[kpi, name], at, report.currency) for kpi in grouping.leading]
            if any(cells):
                rows.append((*((name, arm.name) if several else (name,)), *cells))
    if not rows:
        return None
    first = grouping.dimension.capitalize()
    others = [arm.name for at, arm in enumerate(report.arms) if at != report.baseline]
    return Sheet(
        title=f"{'Other arms' if several else others[0]} minus {report.arms[report.baseline].name}",
        header=(*((first, "Arm") if several else (first,)), *(REGISTRY[kpi].name for kpi in grouping.leading)),
        rows=tuple(rows),
    )


def _difference(row: HeadlineRow, arm: int, currency: str) -> str:
    """A paired difference, its interval and what is clear of it; empty where there is none."""
    if not (words := verdict_words(row, arm)):
        return ""
    if words == VERDICT_WORDS["same"]:
        return words
    interval = row.difference_interval_text(arm, currency)
    text = row.difference_text(arm, currency) + (f" ({interval})" if interval else "")
    return f"{text}, {words}" if words in ("better", "worse") else text


def _names(report: Report, dimension: str) -> list[str]:
    """Names within a dimension; of pickups only those that were ever short of slots."""
    tables = [table for arm in report.arms for table in arm.tables]
    first = [arm.tables[0] for arm in report.arms]
    named = list(dict.fromkeys(name for table in first for name in table.groups(dimension)))
    if dimension != "pickup":
        return named
    return [
        name
        for name in named
        if any(
            table.has("scarce_slots", f"pickup={name}") and table.get("scarce_slots", f"pickup={name}") > 0
            for table in tables
        )
    ]


def _note(report: Report) -> str:
    """How the periods' bills meet the costs."""
    text = "Whole periods, means over the replications; minimum and tiers are scaled to the days simulated."
    series = next((arm.series[0] for arm in report.arms if arm.series), None)
    if series is None or not series.warm_up_days:
        return text
    counted = series.start_date + timedelta(days=series.warm_up_days)
    return f"{text} Costs and the table by contract count a period by its days from {counted:%a} {counted.day} " + (
        f"{counted:%b %Y} on."
    )
