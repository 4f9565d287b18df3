"""Mixed-integer models as plain arrays, and the two solvers that take them.

Owns `MipModel` with its checks, and one function per solver that turns it into a `SolverAnswer`, believed by nobody:
`omsim.optimize.solving` chooses the solver, isolates it and checks what it says. Solvers are imported where they run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from omsim.errors import FieldError, SolveError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

    Floats = NDArray[np.float64]

MOST_COEFFICIENT = 1e15
"""Beyond this a double no longer holds cents exactly, and HiGHS begins to take numbers for infinite at 1e20."""

SEED = 1
_MOST_ACTIVITY = 2**62
_WHOLE = 1e-9
_SCALES = (1, 2, 4, 5, 10, 20, 25, 50, 100, 1_000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class MipModel:
    """Minimise cost @ x with row_lower <= rows @ x <= row_upper, lower <= x <= upper, some x whole.

    Attributes
    ----------
    cost : float64, shape (n_columns,)
    rows : scipy sparse, shape (n_rows, n_columns)
        Anything `scipy.sparse.csr_array` takes.
    row_lower, row_upper : float64, shape (n_rows,)
        Infinite where a side is open.
    lower, upper : float64, shape (n_columns,)
        Infinite where open.
    whole : bool, shape (n_columns,)
        Which columns must be whole numbers.
    name : str
        What is being decided; for messages.

    Raises
    ------
    FieldError
        Shapes that do not fit, a NaN anywhere, an infinite or absurdly large coefficient.
    """

    cost: Floats
    rows: csr_array
    row_lower: Floats
    row_upper: Floats
    lower: Floats
    upper: Floats
    whole: NDArray[np.bool_]
    name: str = "model"

    def __post_init__(self) -> None:
        from scipy.sparse import csr_array

        given: Any = self.rows
        rows = csr_array(given, dtype=np.float64)
        if rows.ndim != 2:
            raise FieldError(f"{self.name}: rows", "a table", f"shape {rows.shape}")
        rows.sum_duplicates()
        object.__setattr__(self, "rows", rows)
        cost = np.asarray(self.cost, dtype=np.float64)
        if cost.ndim != 1:
            raise FieldError(f"{self.name}: cost", "a column", f"shape {cost.shape}")
        object.__setattr__(self, "cost", cost)
        n_rows, n_columns = rows.shape
        for field, length in (("row_lower", n_rows), ("row_upper", n_rows), ("lower", n_columns), ("upper", n_columns)):
            column = np.asarray(getattr(self, field), dtype=np.float64)
            if column.shape != (length,):
                raise FieldError(f"{self.name}: {field}", f"of shape ({length},)", f"shape {column.shape}")
            if np.isnan(column).any():
                raise FieldError(f"{self.name}: {field}", "a number", f"nan at {int(np.isnan(column).argmax())}")
            object.__setattr__(self, field, column)
        whole = np.asarray(self.whole, dtype=np.bool_)
        if whole.shape != (n_columns,) or cost.size != n_columns:
            raise FieldError(f"{self.name}: whole and cost", f"of shape ({n_columns},)", f"{whole.shape}, {cost.shape}")
        object.__setattr__(self, "whole", whole)
        for field, numbers in (("cost", cost), ("rows", rows.data)):
            bad = ~(np.abs(numbers) <= MOST_COEFFICIENT)  # a NaN fails the comparison too
            if bad.any():
                at = int(bad.argmax())
                place = (
                    f"column {at}" if field == "cost" else f"row {int(np.searchsorted(rows.indptr, at, 'right')) - 1}"
                )
                rule = f"finite coefficients up to {MOST_COEFFICIENT:g}"
                raise FieldError(f"{self.name}: {field}", rule, f"{float(numbers[at])} in {place}")

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return self.cost.size

    def for_cp_sat(self) -> str:
        """Why CP-SAT cannot take the model; empty when it can."""
        if not self.whole.all():
            return "not every column is whole"
        if not (np.isfinite(self.lower).all() and np.isfinite(self.upper).all()):
            return "a column is not bounded"
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverLimits:
    """What a solver may spend, and what it may start from.

    Attributes
    ----------
    seconds : float
        Wall time; the caller enforces it in case the solver does not.
    gap : float
        Relative gap at which an answer counts as optimal.
    hint : float64, shape (n_columns,), optional
        A solution to start from.
    """

    seconds: float
    gap: float
    hint: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverAnswer:
    """What a solver says, unchecked.

    Attributes
    ----------
    status : str
        ``optimal``, ``feasible`` (a limit was met), ``infeasible``, ``unbounded`` or ``nothing`` (a limit was met
        before any solution).
    x : float64, shape (n_columns,), optional
    bound : float
        No solution costs less; -inf when it does not say.
    detail : str
        The solver's own words.
    """

    status: Literal["optimal", "feasible", "infeasible", "unbounded", "nothing"]
    x: Floats | None
    bound: float
    detail: str


MipSolver = Callable[[MipModel, SolverLimits], SolverAnswer]


def solve_highs(model: MipModel, limits: SolverLimits) -> SolverAnswer:
    """HiGHS through SciPy; reproducible as long as it ends before its time limit. Takes no hint."""
    return _highs(model, limits, presolve=True)


def solve_highs_plain(model: MipModel, limits: SolverLimits) -> SolverAnswer:
    """HiGHS without its presolve, where its faults have most often been."""
    return _highs(model, limits, presolve=False)


def _highs(model: MipModel, limits: SolverLimits, *, presolve: bool) -> SolverAnswer:
    from scipy.optimize import Bounds, LinearConstraint, milp

    mixed = bool(model.whole.any() and not model.whole.all())
    settling_seconds = max(1.0, 0.05 * limits.seconds) if mixed else 0.0

    def run(
        lower: Floats, upper: Floats, whole: NDArray[np.bool_], seconds: float
    ) -> tuple[int, Floats | None, float, str]:
        constraints = LinearConstraint(model.rows, model.row_lower, model.row_upper) if model.rows.shape[0] else ()
        result = milp(
            model.cost,
            integrality=whole.astype(np.int64),
            bounds=Bounds(lower, upper),
            constraints=constraints,
            options={"time_limit": seconds, "mip_rel_gap": limits.gap, "presolve": presolve},
        )
        x = None if result.x is None else np.asarray(result.x, dtype=np.float64)
        bound = result.mip_dual_bound
        if bound is None:  # a linear program: proved, or not at all
            bound = result.fun if result.status == 0 else -np.inf
        return int(result.status), x, float(bound), str(result.message)

    seconds = max(limits.seconds - settling_seconds, 0.5 * limits.seconds)
    status, x, bound, detail = run(model.lower, model.upper, model.whole, seconds)
    if x is not None and mixed:
        # the whole columns are whole within a tolerance only; made exact, the others must follow
        fixed = np.round(x[model.whole])
        lower, upper = model.lower.copy(), model.upper.copy()
        lower[model.whole] = upper[model.whole] = fixed
        settled, rest, _, _ = run(lower, upper, np.zeros(model.n_columns, dtype=np.bool_), settling_seconds)
        if settled == 0 and rest is not None:
            x = rest
    if status == 0:
        return SolverAnswer(status="optimal", x=x, bound=bound, detail=detail)
    if status == 1:
        return SolverAnswer(status="nothing" if x is None else "feasible", x=x, bound=bound, detail=detail)
    if status == 2:
        return SolverAnswer(status="infeasible", x=None, bound=np.inf, detail=detail)
    if status == 3:
        return SolverAnswer(status="unbounded", x=None, bound=-np.inf, detail=detail)
    raise SolveError(model.name, detail, f"{limits.seconds:g} s")


def solve_cp_sat(model: MipModel, limits: SolverLimits) -> SolverAnswer:
    """CP-SAT with one worker, a fixed seed and a limit of deterministic time: the same answer every time.

    Rows and costs are scaled to integers here, with a check that no sum can overflow.
    """
    why_not = model.for_cp_sat()
    if why_not:
        raise SolveError(model.name, f"a model CP-SAT cannot take ({why_not})", "none")
    from ortools.sat.python import cp_model

    lower = np.ceil(model.lower - _WHOLE).astype(np.int64)
    upper = np.floor(model.upper + _WHOLE).astype(np.int64)
    reach = np.maximum(np.abs(lower), np.abs(upper)).astype(np.float64)
    cost, scale = _whole_terms(model.cost, model.name)
    _check_activity(cost, reach, model.name)
    builder = cp_model.CpModel()
    proto = builder.proto
    columns = [builder.new_int_var(int(low), int(high), "") for low, high in zip(lower, upper, strict=True)]
    rows = model.rows
    for row in range(rows.shape[0]):
        at = slice(rows.indptr[row], rows.indptr[row + 1])
        index = rows.indices[at]
        terms, row_scale = _whole_terms(rows.data[at], model.name)
        _check_activity(terms, reach[index], model.name)
        sides = [model.row_lower[row] * row_scale, model.row_upper[row] * row_scale]
        least = int(np.ceil(sides[0] - _WHOLE)) if abs(sides[0]) < _MOST_ACTIVITY else -_MOST_ACTIVITY
        most = int(np.floor(sides[1] + _WHOLE)) if abs(sides[1]) < _MOST_ACTIVITY else _MOST_ACTIVITY
        constraint = proto.constraints.add().linear
        constraint.vars.extend(index.tolist())
        constraint.coeffs.extend(terms.tolist())
        constraint.domain.extend([least, most])
    objective = proto.objective
    objective.vars.extend(range(model.n_columns))
    objective.coeffs.extend(cost.tolist())
    if limits.hint is not None:
        for column, value in zip(columns, np.round(limits.hint).astype(np.int64).tolist(), strict=True):
            builder.add_hint(column, value)
    solver = cp_model.CpSolver()
    parameters = solver.parameters
    parameters.num_workers = 1
    parameters.random_seed = SEED
    parameters.linearization_level = 2
    parameters.max_deterministic_time = limits.seconds
    parameters.max_time_in_seconds = limits.seconds
    parameters.relative_gap_limit = limits.gap
    status = solver.solve(builder)
    detail = solver.status_name(status)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        x = np.array([solver.value(column) for column in columns], dtype=np.float64)
        bound = solver.best_objective_bound / scale
        found: Literal["optimal", "feasible"] = "optimal" if status == cp_model.OPTIMAL else "feasible"
        return SolverAnswer(status=found, x=x, bound=bound, detail=detail)
    if status == cp_model.INFEASIBLE:
        return SolverAnswer(status="infeasible", x=None, bound=np.inf, detail=detail)
    if status == cp_model.UNKNOWN:
        return SolverAnswer(status="nothing", x=None, bound=solver.best_objective_bound / scale, detail=detail)
    raise SolveError(model.name, detail, f"{limits.seconds:g} s")


def _whole_terms(terms: Floats, name: str) -> tuple[NDArray[np.int64], int]:
    """The terms as integers, times the scale that makes them so."""
    for scale in _SCALES:
        scaled = terms * scale
        nearest = np.round(scaled)
        if (np.abs(scaled - nearest) <= _WHOLE * np.maximum(1.0, np.abs(scaled)) * 0.001).all():
            return nearest.astype(np.int64), scale
    raise SolveError(name, "coefficients CP-SAT cannot take (more than 6 decimals)", "none")


def _check_activity(terms: NDArray[np.int64], reach: Floats, name: str) -> None:
    if float(np.abs(terms).astype(np.float64) @ reach) >= _MOST_ACTIVITY:
        raise SolveError(name, "sums beyond 2^62, which CP-SAT cannot take", "none")
