"""A tender under contracts as whole numbers: classes of alike parcels, scaled prices, discounts by tier, cost curves.

Owns the data the search in `contracts` works on and the convex curve that stands for a contract whose tier is left open
between two. Costs here are cents times `Question.scale`, so that discounts in millionths stay whole.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.tender import NOT_OFFERED, alike_rows
from omsim.optimize.carriers.contract_bill import contract_tree, lowest_parcels, most_parcels, period_state
from omsim.optimize.carriers.prices import billed_prices, priced_options
from omsim.optimize.carriers.shapes import MILLION, Contract, Expected, Period

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]

LEAST_SCALE = 100
"""So that slopes rounded down to whole numbers weaken a bound by a hundredth of a cent per parcel at most."""


class Ladder(NamedTuple):
    """One contract in scaled terms; tier 0 is before the first bound.

    Attributes
    ----------
    contract : Contract
    given, given_cents : int
    needed, needed_for_share, most : int
        Parcels of this tender and those expected that keep the minimum, the lowest and the highest share.
    starts : tuple of int
        First parcel of the period at each tier, starts[0] = 0.
    ppm, cents : tuple of int
        Discount of each tier, of the price in millionths and per parcel in scaled cents.
    reach : int
        Most parcels that could be sent under the contract.
    cheapest : tuple of two int64 arrays
        Parcels and their prices, cheapest first, as far as they could be under the contract.
    """

    contract: Contract
    given: int
    given_cents: int
    needed: int
    needed_for_share: int
    most: int
    starts: tuple[int, ...]
    ppm: tuple[int, ...]
    cents: tuple[int, ...]
    reach: int
    cheapest: tuple[Units, Cents]

    def tier(self, parcels: int) -> int:
        """Tier at so many parcels of this tender and those expected."""
        return sum(start <= self.given + parcels for start in self.starts[1:])

    def first(self, tier: int) -> int:
        """Fewest parcels of this tender and those expected at which the tier is reached."""
        return max(0, self.starts[tier] - self.given)


class Question(NamedTuple):
    """Everything the search needs; blocks are this tender (0) and what is expected (1).

    Attributes
    ----------
    of_parcel : int64, shape (n_parcels,)
        Class of each parcel of the tender.
    prices, billed : int64, shape (n_classes, n_services + 1) and (n_classes, n_services)
    parcels, block : int64, shape (n_classes,)
    slots : int64, shape (n_blocks, n_services)
    home, parent : int64
        As `contract_tree`.
    ladders : tuple of Ladder
    scale : int
    arc_class, arc_option : int64, shape (n_arcs,)
        What a class may choose, waiting included, sorted by class.
    arc_cost : int64, shape (n_arcs,)
        Scaled, above the cheapest of the class.
    least_cost : int
        Scaled: what all parcels cost at their cheapest.
    in_all : int
        Parcels of the period, those given before and those expected included.
    """

    of_parcel: Units
    prices: Cents
    billed: Cents
    parcels: Units
    block: Units
    slots: Units
    home: Units
    parent: Units
    ladders: tuple[Ladder, ...]
    scale: int
    arc_class: Units
    arc_option: Units
    arc_cost: Cents
    least_cost: int
    in_all: int


class Curve(NamedTuple):
    """Convex cost of the parcels under a contract, beyond prices less the discount of the highest tier left open.

    Attributes
    ----------
    at_least : int
        Fewest parcels.
    cost_there : int
        Scaled.
    widths, slopes : list of int
        Pieces from there on, slopes never falling; they end at the most parcels allowed.
    """

    at_least: int
    cost_there: int
    widths: list[int]
    slopes: list[int]

    def cost(self, parcels: int) -> int:
        """Cost at so many parcels, from `at_least` to the end."""
        total, left = self.cost_there, parcels - self.at_least
        for width, slope in zip(self.widths, self.slopes, strict=True):
            total += slope * min(width, left)
            left -= min(width, left)
        return total


def build_question(
    cost_cents: ArrayLike,
    offered: ArrayLike,
    slots: ArrayLike,
    hold_cents: ArrayLike,
    contracts: Sequence[Contract],
    billed_cents: ArrayLike | None,
    period: Period | None,
) -> Question:
    """Check a tender under contracts and put it into classes; arguments as of `assign_with_contracts`."""
    prices, room = priced_options(cost_cents, offered, slots, hold_cents)
    billed = billed_prices(billed_cents, prices)
    n_services = room.size
    home, parent = contract_tree(contracts, n_services)
    of_parcel, first = alike_rows(prices if billed_cents is None else np.concatenate([prices, billed], axis=1))
    tables = [(prices[first], billed[first], np.bincount(of_parcel, minlength=first.size), room)]
    given, given_cents, in_all = period_state(
        contracts, *(_state(period) if period else ([0] * len(contracts), [0] * len(contracts), 0))
    )
    in_all += prices.shape[0]
    if period is not None and period.expected is not None:
        tables.append(expected_table(period.expected, n_services))
        in_all += int(tables[1][2].sum())
    columns = [np.concatenate([table[at] for table in tables]) for at in range(3)]
    block = np.repeat(np.arange(len(tables)), [table[0].shape[0] for table in tables])
    scale = scale_of(contracts)
    question = Question(
        of_parcel=of_parcel,
        prices=columns[0],
        billed=columns[1],
        parcels=columns[2].astype(np.int64),
        block=block,
        slots=np.stack([table[3] for table in tables]),
        home=home,
        parent=parent,
        ladders=(),
        scale=scale,
        arc_class=of_parcel,
        arc_option=of_parcel,
        arc_cost=of_parcel,
        least_cost=0,
        in_all=in_all,
    )
    ladders = tuple(_ladder(question, contract, given[at], given_cents[at]) for at, contract in enumerate(contracts))
    return _with_arcs(question._replace(ladders=ladders))


def expected_table(expected: Expected, n_services: int) -> tuple[Cents, Cents, Units, Units]:
    """Prices, billed prices, parcels and slots of what is expected, checked."""
    prices, room = priced_options(expected.cost_cents, expected.offered, expected.slots, expected.hold_cents)
    if room.size != n_services:
        raise FieldError("expected.slots", f"of shape ({n_services},)", f"shape {room.shape}")
    parcels = np.asarray(expected.parcels)
    if parcels.shape != (prices.shape[0],) or (parcels.size and parcels.dtype.kind not in "iu"):
        rule = f"whole numbers, shape ({prices.shape[0]},)"
        raise FieldError("expected.parcels", rule, f"{parcels.dtype}, shape {parcels.shape}")
    if parcels.size and (parcels.min() < 0 or int(parcels.sum()) > 10**9):
        worst = int(parcels.min()) if parcels.min() < 0 else int(parcels.sum())
        raise FieldError("expected.parcels", "at least 0 and 1,000,000,000 together", worst)
    return prices, billed_prices(expected.billed_cents, prices), parcels.astype(np.int64), room


def scale_of(contracts: Sequence[Contract]) -> int:
    """Scale at which every discount of every whole price is whole; 1 without tiers."""
    shares = [share for contract in contracts for share in contract.share_ppm]
    exact = MILLION // math.gcd(MILLION, *shares) if shares else 1
    if not any(contract.from_parcels for contract in contracts):
        return 1
    return exact * max(1, -(-LEAST_SCALE // exact))


def chain_of(question: Question, service: int) -> list[int]:
    """Contracts a service's parcels count for, the smallest first."""
    chain = []
    at = int(question.home[service])
    while at >= 0:
        chain.append(at)
        at = int(question.parent[at])
    return chain


