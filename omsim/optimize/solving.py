"""Run a mixed-integer solver where its crash, hang or overrun cannot take the job down, and believe nothing it says.

Owns the choice of solver, the isolation (`omsim.optimize.solver_process`), the one retry, the check of every answer on
the model's own rows, and the status the caller gets. Models and solvers are in `omsim.optimize.mip_solvers`.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from omsim.errors import FieldError, SolveError
from omsim.optimize.mip_check import TOLERANCE, broken_rule, crossed_limits, settled
from omsim.optimize.mip_solvers import (
    MipModel,
    MipSolver,
    SolverAnswer,
    SolverLimits,
    solve_cp_sat,
    solve_highs,
    solve_highs_plain,
)
from omsim.optimize.solver_process import ChildDiedError, ChildOverranError, SolverProcess, kept_process

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

__all__ = ["Attempt", "MipAnswer", "MipModel", "broken_rule", "solve_mip"]

GRACE_SECONDS = 2.0
"""How long after its limit a solver may still hand in its answer before it is killed."""

_NAMES: dict[object, str] = {solve_highs: "highs", solve_highs_plain: "highs_plain", solve_cp_sat: "cp_sat"}
_WORTH_A_RETRY = 0.05  # of the time allowed

Outcome = Literal["optimal", "feasible", "infeasible", "timed_out", "crashed", "wrong"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One run of one solver.

    Attributes
    ----------
    solver : str
        ``highs``, ``highs_plain`` (without presolve), ``cp_sat``, or the name of the caller's own.
    outcome : str
        As `MipAnswer.status`; ``wrong`` where the check refused what the solver said.
    detail : str
        The solver's words, the signal it died of, or the rule its answer breaks.
    seconds : float
    """

    solver: str
    outcome: Outcome
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MipAnswer:
    """A checked answer.

    Attributes
    ----------
    status : str
        ``optimal`` or ``feasible``: there is a solution, and it keeps every rule. ``infeasible``, ``timed_out``,
        ``crashed``: there is none.
    x : float64, shape (n_columns,), or None
        Whole columns hold whole numbers exactly.
    cost : float
        Recomputed from x; inf without a solution.
    bound : float
        No solution costs less, says the solver that knows most; -inf when none said.
    gap : float
        (cost - bound) / |cost|; inf when either is missing.
    solver : str
        Whose solution it is: a solver's name, ``hint`` (the caller's own) or empty.
    seconds : float
        Wall time in all.
    attempts : tuple of Attempt
        What was run; more than one when the first failed.
    """

    status: Literal["optimal", "feasible", "infeasible", "timed_out", "crashed"]
    x: Floats | None
    cost: float
    bound: float
    gap: float
    solver: str
    seconds: float
    attempts: tuple[Attempt, ...]

    @property
    def fallback(self) -> str:
        """Why this is not the first solver's full answer; empty when it is."""
        failed = [one for one in self.attempts if one.outcome in ("timed_out", "crashed", "wrong")]
        return "; ".join(f"{one.solver} {one.outcome}: {one.detail}" for one in failed)

    def solution(self, what: str) -> Floats:
        """x, or `SolveError` where there is none."""
        if self.x is None:
            raise SolveError(what, self.fallback or self.status, f"{self.seconds:.1f} s")
        return self.x


