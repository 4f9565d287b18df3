"""Purchase orders and losses: who is grouped with whom, when they come, what they are keyed by."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import small_business
from sim.busy_models import with_changes

from omsim.demand.rng import Purpose, uniforms
from omsim.model.calendars import DAY_S, Calendar
from omsim.sim.plan import BEYOND_DAYS, compile_plan, receiving_instant
from omsim.sim.purchasing import PurchaseLines, place_orders, shrinkage_by_day

if TYPE_CHECKING:
    from omsim.model.business import Business

HOUR = 3600
SUPPLIERS = """
    supplier, lead_time, lead_time_days, lead_time_cv
    mill,     fixed,     2,              0
    loom,     gamma,     4,              0.5
"""


def shop(**tables: object) -> Business:
    """Cells 0-2 at north (mill, loom, mill), 3 and 4 at south (loom, mill)."""
    return small_business(
        suppliers=SUPPLIERS,
        stock={"supplier": ["mill", "loom", "mill", "loom", "mill"]},
        **tables,  # type: ignore[arg-type]
    )


def place(business: Business, cells: list[int], at_s: int = 5 * HOUR, day: int = 0, occasion: int = 0) -> PurchaseLines:
    """Orders for 10 + cell units of each cell."""
    settings = business.settings
    calendar = Calendar(settings.time_zone, settings.start_date, settings.horizon_days + BEYOND_DAYS)
    cell = np.array(cells, dtype=np.int64)
    return place_orders(
        compile_plan(business),
        calendar,
        cell=cell,
        units=cell + 10,
        at_s=at_s,
        day=day,
        occasion=occasion,
        first_po=7,
        seed=3,
        replication=1,
    )


def test_one_order_a_site_and_supplier():
    """Five cells, four pairs: numbered by (site, supplier), lines by cell, one lead time an order."""
    lines = place(shop(), [0, 1, 2, 3, 4])
    assert lines.po.tolist() == [7, 7, 8, 9, 10]
    assert lines.cell.tolist() == [0, 2, 1, 4, 3]
    assert lines.units.tolist() == [10, 12, 11, 14, 13]
    mill = 5 * HOUR + 2 * DAY_S
    assert lines.receipt_s[[0, 1, 3]].tolist() == [mill] * 3
    assert len({*lines.receipt_s.tolist()}) == 3


def test_lead_times_are_keyed_by_occasion_site_and_supplier():
    """The factor is the table's cell at the keyed uniform, whatever else is ordered."""
    business = shop()
    plan = compile_plan(business)
    for occasion in (0, 1, 5):
        lines = place(business, [3], occasion=occasion)
        luck = uniforms(3, 1, Purpose.PURCHASE, np.array([occasion]), (1 << 20) + 1)[0, 0]
        factor = plan.supply.factor[1, int(luck * 4096)]
        assert lines.receipt_s.tolist() == [5 * HOUR + int(4 * DAY_S * factor)]
        together = place(business, [0, 1, 2, 3, 4], occasion=occasion)
        assert together.receipt_s[together.cell == 3].tolist() == lines.receipt_s.tolist()


def test_late_suppliers_and_windows_add_their_days():
    """An event adds whole or part days to orders of its days; a window changes the mean of its days."""
    events = "kind, target, start, end, value\nsupplier_late, mill, 2026-09-29, 2026-09-29, 1.5"
    receipts = [place(shop(events=events), [0], at_s=day * DAY_S, day=day).receipt_s[0] for day in range(3)]
    assert receipts == [2 * DAY_S, int(4.5 * DAY_S), 4 * DAY_S]
    change = {"table": "suppliers", "where": {"supplier": "mill"}, "column": "lead_time_days", "operation": "add",
              "value": 0.5, "from": date(2026, 9, 30)}  # fmt: skip
    receipts = [place(with_changes(shop(), change), [0], at_s=day * DAY_S, day=day).receipt_s[0] for day in (1, 2)]
    assert receipts == [3 * DAY_S, int(4.5 * DAY_S)]


def test_a_lead_time_is_at_least_a_second():
    """A supplier of lead time 0 delivers in the next second, never in the same."""
    assert place(shop(), [0]).receipt_s[0] > 5 * HOUR
    business = small_business(suppliers="supplier, lead_time_days\nmill, 0")
    assert place(business, [0]).receipt_s.tolist() == [5 * HOUR + 1]


@pytest.mark.parametrize(
    ("arrives_s", "put_away_s"),
    [(0, 7 * HOUR), (7 * HOUR, 7 * HOUR), (7 * HOUR + 1, DAY_S + 7 * HOUR), (DAY_S - 1, DAY_S + 7 * HOUR)],
)
def test_receipts_wait_for_the_receiving_time(arrives_s: int, put_away_s: int):
    """Put away at the next 07:00 at north, at once at south."""
    business = small_business({"model.time_zone": "UTC"}, sites={"receiving_time": ["07:00", ""]})
    calendar = Calendar("UTC", business.settings.start_date, 30)
    plan = compile_plan(business)
    assert receiving_instant(plan, calendar, 0, arrives_s) == put_away_s
    assert receiving_instant(plan, calendar, 1, arrives_s) == arrives_s


def test_shrinkage_is_keyed_by_day_and_cell():
    """Poisson in each cell that shrinks, none in others, the same day after day for the same key."""
    mean = ["2", "0", "0.5", "0", "1"]
    plan = compile_plan(small_business(stock={"shrinkage_units_per_day": mean}))
    days = np.stack([shrinkage_by_day(plan, day, seed=5, replication=0) for day in range(2000)])
    assert days[:, [1, 3]].sum() == 0
    np.testing.assert_allclose(days.mean(axis=0), np.array(mean, dtype=float), atol=0.12)
    np.testing.assert_allclose(days.var(axis=0), np.array(mean, dtype=float), atol=0.25)
    np.testing.assert_array_equal(days[77], shrinkage_by_day(plan, 77, seed=5, replication=0))
    alone = compile_plan(small_business(stock={"shrinkage_units_per_day": ["0", "0", "0.5", "0", "0"]}))
    np.testing.assert_array_equal(days[9, 2], shrinkage_by_day(alone, 9, seed=5, replication=0)[2])
