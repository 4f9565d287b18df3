"""Joint replenishment at steady demand: items ordered together share the cost of the order.

Owns the cycle and the integer multiples of it at which each item joins, Silver's rule and the certified optimum. Orders
that share trucks, minimums or a budget on one night are the business of `omsim.optimize.reorder`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.errors import FieldError, SolveError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

MOST_BREAKS = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JointCycle:
    """A joint order every `cycle`, in which item i takes part every `multiple[i]`-th time.

    Attributes
    ----------
    cycle : float
        Time between joint orders, in the unit of time of demand and holding cost.
    multiple : int64, shape (n_items,)
        >= 1.
    cost : float
        Ordering and holding in a unit of time.
    bound : float
        No cycle and multiples cost less; equal to `cost` where the optimum is proved.
    """

    cycle: float
    multiple: Units
    cost: float
    bound: float

    def order_units(self, demand: ArrayLike) -> Floats:
        """Units of each item in an order it takes part in, float64, shape (n_items,)."""
        return checked_column("demand", demand, self.multiple.size) * self.multiple * self.cycle


def solve_joint_cycle(
    joint_order_cost: float, item_order_cost: ArrayLike, holding_cost: ArrayLike, demand: ArrayLike
) -> JointCycle:
    """Joint cycle and multiples of least cost, certified.

    Data       K joint_order_cost;  k[i] item_order_cost;  h[i] holding_cost;  d[i] demand
    Variables  T > 0, the cycle;  m[i] >= 1, whole
    Model      min  K / T + sum_i k[i] / (m[i] T) + h[i] d[i] m[i] T / 2

    Parameters
    ----------
    joint_order_cost : float
        Of an order as such, > 0; without it nothing is joint.
    item_order_cost, holding_cost, demand : float, shape (n_items,) or one number
        Cost of an item in an order >= 0; of a unit held for a unit of time > 0; units asked for in it > 0.

    Returns
    -------
    JointCycle
        With `bound` equal to `cost`.

    Raises
    ------
    FieldError
        Not finite, out of range, shapes that do not fit.
    SolveError
        A joint order so much cheaper than the items' own that more than 20 million changes of a multiple would have to
        be looked at.

    Notes
    -----
    At a given T the best multiple of an item is the whole m with m (m - 1) <= 2 k / (h d T^2) <= m (m + 1). It changes
    at known cycles only, so between two neighbouring changes all multiples are fixed and the cost is convex in T with
    a closed-form minimum. An optimal T lies between two bounds that follow from the cost of Silver's rule: shorter,
    joint orders alone cost too much; longer, holding does. All intervals between are looked at, in one pass over the
    sorted changes, so the result is the optimum. Every joint order is charged, also one that no item joins.

    References
    ----------
    Silver (1976), a simple method of determining order quantities in joint replenishments; Goyal (1974),
    determination of optimum packaging frequency of items jointly replenished.

    Examples
    --------
    >>> best = solve_joint_cycle(600, [120, 840, 300], [160, 20, 50], 1)
    >>> best.multiple.tolist(), round(best.cycle, 4), round(best.cost, 4)
    ([1, 3, 1], 3.1032, 837.8544)
    """
    joint, own, rate = _checked(joint_order_cost, item_order_cost, holding_cost, demand)
    start = _at_best_cycle(joint, own, rate, _silver_multiples(joint, own, rate))
    alone = float(np.sqrt(2.0 * own * rate).sum())  # what the items cost when each goes its own way, K aside
    spare = start.cost - alone
    if spare <= 1e-12 * start.cost:
        raise SolveError("joint replenishment", "a joint order cost lost in the rounding of the others", f"{joint:g}")
    shortest = joint / spare * (1.0 - 1e-9)
    longest = 2.0 * start.cost / float(rate.sum()) * (1.0 + 1e-9)
    # item i goes from multiple m to m + 1 where T falls below first[i] / sqrt(m (m + 1))
    first = np.sqrt(2.0 * own / rate)
    least = _best_multiple(first, longest)
    if float((first / shortest).sum()) > MOST_BREAKS:
        raise SolveError("joint replenishment", "too many changes of a multiple", f"{MOST_BREAKS}")
    most = _best_multiple(first, shortest)
    n_breaks = int((most - least).sum())
    item = np.repeat(np.arange(own.size), most - least)
    before = np.arange(n_breaks) - np.repeat(np.cumsum(most - least) - (most - least), most - least) + least[item]
    at = first[item] / np.sqrt(before * (before + 1.0))
    order = np.argsort(-at, kind="stable")
    item, before = item[order], before[order]
    fixed = joint + math.fsum(own / least) + np.concatenate([[0.0], np.cumsum(-own[item] / (before * (before + 1.0)))])
    slope = 0.5 * (math.fsum(rate * least) + np.concatenate([[0.0], np.cumsum(rate[item])]))
    # the least cost of each interval's multiples over every T: at least the optimum, and equal to it in one interval
    n_passed = int(np.argmin(fixed * slope))
    multiple = least + np.bincount(item[:n_passed], minlength=own.size)
    best = _at_best_cycle(joint, own, rate, multiple)
    if start.cost < best.cost:  # equal but for rounding
        best = start
    return JointCycle(cycle=best.cycle, multiple=best.multiple, cost=best.cost, bound=best.cost)


def joint_cycle_by_silver(
    joint_order_cost: float, item_order_cost: ArrayLike, holding_cost: ArrayLike, demand: ArrayLike
) -> JointCycle:
    """Silver's rule: the item of least order cost for its holding joins every order, the others by a square root.

    Parameters
    ----------
    joint_order_cost, item_order_cost, holding_cost, demand
        As in `solve_joint_cycle`.

    Returns
    -------
    JointCycle
        With the bound of Jackson, Maxwell & Muckstadt: the cost were the multiples not whole.

    References
    ----------
    Silver (1976), a simple method of determining order quantities in joint replenishments under deterministic demand.
    """
    joint, own, rate = _checked(joint_order_cost, item_order_cost, holding_cost, demand)
    found = _at_best_cycle(joint, own, rate, _silver_multiples(joint, own, rate))
    bound = min(relaxed_cost(joint, own, rate), found.cost)
    return JointCycle(cycle=found.cycle, multiple=found.multiple, cost=found.cost, bound=bound)


def cost_of_joint_cycle(
    cycle: float,
    multiple: ArrayLike,
    joint_order_cost: float,
    item_order_cost: ArrayLike,
    holding_cost: ArrayLike,
    demand: ArrayLike,
) -> float:
    """Cost in a unit of time of any cycle and multiples, recomputed from the data alone.

    Parameters
    ----------
    cycle : float
        > 0.
    multiple : int, shape (n_items,)
        >= 1.
    joint_order_cost, item_order_cost, holding_cost, demand
        As in `solve_joint_cycle`.

    Returns
    -------
    float
    """
    joint, own, rate = _checked(joint_order_cost, item_order_cost, holding_cost, demand)
    times = checked_units("multiple", multiple, own.size, least=1)
    if not 0.0 < cycle < 1e15:
        raise FieldError("cycle", "above 0", cycle)
    return math.fsum([joint / cycle, *(own / (times * cycle)), *(rate * times * cycle / 2.0)])


def relaxed_cost(joint: float, own: Floats, rate: Floats) -> float:
    """Cost were multiples any numbers >= 1, from checked columns: a lower bound, float.

    Items whose own cycle is shorter than the joint one join it; they are found in order of their own cycles.

    Parameters
    ----------
    joint : float
    own, rate : float64, shape (n_items,)
        Cost of an item in an order, and of holding it: holding cost times demand.
    """
    by_cycle = np.argsort(own / rate, kind="stable")
    fixed = joint + np.concatenate([[0.0], np.cumsum(own[by_cycle])])
    slope = np.concatenate([[0.0], np.cumsum(rate[by_cycle])]) / 2.0
    apart = np.sqrt(2.0 * own * rate)[by_cycle]
    rest = np.concatenate([np.cumsum(apart[::-1])[::-1], [0.0]])
    # the set that joins is the one for which it pays to join: the largest of these totals is the relaxation's optimum
    with np.errstate(divide="ignore"):
        cycle = np.sqrt(fixed[1:] / slope[1:])
    own_cycle = np.sqrt(2.0 * own / rate)[by_cycle]
    n_joined = 1 + int((own_cycle[1:] < cycle[:-1]).cumprod().sum())
    return float(2.0 * np.sqrt(fixed[n_joined] * slope[n_joined]) + rest[n_joined])


def _best_multiple(first: Floats, cycle: float) -> Units:
    """The best multiple of each item at a cycle: smallest m with m (m + 1) >= (first / cycle)^2."""
    ratio = np.square(first / cycle)
    multiple = np.ceil(np.sqrt(ratio + 0.25) - 0.5).astype(np.int64)
    return np.maximum(multiple, 1)


def _silver_multiples(joint: float, own: Floats, rate: Floats) -> Units:
    ratio = own / rate
    base = int(np.argmin(ratio))
    multiple = np.maximum(np.round(np.sqrt(ratio * rate[base] / (joint + own[base]))), 1.0)
    multiple[base] = 1.0
    return np.asarray(multiple, dtype=np.int64)


def _at_best_cycle(joint: float, own: Floats, rate: Floats, multiple: Units) -> JointCycle:
    fixed = math.fsum([joint, *(own / multiple)])
    slope = math.fsum(rate * multiple) / 2.0
    return JointCycle(cycle=math.sqrt(fixed / slope), multiple=multiple, cost=2.0 * math.sqrt(fixed * slope), bound=0.0)


def _checked(
    joint_order_cost: float, item_order_cost: ArrayLike, holding_cost: ArrayLike, demand: ArrayLike
) -> tuple[float, Floats, Floats]:
    """The joint cost, the items' own, and holding cost times demand."""
    n_items = max(np.size(item_order_cost), np.size(holding_cost), np.size(demand))
    if n_items == 0:
        raise FieldError("demand", "of at least one item", "none")
    joint = checked_column("joint_order_cost", joint_order_cost, 1, most=1e12, open_ends=True)
    own = checked_column("item_order_cost", item_order_cost, n_items, most=1e12)
    hold = checked_column("holding_cost", holding_cost, n_items, most=1e9, open_ends=True)
    wanted = checked_column("demand", demand, n_items, most=1e12, open_ends=True)
    return float(joint[0]), own, hold * wanted
