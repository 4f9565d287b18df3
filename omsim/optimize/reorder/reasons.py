"""Why each line is bought as it is, in one plain sentence, made from numbers.

Owns the words. What they say is computed for all lines at once and written out only for the lines asked for, so a
night of 100,000 lines costs what its readers read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.optimize.reorder.problem import MC_PER_CENT, MM3_PER_DM3, NO_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from omsim.optimize.reorder.plan import PurchasePlan
    from omsim.optimize.reorder.problem import ReorderProblem

    Units = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

DRIVERS = ("none", "promised", "below", "price_break", "minimum", "truck", "freight", "joined")
"""What drives a line's quantity, by code; `PlanReasons.driver` holds the codes."""

LIMITS = ("none", "cap", "budget", "storage", "order", "moq")
"""What keeps a line from the quantity it wants, by code; `PlanReasons.limit` holds the codes."""

_NEAR = 0.02  # a truck or a minimum is "filled" when this share or less of it is left


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReasons:
    """The reasons of a plan; ``reasons[line]`` writes one out, iteration all.

    Attributes
    ----------
    driver, limit : int64, shape (n_lines,)
        Codes into `DRIVERS` and `LIMITS`.
    cover_days : float64, shape (n_lines,)
        Days of expected demand the position covers after the order; inf where nothing is expected.
    problem, plan
        What the reasons are about.
    currency : str
        Written before amounts; empty = they stand alone.
    tells_refusals : bool
        Whether a sentence says what the line did not get, and what that costs.
    """

    driver: Units
    limit: Units
    cover_days: Floats
    problem: ReorderProblem
    plan: PurchasePlan
    currency: str = ""
    tells_refusals: bool = True

    def __len__(self) -> int:
        return self.driver.size

    def __iter__(self) -> Iterator[str]:
        return (self[line] for line in range(len(self)))

    def __getitem__(self, line: int) -> str:
        """One line's reason."""
        return _sentence(self, range(len(self))[line])


def explain_plan(
    problem: ReorderProblem, plan: PurchasePlan, *, currency: str = "", tells_refusals: bool = True
) -> PlanReasons:
    """Find what drove each line and what kept it from what it wanted.

    Parameters
    ----------
    problem : ReorderProblem
    plan : PurchasePlan
        Of this problem.
    currency : str
        Written before amounts of money.
    tells_refusals : bool
        False leaves it to the caller to say what lines did not get.

    Returns
    -------
    PlanReasons

    Notes
    -----
    One driver and one limit a line, by fixed precedence: a promise; the position at or below the reorder point; a
    price break reached with the quantity; the order lifted to its minimum, to a full truck, or over a freight step;
    else the line joins an order placed anyway. A limit is named where the line takes less than it wants by itself
    (waiting above the reorder point for an order that is not placed is no such case); its cap limits the wish too, and
    is named where the wish ends at it.

    Examples
    --------
    >>> from omsim.optimize.reorder.problem import *
    >>> from omsim.optimize.reorder.solve import plan_purchases
    >>> import numpy as np
    >>> night = ReorderProblem(
    ...     lines=PurchaseLines(
    ...         name=("SKU-1 at north",), order=[0], position_units=[2], unit_cost_cents=[500], pack_units=[6],
    ...         moq_units=[6], most_units=[60], reorder_point_units=[4], order_up_to_units=[20], units_per_day=[1.0],
    ...     ),
    ...     orders=PurchaseOrders(name=("Acme to north",), site=[0], fixed_cost_cents=[900]),
    ...     sites=StorageSites(name=("north",), storage_left_mm3=[NO_LIMIT]),
    ...     options=LineOptions(
    ...         first=np.array([0, 3]), units=np.array([0, 12, 18]), cost_mc=np.array([9_000_000, 1_000_000, 800_000])
    ...     ),
    ... )
    >>> explain_plan(night, plan_purchases(night))[0]
    '18 units: position 2 is at or below the reorder point 4; brings cover to 20 days.'
    """
    lines, orders = problem.lines, problem.orders
    units = plan.units
    ordered = units > 0
    after = lines.position_units + units
    cover = np.full(units.size, np.inf)
    sells = lines.units_per_day > 0
    cover[sells] = np.maximum(after[sells], 0) / lines.units_per_day[sells]
    order = lines.order
    below = lines.position_units <= lines.reorder_point_units
    at_break = (
        ordered & (plan.price_cents < lines.unit_cost_cents) & (units - lines.pack_units < _break_start(problem, units))
    )
    lifted = _just_above(plan.order_value_cents, orders.minimum_cents) | _just_above(
        plan.order_weight_g, orders.minimum_g
    )
    full = _full_trucks(problem, plan)
    over_step = _over_freight_step(problem, plan)
    beyond = ordered & (plan.next_pack_value_cents < 0) & (units > plan.wanted_units)
    driver = np.select(
        [
            ~ordered,
            (lines.least_units > 0) & (units - lines.pack_units < lines.least_units),
            at_break & ~(below & (units <= plan.wanted_units) & (after <= lines.order_up_to_units)),
            beyond & lifted[order],
            beyond & over_step[order],
            beyond & full[order],
            below,
            lifted[order],
            over_step[order],
            full[order],
        ],
        [0, 1, 3, 4, 6, 5, 2, 4, 6, 5],
        default=7,
    ).astype(np.int64)
    refused = plan.wanted_units > units
    pressed = np.isfinite(plan.next_pack_value_cents) & (plan.next_pack_value_cents > 0)
    site = orders.site[order]
    placed = np.zeros(orders.n_orders, dtype=np.bool_)
    placed[order[ordered]] = True
    limit = np.select(
        [
            ~placed[order] & ~below,
            refused & ~placed[order],
            refused
            & pressed
            & (plan.storage_price_cents_per_dm3[site] * lines.volume_mm3 > _budget_share(problem, plan)),
            refused & pressed & (plan.budget_price > 0),
            refused,
            (units == plan.wanted_units) & ordered & (units + lines.pack_units > lines.most_units),
            ordered & (units == lines.moq_units) & (lines.moq_units > lines.pack_units),
        ],
        [0, 4, 3, 2, 4, 1, 5],
        default=0,
    ).astype(np.int64)
    return PlanReasons(
        driver=driver,
        limit=limit,
        cover_days=cover,
        problem=problem,
        plan=plan,
        currency=currency,
        tells_refusals=tells_refusals,
    )


