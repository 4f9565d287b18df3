"""The answer in a few lines: headline rows for tables, and sentences in plain words.

Owns what is said first and how; numbers come from `stats`, their text from `units`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from omsim.analysis.registry import HEADLINE, REGISTRY
from omsim.analysis.stats import compare_kpi, estimate_kpi
from omsim.analysis.units import NO_VALUE, format_difference, format_interval, format_value
from omsim.kernels.outcome_columns import CAUSES, NO_CAUSE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omsim.analysis.kpis import Kpi, KpiTable
    from omsim.analysis.report_data import ReportArm
    from omsim.analysis.stats import Difference, Estimate

Verdict = Literal["better", "worse", "changed", "unclear", "same"]

# Measures that say nothing where a model has no such thing: dropped when they are zero everywhere.
_ONLY_IF_ANY = frozenset({
    "lost_margin", "contact_rate", "split_rate", "parcels_unoffered", "sourcing_fallbacks",
    "multi_carton_share", "own_packaging_share", "cost_packaging",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineRow:
    """One KPI of the answer.

    Attributes
    ----------
    kpi : Kpi
    group : str
    estimates : tuple of Estimate
        By arm.
    differences : tuple of Difference or None
        Each arm against the baseline, paired by replication; None for the baseline itself.
    """

    kpi: Kpi
    group: str
    estimates: tuple[Estimate, ...]
    differences: tuple[Difference | None, ...]

    def value_text(self, arm: int, currency: str = "EUR") -> str:
        """The arm's mean."""
        return format_value(self.estimates[arm].mean, self.kpi.unit, currency)

    def interval_text(self, arm: int, currency: str = "EUR") -> str:
        """The arm's interval; empty where there is none."""
        return format_interval(self.estimates[arm].low, self.estimates[arm].high, self.kpi.unit, currency)

    def difference_text(self, arm: int, currency: str = "EUR") -> str:
        """The arm's difference to the baseline; empty for the baseline."""
        difference = self.differences[arm]
        return "" if difference is None else format_difference(difference.difference.mean, self.kpi.unit, currency)

    def difference_interval_text(self, arm: int, currency: str = "EUR") -> str:
        """The interval of that difference; empty where there is none."""
        if (difference := self.differences[arm]) is None:
            return ""
        found = difference.difference
        return format_interval(found.low, found.high, self.kpi.unit, currency, difference=True)

    def verdict(self, arm: int) -> Verdict | None:
        """Whether the arm is better than the baseline; None for the baseline."""
        difference = self.differences[arm]
        return None if difference is None else verdict(difference, self.kpi)


def verdict(difference: Difference, kpi: Kpi) -> Verdict:
    """What a paired difference means for a KPI: ``unclear`` when its interval holds zero or there is none."""
    gap = difference.difference
    if gap.n and gap.mean == 0 and (gap.n == 1 or gap.half_width == 0):
        return "same"
    if not difference.clear:
        return "unclear"
    if kpi.direction == "neutral":
        return "changed"
    return "better" if (gap.mean > 0) == (kpi.direction == "up") else "worse"


def headline(
    arms: Sequence[Sequence[KpiTable]],
    *,
    baseline: int = 0,
    kpis: Sequence[str] = HEADLINE,
    group: str = "",
    every: bool = False,
) -> list[HeadlineRow]:
    """KPIs of all arms side by side.

    Parameters
    ----------
    arms : sequence of one table a replication
        Replication i of all arms met the same random numbers.
    baseline : int
        Index of the arm the others are compared with.
    kpis : sequence of str
    group : str
        As in `KpiTable`.
    every : bool
        Keep rows that have no value in any arm.
    """
    rows = []
    for kpi in kpis:
        estimates = tuple(estimate_kpi(tables, kpi, group) for tables in arms)
        means = [estimate.mean for estimate in estimates]
        if not every and (
            all(math.isnan(mean) for mean in means) or (kpi in _ONLY_IF_ANY and all(not mean > 0 for mean in means))
        ):
            continue
        differences = tuple(
            None if arm == baseline else compare_kpi(arms[baseline], tables, kpi, group)
            for arm, tables in enumerate(arms)
        )
        rows.append(HeadlineRow(kpi=REGISTRY[kpi], group=group, estimates=estimates, differences=differences))
    return rows


def difference_sentence(row: HeadlineRow, arm: int, currency: str = "EUR") -> str:
    """What becomes of a KPI in an arm, in a sentence."""
    difference = row.differences[arm]
    if difference is None:
        return estimate_sentence(row, arm, currency)
    unit, name = row.kpi.unit, row.kpi.name
    before = format_value(difference.baseline.mean, unit, currency)
    after = format_value(difference.variant.mean, unit, currency)
    gap = difference.difference
    if before == NO_VALUE or after == NO_VALUE:
        return f"{name} cannot be compared: {before} against {after}."
    s = "" if _is_plural(name) else "s"
    if verdict(difference, row.kpi) == "same":
        return f"{name} stay{s} at {before}."
    size = format_difference(gap.mean, unit, currency)
    if gap.n == 1:
        sure = "one replication, so no interval"
    else:
        sure = f"95 % interval {format_interval(gap.low, gap.high, unit, currency, difference=True)}"
    if gap.n > 1 and not difference.clear:
        does = "do" if _is_plural(name) else "does"
        return f"{name} {does} not change clearly: {before} against {after} (difference {size}, {sure})."
    verb = f"rise{s}" if gap.mean > 0 else f"fall{s}"
    return f"{name} {verb} from {before} to {after} (difference {size}, {sure})."


