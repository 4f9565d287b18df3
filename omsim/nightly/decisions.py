"""What a night leaves for a person to decide, dearest first.

Owns which matters are worth a buyer's morning and how they are worded. Each is read off the plan and the inputs; none
changes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.experiments.play_forward import tomorrow
from omsim.optimize.reorder.cell_terms import DAYS_PER_YEAR, may_order

if TYPE_CHECKING:
    from omsim.nightly.night import Columns
    from omsim.nightly.snapshot import Snapshot
    from omsim.nightly.trial import Trial
    from omsim.optimize.reorder.night import Outlook, Position, TonightsPlan

MOST_OF_A_KIND = 5
OVERSTOCK_DAYS = 120  # beyond the order-up-to level, of mean demand
LEAST_CENTS = 100  # a matter worth less is left out
BUDGET_STEP_CENTS = 100_000
QUESTIONS = {
    "budget": "Raise the budget?",
    "storage": "Clear space?",
    "minimum, trucks or freight of the order": "Talk to the supplier, or order with the next review?",
    "most days of cover allowed": "Is the limit of cover still right?",
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
    refusals: Columns,
) -> Columns:
    """The `decisions` table of a night."""
    found = [
        *_money(snapshot, night),
        *_room(snapshot, night),
        *_refused(refusals),
        *_cannot_order(snapshot, outlook, position),
        *_overstock(outlook, position),
        *_untried(trial),
    ]
    worth = sorted(
        (one for one in found if one.amount_cents >= LEAST_CENTS), key=lambda one: (-one.amount_cents, one.subject)
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
    worth = round(price * BUDGET_STEP_CENTS)
    currency = snapshot.business.settings.currency
    return [
        Decision(
            "Budget",
            worth,
            f"The budget of {night.problem.budget_cents / 100:,.0f} {currency} holds orders back: another 1,000 "
            f"tonight would save about {worth / 100:,.0f} of expected cost. Raise it?",
        )
    ]


def _room(snapshot: Snapshot, night: TonightsPlan) -> list[Decision]:
    found = []
    prices = night.plan.storage_price_cents_per_dm3.tolist()
    for site, price in zip(night.problem.sites.name, prices, strict=True):
        if price > 0:
            worth = round(price * 1000)
            found.append(
                Decision(
                    f"Room at {site}",
                    worth,
                    f"{site} is full: another cubic metre of storage would save about {worth / 100:,.0f} "
                    f"{snapshot.business.settings.currency}. Clear space, or move stock?",
                )
            )
    return found


def _refused(refusals: Columns) -> list[Decision]:
    """The dearest wishes refused, one a rule and supplier."""
    total: dict[tuple[str, str], int] = {}
    lines: dict[tuple[str, str], int] = {}
    for rule, supplier, cost in zip(refusals["rule"], refusals["supplier"], refusals["cost_cents"], strict=True):
        key = (rule, supplier)
        total[key] = total.get(key, 0) + cost
        lines[key] = lines.get(key, 0) + 1
    worst = sorted(total, key=lambda key: (-total[key], key))[:MOST_OF_A_KIND]
    return [
        Decision(
            f"{supplier}: {rule}",
            total[rule, supplier],
            f"{lines[rule, supplier]:,} articles of {supplier} get less than they would take alone ({rule}); doing "
            f"without costs about {total[rule, supplier] / 100:,.0f} over four weeks. "
            + QUESTIONS.get(rule, "Is that what you want?"),
        )
        for rule, supplier in worst
    ]


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
                "articles of it are out of stock; each day without an order costs this much. Order by telephone?",
            )
        )
    return found


def _overstock(outlook: Outlook, position: Position) -> list[Decision]:
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
    return [
        Decision(
            "Overstock",
            yearly,
            f"{int(over.sum()):,} articles hold more than {OVERSTOCK_DAYS} days of demand above their order-up-to "
            f"level, worth {int(value.sum()) / 100:,.0f} at cost; keeping it costs this much a year. Clear it?",
        )
    ]


def _untried(trial: Trial | None) -> list[Decision]:
    """Large changes that lost in the trial."""
    if trial is None or not trial.refused.any():
        return []
    lost = np.where(trial.refused, -trial.gain_cents, 0.0)
    return [
        Decision(
            "Refused changes",
            round(float(lost.max())),
            f"{int(trial.refused.sum()):,} changes of policy did not win when played forward, and those articles keep "
            "yesterday's policies; the dearest change would have cost this much. Do you know of demand to come that "
            "the history does not show?",
        )
    ]
