"""The sourcing desk: at every cycle it decides for all orders that are tried which site serves which line.

Owns what is decided and what it remembers between cycles: orders that wait whole, orders on hold, the room left at
sites that ship so many parcels a day. Both engines ask it and do as it says with stock and shipments of their own; see
`SPECIFICATION.md`, section 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.allocation.batch import NO_SITE, Batch, Choice, Stock
from omsim.kernels.allocation.reassign import reassign
from omsim.sim.sourcing.columns import SourcingColumns, SubstitutionColumns
from omsim.sim.sourcing.costs import SourcingCosts, open_ranking
from omsim.sim.sourcing.hold import Pieces, Shelf, no_pieces
from omsim.sim.sourcing.left_over import Rests, nothing_left
from omsim.sim.sourcing.rules import Rule
from omsim.sim.sourcing.substitutes import put_in_substitutes
from omsim.sim.sourcing.terms import compile_terms

if TYPE_CHECKING:
    from collections.abc import Callable

    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.sourcing.left_over import LeftOver
    from omsim.sim.sourcing.rules import Answer

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Decided(NamedTuple):
    """What a cycle decided.

    Attributes
    ----------
    tried : int64, shape (n_tried,)
        Orders tried for the first time.
    pieces : Pieces
        What is sourced now; to be reserved.
    left : LeftOver
    again : int64, shape (n_again,)
        Lines of orders that waited whole until now and are served now, whole.
    changed : int64, shape (n_changed,)
        Lines that are lines of another SKU from now on.
    """

    tried: Ints
    pieces: Pieces
    left: LeftOver
    again: Ints
    changed: Ints


class SourcingDesk:
    """Decides every cycle of one run.

    Parameters
    ----------
    business : Business
    plan : Plan
    intake : Intake
        Never written to.
    seed, replication : int
    promise_day : int64, shape (n_orders,)
        Local day by whose end delivery is promised, -1 = no promise.

    Attributes
    ----------
    sku : shape (n_lines,)
        What each line asks for: as ordered, until a substitute takes its place.
    kept_units : int64, shape (n_channels, n_cells or 0)
        What each channel leaves for others.
    watch : callable or None
        Shown what each cycle decides: the pieces, the orders in turn, and the rule's answer.
    """

    def __init__(
        self, business: Business, plan: Plan, intake: Intake, *, seed: int, replication: int, promise_day: Ints
    ) -> None:
        self._plan, self._intake, self._promise_day = plan, intake, promise_day
        self._terms = compile_terms(business, plan.network.ranking, plan.channels.rank, plan.channels.patience_s)
        self.kept_units = self._terms.classes.kept_units
        self.sku = intake.sku.copy() if self._terms.substitutes.any() else intake.sku
        self._costs = SourcingCosts(business, plan, self._terms)
        self._rule = Rule(business, plan, intake, self._terms, self._costs, seed=seed, replication=replication)
        self._rests = Rests(self._terms, plan.network.cell_of)
        self._shelf = Shelf(self._terms.hold_s)
        self._whole, self._whole_validated_s = (np.zeros(0, dtype=np.int64) for _ in range(2))
        self._day = -1
        self._room = np.zeros(0, dtype=np.int64)
        self._rows: list[tuple[int, int, int, int, int, str, str]] = []
        self._moved: list[int] = []
        self._substituted: list[tuple[Ints, Ints]] = []
        self.watch: Callable[[Pieces, Ints, Answer], None] | None = None

    def room(self, day: int) -> Ints:
        """Shipments every site may still take on a day; fills take from it in place; int64, shape (n_sites,)."""
        if day != self._day:
            self._day = day
            self._room = self._terms.daily_shipments[day].copy()
        return self._room

    def reopened_sites(self, now_s: int) -> Ints:
        """Sites with a daily limit, at the first cycle of a local day; otherwise none."""
        cycles, day_start_s = self._plan.times.cycle_s, self._plan.times.day_start_s
        started_s = day_start_s[np.searchsorted(day_start_s, now_s, side="right") - 1]
        first = cycles[np.searchsorted(cycles, started_s)] == now_s
        return np.flatnonzero(self._terms.limited & first)

    def decide(
        self,
        now_s: int,
        orders: Ints,
        validated_s: Ints,
        free_units: Ints,
        available_units: Callable[[int], Ints],
    ) -> Decided:
        """Decide for the orders of a cycle and for those that wait whole.

        Parameters
        ----------
        orders, validated_s : int64, shape (n,)
            Orders tried for the first time, in any order.
        free_units : int64, shape (n_cells,)
            Units on hand and not reserved. Not modified.
        available_units : callable
            Free units and those due until a second, less those waited for, by cell.
        """
        day = int(np.searchsorted(self._plan.times.day_start_s, now_s, side="right")) - 1
        ranking = open_ranking(self._terms.ranking, self._plan.network.closed[:, day])
        room = self.room(day)
        self._rule.look_ahead(now_s, day, available_units)
        again = self._may_be_served_whole(ranking, free_units)
        tried = np.concatenate([orders, self._whole[again]])
        validated = np.concatenate([validated_s, self._whole_validated_s[again]])
        is_new = np.arange(tried.size) < orders.size
        channel = self._intake.channel[tried].astype(np.int64)
        turn = np.lexsort((tried, validated, self._terms.rank[channel]))
        tried, validated, is_new, channel = tried[turn], validated[turn], is_new[turn], channel[turn]
        if not tried.size:
            self._note(now_s, 0, 0, 0, -1, "trivial", "")
            return Decided(tried, no_pieces(), nothing_left(), tried, tried)
        line, first_line = self._lines_of(tried)
        region = self._intake.region[tried].astype(np.int64)
        stock = Stock(self._plan.network.cell_of, free_units.copy(), room, self._plan.goods.weight_g)
        changed = self._substitute(tried, line, first_line, is_new, channel, region, ranking, stock)
        lanes, lane = self._costs.lanes(now_s, day, channel, region, self._promise_day[tried])
        units = self._intake.units[line].astype(np.int64)
        batch = Batch(first_line, self.sku[line].astype(np.int64), units, lane, channel)
        answer = self._rule.decide(batch, lanes, stock, region, self._intake.entity[tried])
        choice = answer.choice
        self._note(now_s, tried.size, line.size, answer.cost_cents, answer.bound_cents, answer.status, answer.fallback)
        of_line = np.repeat(np.arange(tried.size), np.diff(first_line))
        pieces = Pieces(
            order=tried[of_line[choice.line]],
            line=line[choice.line],
            site=choice.site,
            units=choice.units,
            sourced_s=np.full(choice.line.size, now_s, dtype=np.int64),
        )
        if self.watch is not None:
            self.watch(pieces, tried, answer)
        self._shelf.put(pieces)
        served = np.zeros(line.size, dtype=np.int64)
        np.add.at(served, choice.line, choice.units)
        full = served == units
        done = np.logical_and.reduceat(full, first_line[:-1])
        left = self._rests.place(batch, served, choice, is_new & ~done, region, ranking, stock)
        whole = np.unique(left.order[left.whole])
        self._whole = np.concatenate([self._whole, tried[whole]])
        self._whole_validated_s = np.concatenate([self._whole_validated_s, validated[whole]])
        left = left._replace(order=tried[left.order], line=line[left.line])
        ended = ~is_new & done
        self._forget_whole(tried[ended])
        return Decided(tried[is_new], pieces, left, line[ended[of_line]], changed)

    def trade(self, now_s: int, free_units: Ints) -> tuple[Ints, Ints]:
        """Let orders on hold change sites with each other and for free stock, to save parcels.

        With a daily limit somewhere only orders sourced today do, since room on other days is gone.

        Parameters
        ----------
        free_units : int64, shape (n_cells,)
            Units on hand and not reserved. Not modified.

        Returns
        -------
        cell, units : int64, shape (n_changed,)
            Units to reserve in each cell, or, below 0, to give back; cells ascending.
        """
        nothing = np.zeros(0, dtype=np.int64)
        if not self._terms.hold_s or not self._terms.reassign or not self._shelf.pieces.line.size:
            return nothing, nothing
        day = int(np.searchsorted(self._plan.times.day_start_s, now_s, side="right")) - 1
        since_s = int(self._plan.times.day_start_s[day]) if self._terms.limited.any() else 0
        held = self._shelf.since(since_s)
        if not held.line.size:
            return nothing, nothing
        order, of_order = _runs(held.order)
        line, of_line = _runs(held.line)
        units = np.zeros(line.size, dtype=np.int64)
        np.add.at(units, of_line, held.units)
        first_piece = np.flatnonzero(np.diff(of_line, prepend=-1))
        channel = self._intake.channel[order].astype(np.int64)
        region = self._intake.region[order].astype(np.int64)
        lanes, lane = self._costs.lanes(now_s, day, channel, region, self._promise_day[order])
        sku = self.sku[line].astype(np.int64)
        first_line = np.searchsorted(of_order[first_piece], np.arange(order.size + 1)).astype(np.int64)
        batch = Batch(first_line, sku, units, lane, channel)
        cell_of = self._plan.network.cell_of
        stock = Stock(cell_of, free_units.copy(), self.room(day), self._plan.goods.weight_g)
        before = Choice(of_line, held.site, held.units)
        after = reassign(batch, self._terms.classes, lanes, stock, before)
        n_sites = stock.room.size
        moved = ~np.isin(before.line * n_sites + before.site, after.line * n_sites + after.site)
        if not moved.any():
            return nothing, nothing
        self._moved[-1] = int(moved.sum())
        piece = first_piece[after.line]
        self._shelf.replace(
            since_s, Pieces(held.order[piece], held.line[piece], after.site, after.units, held.sourced_s[piece])
        )
        more = np.zeros(free_units.size, dtype=np.int64)
        np.add.at(more, cell_of[after.site, sku[after.line]], after.units)
        np.subtract.at(more, cell_of[before.site, sku[before.line]], before.units)
        cell = np.flatnonzero(more)
        return cell, more[cell]

    def release(self, now_s: int) -> Pieces:
        """What is to be made into shipments now, in the order in which it was sourced."""
        return self._shelf.take_due(now_s)

    def on_hold(self) -> Pieces:
        """What is on hold."""
        return self._shelf.pieces

    def give_up(self, now_s: int) -> Ints:
        """Orders that have waited whole for longer than their channel's patience; they are tried no more."""
        patience_s = self._terms.patience_s[self._intake.channel[self._whole]]
        gone = self._whole[(patience_s >= 0) & (self._intake.arrived_s[self._whole] + patience_s <= now_s)]
        self._forget_whole(gone)
        return gone

    def records(self) -> tuple[SubstitutionColumns, SourcingColumns]:
        """What the desk did: lines substituted, by line; and its cycles."""
        nothing = np.zeros(0, dtype=np.int64)
        line = np.concatenate([nothing, *(lines for lines, _ in self._substituted)])
        asked = np.concatenate([nothing, *(skus for _, skus in self._substituted)])
        by_line = np.argsort(line, kind="stable")
        at_s, orders, lines, cost, bound, status, fallback = zip(*self._rows, strict=True) if self._rows else ((),) * 7
        return (
            SubstitutionColumns(line=line[by_line].astype(np.int32), asked_sku=asked[by_line].astype(np.int32)),
            SourcingColumns(
                at_s=np.array(at_s, dtype=np.int32),
                orders=np.array(orders, dtype=np.int32),
                lines=np.array(lines, dtype=np.int32),
                cost_cents=np.array(cost, dtype=np.int64),
                bound_cents=np.array(bound, dtype=np.int64),
                status=tuple(status),
                fallback=tuple(fallback),
                moved=np.array(self._moved, dtype=np.int32),
            ),
        )

    def _note(
        self, now_s: int, orders: int, lines: int, cost_cents: int, bound_cents: int, status: str, fallback: str
    ) -> None:
        self._rows.append((now_s, orders, lines, cost_cents, bound_cents, status, fallback))
        self._moved.append(0)

    def _lines_of(self, orders: Ints) -> tuple[Ints, Ints]:
        """Lines of orders, one order after the other, and where each order's begin."""
        first = self._intake.first_line[orders].astype(np.int64)  # of these orders only: a run has far more
        count = self._intake.first_line[orders + 1] - first
        begins = np.zeros(orders.size + 1, dtype=np.int64)
        np.cumsum(count, out=begins[1:])
        return np.repeat(first - begins[:-1], count) + np.arange(begins[-1]), begins

    def _may_be_served_whole(self, ranking: Ints, free_units: Ints) -> Flags:
        """Orders waiting whole each of whose lines the open sites of its region could fill together."""
        if not self._whole.size:
            return np.zeros(0, dtype=np.bool_)
        line, first_line = self._lines_of(self._whole)
        of_line = np.repeat(np.arange(self._whole.size), np.diff(first_line))
        channel = self._intake.channel[self._whole].astype(np.int64)[of_line]
        sites = ranking[self._intake.region[self._whole]][of_line]
        usable = np.zeros(line.size, dtype=np.int64)
        for site in sites.T:
            cell = np.where(site >= 0, self._plan.network.cell_of[site, self.sku[line]], -1)
            usable += np.where(
                self._terms.classes.allowed[channel, site], self._rests.usable(free_units, channel, cell), 0
            )
        served: Flags = np.logical_and.reduceat(usable >= self._intake.units[line], first_line[:-1])
        return served

    def _forget_whole(self, orders: Ints) -> None:
        if orders.size:
            stay = ~np.isin(self._whole, orders)
            self._whole, self._whole_validated_s = self._whole[stay], self._whole_validated_s[stay]

    def _substitute(
        self,
        tried: Ints,
        line: Ints,
        first_line: Ints,
        is_new: Flags,
        channel: Ints,
        region: Ints,
        ranking: Ints,
        stock: Stock,
    ) -> Ints:
        """Put substitutes into `self.sku`; returns the lines that changed."""
        may_change = is_new & self._terms.substitutes[channel]
        if not may_change.any():
            return line[:0]
        n_regions, n_skus = self._terms.ranking.shape[0], self._plan.goods.weight_g.size
        group, row = np.unique(channel * n_regions + region, return_inverse=True)
        usable = np.zeros((group.size, n_skus), dtype=np.int64)
        for of_group, (of_channel, of_region) in enumerate(zip(*np.divmod(group, n_regions), strict=True)):
            for site in ranking[of_region]:
                if site != NO_SITE and self._terms.classes.allowed[of_channel, site] and stock.room[site] > 0:
                    usable[of_group] += self._rests.usable(
                        stock.free_units, of_channel, self._plan.network.cell_of[site].astype(np.int64)
                    )
        before = self.sku[line].astype(np.int64)
        after = before.copy()
        put_in_substitutes(
            first_line,
            after,
            self._intake.units[line].astype(np.int64),
            may_change,
            row,
            usable,
            self._terms.substitute,
            np.zeros(n_skus, dtype=np.int64),
        )
        changed = after != before
        self.sku[line[changed]] = after[changed]
        lines: Ints = line[changed]
        self._substituted.append((lines, before[changed]))
        return lines


def _runs(column: Ints) -> tuple[Ints, Ints]:
    """The values of a column whose equal ones stand together, each once, and which of them each row is."""
    begins: Flags = np.diff(column, prepend=-1) != 0
    place: Ints = np.cumsum(begins) - 1
    return column[begins], place
