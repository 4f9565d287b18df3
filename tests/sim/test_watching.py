"""A watched run is the same run, and what was seen is what its records say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sim.busy_models import digest_of, random_business, tied_business

from omsim.errors import FieldError, RunError
from omsim.sim.engine import run_once
from omsim.sim.plan import compile_plan
from omsim.sim.records import NEVER
from omsim.sim.watching import OrderSeen

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords
    from omsim.sim.watching import Piece


def watched(business: Business, seed: int, order: int) -> tuple[RunRecords, OrderSeen]:
    """A run, and what was seen of an order in it."""
    seen = OrderSeen(order=order)
    return run_once(business, seed=seed, watch=seen), seen


def orders_of_all_kinds(records: RunRecords) -> list[int]:
    """One order each of those with most shipments, with a wait, without an allocation, and a plain one."""
    orders, short = records.orders, records.short_lines
    of_short = np.searchsorted(orders.first_line, short.line, side="right") - 1
    untried = np.flatnonzero(orders.allocated_s == NEVER)
    wanted = [orders.n_shipments.argmax(), orders.arrived_s.size // 2, *of_short[-1:], *untried[:1]]
    return sorted({int(order) for order in wanted})


@pytest.mark.parametrize(
    ("seed", "sourcing", "shipping"),
    [(0, False, True), (4, False, False), (1, True, False), (3, True, True), (5, True, True), (7, True, True)],
)
def test_a_watched_run_is_the_same_run(seed: int, sourcing: bool, shipping: bool) -> None:
    """Looking at any kind of order changes no bit of the records, one by one or sourced in batches."""
    business = random_business(seed, sourcing=sourcing, shipping=shipping)
    plain = run_once(business, seed=seed)
    for order in orders_of_all_kinds(plain):
        records, _ = watched(business, seed, order)
        assert digest_of(records) == digest_of(plain)


@pytest.mark.parametrize("release", ["at_cycle", "immediate"])
def test_stock_seen_is_what_the_order_was_served_from(release: str) -> None:
    """At its turn every cell has what the order then takes, and its pieces are those of the records."""
    business = tied_business({"decisions.release": release}, start_date="2026-03-02")
    cell_of = compile_plan(business).network.cell_of
    plain = run_once(business, seed=3)
    for order in np.flatnonzero(plain.orders.n_shipments > 0)[::120].tolist():
        records, seen = watched(business, 3, order)
        (tried,) = seen.tries
        assert tried.at_s == records.orders.allocated_s[order]
        first = records.orders.first_line[order]
        for piece in tried.pieces:
            cell = cell_of[piece.site, records.lines.sku[first + piece.line]]
            assert 0 < piece.units <= tried.free_units[cell]
        lines = np.arange(first, records.orders.first_line[order + 1])
        short = np.isin(records.short_lines.line, lines)
        at_once = records.lines.units[lines].sum() - records.lines.units[records.short_lines.line[short]].sum()
        at_once += records.short_lines.first_units[short].sum()
        assert sum(piece.units for piece in tried.pieces) == at_once


def test_decisions_together_leave_what_was_there() -> None:
    """What the orders of a cycle get together is never more than was free before it."""
    seed = 3
    business = random_business(seed, sourcing=True)
    plain = run_once(business, seed=seed)
    assert plain.sourcing.at_s.size
    for order in np.flatnonzero(plain.orders.allocated_s != NEVER)[::60].tolist():
        records, seen = watched(business, seed, order)
        for tried in seen.tries:
            cycle = int(np.searchsorted(records.sourcing.at_s, tried.at_s))
            assert tried.orders == records.sourcing.orders[cycle]
            assert 0 <= tried.before < tried.orders
            assert (tried.free_units - tried.earlier_units - tried.later_units >= 0).all()
            assert tried.status == records.sourcing.status[cycle]


def test_fills_and_tenders_seen_are_the_records() -> None:
    """Units given while an order waits are its later pieces, and each tender's answer its shipment's."""
    business = tied_business({}, start_date="2026-03-02")
    plain = run_once(business, seed=3)
    short = plain.short_lines
    filled_later = short.line[short.reserved_units > short.first_units]
    assert filled_later.size
    for order in np.unique(np.searchsorted(plain.orders.first_line, filled_later, side="right") - 1)[:3].tolist():
        records, seen = watched(business, 3, order)
        rows = np.flatnonzero(np.searchsorted(records.orders.first_line, short.line, side="right") - 1 == order)
        later = short.reserved_units[rows].sum() - short.first_units[rows].sum()
        assert sum(fill.given_units for fill in seen.fills) == later
        for fill in seen.fills:
            assert fill.given_units <= max(fill.free_units - fill.ahead_units, 0)
        ships = records.shipments
        for row in np.flatnonzero((ships.order == order) & (ships.tendered_s != NEVER)).tolist():
            tenders = [tender for tender in seen.tenders if tender.shipment == row]
            assert len(tenders) == ships.rolled_over[row] + 1
            assert [tender.service for tender in tenders[:-1]] == [-1] * int(ships.rolled_over[row])
            last = tenders[-1]
            assert (last.at_s, last.service, last.price_cents) == (
                ships.tendered_s[row],
                ships.service[row],
                ships.price_cents[row],
            )


def test_orders_on_hold_are_seen_to_trade() -> None:
    """Where the records count trades, orders are seen to change sites, all their units kept and none too many."""
    business = random_business(41, sourcing=True)
    plain = run_once(business, seed=41)
    cycle = int(np.flatnonzero(plain.sourcing.moved)[0])
    at_s = int(plain.sourcing.at_s[cycle])
    still = run_once(replace(business, settings=replace(business.settings, hold_reassign=False)), seed=41)
    moved = 0
    for order in np.flatnonzero(plain.orders.allocated_s <= at_s).tolist():
        if sites_of(plain, order) != sites_of(still, order):
            for trade in watched(business, 41, order)[1].trades:
                assert units_of(trade.before) == units_of(trade.after)
                there = {(piece.line, piece.site) for piece in trade.before}
                changed = {(piece.line, piece.site) for piece in trade.after} - there
                assert changed
                moved += len(changed) if trade.at_s == at_s else 0
    assert 0 < moved <= plain.sourcing.moved[cycle]  # some end where they would have been anyhow


def sites_of(records: RunRecords, order: int) -> list[int]:
    """Sites of an order's shipments."""
    sites: list[int] = records.shipments.site[records.shipments.order == order].tolist()
    return sites


def units_of(pieces: tuple[Piece, ...]) -> dict[int, int]:
    """Units of each line."""
    return {line: sum(piece.units for piece in pieces if piece.line == line) for line in {p.line for p in pieces}}


def test_an_order_that_is_not_there_is_refused() -> None:
    """The range of a run's orders is told; the reference engine cannot watch."""
    business = tied_business({}, start_date="2026-03-02")
    n_orders = run_once(business, seed=3).orders.arrived_s.size
    with pytest.raises(FieldError, match=f"from 0 to {n_orders - 1:,}, got {n_orders}"):
        run_once(business, seed=3, watch=OrderSeen(order=n_orders))
    with pytest.raises(RunError, match="cannot watch"):
        run_once(business, seed=3, engine="process", watch=OrderSeen(order=0))
