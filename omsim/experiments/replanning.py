"""Reorder rules judged on periods they have not seen, planning anew as those periods become known.

Owns the rolling replay (:func:`replay_rule`), the curve of fill against stock value that comes of it, and the paired
comparison of two curves at the same stock (:func:`paired_differences`). Rules are plug-ins
(:mod:`omsim.experiments.rolling_rules`); the day-by-day recursion is :mod:`omsim.kernels.replay_levels`.

A rule is handed the demand of the periods before tonight and nothing else, so it cannot look ahead; it answers with a
family of levels, one column for each of its aims (prices, quantiles, safety factors), lean to ample. Every aim is
replayed, and the points of all aims are the rule's curve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError
from omsim.kernels.replay_levels import replay_changing_levels

if TYPE_CHECKING:
    from datetime import date

Floats = NDArray[np.float64]
Units = NDArray[np.int64]
Numbers = NDArray[Any]

Rule = Callable[[Units], Units]  # (n_items, n_known_periods) -> levels (n_items, n_aims)

CONFIDENCE = 0.95
N_RESAMPLES = 1_000
MEASURES = ("unit_fill", "line_fill")
CLUSTERS = ("items", "blocks")


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingCase:
    """Demand of many items, part of it unseen, and the conditions it is replayed under.

    Attributes
    ----------
    units : int64, shape (n_items, n_periods)
        Units asked for in each period, oldest first.
    first_day : date
        Of the first period.
    unseen_from : int
        First period (column) the first plan has not seen.
    every_periods : int
        Periods between two plans.
    lead_periods : int
        An order placed in the evening of period t can be used in period t + `lead_periods`, >= 1.
    value_cents : int64, shape (n_items,)
        Value of a unit as known before `unseen_from`, >= 1: what plans are made with.
    scored_cents : float64, shape (n_items,)
        Value of a unit that stock is scored at.
    line_item, line_period, line_units : int64, shape (n_lines,)
        Order lines of the unseen periods, in order of arrival within each item and period; `line_period` counts from
        `unseen_from`.
    """

    units: Units
    first_day: date
    unseen_from: int
    every_periods: int
    lead_periods: int
    value_cents: Units
    scored_cents: Floats
    line_item: Units
    line_period: Units
    line_units: Units

    def __post_init__(self) -> None:
        n_items, n_periods = self.units.shape
        if not 0 < self.unseen_from < n_periods:
            raise FieldError("unseen_from", f"within 1 .. {n_periods - 1}", self.unseen_from)
        for name in ("every_periods", "lead_periods"):
            if getattr(self, name) < 1:
                raise FieldError(name, ">= 1", getattr(self, name))
        for name in ("value_cents", "scored_cents"):
            if getattr(self, name).shape != (n_items,):
                raise FieldError(name, f"of shape ({n_items},)", getattr(self, name).shape)
        asked = np.zeros((n_items, self.n_unseen), np.int64)
        np.add.at(asked, (self.line_item, self.line_period), self.line_units)
        if not (asked == self.units[:, self.unseen_from :]).all():
            raise FieldError("line_units", "the units of the unseen periods, line by line", int(asked.sum()))

    @property
    def n_unseen(self) -> int:
        """Periods replayed."""
        return int(self.units.shape[1]) - self.unseen_from

    @property
    def protection_periods(self) -> int:
        """Lead time and the period under review."""
        return self.lead_periods + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was asked for, filled and held, by cluster: item, or block of periods between two plans.

    Attributes
    ----------
    stock_value : float64, shape (n_aims, n_clusters)
        Contribution to the mean end-of-period stock value, in whole units of money.
    filled_units, filled_lines : float64, shape (n_aims, n_clusters)
        A line is filled when all of it was in stock.
    asked_units, asked_lines, periods : float64, shape (n_clusters,)
        `periods` is what a cluster counts for in the mean over time; 1 for items.
    """

    stock_value: Floats
    filled_units: Floats
    filled_lines: Floats
    asked_units: Floats
    asked_lines: Floats
    periods: Floats

    def points(self, measure: str, weight: Floats) -> tuple[Floats, Floats]:
        """Stock value and fill with clusters counted by `weight` (n_draws, n_clusters); both (n_draws, n_aims)."""
        filled, asked = (
            (self.filled_units, self.asked_units) if measure == "unit_fill" else (self.filled_lines, self.asked_lines)
        )
        time = self.periods.sum() / (weight @ self.periods)
        return (weight @ self.stock_value.T) * time[:, np.newaxis], (weight @ filled.T) / (weight @ asked)[:, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCurve:
    """What a rule's aims came to on the unseen periods.

    Attributes
    ----------
    by_item, by_block : Tally
        The same sums, split in two ways.
    levels : int64, shape (n_aims, n_items, n_plans)
    """

    by_item: Tally
    by_block: Tally
    levels: Units

    @property
    def stock_value(self) -> Floats:
        """Mean end-of-period stock value of each aim; float64, shape (n_aims,)."""
        return np.asarray(self.by_item.stock_value.sum(axis=1))

    @property
    def unit_fill(self) -> Floats:
        """Units filled over units asked for, of each aim; float64, shape (n_aims,)."""
        return np.asarray(self.by_item.filled_units.sum(axis=1) / self.by_item.asked_units.sum())

    @property
    def line_fill(self) -> Floats:
        """Lines filled whole over lines asked for, of each aim; float64, shape (n_aims,)."""
        return np.asarray(self.by_item.filled_lines.sum(axis=1) / self.by_item.asked_lines.sum())

    def at(self, stock_value: Floats, measure: str = "unit_fill") -> Floats:
        """Fill at given stock values, on straight lines between the aims' points; float64, shape of `stock_value`."""
        order = np.argsort(self.stock_value, kind="stable")
        return np.asarray(np.interp(stock_value, self.stock_value[order], getattr(self, measure)[order]))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifferences:
    """One rule against another at the same stock values.

    Attributes
    ----------
    stock_value, ours, theirs, difference, low, high : float64, shape (n_values,)
        Fill of either, the difference, and its percentile interval (95 %).
    """

    stock_value: Floats
    ours: Floats
    theirs: Floats
    difference: Floats
    low: Floats
    high: Floats


def replay_rule(case: RollingCase, rule: Rule, *, replanned: bool = True) -> RuleCurve:
    """Replay the unseen periods under a rule that plans anew as they become known.

    Parameters
    ----------
    case : RollingCase
    rule : callable
        From the units known tonight, (n_items, n_known), to levels >= 0, (n_items, n_aims).
    replanned : bool
        Whether it plans every `every_periods`; otherwise its first levels stay ("yesterday's policy").

    Returns
    -------
    RuleCurve

    Raises
    ------
    FieldError
        The rule's levels have a shape that does not fit, or are negative.

    Notes
    -----
    Stock opens at the first levels. A plan made with the periods before period t counts from the evening of t - 1 on:
    the plan is made at night, when the day is known. The rule is handed a copy, which it may write to.
    """
    n_items = case.units.shape[0]
    unseen = np.ascontiguousarray(case.units[:, case.unseen_from :])
    starts = np.arange(0, case.n_unseen if replanned else 1, case.every_periods)
    plans = [np.asarray(rule(case.units[:, : case.unseen_from + start].copy())) for start in starts.tolist()]
    n_aims = plans[0].shape[1] if plans[0].ndim == 2 else 0
    for plan in plans:
        if n_aims == 0 or plan.shape != (n_items, n_aims):
            raise FieldError("rule", f"levels of shape ({n_items}, n_aims >= 1), the same every night", plan.shape)
    levels = np.stack(plans, axis=2).astype(np.int64).transpose(1, 0, 2)
    plan_of_evening = np.searchsorted(starts, np.arange(1, case.n_unseen + 1), side="right") - 1
    block = np.arange(case.n_unseen) // case.every_periods
    by_item: list[tuple[Numbers, Numbers, Numbers]] = []
    by_block: list[tuple[Numbers, Numbers, Numbers]] = []
    for aim in range(n_aims):
        served, on_hand = replay_changing_levels(
            unseen, np.ascontiguousarray(levels[aim]), plan_of_evening, case.lead_periods
        )
        whole = whole_lines(served, case)
        value = on_hand * (case.scored_cents[:, np.newaxis] / 100.0 / case.n_unseen)
        by_item.append((value.sum(axis=1), served.sum(axis=1), np.bincount(case.line_item, whole, n_items)))
        by_block.append(
            (
                np.bincount(block, value.sum(axis=0)),
                np.bincount(block, served.sum(axis=0)),
                np.bincount(block[case.line_period], whole, block[-1] + 1),
            )
        )
    lines = np.ones(case.line_item.size)
    return RuleCurve(
        by_item=_tally(by_item, unseen.sum(axis=1), np.bincount(case.line_item, lines, n_items), np.ones(n_items)),
        by_block=_tally(
            by_block,
            np.bincount(block, unseen.sum(axis=0)),
            np.bincount(block[case.line_period], lines, block[-1] + 1),
            np.bincount(block),
        ),
        levels=levels,
    )


def whole_lines(served_units: Units, case: RollingCase) -> Floats:
    """Which lines were filled whole, 1 or 0, where each takes what those before it left; float64, shape (n_lines,).

    Parameters
    ----------
    served_units : int64, shape (n_items, n_unseen)
        Units served of each item and period.
    case : RollingCase
    """
    cell = case.line_item * case.n_unseen + case.line_period
    order = np.argsort(cell, kind="stable")
    cell, units = cell[order], case.line_units[order]
    running = np.cumsum(units)
    begins = np.flatnonzero(np.diff(cell, prepend=-1))
    before = np.repeat((running - units)[begins], np.diff(begins, append=cell.size))
    whole = np.zeros(cell.size)
    # What is served is the first units asked for: a line is whole if they reach to its end.
    whole[order] = running - before <= served_units.reshape(-1)[cell]
    return whole


def paired_differences(
    ours: RuleCurve,
    theirs: RuleCurve,
    stock_value: Floats,
    *,
    measure: str = "unit_fill",
    clusters: str = "items",
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> PairedDifferences:
    """Compare two curves at the same stock values, with the interval of the difference.

    Parameters
    ----------
    ours, theirs : RuleCurve
        Of the same case.
    stock_value : float64, shape (n_values,)
        Within what both curves reach.
    measure : str
        "unit_fill" or "line_fill".
    clusters : str
        What is drawn again: "items", each with all its periods (another assortment of the same kind), or "blocks" of
        periods, each with all its items (other weeks of the same kind).
    n_resamples : int
        Draws, >= 100.
    seed : int

    Returns
    -------
    PairedDifferences

    Raises
    ------
    FieldError
        A stock value one of the curves does not reach, or an unknown name.

    Notes
    -----
    Bootstrap of Efron (1979) by clusters: both rules are counted on the same draw, and read at the same stock value.
    """
    if measure not in MEASURES:
        raise FieldError("measure", f"one of {', '.join(MEASURES)}", measure)
    if clusters not in CLUSTERS:
        raise FieldError("clusters", f"one of {', '.join(CLUSTERS)}", clusters)
    if n_resamples < 100:
        raise FieldError("n_resamples", ">= 100", n_resamples)
    wanted = np.asarray(stock_value, dtype=np.float64)
    low = max(float(curve.stock_value.min()) for curve in (ours, theirs))
    high = min(float(curve.stock_value.max()) for curve in (ours, theirs))
    if wanted.ndim != 1 or not ((wanted >= low) & (wanted <= high)).all():
        raise FieldError("stock_value", f"within {low:,.0f} .. {high:,.0f}, which both curves reach", stock_value)
    tallies = [curve.by_item if clusters == "items" else curve.by_block for curve in (ours, theirs)]
    n_clusters = tallies[0].asked_units.size
    source = np.random.Generator(np.random.Philox(seed))
    weight = source.multinomial(n_clusters, np.full(n_clusters, 1.0 / n_clusters), size=n_resamples).astype(np.float64)
    drawn = [_read(*tally.points(measure, weight), wanted) for tally in tallies]
    at = [curve.at(wanted, measure) for curve in (ours, theirs)]
    edges = np.quantile(drawn[0] - drawn[1], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return PairedDifferences(
        stock_value=wanted, ours=at[0], theirs=at[1], difference=at[0] - at[1], low=edges[0], high=edges[1]
    )


def _read(stock: Floats, fill: Floats, wanted: Floats) -> Floats:
    """Each draw's curve at the wanted stock values; (n_draws, n_values)."""
    order = np.argsort(stock, axis=1, kind="stable")
    x, y = np.take_along_axis(stock, order, axis=1), np.take_along_axis(fill, order, axis=1)
    return np.stack([np.interp(wanted, x[draw], y[draw]) for draw in range(len(x))])


def _tally(
    sums: list[tuple[Numbers, Numbers, Numbers]], asked_units: Numbers, asked_lines: Numbers, periods: Numbers
) -> Tally:
    stock, units, lines = (np.stack([one[part] for one in sums]).astype(np.float64) for part in range(3))
    return Tally(
        stock_value=stock,
        filled_units=units,
        filled_lines=lines,
        asked_units=asked_units.astype(np.float64),
        asked_lines=asked_lines.astype(np.float64),
        periods=periods.astype(np.float64),
    )
