"""What must add up in every run of the `process` engine, whatever the model asks of it."""

from __future__ import annotations

import gc
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import small_business

from omsim.demand.arrivals import draw_intake
from omsim.sim.plan import compile_plan
from omsim.sim.process.engine import run_process
from omsim.sim.records import NEVER, RunRecords, differences

if TYPE_CHECKING:
    from omsim.model.business import Business

EVENTS = """
    kind,          target, start,      end,        value
    site_closed,   south,  2026-10-02, 2026-10-03, 0
    carrier_out,   swift,  2026-10-01, 2026-10-02, 0
    supplier_late, mill,   2026-09-29, 2026-10-05, 1.5
    system_outage, ,       2026-10-06, 2026-10-06, 0
"""
STOCK = {
    "on_hand_units": ["60", "50", "10", "40", "30"],
    "reorder_point_units": ["60", "40", "0", "30", "20"],
    "order_up_to_units": ["150", "120", "20", "0", "80"],
    "order_quantity_units": ["0", "0", "0", "50", "0"],
    "review_days": ["1", "2", "1", "1", "1"],
    "moq_units": ["1", "30", "1", "1", "1"],
    "pack_units": ["1", "1", "6", "1", "12"],
    "shrinkage_units_per_day": ["0.8", "0", "0.1", "0", "0.5"],
}
ARMS: dict[str, dict[str, object]] = {
    "cycle": {},
    "immediate": {"decisions.release": "immediate", "decisions.allocation_rule": "nearest"},
    "continuous": {"decisions.review": "continuous", "decisions.backorder_rank": "oldest"},
    "half_hours": {
        "decisions.allocation_cycle_minutes": 30,
        "decisions.carrier_rule": "cheapest",
        "decisions.refund_rule": "at_receipt",
        "model.warm_up_days": 3,
    },
}


def eventful(arm: str, horizon_days: int = 28) -> Business:
    """The small business with everything on, over the change of clocks in October."""
    return small_business(
        {
            "model.horizon_days": horizon_days,
            "costs.late_penalty_cents": 500,
            "costs.return_lag_median_days": 3,
            **ARMS[arm],
        },
        events=EVENTS,
        stock=STOCK,
        channels={
            "partial_lines": ["true", "false"],
            "patience_days": ["4", ""],
            "reject_share": ["0.03", "0"],
            "auto_check_s": ["45", "0"],
            "promise_cutoff": ["14:00", "24:00"],
        },
        services={"loss_share": ["0.02"], "damage_share": ["0.03"], "daily_slots": ["25", "8"]},
        dispositions="""
            category, disposition, share
            ,         restock,     7
            ,         scrap,       3
            towel,    restock,     1
            towel,    refurbish,   1
        """,
    )


@cache
def told(arm: str) -> RunRecords:
    """One replication of an arm."""
    business = eventful(arm)
    intake = draw_intake(business, seed=7, replication=2)
    return run_process(business, compile_plan(business), intake, seed=7, replication=2)


@pytest.mark.parametrize("arm", ARMS)
def test_units_add_up_in_every_cell(arm: str):
    """Opening + received + restocked = shipped + shrunk + closing, and what is promised is in the building."""
    stock = told(arm).stock
    came = stock.opening_units + stock.received_units + stock.restocked_units
    np.testing.assert_array_equal(came, stock.shipped_units + stock.shrunk_units + stock.closing_units)
    assert (stock.reserved_units <= stock.closing_units).all()
    assert (stock.reserved_units >= 0).all()
    np.testing.assert_array_equal(stock.daily_on_hand[-1], stock.closing_units)
    assert stock.shrunk_units.sum() > 0
    assert stock.restocked_units.sum() > 0


