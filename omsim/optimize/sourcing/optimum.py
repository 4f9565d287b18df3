"""The cheapest way to serve a batch of orders together, with its proof.

Owns what is solved by whom: most orders by themselves, the few that meet at a short cell or a full site by an integer
program, too many of them by ruin and recreate with a bound. What a solver says is checked; whatever fails, the best
choice in hand stands and the reason is kept.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from omsim.errors import FieldError, SolveError
from omsim.optimize.mip_solvers import solve_cp_sat
from omsim.optimize.sourcing.check import check_sourcing
from omsim.optimize.sourcing.in_turn import serve_in_turn
from omsim.optimize.sourcing.model import refuse_unusable
from omsim.optimize.sourcing.node_limit import MOST_NODES, HighsByNodes
from omsim.optimize.sourcing.search import Data, Found, Means, search_groups

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Batch, Choice, Classes, Lanes, Stock
    from omsim.optimize.mip_solvers import MipSolver
    from omsim.optimize.sourcing.check import SourcingCheck

DEADLINE_S = 60.0
MOST_OPTIONS = 6_000
"""Pairs of a line and a site above which a group goes to ruin and recreate instead of the integer program."""

MOVES_PER_ORDER = 100
Method = Literal["alone", "groups", "sequence", "start"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingAnswer:
    """Who serves what, and how good that is.

    Attributes
    ----------
    choice : Choice
        Legal (checked on the data by `check_sourcing`).
    cost_cents : int
    bound_cents : int
        No choice costs less.
    gap : float
        (cost - bound) / cost; 0 where nothing costs anything.
    status : str
        ``optimal`` (cost equals bound) or ``feasible``.
    method : str
        ``alone``: everybody's best way fits together; ``groups``: orders that meet were solved together;
        ``sequence``: served in turn, then improved by ruin and recreate (a fallback); ``start``: the caller's own was
        better.
    fallback : str
        What failed or met a limit, solver by solver; empty when nothing did.
    n_groups, largest_group : int
        Groups of orders solved together, and the orders of the largest.
    n_programs : int
        Integer programs solved.
    check : SourcingCheck
        Parts of the cost, and counts.
    """

    choice: Choice
    cost_cents: int
    bound_cents: int
    gap: float
    status: Literal["optimal", "feasible"]
    method: Method
    fallback: str
    n_groups: int
    largest_group: int
    n_programs: int
    check: SourcingCheck


def optimal_sourcing(
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    unserved_cents: int,
    *,
    solver: Literal["highs", "cp_sat"] | MipSolver = "highs",
    deadline_s: float = DEADLINE_S,
    start: Choice | None = None,
    most_options: int = MOST_OPTIONS,
    most_nodes: int = MOST_NODES,
    moves_per_order: int = MOVES_PER_ORDER,
    aim_gap: float = 0.0,
    seed: int = 0,
    isolate: bool = True,
) -> SourcingAnswer:
    """Serve a batch of orders at the least cost of all together.

    The model is that of `omsim.optimize.sourcing.model.build_model`; here is how little of it is solved:

    1. Every order chooses for itself, as if there were no other: the exact subproblem, compiled. The sum of these costs
       is a lower bound, and where the choices fit together they are the optimum. Most batches end here.
    2. Cells taken below their limit and sites over their room become binding. Orders that may draw on a binding cell or
       site, directly or over others, form groups; each is solved as an integer program of its own, with all its rows.
       Dropping what couples the groups only makes them cheaper, so the sum is still a bound. This is repeated
       with whatever the joint choice overdraws, until it overdraws nothing: then it is the optimum.

    Parameters
    ----------
    batch, classes, lanes, stock
        Not modified.
    unserved_cents : int
        For each unit not served.
    solver : str or callable
        ``highs`` (ends at a number of nodes), ``cp_sat``, or any solver `omsim.optimize.solving.solve_mip` takes.
    deadline_s : float
        Wall time for all integer programs together. It is a safety net: answers found before it are the same every
        time, and where it was met `fallback` says so.
    start : Choice, optional
        A choice in hand; if it is legal the answer costs no more.
    most_options : int
        Groups with more (line, site) pairs are not given to a solver; ruin and recreate then decides, with a gap.
    most_nodes : int
        Nodes after which ``highs`` ends with the best it has, >= 1.
    moves_per_order : int
        Moves of ruin and recreate for each order of a group, before the solver and instead of it; 0 = none.
    aim_gap : float
        Gap at which a group counts as solved, before the solver and in it; 0 = proved.
    seed : int
        Of ruin and recreate.
    isolate : bool
        False solves in this process: quicker for a few small groups, but a crash is a crash.

    Returns
    -------
    SourcingAnswer

    Raises
    ------
    FieldError
        Data no solver may see (`refuse_unusable`), a deadline or limit out of range.

    Examples
    --------
    Two orders want the one unit at site 0; the second loses less by going elsewhere.

    >>> import numpy as np
    >>> from omsim.kernels.allocation.batch import Batch, Classes, Lanes, Stock, nothing_kept
    >>> batch = Batch(np.array([0, 1, 2]), np.array([0, 0]), np.array([1, 1]), np.array([0, 1]), np.array([0, 0]))
    >>> one = np.ones(1, dtype=np.bool_)
    >>> classes = Classes(np.ones((1, 2), dtype=np.bool_), np.array([2]), one, ~one, nothing_kept(1))
    >>> cents = np.array([[500, 900], [500, 600]])
    >>> lanes = Lanes(np.array([[0, 1], [0, 1]]), cents, np.zeros_like(cents), np.zeros_like(cents))
    >>> stock = Stock(np.array([[0], [1]], dtype=np.int32), np.array([1, 5]), np.array([9, 9]), np.array([100]))
    >>> best = optimal_sourcing(batch, classes, lanes, stock, 3000, isolate=False)
    >>> best.choice.site.tolist(), best.cost_cents, best.status
    ([0, 1], 1100, 'optimal')
    """
    if not 0.0 < deadline_s <= 1e6:
        raise FieldError("deadline_s", "above 0", deadline_s)
    if most_options < 0 or moves_per_order < 0:
        raise FieldError("most_options and moves_per_order", "at least 0", (most_options, moves_per_order))
    if not 0.0 <= aim_gap < 1.0:
        raise FieldError("aim_gap", "from 0 to below 1", aim_gap)
    if most_nodes < 1:
        raise FieldError("most_nodes", "at least 1", most_nodes)
    chosen: MipSolver
    if callable(solver):
        chosen = solver
    elif solver in ("highs", "cp_sat"):
        chosen = HighsByNodes(most_nodes) if solver == "highs" else solve_cp_sat
    else:
        raise FieldError("solver", "highs, cp_sat or a function", solver)
    refuse_unusable(batch, classes, lanes, stock, unserved_cents)
    data = Data(batch, classes, lanes, stock, int(unserved_cents))
    hand = start
    if hand is not None and check_sourcing(*data[:4], hand, data.unserved_cents).broken:
        hand = None
    means = Means(
        solver=chosen,
        ends_at=time.monotonic() + deadline_s,
        most_options=most_options,
        moves_per_order=moves_per_order,
        aim_gap=aim_gap,
        seed=seed,
        isolate=isolate,
    )
    try:
        found = search_groups(data, means, hand)
    except Exception as error:  # whatever it is, a batch must be served; the reason is kept
        found = Found(choice=None, bound_cents=0, notes=[f"{type(error).__name__}: {error}"])
    return _answer(data, means, hand, found)


def _answer(data: Data, means: Means, start: Choice | None, found: Found) -> SourcingAnswer:
    """What was found if it is proved, else the best of it, of what was given, and of orders served in turn."""
    notes = list(found.notes)
    best: tuple[Method, Choice, SourcingCheck] | None = None

    def offer(name: Method, choice: Choice | None) -> None:
        nonlocal best
        if choice is None:
            return
        check = check_sourcing(*data[:4], choice, data.unserved_cents)
        if check.broken:
            notes.append(f"{name}: {check.broken}")
        elif best is None or check.cost_cents < best[2].cost_cents:
            best = name, choice, check

    offer("groups" if found.n_groups else "alone", found.choice)
    if best is None or best[2].cost_cents > found.bound_cents:
        moves = means.moves_per_order * data.batch.lane.size
        offer("sequence", serve_in_turn(*data, moves=moves, seed=means.seed))
        offer("start", start)
    if best is None:
        raise SolveError("sourcing", "no legal choice", "; ".join(notes))
    method, choice, check = best
    bound = min(found.bound_cents, check.cost_cents)
    return SourcingAnswer(
        choice=choice,
        cost_cents=check.cost_cents,
        bound_cents=bound,
        gap=(check.cost_cents - bound) / max(check.cost_cents, 1),
        status="optimal" if bound == check.cost_cents else "feasible",
        method=method,
        fallback="; ".join(notes),
        n_groups=found.n_groups,
        largest_group=found.largest_group,
        n_programs=found.n_programs,
        check=check,
    )
