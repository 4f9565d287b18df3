"""Which carrier service takes which parcel where only the slots of each pickup are limited.

Owns the choice, its exact optimum, its proof and its recorded fallback. Caps on kilograms are in `weights`, contracts
in `contracts`; the table of prices is built and checked in `prices`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from omsim.errors import FieldError, SolveError
from omsim.kernels.tender import NOT_OFFERED, alike_rows, cheapest_moves, least_detours, take_in_turn
from omsim.optimize.carriers.parcel_flow import MOST_ARCS, build_flow, solve_flow
from omsim.optimize.carriers.prices import n_nowhere, priced_options
from omsim.optimize.carriers.shapes import HELD, CarrierAssignment, CarrierCheck

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.optimize.carriers.parcel_flow import FlowSolver

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]


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
    prices, room = priced_options(cost_cents, offered, slots, hold_cents)
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
    prices, room = priced_options(cost_cents, offered, slots, hold_cents)
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
        n_nowhere=n_nowhere(prices),
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
