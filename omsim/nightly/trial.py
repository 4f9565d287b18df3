"""The trial of a night's changes: tonight's plan and its policies against yesterday's, on the same futures.

Owns what each side orders and which changes win. Playing is `omsim.experiments.play_forward`'s.

SKUs are judged whole, over all their sites, since sites serve each other's customers: what each cost with
yesterday's policies less what it cost with the new ones, on each future. A change whose mean gain is not above zero is
refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.analysis.stats import half_widths, paired_difference
from omsim.experiments.play_forward import Arm, Played, horizon_days, play_forward, tomorrow
from omsim.model.business import Table
from omsim.optimize.reorder.cell_terms import CellTerms, may_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.model.business import Business, Column
    from omsim.nightly.snapshot import Snapshot
    from omsim.optimize.reorder.night import TonightsPlan
    from omsim.optimize.reorder.outlook import Outlook, Position

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How the night's changes did against yesterday's policies.

    Attributes
    ----------
    played : Played
        Of the plan that is proposed; of all changes, until those that lost are taken out.
    changed, refused : bool, shape (n_items,)
        Policies that differ from yesterday's, and those of them that did not win.
    gain_cents, half_width_cents : float64, shape (n_items,)
        Cost yesterday's policies had beyond the new ones', over the item's SKU and all days played: mean over futures
        and half of its 95 % interval (NaN with one future).
    """

    played: Played
    changed: Flags
    refused: Flags
    gain_cents: Floats
    half_width_cents: Floats

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        outlook: Outlook,
        position: Position,
        night: TonightsPlan,
        *,
        shortage_cents: Floats,
        seed: int,
        replications: int,
        jobs: int,
    ) -> Trial:
        """Play both sides forward; `shortage_cents` is of a unit owed at the end of a review period, by item."""
        terms = outlook.terms
        n_cells = len(snapshot.business["stock"])

        def by_cell(values: NDArray[Any]) -> NDArray[Any]:
            column = np.zeros(n_cells, dtype=values.dtype)
            column[terms.row] = values
            return column

        due = np.array([day.toordinal() for day in due_dates(terms, tomorrow(snapshot.as_of))], dtype=np.int64)
        planned = np.zeros(n_cells, dtype=np.bool_)
        planned[terms.row] = True
        old_top = np.maximum(terms.old_order_up_to, terms.old_reorder_point + 1)
        played = play_forward(
            _opened(snapshot),
            Arm(
                reorder_point_units=by_cell(terms.old_reorder_point),
                order_up_to_units=by_cell(np.where(has_policy(terms), old_top, -1)),
                tonight_units=by_cell(yesterdays_order(terms, position, tomorrow(snapshot.as_of))),
            ),
            Arm(
                reorder_point_units=by_cell(outlook.reorder_point),
                order_up_to_units=by_cell(outlook.order_up_to),
                tonight_units=by_cell(night.plan.units),
            ),
            planned=planned,
            due=by_cell(due),
            shortage_cents=by_cell(shortage_cents / terms.review_days),
            units_per_day=by_cell(outlook.mean_units_per_day),
            n_days=horizon_days(terms.mean_wait_days(), terms.review_days),
            seed=seed,
            replications=replications,
            jobs=jobs,
        )
        mean, half_width, _ = half_widths(played.gain_cents)
        changed = (outlook.reorder_point != terms.old_reorder_point) | (outlook.order_up_to != old_top)
        return cls(
            played=played,
            changed=changed,
            refused=changed & (mean[terms.sku] <= 0) & has_policy(terms),
            gain_cents=mean[terms.sku],
            half_width_cents=half_width[terms.sku],
        )


def why_not_playable(snapshot: Snapshot, terms: CellTerms) -> str:
    """Why there is no future to play on, in words; empty where there is one.

    Futures are drawn of the model's demand, or are its past orders; a history of units by day says nothing of the
    customers they went to.
    """
    business = snapshot.business
    if len(business["demand"]):
        return ""
    n_days = horizon_days(terms.mean_wait_days(), terms.review_days)
    first = min((text[:10] for text in business["orders"].texts("ordered_at")), default="")
    if first and date.fromisoformat(first).toordinal() <= tomorrow(snapshot.as_of).toordinal() - n_days:
        return ""
    return f"the model has neither demand of its own nor orders of the last {n_days} days to play"


def has_policy(terms: CellTerms) -> Flags:
    """Items that had a policy yesterday; bool, shape (n_items,)."""
    return np.asarray(terms.old_order_up_to > 0)


def yesterdays_order(terms: CellTerms, position: Position, tonight: date) -> Units:
    """What yesterday's (s, S) would order tonight, packs and smallest orders respected; int64, shape (n_items,)."""
    units = terms.policy_units(position.units, terms.old_reorder_point, terms.old_order_up_to)
    return np.asarray(np.where(has_policy(terms) & may_order(terms, tonight), units, 0))


def due_dates(terms: CellTerms, tonight: date) -> list[date]:
    """Day on which tonight's order of each item comes, by its mean lead time."""
    days = np.maximum(np.rint(terms.mean_wait_days()), 1).astype(np.int64)
    return [date.fromordinal(tonight.toordinal() + int(wait)) for wait in days.tolist()]


def _opened(snapshot: Snapshot) -> Business:
    """The business of the trial: what is owed leaves the shelves and the next receipts first."""
    business = snapshot.business
    owed = snapshot.backordered_units.copy()
    on_hand = snapshot.on_hand_units.copy()
    taken = np.minimum(owed, on_hand)
    owed, on_hand = owed - taken, on_hand - taken
    stock = Table(name="stock", columns={**business["stock"].columns, "on_hand_units": on_hand})
    return replace(business, tables={**business.tables, "stock": stock, "purchase_orders": _less_owed(business, owed)})


def _less_owed(business: Business, owed: Units) -> Table:
    """Open purchase orders without the units customers already wait for, earliest first."""
    orders = business["purchase_orders"]
    if not len(orders) or not owed.any():
        return orders
    n_skus = len(business["skus"])
    cell = {
        key: row
        for row, key in enumerate((business.codes("stock", "site") * n_skus + business.codes("stock", "sku")).tolist())
    }
    keys = (business.codes("purchase_orders", "site") * n_skus + business.codes("purchase_orders", "sku")).tolist()
    units = orders.integers("units").copy()
    owed = owed.copy()
    for row in np.argsort(orders.integers("due_date"), kind="stable").tolist():
        at = cell.get(keys[row], -1)
        if at >= 0 and owed[at] > 0:
            taken = min(int(owed[at]), int(units[row]))
            units[row] -= taken
            owed[at] -= taken
    kept = np.flatnonzero(units > 0)
    columns: dict[str, Column] = {}
    for name, values in orders.columns.items():
        whole = units if name == "units" else values
        columns[name] = tuple(whole[row] for row in kept.tolist()) if isinstance(whole, tuple) else whole[kept]
    return Table(name="purchase_orders", columns=columns)


def paired(played: Played) -> dict[str, dict[str, float | None]]:
    """Each KPI in force, new, and the 95 % interval of the paired difference; None where there is none."""
    found = {}
    for name, values in played.kpis.items():
        difference = paired_difference(values[:, 0], values[:, 1])
        found[name] = {
            "in_force": _known(difference.baseline.mean),
            "new": _known(difference.variant.mean),
            "difference": _known(difference.difference.mean),
            "low": _known(difference.difference.low),
            "high": _known(difference.difference.high),
        }
    return found


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
