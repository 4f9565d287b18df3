"""The shape of observed supplier lead times, carried over to a stated mean.

Owns that one step from deliveries on record to a probability by whole days; lead-time demand of an item is
:mod:`omsim.demand.lead_time`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError

MOST_DAYS = 3_650


def rescaled_lead_times(observed_days: NDArray[np.int64], *, mean_days: float) -> NDArray[np.float64]:
    """Probability of a lead time of 0, 1, 2, ... days: the observed shape, stretched to a mean.

    Parameters
    ----------
    observed_days : int64 or float64, shape (n_deliveries,)
        Lead times on record, > 0.
    mean_days : float
        Mean wanted, in [1, 3,650].

    Returns
    -------
    float64, shape (most_days + 1,)
        Sums to 1; nothing on 0. Rounding to whole days, at least 1, moves the mean by less than half a day.

    Raises
    ------
    FieldError
        No delivery, one that is not > 0 and finite, or a mean out of range.

    Examples
    --------
    >>> rescaled_lead_times(np.array([30, 60, 90]), mean_days=2.0).tolist()
    [0.0, 0.3333333333333333, 0.3333333333333333, 0.3333333333333333]
    """
    observed = np.asarray(observed_days, dtype=np.float64)
    if observed.ndim != 1 or observed.size == 0:
        raise FieldError("observed_days", "a column of at least one delivery", f"shape {observed.shape}")
    legal = np.isfinite(observed) & (observed > 0)
    if not legal.all():
        raise FieldError("observed_days", "> 0 and finite", float(observed[~legal][0]))
    if not 1 <= mean_days <= MOST_DAYS:
        raise FieldError("mean_days", f"from 1 to {MOST_DAYS:,}", mean_days)
    days = np.maximum(1, np.rint(observed * (mean_days / observed.mean()))).astype(np.int64)
    share: NDArray[np.float64] = np.bincount(days) / days.size
    return share