def estimate_sentence(row: HeadlineRow, arm: int = 0, currency: str = "EUR") -> str:
    """What a KPI is in one arm, in a sentence."""
    interval = row.interval_text(arm, currency)
    sure = f" (95 % interval {interval})" if interval else ""
    verb = "are" if _is_plural(row.kpi.name) else "is"
    return f"{row.kpi.name} {verb} {row.value_text(arm, currency)}{sure}."


def _is_plural(name: str) -> bool:
    return name.split()[0].endswith("s") or name.startswith(("Lost sales", "Purchase orders", "Carrier slots"))


def miss_shares(arm: ReportArm) -> list[float]:
    """Share of due orders by cause of the miss, mean over replications; one value a cause, cause 0 = none missed."""
    by_run = []
    for series in arm.series:
        counts = series.misses.sum(axis=0)
        if total := int(counts.sum()):
            by_run.append(counts / total)
    return [float("nan")] * len(CAUSES) if not by_run else [float(x) for x in np.mean(by_run, axis=0)]


def cause_sentence(arm: ReportArm, baseline: ReportArm | None = None) -> str:
    """What most missed promises are owed to; empty when (nearly) none is missed."""
    shares = miss_shares(arm)
    missed = sum(shares[NO_CAUSE + 1 :])
    if not missed > 0.0005:
        return ""
    worst = max(range(NO_CAUSE + 1, len(CAUSES)), key=lambda cause: shares[cause])
    text = f"Most often missed because: {CAUSES[worst]} ({format_value(shares[worst], 'share')} of orders due"
    if baseline is not None:
        text += f"; {baseline.name}: {format_value(miss_shares(baseline)[worst], 'share')}"
    return text + ")."


def backlog_sentence(arm: ReportArm, baseline: ReportArm | None = None) -> str:
    """When the house was fullest."""
    mean = np.mean([series.backlog for series in arm.series], axis=0)
    day = int(np.argmax(mean))
    when = arm.series[0].start_date.toordinal() + day
    date = arm.series[0].start_date.fromordinal(when)
    text = f"Orders waiting in the house peak at {mean[day]:,.0f} at the end of {date:%a} {date.day} {date:%b %Y}"
    if baseline is not None and baseline.series:
        peak = float(np.max(np.mean([series.backlog for series in baseline.series], axis=0)))
        text += f" ({baseline.name}: at most {peak:,.0f})"
    return text + "."


def answer_sentences(
    arms: Sequence[ReportArm], baseline: int, variant: int, currency: str = "EUR", most: int = 4
) -> list[str]:
    """The answer in plain words: the promise, the cost, what else changed most clearly, and why.

    With `variant` equal to `baseline`, what the one arm is like.
    """
    tables = [arm.tables for arm in arms]
    rows = {row.kpi.id: row for row in headline(tables, baseline=baseline)}
    alone = variant == baseline
    first = [kpi for kpi in ("on_time_delivery", "cost_per_order") if kpi in rows]
    if alone:
        chosen = [kpi for kpi in (*first, "unit_fill", "cycle_time") if kpi in rows]
        sentences = [estimate_sentence(rows[kpi], variant, currency) for kpi in chosen]
    else:
        rest = [kpi for kpi in rows if kpi not in first and _clearness(rows[kpi], variant) > 0]
        rest = [kpi for kpi in rest if kpi not in ("otif", "perfect_order", "cycle_time_p95", "cost_parcel")]
        # a change too small for the digits shown is no news
        rest = [
            kpi for kpi in rest if rows[kpi].value_text(baseline, currency) != rows[kpi].value_text(variant, currency)
        ]
        rest.sort(key=lambda kpi: -_clearness(rows[kpi], variant))
        chosen = (first + rest)[:most]
        sentences = [difference_sentence(rows[kpi], variant, currency) for kpi in chosen]
    base = None if alone else arms[baseline]
    if arms[variant].series:
        sentences.append(cause_sentence(arms[variant], base))
        sentences.append(backlog_sentence(arms[variant], base))
    return [sentence for sentence in sentences if sentence]


def _clearness(row: HeadlineRow, variant: int) -> float:
    """How far a clear difference is from zero, in half-widths; 0 = not clear."""
    difference = row.differences[variant]
    if difference is None or not difference.clear:
        return 0.0
    gap = difference.difference
    return abs(gap.mean) / gap.half_width if gap.half_width > 0 else math.inf
