"""What a what-if does not touch keeps its luck: the same customers, tasks and parcels in both arms."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import small_business
from sim.busy_models import with_changes

from omsim.demand.arrivals import Intake, draw_intake
from omsim.sim.engine import run_once
from omsim.sim.records import NEVER, RunRecords

if TYPE_CHECKING:
    from omsim.model.business import Business

SEED = 4
DAY = 86_400
Order = tuple[int, int, int, tuple[tuple[int, int], ...]]


def base() -> Business:
    """The small business, half of its lines with plenty of stock."""
    return small_business({"model.horizon_days": 14}, channels={"day_cv": ["0.3", "0"]})


def scaled(factor: float, channel: str = "web", **days: date) -> dict[str, object]:
    """A scenario item that scales a channel's orders."""
    return {
        "table": "channels",
        "where": {"channel": channel},
        "column": "orders_per_day",
        "operation": "scale",
        "value": factor,
        **{"from" if name == "first" else "to": day for name, day in days.items()},
    }


def customers(business: Business, seed: int = SEED, replication: int = 0) -> dict[int, Order]:
    """Every order by its entity: arrival, channel, region, lines."""
    intake = draw_intake(business, seed=seed, replication=replication)
    return by_entity(intake)


def by_entity(intake: Intake) -> dict[int, Order]:
    """Orders of an intake by entity."""
    first = intake.first_line.tolist()
    lines = list(zip(intake.sku.tolist(), intake.units.tolist(), strict=True))
    rows = zip(*(column.tolist() for column in (intake.arrived_s, intake.channel, intake.region)), strict=True)
    orders = {
        entity: (*row, tuple(lines[first[i] : first[i + 1]]))
        for i, (entity, row) in enumerate(zip(intake.entity.tolist(), rows, strict=True))
    }
    assert len(orders) == intake.entity.size
    return orders


@pytest.mark.parametrize("factor", [1.05, 1.6, 3.7])
def test_more_demand_keeps_every_customer(factor: float):
    """Scaled up, each order of the base is there unchanged, and others come on top, in proportion."""
    before, after = customers(base()), customers(with_changes(base(), scaled(factor)))
    assert before.items() <= after.items()
    web = sum(order[1] == 0 for order in before.values())
    added = [order for entity, order in after.items() if entity not in before]
    assert {order[1] for order in added} == {0}
    assert len(added) == pytest.approx(web * (factor - 1), abs=5 * np.sqrt(web * factor))


def test_less_demand_takes_customers_away():
    """Scaled down, the orders left are some of the base's; the smaller the factor the smaller the set."""
    arms = [customers(with_changes(base(), scaled(factor))) for factor in (0.9, 0.5, 0.1)]
    bigger = customers(base())
    for arm in arms:
        assert arm.items() < bigger.items()
        bigger = arm
    web = [sum(order[1] == 0 for order in arm.values()) for arm in arms]
    assert web[1] == pytest.approx(web[0] * 5 / 9, abs=80)
    assert sum(order[1] == 1 for order in arms[2].values()) == sum(order[1] == 1 for order in arms[0].values())


def test_more_customers_in_two_arms_are_the_same_customers():
    """The orders a factor of 1.3 adds are among those of a factor of 2, but for the day's count."""
    some, more = (customers(with_changes(base(), scaled(factor))) for factor in (1.3, 2.0))
    assert some.items() <= more.items()


