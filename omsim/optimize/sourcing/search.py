"""The search behind the optimum of a batch: what becomes binding, which groups follow, how each is solved.

Owns the rounds, the parts already solved, the time left and the reasons kept. What is asked and answered stands in
`omsim.optimize.sourcing.optimum`.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.errors import SolveError
from omsim.kernels.allocation.batch import Batch, Choice, Classes, Lanes, Stock
from omsim.kernels.allocation.choice_costs import cost_by_order, line_orders
from omsim.optimize.solving import solve_mip
from omsim.optimize.sourcing.check import check_sourcing
from omsim.optimize.sourcing.components import Shared, group_orders, overdrawn, scarce, serve_alone
from omsim.optimize.sourcing.in_turn import serve_at_prices, serve_in_turn
from omsim.optimize.sourcing.model import (
    build_model,
    choice_of,
    line_options,
    only_options,
    solution_of,
    take_orders,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.optimize.mip_solvers import MipSolver
    from omsim.optimize.solving import MipAnswer
    from omsim.optimize.sourcing.model import LineOptions

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

PRICED_FROM = 2
"""Orders from which a group is also served at its own prices, which prove a bound as well."""

MOST_ROUNDS = 4
"""Rounds in which only what is overdrawn becomes binding; after them everything scarce does."""


class Data(NamedTuple):
    """What a sourcing rule is given."""

    batch: Batch
    classes: Classes
    lanes: Lanes
    stock: Stock
    unserved_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What a search may use; fields as the arguments of `omsim.optimize.sourcing.optimum.optimal_sourcing`.

    `ends_at` is the deadline on the clock of `time.monotonic`.
    """

    solver: MipSolver
    ends_at: float
    most_options: int
    moves_per_order: int
    aim_gap: float
    seed: int
    isolate: bool


@dataclass(slots=True, kw_only=True)
class Found:
    """What a search ends with; fields as in `omsim.optimize.sourcing.optimum.SourcingAnswer`.

    No `choice` where it failed.
    """

    choice: Choice | None
    bound_cents: int
    notes: list[str] = field(default_factory=list)
    n_groups: int = 0
    largest_group: int = 0
    n_programs: int = 0


class _Part(NamedTuple):
    """A group of orders solved: its pieces on the whole batch's lines, its cost, and what it costs at least."""

    choice: Choice
    cost_cents: int
    bound_cents: int


def search_groups(data: Data, means: Means, start: Choice | None) -> Found:
    """Find the best choice, round by round as `omsim.optimize.sourcing.optimum.optimal_sourcing` tells it.

    Raises
    ------
    SolveError
        The rounds do not settle, which only a fault in a group's solution can cause.
    """
    batch, classes, lanes, stock, unserved_cents = data
    n_orders = batch.lane.size
    alone, certain = serve_alone(batch, classes, lanes, stock, unserved_cents)
    least = np.where(certain, cost_by_order(batch, lanes, stock, alone, unserved_cents), 0)
    solving = _Solving(data, means, start, least)
    options: LineOptions | None = None
    binding = Shared(np.zeros(stock.free_units.size, dtype=np.bool_), np.zeros(stock.room.size, dtype=np.bool_))
    groups: list[Ints] = [np.array([order]) for order in np.flatnonzero(~certain)]
    n_rounds = 0
    while True:
        by_itself = np.ones(n_orders, dtype=np.bool_)
        for group in groups:
            by_itself[group] = False
        parts = [solving.solved(group) for group in sorted(groups, key=len)]  # the small ones never wait for time
        choice = _joined([_pieces_of(batch, alone, by_itself), *(part.choice for part in parts)])
        over = overdrawn(batch, classes, stock, choice)
        if not (over.cells.any() or over.sites.any()):
            break
        if options is None:
            options = _worthwhile(data)
        n_rounds += 1
        wider = Shared(binding.cells | over.cells, binding.sites | over.sites)
        if n_rounds > MOST_ROUNDS:
            short = scarce(batch, classes, stock, options)
            wider = Shared(wider.cells | short.cells, wider.sites | short.sites)
        if wider.cells.sum() + wider.sites.sum() == binding.cells.sum() + binding.sites.sum():
            raise SolveError("sourcing", "groups that overdraw what binds them", f"{n_rounds} rounds")
        binding = wider
        groups = group_orders(batch, options, binding)
        met = np.zeros(n_orders, dtype=np.bool_)
        for group in groups:
            met[group] = True
        groups += [np.array([order]) for order in np.flatnonzero(~certain & ~met)]
    return Found(
        choice=choice,
        bound_cents=int(least[by_itself].sum()) + sum(part.bound_cents for part in parts),
        notes=solving.notes,
        n_groups=len(groups),
        largest_group=max((group.size for group in groups), default=0),
        n_programs=solving.n_programs,
    )


