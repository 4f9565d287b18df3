"""What must add up in every run of the window engine, recomputed from its rows in another way than it was made."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sim.busy_models import random_business

from omsim.model.fields import DISPOSITIONS
from omsim.sim.engine import run_once
from omsim.sim.plan import Plan, compile_plan
from omsim.sim.records import NEVER, RunRecords
from omsim.sim.staffing import station_number

if TYPE_CHECKING:
    from omsim.model.business import Business

SEEDS = range(16)


@cache
def told(seed: int) -> tuple[RunRecords, Business, Plan]:
    """A run of a random business."""
    business = random_business(seed)
    return run_once(business, seed=seed), business, compile_plan(business)


def pieces_of(run: RunRecords) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(line, shipment, units) of every piece."""
    units = run.lines.units.astype(np.int64)
    units[run.short_lines.line] = run.short_lines.shipment_units
    line = np.flatnonzero(run.lines.shipment >= 0)
    return (
        np.concatenate([line, run.pieces.line]),
        np.concatenate([run.lines.shipment[line], run.pieces.shipment]),
        np.concatenate([units[line], run.pieces.units]),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_every_unit_asked_for_is_somewhere(seed: int):
    """Each line is untried, or its units are in shipments, cancelled or waiting, as its channel allows."""
    run, _, plan = told(seed)
    line, _, units = pieces_of(run)
    n_lines = run.lines.units.size
    order_of_line = np.repeat(np.arange(run.orders.arrived_s.size), np.diff(run.orders.first_line))
    given, cancelled = np.bincount(line, units, n_lines), np.zeros(n_lines)
    cancelled[run.short_lines.line] = run.short_lines.cancelled_units
    tried = run.orders.allocated_s[order_of_line] != NEVER
    assert given[~tried].sum() == cancelled[~tried].sum() == 0
    waiting = run.lines.units - given - cancelled
    assert (waiting[tried] >= 0).all()
    assert waiting[tried].sum() == run.stock.backordered_units.sum()
    backorders = plan.channels.backorders[run.orders.channel[order_of_line]]
    assert waiting[tried & ~backorders].sum() == 0
    assert (run.orders.allocated_s[run.orders.rejected] == NEVER).all()
    whole = ~plan.channels.partial[run.orders.channel[order_of_line[line]]]
    np.testing.assert_array_equal(units[whole], run.lines.units[line][whole])
    starts = np.bincount(
        run.shipments.order, run.shipments.released_s == run.orders.allocated_s[run.shipments.order], given.size
    )
    limit = plan.channels.split_limit[run.orders.channel]
    assert (starts[: limit.size] <= limit).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_people_work_without_pause_and_not_too_many(seed: int):
    """Nobody starts beyond the people on duty; who waited starts as a task ends or a shift begins; ranks are kept."""
    run, business, plan = told(seed)
    ships, stations = run.shipments, plan.stations
    for stage, ready_s, task_s, done_s in (
        ("pick", ships.released_s, ships.pick_s, ships.picked_s),
        ("pack", ships.picked_s, ships.pack_s, ships.packed_s),
    ):
        for site in range(len(business["sites"])):
            number = station_number(stage, site, len(business["sites"]))
            steps = slice(stations.first[number], stations.first[number + 1])
            change_s, people = stations.change_s[steps], stations.people[steps]
            here = np.flatnonzero((ships.site == site) & (done_s != NEVER))
            end_s, ready = done_s[here], ready_s[here]
            start_s = end_s - task_s[here]
            assert (start_s >= ready).all()
            assert (task_s[here] >= 1).all()
            beyond = (ships.site == site) & (task_s > 0) & (done_s == NEVER)  # started, not done by the horizon
            unfinished = int(beyond.sum())
            running = ((start_s[None, :] <= start_s[:, None]) & (start_s[:, None] < end_s[None, :])).sum(axis=1)
            on_duty = people[np.searchsorted(change_s, start_s, side="right") - 1]
            assert (running <= on_duty).all()
            waited = start_s > ready
            assert np.isin(start_s[waited], np.concatenate([end_s, change_s])).all()
            rank = plan.channels.rank[run.orders.channel[ships.order[here]]] if stage == "pick" else np.zeros(here.size)
            turn = np.lexsort((here, ready, rank)) if stage == "pack" else np.lexsort((here, rank))
            before = np.empty(here.size, dtype=np.int64)
            before[turn] = np.arange(here.size)
            overtaken = (before[:, None] < before[None, :]) & (start_s[:, None] > start_s[None, :])
            assert not (overtaken & (ready[:, None] <= start_s[None, :])).any()
            assert run.stations.tasks[number] == here.size + unfinished
            assert run.stations.busy_s[number] == task_s[(ships.site == site)].sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_purchases_and_backorders_are_what_midnights_show(seed: int):
    """On order and waited for at every midnight, from the rows of purchases, lines and shipments alone."""
    run, _, plan = told(seed)
    n_days, n_cells = run.stock.daily_on_order.shape
    bought, short = run.purchases, run.short_lines
    line, shipment, units = pieces_of(run)
    order = np.searchsorted(run.orders.first_line, short.line, side="right") - 1
    filled_s = run.shipments.released_s[shipment]
    rows = {int(number): row for row, number in enumerate(short.line)}
    row_of_piece = np.array([rows.get(int(number), -1) for number in line])
    for day in range(n_days):
        midnight = plan.times.day_start_s[day + 1]
        open_po = (bought.ordered_s <= midnight) & (bought.receipt_s > midnight)
        if day == n_days - 1:
            open_po |= (bought.ordered_s <= midnight) & (bought.receipt_s == midnight)  # not at the horizon itself
        expected = np.bincount(bought.cell[open_po], bought.units[open_po], n_cells)
        np.testing.assert_array_equal(run.stock.daily_on_order[day], expected)
        filled = (filled_s <= midnight) & (row_of_piece >= 0)
        given = np.bincount(row_of_piece[filled], units[filled], short.line.size)
        gone = np.where((short.cancelled_s != NEVER) & (short.cancelled_s <= midnight), short.cancelled_units, 0)
        waits = (short.cell >= 0) & (run.orders.allocated_s[order] <= midnight)
        left = run.lines.units[short.line] - given - gone
        expected = np.bincount(short.cell[waits], left[waits], n_cells)
        np.testing.assert_array_equal(run.stock.daily_backordered[day], expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_stock_integrals_are_the_area_under_its_events(seed: int):
    """Unit-seconds on hand and seconds with free stock, from receipts, restocks, losses, reservations and tenders."""
    run, _, plan = told(seed)
    line, shipment, units = pieces_of(run)
    cell = plan.network.cell_of[run.shipments.site[shipment], run.lines.sku[line]]
    left_s = run.shipments.tendered_s[shipment]
    back = run.returns
    cycle = np.searchsorted(plan.times.cycle_s, back.inspected_s)
    again = (
        (back.inspected_s != NEVER)
        & (back.disposition == DISPOSITIONS.index("restock"))
        & (cycle < plan.times.cycle_s.size)
    )
    come = run.purchases.receipt_s < run.horizon_s
    cell_back = plan.network.cell_of[back.site, run.lines.sku[back.line]]
    moves = [  # (instant, cell, on hand, reserved)
        (run.purchases.receipt_s[come], run.purchases.cell[come], run.purchases.units[come], 0),
        (plan.times.cycle_s[cycle[again]], cell_back[again], back.units[again], 0),
        (run.shrinkage.at_s, run.shrinkage.cell, -run.shrinkage.units.astype(np.int64), 0),
        (run.shipments.released_s[shipment], cell, np.zeros(cell.size, dtype=np.int64), units),
        (left_s[left_s != NEVER], cell[left_s != NEVER], -units[left_s != NEVER], -units[left_s != NEVER]),
    ]
    at_s, of, hand, held = (
        np.concatenate([np.broadcast_to(move[column], move[0].shape) for move in moves]) for column in range(4)
    )
    for number in range(run.stock.opening_units.size):
        mine = np.flatnonzero(of == number)
        mine = mine[np.argsort(at_s[mine], kind="stable")]
        since = np.maximum(np.concatenate([[0], at_s[mine]]), run.warm_up_s)
        span = np.diff(np.append(since, run.horizon_s))
        on_hand = run.stock.opening_units[number] + np.concatenate([[0], np.cumsum(hand[mine])])
        free = on_hand - np.concatenate([[0], np.cumsum(held[mine])])
        assert run.stock.on_hand_unit_s[number] == (on_hand * span).sum()
        assert run.stock.stocked_s[number] == span[free > 0].sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_littles_law_at_the_contact_desk(seed: int):
    """The queue's integral is the sum of everybody's waits; served in order; who leaves is not served."""
    run, business, _ = told(seed)
    calls, desk = run.contacts, station_number("contact", -1, len(business["sites"]))
    answered = calls.answered_s != NEVER
    assert not (answered & calls.abandoned).any()
    assert (calls.answered_s[answered] >= calls.at_s[answered]).all()
    assert (np.diff(calls.answered_s[answered]) >= 0).all()
    assert (np.diff(calls.at_s) >= 0).all()
    waits = (calls.answered_s - calls.at_s)[answered].sum()
    open_calls = ~answered & ~calls.abandoned
    still = (run.horizon_s - calls.at_s)[open_calls].sum()
    given_up = run.stations.wait_s[desk] - waits
    assert given_up >= 0
    assert run.stations.queue_s[desk] == waits + given_up + still
    assert run.stations.tasks[desk] == answered.sum()
    closed = calls.closed_s != NEVER
    assert run.stations.busy_s[desk] >= (calls.closed_s - calls.answered_s)[closed].sum()
    assert (run.stations.busy_s <= run.stations.staffed_s + 864_000 * run.stations.tasks).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_returns_and_refunds_are_in_turn(seed: int):
    """Back after delivery, received after the way, inspected in order of arrival, paid by the rule."""
    run, business, _ = told(seed)
    back = run.returns
    delivered_s = run.shipments.delivered_s[back.shipment]
    assert (delivered_s != NEVER).all()
    assert (back.requested_s >= delivered_s).all()
    received = back.received_s != NEVER
    transit_s = business.settings.return_transit_days * 86_400
    np.testing.assert_array_equal(back.received_s[received], back.requested_s[received] + transit_s)
    assert (back.requested_s[~received] + transit_s >= run.horizon_s).all()
    inspected = back.inspected_s != NEVER
    np.testing.assert_array_equal(inspected, back.disposition >= 0)
    assert (back.inspected_s[inspected] > back.received_s[inspected]).all()
    assert (back.disposition[back.damaged & inspected] == DISPOSITIONS.index("scrap")).all()
    stage = {"at_scan": "requested_s", "at_receipt": "received_s", "after_inspection": "inspected_s"}
    np.testing.assert_array_equal(back.refunded_s, getattr(back, stage[business.settings.refund_rule]))
    prices = business["skus"].integers("price_cents")[run.lines.sku[back.line]]
    np.testing.assert_array_equal(back.refund_cents, back.units * prices)