def test_a_factor_of_some_days_touches_these_days_only():
    """A windowed factor, and an event, change orders of their days and no other."""
    first, last = date(2026, 10, 1), date(2026, 10, 2)
    before = customers(base())
    event = {"kind": "demand_factor", "target": "web", "start": first, "end": last, "value": 0.5}
    for arm, direction in (
        (with_changes(base(), scaled(2.0, first=first, last=last)), 1),
        (with_changes(base(), events=(event,)), -1),
    ):
        after = customers(arm)
        changed = [order for entity, order in (before.items() ^ after.items())]
        assert changed
        assert {order[0] // DAY for order in changed} == {3, 4}
        assert (len(after) - len(before)) * direction == len(changed)


def test_a_new_channel_leaves_the_old_ones_alone():
    """A channel inserted by the scenario brings orders of its own."""
    rows: list[dict[str, object]] = [
        {"table": table, "operation": "insert", "row": row}
        for table, row in (
            ("channels", {"channel": "fair", "orders_per_day": 30}),
            ("demand", {"sku": "NA", "channel": "fair", "line_share": 1, "quantity_profile": "few"}),
            ("baskets", {"channel": "fair", "lines": 1, "share": 1}),
        )
    ]
    before, after = customers(base()), customers(with_changes(base(), *rows))
    assert before.items() <= after.items()
    assert {order[1] for entity, order in after.items() if entity not in before} == {2}


def test_a_longer_horizon_begins_alike():
    """The first two weeks of four are the two weeks of two."""
    longer = small_business({"model.horizon_days": 28}, channels={"day_cv": ["0.3", "0"]})
    assert {entity: order for entity, order in customers(longer).items() if order[0] < 14 * DAY} == customers(base())


def shipments_by_key(run: RunRecords, intake: Intake) -> dict[tuple[int, int], int]:
    """Row of each shipment by (order entity, number)."""
    keys = zip(intake.entity[run.shipments.order].tolist(), run.shipments.number.tolist(), strict=True)
    return {key: row for row, key in enumerate(keys)}


@pytest.mark.parametrize("engine", ["window", "process"])
def test_one_picker_more_changes_no_draw(engine: str):
    """Customers, review times, pick and pack seconds, hours of delivery and fates stay; only waiting changes."""
    plenty = {"on_hand_units": ["100000"]}
    services = {"daily_slots": ["100000"], "loss_share": ["0.05"], "damage_share": ["0.05"]}
    channels = {"orders_per_day": ["400", "100"], "manual_review_share": ["0.3", "0"], "reject_share": ["0.1", "0"]}
    before = small_business({"model.horizon_days": 6}, stock=plenty, channels=channels, services=services)
    picker = {
        "table": "staff",
        "where": {"stage": "pick", "site": "south"},
        "column": "workers",
        "operation": "add",
        "value": 1,
    }
    after = with_changes(before, picker)
    one, two = (run_once(arm, seed=SEED, engine=engine) for arm in (before, after))
    intake = draw_intake(before, seed=SEED, replication=0)
    for column in ("arrived_s", "validated_s", "rejected", "allocated_s"):
        np.testing.assert_array_equal(getattr(one.orders, column), getattr(two.orders, column))
    rows_one, rows_two = shipments_by_key(one, intake), shipments_by_key(two, intake)
    assert rows_one.keys() == rows_two.keys()
    a, b = (np.array([rows[key] for key in rows_one]) for rows in (rows_one, rows_two))
    for column, done in (("pick_s", "picked_s"), ("pack_s", "packed_s")):
        both = (getattr(one.shipments, done)[a] != NEVER) & (getattr(two.shipments, done)[b] != NEVER)
        np.testing.assert_array_equal(getattr(one.shipments, column)[a][both], getattr(two.shipments, column)[b][both])
    pick = one.stations.stage.index("pick") + 1
    assert two.stations.wait_s[pick] < 0.97 * one.stations.wait_s[pick]
    sent = (one.shipments.tendered_s[a] != NEVER) & (two.shipments.tendered_s[b] != NEVER)
    assert sent.sum() > 1000
    for column in ("lost", "damaged"):
        fates = [getattr(run.shipments, column)[rows][sent] for run, rows in ((one, a), (two, b))]
        if column == "lost":
            np.testing.assert_array_equal(*fates)
        assert fates[0].any()
    there = sent & ~one.shipments.lost[a]
    hours = [run.shipments.delivered_s[rows][there] % DAY for run, rows in ((one, a), (two, b))]
    np.testing.assert_array_equal(*hours)


@pytest.mark.parametrize("engine", ["window", "process"])
def test_fewer_slots_change_nothing_before_the_dock(engine: str):
    """With no returns, a carrier's room has no way to reach arrivals, allocation, picking or packing."""
    before = small_business(skus={"return_share": ["0"]})
    slots = {"table": "services", "column": "daily_slots", "operation": "scale", "value": 0.2}
    one, two = (run_once(arm, seed=SEED, engine=engine) for arm in (before, with_changes(before, slots)))
    for part, columns in (
        ("orders", ("arrived_s", "validated_s", "allocated_s", "promise_s", "n_shipments")),
        ("shipments", ("order", "number", "site", "released_s", "picked_s", "packed_s", "pick_s", "pack_s")),
        ("purchases", ("po", "cell", "units", "ordered_s", "receipt_s")),
    ):
        for column in columns:
            np.testing.assert_array_equal(getattr(getattr(one, part), column), getattr(getattr(two, part), column))
    assert two.shipments.rolled_over.sum() > one.shipments.rolled_over.sum()
    assert (two.shipments.tendered_s != NEVER).sum() < (one.shipments.tendered_s != NEVER).sum()


def test_another_policy_meets_the_same_demand_and_supplier():
    """Higher reorder points change what is ordered, not who orders nor how late the supplier is on a day."""
    more = {"table": "stock", "where": {"policy": "min_max"}, "column": "reorder_point_units"}
    one, two = (
        run_once(arm, seed=SEED) for arm in (base(), with_changes(base(), {**more, "operation": "add", "value": 20}))
    )
    np.testing.assert_array_equal(one.orders.arrived_s, two.orders.arrived_s)
    np.testing.assert_array_equal(one.lines.units, two.lines.units)
    leads = []
    for run, business in ((one, base()), (two, base())):
        site = business.codes("stock", "site")[run.purchases.cell]
        keys = zip(run.purchases.ordered_s.tolist(), site.tolist(), strict=True)
        leads.append(dict(zip(keys, (run.purchases.receipt_s - run.purchases.ordered_s).tolist(), strict=True)))
    shared = leads[0].keys() & leads[1].keys()
    assert len(shared) >= 3
    assert {key: leads[0][key] for key in shared} == {key: leads[1][key] for key in shared}
    assert not np.array_equal(one.purchases.units, two.purchases.units)