@pytest.mark.parametrize("arm", ARMS)
def test_cells_agree_with_shipments_and_purchases(arm: str):
    """What cells say is reserved, shipped, on order and waited for is what the rows of the run say."""
    run, business = told(arm), eventful(arm)
    cell_of = compile_plan(business).network.cell_of
    n_cells = run.stock.closing_units.size
    whole = np.ones(run.lines.sku.size, dtype=bool)
    whole[run.short_lines.line] = False
    first_units = np.where(whole, run.lines.units, 0)
    first_units[run.short_lines.line] = run.short_lines.shipment_units
    has = run.lines.shipment >= 0
    line = np.concatenate([np.flatnonzero(has), run.pieces.line])
    shipment = np.concatenate([run.lines.shipment[has], run.pieces.shipment])
    units = np.concatenate([first_units[has], run.pieces.units])
    cell = cell_of[run.shipments.site[shipment], run.lines.sku[line]]
    gone = run.shipments.tendered_s[shipment] != NEVER
    np.testing.assert_array_equal(np.bincount(cell[gone], units[gone], n_cells), run.stock.shipped_units)
    np.testing.assert_array_equal(np.bincount(cell[~gone], units[~gone], n_cells), run.stock.reserved_units)
    np.testing.assert_array_equal(np.bincount(shipment, units), run.shipments.units)
    np.testing.assert_array_equal(np.bincount(shipment), run.shipments.lines)
    short = run.short_lines
    waits = run.lines.units[short.line] - short.reserved_units - short.cancelled_units
    assert (waits >= 0).all()
    assert (waits[short.cell < 0] == 0).all()
    waiting = np.bincount(short.cell[waits > 0], waits[waits > 0], n_cells)
    np.testing.assert_array_equal(waiting, run.stock.backordered_units)
    came = run.purchases.receipt_s < run.horizon_s
    for rows, units_of_cell in ((came, run.stock.received_units), (~came, run.stock.on_order_units)):
        np.testing.assert_array_equal(
            np.bincount(run.purchases.cell[rows], run.purchases.units[rows], n_cells), units_of_cell
        )


@pytest.mark.parametrize("arm", ARMS)
def test_life_goes_forward(arm: str):
    """Nothing happens before what it follows from."""
    run, orders = told(arm), told(arm).orders
    validated = orders.validated_s != NEVER
    assert (orders.validated_s[validated] >= orders.arrived_s[validated]).all()
    assert (orders.allocated_s[orders.rejected] == NEVER).all()
    assert orders.rejected.any()
    parcels = run.shipments
    picked, packed = parcels.picked_s != NEVER, parcels.packed_s != NEVER
    tendered = parcels.tendered_s != NEVER
    assert (parcels.picked_s - parcels.pick_s >= parcels.released_s)[picked].all()
    assert (parcels.packed_s - parcels.pack_s >= parcels.picked_s)[packed].all()
    assert (parcels.tendered_s >= parcels.packed_s)[tendered].all()
    delivered = parcels.delivered_s != NEVER
    assert (parcels.delivered_s >= parcels.tendered_s + 3600)[delivered].all()
    np.testing.assert_array_equal(tendered, delivered | parcels.lost)
    assert (parcels.service[tendered] >= 0).all()
    back = run.returns
    assert (np.diff(back.requested_s) >= 0).all()
    inspected = back.inspected_s != NEVER
    assert (back.inspected_s > back.received_s)[inspected].all()
    np.testing.assert_array_equal(inspected, back.disposition >= 0)
    assert (back.disposition[back.damaged & inspected] == 3).all()
    assert back.damaged.any()
    assert parcels.lost.any()
    assert run.contacts.abandoned.any()
    assert (run.contacts.closed_s != NEVER).any()


@pytest.mark.parametrize("arm", ARMS)
def test_people_do_not_work_more_than_their_shifts(arm: str):
    """No task starts beyond the people on duty, and none later than the first second it could."""
    run, stations = told(arm), compile_plan(eventful(arm)).stations
    parcels, n_sites = run.shipments, 2
    for stage, ready, seconds, ended in (
        (0, parcels.released_s, parcels.pick_s, parcels.picked_s),
        (1, parcels.picked_s, parcels.pack_s, parcels.packed_s),
    ):
        for site in range(n_sites):
            number = 2 + stage * n_sites + site
            change_s, people = (
                column[stations.first[number] : stations.first[number + 1]]
                for column in (stations.change_s, stations.people)
            )
            done = (parcels.site == site) & (ended != NEVER)
            begins, ends = (ended - seconds)[done], ended[done]
            working = (begins[None, :] <= begins[:, None]) & (begins[:, None] < ends[None, :])
            on_duty = people[np.searchsorted(change_s, begins, side="right") - 1]
            assert (working.sum(axis=1) <= on_duty).all()
            waited = begins > ready[done]
            assert np.isin(begins[waited], np.concatenate([ends, change_s])).all()
            started = (parcels.site == site) & (seconds > 0)
            assert run.stations.tasks[number] == started.sum()
            assert run.stations.busy_s[number] == seconds[started].sum()


