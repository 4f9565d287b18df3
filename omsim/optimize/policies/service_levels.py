"""Levels for service targets other than the fill rate, for any policy; and the shortage cost a level implies.

Owns type 1 (cycle service), type 3 (ready rate), units owed and expected wait. Like `stock_position`, it sees a policy
as a top less a random drop, so one search serves all: base stock (`base_stock_drop`, top = S), (r, nQ)
(`order_quantity_drop`, top = r + Q) and (s, S) of a given spread (`min_max_drop`, top = S). Fill rates (type 2) are
`stock_position.top_for_fill_rate`'s.

Which demand to hand over
-------------------------
`after`   lead time + review period: what stock at the end of a review cycle has had to meet.
`during`  demand from a review until a moment taken at random: under continuous review that of the lead time;
          under periodic review that of lead time + 1, 2, ..., R periods, equally likely (`Periods.random`), when
          stock is looked at as each period ends.
`before`  the lead time alone: what stock has met when the order of a review comes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.demand.lead_time import DemandTable
from omsim.errors import FieldError
from omsim.kernels.inventory_targets import order_drops, search_top_for_owed, search_top_for_share, share_beyond
from omsim.optimize.policies.stock_position import base_stock_drop, measure_policy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

MOST_COST_RATIO = 1e9  # of an implied shortage cost to the holding cost: beyond it the demand table itself is rounding


def ready_rate(top_units: ArrayLike, drop: DemandTable, during: DemandTable) -> Floats:
    """Share of time with stock on hand (type 3): P(during < position).

    Parameters
    ----------
    top_units : int, shape (n_items,) or one number
        Highest position just after a review.
    drop : DemandTable
        Units below the top just after a review.
    during : DemandTable
        Demand until a random moment, see the module.

    Returns
    -------
    float64, shape (n_items,)
    """
    _check_items(drop, during)
    top = checked_units("top_units", top_units, during.n_items, least=-(10**12))
    return 1.0 - share_beyond(top - 1, drop.pmf, drop.first, during.pmf, during.first)


def nothing_owed_share(top_units: ArrayLike, drop: DemandTable, demand: DemandTable) -> Floats:
    """Share of time, or of cycles, with nothing owed: P(demand <= position).

    With `during` a share of time; with `after` the share of review cycles that end with nothing owed; with `before` and
    `drop_at_order` the share of replenishments that come in with nothing owed (type 1).

    Parameters
    ----------
    top_units, drop
        As in `ready_rate`.
    demand : DemandTable
        One of the three, see the module.

    Returns
    -------
    float64, shape (n_items,)
    """
    _check_items(drop, demand)
    top = checked_units("top_units", top_units, demand.n_items, least=-(10**12))
    return 1.0 - share_beyond(top, drop.pmf, drop.first, demand.pmf, demand.first)


def expected_wait_periods(top_units: ArrayLike, drop: DemandTable, during: DemandTable, rate: ArrayLike) -> Floats:
    """Mean wait of a demanded unit, filled at once or not: mean units owed over the demand rate (Little's law).

    Parameters
    ----------
    top_units, drop, during
        As in `ready_rate`.
    rate : float, shape (n_items,) or one number
        Mean units demanded in a period, > 0.

    Returns
    -------
    float64, shape (n_items,)
    """
    _check_items(drop, during)
    per_period = checked_column("rate", rate, during.n_items, open_ends=True)
    return measure_policy(top_units, drop, base_stock_drop(during.n_items), during).backordered_units / per_period


def drop_at_order(period: DemandTable, drop: DemandTable) -> DemandTable:
    """Units below the top just before an order is placed: the drop an order finds, undershoot included.

    Parameters
    ----------
    period : DemandTable
        Demand between reviews (one customer's units, under continuous review).
    drop : DemandTable
        Units below the top just after a review; its row's length is what the position may fall by without an order:
        1 for base stock, Q for (r, nQ), S - s for (s, S).

    Returns
    -------
    DemandTable
        At least the row's length of `drop`; 0 for items without demand, which never order.

    Examples
    --------
    >>> from omsim.demand.lead_time import read_distributions
    >>> from omsim.optimize.policies.stock_position import order_quantity_drop
    >>> drop_at_order(read_distributions([[0.0, 1.0]]), order_quantity_drop(3, 1)).row(0).tolist()
    [0.0, 0.0, 0.0, 1.0]
    """
    _check_items(drop, period)
    first = period.first + drop.first - np.arange(period.first.size)
    pmf = np.zeros(int(first[-1]))
    order_drops(period.pmf, period.first, drop.pmf, drop.first, pmf)
    return DemandTable(pmf=pmf, first=first, omitted_share=period.omitted_share + drop.omitted_share)


def top_for_cycle_service(drop_before_order: DemandTable, before: DemandTable, cycle_service: ArrayLike) -> Units:
    """Smallest top at which this share of replenishments comes in with nothing owed (type 1).

    Model      min top  s.t.  P(before <= top - drop_before_order) >= cycle_service

    Under continuous review and unit demands this is the textbook's P(lead-time demand <= r). By review cycles, as
    (R, S) texts count, hand over the drop after a review and `after` instead.

    Parameters
    ----------
    drop_before_order : DemandTable
        From `drop_at_order`.
    before : DemandTable
        Demand of the lead time.
    cycle_service : float, shape (n_items,) or one number
        In (0, 1).

    Returns
    -------
    int64, shape (n_items,)

    Raises
    ------
    FieldError
        A target not strictly between 0 and 1, or tables of different items.
    """
    return _top_for_share("cycle_service", drop_before_order, before, cycle_service)


def top_for_ready_rate(drop: DemandTable, during: DemandTable, share: ArrayLike) -> Units:
    """Smallest top with stock on hand this share of time (type 3).

    Model      min top  s.t.  P(during < top - drop) >= share

    Parameters
    ----------
    drop, during : DemandTable
        See the module.
    share : float, shape (n_items,) or one number
        In (0, 1).

    Returns
    -------
    int64, shape (n_items,)
    """
    return _top_for_share("share", drop, during, share) + 1


def top_for_owed_units(drop: DemandTable, during: DemandTable, owed_units: ArrayLike) -> Units:
    """Smallest top at which mean units owed are at most `owed_units`.

    Parameters
    ----------
    drop, during : DemandTable
        See the module.
    owed_units : float, shape (n_items,) or one number
        > 0.

    Returns
    -------
    int64, shape (n_items,)
        Below 0 where so much may be owed that stock is not needed.
    """
    _check_items(drop, during)
    allowed = checked_column("owed_units", owed_units, during.n_items, most=1e9, open_ends=True)
    return search_top_for_owed(drop.pmf, drop.first, during.pmf, during.first, allowed)


def top_for_wait(drop: DemandTable, during: DemandTable, rate: ArrayLike, wait_periods: ArrayLike) -> Units:
    """Smallest top at which a demanded unit waits at most `wait_periods` on average.

    Model      min top  s.t.  E[(during - (top - drop))+] <= rate * wait_periods        (Little's law)

    Parameters
    ----------
    drop, during : DemandTable
        See the module.
    rate : float, shape (n_items,) or one number
        Mean units demanded in a period, > 0.
    wait_periods : float, shape (n_items,) or one number
        > 0.

    Returns
    -------
    int64, shape (n_items,)

    Examples
    --------
    >>> from omsim.demand.lead_time import Periods, poisson_demand
    >>> from omsim.optimize.policies.stock_position import base_stock_drop
    >>> lead_time = poisson_demand([2.0], Periods.fixed(5))
    >>> top_for_wait(base_stock_drop(1), lead_time, 2.0, 0.1).tolist()
    [14]
    """
    _check_items(drop, during)
    per_period = checked_column("rate", rate, during.n_items, open_ends=True)
    wait = checked_column("wait_periods", wait_periods, during.n_items, open_ends=True)
    return top_for_owed_units(drop, during, per_period * wait)


def implied_shortage_cost(
    after: DemandTable, drop: DemandTable, top_units: ArrayLike, holding_cost: ArrayLike
) -> Floats:
    """Shortage cost at which a level is just worth its holding cost: h A / (1 - A), A = P(after <= position).

    Of two tops of one policy the lower is cheaper as long as p / (p + h) is below the share of time with nothing owed;
    at the optimum the two are equal (Zheng 1992). On whole units a top is best over a range of shortage costs, and the
    cost given here is the range's upper end: where the next unit would just begin to pay.

    Parameters
    ----------
    after : DemandTable
        Demand the holding and shortage costs are charged on: lead time + review period, or `during` of the module.
    drop : DemandTable
        Units below the top just after a review.
    top_units : int, shape (n_items,) or one number
        Highest position just after a review, e.g. one that meets a fill rate.
    holding_cost : float, shape (n_items,) or one number
        Per unit left at the end of a period, > 0.

    Returns
    -------
    float64, shape (n_items,)
        Per unit owed at the end of a period; finite: at most a thousand million times the holding cost, also where the
        table sees no shortage at all; 0 where something is always owed.

    References
    ----------
    Zheng (1992), on properties of stochastic inventory systems.

    Examples
    --------
    >>> from omsim.demand.lead_time import Periods, poisson_demand
    >>> from omsim.optimize.policies.base_stock import base_stock_for_cost
    >>> from omsim.optimize.policies.stock_position import base_stock_drop
    >>> week = poisson_demand([4.0], Periods.fixed(1))
    >>> cost = implied_shortage_cost(week, base_stock_drop(1), 7, 1.0)
    >>> [base_stock_for_cost(week, 1.0, cost * factor)[0].tolist() for factor in (0.999, 1.001)]
    [[7], [8]]
    """
    _check_items(drop, after)
    top = checked_units("top_units", top_units, after.n_items, least=-(10**12))
    hold = checked_column("holding_cost", holding_cost, after.n_items, open_ends=True)
    beyond = share_beyond(top, drop.pmf, drop.first, after.pmf, after.first)
    ratio = np.clip(1.0 - beyond, 0.0, 1.0) / np.maximum(beyond, 0.5 / MOST_COST_RATIO)
    return hold * np.minimum(ratio, MOST_COST_RATIO)


def _top_for_share(field: str, drop: DemandTable, demand: DemandTable, share: ArrayLike) -> Units:
    _check_items(drop, demand)
    target = checked_column(field, share, demand.n_items, most=1.0, open_ends=True)
    return search_top_for_share(drop.pmf, drop.first, demand.pmf, demand.first, target)


def _check_items(drop: DemandTable, demand: DemandTable) -> None:
    if drop.n_items != demand.n_items:
        raise FieldError("drop", f"a table of {demand.n_items} items", drop.n_items)
