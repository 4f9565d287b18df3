"""One order of a run explained: what was decided for it and why, from a run that was watched.

Owns the door and what the records alone tell; why these sites is `explain_sourcing`'s, why this carton and service
`explain_shipping`'s work. Nothing is stored: the run is simulated again, the same to the bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.analysis.costs import order_costs
from omsim.analysis.outcomes import derive_outcomes
from omsim.experiments.explain_shipping import Contents, ShippingView
from omsim.experiments.explain_sourcing import SourcingView
from omsim.experiments.story import (
    ContactStory,
    Fill,
    Goods,
    LineStory,
    OrderStory,
    ReturnStory,
    ShipmentStory,
    Taken,
    Term,
    Trade,
)
from omsim.kernels.outcome_columns import CAUSES, COST_NAMES
from omsim.model.calendars import Calendar
from omsim.model.fields import CONTACT_REASONS, DISPOSITIONS
from omsim.sim.engine import run_once
from omsim.sim.plan import compile_plan
from omsim.sim.records import NEVER
from omsim.sim.watching import OrderSeen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords
    from omsim.sim.watching import Piece

Ints = NDArray[np.int64]


def explain_order(business: Business, order: int, *, seed: int = 1, replication: int = 0) -> OrderStory:
    """Simulate a replication again and tell one order's story.

    Parameters
    ----------
    business : Business
    order : int
        Row of the run's orders, from 0: the number that the report and the tables of a run give it.
    seed, replication : int

    Returns
    -------
    OrderStory

    Raises
    ------
    FieldError
        The run has no such order.
    """
    seen = OrderSeen(order=order)
    records = run_once(business, seed=seed, replication=replication, watch=seen)
    return tell_story(business, records, seen)


def tell_story(business: Business, records: RunRecords, seen: OrderSeen) -> OrderStory:
    """The story of the order that was watched in a run."""
    return _Teller(business, records, seen).story()


class _Teller:
    """What is at hand to tell a story."""

    def __init__(self, business: Business, records: RunRecords, seen: OrderSeen) -> None:
        self.business, self.records, self.seen = business, records, seen
        self.plan = compile_plan(business)
        self.calendar = Calendar(business.settings.time_zone, business.settings.start_date, 0)
        self.sites, self.skus = business["sites"].texts("site"), business["skus"].texts("sku")
        self.first, self.last = records.orders.first_line[seen.order : seen.order + 2].tolist()
        short = records.short_lines
        rows = np.flatnonzero((short.line >= self.first) & (short.line < self.last)).tolist()
        self.short_row = {int(short.line[row]): row for row in rows}

    def clock(self, second: int) -> str:
        """The local time of a second; empty for NEVER."""
        return "" if second == NEVER else self.calendar.local_text(int(second))

    def story(self) -> OrderStory:
        """All of it."""
        business, records, seen = self.business, self.records, self.seen
        orders, order = records.orders, seen.order
        outcomes = derive_outcomes(records, business)
        costs = order_costs(records, business, outcomes)
        terms = tuple(
            Term(name, round(cents, 4))
            for name in COST_NAMES
            if (cents := float(costs.cents(name)[order]))  # to the hundredth of a hundredth of a cent
        )
        sourcing = SourcingView(business, self.plan, records, self.clock)
        delivered_s, promise_s = int(outcomes.last_delivered_s[order]), int(orders.promise_s[order])
        return OrderStory(
            model=business.settings.name,
            currency=business.settings.currency,
            seed=records.seed,
            replication=records.replication,
            order=order,
            orders=orders.arrived_s.size,
            channel=business["channels"].texts("channel")[int(orders.channel[order])],
            region=business["regions"].texts("region")[int(orders.region[order])],
            arrived_at=self.clock(orders.arrived_s[order]),
            validated_at=self.clock(orders.validated_s[order]),
            rejected=bool(orders.rejected[order]),
            promised_at=self.clock(promise_s),
            allocated_at=self.clock(orders.allocated_s[order]),
            ends_at=self.clock(records.horizon_s),
            lines=tuple(self.line(line) for line in range(self.first, self.last)),
            not_tried=self.not_tried(),
            hold_minutes=business.settings.hold_minutes,
            sourcing=tuple(sourcing.tell(order, one) for one in seen.tries),
            trades=tuple(
                Trade(self.clock(trade.at_s), self.taken(trade.before), self.taken(trade.after))
                for trade in seen.trades
            ),
            fills=tuple(self.fills()),
            shipments=self.shipments(),
            returns=self.returns(),
            contacts=self.contacts(),
            delivered_at=self.clock(delivered_s),
            late_s=delivered_s - promise_s if NEVER not in (delivered_s, promise_s) else 0,
            missed_because=CAUSES[int(outcomes.cause[order])],
            costs=terms,
            total_cents=round(sum(term.cents for term in terms), 4),
            counted_from=self.clock(records.warm_up_s),
        )

    def line(self, line: int) -> LineStory:
        """What became of a line."""
        lines, short = self.records.lines, self.records.short_lines
        units, sku = int(lines.units[line]), self.skus[int(lines.sku[line])]
        row = self.short_row.get(line)
        swapped = np.flatnonzero(self.records.substitutions.line == line).tolist()
        asked = self.skus[int(self.records.substitutions.asked_sku[swapped[0]])] if swapped else sku
        if row is None:
            at_s = int(self.records.orders.allocated_s[self.seen.order])
            filled = units if at_s != NEVER else 0
            return LineStory(
                sku=sku, asked_sku=asked, units=units, first_units=filled, reserved_units=filled, cancelled_units=0,
                open_units=0, waited_at="", last_fill_at=self.clock(at_s), cancelled_at="",
            )  # fmt: skip
        reserved, cancelled = int(short.reserved_units[row]), int(short.cancelled_units[row])
        cell = int(short.cell[row])
        return LineStory(
            sku=sku,
            asked_sku=asked,
            units=units,
            first_units=int(short.first_units[row]),
            reserved_units=reserved,
            cancelled_units=cancelled,
            open_units=units - reserved - cancelled,
            waited_at=self.sites[int(self.plan.cells.site[cell])] if cell >= 0 else "",
            last_fill_at=self.clock(short.last_fill_s[row]),
            cancelled_at=self.clock(short.cancelled_s[row]),
        )

    def not_tried(self) -> str:
        """Why the order was never sourced."""
        orders, order = self.records.orders, self.seen.order
        if self.seen.tries:
            return ""
        if orders.rejected[order]:
            return "refused by validation"
        if orders.validated_s[order] == NEVER:
            return "still in validation at the end of the run"
        return "no allocation came between its validation and the end of the run"

    def fills(self) -> Iterable[Fill]:
        """Times at which stock came to where a line waits."""
        cells = self.plan.cells
        for fill in self.seen.fills:
            yield Fill(
                self.clock(fill.at_s), fill.line + 1, self.skus[int(cells.sku[fill.cell])],
                self.sites[int(cells.site[fill.cell])], fill.free_units, fill.ahead_units, fill.wanted_units,
                fill.given_units,
            )  # fmt: skip

    def taken(self, pieces: Iterable[Piece]) -> tuple[Taken, ...]:
        """Pieces with names."""
        sku = self.records.lines.sku
        return tuple(
            Taken(piece.line + 1, self.skus[int(sku[self.first + piece.line])], self.sites[piece.site], piece.units)
            for piece in pieces
        )

    def shipments(self) -> tuple[ShipmentStory, ...]:
        """The order's shipments by number."""
        view = ShippingView(self.business, self.plan, self.clock)
        rows = np.flatnonzero(self.records.shipments.order == self.seen.order)
        rows = rows[np.argsort(self.records.shipments.number[rows], kind="stable")]
        return tuple(self.shipment(row, view) for row in rows.tolist())

    def shipment(self, row: int, view: ShippingView) -> ShipmentStory:
        """A shipment, from release to delivery."""
        ships, contents = self.records.shipments, self.contents(row)
        tenders = [seen for seen in self.seen.tenders if seen.shipment == row]
        cartons, lost_cartons = view.cartons(contents) if tenders else ((), ())
        picked_s, packed_s = int(ships.picked_s[row]), int(ships.packed_s[row])
        promise_s, delivered_s = int(self.records.orders.promise_s[self.seen.order]), int(ships.delivered_s[row])
        service = int(ships.service[row])
        return ShipmentStory(
            row=row,
            number=int(ships.number[row]) + 1,
            site=self.sites[int(ships.site[row])],
            contents=tuple(
                Goods(self.skus[sku], units)
                for sku, units in zip(contents.sku.tolist(), contents.units.tolist(), strict=True)
            ),
            released_at=self.clock(ships.released_s[row]),
            pick_began_at=self.clock(picked_s - int(ships.pick_s[row])) if picked_s != NEVER else "",
            picked_at=self.clock(picked_s),
            pack_began_at=self.clock(packed_s - int(ships.pack_s[row])) if packed_s != NEVER else "",
            packed_at=self.clock(packed_s),
            weight_g=int(ships.weight_g[row]),
            cartons=cartons,
            cartons_lost=lost_cartons,
            tenders=tuple(view.tender(seen) for seen in tenders),
            tendered_at=self.clock(ships.tendered_s[row]),
            service=self.business["services"].texts("service")[service] if service >= 0 else "",
            packaging_cents=int(ships.packaging_cents[row]) if ships.packaging_cents.size else 0,
            price_cents=int(ships.price_cents[row]),
            delivered_at=self.clock(delivered_s),
            late_s=delivered_s - promise_s if NEVER not in (promise_s, delivered_s) else 0,
            lost=bool(ships.lost[row]),
            damaged=bool(ships.damaged[row]),
            on_hold=bool(ships.released_s[row] == NEVER),
        )

    def contents(self, row: int) -> Contents:
        """What is in a shipment, by SKU."""
        lines, short, pieces = self.records.lines, self.records.short_lines, self.records.pieces
        held: dict[int, int] = {}
        for line in range(self.first, self.last):
            if lines.shipment[line] == row:
                at = self.short_row.get(line)
                units = int(lines.units[line] if at is None else short.shipment_units[at])
                held[int(lines.sku[line])] = held.get(int(lines.sku[line]), 0) + units
        for piece in np.flatnonzero(pieces.shipment == row).tolist():
            sku = int(lines.sku[pieces.line[piece]])
            held[sku] = held.get(sku, 0) + int(pieces.units[piece])
        skus = sorted(held)
        return Contents(np.array(skus, dtype=np.int64), np.array([held[sku] for sku in skus], dtype=np.int64))

    def returns(self) -> tuple[ReturnStory, ...]:
        """What came back."""
        back, lines = self.records.returns, self.records.lines
        rows = np.flatnonzero((back.line >= self.first) & (back.line < self.last)).tolist()
        return tuple(
            ReturnStory(
                sku=self.skus[int(lines.sku[back.line[row]])],
                units=int(back.units[row]),
                site=self.sites[int(back.site[row])],
                requested_at=self.clock(back.requested_s[row]),
                received_at=self.clock(back.received_s[row]),
                inspected_at=self.clock(back.inspected_s[row]),
                refunded_at=self.clock(back.refunded_s[row]),
                disposition=DISPOSITIONS[int(back.disposition[row])] if back.disposition[row] >= 0 else "",
                refund_cents=int(back.refund_cents[row]),
            )
            for row in rows
        )

    def contacts(self) -> tuple[ContactStory, ...]:
        """Who called about it."""
        calls = self.records.contacts
        rows = np.flatnonzero(calls.order == self.seen.order).tolist()
        return tuple(
            ContactStory(
                reason=CONTACT_REASONS[int(calls.reason[row])],
                at=self.clock(calls.at_s[row]),
                answered_at=self.clock(calls.answered_s[row]),
                abandoned=bool(calls.abandoned[row]),
            )
            for row in rows
        )
