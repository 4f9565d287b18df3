"""How often to review: (R, S) and (R, s, S) with the review period chosen as well.

Owns the comparison over review periods. For each one the levels come from `base_stock` or `min_max`; here their costs
are brought to one scale, with every period's end charged, not only the last one before the next review's order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from omsim.demand.checked import checked_column
from omsim.demand.lead_time import Periods
from omsim.errors import FieldError
from omsim.optimize.policies.base_stock import base_stock_for_cost
from omsim.optimize.policies.min_max import solve_min_max

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from omsim.demand.lead_time import DemandTable

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

MOST_REVIEW_PERIODS = 3_650


class DemandOver(Protocol):
    """Gives the demand of all items over an interval, e.g. ``lambda n: poisson_demand(mean, n)``."""

    def __call__(self, periods: Periods, /) -> DemandTable:
        """Demand over `periods`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTable:
    """Policies of many items, each with its review period; int64 and float64, shape (n_items,).

    Attributes
    ----------
    review_periods : ndarray
        Periods from one review to the next. [R]
    reorder_point_units, order_up_to_units : ndarray
        At a review, order up to S when the position is at or below s; s = S - 1 for (R, S).
    cost_per_period : ndarray
        Reviewing, ordering, holding and shortage.
    """

    review_periods: Units
    reorder_point_units: Units
    order_up_to_units: Units
    cost_per_period: Floats


def demand_as_periods_end(lead: Periods, review_periods: int) -> Periods:
    """Periods from a review to the end of a period its order answers for: lead time + 1, 2, ..., R, equally likely.

    The demand over it is what stock has met when it is looked at as a period ends, any of the cycle's: the interval
    for holding and shortage costs per period, and for ready rates under periodic review.
    """
    most = lead.share.shape[1] + review_periods
    share = np.zeros((lead.share.shape[0], most))
    for n_periods in range(1, review_periods + 1):
        share[:, n_periods : n_periods + lead.share.shape[1]] += lead.share / review_periods
    return Periods(share=share)


def solve_review_period(
    demand_over: DemandOver,
    lead: Periods,
    review_periods: Sequence[int],
    review_cost: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    *,
    order_always: bool = False,
) -> ReviewTable:
    """Review period and levels of least long-run cost per period, among the review periods offered.

    Data       demand over any number of periods; lead time L; review periods R offered
               J, K   cost of a review, and of an order; h, p  of a unit left, and owed, at the end of a period
    Variables  R, s < S whole (s = S - 1 with `order_always`)
    Model      min over R  (J + K P(order) + sum_{k=1..R} E[h (y - D_{L+k})+ + p (D_{L+k} - y)+]) / R,
               y the position just after a review

    Parameters
    ----------
    demand_over : callable
        From `Periods` to the demand of all items over them; called two times for each review period offered.
    lead : Periods
        Lead time, fixed or random.
    review_periods : sequence of int
        Offered, each from 1 to 3,650, e.g. ``(1, 7, 14)``.
    review_cost, order_cost, holding_cost, shortage_cost : float, shape (n_items,) or one number
        J, K >= 0; h, p > 0; any one currency unit.
    order_always : bool
        (R, S): at each review order what was sold. Otherwise (R, s, S).

    Returns
    -------
    ReviewTable
        The smallest review period of those that cost the same.

    Raises
    ------
    FieldError
        A number that is not finite or out of range, or no review period offered.

    Notes
    -----
    An average of the costs at R moments is the cost at one moment drawn among them, so the exact searches for one
    moment are used as they are, on the demand over L + 1, ..., L + R periods, equally likely. Without costs of reviews
    and orders no review period is cheaper than one period; reviews and orders are what longer ones save.

    Examples
    --------
    >>> from functools import partial
    >>> from omsim.demand.lead_time import poisson_demand
    >>> demand_over = partial(poisson_demand, [0.2, 8.0])
    >>> best = solve_review_period(demand_over, Periods.fixed(5), (1, 5, 10), 2.0, 10.0, 0.1, 1.0)
    >>> best.review_periods.tolist()
    [10, 5]
    """
    offered = sorted(set(review_periods))
    if not offered or offered[0] < 1 or offered[-1] > MOST_REVIEW_PERIODS:
        raise FieldError("review_periods", f"some, each from 1 to {MOST_REVIEW_PERIODS:,}", list(review_periods))
    best: ReviewTable | None = None
    for n_periods in offered:
        found = _solve_one(
            demand_over, lead, n_periods, review_cost, order_cost, holding_cost, shortage_cost, order_always
        )
        best = found if best is None else _cheaper(best, found)
    assert best is not None
    return best


def _solve_one(
    demand_over: DemandOver,
    lead: Periods,
    n_periods: int,
    review_cost: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    order_always: bool,
) -> ReviewTable:
    period = demand_over(Periods.fixed(n_periods))
    seen = demand_over(demand_as_periods_end(lead, n_periods))
    n_items = seen.n_items
    if period.n_items != n_items:
        raise FieldError("demand_over", f"tables of {n_items} items", period.n_items)
    reviewing = checked_column("review_cost", review_cost, n_items)
    fixed = checked_column("order_cost", order_cost, n_items)
    hold = checked_column("holding_cost", holding_cost, n_items, open_ends=True)
    penalty = checked_column("shortage_cost", shortage_cost, n_items, open_ends=True)
    if order_always:
        top, cost = base_stock_for_cost(seen, hold, penalty)
        low, cost = top - 1, cost + fixed * (1.0 - period.cdf(0)) / n_periods
    else:
        solved = solve_min_max(period, seen, fixed, hold * n_periods, penalty * n_periods)
        low, top, cost = solved.reorder_point_units, solved.order_up_to_units, solved.cost_per_period / n_periods
    return ReviewTable(
        review_periods=np.full(n_items, n_periods, dtype=np.int64),
        reorder_point_units=low,
        order_up_to_units=top,
        cost_per_period=cost + reviewing / n_periods,
    )


def _cheaper(first: ReviewTable, second: ReviewTable) -> ReviewTable:
    """Item by item the cheaper of two policies, the first where they cost the same."""
    take = second.cost_per_period < first.cost_per_period
    return ReviewTable(
        review_periods=np.where(take, second.review_periods, first.review_periods),
        reorder_point_units=np.where(take, second.reorder_point_units, first.reorder_point_units),
        order_up_to_units=np.where(take, second.order_up_to_units, first.order_up_to_units),
        cost_per_period=np.where(take, second.cost_per_period, first.cost_per_period),
    )
