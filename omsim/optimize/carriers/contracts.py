"""Which carrier service takes which parcel under contracts: minimums, shares and volume tiers of a week or a month.

Owns the search over tiers, its bound, and the fallback. The flow of given tiers is in `contract_flow`, the bill in
`contract_bill`; every answer is checked on the parcels by `check_carriers`.
"""

from __future__ import annotations

import heapq
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.errors import FieldError, SolveError
from omsim.optimize.carriers.check import check_carriers
from omsim.optimize.carriers.contract_flow import Relaxed, TierFlows
from omsim.optimize.carriers.contract_terms import Question, build_question, chain_of, discount
from omsim.optimize.carriers.contract_weights import lighten
from omsim.optimize.carriers.parcel_flow import MOST_ARCS
from omsim.optimize.carriers.prices import carried_g, weights_and_caps
from omsim.optimize.carriers.shapes import HELD, MILLION, CarrierAssignment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from omsim.optimize.carriers.parcel_flow import FlowSolver
    from omsim.optimize.carriers.shapes import CarrierCheck, Contract, Period

    Units = NDArray[np.int64]

Tiers = tuple[int, ...]
MOST_FLOWS = 400


class Found(NamedTuple):
    """The best plan of a search; scaled cost and bound.

    Attributes
    ----------
    flows : int64, shape (n_arcs,)
    tiers : tuple of int
    cost, bound : int
    exhausted : bool
        Whether nothing is left that could be better by more than the gap allowed.
    """

    flows: Units
    tiers: Tiers
    cost: int
    bound: int
    exhausted: bool


def assign_with_contracts(
    cost_cents: ArrayLike,
    offered: ArrayLike,
    slots: ArrayLike,
    hold_cents: ArrayLike,
    contracts: Sequence[Contract],
    *,
    billed_cents: ArrayLike | None = None,
    period: Period | None = None,
    weight_g: ArrayLike | None = None,
    capacity_g: ArrayLike | None = None,
    gap: float = 0.0,
    most_flows: int = MOST_FLOWS,
    solve: FlowSolver | None = None,
    most_arcs: int = MOST_ARCS,
) -> CarrierAssignment:
    """Give every parcel a service, or leave it for the next pickup, with an eye on the contracts' period.

    Data       as `assign_carriers`, for the tender's parcels and for classes e of n[e] parcels expected later in the
               period, with slots of their own; b[p,s] billed prices; for each contract j the parcels G[j] given before
    Variables  x[p,s], w[p] as there; y[e,s] >= 0 whole, parcels of class e planned for service s; t[j] tier
    Model      min  prices and waiting of all parcels, today's and expected
                    + sum_j shortfall[j] (minimum[j] - N[j])+ + miss[j] (lowest[j] - N[j])+ - rebate[j](t[j])
               s.t. as `assign_carriers`, for today and for what is expected
                    N[j] = G[j] + parcels on services that contract j covers
                    N[j] <= highest[j];  t[j] is the tier that N[j] reaches

    Parameters
    ----------
    cost_cents, offered, slots, hold_cents
        As in `assign_carriers`. Costs are before the contracts' discounts.
    contracts : sequence of Contract
        Any two cover services apart, or one all that the other covers and more; discounts of both then add up.
    billed_cents : int64, shape (n_parcels, n_services), optional
        Price on the carrier's bill, which share discounts are of; `cost_cents` (not below 0) unless given.
    period : Period, optional
        Without one, the tender is the whole period.
    weight_g, capacity_g : int64, optional
        Caps on kilograms, as in `assign_within_weight`. Where the plan without them is too heavy, the tender's parcels
        are decided once more within them, at what the contracts are worth at the margin; the bound stays.
    gap : float
        Stop once the cost is within this share of the bound.
    most_flows : int
        Flows to solve at most; reaching it leaves the status at feasible, with the bound known by then.
    solve, most_arcs
        As in `assign_carriers`.

    Returns
    -------
    CarrierAssignment
        Always feasible, the same every time. `cost_cents` counts the rest of the period: see there.

    Raises
    ------
    FieldError
        Whatever `assign_carriers` refuses; contracts that overlap in part; a period that does not fit.

    Notes
    -----
    With all tiers fixed, minimums and shares are convex, and the model is a min-cost flow from classes over services
    and contracts. Tiers are found by branch and bound: a contract whose tier is open between two grants the higher
    discount, less a convex charge that nowhere exceeds the difference; the flow with it bounds all tiers between, and
    what it truly costs is a candidate. Where a contract falls short of the discount it was granted, the tier it
    reached parts the two branches. Every tier vector met is solved once more for itself. Best bound first, ties by
    number: deterministic, and limited by a number of flows instead of seconds.

    Rolling horizon: decisions on the tender are whole parcels; those expected are decided in classes, only to know
    what a parcel given to a contract today is worth at its end. The next tender decides anew.

    Examples
    --------
    >>> from omsim.optimize.carriers import Contract
    >>> lanes = np.repeat([[200, 300], [300, 200]], [100, 200], axis=0)
    >>> tiers = {"from_parcels": (1, 120), "share_ppm": (200_000, 400_000)}
    >>> both = [Contract(covers=np.array([True, False]), **tiers), Contract(covers=np.array([False, True]), **tiers)]
    >>> best = assign_with_contracts(lanes, lanes > 0, [300, 300], np.full(300, 9_999), both)
    >>> best.cost_cents, best.status, best.contracts.period_parcels.tolist()
    (37200, 'optimal', [120, 180])
    """
    if not 0.0 <= gap < 1.0:
        raise FieldError("gap", "from 0 to below 1", gap)
    if most_flows < 1:
        raise FieldError("most_flows", "at least 1", most_flows)
    question = build_question(cost_cents, offered, slots, hold_cents, contracts, billed_cents, period)
    check = partial(
        check_carriers,
        cost_cents,
        offered,
        slots,
        hold_cents,
        contracts=contracts,
        billed_cents=billed_cents,
        period=period,
    )
    weights, caps = weights_and_caps(weight_g, capacity_g, question.of_parcel.size, question.slots.shape[1])
    planned = _planned(question, check, gap, most_flows, solve, most_arcs)
    if weights is None or caps is None:
        return planned
    if (carried_g(weights, planned.service, caps.size) <= caps).all():
        return planned
    return lighten(
        cost_cents,
        offered,
        slots,
        hold_cents,
        contracts,
        planned,
        check,
        billed_cents=billed_cents,
        weight_g=weights,
        capacity_g=caps,
        parcels_in_all=question.in_all,
    )


