"""Which carrier service takes which parcel where pickups cap parcels and kilograms.

Owns the choice and its certified bound. It is a generalised assignment problem with many parcels and few services, for
which prices of room come within a few ten-thousandths of the optimum; no solver is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from omsim.errors import FieldError, OmsimError, SolveError
from omsim.kernels.tender import NOT_OFFERED
from omsim.kernels.weighted_tender import SCALE, free_choices, regrets, take_weighted, trade_places
from omsim.optimize.carriers.check import check_carriers
from omsim.optimize.carriers.prices import carried_g, n_nowhere, priced_options, weights_and_caps
from omsim.optimize.carriers.shapes import HELD, CarrierAssignment
from omsim.optimize.carriers.slots import assign_carriers
from omsim.optimize.carriers.weights_mip import close_gap

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.optimize.carriers.parcel_flow import FlowSolver
    from omsim.optimize.mip_solvers import MipSolver

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]

MOST_TOLL = 2**60
MOST_PRODUCT = 2**62
SAMPLE_PARCELS = 10_000
"""Prices are first sought on so many parcels, evenly taken, then on all."""

SAMPLE_PASSES, FULL_PASSES = 200, 60
ENOUGH, PATIENCE = 1_000_000, 8
"""Passes end early when so many of them have not raised the bound by a millionth."""

MOST_ROUNDS, LISTED = 30, 60
SMALL_PARCELS, MOST_ARCS_WITHOUT = 5_000, 200_000
"""How few parcels, or arcs of classes, it takes to try the flow without kilograms first."""


class _Tolls(NamedTuple):
    """Scaled prices of room, and the bound they prove in cents."""

    slot: Cents
    gram: Cents
    bound_cents: int


def assign_within_weight(
    cost_cents: ArrayLike,
    offered: ArrayLike,
    slots: ArrayLike,
    hold_cents: ArrayLike,
    weight_g: ArrayLike,
    capacity_g: ArrayLike,
    *,
    rule: Literal["optimum", "cheapest"] = "optimum",
    solve: FlowSolver | None = None,
    mip_seconds: float = 0.0,
    mip_solver: MipSolver | None = None,
) -> CarrierAssignment:
    """Give every parcel a service, or leave it for the next pickup, within slots and kilograms.

    Data       as `assign_carriers`; g[p,s] what service s counts for parcel p, G[s] capacity_g
    Variables  as there
    Model      as there, and  sum_p g[p,s] x[p,s] <= G[s]  for all s

    Parameters
    ----------
    cost_cents, offered, slots, hold_cents
        As in `assign_carriers`.
    weight_g : int64, shape (n_parcels,) or (n_parcels, n_services)
        >= 0; by service where carriers count different weights for one parcel, as by their own volume divisors.
    capacity_g : int64, shape (n_services,)
        What each pickup can still take, >= 0.
    rule : str
        ``optimum``: as near to it as prices come, with the bound; ``cheapest``: parcels in their order, each the
        cheapest with room for it.
    solve : callable, optional
        As in `assign_carriers`.
    mip_seconds : float
        Wall time for a mixed-integer solver to close what gap is left, in a process of its own; 0 = none. For tenders
        of some hundred parcels, where a gap is worth a parcel or two.
    mip_solver : callable, optional
        Another solver than HiGHS; see `omsim.optimize.solving.solve_mip`.

    Returns
    -------
    CarrierAssignment
        Always feasible; without `mip_seconds`, or where they suffice, the same every time. Where the solver failed or
        met a limit, the best answer known with its bound, and the reason in `fallback`.

    Raises
    ------
    FieldError
        As `assign_carriers`; weights or caps that are not whole or negative.

    Notes
    -----
    Where the optimum without kilograms keeps them, it is the answer (tried where tolls do not speak against it, and the
    flow is not too large). Otherwise tolls on slots and grams rise where
    more parcels choose a service than it takes and fall where fewer do, by steps that grow while the sign holds and
    halve when it turns; the tolls' dual value, in exact integers, is the bound. Parcels then choose in the order of
    what they lose by their second choice, tolls counted; pairs that gain change places. Nobody who chooses after the
    tolls are right pays more than the rounding of a few parcels per service.

    Examples
    --------
    >>> sent = assign_within_weight(
    ...     [[500, 700], [500, 900]], [[True, True]] * 2, [5, 5], [2000, 2000], [900, 800], [1000, 9000]
    ... )
    >>> sent.service.tolist(), sent.cost_cents
    ([1, 0], 1200)
    """
    prices, room = priced_options(cost_cents, offered, slots, hold_cents)
    given_g, caps = weights_and_caps(weight_g, capacity_g, prices.shape[0], room.size)
    if given_g is None or caps is None:
        raise FieldError("weight_g", "given", None)
    weights = _columns(given_g)
    if rule == "cheapest":
        none = np.zeros(room.size, dtype=np.int64)
        chosen = take_weighted(prices, weights, room, caps, none, none, np.arange(prices.shape[0]))
        tolls = _Tolls(none, none, int(prices.min(axis=1).sum()))
        return _checked(prices, room, given_g, caps, chosen, tolls, "cheapest", "")
    if rule != "optimum":
        raise FieldError("rule", "optimum or cheapest", rule)
    tolls = _dual_ascent(prices, weights, room, caps)
    fallback = ""
    if not tolls.gram.any() or weights.shape[0] <= SMALL_PARCELS:
        loose = assign_carriers(cost_cents, offered, slots, hold_cents, solve=solve, most_arcs=MOST_ARCS_WITHOUT)
        if loose.status == "optimal" and (carried_g(given_g, loose.service, room.size) <= caps).all():
            return loose
        tolls = tolls._replace(bound_cents=max(tolls.bound_cents, loose.bound_cents))
        fallback = loose.fallback
    turn = np.argsort(-regrets(prices, weights, tolls.slot, tolls.gram), kind="stable")
    chosen = take_weighted(prices, weights, room, caps, tolls.slot, tolls.gram, turn)
    for _ in range(MOST_ROUNDS):
        if not trade_places(prices, weights, room, caps, tolls.slot, tolls.gram, chosen, LISTED):
            break
    method: Literal["priced", "mip"] = "priced"
    if mip_seconds > 0.0 and int(prices[np.arange(chosen.size), chosen].sum()) > tolls.bound_cents:
        try:
            closer, bound, fallback = close_gap(
                prices, room, weights, caps, tolls.slot, tolls.gram, tolls.bound_cents, chosen,
                seconds=mip_seconds, solver=mip_solver,
            )  # fmt: skip
            method = "mip" if not fallback or (closer != chosen).any() else "priced"
            chosen, tolls = closer, tolls._replace(bound_cents=bound)
        except OmsimError as error:  # the answer by prices stands
            fallback = str(error)
    return _checked(prices, room, given_g, caps, chosen, tolls, method, fallback)


def _columns(weight_g: Units) -> Units:
    """Weights as the kernels read them: one column for all services, or one for each."""
    n_parcels = weight_g.shape[0]
    if weight_g.size == 0:
        return np.zeros((n_parcels, 1), dtype=np.int64)
    return np.ascontiguousarray(weight_g.reshape(n_parcels, -1))


def _dual_ascent(prices: Cents, weights: Units, slots: Units, caps: Units) -> _Tolls:
    """Tolls near the best, first sought on a sample of the parcels."""
    n_parcels = weights.shape[0]
    if not n_parcels:
        none = np.zeros(slots.size, dtype=np.int64)
        return _Tolls(none, none, 0)
    slot = np.zeros(slots.size, dtype=np.int64)
    gram = np.zeros(slots.size, dtype=np.int64)
    two = np.partition(prices, 1, axis=1)[:, :2] if prices.shape[1] > 1 else np.zeros((n_parcels, 2), dtype=np.int64)
    regret = np.minimum(two[:, 1], two[:, 0] + 10**6) - two[:, 0]
    usual = max(1, int(np.median(regret))) * SCALE
    heaviest = max(1, int(weights.max(initial=1)))
    total_g = weights.sum(axis=0)
    per_gram = np.maximum(1, usual // 2 // np.maximum(1, total_g // n_parcels))
    steps = np.full(slots.size, usual // 2), np.full(slots.size, per_gram)
    if n_parcels > 2 * SAMPLE_PARCELS:
        every = n_parcels // SAMPLE_PARCELS
        some, light = np.ascontiguousarray(prices[::every]), np.ascontiguousarray(weights[::every])
        light_g = light.sum(axis=0)
        reach = np.minimum(caps, MOST_PRODUCT // np.maximum(1, light_g))  # a cap that is none must not overflow
        part = slots * some.shape[0] // n_parcels, reach * light_g // np.maximum(1, total_g)
        best = _ascend(some, light, *part, slot, gram, *steps, heaviest, SAMPLE_PASSES)
        slot, gram = best.slot, best.gram
        steps = np.full(slots.size, max(1, usual // 64)), np.maximum(1, steps[1] // 32)
        return _ascend(prices, weights, slots, caps, slot, gram, *steps, heaviest, FULL_PASSES)
    return _ascend(prices, weights, slots, caps, slot, gram, *steps, heaviest, SAMPLE_PASSES + FULL_PASSES)


def _ascend(
    prices: Cents,
    weights: Units,
    slots: Units,
    caps: Units,
    slot: Cents,
    gram: Cents,
    slot_step: Cents,
    gram_step: Cents,
    heaviest: int,
    n_passes: int,
) -> _Tolls:
    """The best tolls on the way of so many sign-adaptive passes."""
    used, grams = np.zeros(slots.size, dtype=np.int64), np.zeros(slots.size, dtype=np.int64)
    tolls, tops = [slot.copy(), gram.copy()], (MOST_TOLL, MOST_TOLL // heaviest)
    steps = [np.append(step, step.max(initial=1)).astype(np.int64) for step in (slot_step, gram_step)]
    signs = [np.zeros(slots.size + 1, dtype=np.int64), np.zeros(slots.size + 1, dtype=np.int64)]
    best = _Tolls(tolls[0], tolls[1], 0)
    best_value: int | None = None
    marked_value, marked_pass = 0, 0
    for turn in range(n_passes):
        whole, parts = free_choices(prices, weights, tolls[0], tolls[1], used, grams)
        owed = sum(int(k) * int(t) for k, t in zip(slots, tolls[0], strict=True))
        owed += sum(int(k) * int(t) for k, t in zip(caps, tolls[1], strict=True))
        value = int(whole) * SCALE + int(parts) - owed
        if best_value is None or value > best_value:
            best_value = value
            best = _Tolls(tolls[0].copy(), tolls[1].copy(), -(-value // SCALE))
        if turn == 0 or best_value - marked_value > abs(best_value) // ENOUGH:
            marked_value, marked_pass = best_value, turn
        elif turn - marked_pass >= PATIENCE:
            break
        for at, over in enumerate((used - slots, grams - caps)):
            over = np.append(over, over.sum())  # all together: where everything is scarce, tolls must rise in step
            sign = np.sign(over)
            free = np.append(tolls[at], tolls[at].min(initial=0)) == 0
            sign[free & (sign < 0)] = 0
            turned = sign * signs[at]
            steps[at] = np.where(turned > 0, steps[at] * 5 // 4 + 1, steps[at])
            steps[at] = np.where(turned < 0, np.maximum(1, steps[at] // 2), steps[at])
            steps[at] = np.minimum(steps[at], tops[at] // 8)
            signs[at] = np.where(sign == 0, signs[at], sign)
            moves = sign * steps[at]
            tolls[at] = np.clip(tolls[at] + moves[:-1] + moves[-1], 0, tops[at])
    return best


def _checked(
    prices: Cents,
    slots: Units,
    weights: Units,
    caps: Units,
    chosen: Units,
    tolls: _Tolls,
    method: Literal["cheapest", "priced", "mip"],
    fallback: str,
) -> CarrierAssignment:
    service = np.where(chosen == slots.size, HELD, chosen)
    is_open = prices != NOT_OFFERED
    paid = np.where(is_open, prices, 0)
    check = check_carriers(
        paid[:, :-1], is_open[:, :-1], slots, paid[:, -1], service, weight_g=weights, capacity_g=caps
    )
    if check.broken:
        raise SolveError("carrier assignment", check.broken, method)
    proved = check.optimal or check.cost_cents == tolls.bound_cents
    return CarrierAssignment(
        service=service,
        cost_cents=check.cost_cents,
        bound_cents=check.cost_cents if proved else min(tolls.bound_cents, check.cost_cents),
        status="optimal" if proved else "feasible",
        method=method,
        fallback=fallback,
        slot_price_cents=tolls.slot // SCALE,
        n_nowhere=n_nowhere(prices),
        kg_price_cents=(tolls.gram * (1000.0 / SCALE)).astype(np.float64),
    )
