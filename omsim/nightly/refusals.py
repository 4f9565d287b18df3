"""What single lines would have got but for a rule: which rule it was, what it costs, and the discount given up.

Owns the buyer's words for what ties lines together. That a line got less than it wants, and what that costs, is the
plan's own finding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.analysis.units import format_value
from omsim.optimize.reorder.problem import MC_PER_CENT, MM3_PER_DM3, option_row
from omsim.optimize.reorder.reasons import LIMITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.nightly.night import Columns
    from omsim.optimize.reorder.cell_terms import CellTerms
    from omsim.optimize.reorder.night import TonightsPlan
    from omsim.optimize.reorder.reasons import PlanReasons

    Units = NDArray[np.int64]

LEAST_REFUSAL_CENTS = 100  # a wish whose refusal costs less is none

RULES = {
    "none": "the order as a whole",
    "cap": "most days of cover",
    "budget": "budget",
    "storage": "storage",
    "order": "the order as a whole",
    "moq": "smallest order",
    "minimum": "minimum of the order",
    "sending": "cost of sending an order",
    "trucks": "most trucks a night",
    "truck": "a further truck",
}
"""Rules as the buyer reads them; the first six are `reasons.LIMITS`, the others say more of "order"."""


class Refusals(NamedTuple):
    """The `refusals` table, dearest first; by row the discount not reached in cents, the item and the rule's reason."""

    columns: Columns
    discount_cents: list[int]
    items: list[int]
    because: list[str]

    def told(self) -> dict[int, str]:
        """By item, what a line that got something is told to have missed."""
        table = self.columns
        rows = zip(self.items, table["wanted_units"], table["given_units"], self.because, strict=True)
        return {
            item: f" Alone, {wanted:,} would be best, but {because}." for item, wanted, given, because in rows if given
        }


def refusals(terms: CellTerms, night: TonightsPlan, reasons: PlanReasons) -> Refusals:
    """Wishes of single lines that the rules tying lines together did not grant.

    The cost is of going without until the next chance to order. Space in tonight's trucks is no part of it, as the
    goods need that space whenever they come.
    """
    plan, problem, business = night.plan, night.problem, terms.business
    missing = plan.wanted_units - plan.units
    cost = np.rint(plan.refused_mc / MC_PER_CENT - terms.truck_cents * missing).astype(np.int64)
    refused = np.flatnonzero((missing > 0) & (cost >= LEAST_REFUSAL_CENTS))
    lines = refused[np.argsort(-cost[refused], kind="stable")]
    sites, skus = business["sites"].texts("site"), business["skus"].texts("sku")
    suppliers = business["suppliers"].texts("supplier")
    price = problem.option_price_cents
    saved = (problem.lines.unit_cost_cents[problem.options.line] - price) * problem.options.units
    discount = (saved[option_row(problem, plan.wanted_units)] - saved[option_row(problem, plan.units)])[lines]
    low, position = problem.lines.reorder_point_units, problem.lines.position_units
    rules = [_rule(night, line, LIMITS[code]) for line, code in zip(lines.tolist(), reasons.limit[lines], strict=True)]
    because = [
        _because(terms, night, line, rule, missed)
        for line, rule, missed in zip(lines.tolist(), rules, discount.tolist(), strict=True)
    ]
    return Refusals(
        columns={
            "site": [sites[row] for row in terms.site[lines].tolist()],
            "sku": [skus[row] for row in terms.sku[lines].tolist()],
            "supplier": [suppliers[row] for row in terms.supplier[lines].tolist()],
            "wanted_units": plan.wanted_units[lines].tolist(),
            "given_units": plan.units[lines].tolist(),
            "rule": [RULES[rule] for rule in rules],
            "cost_cents": cost[lines].tolist(),
            "reason": [
                f"{why}; {position[line]:,} in stock or on the way, the reorder point is {low[line]:,}"
                for line, why in zip(lines.tolist(), because, strict=True)
            ],
        },
        discount_cents=discount.tolist(),
        items=lines.tolist(),
        because=because,
    )


def _rule(night: TonightsPlan, line: int, limit: str) -> str:
    """Which rule of the order it was, where the plan says no more than that it was the order."""
    if limit not in ("order", "none"):
        return limit
    plan, lines, orders = night.plan, night.problem.lines, night.problem.orders
    order = int(lines.order[line])
    if not plan.order_value_cents[order]:
        return "minimum" if orders.minimum_cents[order] or orders.minimum_g[order] else "sending"
    trucks = int(plan.order_trucks[order])
    missing = int(plan.wanted_units[line] - plan.units[line])
    left_g = trucks * int(orders.truck_g[order]) - int(plan.order_weight_g[order])
    left_mm3 = trucks * int(orders.truck_dm3[order]) * MM3_PER_DM3 - int(plan.order_volume_mm3[order])
    too_heavy = bool(orders.truck_g[order]) and missing * int(lines.weight_g[line]) > left_g
    too_large = bool(orders.truck_dm3[order]) and missing * int(lines.volume_mm3[line]) > left_mm3
    if trucks and (too_heavy or too_large):
        return "trucks" if trucks == orders.most_trucks[order] else "truck"
    return limit


def _because(terms: CellTerms, night: TonightsPlan, line: int, rule: str, discount_cents: int) -> str:
    plan, lines, orders, business = night.plan, night.problem.lines, night.problem.orders, terms.business
    order = int(lines.order[line])
    supplier = business["suppliers"].texts("supplier")[int(terms.supplier[line])]
    site = business["sites"].texts("site")[int(terms.site[line])]

    def money(cents: int) -> str:
        return format_value(cents, "cents", business.settings.currency)

    trucks = int(plan.order_trucks[order])
    because = {
        "cap": f"no more than {int(lines.most_units[line]):,} may be stocked",
        "budget": "the budget buys more elsewhere",
        "storage": f"room at {site} is short and saves more with other goods",
        "moq": f"the smallest order is {int(lines.moq_units[line]):,}",
        "minimum": f"what {site} needs of {supplier} is not worth an order of its minimum"
        + (f" of {money(int(orders.minimum_cents[order]))}" if orders.minimum_cents[order] else ""),
        "sending": f"what {site} needs of {supplier} is not worth the cost of an order",
        "trucks": f"{'the one truck' if trucks == 1 else f'the {trucks} trucks'} that {supplier} may send to {site} "
        f"{'is' if trucks == 1 else 'are'} filled with what saves more",
        "truck": f"a further truck to {site} would cost {money(int(orders.truck_cost_cents[order]))}",
    }.get(rule, f"they do not pay beside the other goods of {supplier} for {site}")
    return because + (f"; a discount of {money(discount_cents)} is not reached" if discount_cents > 0 else "")
