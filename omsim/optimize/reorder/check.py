"""Re-check a night's purchases from the problem's data alone, in exact integers.

Owns feasibility and the objective. It shares nothing with the optimizer but the problem: prices, freight and trucks
are worked out again, order by order and step by step.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.optimize.reorder.problem import MC_PER_CENT, MM3_PER_DM3, NO_LIMIT

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.optimize.reorder.problem import ReorderProblem

    Units = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseCheck:
    """What `check_purchases` found.

    Attributes
    ----------
    broken : tuple of str
        Every rule that is broken, with the line, order or site; empty when the purchases are legal.
    objective_mc : int
        Expected cost with everything charged tonight, in milli-cents; of what can be charged, where rules are broken.
    spent_cents : int
        Value of all goods.
    price_cents : int64, shape (n_lines,)
        Unit cost that applies.
    value_cents, weight_g, volume_mm3, freight_cents, trucks : int64, shape (n_orders,)
    """

    broken: tuple[str, ...]
    objective_mc: int
    spent_cents: int
    price_cents: Units
    value_cents: Units
    weight_g: Units
    volume_mm3: Units
    freight_cents: Units
    trucks: Units


def check_purchases(problem: ReorderProblem, units: ArrayLike) -> PurchaseCheck:
    """Recompute what is broken and what it costs to order these units.

    Parameters
    ----------
    problem : ReorderProblem
    units : int64, shape (n_lines,)

    Returns
    -------
    PurchaseCheck

    Raises
    ------
    FieldError
        `units` is not one whole number for each line.
    """
    lines, orders = problem.lines, problem.orders
    given = np.asarray(units)
    if given.shape != (lines.n_lines,) or (given.size and given.dtype.kind not in "iu"):
        raise FieldError("units", f"{lines.n_lines} whole numbers", f"{given.dtype}, shape {given.shape}")
    amount = given.astype(np.int64)
    broken = _broken_lines(problem, amount)
    price = lines.unit_cost_cents.copy()
    breaks = lines.price_breaks
    for line in np.flatnonzero((amount > 0) & (np.diff(breaks.first) > 0)).tolist():
        start, stop = int(breaks.first[line]), int(breaks.first[line + 1])
        step = bisect_right(breaks.at[start:stop].tolist(), int(amount[line]))
        if step:
            price[line] = breaks.cents[start + step - 1]
    n_orders = orders.n_orders
    value, weight, volume = (np.zeros(n_orders, dtype=np.int64) for _ in range(3))
    np.add.at(value, lines.order, amount * price)
    np.add.at(weight, lines.order, amount * lines.weight_g)
    np.add.at(volume, lines.order, amount * lines.volume_mm3)
    placed = np.zeros(n_orders, dtype=np.bool_)
    placed[lines.order[amount > 0]] = True
    freight, trucks = (np.zeros(n_orders, dtype=np.int64) for _ in range(2))
    for order in np.flatnonzero(placed).tolist():
        start, stop = int(orders.freight.first[order]), int(orders.freight.first[order + 1])
        step = bisect_right(orders.freight.at[start:stop].tolist(), int(value[order]))
        freight[order] = orders.freight.cents[start + step - 1] if step else 0
        for load, room in ((weight, orders.truck_g), (volume, orders.truck_dm3 * MM3_PER_DM3)):
            if room[order]:
                trucks[order] = max(trucks[order], -(-int(load[order]) // int(room[order])))
        broken += _broken_order(problem, order, int(value[order]), int(weight[order]), int(trucks[order]))
    spent = int(value.sum())
    if spent > problem.budget_cents and problem.budget_cents < NO_LIMIT:
        broken.append(f"budget: {spent} cents of goods, {problem.budget_cents} allowed")
    for site, name in enumerate(problem.sites.name):
        stored, room_mm3 = int(volume[orders.site == site].sum()), int(problem.sites.storage_left_mm3[site])
        if stored > room_mm3 and room_mm3 < NO_LIMIT:
            broken.append(f"storage of {name}: {stored} mm3, {room_mm3} left")
    expected, missing = _expected_mc(problem, amount)
    broken += [f"{lines.name[line]}: {amount[line]} units are none of its options" for line in missing.tolist()]
    tonight = int((amount * (price - lines.unit_cost_cents)).sum())
    tonight += int(lines.line_cost_cents[amount > 0].sum()) + int(orders.fixed_cost_cents[placed].sum())
    tonight += int(freight.sum()) + int((trucks * orders.truck_cost_cents).sum())
    return PurchaseCheck(
        broken=tuple(broken),
        objective_mc=expected + tonight * MC_PER_CENT,
        spent_cents=spent,
        price_cents=price,
        value_cents=value,
        weight_g=weight,
        volume_mm3=volume,
        freight_cents=freight,
        trucks=trucks,
    )


def _broken_lines(problem: ReorderProblem, amount: Units) -> list[str]:
    lines = problem.lines
    ordered = amount > 0
    rules = [
        (amount < 0, "{n} units", ""),
        (ordered & (amount % lines.pack_units != 0), "{n} units are not whole packs of {r}", "pack_units"),
        (ordered & (amount < lines.moq_units), "{n} units, least order {r}", "moq_units"),
        (amount < lines.least_units, "{n} units, {r} promised", "least_units"),
        (ordered & (amount > lines.most_units), "{n} units, at most {r}", "most_units"),
    ]
    broken = []
    for mask, text, column in rules:
        for line in np.flatnonzero(mask).tolist():
            limit = int(getattr(lines, column)[line]) if column else 0
            broken.append(f"{lines.name[line]}: " + text.format(n=int(amount[line]), r=limit))
    return broken


def _broken_order(problem: ReorderProblem, order: int, value: int, weight: int, trucks: int) -> list[str]:
    orders = problem.orders
    name = orders.name[order]
    broken = []
    if value < orders.minimum_cents[order]:
        broken.append(f"{name}: {value} cents of goods, minimum {orders.minimum_cents[order]}")
    if weight < orders.minimum_g[order]:
        broken.append(f"{name}: {weight} g, minimum {orders.minimum_g[order]}")
    if orders.most_trucks[order] and trucks > orders.most_trucks[order]:
        broken.append(f"{name}: {trucks} trucks, at most {orders.most_trucks[order]}")
    return broken


def _expected_mc(problem: ReorderProblem, amount: Units) -> tuple[int, Units]:
    """Expected cost of the quantities, and the lines whose quantity is no option."""
    options = problem.options
    line = np.repeat(np.arange(amount.size), np.diff(options.first))
    hit = options.units == amount[line]
    found = np.zeros(amount.size, dtype=np.bool_)
    found[line[hit]] = True
    return int(options.cost_mc[hit].sum()), np.flatnonzero(~found)