def discount(question: Question, at: int, tier: int, billed: Cents) -> Cents:
    """Scaled discount of parcels of these prices at a tier of a contract."""
    ladder = question.ladders[at]
    return billed * ladder.ppm[tier] * question.scale // MILLION + ladder.cents[tier]


def curve(question: Question, at: int, lowest: int, highest: int) -> Curve | None:
    """Cost of a contract's parcels beyond their prices less the discount of tier `highest`.

    Never above the truth at any number of parcels whose tier is from `lowest` to `highest`, and equal to it where both
    are the same. None where so many parcels cannot be had.
    """
    ladder = question.ladders[at]
    start, end = ladder.first(lowest), min(ladder.most, ladder.reach)
    if start > end:
        return None
    corners = _hull(_corrections(question, ladder, lowest, highest, end))
    steps: list[tuple[int, int]] = []  # from where on, by how much the slope rises
    here = corners[0][1]
    before = 0
    for (x, value), (next_x, next_value) in pairwise(corners):
        slope = (next_value - value) // (next_x - x)
        steps.append((x, slope - before))
        before = slope
    if before:
        steps.append((corners[-1][0], -before))
    contract, scale = ladder.contract, question.scale
    for needed, cents in (
        (ladder.needed, contract.shortfall_cents),
        (ladder.needed_for_share, contract.share_miss_cents),
    ):
        if needed > start:
            here += cents * scale * (needed - start)
            steps += [(start, -cents * scale), (needed, cents * scale)]
    widths, slopes = [], []
    slope = 0
    places = sorted({start, end, *(x for x, _ in steps if x < end)})
    for x, next_x in pairwise(places):
        slope += sum(rise for place, rise in steps if place == x)
        widths.append(next_x - x)
        slopes.append(slope)
    return Curve(start, here, widths, slopes)


