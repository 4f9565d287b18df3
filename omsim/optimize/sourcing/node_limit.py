"""HiGHS ended by a number of nodes instead of a clock, so that what it answers does not depend on the machine's day.

Owns that one solver function; it is run and checked by `omsim.optimize.solving` like any other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from omsim.errors import SolveError
from omsim.optimize.mip_solvers import MipModel, SolverAnswer, SolverLimits

MOST_NODES = 5_000


@dataclass(frozen=True, slots=True)
class HighsByNodes:
    """HiGHS through SciPy, on a model of whole columns, for at most so many nodes.

    The time of its limits still ends it, as a safety net; `detail` then says that it was the time.

    Attributes
    ----------
    most_nodes : int
        Nodes of the search, >= 1.
    """

    most_nodes: int = MOST_NODES

    @property
    def __name__(self) -> str:
        """What reports call it."""
        return "highs"

    def __call__(self, model: MipModel, limits: SolverLimits) -> SolverAnswer:
        """Solve a model."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        result = milp(
            model.cost,
            integrality=model.whole.astype(np.int64),
            bounds=Bounds(model.lower, model.upper),
            constraints=LinearConstraint(model.rows, model.row_lower, model.row_upper) if model.rows.shape[0] else (),
            options={"time_limit": limits.seconds, "mip_rel_gap": limits.gap, "node_limit": self.most_nodes},
        )
        x = None if result.x is None else np.asarray(result.x, dtype=np.float64)
        bound = result.mip_dual_bound
        if bound is None:
            bound = result.fun if result.status == 0 else -np.inf
        detail = str(result.message)
        if result.status == 0:
            return SolverAnswer(status="optimal", x=x, bound=float(bound), detail=detail)
        if result.status == 2:
            return SolverAnswer(status="infeasible", x=None, bound=np.inf, detail=detail)
        if result.status == 3:
            return SolverAnswer(status="unbounded", x=None, bound=-np.inf, detail=detail)
        if result.status == 1 or "limit" in detail.lower():
            if "time" not in detail.lower():
                detail = f"ended by its limit of {self.most_nodes} nodes"
            return SolverAnswer(status="nothing" if x is None else "feasible", x=x, bound=float(bound), detail=detail)
        raise SolveError(model.name, detail, f"{limits.seconds:g} s")
