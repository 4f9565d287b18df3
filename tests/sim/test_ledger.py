"""The stock ledger: the pencil model's entries, and what must hold of every run's."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sim.busy_models import both_engines, random_business, tied_business

from omsim.demand.arrivals import draw_intake
from omsim.errors import AuditError
from omsim.model.calendars import DAY_S
from omsim.model.fields import DISPOSITIONS
from omsim.model.loading import load
from omsim.sim.audit import check
from omsim.sim.cycles import allocation_cycles, restocking_instants, run_calendar
from omsim.sim.engine import run_once
from omsim.sim.ledger import ACCOUNTS, REFERENCES, StockLedger, balances, stock_ledger
from omsim.sim.pieces import piece_blocks, units_of_pieces
from omsim.sim.plan import compile_plan
from omsim.sim.records import NEVER, RunRecords
from omsim.sim.window.engine import run_window

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Business

# Day 0 is Monday. The kettle's way back starts two days after the hour of its delivery, which is drawn: its hours
# are not the pencil's, but its days are (asked for on Sunday, inspected on Monday).
CORNER_SHOP = """
    0 00:00 tea    20 opening   on_hand   stock     0
    0 00:00 mug     6 opening   on_hand   stock     1
    0 00:00 kettle  2 opening   on_hand   stock     2
    0 17:00 tea     1 on_hand   customer  shipments 0
    0 17:00 mug     1 on_hand   customer  shipments 0
    0 17:00 tea     2 on_hand   customer  shipments 1
    1 17:00 mug     4 on_hand   customer  shipments 2
    2 17:00 mug     1 on_hand   customer  shipments 3
    3 17:00 tea     4 on_hand   customer  shipments 4
    3 17:00 kettle  1 on_hand   customer  shipments 5
    4 07:00 mug     5 supplier  on_hand   purchases 0
    4 17:00 mug     2 on_hand   customer  shipments 6
    4 17:00 tea     7 on_hand   customer  shipments 7
    6 -     kettle  1 customer  returning returns   0
    7 -     kettle  1 returning inspected returns   0
    7 -     kettle  1 inspected on_hand   returns   0
    9 07:00 tea    14 supplier  on_hand   purchases 1
"""
NO_MORE_THAN_GIVEN = [ACCOUNTS.index(name) for name in ("opening", "supplier")]


def told(ledger: StockLedger, business: Business) -> list[tuple[str, ...]]:
    """Entries in the words of `CORNER_SHOP`."""
    skus = business["stock"].texts("sku")
    rows = []
    for i, at_s in enumerate(ledger.at_s.tolist()):
        kind = REFERENCES[ledger.reference_kind[i]]
        clock = "-" if kind == "returns" else f"{at_s % DAY_S // 3600:02d}:{at_s % 3600 // 60:02d}"
        ends = ACCOUNTS[ledger.source[i]], ACCOUNTS[ledger.target[i]]
        sku, units = skus[ledger.cell[i]], str(ledger.units[i])
        rows.append((str(at_s // DAY_S), clock, sku, units, *ends, kind, str(ledger.reference[i])))
    return rows


def account(ledger: StockLedger, name: str, n_cells: int) -> list[int]:
    """An account's balance by cell, added up entry by entry."""
    balance, number = [0] * n_cells, ACCOUNTS.index(name)
    for cell, source, target, units in zip(
        ledger.cell.tolist(), ledger.source.tolist(), ledger.target.tolist(), ledger.units.tolist(), strict=True
    ):
        balance[cell] += units * ((target == number) - (source == number))
    return balance


def returned_by_cell(run: RunRecords, business: Business, chosen: np.ndarray) -> list[int]:
    """Units of the chosen returns by cell."""
    cells = list(zip(business.codes("stock", "site").tolist(), business.codes("stock", "sku").tolist(), strict=True))
    total: Counter[tuple[int, int]] = Counter()
    for row in np.flatnonzero(chosen).tolist():
        total[int(run.returns.site[row]), int(run.lines.sku[run.returns.line[row]])] += int(run.returns.units[row])
    return [total[cell] for cell in cells]