def solve_mip(
    model: MipModel,
    *,
    seconds: float,
    gap: float = 0.0,
    hint: ArrayLike | None = None,
    solver: Literal["highs", "cp_sat", "sooner"] | MipSolver = "highs",
    isolate: bool = True,
    memory_mb: int | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> MipAnswer:
    """Solve a mixed-integer model, whatever the solver does.

    Parameters
    ----------
    model : MipModel
        Already free of non-finite numbers: it refuses them when built.
    seconds : float
        Wall time for all attempts together. A child still running `grace_seconds` later is killed.
    gap : float
        Relative gap at which an answer counts as optimal.
    hint : float, shape (n_columns,), optional
        A solution in hand. If it keeps every rule it is the least the caller gets, and no solver's "infeasible" or
        dearer "optimal" is believed. CP-SAT starts from it.
    solver : str or callable
        ``highs``; ``cp_sat`` (whole bounded columns only); ``sooner``: both at once, the first to finish decides (where
        several solutions cost the same, which of them comes back may then differ from run to run). Or any
        module-level function from `MipModel` and `SolverLimits` to `SolverAnswer`.
    isolate : bool
        False runs in this process, for small models: quicker, but a crash is a crash and no deadline is enforced.
    memory_mb : int, optional
        Address space of the child, where the platform can limit it.
    grace_seconds : float
        See `seconds`.

    Returns
    -------
    MipAnswer
        Solutions are checked against rows, bounds and whole columns: exactly where the row's data are whole numbers.

    Raises
    ------
    FieldError
        `seconds` or `gap` out of range, a hint of another length.
    SolveError
        The model is unbounded: it is wrong, and no solver can help.

    Notes
    -----
    A crash, a wrong answer or a refusal is followed by one retry with another solver in the time left; then the hint;
    then the named failure.

    Examples
    --------
    >>> knapsack = MipModel(
    ...     cost=[-10.0, -13.0, -7.0], rows=[[3.0, 4.0, 2.0]], row_lower=[0.0], row_upper=[6.0],
    ...     lower=[0.0] * 3, upper=[1.0] * 3, whole=[True] * 3,
    ... )
    >>> best = solve_mip(knapsack, seconds=10, isolate=False)
    >>> best.status, best.x.tolist(), best.cost
    ('optimal', [0.0, 1.0, 1.0], -20.0)
    """
    started = time.monotonic()
    if not 0.0 < seconds <= 1e7:
        raise FieldError("seconds", "above 0", seconds)
    if not 0.0 <= gap < 1.0:
        raise FieldError("gap", "from 0 to below 1", gap)
    run = _Run(model, gap, started, _checked_hint(model, hint))
    crossed = crossed_limits(model)
    if crossed:
        run.note("check", "infeasible", crossed, 0.0)
        return run.answer()
    chosen: list[MipSolver]
    if solver == "sooner":
        both = isolate and not model.for_cp_sat()
        chosen = [solve_highs, solve_cp_sat] if both else [solve_highs]
    elif callable(solver):
        chosen = [solver]
    elif solver in ("highs", "cp_sat"):
        chosen = [solve_highs if solver == "highs" else solve_cp_sat]
    else:
        raise FieldError("solver", "highs, cp_sat, sooner or a function", solver)
    if len(chosen) == 2:
        _race(run, chosen, seconds, memory_mb, grace_seconds)
    else:
        _attempt(run, chosen[0], seconds, isolate, memory_mb, grace_seconds)
    left = seconds - (time.monotonic() - started)
    if run.needs_retry() and left > _WORTH_A_RETRY * seconds:
        _attempt(run, _other(chosen, model), left, isolate, memory_mb, grace_seconds)
    return run.answer()


class _Run:
    """What is known so far about one model: the best solution, the best bound, what was tried."""

    def __init__(self, model: MipModel, gap: float, started: float, hint: Floats | None) -> None:
        self.model, self.gap, self.started, self.hint = model, gap, started, hint
        self.x: Floats | None = hint
        self.cost = math.fsum(model.cost * hint) if hint is not None else math.inf
        self.solver = "hint" if hint is not None else ""
        self.bound = -math.inf
        self.infeasible = False
        self.attempts: list[Attempt] = []

    def note(self, solver: str, outcome: Outcome, detail: str, seconds: float) -> None:
        if outcome == "infeasible":
            self.infeasible = True
        self.attempts.append(Attempt(solver=solver, outcome=outcome, detail=detail, seconds=seconds))

    def needs_retry(self) -> bool:
        return all(one.outcome in ("crashed", "wrong") for one in self.attempts)

    def settled(self) -> bool:
        return any(one.outcome in ("optimal", "infeasible") for one in self.attempts)

    def take(self, name: str, said: object, seconds: float) -> None:
        """Check what a solver said and keep what stands."""
        if not isinstance(said, SolverAnswer):
            self.note(name, "wrong", f"no answer but {type(said).__name__}", seconds)
            return
        if said.status == "unbounded":
            raise SolveError(self.model.name, "unbounded", said.detail)
        if said.status == "infeasible":
            if self.x is None:
                self.note(name, "infeasible", said.detail, seconds)
            else:
                self.note(name, "wrong", "says infeasible, but a solution is known", seconds)
            return
        bound = float(said.bound)
        if math.isnan(bound):
            self.note(name, "wrong", "bound nan", seconds)
            return
        if said.x is None:
            if said.status == "nothing":
                self.bound = max(self.bound, bound)
                self.note(name, "timed_out", said.detail, seconds)
            else:
                self.note(name, "wrong", f"says {said.status} without a solution", seconds)
            return
        x, broken = settled(self.model, said.x)
        if broken:
            self.note(name, "wrong", broken, seconds)
            return
        cost = math.fsum(self.model.cost * x)
        slack = TOLERANCE * max(1.0, abs(cost))
        if said.status == "optimal" and cost > self.cost + max(slack, self.gap * abs(cost)):
            self.note(name, "wrong", f"says {cost:.12g} is optimal, but {self.cost:.12g} is known", seconds)
            return
        if cost < self.cost or (self.solver == "hint" and cost <= self.cost):
            self.x, self.cost, self.solver = x, cost, name
        self.bound = max(self.bound, min(self._strengthened(bound), cost))
        self.note(name, said.status if said.status == "optimal" else "feasible", said.detail, seconds)

    def _strengthened(self, bound: float) -> float:
        """Where every cost is a whole number of a whole column, so is the best cost."""
        model = self.model
        if math.isinf(bound) or not model.whole.all() or not np.array_equal(model.cost, np.round(model.cost)):
            return bound
        return float(math.ceil(bound - TOLERANCE * max(1.0, abs(bound) * 1e-3)))

    def answer(self) -> MipAnswer:
        seconds = time.monotonic() - self.started
        gap = math.inf
        status: Literal["optimal", "feasible", "infeasible", "timed_out", "crashed"]
        if self.x is not None:
            bound = min(self.bound, self.cost)
            if math.isfinite(bound):
                gap = (self.cost - bound) / max(abs(self.cost), 1e-9) if self.cost > bound else 0.0
            proved = gap <= max(self.gap, TOLERANCE) and any(one.outcome == "optimal" for one in self.attempts)
            status = "optimal" if proved else "feasible"
            return MipAnswer(
                status=status,
                x=self.x,
                cost=self.cost,
                bound=bound,
                gap=gap,
                solver=self.solver,
                seconds=seconds,
                attempts=tuple(self.attempts),
            )
        outcomes = [one.outcome for one in self.attempts]
        status = "infeasible" if self.infeasible else "timed_out" if "timed_out" in outcomes else "crashed"
        return MipAnswer(
            status=status,
            x=None,
            cost=math.inf,
            bound=math.inf if self.infeasible else self.bound,
            gap=math.inf,
            solver="",
            seconds=seconds,
            attempts=tuple(self.attempts),
        )


def _attempt(
    run: _Run, solver: MipSolver, seconds: float, isolate: bool, memory_mb: int | None, grace_seconds: float
) -> None:
    started = time.monotonic()
    name = _name(solver)
    limits = SolverLimits(seconds=seconds, gap=run.gap, hint=run.x)
    try:
        if isolate:
            with kept_process() as process:
                started = time.monotonic()
                said = process.call(solver, run.model, limits, seconds=seconds + grace_seconds, memory_mb=memory_mb)
        else:
            said = solver(run.model, limits)
    except ChildOverranError as error:
        run.note(name, "timed_out", error.args[1], time.monotonic() - started)
    except ChildDiedError as error:
        run.note(name, "crashed", error.args[1], time.monotonic() - started)
    except FieldError:
        raise  # the caller's own mistake: a function that cannot be sent
    except Exception as error:  # in this process; a solver's own error is no reason to lose the job
        run.note(name, "crashed", f"{type(error).__name__}: {error}", time.monotonic() - started)
    else:
        run.take(name, said, time.monotonic() - started)


def _race(run: _Run, solvers: list[MipSolver], seconds: float, memory_mb: int | None, grace_seconds: float) -> None:
    """Both solvers at once, each in a child of its own; the first proof ends the race."""
    racing: dict[str, SolverProcess] = {}
    limits = SolverLimits(seconds=seconds, gap=run.gap, hint=run.x)
    with kept_process() as first, kept_process("solver, second") as second:
        for solver, process in zip(solvers, (first, second), strict=True):
            try:
                process.start_call(solver, run.model, limits, seconds=seconds + grace_seconds, memory_mb=memory_mb)
                racing[_name(solver)] = process
            except ChildDiedError as error:
                run.note(_name(solver), "crashed", error.args[1], 0.0)
        try:
            _watch(run, racing, seconds + grace_seconds)
        finally:
            for process in racing.values():
                process.stop()


def _watch(run: _Run, racing: dict[str, SolverProcess], seconds: float) -> None:
    """Take answers as they come until one settles the matter or the time is up; the rest stay in `racing`."""
    started = time.monotonic()
    while racing and not run.settled():
        spent = time.monotonic() - started
        done = [name for name, process in racing.items() if process.has_answer()]
        if not done:
            if spent < seconds:
                time.sleep(min(0.01, 0.001 + spent / 50))
                continue
            done = list(racing)
        for name in done:
            try:
                said = racing.pop(name).take_answer(0.0)
            except ChildOverranError:
                run.note(name, "timed_out", f"no answer within {spent:.1f} s, killed", spent)
            except ChildDiedError as error:
                run.note(name, "crashed", error.args[1], spent)
            else:
                run.take(name, said, spent)


def _other(tried: list[MipSolver], model: MipModel) -> MipSolver:
    """The solver to try when `tried` failed."""
    if solve_highs in tried:
        return solve_highs_plain if model.for_cp_sat() or solve_cp_sat in tried else solve_cp_sat
    return solve_highs


def _name(solver: MipSolver) -> str:
    return _NAMES.get(solver, getattr(solver, "__name__", "given"))


def _checked_hint(model: MipModel, hint: ArrayLike | None) -> Floats | None:
    """The hint if it keeps every rule, else none."""
    if hint is None:
        return None
    given = np.asarray(hint, dtype=np.float64)
    if given.shape != (model.n_columns,):
        raise FieldError("hint", f"of shape ({model.n_columns},)", f"shape {given.shape}")
    x, broken = settled(model, given)
    return None if broken else x
