"""Published fill rates, backorders and stock (../shared/facts/queues.md), met inside the simulator's own intervals.

One-for-one and batch replenishment under continuous review, run by the window engine over independent replications; the
exact number must lie in the 99 % interval of the replications' means, and the interval must be narrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from published.queue_models import DAY_S, assert_met, replicated, textbook_shop

from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

SEED = 1
HOURLY_SIX_DAYS = 6 - 1 / 48
"""Six days, of which an order waits half an hour for its review on average."""


def stock_shop(
    levels: list[tuple[int, bool]], n_skus: int, *, n_days: int, warm_days: int, **changes: object
) -> Business:
    """SKUs in groups of alike ones, each SKU asked for once a day; positions are looked at every hour.

    Parameters
    ----------
    levels : list of (S, lost)
        Base stock of each group, and whether what stock cannot fill is lost.
    n_skus : int
        In a group.
    **changes : mapping of table columns
        As for `textbook_shop`; the lead time given must be half an hour short of the one meant, since an order waits
        half an hour for its review on average.
    """
    group = np.repeat(np.arange(len(levels)), n_skus)
    kinds = sorted({lost for _, lost in levels})  # a channel for each
    columns: dict[str, dict[str, object]] = {
        "channels": {"backorders": ["false" if lost else "true" for lost in kinds]},
        "demand": {
            "sku": [f"k{i}" for i in range(group.size)],
            "channel": [f"c{kinds.index(levels[g][1])}" for g in group.tolist()],
            "line_share": ["1"] * group.size,
        },
        "stock": {
            "on_hand_units": [levels[g][0] for g in group.tolist()],
            "order_up_to_units": [levels[g][0] for g in group.tolist()],
            "supplier": "mill",
            "policy": "base_stock",
        },
    }
    for name, more in changes.items():
        columns[name] = {**columns.get(name, {}), **more}  # type: ignore[dict-item]
    return textbook_shop(
        n_days=n_days,
        orders_per_day=[n_skus * sum(lost == kind for _, lost in levels) for kind in kinds],
        n_skus=group.size,
        settings={
            "decisions.review": "continuous",
            "decisions.allocation_cycle_minutes": 60,
            "model.warm_up_days": warm_days,
        },
        **columns,
    )


def fill_by_group(run: RunRecords, n_groups: int) -> np.ndarray:
    """Share of lines served at once, by group of SKUs."""
    counted = (run.orders.arrived_s >= run.warm_up_s) & (run.orders.allocated_s != NEVER)
    at_once = np.ones(run.lines.sku.size, dtype=np.bool_)
    at_once[run.short_lines.line[run.short_lines.first_units == 0]] = False
    group = run.lines.sku[counted] * n_groups // run.stock.closing_units.size
    return np.bincount(group, at_once[counted], n_groups) / np.bincount(group, minlength=n_groups)


def daily_by_group(run: RunRecords, column: str, n_groups: int) -> np.ndarray:
    """A daily stock column of counted days, by group: shape (n_groups, n_days x cells of a group)."""
    days = getattr(run.stock, column)[run.warm_up_s // DAY_S :]
    return np.stack([part.ravel() for part in np.split(days, n_groups, axis=1)])


@pytest.mark.slow
def test_one_for_one_replenishment():
    """(S-1, S) with mean lead-time demand 6: fill and backorders (Palm), fill with lost sales (Erlang B)."""
    levels = [(6, False), (9, False), (12, False), (9, True), (12, True)]
    business = stock_shop(levels, 300, n_days=36, warm_days=14, suppliers={"lead_time_days": HOURLY_SIX_DAYS})

    def measure(run: RunRecords, _: Intake) -> np.ndarray:
        on_order = daily_by_group(run, "daily_on_order", 5)[:3]
        waiting = daily_by_group(run, "daily_backordered", 5).mean(axis=1)
        return np.concatenate([fill_by_group(run, 5), waiting[:3], [on_order.mean(), on_order.var()]])

    values = replicated(business, measure, replications=10, seed=SEED)
    assert_met(values[:, :5], 0.445680, 0.847237, 0.979908, 0.924855, 0.988635, half_width=0.04)
    assert_met(values[:, 5:7], 0.963739, 0.161259, half_width=0.15)
    assert_met(values[:, 7:8], 0.014622, half_width=0.4)
    assert_met(values[:, 8:], 6, 6, half_width=0.05)


@pytest.mark.slow
def test_one_for_one_replenishment_with_random_lead_times():
    """With gamma lead times of the same mean every number is the same; on order is Poisson (Palm)."""
    business = stock_shop(
        [(9, False), (9, True), (12, True)],
        200,
        n_days=44,
        warm_days=20,
        suppliers={
            "supplier": [f"m{i}" for i in range(5)],
            "lead_time": "gamma",
            "lead_time_cv": 0.5,
            "lead_time_days": HOURLY_SIX_DAYS,
        },
        stock={"supplier": [f"m{i % 5}" for i in range(600)]},
    )

    def measure(run: RunRecords, _: Intake) -> np.ndarray:
        on_order = daily_by_group(run, "daily_on_order", 3)[0]
        return np.concatenate([fill_by_group(run, 3), [on_order.mean(), on_order.var()]])

    values = replicated(business, measure, replications=8, seed=SEED)
    assert_met(values, 0.847237, 0.924855, 0.988635, 6, 6, half_width=0.1)


@pytest.mark.slow
def test_batch_replenishment():
    """(r, Q) = (6, 10), two units a day, three days: fill, backorders, stock nobody holds a claim on, orders a day."""
    business = stock_shop(
        [(0, False)],
        800,
        n_days=36,
        warm_days=8,
        channels={"orders_per_day": [1600]},
        suppliers={"lead_time_days": 3 - 1 / 48},
        stock={
            "policy": "quantity",
            "on_hand_units": [7 + i % 10 for i in range(800)],  # positions are uniform over r + 1 .. r + Q
            "reorder_point_units": 6,
            "order_quantity_units": 10,
        },
    )

    def measure(run: RunRecords, _: Intake) -> tuple[float, ...]:
        ships, span_s = run.shipments, run.horizon_s - run.warm_up_s
        left_s = np.where(ships.tendered_s == NEVER, run.horizon_s, ships.tendered_s)
        promised_unit_s = (ships.units * np.maximum(left_s - np.maximum(ships.released_s, run.warm_up_s), 0)).sum()
        n_cells = run.stock.closing_units.size
        return (
            fill_by_group(run, 1)[0],
            daily_by_group(run, "daily_backordered", 1).mean(),
            (run.stock.on_hand_unit_s.sum() - promised_unit_s) / span_s / n_cells,
            (run.purchases.ordered_s >= run.warm_up_s).sum() / n_cells / (span_s / DAY_S),
        )

    values = replicated(business, measure, replications=8, seed=SEED)
    assert_met(values, 0.903652, 0.118098, 5.618098, 0.2, half_width=0.08)
