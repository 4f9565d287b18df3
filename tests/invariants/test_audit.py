"""The audit is exact on honest records, and each of its identities fails on forged ones."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest
from sim.busy_models import tied_business

from omsim.errors import AuditError, RunError
from omsim.model.fields import DISPOSITIONS
from omsim.sim.audit import audit, check
from omsim.sim.engine import ENGINES, run_once
from omsim.sim.records import NEVER, RunRecords

if TYPE_CHECKING:
    from collections.abc import Callable

    from omsim.model.business import Business

Forgery: TypeAlias = "Callable[[RunRecords], RunRecords]"


@cache
def honest() -> tuple[RunRecords, Business]:
    """A run in which everything happens, and its business."""
    business = tied_business({}, start_date="2026-10-12")
    return run_once(business, seed=3), business


def forged(part: str, column: str, where: object, change: int, *, to: bool = False) -> Forgery:
    """A forger who adds `change` to some cells of one column (or sets them `to` it).

    `where` is an index, or a function of the records that gives one.
    """

    def forge(run: RunRecords) -> RunRecords:
        cells = np.array(getattr(getattr(run, part), column))
        at = where(run) if callable(where) else where
        cells[at] = change if to else cells[at] + change
        return replace(run, **{part: replace(getattr(run, part), **{column: cells})})

    return forge


def tendered(run: RunRecords) -> int:
    """A shipment that was tendered and delivered later."""
    return int(np.flatnonzero(run.shipments.delivered_s > run.shipments.tendered_s)[5])


def due(run: RunRecords) -> int:
    """A purchase line received within the horizon."""
    return int(np.flatnonzero(run.purchases.receipt_s < run.horizon_s)[0])


def not_due(run: RunRecords) -> int:
    """A purchase line still on its way at the horizon."""
    return int(np.flatnonzero(run.purchases.receipt_s >= run.horizon_s)[0])


def whole_line(run: RunRecords) -> int:
    """A line filled whole and at once."""
    is_short = np.isin(np.arange(run.lines.sku.size), run.short_lines.line)
    return int(np.flatnonzero((run.lines.shipment >= 0) & ~is_short)[7])


def used_pickup(run: RunRecords) -> tuple[int, int]:
    """A pickup that took parcels."""
    row, service = np.argwhere(run.tenders.used > 0)[0]
    return int(row), int(service)


def trivial_pickup(run: RunRecords) -> tuple[int, int]:
    """A pickup of a tender at which everybody's cheapest fitted."""
    return run.tenders.status.index("trivial"), 0


def order_of_tendered(run: RunRecords) -> int:
    """The order of `tendered`."""
    return int(run.shipments.order[tendered(run)])


def picking_site(run: RunRecords) -> int:
    """The first picking station."""
    return run.stations.stage.index("pick")


def move_a_line(run: RunRecords) -> RunRecords:
    """Say that a line travelled in a stranger's parcel."""
    line, shipment = whole_line(run), np.array(run.lines.shipment)
    shipment[line] = (shipment[line] + 1) % run.shipments.order.size
    return replace(run, lines=replace(run.lines, shipment=shipment))


def restocked(run: RunRecords) -> int:
    """A return that was put back on the shelf."""
    return int(np.flatnonzero(run.returns.disposition == DISPOSITIONS.index("restock"))[0])


def return_a_piece_again(run: RunRecords) -> RunRecords:
    """Say that the second return is of the first one's piece."""
    columns = {name: np.array(getattr(run.returns, name)) for name in ("line", "shipment")}
    for cells in columns.values():
        cells[1] = cells[0]
    return replace(run, returns=replace(run.returns, **columns))


