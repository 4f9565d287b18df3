"""Whether a night may be trusted: gates on the age and fullness of its inputs, and on how far its plan strays.

Owns the limits and the sentences. A gate never changes a plan: it lets it pass, or stops it with a reason, and the last
accepted night stays current. What cannot be read at all never gets here (`inputs` refuses it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from omsim.model.field_types import CENTS
from omsim.nightly.outcome import GateResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from omsim.nightly.night import Night
    from omsim.nightly.outcome import Judge
    from omsim.nightly.snapshot import LastNight, Snapshot

WEEK_DAYS = 7
COMPARED_WEEKS = 8  # before the last week, that its demand is compared with
MOVED_SHARE = 0.25  # of its order-up-to level a policy must move by, and
MOVED_UNITS = 2  # by so many units, to count as moved


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """Limits of the gates; each is the command's option of the same name.

    Attributes
    ----------
    max_stock_age_days, max_history_age_days : int
        Days between the newest count, or the newest day of history, and the night.
    min_history_days : int
        Days of history.
    min_cells_share : float
        SKUs at sites that have a supplier tonight, as a share of last night's.
    max_idle_share : float
        Share of the SKUs at sites with a supplier that the history never asks for.
    min_recent_demand : float
        Demand of the last known week, as a share of the mean week before it.
    max_moved_share : float
        Share of last night's policies whose order-up-to level moved by more than a quarter.
    max_value_factor : float
        Value of tonight's orders as a multiple of last night's, where it exceeds a week of demand.
    max_value_days : float
        Value of tonight's orders in days of mean demand at cost.
    max_order_value : float
        Value of tonight's orders in the model's currency; infinite = only the model's budget counts.
    max_gap : float
        Proven distance of the plan from the best there is, as a share of its cost.
    """

    max_stock_age_days: int = 1
    max_history_age_days: int = 3
    min_history_days: int = 28
    min_cells_share: float = 0.9
    max_idle_share: float = 0.95
    min_recent_demand: float = 0.2
    max_moved_share: float = 0.3
    max_value_factor: float = 10.0
    max_value_days: float = 60.0
    max_order_value: float = math.inf
    max_gap: float = 0.05


def judge_with(limits: GateLimits) -> Judge:
    """The judge the job calls twice: before planning with no night, after it with one, then of both."""

    def judge(snapshot: Snapshot, night: Night | None, last: LastNight) -> tuple[GateResult, ...]:
        inputs = judge_inputs(snapshot, last, limits)
        return inputs if night is None else (*inputs, *judge_plan(snapshot, night, last, limits))

    return judge


def judge_inputs(snapshot: Snapshot, last: LastNight, limits: GateLimits) -> tuple[GateResult, ...]:
    """Gates on what was read.

    Parameters
    ----------
    snapshot : Snapshot
    last : LastNight
        Of the first night nothing is compared.
    limits : GateLimits
    """
    stock_age = (snapshot.as_of - snapshot.counted_on).days
    history_age = (snapshot.as_of - snapshot.history_to).days
    n_days = snapshot.history_units.shape[1]
    results = [
        _at_most(
            "stock_age",
            stock_age,
            limits.max_stock_age_days,
            f"stock was counted on {snapshot.counted_on}, {_days(stock_age)} before the night",
            "max-stock-age-days",
        ),
        _at_most(
            "history_age",
            history_age,
            limits.max_history_age_days,
            f"the history of demand ends on {snapshot.history_to}, {_days(history_age)} before the night",
            "max-history-age-days",
        ),
        _at_least(
            "history_length",
            n_days - history_age,
            limits.min_history_days,
            f"the history of demand covers {_days(n_days - history_age)}",
            "min-history-days",
        ),
    ]
    bought = np.array([bool(name) for name in snapshot.business["stock"].texts("supplier")], dtype=np.bool_)
    if last.n_cells:
        n_cells = int(bought.sum())
        share = n_cells / last.n_cells
        text = f"{n_cells:,} SKUs at sites have a supplier tonight, {last.n_cells:,} had last night"
        results.append(_at_least("size", share, limits.min_cells_share, text, "min-cells-share", shown=_percent))
    if bought.any():
        idle = float((snapshot.history_units[bought].sum(axis=1) == 0).mean())
        text = f"{_percent(idle)} of the SKUs at sites with a supplier were never asked for"
        results.append(_at_most("idle", idle, limits.max_idle_share, text, "max-idle-share", shown=_percent))
    recent = _recent_demand(snapshot, history_age)
    if recent is not None:
        text = f"the last known week of demand is {_percent(recent)} of the mean week before it"
        limit = limits.min_recent_demand
        results.append(_at_least("recent_demand", recent, limit, text, "min-recent-demand", shown=_percent))
    return tuple(results)


def judge_plan(snapshot: Snapshot, night: Night, last: LastNight, limits: GateLimits) -> tuple[GateResult, ...]:
    """Gates on what was planned; as `judge_inputs`, with the night."""
    settings = snapshot.business.settings
    currency = settings.currency
    value_cents = int(np.sum(np.asarray(night.tables["purchase_orders"]["value_cents"], dtype=np.int64)))
    value = f"tonight's orders are worth {_money(value_cents, currency)}"
    results = []
    most_cents = min(float(settings.budget_cents), limits.max_order_value * 100)
    budget = _at_most(
        "budget",
        value_cents / 100,
        most_cents / 100,
        value,
        "max-order-value, or the model's purchasing.budget_cents",
        shown=lambda amount: _money(amount * 100, currency),
    )
    if budget.passed and most_cents >= CENTS:
        budget = replace(budget, reason=f"{value}; no budget is set")
    results.append(budget)
    daily_cents = _daily_demand_cents(snapshot)
    if daily_cents > 0:
        days = value_cents / daily_cents
        text = f"{value}, {days:,.1f} days of the mean demand of the last weeks at cost"
        results.append(
            _at_most("order_value", days, limits.max_value_days, text, "max-value-days", shown=lambda n: f"{n:g} days")
        )
    if last.as_of is not None and last.value_cents > 0:
        factor = value_cents / last.value_cents
        small = value_cents <= WEEK_DAYS * daily_cents
        text = f"{value}, last night's {_money(last.value_cents, currency)} ({factor:,.1f} times)"
        limit = limits.max_value_factor
        result = _at_most("order_value_change", factor, limit, text, "max-value-factor", shown=lambda n: f"{n:g} times")
        if small and not result.passed:
            reason = f"{text}; not judged, as it is no more than a week of demand"
            result = replace(result, passed=True, reason=reason)
        results.append(result)
    if last.levels:
        n_moved, n_compared = _moved(night, last)
        if n_compared:
            share = n_moved / n_compared
            text = (
                f"{n_moved:,} of {n_compared:,} policies moved their order-up-to level by more than "
                f"{_percent(MOVED_SHARE)} since {last.as_of}"
            )
            limit = limits.max_moved_share
            results.append(_at_most("policies_moved", share, limit, text, "max-moved-share", shown=_percent))
    gap = night.facts.get("plan", {}).get("gap_share")
    if gap is not None:
        proven = math.isfinite(float(gap))
        gap = (
            float(gap) if proven else max(1.0, 2 * limits.max_gap)
        )  # a finite stand-in: logs and databases have no other
        text = f"the plan is proven to be within {_small_percent(gap)} of the cheapest there is"
        text = text if proven else "nothing is proven of how good the plan is"
        results.append(_at_most("gap", gap, limits.max_gap, text, "max-gap", shown=_percent))
    return tuple(results)


def _recent_demand(snapshot: Snapshot, history_age: int) -> float | None:
    """Units of the last known week over those of a mean week before; None where there is too little to compare."""
    by_day: NDArray[np.int64] = snapshot.history_units.sum(axis=0)
    by_day = by_day[: len(by_day) - history_age] if history_age > 0 else by_day
    earlier = by_day[-WEEK_DAYS * (COMPARED_WEEKS + 1) : -WEEK_DAYS]
    if len(earlier) < 2 * WEEK_DAYS or not earlier.any():
        return None
    return float(by_day[-WEEK_DAYS:].mean() / earlier.mean())


def _daily_demand_cents(snapshot: Snapshot) -> float:
    """Mean demand of a day at what the units cost, over the last weeks."""
    business = snapshot.business
    unit_cost = business["skus"].integers("unit_cost_cents")[business.codes("stock", "sku")]
    recent = snapshot.history_units[:, -WEEK_DAYS * COMPARED_WEEKS :]
    return float(recent.mean(axis=1) @ unit_cost) if recent.size else 0.0


def _moved(night: Night, last: LastNight) -> tuple[int, int]:
    """Policies that moved far, and those both nights have."""
    policies = night.tables["policies"]
    moved = compared = 0
    for site, sku, up_to in zip(policies["site"], policies["sku"], policies["order_up_to_units"], strict=True):
        before = last.levels.get((site, sku))
        if before is None:
            continue
        compared += 1
        step = abs(int(up_to) - before[1])
        moved += step >= MOVED_UNITS and step > MOVED_SHARE * abs(before[1])
    return moved, compared


def _at_most(
    name: str,
    measured: float,
    limit: float,
    text: str,
    option: str,
    *,
    shown: Callable[[float], str] = lambda number: f"{number:g}",
) -> GateResult:
    return _result(name, measured, limit, measured <= limit, text, f"at most {shown(limit)}", option)


def _at_least(
    name: str,
    measured: float,
    limit: float,
    text: str,
    option: str,
    *,
    shown: Callable[[float], str] = lambda number: f"{number:g}",
) -> GateResult:
    return _result(name, measured, limit, measured >= limit, text, f"at least {shown(limit)}", option)


def _result(name: str, measured: float, limit: float, passed: bool, text: str, rule: str, option: str) -> GateResult:
    reason = f"{text}; allowed: {rule}"
    if not passed:
        reason += f" (--{option} moves the limit)"
    return GateResult(name=name, passed=bool(passed), reason=reason, measured=float(measured), limit=float(limit))


def _days(count: int) -> str:
    return f"{count:,} day{'' if count == 1 else 's'}"


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def _small_percent(share: float) -> str:
    return f"{share * 100:.2g} %" if share >= 1e-5 else "0.001 %"


def _money(cents: float, currency: str) -> str:
    return f"{currency} {cents / 100:,.0f}" if math.isfinite(cents) else "any value"