def _budget_share(problem: ReorderProblem, plan: PurchasePlan) -> Floats:
    """What a unit pays for budget, on the scale of what it pays for storage."""
    unit_cost: Floats = problem.lines.unit_cost_cents.astype(np.float64)
    return plan.budget_price * MM3_PER_DM3 * unit_cost


def _break_start(problem: ReorderProblem, units: Units) -> Units:
    """First units of the price interval each quantity lies in."""
    breaks = problem.lines.price_breaks
    lines = np.arange(units.size)
    as_steps = type(breaks)(first=breaks.first, at=breaks.at, cents=breaks.at)
    return as_steps.cents_at(lines, units, np.zeros(units.size, dtype=np.int64))


def _just_above(amount: Units, minimum: Units) -> Flags:
    return (minimum > 0) & (amount >= minimum) & (amount <= minimum * (1 + _NEAR))


def _full_trucks(problem: ReorderProblem, plan: PurchasePlan) -> Flags:
    orders = problem.orders
    full = np.zeros(orders.n_orders, dtype=np.bool_)
    for load, room in (
        (plan.order_weight_g, orders.truck_g),
        (plan.order_volume_mm3, orders.truck_dm3 * MM3_PER_DM3),
    ):
        carried = plan.order_trucks * room
        full |= (carried > 0) & (load >= carried - room * _NEAR)
    return full & (orders.truck_cost_cents > 0)


def _over_freight_step(problem: ReorderProblem, plan: PurchasePlan) -> Flags:
    """Whether an order lies just above a step at which its freight falls."""
    freight = problem.orders.freight
    over = np.zeros(problem.orders.n_orders, dtype=np.bool_)
    for order in np.flatnonzero(np.diff(freight.first) > 1).tolist():
        steps = slice(int(freight.first[order]), int(freight.first[order + 1]))
        at, cents = freight.at[steps], freight.cents[steps]
        held = int(np.searchsorted(at, plan.order_value_cents[order], side="right")) - 1
        if held > 0 and cents[held] < cents[held - 1]:
            over[order] = plan.order_value_cents[order] <= at[held] * (1 + _NEAR)
    return over


