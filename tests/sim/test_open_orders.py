"""What is on order before the first second, and days on which a supplier takes no orders; in both engines."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import small_business
from sim.busy_models import both_engines, random_business, with_changes

from omsim.analysis.costs import purchase_orders
from omsim.model.calendars import DAY_S
from omsim.sim.engine import run_once
from omsim.sim.ledger import ACCOUNTS, balances, stock_ledger
from omsim.sim.plan import compile_plan
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

HOUR = 3600
START = date(2026, 9, 28)
SUPPLIERS = """
    supplier, lead_time, lead_time_days, order_days, order_cost_cents
    mill,     fixed,     2,              Mon-Sun,    2500
    loom,     fixed,     1,              Mon-Sun,    900
"""
OPEN = """
    purchase_order, site,  sku, supplier, units, due_date
    B,              south, NA,  loom,     7,     2026-09-29
    A,              north, 1e5, mill,     9,     2026-09-28
    B,              north, 012, loom,     11,    2026-10-03
    A,              north, 012, mill,     13,    2026-12-01
"""


def shop(settings: dict[str, object] | None = None, **tables: object) -> Business:
    """The small business with plenty of stock, two suppliers and four lines open at the start."""
    return small_business(
        settings,
        **{  # type: ignore[arg-type]
            "suppliers": SUPPLIERS,
            "purchase_orders": OPEN,
            "sites": {"receiving_time": ["07:00", ""]},
            **tables,
        },
    )


def both(business: Business) -> RunRecords:
    """The run of the window engine, once the process engine is seen to leave the same purchases and stock."""
    process, window = both_engines(business, seed=5)
    for part in ("purchases", "stock"):
        for column in getattr(process, part).__slots__:
            np.testing.assert_array_equal(
                getattr(getattr(process, part), column), getattr(getattr(window, part), column), err_msg=column
            )
    return window


def test_open_lines_are_compiled_by_order_and_cell():
    """Orders are numbered as first named; a line comes at the site's receiving time of its day, else at 00:00."""
    lines = compile_plan(shop({"model.time_zone": "UTC"})).open_orders
    assert lines.po.tolist() == [0, 0, 1, 1]
    assert lines.cell.tolist() == [0, 4, 0, 2]
    assert lines.supplier.tolist() == [1, 1, 0, 0]
    assert lines.units.tolist() == [11, 7, 13, 9]
    assert lines.receipt_s.tolist() == [5 * DAY_S + 7 * HOUR, DAY_S, 64 * DAY_S + 7 * HOUR, 7 * HOUR]


def test_due_days_are_local_days():
    """After the clocks went back, 07:00 is an hour later than seven hours and whole days after the start."""
    table = "purchase_order, site, sku, supplier, units, due_date\nA, north, 012, mill, 1, 2026-10-26"
    told = compile_plan(shop(purchase_orders=table)).open_orders.receipt_s  # London: clocks change on 25 October
    assert told.tolist() == [28 * DAY_S + 8 * HOUR]


def test_what_is_open_is_on_order_arrives_and_stays_on_record():
    """On order until it comes, on hand from then; what is not due by the horizon is still on order; no order cost."""
    business = shop(stock={"policy": ["none"]})
    run = both(business)
    assert run.purchases.po.tolist() == [0, 0, 1, 1]
    assert run.purchases.supplier.tolist() == [1, 1, 0, 0]
    assert run.purchases.ordered_s.tolist() == [NEVER] * 4
    assert run.purchases.cost_cents.tolist() == [11 * 300, 7 * 500, 13 * 300, 9 * 2000]
    assert run.stock.received_units.tolist() == [11, 0, 9, 0, 7]
    assert run.stock.on_order_units.tolist() == [13, 0, 0, 0, 0]
    # midnights end days 0, 1, ...: the line due on day 1 at 00:00 comes before that midnight is recorded
    assert run.stock.daily_on_order[:, 4].tolist() == [0] * 14
    assert run.stock.daily_on_order[:, 2].tolist() == [0] * 14
    assert run.stock.daily_on_order[:, 0].tolist() == [24] * 5 + [13] * 9
    assert purchase_orders(run).size == 0
    ledger = stock_ledger(run, business)
    supplier = ACCOUNTS.index("supplier")
    assert balances(ledger, 5)[supplier].tolist() == [-11, 0, -9, 0, -7]
    assert int((ledger.source == supplier).sum()) == 3


def test_reorder_policies_see_what_is_open():
    """A cell below its reorder point orders nothing while open orders lift its position, and more when they do not."""
    stock = {"on_hand_units": ["100", "150", "30", "100", "80"], "policy": ["min_max", "none", "none", "none", "none"]}
    table = "purchase_order, site, sku, supplier, units, due_date\nA, north, 012, mill, {}, 2026-11-30"
    settings: dict[str, object] = {"model.horizon_days": 1, "decisions.review_time": "00:00"}
    bought = {}
    for units in (19, 20, 21, 1000):
        run = both(shop(settings, stock=stock, purchase_orders=table.format(units)))
        bought[units] = run.purchases.units[run.purchases.ordered_s != NEVER].tolist()
    assert bought == {19: [181], 20: [180], 21: [], 1000: []}  # reorder point 120, order up to 300


