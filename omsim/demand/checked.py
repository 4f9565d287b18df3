"""A caller's number or column, turned into a checked column of one value per item.

Owns the checks every table function makes before it computes (finite, in range, right length), so that a NaN
never reaches a kernel or a solver. What the columns mean is the business of the function that asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def checked_column(
    field: str,
    values: ArrayLike,
    n_items: int,
    *,
    least: float = 0.0,
    most: float = 1e15,
    open_ends: bool = False,
) -> NDArray[np.float64]:
    """One finite float per item, from a number (repeated) or a column.

    Parameters
    ----------
    field : str
        Name of the column, for the error.
    values : number or array, shape (n_items,)
        What the caller gave. Not modified.
    n_items : int
        Length wanted.
    least, most : float
        Range of legal values, ends included unless `open_ends`.
    open_ends : bool
        Whether the ends of the range are illegal themselves.

    Returns
    -------
    float64, shape (n_items,)
        A contiguous copy.

    Raises
    ------
    FieldError
        Not numbers, another length, not finite, or out of range; shows the first value at fault.
    """
    try:
        column = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise FieldError(field, "numbers", values) from None
    if column.ndim > 1 or (column.ndim == 1 and column.size != n_items):
        raise FieldError(field, f"one number or {n_items} of them", f"shape {column.shape}")
    if open_ends:
        legal = (column > least) & (column < most)
    else:
        legal = (column >= least) & (column <= most)
    if not legal.all():  # NaN fails every comparison, so it is caught here too
        inside = f"above {least:g} and below {most:g}" if open_ends else f"from {least:g} to {most:g}"
        raise FieldError(field, f"a finite number {inside}", float(column[~legal].flat[0]))
    return np.array(np.broadcast_to(column, (n_items,)))  # a copy: kernels compile anew for read-only views


def checked_units(
    field: str, values: ArrayLike, n_items: int, *, least: int = 0, most: int = 10**12
) -> NDArray[np.int64]:
    """One whole number of units per item, from a number (repeated) or a column.

    Parameters
    ----------
    field, values, n_items
        As in `checked_column`; floats are taken where they are whole.
    least, most : int
        Range of legal values, ends included.

    Returns
    -------
    int64, shape (n_items,)
        A contiguous copy.

    Raises
    ------
    FieldError
        As in `checked_column`, and where a value is not whole.
    """
    column = checked_column(field, values, n_items, least=least, most=most)
    units = column.astype(np.int64)
    if not np.array_equal(units, column):
        raise FieldError(field, "whole units", float(column[units != column][0]))
    return units