def _sentence(reasons: PlanReasons, line: int) -> str:
    problem, plan = reasons.problem, reasons.plan
    lines = problem.lines
    order = int(lines.order[line])
    units = int(plan.units[line])
    position, low = int(lines.position_units[line]), int(lines.reorder_point_units[line])
    name = problem.orders.name[order]
    driver = DRIVERS[reasons.driver[line]]
    because = {
        "none": _no_order(problem, plan, line),
        "promised": f"{lines.least_units[line]:,} units are promised",
        "below": f"position {position:,} is at or below the reorder point {low:,}",
        "price_break": f"reaches the price of {_money(int(plan.price_cents[line]), reasons.currency)} a unit",
        "minimum": f"lifts {name} to its minimum",
        "truck": f"fills {_count(int(plan.order_trucks[order]), 'truck')} of {name}",
        "freight": f"lifts {name} over the step to {_freight(int(plan.order_freight_cents[order]), reasons.currency)}",
        "joined": f"joins {name}, which is placed anyway",
    }[driver]
    text = f"{_count(units, 'unit')}: {because}" if units else f"nothing: {because}"
    if units:
        days = reasons.cover_days[line]
        text += f"; brings cover to {_count(round(days), 'day')}" if np.isfinite(days) else "; no demand is expected"
    return text + _limited(reasons, line) + "."


def _no_order(problem: ReorderProblem, plan: PurchasePlan, line: int) -> str:
    lines = problem.lines
    position, low = int(lines.position_units[line]), int(lines.reorder_point_units[line])
    if position > low:
        return f"position {position:,} is above the reorder point {low:,}"
    text = f"position {position:,} is at or below the reorder point {low:,}"
    row = int(problem.options.first[line]) + 1
    if row == problem.options.first[line + 1]:
        return text + ", but nothing can be ordered tonight"
    if plan.wanted_units[line] == 0:
        return (
            text
            + f", but {_count(int(problem.options.units[row]), 'unit')}, the least it can take, cost more than waiting"
        )
    return text


def _limited(reasons: PlanReasons, line: int) -> str:
    problem, plan = reasons.problem, reasons.plan
    limit = LIMITS[reasons.limit[line]]
    order = int(problem.lines.order[line])
    if limit == "none":
        return ""
    if limit == "cap":
        return f"; no more fits its cap of {problem.lines.most_units[line]:,}"
    if limit == "moq":
        return f"; the least order is {problem.lines.moq_units[line]:,}"
    if not reasons.tells_refusals:
        return ""
    missing = int(plan.wanted_units[line] - plan.units[line])
    cost = _money(round(int(plan.refused_mc[line]) / MC_PER_CENT), reasons.currency)
    if limit == "order" and plan.order_value_cents[order] == 0:
        why = f"{problem.orders.name[order]} is not worth placing tonight"
    elif limit == "storage":
        why = f"storage at {problem.sites.name[int(problem.orders.site[order])]} is short"
    elif limit == "budget":
        why = "the budget is short"
    else:
        why = f"they do not pay within {problem.orders.name[order]} (freight, trucks, shared limits)"
    return f"; {missing:,} more refused as {why}, which costs {cost}"


def shadow_prices(problem: ReorderProblem, plan: PurchasePlan, *, step_cents: int = 100_000) -> list[str]:
    """What more budget or storage would be worth tonight, in sentences; only what binds.

    Parameters
    ----------
    problem, plan
        As in `explain_plan`.
    step_cents : int
        How much more budget to speak of.
    """
    said = []
    if plan.budget_price > 0 and problem.budget_cents < NO_LIMIT:
        worth = _money(round(plan.budget_price * step_cents))
        said.append(f"another {_money(step_cents)} of budget tonight is worth {worth} of expected cost")
    for site in np.flatnonzero(plan.storage_price_cents_per_dm3 > 0).tolist():
        worth = _money(round(plan.storage_price_cents_per_dm3[site] * 1000))
        said.append(f"another cubic metre of storage at {problem.sites.name[site]} is worth {worth} of expected cost")
    return said


def _money(cents: int, currency: str = "") -> str:
    amount = f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"
    return f"{currency} {amount}".strip()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _freight(cents: int, currency: str) -> str:
    return f"freight {_money(cents, currency)}" if cents else "free freight"