class _Solving:
    """Solves groups of one batch, and remembers those already solved."""

    def __init__(self, data: Data, means: Means, start: Choice | None, least: Ints) -> None:
        self.data, self.means, self.start, self.least = data, means, start, least
        self.notes: list[str] = []
        self.n_programs = 0
        self._known: dict[bytes, _Part] = {}

    def solved(self, group: Ints) -> _Part:
        key = group.tobytes()
        if key not in self._known:
            self._known[key] = self._solve(group)
        return self._known[key]

    def _solve(self, group: Ints) -> _Part:
        batch, classes, lanes, stock, unserved_cents = self.data
        means = self.means
        own, lines = take_orders(batch, group)
        best = _Best(own, self.data)
        moves = means.moves_per_order * group.size
        best.offer(serve_in_turn(own, classes, lanes, stock, unserved_cents, moves=moves, seed=means.seed))
        if self.start is not None:
            mine = np.zeros(batch.lane.size, dtype=np.bool_)
            mine[group] = True
            piece = _pieces_of(batch, self.start, mine)
            best.offer(Choice(np.searchsorted(lines, piece.line), piece.site, piece.units))
        bound = int(self.least[group].sum())
        if best.cost_cents > bound and group.size >= PRICED_FROM:
            choice, priced_bound = serve_at_prices(
                own, classes, lanes, stock, unserved_cents, moves=moves, seed=means.seed
            )
            best.offer(choice)
            bound = max(bound, priced_bound)
        if best.cost_cents - bound > means.aim_gap * best.cost_cents:
            bound = max(bound, self._program(own, best))
        choice = best.choice
        return _Part(
            Choice(lines[choice.line], choice.site, choice.units), best.cost_cents, min(bound, best.cost_cents)
        )

    def _program(self, own: Batch, best: _Best) -> int:
        """Solve a group as an integer program where the limits allow it; returns the least cost it proves."""
        means = self.means
        model = build_model(own, *self.data[1:])
        left = means.ends_at - time.monotonic()
        who = f"{own.lane.size} orders that meet"
        if model.options.line.size > means.most_options:
            self.notes.append(f"{who} in {model.options.line.size} ways, at most {means.most_options}")
            return 0
        if left <= 0.0:
            self.notes.append(f"{who} had no time left")
            return 0
        answer = solve_mip(
            model.mip,
            seconds=left,
            gap=means.aim_gap,
            solver=means.solver,
            hint=solution_of(model, best.choice),
            isolate=means.isolate,
        )
        self.n_programs += 1
        reason = _reason(answer)
        if reason:
            self.notes.append(f"{who}: {reason}")
        if answer.x is not None:
            best.offer(choice_of(model, answer.x))
        return math.ceil(answer.bound - 1e-6) + model.nothing_cents if math.isfinite(answer.bound) else 0


class _Best:
    """The cheapest choice offered for some orders, each checked."""

    def __init__(self, own: Batch, data: Data) -> None:
        self._own, self._data = own, data
        none = np.zeros(0, dtype=np.int64)
        self.choice = Choice(none, none, none)
        self.cost_cents = int(own.units.sum()) * data.unserved_cents

    def offer(self, choice: Choice) -> None:
        """Keep it if it is cheaper; `SolveError` if it breaks a rule."""
        check = check_sourcing(self._own, *self._data[1:4], choice, self._data.unserved_cents)
        if check.broken:
            raise SolveError("sourcing", f"a choice that breaks a rule ({check.broken})", "none")
        if check.cost_cents < self.cost_cents:
            self.choice, self.cost_cents = choice, check.cost_cents


def _reason(answer: MipAnswer) -> str:
    """Why an answer is not the first solver's proved optimum; empty when it is."""
    if answer.fallback or answer.status == "optimal":
        return answer.fallback
    last = answer.attempts[-1]
    return f"{last.solver} {last.outcome}: {last.detail}"


def _worthwhile(data: Data) -> LineOptions:
    """The options an optimum may use: those dearer than not serving only where orders go whole."""
    batch, classes = data.batch, data.classes
    options = line_options(batch, classes, data.lanes, data.stock)
    whole = classes.complete[batch.order_class][line_orders(batch)[options.line]]
    return only_options(options, whole | (options.unit_cents <= data.unserved_cents))


def _joined(choices: list[Choice]) -> Choice:
    """Choices on different lines of one batch as one, sorted by line."""
    line, site, units = (np.concatenate(column) for column in zip(*choices, strict=True))
    by_line = np.argsort(line, kind="stable")
    return Choice(line[by_line], site[by_line], units[by_line])


def _pieces_of(batch: Batch, choice: Choice, orders: Flags) -> Choice:
    """The pieces of some orders; `orders` is bool, shape (n_orders,)."""
    on = orders[line_orders(batch)[choice.line]]
    return Choice(choice.line[on], choice.site[on], choice.units[on])
