"""Which carrier service takes which parcel at one tender: one site, one cutoff, so many slots on each pickup.

Owns the choice, its exact optimum, its proof and its recorded fallback. What a service costs a parcel (rating) and
whether it would keep the promise (transit times) are decided before; the caller passes prices and a mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from omsim.errors import FieldError, SolveError
from omsim.kernels.tender import NOT_OFFERED, alike_rows, cheapest_moves, least_detours, take_in_turn
from omsim.optimize.parcel_flow import MOST_ARCS, build_flow, solve_flow

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.optimize.parcel_flow import FlowSolver

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]
    Mask = NDArray[np.bool_]

HELD = -1
MOST_CENTS = 10**12


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierAssignment:
    """What becomes of each parcel at a tender.

    Attributes
    ----------
    service : int64, shape (n_parcels,)
        Service of each parcel; -1 waits for the next pickup.
    cost_cents : int
        Price of all parcels sent and cost of all held.
    bound_cents : int
        No assignment costs less; equal to `cost_cents` when `status` is optimal.
    status : str
        ``optimal`` (proved on the data by `check_carrier_assignment`) or ``feasible``.
    method : str
        ``cheapest`` (in parcel order, while there is room), ``all_cheapest`` (everybody's cheapest option fits),
        ``flow`` (min-cost flow) or ``cheapest_with_room`` (the fallback).
    fallback : str
        Why the flow's answer was not used; empty when it was, or was not needed.
    slot_price_cents : int64, shape (n_services,)
        What one more slot on each service would save; zeros unless `status` is optimal.
    """

    service: Units
    cost_cents: int
    bound_cents: int
    status: Literal["optimal", "feasible"]
    method: Literal["cheapest", "all_cheapest", "flow", "cheapest_with_room"]
    fallback: str
    slot_price_cents: Cents


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierCheck:
    """What `check_carrier_assignment` found.

    Attributes
    ----------
    broken : str
        The rule that is broken, with the number of parcels or the service; empty when feasible.
    cost_cents : int
        Recomputed in exact integers; 0 when not feasible.
    optimal : bool
        Whether no exchange of parcels and slots lowers the cost.
    slot_price_cents : int64, shape (n_services,)
        What one more slot on each service would save; zeros unless optimal.
    """

    broken: str
    cost_cents: int
    optimal: bool
    slot_price_cents: Cents


def assign_carriers(
    cost_cents: ArrayLike,
    offered: ArrayLike,
    slots: ArrayLike,
    hold_cents: ArrayLike,
    *,
    rule: Literal["optimum", "cheapest"] = "optimum",
    solve: FlowSolver | None = None,
    most_arcs: int = MOST_ARCS,
) -> CarrierAssignment:
    """Give every parcel a service, or leave it for the next pickup.

    Data       c[p,s]  cost_cents, where offered (eligible, and early enough for the promise)
               h[p]    hold_cents, the cost of waiting; always allowed
               K[s]    slots, parcels the pickup can still take
    Variables  x[p,s] in {0, 1}, only where offered; w[p] in {0, 1}, the parcel waits
    Model      min  sum_ps c[p,s] x[p,s] + sum_p h[p] w[p]
               s.t. w[p] + sum_s x[p,s] = 1     for all p  (sent once, or held)
                    sum_p x[p,s] <= K[s]        for all s  (room on the pickup)

    Parameters
    ----------
    cost_cents : int64, shape (n_parcels, n_services)
        Any value where not offered.
    offered : bool, shape (n_parcels, n_services)
    slots : int64, shape (n_services,)
        >= 0.
    hold_cents : int64, shape (n_parcels,)
    rule : str
        ``optimum`` as modelled above; ``cheapest``: parcels choose in their order, each the cheapest with room.
    solve : callable, optional
        Solves a `FlowProblem`; `solve_flow` unless given.
    most_arcs : int
        Fall back rather than solve a flow of more arcs than this.

    Returns
    -------
    CarrierAssignment
        Always feasible. Equally cheap options go to the lowest service number where parcels choose; among equally
        cheap optima the answer is the solver's, the same every time.

    Raises
    ------
    FieldError
        Shapes that do not fit, numbers that are not whole cents or absurdly large, negative slots.

    Notes
    -----
    Where all cheapest options fit together there is nothing to solve. Otherwise parcels alike in every price become
    one class, and the model is a min-cost flow from classes over services: exact, and small however many parcels
    there are. Arcs dearer than an option with room for all are left out. Parcels of a class are told apart again in
    their order. The answer is checked on the parcels; whatever goes wrong on the way leads to
    `cheapest_with_room`, and the reason is kept.

    Examples
    --------
    >>> cost = [[500, 700], [500, 900]]
    >>> sent = assign_carriers(cost, [[True, True], [True, True]], slots=[1, 5], hold_cents=[2000, 2000])
    >>> sent.service.tolist(), sent.cost_cents, sent.slot_price_cents.tolist()
    ([1, 0], 1200, [200, 0])
    """
    prices, room = _priced_options(cost_cents, offered, slots, hold_cents)
    n_parcels, n_options = prices.shape
    if rule == "cheapest":
        chosen = take_in_turn(prices, room, np.arange(n_parcels))
        return _assignment(prices, room, chosen, "cheapest", "")
    if rule != "optimum":
        raise FieldError("rule", "optimum or cheapest", rule)
    chosen = prices.argmin(axis=1)
    if (np.bincount(chosen, minlength=n_options)[:-1] <= room).all():
        return _assignment(prices, room, chosen, "all_cheapest", "")
    try:
        of_parcel, first_parcel = alike_rows(prices)
        problem, arc_class, arc_option = build_flow(
            prices[first_parcel], np.bincount(of_parcel), room, most_arcs=most_arcs
        )
        flows = (solve or solve_flow)(problem)
        chosen = _disaggregate(of_parcel, arc_class, arc_option, flows)
        check = _check(prices, room, chosen)
        if check.optimal:
            return _checked_assignment(prices, chosen, check, "flow", "")
        reason = check.broken or "the solver's answer is not the optimum"
    except Exception as error:  # a dying solver must not take the run with it; the reason is kept
        reason = f"{type(error).__name__}: {error}"
    return _assignment(prices, room, cheapest_with_room(prices, room), "cheapest_with_room", reason)


def cheapest_with_room(prices: Cents, slots: Units) -> Units:
    """The fallback: parcels choose in turn, those first that lose most by their second choice.

    Choosing in parcel order is tried as well and kept where it is cheaper, so the fallback never costs more than the
    ``cheapest`` rule.

    Parameters
    ----------
    prices : int64, shape (n_parcels, n_services + 1)
        The last option is to wait; `NOT_OFFERED` where an option is closed.
    slots : int64, shape (n_services,)

    Returns
    -------
    int64, shape (n_parcels,)
        Option of each parcel, n_services to wait.
    """
    parcels = np.arange(prices.shape[0])
    in_order = take_in_turn(prices, slots, parcels)
    if prices.shape[1] == 1:
        return in_order
    two_best = np.partition(prices, 1, axis=1)[:, :2]
    only = two_best[:, 1] == NOT_OFFERED  # they can but wait, whenever it is their turn
    regret = np.where(only, 0, two_best[:, 1]) - np.where(only, 0, two_best[:, 0])
    by_regret = take_in_turn(prices, slots, np.argsort(-regret, kind="stable"))
    if prices[parcels, by_regret].sum() <= prices[parcels, in_order].sum():
        return by_regret
    return in_order


def check_carrier_assignment(
    cost_cents: ArrayLike, offered: ArrayLike, slots: ArrayLike, hold_cents: ArrayLike, service: ArrayLike
) -> CarrierCheck:
    """Recompute feasibility, cost and optimality of an assignment from the data alone, in exact integers.

    Parameters
    ----------
    cost_cents, offered, slots, hold_cents
        As in `assign_carriers`.
    service : int64, shape (n_parcels,)
        Service of each parcel, -1 to wait.

    Returns
    -------
    CarrierCheck

    Notes
    -----
    An assignment is optimal exactly when no cycle in its exchange graph costs less than nothing: nodes are the
    services, waiting, and free room; an arc from a to b costs the cheapest move of one parcel from a to b. The
    cheapest ways from free room to a service are the prices of its slots.
    """
    prices, room = _priced_options(cost_cents, offered, slots, hold_cents)
    given = np.asarray(service)
    n_parcels, n_options = prices.shape
    if given.shape != (n_parcels,) or given.dtype.kind not in "iu":
        raise FieldError("service", f"whole numbers, shape ({n_parcels},)", f"{given.dtype}, shape {given.shape}")
    return _check(prices, room, np.where(given == HELD, n_options - 1, given).astype(np.int64))


def _check(prices: Cents, slots: Units, chosen: Units) -> CarrierCheck:
    n_parcels, n_options = prices.shape
    n_services = n_options - 1
    no_prices = np.zeros(n_services, dtype=np.int64)
    broken = ""
    if chosen.shape != (n_parcels,):
        broken = f"{chosen.size} choices for {n_parcels} parcels"
    elif ((chosen < 0) | (chosen >= n_options)).any():
        broken = "a parcel has no such service"
    else:
        paid = prices[np.arange(n_parcels), chosen]
        used = np.bincount(chosen, minlength=n_options)[:-1]
        if (paid == NOT_OFFERED).any():
            broken = f"{int((paid == NOT_OFFERED).sum())} parcels take a service not offered to them"
        elif (used > slots).any():
            at = int(np.argmax(used > slots))
            broken = f"service {at} takes {int(used[at])} parcels, has {int(slots[at])} slots"
    if broken:
        return CarrierCheck(broken=broken, cost_cents=0, optimal=False, slot_price_cents=no_prices)
    step = np.full((n_options + 1, n_options + 1), NOT_OFFERED, dtype=np.int64)
    step[:-1, :-1] = cheapest_moves(prices, chosen)
    step[:-1, -1][np.append(used < slots, True)] = 0  # an option with room may take one more
    step[-1, :-1] = 0  # and any may give one up
    np.fill_diagonal(step, 0)
    way = least_detours(step)
    optimal = bool((np.diagonal(way) >= 0).all())
    return CarrierCheck(
        broken="",
        cost_cents=int(paid.sum()),
        optimal=optimal,
        slot_price_cents=-way[-1, :n_services] if optimal else no_prices,
    )


def _assignment(
    prices: Cents,
    slots: Units,
    chosen: Units,
    method: Literal["cheapest", "all_cheapest", "cheapest_with_room"],
    fallback: str,
) -> CarrierAssignment:
    check = _check(prices, slots, chosen)
    if check.broken:
        raise SolveError("carrier assignment", check.broken, method)
    return _checked_assignment(prices, chosen, check, method, fallback)


def _checked_assignment(
    prices: Cents,
    chosen: Units,
    check: CarrierCheck,
    method: Literal["cheapest", "all_cheapest", "flow", "cheapest_with_room"],
    fallback: str,
) -> CarrierAssignment:
    return CarrierAssignment(
        service=np.where(chosen == prices.shape[1] - 1, HELD, chosen),
        cost_cents=check.cost_cents,
        bound_cents=check.cost_cents if check.optimal else int(prices.min(axis=1).sum()),
        status="optimal" if check.optimal else "feasible",
        method=method,
        fallback=fallback,
        slot_price_cents=check.slot_price_cents,
    )


def _disaggregate(of_parcel: Units, arc_class: Units, arc_option: Units, flows: Units) -> Units:
    """Options parcel by parcel: within a class the first parcels take the lowest option numbers."""
    given = np.atleast_1d(flows)[: arc_class.size]
    whole = given.size == arc_class.size and given.dtype.kind in "iu"
    if not whole or (given < 0).any() or given.sum() != of_parcel.size:
        raise SolveError("carrier assignment", "flows that do not move every parcel", "none")
    if not np.array_equal(np.bincount(arc_class, given).astype(np.int64), np.bincount(of_parcel)):
        raise SolveError("carrier assignment", "flows that do not match the classes", "none")
    chosen = np.empty(of_parcel.size, dtype=np.int64)
    chosen[np.argsort(of_parcel, kind="stable")] = np.repeat(arc_option, given)  # arcs come sorted by class
    return chosen


def _priced_options(
    cost_cents: ArrayLike, offered: ArrayLike, slots: ArrayLike, hold_cents: ArrayLike
) -> tuple[Cents, Units]:
    """Prices of all options, the last to wait, shape (n_parcels, n_services + 1), and the slots; checked."""
    cost, mask, room, hold = (np.asarray(given) for given in (cost_cents, offered, slots, hold_cents))
    if cost.ndim != 2:
        raise FieldError("cost_cents", "a table of shape (parcels, services)", f"shape {cost.shape}")
    n_parcels, n_services = cost.shape
    for field, given, shape in (
        ("offered", mask, (n_parcels, n_services)),
        ("slots", room, (n_services,)),
        ("hold_cents", hold, (n_parcels,)),
    ):
        if given.shape != shape:
            raise FieldError(field, f"of shape {shape}", f"shape {given.shape}")
    for field, given in (("cost_cents", cost), ("slots", room), ("hold_cents", hold)):
        if given.size and given.dtype.kind not in "iu":
            raise FieldError(field, "whole numbers", f"{given.dtype}, {given.flat[0]!r} first")
    if mask.size and mask.dtype != np.bool_:
        raise FieldError("offered", "true or false", mask.dtype.name)
    if room.size and (room.min() < 0 or room.max() > MOST_CENTS):
        raise FieldError("slots", f"from 0 to {MOST_CENTS}", int(room.min() if room.min() < 0 else room.max()))
    prices = np.empty((n_parcels, n_services + 1), dtype=np.int64)
    prices[:, :-1] = np.where(mask.astype(np.bool_), cost, 0)
    prices[:, -1] = hold
    if prices.size and (prices.max() > MOST_CENTS or prices.min() < -MOST_CENTS):
        worst = prices.max() if prices.max() > MOST_CENTS else prices.min()
        raise FieldError("cost_cents", f"within {MOST_CENTS} cents of 0", int(worst))
    if n_parcels > 4_000_000:
        raise FieldError("n_parcels", "at most 4,000,000 at one tender", n_parcels)  # so no sum can overflow
    prices[:, :-1][~mask.astype(np.bool_)] = NOT_OFFERED
    return prices, room.astype(np.int64)