FORGERIES: dict[str, Forgery] = {
    "opening + received + restocked = shipped + shrunk + closing, by site and SKU": forged(
        "stock", "closing_units", 0, 1
    ),
    "units shipped by cell = units of tendered shipments": forged("stock", "shipped_units", 1, -1),
    "units reserved by cell = units of shipments not yet tendered": forged("stock", "reserved_units", 2, 1),
    "no stock is negative": forged("stock", "daily_on_hand", (3, 1), -1, to=True),
    "reserved stock is on hand": forged("stock", "reserved_units", 0, 1_000_000),
    "units received by cell = purchase lines due": forged("purchases", "units", due, 1),
    "units on order by cell = purchase lines not yet due": forged("purchases", "units", not_due, 1),
    "units bought by cell = received + still on order": forged("stock", "received_units", 0, 1),
    "units open at the start by cell = the model's purchase orders": forged("purchases", "ordered_s", 0, 0, to=True),
    "units reserved of a short line = its pieces": forged("short_lines", "reserved_units", 0, 1),
    "no line is over-served": forged("short_lines", "cancelled_units", 0, 1000),
    "units backordered by cell = units of lines that wait there": forged("stock", "backordered_units", 0, 1),
    "units of a shipment = its pieces": forged("shipments", "units", 0, 1),
    "lines of a shipment = its pieces": forged("shipments", "lines", 0, 1),
    "pieces belong to their shipment's order": move_a_line,
    "shipments of an order = its shipment count": forged("orders", "n_shipments", 0, 1),
    "released after validation": forged("orders", "validated_s", order_of_tendered, 10**9, to=True),
    "picked_s after released_s": forged("shipments", "picked_s", tendered, 1, to=True),
    "packed_s after picked_s": forged("shipments", "packed_s", tendered, 1, to=True),
    "tendered_s after packed_s": forged("shipments", "tendered_s", tendered, 1, to=True),
    "delivered_s after tendered_s": forged("shipments", "delivered_s", tendered, 1, to=True),
    "rejected orders ship nothing": forged("orders", "rejected", order_of_tendered, True, to=True),
    "Little: queue integral = waits ended + waits going on, at pick and pack": forged(
        "stations", "queue_s", picking_site, 1
    ),
    "people are never busier than the tasks they started": forged("stations", "busy_s", picking_site, 0, to=True),
    "units shrunk by cell = losses found at reviews": forged("shrinkage", "units", 0, 1),
    "units restocked by cell = returns inspected for it before the last allocation cycle": forged(
        "returns", "inspected_s", restocked, NEVER, to=True
    ),
    "stock on hand at every midnight = what the ledger's entries so far leave": forged("shrinkage", "at_s", 0, 86_400),
    "units of a return = its piece's": forged("returns", "units", restocked, -1),
    "no piece comes back twice": return_a_piece_again,
    "returns follow delivery": forged("returns", "requested_s", restocked, 0, to=True),
    "parcels tendered = slots used": forged("tenders", "used", used_pickup, 1),
    "no pickup takes more than its slots": forged("tenders", "slots", used_pickup, 0, to=True),
    "lines of orders that were tried = lines in a shipment or told as short": forged(
        "lines", "shipment", whole_line, NEVER, to=True
    ),
    "parcels at a tender = sent + held": forged("tenders", "parcels", 0, 1),
    "what nobody carries is held": forged("tenders", "unoffered", 0, 10**6),
    "carrier prices paid = tender costs": forged("tenders", "cost_cents", 0, 1),
    "no tender costs less than its bound": forged("tenders", "bound_cents", 0, 10**9),
    "one slot more never costs": forged("tenders", "slot_price_cents", (0, 0), -(10**9)),
    "where everybody's cheapest fits, slots are worth nothing": forged(
        "tenders", "slot_price_cents", trivial_pickup, 1
    ),
    "slots of every pickup = the model's": forged("tenders", "slots", used_pickup, 1),
}


def test_an_honest_run_breaks_nothing():
    """Every identity compares something, none is broken, and `check` is content."""
    run, business = honest()
    found = audit(run, business)
    assert [identity for identity in found if identity.broken] == []
    assert min(identity.compared for identity in found) >= 1
    check(run, business)


def test_every_identity_has_a_forgery():
    """No identity can be added without a test that it can fail."""
    run, business = honest()
    assert {identity.name for identity in audit(run, business)} == set(FORGERIES)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_found(name: str):
    """Each identity is broken by records forged against it, and `check` raises."""
    run, business = honest()
    forgery = FORGERIES[name](run)
    broken = {identity.name: identity for identity in audit(forgery, business) if identity.broken}
    assert name in broken
    assert broken[name].example
    with pytest.raises(AuditError, match="does not hold"):
        check(forgery, business)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_broken_engine_is_caught(engine: str, monkeypatch: pytest.MonkeyPatch):
    """`run_once` audits what an engine leaves, and raises instead of answering."""
    _, business = honest()
    run = ENGINES[engine]
    lose_a_parcel = forged("shipments", "tendered_s", tendered, NEVER, to=True)
    monkeypatch.setitem(ENGINES, engine, lambda *args, **keys: lose_a_parcel(run(*args, **keys)))
    with pytest.raises(AuditError):
        run_once(business, seed=3, engine=engine)


def test_an_unknown_engine_is_refused():
    """Only engines that exist can be asked for."""
    _, business = honest()
    with pytest.raises(RunError, match="window, process"):
        run_once(business, engine="windows")
