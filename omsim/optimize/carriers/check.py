"""Whether an assignment keeps every rule, and what it costs, from the parcels alone: slots, kilograms, contracts.

Owns the check behind every answer under contracts or caps on kilograms; no solver, class or flow is used. Where only
slots are limited, `slots.check_carrier_assignment` does the same without contracts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.tender import NOT_OFFERED, cheapest_plan_moves
from omsim.optimize.carriers.contract_bill import (
    Bill,
    bill_contract,
    contract_tree,
    lowest_parcels,
    most_parcels,
    period_state,
)
from omsim.optimize.carriers.contract_terms import expected_table, scale_of
from omsim.optimize.carriers.exchange import Exchange, Limits, find_exchanges
from omsim.optimize.carriers.prices import billed_prices, carried_g, n_nowhere, priced_options, weights_and_caps
from omsim.optimize.carriers.shapes import HELD, MILLION, CarrierCheck, Contract, ContractOutcome, Period

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]


class _Block(NamedTuple):
    """Parcels of the tender, or classes of those expected, and where they go."""

    prices: Cents
    billed: Cents
    plan: Units  # (n_rows, n_services + 1), parcels
    slots: Units

    @property
    def used(self) -> Units:
        """Parcels on each service."""
        used: Units = self.plan[:, :-1].sum(axis=0)
        return used


def check_carriers(
    cost_cents: ArrayLike,
    offered: ArrayLike,
    slots: ArrayLike,
    hold_cents: ArrayLike,
    service: ArrayLike,
    *,
    weight_g: ArrayLike | None = None,
    capacity_g: ArrayLike | None = None,
    contracts: Sequence[Contract] = (),
    billed_cents: ArrayLike | None = None,
    period: Period | None = None,
    expected_plan: ArrayLike | None = None,
) -> CarrierCheck:
    """Recompute feasibility, cost, optimality and shadow prices of an assignment, in exact integers.

    Parameters
    ----------
    cost_cents, offered, slots, hold_cents, contracts, billed_cents, period
        As in `assign_with_contracts`.
    service : int64, shape (n_parcels,)
        Service of each parcel, -1 to wait.
    weight_g, capacity_g : int64, optional
        As in `assign_within_weight`.
    expected_plan : int64, shape (n_classes, n_services + 1), optional
        Parcels of each expected class by service, the last column held; needed where the period expects parcels.

    Returns
    -------
    CarrierCheck
    """
    prices, room = priced_options(cost_cents, offered, slots, hold_cents)
    n_parcels, n_options = prices.shape
    given = np.asarray(service)
    if given.shape != (n_parcels,) or (given.size and given.dtype.kind not in "iu"):
        raise FieldError("service", f"whole numbers, shape ({n_parcels},)", f"{given.dtype}, shape {given.shape}")
    chosen = np.where(given == HELD, n_options - 1, given).astype(np.int64)
    grams, caps = weights_and_caps(weight_g, capacity_g, n_parcels, room.size)
    nowhere = n_nowhere(prices)
    if ((chosen < 0) | (chosen >= n_options)).any():
        return _broken("a parcel has no such service", room.size, nowhere)
    plan = np.zeros(prices.shape, dtype=np.int64)
    plan[np.arange(n_parcels), chosen] = 1
    blocks = [_Block(prices, billed_prices(billed_cents, prices), plan, room)]
    if period is not None and period.expected is not None:
        expected, billed, parcels, later = expected_table(period.expected, room.size)
        planned = np.asarray(expected_plan)
        if planned.shape != expected.shape or (planned.size and planned.dtype.kind not in "iu"):
            rule = f"whole numbers, shape {expected.shape}"
            raise FieldError("expected_plan", rule, f"{planned.dtype}, shape {planned.shape}")
        blocks.append(_Block(expected, billed, planned.astype(np.int64), later))
        if (planned < 0).any() or (planned.sum(axis=1) != parcels).any():
            return _broken("not every expected parcel is planned once", room.size, nowhere)
    state = period_state(
        contracts,
        period.given_parcels if period else [0] * len(contracts),
        period.given_cents if period else [0] * len(contracts),
        period.given_in_all if period else 0,
    )
    standing = _Standing(blocks, contracts, *state)
    broken = standing.broken_rule()
    if not broken and grams is not None and caps is not None:
        carried = carried_g(grams, chosen, room.size)
        if (carried > caps).any():
            at = int(np.argmax(carried > caps))
            broken = f"service {at} takes {int(carried[at])} g, has room for {int(caps[at])} g"
    if broken:
        return _broken(broken, room.size, nowhere)
    proof = standing.prove()
    return CarrierCheck(
        broken="",
        cost_cents=standing.cost_cents(),
        optimal=proof.optimal,
        slot_price_cents=proof.slot_price[0] // standing.scale,
        n_nowhere=nowhere,
        contracts=standing.outcome(proof) if contracts else None,
    )


def _broken(rule: str, n_services: int, nowhere: int) -> CarrierCheck:
    none = np.zeros(n_services, dtype=np.int64)
    return CarrierCheck(broken=rule, cost_cents=0, optimal=False, slot_price_cents=none, n_nowhere=nowhere)


class _Standing:
    """Where a plan stands with its contracts."""

    def __init__(
        self,
        blocks: list[_Block],
        contracts: Sequence[Contract],
        given: list[int],
        given_cents: list[int],
        given_in_all: int,
    ) -> None:
        self.blocks, self.contracts, self.given = blocks, contracts, given
        self.home, self.parent = contract_tree(contracts, blocks[0].slots.size)
        self.scale = scale_of(contracts)
        in_all = given_in_all + sum(int(block.plan.sum()) for block in blocks)
        self.counts = [[int(block.used[one.covers].sum()) for block in blocks] for one in contracts]
        self.parcels = [before + sum(now) for before, now in zip(given, self.counts, strict=True)]
        self.least = [lowest_parcels(one, in_all) for one in contracts]
        self.most = [most_parcels(one, in_all) for one in contracts]
        self.bills: list[Bill] = []
        for at, one in enumerate(contracts):
            spent = given_cents[at]
            for block in blocks:
                spent += int((block.billed * block.plan[:, :-1])[:, one.covers].sum())
            self.bills.append(bill_contract(one, self.parcels[at], spent, in_all))

    def broken_rule(self) -> str:
        """The first rule broken, in words; empty when all are kept."""
        for name, block in zip(("", " later"), self.blocks, strict=False):
            closed = int(block.plan[block.prices == NOT_OFFERED].sum())
            if closed:
                return f"{closed} parcels{name} take a service not offered to them"
            over = block.used > block.slots
            if over.any():
                at = int(np.argmax(over))
                return f"service {at} takes {int(block.used[at])} parcels{name}, has {int(block.slots[at])} slots"
        for at, now in enumerate(self.counts):
            if sum(now) > max(0, self.most[at] - self.given[at]):
                return f"contract {at} has {self.parcels[at]} parcels, its highest share is {self.most[at]}"
        return ""

    def cost_cents(self) -> int:
        """Prices and waiting, and what the contracts make of it."""
        cost = sum(bill.counted_cents for bill in self.bills)
        for block in self.blocks:
            used = block.plan > 0
            cost += int((block.prices[used] * block.plan[used]).sum())
        return cost

    def prove(self) -> Exchange:
        """Exchanges of parcels at the tiers reached."""
        n_blocks, n_services = len(self.blocks), self.blocks[0].slots.size
        waits = n_blocks * n_services
        moves = np.full((waits + 1, waits + 1), NOT_OFFERED, dtype=np.int64)
        for number, block in enumerate(self.blocks):
            options = np.append(number * n_services + np.arange(n_services), waits)
            moves[np.ix_(options, options)] = np.minimum(
                moves[np.ix_(options, options)], cheapest_plan_moves(self._net_prices(block), block.plan)
            )
        limits = Limits(
            used=np.stack([block.used for block in self.blocks]),
            slots=np.stack([block.slots for block in self.blocks]),
            home=self.home,
            parent=self.parent,
            one_more=[self._one_more(at) for at in range(len(self.contracts))],
            one_fewer=[self._one_fewer(at) for at in range(len(self.contracts))],
            at_least=[self._at_tier_start(at) or not sum(now) for at, now in enumerate(self.counts)],
            at_most=[sum(now) >= self.most[at] - self.given[at] for at, now in enumerate(self.counts)],
        )
        return find_exchanges(moves, limits)

    def outcome(self, proof: Exchange) -> ContractOutcome:
        """All about the contracts, prices of their limits from the proof."""
        prices = [self._limit_prices(at, proof) for at in range(len(self.contracts))]
        minimum, share, highest, tier = np.array(prices, dtype=np.int64).T // self.scale
        bills = np.array([bill[:5] for bill in self.bills], dtype=np.int64)
        counts = np.array(self.counts, dtype=np.int64)
        expected = self.blocks[1].plan if len(self.blocks) > 1 else np.zeros((0, self.home.size + 1), dtype=np.int64)
        return ContractOutcome(
            today_parcels=counts[:, 0],
            expected_parcels=counts[:, 1:].sum(axis=1),
            period_parcels=np.array(self.parcels, dtype=np.int64),
            tier=bills[:, 0],
            rebate_cents=bills[:, 1],
            shortfall_parcels=bills[:, 2],
            shortfall_cents=bills[:, 3],
            share_short_parcels=bills[:, 4],
            minimum_price_cents=minimum,
            lowest_share_price_cents=share,
            highest_share_price_cents=highest,
            tier_price_cents=tier,
            expected_plan=expected,
        )

    def _net_prices(self, block: _Block) -> Cents:
        """Scaled prices less the discounts of the tiers reached."""
        open_here = block.prices != NOT_OFFERED
        net = np.where(open_here, block.prices, 0) * self.scale
        for one, bill in zip(self.contracts, self.bills, strict=True):
            if bill.tier:
                cents, ppm = self._discount(one, bill.tier)
                off = block.billed * ppm * self.scale // MILLION + cents
                net[:, :-1] -= np.where(one.covers, off, 0)
        return np.where(open_here, net, NOT_OFFERED)

    def _discount(self, one: Contract, tier: int) -> tuple[int, int]:
        """Of one parcel more at a tier: scaled cents, and millionths of its price."""
        if not tier:
            return 0, 0
        if one.rebate_cents:
            return one.rebate_cents[tier - 1] * self.scale, 0
        if one.tier_kind == "incremental":
            return one.share_ppm[tier - 1] * one.reference_cents * self.scale // MILLION, 0
        return 0, one.share_ppm[tier - 1]

    def _at_tier_start(self, at: int) -> bool:
        tier = self.bills[at].tier
        return bool(tier) and self.parcels[at] == self.contracts[at].from_parcels[tier - 1]

    def _one_more(self, at: int) -> int:
        one, parcels = self.contracts[at], self.parcels[at]
        saved = one.shortfall_cents * (parcels < one.minimum_parcels) + one.share_miss_cents * (
            parcels < self.least[at]
        )
        return -saved * self.scale

    def _one_fewer(self, at: int) -> int:
        one, parcels = self.contracts[at], self.parcels[at]
        owed = one.shortfall_cents * (parcels <= one.minimum_parcels)
        owed += one.share_miss_cents * (parcels <= self.least[at])
        return owed * self.scale

    def _limit_prices(self, at: int, proof: Exchange) -> tuple[int, int, int, int]:
        """Scaled: what one unit more of the minimum, the lowest share, the highest and the tier's bound would save."""
        if not proof.optimal:
            return 0, 0, 0, 0
        one, parcels, tier = self.contracts[at], self.parcels[at], self.bills[at].tier
        starts, has_some = self._at_tier_start(at), sum(self.counts[at]) > 0
        leave, enter = proof.out_price[at], proof.in_price[at]
        prices = []
        for bound, cents in ((one.minimum_parcels, one.shortfall_cents), (self.least[at], one.share_miss_cents)):
            scaled = cents * self.scale
            if parcels < bound:
                prices.append(scaled)
            elif parcels == bound and has_some and not starts and leave is not None:
                prices.append(max(0, scaled - leave - self._one_fewer(at)))
            else:
                prices.append(0)
        full = sum(self.counts[at]) >= self.most[at] - self.given[at]
        prices.append(max(0, -enter - self._one_more(at)) if full and enter is not None else 0)
        earlier = 0
        if starts and has_some and leave is not None:
            earlier = max(0, -leave - self._one_fewer(at))
        if tier and one.tier_kind == "incremental":
            earlier += self._discount(one, tier)[0] - self._discount(one, tier - 1)[0]
        return prices[0], prices[1], prices[2], earlier