def _planned(
    question: Question,
    check: Callable[..., CarrierCheck],
    gap: float,
    most_flows: int,
    solve: FlowSolver | None,
    most_arcs: int,
) -> CarrierAssignment:
    """The plan the search finds, checked; or the fallback."""
    try:
        if question.arc_class.size > most_arcs:
            raise SolveError("carrier contracts", f"{question.arc_class.size} arcs", f"{most_arcs} arcs")
        found = _search(TierFlows(question, solve), gap, most_flows)
        service, plan = _told_apart(question, found.flows)
        checked = check(service, expected_plan=plan)
        if checked.broken or not checked.optimal:
            reason = checked.broken or "the plan is not the optimum at its tiers"
        else:
            bound = min(checked.cost_cents, -(-found.bound // question.scale))
            return CarrierAssignment(
                service=service,
                cost_cents=checked.cost_cents,
                bound_cents=bound,
                status="optimal" if found.exhausted and gap == 0.0 else "feasible",
                method="tier_search",
                fallback="",
                slot_price_cents=checked.slot_price_cents,
                n_nowhere=checked.n_nowhere,
                contracts=checked.contracts,
            )
    except FieldError:
        raise
    except Exception as error:  # a dying solver must not take the run with it; the reason is kept
        reason = f"{type(error).__name__}: {error}"
    return _without_contracts(question, check, reason)


def _search(flows: TierFlows, gap: float, most_flows: int) -> Found:
    """Branch and bound over tiers."""
    question = flows.question
    least = tuple(ladder.tier(0) for ladder in question.ladders)
    most = tuple(ladder.tier(min(ladder.most, ladder.reach)) for ladder in question.ladders)
    best: Relaxed | None = None
    solved: set[Tiers] = set()
    n_nodes = 0
    waiting: list[tuple[int, int, Tiers, Tiers, Relaxed]] = []

    def consider(one: Relaxed) -> None:
        """Keep a candidate, then the optimum at the tiers it reaches, and at those that reaches."""
        nonlocal best
        while True:
            if best is None or one.cost < best.cost:
                best = one
            if one.tiers in solved or flows.n_solved >= most_flows:
                return
            solved.add(one.tiers)
            leaf = flows.relax(one.tiers, one.tiers)
            if leaf is None:
                raise SolveError("carrier contracts", "tiers reached that cannot be", "none")
            one = leaf

    def visit(lowest: Tiers, highest: Tiers) -> None:
        nonlocal n_nodes
        if lowest == highest and lowest in solved:
            return
        relaxed = flows.relax(lowest, highest)
        if relaxed is None:
            return
        if lowest == highest:
            solved.add(lowest)
        consider(relaxed)
        n_nodes += 1
        if max(relaxed.excess, default=0) > 0 and lowest != highest:
            heapq.heappush(waiting, (relaxed.bound, n_nodes, lowest, highest, relaxed))

    visit(least, most)
    if best is None:
        raise SolveError("carrier contracts", "no assignment within the highest shares", "none")
    while waiting and flows.n_solved < most_flows:
        bound, _, lowest, highest, relaxed = waiting[0]
        if bound >= best.cost - gap * abs(best.cost):
            break
        heapq.heappop(waiting)
        at = _to_branch_on(relaxed, lowest, highest)
        reached = min(relaxed.tiers[at], highest[at] - 1)
        visit(lowest, (*highest[:at], reached, *highest[at + 1 :]))
        visit((*lowest[:at], reached + 1, *lowest[at + 1 :]), highest)
    bound = min(best.cost, waiting[0][0]) if waiting else best.cost
    settled = best if best.tiers in solved and sum(best.excess) == 0 else None
    if settled is None:  # out of flows on the way: one more, so that the answer is the optimum at its tiers
        settled = flows.relax(best.tiers, best.tiers)
        while settled is not None and settled.cost <= best.cost and settled.tiers != best.tiers:
            best, settled = settled, flows.relax(settled.tiers, settled.tiers)
        best = settled if settled is not None and settled.cost <= best.cost else best
    exhausted = not waiting or bound >= best.cost
    return Found(best.flows, best.tiers, best.cost, min(bound, best.cost), exhausted)


def _to_branch_on(relaxed: Relaxed, lowest: Tiers, highest: Tiers) -> int:
    """The open contract whose true cost exceeds most what the bound counted."""
    open_here = [at for at in range(len(lowest)) if lowest[at] < highest[at]]
    return max(open_here, key=lambda at: (relaxed.excess[at], -at))


def _told_apart(question: Question, flows: Units) -> tuple[Units, Units]:
    """Service parcel by parcel, classes in their order; and the plan for what is expected."""
    n_services = question.slots.shape[1]
    today = question.block[question.arc_class] == 0
    options = np.repeat(question.arc_option[today], flows[today])
    chosen = np.empty(question.of_parcel.size, dtype=np.int64)
    chosen[np.argsort(question.of_parcel, kind="stable")] = options
    first = int((question.block == 0).sum())
    plan = np.zeros((question.parcels.size - first, n_services + 1), dtype=np.int64)
    plan[question.arc_class[~today] - first, question.arc_option[~today]] = flows[~today]
    return np.where(chosen == n_services, HELD, chosen), plan


def _without_contracts(question: Question, check: Callable[..., CarrierCheck], reason: str) -> CarrierAssignment:
    """The fallback: everyone in turn the cheapest with room, contracts full by their highest share closed."""
    n_blocks, n_services = question.slots.shape
    plans = []
    left = [min(ladder.most, ladder.reach) for ladder in question.ladders]
    for block in range(n_blocks):
        inside = question.block == block
        prices, parcels = question.prices[inside], question.parcels[inside]
        plans.append(_taken_in_turn(question, prices, parcels, question.slots[block].copy(), left))
    flows = np.concatenate(plans)
    today = flows[question.block == 0]
    options = np.repeat(np.tile(np.arange(n_services + 1), today.shape[0]), today.ravel())
    chosen = np.empty(question.of_parcel.size, dtype=np.int64)
    chosen[np.argsort(question.of_parcel, kind="stable")] = options
    service = np.where(chosen == n_services, HELD, chosen)
    checked = check(service, expected_plan=flows[question.block == 1])
    if checked.broken:
        raise SolveError("carrier contracts", checked.broken, "tiers_ignored")
    return CarrierAssignment(
        service=service,
        cost_cents=checked.cost_cents,
        bound_cents=min(checked.cost_cents, _least_cents(question)),
        status="feasible",
        method="tiers_ignored",
        fallback=reason,
        slot_price_cents=np.zeros(n_services, dtype=np.int64),
        n_nowhere=checked.n_nowhere,
        contracts=checked.contracts,
    )


def _taken_in_turn(question: Question, prices: Units, parcels: Units, room: Units, left: list[int]) -> Units:
    """Classes in their order take the cheapest options with room; `room` and `left` are lowered in place."""
    n_services = room.size
    chains = [chain_of(question, service) for service in range(n_services)]
    plan = np.zeros(prices.shape, dtype=np.int64)
    for row in range(prices.shape[0]):
        waiting = int(parcels[row])
        for option in np.argsort(prices[row], kind="stable").tolist():
            if prices[row, option] > prices[row, -1] or option == n_services or not waiting:
                break
            taken = min(waiting, int(room[option]), *(left[at] for at in chains[option]))
            plan[row, option] = taken
            room[option] -= taken
            waiting -= taken
            for at in chains[option]:
                left[at] -= taken
        plan[row, -1] += waiting
    return plan


def _least_cents(question: Question) -> int:
    """What no plan can cost less than: everyone's cheapest at the highest discounts, shortfalls left out."""
    least = question.least_cost
    for at, ladder in enumerate(question.ladders):
        top = len(ladder.starts) - 1
        billed = np.where(ladder.contract.covers, question.billed, 0).max(axis=1, initial=0)
        off = discount(question, at, top, billed)
        least -= int((off * question.parcels).sum())
        least -= ladder.ppm[top] * ladder.given_cents * question.scale // MILLION + ladder.cents[top] * ladder.given
    return least // question.scale
