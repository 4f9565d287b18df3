"""Columns of a night's problem, checked when it is built.

Owns whole-number checks only; which columns there are is :mod:`omsim.optimize.reorder.problem`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.errors import FieldError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Units = NDArray[np.int64]

NO_LIMIT = 10**15
"""Stands for "no limit" in caps, storage and budget."""


def whole_column(name: str, given: ArrayLike, size: int, *, least: int = 0, most: int = NO_LIMIT) -> Units:
    """`given` as int64, checked to be whole, in range and of this length; `FieldError` names it otherwise."""
    values = np.asarray(given)
    if values.shape != (size,):
        raise FieldError(name, f"{size} numbers", f"shape {values.shape}")
    if values.dtype.kind not in "iu" and size:
        whole = values.dtype.kind == "f" and bool(np.isfinite(values).all() and (values == np.floor(values)).all())
        if not whole:
            raise FieldError(name, "whole numbers", first_bad(values))
    if size and (values.min() < least or values.max() > most):
        worst = values.min() if values.min() < least else values.max()
        raise FieldError(name, f"from {least} to {most}", int(worst))
    return np.ascontiguousarray(values, dtype=np.int64)


def optional_column(name: str, given: Units, size: int) -> Units:
    """A column, or zeros where it was left out."""
    return np.zeros(size, dtype=np.int64) if np.size(given) == 0 else whole_column(name, given, size)


def first_bad(values: NDArray[Any]) -> object:
    """First value that is not a whole number >= 0, or what else is odd about the column; for messages."""
    if values.dtype.kind != "f":
        return f"{values.dtype}, shape {values.shape}"
    bad = ~np.isfinite(values) | (values < 0) | (values != np.floor(values))
    return float(values[bad].flat[0]) if bad.any() else f"shape {values.shape}"


def check_rows(name: str, rows: Units, size: int) -> None:
    """Refuse rows that do not exist."""
    if rows.size and int(rows.max()) >= size:
        raise FieldError(name, f"a row below {size}", int(rows.max()))