def _corrections(question: Question, ladder: Ladder, lowest: int, highest: int, end: int) -> list[tuple[int, int]]:
    """Points whose lower hull lies below the discount that tier `highest` grants and the true tier does not."""
    scale, given = question.scale, ladder.given
    points = []
    incremental = ladder.contract.tier_kind == "incremental"
    base = -_rebate_on_given(question, ladder, highest)
    for tier in range(lowest, highest + 1):
        first = ladder.first(tier)
        last = end if tier == highest else min(end, ladder.starts[tier + 1] - 1 - given)
        if first > last:
            continue
        for x in {first, last}:
            if incremental:
                earned = sum(
                    (ladder.cents[t] - ladder.cents[t - 1]) * max(0, given + x - ladder.starts[t] + 1)
                    for t in range(1, tier + 1)
                )
                points.append((x, ladder.cents[highest] * x - earned))
            else:
                share, cents = ladder.ppm[highest] - ladder.ppm[tier], ladder.cents[highest] - ladder.cents[tier]
                spend = ladder.given_cents + _least_spend(ladder, first, x) if share else 0
                points.append((x, base + share * spend * scale // MILLION + cents * (given + x)))
    return sorted(points)


def _rebate_on_given(question: Question, ladder: Ladder, tier: int) -> int:
    return ladder.ppm[tier] * ladder.given_cents * question.scale // MILLION + ladder.cents[tier] * ladder.given


def _least_spend(ladder: Ladder, parcels: int, at: int) -> int:
    """Least prices of `parcels` parcels together, and from there to `at` each at the price of the next."""
    counts, cents = ladder.cheapest
    if not counts.size:
        return 0
    place = min(int(np.searchsorted(counts, parcels, side="right")), counts.size - 1)
    before = int(counts[place - 1]) if place else 0
    ahead = int((np.diff(counts[:place], prepend=0) * cents[:place]).sum())
    return ahead + (parcels - before) * int(cents[place]) + (at - parcels) * int(cents[place])


def _hull(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Lower convex hull (Andrew 1979) of points sorted by place."""
    hull: list[tuple[int, int]] = []
    for x, value in points:
        if hull and hull[-1][0] == x:  # sorted: the lower one came first
            continue
        while len(hull) >= 2:
            (x1, v1), (x2, v2) = hull[-2:]
            if (v2 - v1) * (x - x2) < (value - v2) * (x2 - x1):
                break
            hull.pop()
        hull.append((x, value))
    return hull


def _state(period: Period) -> tuple[ArrayLike, ArrayLike, int]:
    return period.given_parcels, period.given_cents, period.given_in_all


def _ladder(question: Question, contract: Contract, given: int, given_cents: int) -> Ladder:
    scale, in_all = question.scale, question.in_all
    of_price = contract.tier_kind == "all_units" and bool(contract.share_ppm)
    if contract.rebate_cents:
        cents = tuple(rebate * scale for rebate in contract.rebate_cents)
    elif contract.share_ppm and not of_price:
        cents = tuple(share * contract.reference_cents * scale // MILLION for share in contract.share_ppm)
    else:
        cents = (0,) * len(contract.from_parcels)
    open_here = (question.prices[:, :-1] != NOT_OFFERED) & contract.covers
    billed = np.where(open_here, question.billed, NOT_OFFERED).min(axis=1, initial=NOT_OFFERED)
    may = np.flatnonzero((billed != NOT_OFFERED) & (question.parcels > 0))
    may = may[np.argsort(billed[may], kind="stable")]
    reach = 0
    for block in range(question.slots.shape[0]):
        inside = question.block == block
        for service in np.flatnonzero(contract.covers):
            open_parcels = int(question.parcels[inside & open_here[:, service]].sum())
            reach += min(int(question.slots[block, service]), open_parcels)
    return Ladder(
        contract=contract,
        given=given,
        given_cents=given_cents,
        needed=max(0, contract.minimum_parcels - given),
        needed_for_share=max(0, lowest_parcels(contract, in_all) - given),
        most=max(0, most_parcels(contract, in_all) - given),
        starts=(0, *contract.from_parcels),
        ppm=(0, *(contract.share_ppm if of_price else (0,) * len(contract.from_parcels))),
        cents=(0, *cents),
        reach=min(reach, int(question.parcels[may].sum())),
        cheapest=(np.cumsum(question.parcels[may]), billed[may]),
    )


def _with_arcs(question: Question) -> Question:
    """Options worth considering: none dearer than one that always has room and counts for no contract."""
    prices = question.prices
    roomy = np.zeros(prices.shape, dtype=np.bool_)
    roomy[:, -1] = True
    for block in range(question.slots.shape[0]):
        inside = question.block == block
        ample = question.slots[block] >= int(question.parcels[inside].sum())
        roomy[inside, :-1] = ample & (question.home < 0)
    cap = np.where(roomy, prices, NOT_OFFERED).min(axis=1, initial=NOT_OFFERED)
    bound_up = np.append(question.home >= 0, False)
    keep = (prices != NOT_OFFERED) & (bound_up | (prices <= cap[:, None])) & (question.parcels > 0)[:, None]
    arc_class, arc_option = np.nonzero(keep)
    least = prices.min(axis=1, initial=NOT_OFFERED)
    total = sum(int(n) * int(cents) for n, cents in zip(question.parcels.tolist(), least.tolist(), strict=True))
    return question._replace(
        arc_class=arc_class,
        arc_option=arc_option,
        arc_cost=(prices[arc_class, arc_option] - least[arc_class]) * question.scale,
        least_cost=total * question.scale,
    )
