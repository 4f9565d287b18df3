"""What a night leaves for a person to decide, dearest first.

Owns which matters are worth a buyer's morning and how they are worded. Each is read off the plan and the inputs; none
changes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.analysis.units import format_value
from omsim.experiments.play_forward import tomorrow
from omsim.optimize.reorder.cell_terms import DAYS_PER_YEAR, may_order

if TYPE_CHECKING:
    from omsim.nightly.night import Columns
    from omsim.nightly.refusals import Refusals
    from omsim.nightly.snapshot import Snapshot
    from omsim.nightly.trial import Trial
    from omsim.optimize.reorder.night import TonightsPlan
    from omsim.optimize.reorder.outlook import Outlook, Position

MOST_OF_A_KIND = 5
FAR_AHEAD_DAYS = 180
OVERSTOCK_DAYS = 120  # beyond the order-up-to level, of mean demand
LEAST_CENTS, LEAST_SHARE = 100, 1e-4  # a matter worth less, or less than that of the goods, is left out
BUDGET_STEP_CENTS = 100_000
DM3_PER_M3 = 1000
QUESTIONS = {
    "budget": "Raise the budget?",
    "storage": "Clear space?",
    "most trucks a night": "Ask for another truck?",
    "a further truck": "Can it ride with another delivery?",
    "minimum of the order": "Talk to the supplier, or wait for the next order?",
    "cost of sending an order": "Wait for the next order?",
    "most days of cover": "Is the limit of cover still right?",
}


class Decision(NamedTuple):
    """One matter: what it is about, what it is worth, and the question."""

    subject: str
    amount_cents: int
    text: str


def decisions(
    snapshot: Snapshot,
    outlook: Outlook,
    position: Position,
    night: TonightsPlan,
    trial: Trial | None,
    refused: Refusals,
) -> Columns:
    """The `decisions` table of a night."""
    found = [
        *_money(snapshot, night),
        *_room(snapshot, night),
        *_refused(refused, snapshot.business.settings.currency),
        *_cannot_order(snapshot, outlook, position),
        *_far_ahead(snapshot, outlook, position, night),
        *_overstock(outlook, position, snapshot.business.settings.currency),
        *_untried(trial, outlook),
    ]
    least = max(LEAST_CENTS, LEAST_SHARE * int(night.plan.spent_cents))
    worth = sorted(
        (one for one in found if one.amount_cents >= least), key=lambda one: (-one.amount_cents, one.subject)
    )
    return {
        "subject": [one.subject for one in worth],
        "amount_cents": [one.amount_cents for one in worth],
        "text": [one.text for one in worth],
    }


def _money(snapshot: Snapshot, night: TonightsPlan) -> list[Decision]:
    price = night.plan.budget_price
    if price <= 0:
        return []
    currency = snapshot.business.settings.currency
    worth = round(price * BUDGET_STEP_CENTS)
    limit, step, saved = (
        format_value(cents, "cents", currency) for cents in (night.problem.budget_cents, BUDGET_STEP_CENTS, worth)
    )
    text = f"The budget of {limit} holds orders back: another {step} tonight would save about {saved} of expected cost."
    return [Decision("Budget", worth, f"{text} Raise it?")]


def _room(snapshot: Snapshot, night: TonightsPlan) -> list[Decision]:
    currency = snapshot.business.settings.currency
    found = []
    prices = night.plan.storage_price_cents_per_dm3.tolist()
    for site, price in zip(night.problem.sites.name, prices, strict=True):
        if price > 0:
            worth = round(price * DM3_PER_M3)
            saved = format_value(worth, "cents", currency)
            text = (
                f"{site} is full: another cubic metre of storage would save about {saved}. Clear space, or move stock?"
            )
            found.append(Decision(f"Room at {site}", worth, text))
    return found


def _refused(refused: Refusals, currency: str) -> list[Decision]:
    """The dearest wishes refused, one a rule and supplier."""
    table = refused.columns
    found: dict[tuple[str, str], list[int]] = {}  # cost, lines, discount not reached
    for rule, supplier, cost, discount in zip(
        table["rule"], table["supplier"], table["cost_cents"], refused.discount_cents, strict=True
    ):
        told = found.setdefault((rule, supplier), [0, 0, 0])
        told[0] += cost
        told[1] += 1
        told[2] += max(discount, 0)
    worst = sorted(found, key=lambda key: (-found[key][0], key))[:MOST_OF_A_KIND]
    decided = []
    for rule, supplier in worst:
        cost, n_lines, discount = found[rule, supplier]
        lines = f"1 line of {supplier} gets" if n_lines == 1 else f"{n_lines:,} lines of {supplier} get"
        text = f"{lines} less than would be best alone. Going without tonight is expected to cost this much"
        if discount:
            text += f"; discounts of {format_value(discount, 'cents', currency)} are not reached"
        question = QUESTIONS.get(rule, "Is that what you want?")
        decided.append(Decision(f"{supplier}: {rule}", cost, f"{text}. {question}"))
    return decided


def _cannot_order(snapshot: Snapshot, outlook: Outlook, position: Position) -> list[Decision]:
    """Cells that need stock while their supplier takes no order."""
    terms = outlook.terms
    needs = (position.units <= outlook.reorder_point) & ~may_order(terms, tomorrow(snapshot.as_of))
    needs &= position.on_hand_units - position.backordered_units <= 0
    worth = np.rint(outlook.shortage_cents / terms.review_days * outlook.mean_units_per_day).astype(np.int64)
    suppliers = snapshot.business["suppliers"].texts("supplier")
    found = []
    for supplier in np.unique(terms.supplier[needs]).tolist():
        of_it = needs & (terms.supplier == supplier)
        found.append(
            Decision(
                f"{suppliers[supplier]} closed",
                int(worth[of_it].sum()),
                f"{suppliers[supplier]} takes no orders on {tomorrow(snapshot.as_of):%A}, and {int(of_it.sum()):,} "
                "lines of it are out of stock; each day without an order costs this much. Order by telephone?",
            )
        )
    return found


def _far_ahead(snapshot: Snapshot, outlook: Outlook, position: Position, night: TonightsPlan) -> list[Decision]:
    """Orders that last for long: right on average where demand is rare and large, and much money in few guesses."""
    mean, units = outlook.mean_units_per_day, night.plan.units
    far = (units > 0) & (position.units + units > FAR_AHEAD_DAYS * mean)
    if not far.any():
        return []
    value = units * night.plan.price_cents
    worst = int(np.argmax(np.where(far, value, 0)))
    name = night.problem.lines.name[worst]
    worth = format_value(int(value[worst]), "cents", snapshot.business.settings.currency)
    n = int(far.sum())
    return [
        Decision(
            "Bought far ahead",
            int(value[far].sum()),
            f"Goods worth this much, on {'1 line' if n == 1 else f'{n:,} lines'}, bring cover to more than "
            f"{FAR_AHEAD_DAYS} days of mean demand, {name} alone for {worth}: a few large orders of the past may come "
            "again, or a discount pays. A limit of cover (max_cover_days) rules it out. Do you want them?",
        )
    ]


def _overstock(outlook: Outlook, position: Position, currency: str) -> list[Decision]:
    """What lies far above what the policies ask for."""
    terms = outlook.terms
    excess = position.units - np.maximum(outlook.order_up_to, 0)
    days = np.full(terms.n_items, np.inf)
    sold = outlook.mean_units_per_day > 0
    days[sold] = excess[sold] / outlook.mean_units_per_day[sold]
    over = (excess > 0) & (days > OVERSTOCK_DAYS)
    value = np.where(over, excess, 0) * terms.unit_cost_cents
    yearly = int(round(float((np.where(over, excess, 0) * terms.holding_cents).sum()) * DAYS_PER_YEAR))
    if not over.any():
        return []
    worth = format_value(int(value.sum()), "cents", currency)
    n = int(over.sum())
    lines = "1 SKU at a site holds" if n == 1 else f"{n:,} SKUs at sites hold"
    return [
        Decision(
            "Overstock",
            yearly,
            f"{lines} more than {OVERSTOCK_DAYS} days of demand above the order-up-to level, worth {worth} at cost; "
            "keeping that costs this much a year. Clear it?",
        )
    ]


def _untried(trial: Trial | None, outlook: Outlook) -> list[Decision]:
    """Changes of level that lost in the trial: nothing to do, unless somebody knows better."""
    if trial is None or not trial.refused.any():
        return []
    lost = np.where(trial.refused, -trial.gain_cents, 0.0)
    worst = int(np.argmax(lost))
    sku = outlook.terms.business["skus"].texts("sku")[int(outlook.terms.sku[worst])]
    n = int(trial.refused.sum())
    changes = (
        "1 new level did not win when played forward and was"
        if n == 1
        else (f"{n:,} new levels did not win when played forward and were")
    )
    return [
        Decision(
            "Levels left as they were",
            round(float(lost[worst])),
            f"{changes} not taken over; the worst, of {sku}, would have cost this much in {trial.played.n_days} days. "
            "Nothing to do, unless you know of demand to come that the history does not show.",
        )
    ]
