"""Demand classes after Syntetos and Boylan: how often an item sells, and how much its sizes vary.

Owns the classes and the buckets (days, weeks, months) they are told on; what forecast a class gets is
:mod:`omsim.demand.forecast.choosing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

LONG_INTERVAL_PERIODS = 1.32  # mean interval between periods with demand from which demand is intermittent [ADI]
UNEVEN_SIZE_CV2 = 0.49  # squared coefficient of variation from which sizes are uneven [CV2]
FEWEST_PERIODS = 4  # with demand; fewer say too little about either
CLASSES = ("smooth", "erratic", "intermittent", "lumpy", "too few")
SMOOTH, ERRATIC, INTERMITTENT, LUMPY, TOO_FEW = range(5)
BUCKETS = ("day", "week", "month")
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandClasses:
    """Class of every item, and what it was told by.

    Attributes
    ----------
    code : int8, shape (n_items,)
        Place in `CLASSES`: 0 smooth, 1 erratic, 2 intermittent, 3 lumpy, 4 too few periods with demand.
    interval_periods : float64, shape (n_items,)
        Periods over periods with demand [ADI]; infinite for an item without any.
    size_cv2 : float64, shape (n_items,)
        Squared coefficient of variation of the units of periods with demand [CV2]; 0 where there is none.
    """

    code: NDArray[np.int8]
    interval_periods: Floats
    size_cv2: Floats

    def shares(self) -> Floats:
        """Share of items in each of `CLASSES`, float64, shape (5,)."""
        counts = np.bincount(self.code, minlength=len(CLASSES))
        return np.asarray(counts / max(1, self.code.size), dtype=np.float64)


def demand_classes(
    history_units: Units,
    *,
    bucket: str = "day",
    first_day: date | None = None,
    whole_history: bool = True,
    fewest_periods: int = FEWEST_PERIODS,
) -> DemandClasses:
    """Class of every item by the mean interval between its periods with demand and the spread of its sizes.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_periods)
        Units asked for, >= 0, oldest first.
    bucket : str
        "day": the columns as they are; "week": sums of seven, ending with the last column (what is left over at the
        beginning is dropped); "month": sums by calendar month, whole months only.
    first_day : date, optional
        Date of the first column; wanted for months.
    whole_history : bool
        Count all periods; otherwise those from an item's first sale to its last.
    fewest_periods : int
        Periods with demand below which an item is of the class "too few".

    Returns
    -------
    DemandClasses

    Raises
    ------
    FieldError
        Not a table, a negative number, an unknown bucket, no whole bucket, or months without a date.

    Notes
    -----
    The variance of sizes is that of the periods with demand themselves: their number is its denominator.

    References
    ----------
    Syntetos, Boylan & Croston (2005), On the categorization of demand patterns.

    Examples
    --------
    >>> classes = demand_classes(np.array([[1, 1, 2, 1, 1, 1], [0, 9, 0, 0, 1, 0], [5, 0, 4, 0, 5, 0]]))
    >>> [CLASSES[code] for code in classes.code.tolist()]
    ['smooth', 'too few', 'too few']
    """
    units = bucket_units(history_units, bucket=bucket, first_day=first_day)
    sold = units > 0
    n_sold = sold.sum(axis=1)
    n_periods = np.full(n_sold.size, units.shape[1])
    if not whole_history and units.shape[1]:
        first = np.argmax(sold, axis=1)
        last = units.shape[1] - 1 - np.argmax(sold[:, ::-1], axis=1)
        n_periods = last - first + 1
    interval = np.divide(n_periods, n_sold, out=np.full(n_sold.size, np.inf), where=n_sold > 0)
    mean = np.divide(units.sum(axis=1), n_sold, out=np.zeros(n_sold.size), where=n_sold > 0)
    squares = np.einsum("ij,ij->i", units.astype(np.float64), units.astype(np.float64))
    spread = np.maximum(squares - n_sold * mean**2, 0.0)
    cv2 = np.divide(spread, n_sold * mean**2, out=np.zeros(n_sold.size), where=n_sold > 0)
    code = 2 * (interval > LONG_INTERVAL_PERIODS) + (cv2 > UNEVEN_SIZE_CV2)
    code[n_sold < fewest_periods] = TOO_FEW
    return DemandClasses(code=code.astype(np.int8), interval_periods=interval, size_cv2=cv2)


def bucket_units(history_units: Units, *, bucket: str, first_day: date | None = None) -> Units:
    """Sum days into weeks or months; int64, shape (n_items, n_buckets). Arguments as in `demand_classes`."""
    history = np.asarray(history_units)
    if history.ndim != 2:
        raise FieldError("history_units", "of shape (n_items, n_periods)", history.shape)
    if history.size and not history.min() >= 0:
        raise FieldError("history_units", ">= 0", history.min().item())
    n_days = history.shape[1]
    if bucket == "day":
        return history.astype(np.int64, copy=False)
    if bucket == "week":
        n_weeks = n_days // WEEK_DAYS
        if n_weeks == 0:
            raise FieldError("history_units", "at least a week long", f"{n_days} days")
        whole = history[:, n_days - n_weeks * WEEK_DAYS :]
        by_week: Units = whole.reshape(history.shape[0], n_weeks, WEEK_DAYS).sum(axis=2, dtype=np.int64)
        return by_week
    if bucket != "month":
        raise FieldError("bucket", f"one of {', '.join(BUCKETS)}", bucket)
    if first_day is None:
        raise FieldError("first_day", "a date where demand is summed by month", None)
    day = np.datetime64(first_day) + np.arange(n_days + 1)
    month = day.astype("datetime64[M]")
    starts = np.flatnonzero(day == month.astype("datetime64[D]"))  # the day after the last may end a month
    if starts.size < 2:
        raise FieldError("history_units", "at least one whole calendar month long", f"{n_days} days")
    whole = history[:, : starts[-1]]
    return np.add.reduceat(whole, starts[:-1], axis=1, dtype=np.int64)