@pytest.mark.parametrize("arm", ARMS)
def test_queueing_time_is_the_sum_of_waits(arm: str):
    """Little's law as an identity: queue_s is the waits of those who started and of those who still wait."""
    run = told(arm)
    parcels, returns = run.shipments, run.returns
    pick = [stage == "pick" for stage in run.stations.stage]
    started = parcels.pick_s > 0
    unfinished = started & (parcels.picked_s == NEVER)
    assert not unfinished.any()  # nobody picks at midnight here
    waits = (parcels.picked_s - parcels.pick_s - parcels.released_s)[started].sum()
    still = (run.horizon_s - parcels.released_s)[~started].sum()
    assert run.stations.wait_s[pick].sum() == waits
    assert run.stations.queue_s[pick].sum() == waits + still
    inspect = [stage == "inspect" for stage in run.stations.stage]
    waiting = (returns.received_s != NEVER) & (returns.inspected_s == NEVER)
    still = (run.horizon_s - returns.received_s)[waiting].sum()
    assert (run.stations.queue_s - run.stations.wait_s)[inspect].sum() == still


def test_immediate_orders_are_allocated_as_validated():
    """Without cycles an order is allocated at the second its validation ends, but for the outage."""
    orders = told("immediate").orders
    tried = orders.allocated_s != NEVER
    outage_ends = 9 * 86_400
    in_outage = (orders.validated_s >= 8 * 86_400) & (orders.validated_s < outage_ends)
    np.testing.assert_array_equal(
        orders.allocated_s[tried], np.where(in_outage, outage_ends, orders.validated_s)[tried]
    )
    assert in_outage.any()


def test_the_same_run_twice_is_the_same():
    """A run is a function of its arguments; another replication is another run."""
    business = eventful("cycle", horizon_days=7)
    plan = compile_plan(business)
    runs = [
        run_process(business, plan, draw_intake(business, seed=3, replication=r), seed=3, replication=r)
        for r in (0, 0, 1)
    ]
    assert differences(runs[0], runs[1]) == []
    assert "orders.arrived_s" in differences(runs[0], runs[2])
    assert gc.isenabled()


def test_a_shorter_horizon_only_cuts_the_story_off():
    """What happened before the shorter run's last day happens in the longer run at the same seconds.

    The last day's tender is left out: it cannot see the next day's pickup, and may hold other parcels back.
    """
    short, long = (
        run_process(
            business, compile_plan(business), draw_intake(business, seed=3, replication=0), seed=3, replication=0
        )
        for business in (eventful("cycle", horizon_days=10), eventful("cycle", horizon_days=14))
    )
    n_orders, n_parcels = short.orders.arrived_s.size, short.shipments.order.size
    happened = short.orders.allocated_s != NEVER
    np.testing.assert_array_equal(long.orders.allocated_s[:n_orders][happened], short.orders.allocated_s[happened])
    last_day = 9 * 86_400
    tendered = (short.shipments.tendered_s != NEVER) & (short.shipments.tendered_s < last_day)
    for column in ("packed_s", "tendered_s", "delivered_s", "service", "price_cents"):
        np.testing.assert_array_equal(
            getattr(long.shipments, column)[:n_parcels][tendered], getattr(short.shipments, column)[tendered]
        )
    np.testing.assert_array_equal(long.stock.daily_on_hand[:9], short.stock.daily_on_hand[:9])
