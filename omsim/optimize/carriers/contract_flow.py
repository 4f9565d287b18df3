"""The min-cost flow of a tender under contracts whose tiers are fixed, or left open between two.

Owns building the flow, proving its answer by exchanges, and what an answer truly costs. Which tiers to try is decided
in `contracts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.errors import SolveError
from omsim.kernels.tender import cheapest_class_moves
from omsim.optimize.carriers.contract_network import QUICK_ARCS, GeneralNetwork, QuickNetwork
from omsim.optimize.carriers.contract_terms import Curve, Question, chain_of, curve, discount
from omsim.optimize.carriers.exchange import Exchange, Limits, find_exchanges
from omsim.optimize.carriers.parcel_flow import FlowSolver, solve_flow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]


class Relaxed(NamedTuple):
    """The optimum where each contract's tier is free within limits.

    Attributes
    ----------
    bound : int
        Scaled: no assignment with tiers within the limits costs less.
    cost : int
        Scaled: what this assignment truly costs, at the tiers it reaches.
    tiers : tuple of int
        Those it reaches.
    excess : tuple of int
        By how much the true cost of each contract exceeds what the bound counts.
    flows : int64, shape (n_arcs,)
        Parcels on each arc of the question.
    """

    bound: int
    cost: int
    tiers: tuple[int, ...]
    excess: tuple[int, ...]
    flows: Units


class TierFlows:
    """Solves the flows of one question; keeps each tier's discounts once they are known."""

    def __init__(self, question: Question, solve: FlowSolver | None) -> None:
        self.question, self.solve = question, solve
        self.n_solved = 0
        n_services = question.slots.shape[1]
        self._chains = [chain_of(question, service) for service in range(n_services)]
        sent = question.arc_option < n_services
        self._sent = np.flatnonzero(sent)
        self._service = question.arc_option[sent]
        self._billed = question.billed[question.arc_class[sent], self._service]
        self._under = [np.flatnonzero(ladder.contract.covers[self._service]) for ladder in question.ladders]
        self._discounts: dict[tuple[int, int], Cents] = {}
        n_blocks = question.slots.shape[0]
        block = question.block[question.arc_class]
        self._option = np.where(sent, block * n_services + question.arc_option, n_blocks * n_services)
        self._general = GeneralNetwork(question, self._option)
        self._quick = QuickNetwork(question, self._option)

    def relax(self, lowest: tuple[int, ...], highest: tuple[int, ...]) -> Relaxed | None:
        """Solve with every contract's tier from `lowest` to `highest`; None where that cannot be.

        Raises
        ------
        SolveError
            The solver failed, or its answer is not the optimum.
        """
        question = self.question
        curves = [curve(question, at, lowest[at], highest[at]) for at in range(len(question.ladders))]
        if any(one is None for one in curves):
            return None
        known = [one for one in curves if one is not None]
        cost = self._arc_costs(highest)
        flows = self._flow(cost, known)
        counts = self.counts(flows)
        if any(count < one.at_least for count, one in zip(counts, known, strict=True)):
            return None  # the flow fills what must be filled first: no flow can
        if not self.exchanges(flows, cost, known).optimal:
            raise SolveError("carrier contracts", "an answer that is not the optimum", "none")
        bound = question.least_cost + int((flows * cost).sum())
        bound += sum(one.cost(count) for one, count in zip(known, counts, strict=True))
        true, tiers, terms = self.true_cost(flows)
        relaxed_terms = []
        for at, one in enumerate(known):
            granted = int((self._discount(at, highest[at]) * flows[self._sent[self._under[at]]]).sum())
            relaxed_terms.append(one.cost(counts[at]) - granted)
        excess = tuple(term - relaxed for term, relaxed in zip(terms, relaxed_terms, strict=True))
        return Relaxed(bound, true, tiers, excess, flows)

    def prove(self, flows: Units, tiers: tuple[int, ...]) -> tuple[Exchange, Limits]:
        """Exchanges at the tiers reached, and the limits they ran into."""
        known = []
        for at, tier in enumerate(tiers):
            one = curve(self.question, at, tier, tier)
            if one is None:
                raise SolveError("carrier contracts", f"tier {tier} of contracts[{at}], which cannot be", "none")
            known.append(one)
        cost = self._arc_costs(tiers)
        return self.exchanges(flows, cost, known), self.limits(flows, known)

    def counts(self, flows: Units) -> list[int]:
        """Parcels under each contract."""
        return [int(flows[self._sent[under]].sum()) for under in self._under]

    def true_cost(self, flows: Units) -> tuple[int, tuple[int, ...], list[int]]:
        """Scaled cost at the tiers truly reached, those tiers, and the part of each contract."""
        question, counts = self.question, self.counts(flows)
        tiers = tuple(ladder.tier(count) for ladder, count in zip(question.ladders, counts, strict=True))
        total = question.least_cost + int((flows * question.arc_cost).sum())
        terms = []
        for at, tier in enumerate(tiers):
            one = curve(question, at, tier, tier)
            if one is None:
                raise SolveError("carrier contracts", "more parcels than a contract may have", "none")
            granted = int((self._discount(at, tier) * flows[self._sent[self._under[at]]]).sum())
            terms.append(one.cost(counts[at]) - granted)
        return total + sum(terms), tiers, terms

    def limits(self, flows: Units, curves: list[Curve]) -> Limits:
        """Where flows stand against slots and the curves of contracts."""
        question, counts = self.question, self.counts(flows)
        used = np.bincount(self._option, flows, minlength=question.slots.size + 1)[:-1]
        more, fewer, at_least, at_most = [], [], [], []
        for at, (one, count) in enumerate(zip(curves, counts, strict=True)):
            ladder = question.ladders[at]
            contract, scale = ladder.contract, question.scale
            owed = (ladder.needed, contract.shortfall_cents), (ladder.needed_for_share, contract.share_miss_cents)
            edges = np.cumsum([one.at_least, *one.widths]).tolist()
            inside = [slope for slope, edge in zip(one.slopes, edges[1:], strict=True) if count < edge]
            below = [slope for slope, edge in zip(one.slopes, edges[:-1], strict=True) if count > edge]
            beyond = max([-sum(cents * scale for need, cents in owed if count < need), *one.slopes[-1:]])
            more.append(inside[0] if inside else beyond)  # convex to the end, which no parcel can pass anyway
            fewer.append(-below[-1] if below else sum(cents * scale for need, cents in owed if count <= need))
            at_least.append(count <= one.at_least)
            at_most.append(count >= ladder.most)
        return Limits(
            used=used.astype(np.int64).reshape(question.slots.shape),
            slots=question.slots,
            home=question.home,
            parent=question.parent,
            one_more=more,
            one_fewer=fewer,
            at_least=at_least,
            at_most=at_most,
        )

    def exchanges(self, flows: Units, cost: Cents, curves: list[Curve]) -> Exchange:
        """Prove flows optimal at these costs and curves, or not."""
        n_options = self.question.slots.size + 1
        moves = cheapest_class_moves(self.question.arc_class, self._option, cost, flows, n_options)
        return find_exchanges(moves, self.limits(flows, curves))

    def _discount(self, at: int, tier: int) -> Cents:
        if (at, tier) not in self._discounts:
            self._discounts[at, tier] = discount(self.question, at, tier, self._billed[self._under[at]])
        return self._discounts[at, tier]

    def _arc_costs(self, tiers: tuple[int, ...]) -> Cents:
        cost = self.question.arc_cost.copy()
        for at, tier in enumerate(tiers):
            if tier:
                cost[self._sent[self._under[at]]] -= self._discount(at, tier)
        return cost

    def _flow(self, cost: Cents, curves: list[Curve]) -> Units:
        """Flows on the question's arcs; contracts are parallel arcs, what they must have rewarded above all."""
        question = self.question
        self.n_solved += 1
        flows = None
        if self.solve is None and cost.size <= QUICK_ARCS:
            flows = self._quick.solve(cost, curves)
        if flows is None:
            problem = self._general.problem(cost, curves)
            flows = np.atleast_1d((self.solve or solve_flow)(problem))[: cost.size]
        if flows.size != cost.size or flows.dtype.kind not in "iu" or (flows < 0).any():
            raise SolveError("carrier contracts", "flows that do not move every parcel", "none")
        moved = np.bincount(question.arc_class, flows, minlength=question.parcels.size)
        if not np.array_equal(moved.astype(np.int64), question.parcels):
            raise SolveError("carrier contracts", "flows that do not match the classes", "none")
        used = np.bincount(self._option, flows, minlength=question.slots.size + 1)[:-1]
        if (used > question.slots.ravel()).any():
            raise SolveError("carrier contracts", "flows that need more slots than there are", "none")
        counts = self.counts(flows)
        if any(count > ladder.most for count, ladder in zip(counts, question.ladders, strict=True)):
            raise SolveError("carrier contracts", "flows above a highest share", "none")
        return flows.astype(np.int64)