def assert_agrees(run: RunRecords, business: Business) -> StockLedger:
    """Every balance is what the records say, by cell; every entry is what its reference says."""
    ledger, stock, returns = stock_ledger(run, business), run.stock, run.returns
    n_cells = stock.closing_units.size
    balance = dict(zip(ACCOUNTS, balances(ledger, n_cells), strict=True))
    assert not sum(balance.values()).any()
    for name in ACCOUNTS:
        assert balance[name].tolist() == account(ledger, name, n_cells), name
    assert (-balance["opening"]).tolist() == stock.opening_units.tolist()
    assert (-balance["supplier"]).tolist() == stock.received_units.tolist()
    assert balance["on_hand"].tolist() == stock.closing_units.tolist()
    assert balance["shrinkage"].tolist() == stock.shrunk_units.tolist()
    requested = np.array(returned_by_cell(run, business, np.ones(returns.line.size, dtype=bool)))
    assert (balance["customer"] + balance["lost"] + requested == stock.shipped_units).all()
    assert balance["lost"].sum() == run.shipments.units[run.shipments.lost].sum()
    assert balance["returning"].tolist() == returned_by_cell(run, business, returns.inspected_s == NEVER)
    for code, name in enumerate(DISPOSITIONS):
        inspected = np.array(returned_by_cell(run, business, returns.disposition == code))
        if name == "restock":
            assert (balance["inspected"] + stock.restocked_units == inspected).all()
        else:
            assert balance[name].tolist() == inspected.tolist()
    for kind, units in (("purchases", run.purchases.units), ("shrinkage", run.shrinkage.units)):
        of_kind = ledger.reference_kind == REFERENCES.index(kind)
        assert ledger.units[of_kind].tolist() == units[ledger.reference[of_kind]].tolist()
    shipped = ledger.reference_kind == REFERENCES.index("shipments")
    by_shipment = np.bincount(ledger.reference[shipped], ledger.units[shipped], minlength=run.shipments.order.size)
    assert by_shipment.tolist() == np.where(run.shipments.tendered_s != NEVER, run.shipments.units, 0).tolist()
    return ledger


def assert_flows(run: RunRecords, business: Business, ledger: StockLedger) -> None:
    """Entry by entry in order: no account gives what it does not have, and every midnight's stock is as recorded."""
    midnights = run_calendar(business).day_start_s[1:].tolist()
    held: Counter[tuple[int, int]] = Counter()
    on_hand, n_cells, day, last_s = ACCOUNTS.index("on_hand"), run.stock.closing_units.size, 0, 0
    entries = zip(*(getattr(ledger, name).tolist() for name in StockLedger.__slots__), strict=True)
    for at_s, cell, source, target, units, _, _ in entries:
        while at_s > midnights[day]:
            assert [held[on_hand, c] for c in range(n_cells)] == run.stock.daily_on_hand[day].tolist()
            day += 1
        assert last_s <= at_s < run.horizon_s or ACCOUNTS[target] != "on_hand"
        assert units > 0
        held[source, cell] -= units
        held[target, cell] += units
        assert source in NO_MORE_THAN_GIVEN or held[source, cell] >= 0, (at_s, cell, ACCOUNTS[source])
        last_s = at_s
    assert [held[on_hand, c] for c in range(n_cells)] == run.stock.daily_on_hand[-1].tolist()


def test_corner_shop_by_hand(repo: Path):
    """Seventeen entries that a pencil finds as well, in this order."""
    business = load(repo / "models" / "corner_shop")
    run = run_once(business, seed=1)
    assert told(assert_agrees(run, business), business) == [
        tuple(row.split()) for row in CORNER_SHOP.strip().splitlines()
    ]


def test_three_weeks_of_metro(repo: Path):
    """Tens of thousands of parcels: every account's balance is the records', and the columns are as narrow as told."""
    business = load(repo / "models" / "metro")
    business = replace(business, settings=replace(business.settings, horizon_days=21, warm_up_days=0))
    run = run_window(
        business, compile_plan(business), draw_intake(business, seed=4, replication=0), seed=4, replication=0
    )
    ledger = assert_agrees(run, business)
    assert ledger.at_s.size > run.lines.sku.size // 2
    assert set(ledger.source.tolist() + ledger.target.tolist()) == set(range(len(ACCOUNTS)))
    assert sum(getattr(ledger, name).dtype.itemsize for name in StockLedger.__slots__) == 19
    check(run, business)


@pytest.mark.parametrize("seed", range(20))
def test_busy_businesses(seed: int):
    """Whatever the model: balances agree, nothing is given that is not there, and both engines' ledgers are one."""
    business = random_business(seed)
    ledgers = []
    for run in both_engines(business, seed=seed):
        ledger = assert_agrees(run, business)
        assert_flows(run, business, ledger)
        ledgers.append(ledger)
    one, other = ledgers
    for name in StockLedger.__slots__:
        assert getattr(one, name).tolist() == getattr(other, name).tolist()


