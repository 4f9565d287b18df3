"""Whether a solution keeps the rules of its model, recomputed from the data alone: no solver code is used.

Owns the check behind every answer of `omsim.optimize.solving`, and the tolerance it allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.optimize.mip_solvers import MipModel

    Floats = NDArray[np.float64]

TOLERANCE = 1e-6
"""Relative to the size of a row's terms, where not all of them are whole numbers."""

_EXACT = 2.0**52


def crossed_limits(model: MipModel) -> str:
    """A row or column whose sides exclude each other, or a row without terms that cannot hold, in words.

    Empty when there is none. No solver is needed to see that such a model has no solution.
    """
    for what, low, high in (("column", model.lower, model.upper), ("row", model.row_lower, model.row_upper)):
        if (low > high).any():
            at = int(np.argmax(low > high))
            return f"{what} {at} must be at least {low[at]:g} and at most {high[at]:g}"
    bare = np.diff(model.rows.indptr) == 0
    wrong = bare & ((model.row_lower > 0) | (model.row_upper < 0))
    return f"row {int(wrong.argmax())} has no terms and cannot hold" if wrong.any() else ""


def settled(model: MipModel, given: Floats) -> tuple[Floats, str]:
    """Make a solver's solution exact, and check it.

    Whole columns within 1e-4 of a whole number become it; others within 1e-6 of their limits are set on them.

    Parameters
    ----------
    model : MipModel
    given : float64, shape (n_columns,)
        Not modified.

    Returns
    -------
    x : float64, shape (n_columns,)
    broken : str
        As `broken_rule`; or that the solution has another shape, is not finite, or is not whole.
    """
    x = np.array(given, dtype=np.float64)
    if x.shape != (model.n_columns,):
        return x, f"a solution of shape {x.shape}"
    if not np.isfinite(x).all():
        return x, f"column {int((~np.isfinite(x)).argmax())} is {x[~np.isfinite(x)][0]}"
    nearest = np.round(x[model.whole])
    far = np.abs(x[model.whole] - nearest) > 1e-4
    if far.any():
        at = int(np.flatnonzero(model.whole)[far.argmax()])
        return x, f"column {at} is {x[at]:.9g}, not whole"
    x[model.whole] = nearest
    x += 0.0  # no minus zeros
    near = np.clip(x, model.lower, model.upper)
    part = ~model.whole & (np.abs(x - near) <= TOLERANCE * np.maximum(1.0, np.abs(x)))
    x[part] = near[part]
    return x, broken_rule(model, x)


def broken_rule(model: MipModel, x: Floats) -> str:
    """The first rule of the model that a solution breaks, in words; empty when it keeps them all.

    Parameters
    ----------
    model : MipModel
    x : float64, shape (n_columns,)

    Returns
    -------
    str

    Notes
    -----
    Rows whose terms and columns are whole numbers are summed exactly and must hold exactly; others within 1e-6 of the
    size of their terms. No solver code is used.
    """
    outside = (x < model.lower) | (x > model.upper)
    if outside.any():
        at = int(outside.argmax())
        return f"column {at} is {x[at]:.9g}, outside {model.lower[at]:g} to {model.upper[at]:g}"
    uneven = model.whole & (x != np.round(x))
    if uneven.any():
        return f"column {int(uneven.argmax())} is {x[uneven][0]:.9g}, not whole"
    rows = model.rows
    if rows.shape[0] == 0:
        return ""
    activity = rows @ x
    size = abs(rows) @ np.abs(x)
    whole_term = (model.whole[rows.indices]) & (rows.data == np.round(rows.data))
    n_part = np.zeros(rows.shape[0], dtype=np.int64)
    np.add.at(n_part, np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), ~whole_term)
    exact = (n_part == 0) & (size < _EXACT)  # sums of whole doubles below 2^52 are exact
    slack = np.where(exact, 0.0, TOLERANCE * np.maximum(1.0, size))
    short, over = activity < model.row_lower - slack, activity > model.row_upper + slack
    if (short | over).any():
        at = int((short | over).argmax())
        side = f"below {model.row_lower[at]:.12g}" if short[at] else f"above {model.row_upper[at]:.12g}"
        return f"row {at} is {activity[at]:.12g}, {side}"
    return ""
