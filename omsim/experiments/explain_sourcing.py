"""Why these sites: every way to serve an order that was looked at or could have been, with all terms of its cost.

Owns how the costs a rule decided on are told term by term; they are `sim.sourcing.costs`', and the options are found by
the kernel that chooses for single orders. Names and times in words are `story`'s shapes.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.experiments.story import SiteAsked, SourcingOption, SourcingStory, Taken, Term
from omsim.kernels.allocation.batch import NO_SITE, Batch, Classes, Lanes, Stock
from omsim.kernels.allocation.order_choice import choose_orders, fewest_shipments
from omsim.model.places import zone_distances_km
from omsim.sim.sourcing.costs import HOUR_S, SourcingCosts
from omsim.sim.sourcing.terms import compile_terms
from omsim.sim.watching import Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.records import RunRecords
    from omsim.sim.watching import TrySeen

Ints = NDArray[np.int64]

BY_COST = ("cheapest", "dual_prices", "batch_optimum")
JOINT = ("batch_optimum", "coupled_rounding")
"""Rules that decide for all orders of a cycle together; the others serve one after the other."""

MOST_OPTIONS = 8
MOST_SETS = 400
MOST_TOGETHER = 3

TERMS = (
    "parcel",
    "parcel by weight",
    "carton",
    "work on the order",
    "work on the units",
    "parcel penalty",
    "late delivery",
    "units left over",
)


class Lane(NamedTuple):
    """What serving the order from each site costs; int64, shape (n_sites,).

    `shipment` holds the terms once for each site used, in the order of `TERMS`; together `lanes.shipment_cents`.
    """

    lanes: Lanes
    row: int
    parcel: Ints
    carton: int
    work: Ints
    split: int
    late: Ints


class SourcingView:
    """Looks at sourcing attempts of one run as its rule did.

    Parameters
    ----------
    business : Business
    plan : Plan
    records : RunRecords
    clock : callable
        Local time of a second.
    """

    def __init__(self, business: Business, plan: Plan, records: RunRecords, clock: Callable[[int], str]) -> None:
        self._business, self._plan, self._records, self._clock = business, plan, records, clock
        self._terms = compile_terms(business, plan.network.ranking, plan.channels.rank, plan.channels.patience_s)
        self._costs = SourcingCosts(business, plan, self._terms)
        self._sites, self._skus = business["sites"].texts("site"), business["skus"].texts("sku")
        self._distance_km = dict(
            zip(
                zip(business.codes("zones", "site").tolist(), business.codes("zones", "region").tolist(), strict=True),
                zone_distances_km(business).tolist(),
                strict=True,
            )
        )

    def tell(self, order: int, seen: TrySeen) -> SourcingStory:
        """An attempt."""
        orders, settings = self._records.orders, self._business.settings
        first, last = orders.first_line[order : order + 2].tolist()
        units = self._records.lines.units[first:last].astype(np.int64)
        channel, region = int(orders.channel[order]), int(orders.region[order])
        day = int(np.searchsorted(self._plan.times.day_start_s, seen.at_s, side="right")) - 1
        lane = self._lane(order, seen.at_s, day, channel, region)
        sku = np.array(seen.sku, dtype=np.int64)
        ranked = [site for site in self._terms.ranking[region].tolist() if site != NO_SITE]
        served = [at for at, of in self._distance_km if of == region]
        taken = tuple(
            Taken(piece.line + 1, self._skus[int(sku[piece.line])], self._sites[piece.site], piece.units)
            for piece in seen.pieces
        )
        return SourcingStory(
            at=self._clock(seen.at_s),
            rule=settings.allocation_rule,
            by_cost=settings.allocation_rule in BY_COST,
            orders=seen.orders,
            before=seen.before,
            sites_left_out=len(served) - len(ranked),
            sites=tuple(self._site(site, sku, channel, region, day, seen) for site in ranked),
            options=self._options(sku, units, channel, lane, seen),
            taken=taken,
            status=seen.status,
            fallback=seen.fallback,
        )

    def _lane(self, order: int, at_s: int, day: int, channel: int, region: int) -> Lane:
        promise_s = int(self._records.orders.promise_s[order])
        promised = -1
        if promise_s >= 0:
            promised = int(np.searchsorted(self._plan.times.day_start_s, promise_s, side="right")) - 1
        of_order = (np.array([value], dtype=np.int64) for value in (channel, region, promised))
        lanes, row = self._costs.lanes(at_s, day, *of_order)
        base = self._costs.base_lanes(day).shipment_cents[channel * len(self._business["regions"]) + region]
        network, cartons = self._plan.network, self._business["cartons"]
        wage = self._business["sites"].integers("labour_cents_per_hour") / HOUR_S
        work = np.rint(wage * (network.pick_order_s + network.pick_line_s + network.pack_order_s)).astype(np.int64)
        carton = int(cartons.integers("cost_cents").min()) if len(cartons) else 0
        split = self._business.settings.split_penalty_cents
        return Lane(
            lanes=lanes,
            row=int(row[0]),
            parcel=base - work - split - carton,
            carton=carton,
            work=work,
            split=split,
            late=lanes.shipment_cents[row[0]] - base,
        )

    def _site(self, site: int, sku: Ints, channel: int, region: int, day: int, seen: TrySeen) -> SiteAsked:
        stock = self._stock_left(seen)
        cell = self._plan.network.cell_of[site, sku].astype(np.int64)
        free = np.where(cell >= 0, stock.free_units[cell], 0)
        usable = np.where(cell >= 0, self._usable(stock, channel, cell), 0)
        kept_out = ""
        if not (cell >= 0).any():
            kept_out = "carries none of it"
        elif not self._terms.classes.allowed[channel, site]:
            kept_out = "not for this channel"
        elif self._plan.network.closed[site, day]:
            kept_out = "closed on this day"
        elif stock.room[site] <= 0:
            kept_out = "ships no more on this day"
        return SiteAsked(
            site=self._sites[site],
            distance_km=round(self._distance_km[site, region], 1),
            usable_units=tuple(usable.tolist()),
            kept_units=tuple((free - usable).tolist()),
            shares=() if seen.shares is None else tuple(np.round(seen.shares[:, site], 4).tolist()),
            kept_out=kept_out,
            taken_units=sum(piece.units for piece in seen.pieces if piece.site == site),
        )

    def _usable(self, stock: Stock, channel: int, cell: Ints) -> Ints:
        kept = self._terms.classes.kept_units
        some: Ints = np.maximum(stock.free_units[cell] - (kept[channel, cell] if kept.shape[1] else 0), 0)
        return some

    def _stock_left(self, seen: TrySeen, *, joint: bool | None = None) -> Stock:
        """What others leave: the orders before, and under a joint rule all of the cycle's."""
        joint = self._business.settings.allocation_rule in JOINT if joint is None else joint
        later = 1 if joint else 0
        return Stock(
            self._plan.network.cell_of,
            seen.free_units - seen.earlier_units - later * seen.later_units,
            seen.room - seen.earlier_shipments - later * seen.later_shipments,
            self._plan.goods.weight_g,
        )

    def _options(self, sku: Ints, units: Ints, channel: int, lane: Lane, seen: TrySeen) -> tuple[SourcingOption, ...]:
        """What was chosen, and the best of what was not."""
        rule = self._business.settings.allocation_rule
        worth = seen.worth_cents if rule == "dual_prices" and seen.worth_cents is not None else None
        chosen = self._option(seen.pieces, sku, units, lane, worth, chosen=True)
        found = {chosen.sites: chosen}
        for pieces in self._sets(sku, units, channel, lane, worth, self._stock_left(seen)):
            option = self._option(pieces, sku, units, lane, worth)
            known = found.get(option.sites)
            if known is None or (not known.chosen and _judged(option) < _judged(known)):
                found[option.sites] = option
        nothing = self._option((), sku, units, lane, worth)
        found.setdefault(nothing.sites, nothing)
        if rule in JOINT:
            all_stock = Stock(self._plan.network.cell_of, seen.free_units, seen.room, self._plan.goods.weight_g)
            for pieces in self._sets(sku, units, channel, lane, worth, all_stock):
                option = self._option(pieces, sku, units, lane, worth, note="others got that stock")
                known = found.get(option.sites)
                if _judged(option) < _judged(chosen) and (known is None or not known.chosen):
                    found[option.sites] = option
        others = sorted((option for option in found.values() if not option.chosen), key=_judged)
        told = [chosen, *others[: MOST_OPTIONS - 1]]
        if nothing.sites not in [option.sites for option in told]:
            told[-1] = found[nothing.sites]
        return tuple(replace(option, difference_cents=_judged(option) - _judged(chosen)) for option in told)

    def _sets(
        self, sku: Ints, units: Ints, channel: int, lane: Lane, worth: Ints | None, stock: Stock
    ) -> Iterator[tuple[Piece, ...]]:
        """The best way to serve the order from each set of sites, as its channel may."""
        classes = self._terms.classes
        limit = int(min(classes.split_limit[channel], stock.room.size))
        cell = stock.cell_of[:, sku].astype(np.int64)
        usable = np.where(cell >= 0, self._usable(stock, channel, cell), 0).sum(axis=1)
        ranked = lane.lanes.ranking[lane.row]
        sites = [
            site
            for site in ranked.tolist()
            if site != NO_SITE and classes.allowed[channel, site] and stock.room[site] > 0 and usable[site] > 0
        ]
        batch = Batch(
            np.array([0, sku.size], dtype=np.int64),
            sku,
            units,
            np.array([lane.row], dtype=np.int64),
            np.array([channel], dtype=np.int64),
        )
        prices = np.zeros(stock.free_units.size, dtype=np.int64) if worth is None else worth
        unserved_cents = self._terms.unserved_cents + _aside_cents(worth)
        by_number = self._business.settings.allocation_rule == "fewest_shipments"
        for some in _subsets(sites, min(limit, MOST_TOGETHER)):
            allowed = np.zeros_like(classes.allowed)
            allowed[channel, list(some)] = True
            only: Classes = classes._replace(allowed=allowed)
            own = stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())
            if by_number:
                choice = fewest_shipments(batch, only, lane.lanes, own, unserved_cents)
            else:
                choice = choose_orders(batch, only, lane.lanes, own, unserved_cents, prices)
            columns = (column.tolist() for column in (choice.line, choice.site, choice.units))
            yield tuple(Piece(*piece) for piece in zip(*columns, strict=True))

    def _option(
        self,
        pieces: Iterable[Piece],
        sku: Ints,
        units: Ints,
        lane: Lane,
        worth: Ints | None,
        *,
        chosen: bool = False,
        note: str = "",
    ) -> SourcingOption:
        pieces = tuple(pieces)
        cents = dict.fromkeys(TERMS, 0)
        used = sorted({piece.site for piece in pieces})
        for site in used:
            cents["parcel"] += int(lane.parcel[site])
            cents["carton"] += lane.carton
            cents["work on the order"] += int(lane.work[site])
            cents["parcel penalty"] += lane.split
            cents["late delivery"] += int(lane.late[site])
        valued = 0
        for piece in pieces:
            of_sku = int(sku[piece.line])
            kg_cents = int(lane.lanes.kg_cents[lane.row, piece.site]) * int(self._plan.goods.weight_g[of_sku]) // 1000
            cents["parcel by weight"] += kg_cents * piece.units
            cents["work on the units"] += int(lane.lanes.unit_cents[lane.row, piece.site]) * piece.units
            if worth is not None:
                valued += int(worth[self._plan.network.cell_of[piece.site, of_sku]]) * piece.units
        served = sum(piece.units for piece in pieces)
        left = int(units.sum()) - served
        cents["units left over"] = left * self._terms.unserved_cents
        return SourcingOption(
            sites=tuple(self._sites[site] for site in used),
            chosen=chosen,
            served_units=served,
            left_units=left,
            terms=tuple(Term(name, cents[name]) for name in TERMS if cents[name]),
            cost_cents=sum(cents.values()),
            worth_cents=valued + left * _aside_cents(worth),
            difference_cents=0,
            note=note,
        )


def _aside_cents(worth: Ints | None) -> int:
    """What a unit left over is counted for besides: the worth of the dearest cell, so none is kept back for later."""
    return 0 if worth is None else int(worth.max(initial=0))


def _judged(option: SourcingOption) -> int:
    return option.cost_cents + option.worth_cents


def _subsets(sites: list[int], most: int) -> Iterator[tuple[int, ...]]:
    """Sets of up to so many sites, small ones first; of many sites the first ones asked only."""
    told = 0
    for size in range(1, min(most, len(sites)) + 1):
        for some in combinations(sites, size):
            if told >= MOST_SETS:
                return
            told += 1
            yield some