def test_ties_within_a_second():
    """Where receipts, restocks, losses and tenders meet at one second, no entry comes before what it needs."""
    business = tied_business({}, start_date="2026-10-12")
    run = run_once(business, seed=3)
    ledger = assert_agrees(run, business)
    assert_flows(run, business, ledger)
    kinds_at = {(at_s, kind) for at_s, kind in zip(ledger.at_s.tolist(), ledger.reference_kind.tolist(), strict=True)}
    assert max(Counter(at_s for at_s, _ in kinds_at).values()) >= 2


def test_restocking_waits_for_a_cycle():
    """A cycle takes what is inspected up to its second; after the last one, and during an outage, nothing moves."""
    cycles = np.array([100, 200, 500])
    inspected = np.array([99, 100, 101, 500, 501, NEVER])
    assert restocking_instants(inspected, cycles).tolist() == [100, 100, 200, 500, NEVER, NEVER]
    business = tied_business({}, start_date="2026-10-12")
    calendar = run_calendar(business)
    day = calendar.day_of(allocation_cycles(business, calendar))
    assert sorted(set(day.tolist())) == [d for d in range(16) if d != 8]


def test_what_no_cycle_restocks_stays_inspected():
    """With one cycle a day, what the last day inspects for the shelf is not on hand when the run ends."""
    business = tied_business({"decisions.allocation_cycle_minutes": 1440}, start_date="2026-06-01")
    run = run_once(business, seed=3)
    ledger = assert_agrees(run, business)
    assert sum(account(ledger, "inspected", run.stock.closing_units.size)) > 0
    assert run.stock.restocked_units.sum() > 0


def test_losses_are_recorded_in_order():
    """One row a loss, sorted by review and cell, never empty, at the day's review."""
    n_losses = 0
    for seed in range(12):
        business = random_business(seed)
        for run in both_engines(business, seed=seed):
            losses = run.shrinkage
            keys = list(zip(losses.at_s.tolist(), losses.cell.tolist(), strict=True))
            assert keys == sorted(set(keys))
            assert (losses.units >= 1).all()
            assert set(losses.at_s.tolist()) <= set(compile_plan(business).times.review_s.tolist())
            n_losses += len(keys)
    assert n_losses > 30


def test_no_losses_no_rows(repo: Path):
    """A business without shrinkage has an empty column, not a row of nothing."""
    run = run_once(load(repo / "models" / "corner_shop"), seed=1)
    assert run.shrinkage.cell.size == run.shrinkage.units.size == run.shrinkage.at_s.size == 0


@pytest.mark.parametrize("column", ["restocked_units", "shrunk_units"])
def test_tampering_is_caught(column: str):
    """Who moves a unit between restocked, shrunk and received so that the cell's sum still fits is found out."""
    business = tied_business({}, start_date="2026-10-12")
    run = run_once(business, seed=3)
    forged = {name: np.array(getattr(run.stock, name)) for name in (column, "received_units")}
    forged[column][0] += 1
    forged["received_units"][0] += -1 if column == "restocked_units" else 1
    with pytest.raises(AuditError, match="does not hold"):
        check(replace(run, stock=replace(run.stock, **forged)), business)


def test_a_loss_moved_to_another_day_is_caught():
    """The sums by cell still fit, but a midnight's stock does not."""
    business = tied_business({}, start_date="2026-10-12")
    run = run_once(business, seed=3)
    at_s = np.array(run.shrinkage.at_s)
    at_s[0] += DAY_S
    with pytest.raises(AuditError, match="every midnight"):
        check(replace(run, shrinkage=replace(run.shrinkage, at_s=at_s)), business)


def test_pieces_are_found_again():
    """Every piece the blocks list is found by its line and shipment; what is no piece has no units."""
    run = run_once(tied_business({}, start_date="2026-10-12"), seed=3)
    assert run.pieces.line.size > 0
    blocks = list(piece_blocks(run))
    line, shipment, units = (np.concatenate([block[i] for block in blocks]) for i in range(3))
    assert units_of_pieces(run, line, shipment).tolist() == units.tolist()
    assert np.bincount(shipment, units, minlength=run.shipments.units.size).tolist() == run.shipments.units.tolist()
    assert units_of_pieces(run, line, np.full(line.size, run.shipments.units.size)).tolist() == [0] * line.size