def test_what_comes_at_the_review_is_on_hand_before_it():
    """Receipts of a second come before its review; what comes at second 0 is there for a review at 00:00."""
    settings: dict[str, object] = {"decisions.review_time": "00:00", "model.horizon_days": 2}
    table = "purchase_order, site, sku, supplier, units, due_date\nA, south, 012, mill, 100, 2026-09-28"
    stock = {"on_hand_units": ["200", "150", "30", "0", "80"], "policy": ["none", "none", "none", "quantity", "none"]}
    run = both(shop(settings, stock=stock, purchase_orders=table))
    assert run.purchases.receipt_s[0] == 0
    assert run.purchases.ordered_s[1:].tolist() in ([], [DAY_S])
    assert run.stock.cycles[3] == run.stock.stockout_cycles[3] == 1


def test_new_orders_are_numbered_after_the_open_ones():
    """Numbers go on where the open orders end, and rows stay sorted by number and cell."""
    run = both(shop({"decisions.review": "continuous"}))
    opened = run.purchases.ordered_s == NEVER
    assert opened.tolist() == sorted(opened.tolist(), reverse=True)
    assert run.purchases.po[~opened].min() == 2
    key = run.purchases.po * 10 + run.purchases.cell
    assert (np.diff(key) > 0).all()


@pytest.mark.parametrize("review", ["daily", "continuous"])
def test_nothing_is_ordered_on_a_holiday(review: str):
    """Not from the supplier whose holiday it is; others sell, and the day after both do."""
    base = {
        "purchase_orders": None,
        "stock": {
            "supplier": ["mill", "loom", "mill", "loom", "mill"],
            "policy": ["base_stock"],
            "order_up_to_units": ["400"],
        },
    }
    days = [0, 3, 4, 13]
    holidays = "supplier, date\n" + "\n".join(f"mill, {START + timedelta(days=day)}" for day in days)
    settings: dict[str, object] = {"decisions.review": review, "decisions.allocation_cycle_minutes": 240}
    run = both(shop(settings, supplier_holidays=holidays, **base))
    plan = compile_plan(shop(settings))
    day = np.searchsorted(plan.times.day_start_s, run.purchases.ordered_s, side="right") - 1
    mill = run.purchases.supplier == 0
    assert not set(day[mill].tolist()) & set(days)
    assert {1, 2, 5} <= set(day[mill].tolist())
    assert {0, 1, 3, 4} <= set(day[~mill].tolist())
    free = both(shop(settings, **base))
    assert set(days) <= set(
        (np.searchsorted(plan.times.day_start_s, free.purchases.ordered_s, side="right") - 1).tolist()
    )


def test_a_scenario_may_add_a_holiday_and_an_order():
    """Both tables can be overlaid; lead-time draws of what is ordered all the same stay what they were."""
    business = shop({"model.horizon_days": 6}, suppliers=SUPPLIERS.replace("fixed,     2", "gamma,     2"))
    events: tuple[dict[str, object], ...] = (
        {"table": "supplier_holidays", "operation": "insert", "row": {"supplier": "mill", "date": "2026-09-30"}},
        {
            "table": "purchase_orders",
            "operation": "insert",
            "row": {
                "purchase_order": "C",
                "site": "south",
                "sku": "012",
                "supplier": "mill",
                "units": 3,
                "due_date": "2026-09-29",
            },
        },
    )
    other = with_changes(business, *events)
    run = both(other)
    assert run.purchases.po[run.purchases.ordered_s == NEVER].tolist() == [0, 0, 1, 1, 2]
    assert not (run.purchases.ordered_s // DAY_S == 2).any()
    assert (both(business).purchases.ordered_s // DAY_S == 2).any()


@pytest.mark.parametrize("seed", range(16))
def test_orders_never_fall_on_a_holiday_and_open_ones_come_when_due(seed: int):
    """On random businesses, recomputed from the tables row by row."""
    business = random_business(seed)
    run = run_once(business, seed=seed)
    settings, table = business.settings, business["purchase_orders"]
    plan = compile_plan(business)
    sent = run.purchases.ordered_s != NEVER
    day = np.searchsorted(plan.times.day_start_s, run.purchases.ordered_s[sent], side="right") - 1
    closed = set(
        zip(
            business["supplier_holidays"].texts("supplier"),
            (business["supplier_holidays"].integers("date") - settings.start_date.toordinal()).tolist(),
            strict=True,
        )
    )
    names = business["suppliers"].texts("supplier")
    ordered = {(names[s], d) for s, d in zip(run.purchases.supplier[sent].tolist(), day.tolist(), strict=True)}
    assert not ordered & closed
    rows = {
        (
            table.texts("site")[row],
            table.texts("sku")[row],
            int(table.integers("units")[row]),
            table.texts("supplier")[row],
        )
        for row in range(len(table))
    }
    stock = business["stock"]
    opened = np.flatnonzero(~sent)
    assert opened.size == len(table)
    for row in opened.tolist():
        cell = int(run.purchases.cell[row])
        told = (stock.texts("site")[cell], stock.texts("sku")[cell], int(run.purchases.units[row]))
        assert (*told, names[int(run.purchases.supplier[row])]) in rows
    due = np.sort(table.integers("due_date") - settings.start_date.toordinal())
    came = np.sort(np.searchsorted(plan.times.day_start_s, run.purchases.receipt_s[opened], side="right") - 1)
    np.testing.assert_array_equal(came, due)
